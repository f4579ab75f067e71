"""Whether a DataVolume may take over a claim that was there before it (reference cdi.md 4.5)."""

from __future__ import annotations

from solovirt.kinds.cdi import names
from solovirt.machinery.resource import Document

_TRUE, _FALSE = (
    frozenset({"1", "t", "T", "true", "TRUE", "True"}),
    frozenset({"0", "f", "F", "false", "FALSE", "False"}),
)
"""What Go's strconv.ParseBool takes."""


def is_allowed(data_volume: Document, config: Document | None) -> bool:
    """What the DataVolume's annotation says, if it says anything; else the feature gate in CDI's configuration."""
    said = (data_volume["metadata"].get("annotations") or {}).get(names.ALLOW_CLAIM_ADOPTION)
    if said in _TRUE or said in _FALSE:
        return said in _TRUE
    return names.CLAIM_ADOPTION_GATE in (((config or {}).get("spec") or {}).get("featureGates") or ())
