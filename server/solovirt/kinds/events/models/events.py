"""Event, as the newer of its two APIs calls its fields."""

from solovirt.kinds.core.models.events import EventSource
from solovirt.kinds.core.models.references import ObjectReference
from solovirt.machinery.schema.markers import ApiModel, CoreMicroTime, CoreTime, Int32
from solovirt.machinery.schema.meta import ObjectMeta


class EventSeries(ApiModel):
    schema_name = "io.k8s.api.events.v1.EventSeries"

    count: Int32
    last_observed_time: CoreMicroTime


class Event(ApiModel):
    """Something that happened to an object, or keeps happening. Events are forgotten after an hour."""

    schema_name = "io.k8s.api.events.v1.Event"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    action: str | None = None
    deprecated_count: Int32 | None = None
    deprecated_first_timestamp: CoreTime | None = None
    deprecated_last_timestamp: CoreTime | None = None
    deprecated_source: EventSource | None = None
    event_time: CoreMicroTime
    note: str | None = None
    reason: str | None = None
    regarding: ObjectReference | None = None
    related: ObjectReference | None = None
    reporting_controller: str | None = None
    reporting_instance: str | None = None
    series: EventSeries | None = None
    type: str | None = None
