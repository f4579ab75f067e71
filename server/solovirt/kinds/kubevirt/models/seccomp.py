"""Seccomp profiles."""

from solovirt.machinery.schema.markers import ApiModel


class CustomProfile(ApiModel):
    localhost_profile: str | None = None
    runtime_default_profile: bool | None = None


class VirtualMachineInstanceProfile(ApiModel):
    custom_profile: CustomProfile | None = None


class SeccompConfiguration(ApiModel):
    virtual_machine_instance_profile: VirtualMachineInstanceProfile | None = None
