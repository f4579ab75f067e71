"""
What a CustomResourceDefinition must be like.

Worded as Kubernetes' own validation words it (reference kubernetes-api.md 7, "CRD lifecycle"). Schemas are looked at by `schema_rules`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from solovirt.kinds.apiextensions import names, schema_rules
from solovirt.machinery import names as forms
from solovirt.machinery.errors import FieldError, duplicate, forbidden_field, invalid, not_supported, required, too_many
from solovirt.machinery.http.json_path import is_path
from solovirt.machinery.resource import Document

_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_MAX_SELECTABLE = 8
_IMMUTABLE = "field is immutable"


def validate(definition: Document) -> Sequence[FieldError]:
    """Everything wrong with a definition, new or changed."""
    spec, meta = definition["spec"], definition["metadata"]
    group, plural = spec.get("group", ""), spec["names"].get("plural", "")
    out: list[FieldError] = []
    if meta["name"] != f"{plural}.{group}":
        out.append(invalid("metadata.name", meta["name"], 'must be spec.names.plural+"."+spec.group'))
    if names.is_protected(group) and not (meta.get("annotations") or {}).get(names.APPROVED_ANNOTATION):
        out.append(
            required(
                f"metadata.annotations[{names.APPROVED_ANNOTATION}]",
                f'protected groups must have approval annotation "{names.APPROVED_ANNOTATION}", '
                "see https://github.com/kubernetes/enhancements/pull/1111",
            )
        )
    if not group:
        out.append(required("spec.group"))
    elif complaints := forms.subdomain(group):
        out.append(invalid("spec.group", group, ",".join(complaints)))
    elif "." not in group:
        out.append(invalid("spec.group", group, "should be a domain with at least one dot"))
    if not spec.get("scope"):
        out.append(required("spec.scope"))
    elif spec["scope"] not in ("Cluster", "Namespaced"):
        out.append(not_supported("spec.scope", spec["scope"], ["Cluster", "Namespaced"]))
    if spec.get("preserveUnknownFields"):
        out.append(
            invalid(
                "spec.preserveUnknownFields",
                True,
                "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
            )
        )
    out += _names(spec["names"])
    out += _versions(spec.get("versions") or [])
    out += _conversion(spec.get("conversion") or {})
    stored = (definition.get("status") or {}).get("storedVersions") or []
    known = {one.get("name") for one in spec.get("versions") or ()}
    for index, version in enumerate(stored):
        if version not in known:
            out.append(
                invalid(
                    f"status.storedVersions[{index}]",
                    version,
                    f"missing from spec.versions; {version} was previously a storage version, and must remain in spec.versions "
                    f"until a storage migration ensures no data remains persisted in {version} and removes {version} from "
                    "status.storedVersions",
                )
            )
    return out


def validate_update(definition: Document, old: Document) -> Sequence[FieldError]:
    """The same of a changed definition: what is established keeps its name, kind and scope."""
    out: list[FieldError] = []
    spec, before = definition["spec"], old["spec"]
    if spec.get("group") != before.get("group"):
        out.append(invalid("spec.group", spec.get("group"), _IMMUTABLE))
    if names.is_true(old, names.ESTABLISHED):
        if spec.get("scope") != before.get("scope"):
            out.append(invalid("spec.scope", spec.get("scope"), _IMMUTABLE))
        out += [
            invalid(f"spec.names.{name}", spec["names"].get(name), _IMMUTABLE)
            for name in ("kind", "plural")
            if spec["names"].get(name) != before["names"].get(name)
        ]
    if spec == before and definition.get("status") == old.get("status"):
        # What was accepted once stays accepted while it is unchanged.
        return out
    return [*out, *validate(definition)]


def _names(declared: Document) -> Iterator[FieldError]:
    if not declared.get("plural"):
        yield required("spec.names.plural")
    if not declared.get("kind"):
        yield required("spec.names.kind")
    for field in ("plural", "singular"):
        if (name := declared.get(field)) and (complaints := forms.label_1035(name)):
            yield invalid(f"spec.names.{field}", name, ",".join(complaints))
    for field in ("kind", "listKind"):
        if (name := declared.get(field)) and (complaints := forms.label_1035(name.lower())):
            detail = f"may have mixed case, but should otherwise match: {','.join(complaints)}"
            yield invalid(f"spec.names.{field}", name, detail)
    if declared.get("kind") and declared.get("kind") == declared.get("listKind"):
        yield invalid("spec.names.listKind", declared["listKind"], "kind and listKind may not be the same")
    for field in ("shortNames", "categories"):
        for index, name in enumerate(declared.get(field) or ()):
            if complaints := forms.label_1035(name):
                yield invalid(f"spec.names.{field}[{index}]", name, ",".join(complaints))


def _versions(versions: Sequence[Document]) -> Iterator[FieldError]:
    if len({one.get("name") for one in versions}) != len(versions):
        yield invalid("spec.versions", versions, "must contain unique version names")
    if sum(bool(one.get("storage")) for one in versions) != 1:
        yield invalid("spec.versions", versions, "must have exactly one version marked as storage version")
    for index, version in enumerate(versions):
        path = f"spec.versions[{index}]"
        if complaints := forms.label_1035(version.get("name", "")):
            yield invalid(f"{path}.name", version.get("name", ""), ",".join(complaints))
        yield from _deprecation(version, path)
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is None:
            yield required(f"{path}.schema.openAPIV3Schema", "schemas are required")
        else:
            yield from schema_rules.validate(schema, f"{path}.schema.openAPIV3Schema")
        for number, column in enumerate(version.get("additionalPrinterColumns") or ()):
            yield from _column(column, f"{path}.additionalPrinterColumns[{number}]")
        yield from _scale((version.get("subresources") or {}).get("scale"), f"{path}.subresources.scale")
        yield from _selectable(version.get("selectableFields") or (), schema or {}, f"{path}.selectableFields")


def _deprecation(version: Document, path: str) -> Iterator[FieldError]:
    warning = version.get("deprecationWarning")
    if warning is None:
        return
    if not version.get("deprecated"):
        yield invalid(f"{path}.deprecationWarning", warning, "can only be set for deprecated versions")
    if not warning:
        yield invalid(f"{path}.deprecationWarning", warning, "must be non-empty if set")
    elif len(warning.encode()) > 256:
        yield invalid(f"{path}.deprecationWarning", warning, "must be <= 256 characters long")


def _column(column: Document, path: str) -> Iterator[FieldError]:
    if not column.get("name"):
        yield required(f"{path}.name")
    if not column.get("type"):
        yield required(f"{path}.type", f"must be one of {','.join(_COLUMN_TYPES)}")
    elif column["type"] not in _COLUMN_TYPES:
        yield invalid(f"{path}.type", column["type"], f"must be one of {','.join(_COLUMN_TYPES)}")
    text = column.get("jsonPath")
    if not text:
        yield required(f"{path}.jsonPath")
    elif not text.startswith((".", "[")):
        yield invalid(f"{path}.jsonPath", text, "is an invalid path: does not start with '.'")
    elif not is_path(text):
        yield invalid(f"{path}.jsonPath", text, "is an invalid jsonpath")


def _scale(scale: Any, path: str) -> Iterator[FieldError]:
    if not isinstance(scale, dict):
        return
    for field, roots in (("specReplicasPath", (".spec.",)), ("statusReplicasPath", (".status.",))):
        text = scale.get(field) or ""
        if not text:
            yield required(f"{path}.{field}")
        elif complaint := _not_simple(text, roots):
            yield invalid(f"{path}.{field}", text, complaint)
    text = scale.get("labelSelectorPath")
    if text and (complaint := _not_simple(text, (".spec.", ".status."))):
        yield invalid(f"{path}.labelSelectorPath", text, complaint)


def _not_simple(text: str, roots: tuple[str, ...]) -> str:
    if "[" in text or not all(text.removeprefix(".").split(".")):
        return "should be a json path under " + " or ".join(root.rstrip(".") for root in roots)
    if not text.startswith(roots):
        return "should be a json path under " + " or ".join(root.rstrip(".") for root in roots)
    return ""


def _selectable(fields: Sequence[Document], schema: Document, path: str) -> Iterator[FieldError]:
    if len(fields) > _MAX_SELECTABLE:
        yield too_many(path, len(fields), _MAX_SELECTABLE)
    seen: set[str] = set()
    for index, one in enumerate(fields):
        where, text = f"{path}[{index}].jsonPath", one.get("jsonPath") or ""
        if not text:
            yield required(where)
        elif not text.startswith(".") or "[" in text:
            yield invalid(where, text, "is an invalid path: must be a simple path to a field")
        elif text.split(".")[1] in ("metadata", "apiVersion", "kind"):
            yield invalid(where, text, "is an invalid path: must not point to fields in metadata")
        elif (found := schema_rules.at(schema, text[1:].split("."))) is None:
            yield invalid(where, text, "is an invalid path: does not refer to a valid field")
        elif found.get("type") not in ("string", "boolean", "integer"):
            yield invalid(where, text, "is an invalid path: must point to a field of type string, boolean or integer")
        if text in seen:
            yield duplicate(where, text)
        seen.add(text)


def _conversion(conversion: Document) -> Iterator[FieldError]:
    strategy, webhook = conversion.get("strategy", "None"), conversion.get("webhook")
    if strategy not in ("None", "Webhook"):
        yield not_supported("spec.conversion.strategy", strategy, ["None", "Webhook"])
    if strategy == "None" and webhook:
        yield forbidden_field("spec.conversion.webhook", "should not be set when strategy is not set to Webhook")
    if strategy == "Webhook":
        if not (webhook or {}).get("clientConfig"):
            yield required("spec.conversion.webhook.clientConfig", "required when strategy is set to Webhook")
        if not (webhook or {}).get("conversionReviewVersions"):
            yield required("spec.conversion.webhook.conversionReviewVersions")
