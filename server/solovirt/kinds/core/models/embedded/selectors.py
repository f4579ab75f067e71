"""Label selectors."""

from typing import Annotated

from solovirt.machinery.schema.markers import ApiModel, ListAtomic


class LabelSelectorRequirement(ApiModel):
    key: str
    operator: str
    values: Annotated[list[str] | None, ListAtomic()] = None


class LabelSelector(ApiModel):
    atomic = True

    match_expressions: Annotated[list[LabelSelectorRequirement] | None, ListAtomic()] = None
    match_labels: dict[str, str] | None = None
