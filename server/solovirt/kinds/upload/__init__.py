"""The upload.cdi.kubevirt.io group: leave to upload into a claim."""

from solovirt.kinds.upload.resources import RESOURCES

__all__ = ["RESOURCES"]
