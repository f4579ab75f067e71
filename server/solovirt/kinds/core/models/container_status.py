"""What is reported of a pod's containers."""

from typing import Annotated, Literal

from pydantic import Field

from solovirt.kinds.core.models.requirements import ResourceRequirements
from solovirt.machinery.schema.markers import (
    ApiModel,
    CoreQuantity,
    CoreTime,
    Int32,
    Int64,
    ListAtomic,
    ListMap,
    PatchStrategy,
)


class ContainerExtendedResourceRequest(ApiModel):
    schema_name = "io.k8s.api.core.v1.ContainerExtendedResourceRequest"

    container_name: str
    request_name: str
    resource_name: str


class ContainerStateRunning(ApiModel):
    schema_name = "io.k8s.api.core.v1.ContainerStateRunning"

    started_at: CoreTime | None = None


class ContainerStateTerminated(ApiModel):
    schema_name = "io.k8s.api.core.v1.ContainerStateTerminated"

    exit_code: Int32
    container_id: str | None = Field(None, alias="containerID")
    finished_at: CoreTime | None = None
    message: str | None = None
    reason: str | None = None
    signal: Int32 | None = None
    started_at: CoreTime | None = None


class ContainerStateWaiting(ApiModel):
    schema_name = "io.k8s.api.core.v1.ContainerStateWaiting"

    message: str | None = None
    reason: str | None = None


class ContainerState(ApiModel):
    schema_name = "io.k8s.api.core.v1.ContainerState"

    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None
    waiting: ContainerStateWaiting | None = None


class LinuxContainerUser(ApiModel):
    schema_name = "io.k8s.api.core.v1.LinuxContainerUser"

    gid: Int64
    uid: Int64
    supplemental_groups: Annotated[list[Int64] | None, ListAtomic()] = None


class ContainerUser(ApiModel):
    schema_name = "io.k8s.api.core.v1.ContainerUser"

    linux: LinuxContainerUser | None = None


class ResourceHealth(ApiModel):
    schema_name = "io.k8s.api.core.v1.ResourceHealth"

    resource_id: str = Field(alias="resourceID")
    health: str | None = None
    message: str | None = None


class ResourceStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.ResourceStatus"

    name: str
    resources: Annotated[list[ResourceHealth] | None, ListMap("resourceID")] = None


class ImageVolumeStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.ImageVolumeStatus"

    image_ref: str


class VolumeStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.VolumeStatus"

    image: ImageVolumeStatus | None = None


class VolumeMountStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.VolumeMountStatus"

    mount_path: str
    name: str
    read_only: bool | None = None
    recursive_read_only: str | None = None
    volume_status: VolumeStatus | None = None


class ContainerStatus(ApiModel):
    schema_name = "io.k8s.api.core.v1.ContainerStatus"

    image: str
    image_id: str = Field(alias="imageID")
    name: str
    ready: bool
    restart_count: Int32
    allocated_resources: dict[str, CoreQuantity] | None = None
    allocated_resources_status: Annotated[
        list[ResourceStatus] | None, ListMap("name"), PatchStrategy("merge", "name")
    ] = None
    container_id: str | None = Field(None, alias="containerID")
    last_state: ContainerState | None = None
    resources: ResourceRequirements | None = None
    started: bool | None = None
    state: ContainerState | None = None
    stop_signal: (
        Literal[
            "SIGABRT",
            "SIGALRM",
            "SIGBUS",
            "SIGCHLD",
            "SIGCLD",
            "SIGCONT",
            "SIGFPE",
            "SIGHUP",
            "SIGILL",
            "SIGINT",
            "SIGIO",
            "SIGIOT",
            "SIGKILL",
            "SIGPIPE",
            "SIGPOLL",
            "SIGPROF",
            "SIGPWR",
            "SIGQUIT",
            "SIGRTMAX",
            "SIGRTMAX-1",
            "SIGRTMAX-10",
            "SIGRTMAX-11",
            "SIGRTMAX-12",
            "SIGRTMAX-13",
            "SIGRTMAX-14",
            "SIGRTMAX-2",
            "SIGRTMAX-3",
            "SIGRTMAX-4",
            "SIGRTMAX-5",
            "SIGRTMAX-6",
            "SIGRTMAX-7",
            "SIGRTMAX-8",
            "SIGRTMAX-9",
            "SIGRTMIN",
            "SIGRTMIN+1",
            "SIGRTMIN+10",
            "SIGRTMIN+11",
            "SIGRTMIN+12",
            "SIGRTMIN+13",
            "SIGRTMIN+14",
            "SIGRTMIN+15",
            "SIGRTMIN+2",
            "SIGRTMIN+3",
            "SIGRTMIN+4",
            "SIGRTMIN+5",
            "SIGRTMIN+6",
            "SIGRTMIN+7",
            "SIGRTMIN+8",
            "SIGRTMIN+9",
            "SIGSEGV",
            "SIGSTKFLT",
            "SIGSTOP",
            "SIGSYS",
            "SIGTERM",
            "SIGTRAP",
            "SIGTSTP",
            "SIGTTIN",
            "SIGTTOU",
            "SIGURG",
            "SIGUSR1",
            "SIGUSR2",
            "SIGVTALRM",
            "SIGWINCH",
            "SIGXCPU",
            "SIGXFSZ",
        ]
        | None
    ) = None
    user: ContainerUser | None = None
    volume_mounts: Annotated[
        list[VolumeMountStatus] | None, ListMap("mountPath"), PatchStrategy("merge", "mountPath")
    ] = None
