"""The autoscaling group."""

from solovirt.kinds.autoscaling.resources import RESOURCES

__all__ = ["RESOURCES"]
