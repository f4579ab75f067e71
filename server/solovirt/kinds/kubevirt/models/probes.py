"""How a guest is asked whether it is well."""

from solovirt.kinds.core.models.embedded.probes import ExecAction, HTTPGetAction, TCPSocketAction
from solovirt.machinery.schema.markers import ApiModel, Int32


class GuestAgentPing(ApiModel):
    pass


class Probe(ApiModel):
    exec: ExecAction | None = None
    failure_threshold: Int32 | None = None
    guest_agent_ping: GuestAgentPing | None = None
    http_get: HTTPGetAction | None = None
    initial_delay_seconds: Int32 | None = None
    period_seconds: Int32 | None = None
    success_threshold: Int32 | None = None
    tcp_socket: TCPSocketAction | None = None
    timeout_seconds: Int32 | None = None
