"""Event."""

from solovirt.kinds.core.models.references import ObjectReference
from solovirt.machinery.schema.markers import ApiModel, CoreMicroTime, CoreTime, Int32
from solovirt.machinery.schema.meta import ObjectMeta


class EventSeries(ApiModel):
    schema_name = "io.k8s.api.core.v1.EventSeries"

    count: Int32 | None = None
    last_observed_time: CoreMicroTime | None = None


class EventSource(ApiModel):
    schema_name = "io.k8s.api.core.v1.EventSource"

    component: str | None = None
    host: str | None = None


class Event(ApiModel):
    """Something that happened to an object. Events are forgotten after an hour."""

    schema_name = "io.k8s.api.core.v1.Event"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta
    involved_object: ObjectReference
    action: str | None = None
    count: Int32 | None = None
    event_time: CoreMicroTime | None = None
    first_timestamp: CoreTime | None = None
    last_timestamp: CoreTime | None = None
    message: str | None = None
    reason: str | None = None
    related: ObjectReference | None = None
    reporting_component: str | None = None
    reporting_instance: str | None = None
    series: EventSeries | None = None
    source: EventSource | None = None
    type: str | None = None
