"""The control loop of DataVolumes: claims made as CDI makes them, and filled by an engine behind `solovirt.volumes.protocol`."""

from solovirt.controllers.data_volume.controller import DataVolumeController

__all__ = ["DataVolumeController"]
