"""
sev/…: the attestation of guests whose memory is encrypted (reference kubevirt-subresources.md 4).

The session is set up as KubeVirt does it; what has to be asked of the processor is refused, because no runtime has such guests yet.
"""

from __future__ import annotations

from collections.abc import Callable

from solovirt.kinds.kubevirt import names
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.errors import BadRequest, InternalError, StatusError
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.verbs.protocol import Answer, SubresourceRequest
from solovirt.subresources import options as bodies
from solovirt.subresources.guest_agent import plain
from solovirt.subresources.instances import (
    INSTANCES,
    Instances,
    conflict,
    has_condition,
    phase,
    refused_by_node,
)

_GATE = "WorkloadEncryptionSEV"
_UNABLE = "this runtime has no guests with encrypted memory"


def install(
    registry: Registry, instances: Instances, objects: Callable[[], Objects], cluster: Callable[[], Cluster]
) -> None:
    """Answer all four from now on; *objects* writes for virt-api."""
    attestation = _Attestation(instances, objects, cluster)
    registry.handle(INSTANCES, "sev/fetchcertchain", attestation.certificates)
    registry.handle(INSTANCES, "sev/querylaunchmeasurement", attestation.measurement)
    registry.handle(INSTANCES, "sev/setupsession", attestation.set_up)
    registry.handle(INSTANCES, "sev/injectlaunchsecret", attestation.inject)


class _Attestation:
    def __init__(self, instances: Instances, objects: Callable[[], Objects], cluster: Callable[[], Cluster]) -> None:
        self._instances = instances
        self._objects = objects
        self._cluster = cluster

    async def certificates(self, request: SubresourceRequest) -> Answer:
        self._require_gate()
        try:
            instance = self._instances.instance(request.target.key)
            if phase(instance) not in ("Scheduled", "Running"):
                raise conflict(instance, "VMI is not assigned to a node yet")
            _require_attestation(instance)
            raise refused_by_node(_UNABLE)
        except StatusError as error:
            return plain(error)

    async def measurement(self, request: SubresourceRequest) -> Answer:
        self._require_gate()
        try:
            self._check_launch(request)
            raise refused_by_node(_UNABLE)
        except StatusError as error:
            return plain(error)

    async def set_up(self, request: SubresourceRequest) -> Answer:
        """Raises BadRequest, NotFound, Conflict and InternalError."""
        self._require_gate()
        given = await bodies.body(request)
        if given is None:
            raise BadRequest("Request with no body: SEV session parameters are required")
        if not given.get("session"):
            raise BadRequest("Session blob is required")
        if not given.get("dhCert"):
            raise BadRequest("DH cert is required")
        instance = self._instances.instance(request.target.key)
        if phase(instance) != "Scheduled":
            raise conflict(instance, "VMI is not in Scheduled phase")
        before = _require_attestation(instance)
        if before.get("session") or before.get("dhCert"):
            raise conflict(instance, "Session already defined")
        after = {**before, "session": given["session"], "dhCert": given["dhCert"]}

        def edit(document: Document) -> None:
            document["spec"]["domain"]["launchSecurity"]["sev"] = after

        metadata = instance["metadata"]
        key = ObjectKey(metadata["namespace"], metadata["name"])
        try:
            await self._objects().edit(names.VIRTUAL_MACHINE_INSTANCES, key, edit)
        except StatusError as error:
            raise InternalError.of(error.message) from error
        return Answer(202)

    async def inject(self, request: SubresourceRequest) -> Answer:
        """Raises BadRequest, NotFound, Conflict and InternalError."""
        self._require_gate()
        if await bodies.body(request) is None:
            raise BadRequest("Request with no body: SEV secret parameters are required")
        self._check_launch(request)
        raise refused_by_node(_UNABLE)

    def _require_gate(self) -> None:
        if not self._cluster().has(_GATE):
            raise BadRequest(f"'{_GATE}' feature gate is not enabled")

    def _check_launch(self, request: SubresourceRequest) -> None:
        instance = self._instances.instance(request.target.key)
        if phase(instance) != "Running":
            raise conflict(instance, "VMI is not running")
        _require_attestation(instance)
        if not has_condition(instance, "Paused"):
            raise conflict(instance, "VMI is not paused")


def _require_attestation(instance: Document) -> Document:
    """What is said of SEV. Raises Conflict unless attestation is part of it."""
    sev: Document = (instance["spec"]["domain"].get("launchSecurity") or {}).get("sev") or {}
    if sev.get("attestation") is None:
        raise conflict(instance, "Attestation not requested for VMI")
    return sev
