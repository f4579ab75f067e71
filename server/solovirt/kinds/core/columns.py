"""What `kubectl get` prints of the core group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.machinery.resource import Column

NAME = Column("Name", json_path=".metadata.name", format="name", description="The object's name.")
AGE = Column(
    "Age", json_path=".metadata.creationTimestamp", description="How long ago the object was made.", type="date"
)

CONFIG_MAPS = (NAME, AGE)
ENDPOINTS = (NAME, AGE)
EVENTS = (NAME, AGE)
LIMIT_RANGES = (NAME, AGE)
NAMESPACES = (NAME, AGE)
NODES = (NAME, AGE)
PERSISTENT_VOLUME_CLAIMS = (NAME, AGE)
PERSISTENT_VOLUMES = (NAME, AGE)
PODS = (NAME, AGE)
POD_TEMPLATES = (NAME, AGE)
REPLICATION_CONTROLLERS = (NAME, AGE)
RESOURCE_QUOTAS = (NAME, AGE)
SECRETS = (NAME, AGE)
SERVICE_ACCOUNTS = (NAME, AGE)
SERVICES = (NAME, AGE)
