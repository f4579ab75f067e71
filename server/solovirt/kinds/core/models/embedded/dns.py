"""DNS settings of pods."""

from typing import Annotated

from solovirt.machinery.schema.markers import ApiModel, ListAtomic


class PodDNSConfigOption(ApiModel):
    name: str | None = None
    value: str | None = None


class PodDNSConfig(ApiModel):
    nameservers: Annotated[list[str] | None, ListAtomic()] = None
    options: Annotated[list[PodDNSConfigOption] | None, ListAtomic()] = None
    searches: Annotated[list[str] | None, ListAtomic()] = None
