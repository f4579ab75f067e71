"""How something is asked whether it is well."""

from typing import Annotated

from solovirt.machinery.schema.markers import ApiModel, IntOrString, ListAtomic


class ExecAction(ApiModel):
    command: Annotated[list[str] | None, ListAtomic()] = None


class HTTPHeader(ApiModel):
    name: str
    value: str


class HTTPGetAction(ApiModel):
    port: IntOrString
    host: str | None = None
    http_headers: Annotated[list[HTTPHeader] | None, ListAtomic()] = None
    path: str | None = None
    scheme: str | None = None


class TCPSocketAction(ApiModel):
    port: IntOrString
    host: str | None = None
