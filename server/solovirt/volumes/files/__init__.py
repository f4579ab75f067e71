"""
Volumes as files: each PersistentVolume is a directory below the data directory, and transfers move real bytes into it.

`engine.py` decides what runs and what it comes to; `directory.py` is what there is on disk; `sources.py` fetches, from servers (`download.py`,
`registry.py`) and other volumes (`clone.py`); `disk.py` makes a disk of what was fetched, with the help of `formats.py`, `images.py` and `archive.py`.
"""

from solovirt.volumes.files.engine import FileVolumes

__all__ = ["FileVolumes"]
