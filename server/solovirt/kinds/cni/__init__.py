"""The k8s.cni.cncf.io group: networks that instances can be attached to."""

from solovirt.kinds.cni.resources import RESOURCES

__all__ = ["RESOURCES"]
