"""
Where a Service is, for webhooks that are behind one.

There are no pods to send anything to. Only a Service that is another name of a host (`type: ExternalName`) leads anywhere; of the others it is told
what a cluster says of a Service whose pods have gone.
"""

from __future__ import annotations

from solovirt.kinds.core.names import SERVICES
from solovirt.machinery.http.outgoing import Resolve, WebhookUnreachable
from solovirt.machinery.resource import ObjectKey
from solovirt.machinery.store.protocol import Store


def resolver(store: Store) -> Resolve:
    """Finds Services among the objects in *store*."""

    def resolve(namespace: str, name: str, port: int) -> tuple[str, int]:
        record = store.now.get(SERVICES, ObjectKey(namespace, name))
        if record is None:
            raise WebhookUnreachable(f'service "{name}" not found')
        spec = record.document("v1", "Service").get("spec") or {}
        if spec.get("type") == "ExternalName" and spec.get("externalName"):
            return spec["externalName"], port
        if all(one.get("port") != port for one in spec.get("ports") or ()):
            raise WebhookUnreachable(f'no service port {port} found for service "{name}"')
        raise WebhookUnreachable(f'no endpoints available for service "{name}"')

    return resolve
