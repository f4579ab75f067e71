"""The authentication.k8s.io group, and what its tokens are made of."""

from solovirt.kinds.authentication.resources import RESOURCES

__all__ = ["RESOURCES"]
