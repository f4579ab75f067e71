"""
Solovirt: KubeVirt's API, solo.

One process serves the Kubernetes-style REST API of virtual machines, keeps the objects in SQL and reconciles them against a
pluggable hypervisor runtime. Importing this package imports nothing else; start from `solovirt.control_plane` to embed a
server, from `solovirt.testing` to use one in tests.
"""

__version__ = "0.1.0"
