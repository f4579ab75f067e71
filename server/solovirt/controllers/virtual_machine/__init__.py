"""The control loop of VirtualMachines: instances as the run strategy wants them, DataVolumes as the templates say, and an honest status."""

from solovirt.controllers.virtual_machine.controller import VirtualMachineController

__all__ = ["VirtualMachineController"]
