"""The policy group."""

from solovirt.kinds.policy.resources import RESOURCES

__all__ = ["RESOURCES"]
