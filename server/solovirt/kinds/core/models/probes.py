"""What a container is asked and told during its life."""

from typing import Annotated, Literal

from solovirt.machinery.schema.markers import ApiModel, CoreIntOrString, Int32, Int64, ListAtomic


class ExecAction(ApiModel):
    schema_name = "io.k8s.api.core.v1.ExecAction"

    command: Annotated[list[str] | None, ListAtomic()] = None


class GRPCAction(ApiModel):
    schema_name = "io.k8s.api.core.v1.GRPCAction"

    port: Int32
    service: str | None = None


class HTTPHeader(ApiModel):
    schema_name = "io.k8s.api.core.v1.HTTPHeader"

    name: str
    value: str


class HTTPGetAction(ApiModel):
    schema_name = "io.k8s.api.core.v1.HTTPGetAction"

    port: CoreIntOrString
    host: str | None = None
    http_headers: Annotated[list[HTTPHeader] | None, ListAtomic()] = None
    path: str | None = None
    scheme: Literal["HTTP", "HTTPS"] | None = None


class SleepAction(ApiModel):
    schema_name = "io.k8s.api.core.v1.SleepAction"

    seconds: Int64


class TCPSocketAction(ApiModel):
    schema_name = "io.k8s.api.core.v1.TCPSocketAction"

    port: CoreIntOrString
    host: str | None = None


class LifecycleHandler(ApiModel):
    schema_name = "io.k8s.api.core.v1.LifecycleHandler"

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    sleep: SleepAction | None = None
    tcp_socket: TCPSocketAction | None = None


class Lifecycle(ApiModel):
    schema_name = "io.k8s.api.core.v1.Lifecycle"

    post_start: LifecycleHandler | None = None
    pre_stop: LifecycleHandler | None = None
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


class Probe(ApiModel):
    schema_name = "io.k8s.api.core.v1.Probe"

    exec: ExecAction | None = None
    failure_threshold: Int32 | None = None
    grpc: GRPCAction | None = None
    http_get: HTTPGetAction | None = None
    initial_delay_seconds: Int32 | None = None
    period_seconds: Int32 | None = None
    success_threshold: Int32 | None = None
    tcp_socket: TCPSocketAction | None = None
    termination_grace_period_seconds: Int64 | None = None
    timeout_seconds: Int32 | None = None
