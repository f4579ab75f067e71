"""
The control loop of VirtualMachineInstances: a guest for each, on a node that has room, and an honest status.

`install` adds it to a manager with all it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from solovirt.controllers.metrics.transitions import PhaseTransitions
from solovirt.controllers.virtual_machine_instance.access_credentials import AccessCredentialsController
from solovirt.controllers.virtual_machine_instance.controller import VirtualMachineInstanceController
from solovirt.controllers.virtual_machine_instance.guest_events import GuestEvents
from solovirt.controllers.virtual_machine_instance.probes import Probes
from solovirt.kinds.kubevirt.cluster import STANDARD
from solovirt.machinery.control.manager import service_account
from solovirt.runtime.protocol import SupportsAgent

if TYPE_CHECKING:
    from solovirt.machinery.control.manager import Manager
    from solovirt.runtime.protocol import Runtime
    from solovirt.volumes.protocol import Volumes

__all__ = ["GuestEvents", "VirtualMachineInstanceController", "install"]


def install(
    manager: Manager,
    runtime: Runtime,
    *,
    launcher_pods: bool = True,
    volumes: Volumes | None = None,
    transitions: PhaseTransitions | None = None,
) -> VirtualMachineInstanceController:
    """
    Add the controller of instances and the stream of guests' events to *manager*.

    *volumes* keeps the guests' disks, *transitions* counts how long instances take from phase to phase.
    """
    name = VirtualMachineInstanceController.name
    tools = manager.tools(
        name, user=service_account(STANDARD.namespace, "kubevirt-controller"), field_manager="virt-controller"
    )
    handler = manager.tools(
        "virt-handler", user=service_account(STANDARD.namespace, "kubevirt-handler"), field_manager="virt-handler"
    )
    probes = Probes(runtime, manager.clock, kubelet=manager.tools("kubelet").recorder)
    controller = VirtualMachineInstanceController(
        tools,
        runtime,
        handler=handler.recorder,
        probes=probes,
        transitions=transitions or PhaseTransitions(),
        launcher_pods=launcher_pods,
        volumes=volumes,
    )
    probes.wake = lambda key: manager.enqueue(controller, key)
    manager.add(controller)
    manager.add_background(probes)
    if isinstance(runtime, SupportsAgent):
        manager.add(AccessCredentialsController(tools, runtime, handler=handler.recorder))
    manager.add_background(GuestEvents(tools.objects, runtime, lambda key: manager.enqueue(controller, key)))
    return controller
