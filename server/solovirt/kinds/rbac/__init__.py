"""The rbac.authorization.k8s.io group."""

from solovirt.kinds.rbac.resources import RESOURCES

__all__ = ["RESOURCES"]
