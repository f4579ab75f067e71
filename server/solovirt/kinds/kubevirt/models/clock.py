"""The guest's clock."""

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel


class ClockOffsetUTC(ApiModel):
    offset_seconds: int | None = None


class HPETTimer(ApiModel):
    present: bool | None = None
    tick_policy: str | None = None


class HypervTimer(ApiModel):
    present: bool | None = None


class KVMTimer(ApiModel):
    present: bool | None = None


class PITTimer(ApiModel):
    present: bool | None = None
    tick_policy: str | None = None


class RTCTimer(ApiModel):
    present: bool | None = None
    tick_policy: str | None = None
    track: str | None = None


class Timer(ApiModel):
    hpet: HPETTimer | None = None
    hyperv: HypervTimer | None = None
    kvm: KVMTimer | None = None
    pit: PITTimer | None = None
    rtc: RTCTimer | None = None


class Clock(ApiModel):
    """What the guest's clock shows at start, and what keeps it."""

    preserve_unknown = True

    timer: Timer | None = Field(None, description="Timers that keep it.")
    timezone: str | None = Field(None, description="It shows the time of this zone.")
    utc: ClockOffsetUTC | None = Field(None, description="It shows UTC, or an offset from it; so if nothing is said.")


class ClockOffset(ApiModel):
    timezone: str | None = None
    utc: ClockOffsetUTC | None = None
