"""SSH keys and passwords that are put into guests."""

from typing import Annotated

from solovirt.machinery.schema.markers import ApiModel, ListSet


class ConfigDriveSSHPublicKeyAccessCredentialPropagation(ApiModel):
    pass


class NoCloudSSHPublicKeyAccessCredentialPropagation(ApiModel):
    pass


class QemuGuestAgentSSHPublicKeyAccessCredentialPropagation(ApiModel):
    users: Annotated[list[str], ListSet()]


class SSHPublicKeyAccessCredentialPropagationMethod(ApiModel):
    config_drive: ConfigDriveSSHPublicKeyAccessCredentialPropagation | None = None
    no_cloud: NoCloudSSHPublicKeyAccessCredentialPropagation | None = None
    qemu_guest_agent: QemuGuestAgentSSHPublicKeyAccessCredentialPropagation | None = None


class AccessCredentialSecretSource(ApiModel):
    secret_name: str


class SSHPublicKeyAccessCredentialSource(ApiModel):
    secret: AccessCredentialSecretSource | None = None


class SSHPublicKeyAccessCredential(ApiModel):
    propagation_method: SSHPublicKeyAccessCredentialPropagationMethod
    source: SSHPublicKeyAccessCredentialSource


class QemuGuestAgentUserPasswordAccessCredentialPropagation(ApiModel):
    pass


class UserPasswordAccessCredentialPropagationMethod(ApiModel):
    qemu_guest_agent: QemuGuestAgentUserPasswordAccessCredentialPropagation | None = None


class UserPasswordAccessCredentialSource(ApiModel):
    secret: AccessCredentialSecretSource | None = None


class UserPasswordAccessCredential(ApiModel):
    propagation_method: UserPasswordAccessCredentialPropagationMethod
    source: UserPasswordAccessCredentialSource


class AccessCredential(ApiModel):
    ssh_public_key: SSHPublicKeyAccessCredential | None = None
    user_password: UserPasswordAccessCredential | None = None
