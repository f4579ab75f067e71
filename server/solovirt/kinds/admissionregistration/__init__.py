"""The admissionregistration.k8s.io group: webhooks that see writes before they are stored."""

from solovirt.kinds.admissionregistration.resources import RESOURCES

__all__ = ["RESOURCES"]
