"""
What a CustomResourceDefinition must be like, in the words and the order of Kubernetes' own validation
(k8s.io/apiextensions-apiserver, pkg/apis/apiextensions/validation). Schemas are looked at by `schema_rules`.

That validation sees a definition in an older form: what all versions have in common stands beside them (`spec.validation`, `spec.subresources`,
`spec.additionalPrinterColumns`, `spec.selectableFields`), and the webhook's parts right in `spec.conversion`. Its refusals name fields so, and so do these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from solovirt.kinds import webhook_rules
from solovirt.kinds.apiextensions import names, schema_rules
from solovirt.machinery import names as forms
from solovirt.machinery.errors import FieldError, duplicate, forbidden_field, invalid, not_supported, required, too_many
from solovirt.machinery.http.json_path import is_path
from solovirt.machinery.resource import Document

_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_MAX_SELECTABLE = 8
_IMMUTABLE = "field is immutable"
_COMMON = {
    "schema": "validation",
    "subresources": "subresources",
    "additionalPrinterColumns": "additionalPrinterColumns",
    "selectableFields": "selectableFields",
}
_FORMATS = frozenset(
    (
        *("bsonobjectid", "uri", "email", "hostname", "ipv4", "ipv6", "cidr", "mac", "uuid", "uuid3", "uuid4", "uuid5"),
        *(
            "isbn",
            "isbn10",
            "isbn13",
            "creditcard",
            "ssn",
            "hexcolor",
            "rgbcolor",
            "byte",
            "password",
            "date",
            "duration",
        ),
        *("datetime", "k8sshortname", "k8slongname"),
    )
)
_NUMBER_FORMATS = {"integer": ("int32", "int64"), "number": ("float", "double")}


def validate(definition: Document, *, old: Document | None = None) -> Sequence[FieldError]:
    """Everything wrong with a definition, new or changed. Schemas that are as in *old* have been looked at."""
    spec, meta = definition["spec"], definition["metadata"]
    out: list[FieldError] = []
    if old is None and meta["name"] != f"{spec['names'].get('plural', '')}.{spec.get('group', '')}":
        out.append(invalid("metadata.name", meta["name"], 'must be spec.names.plural+"."+spec.group'))
    out += _spec(spec, old)
    out += _names((definition.get("status") or {}).get("acceptedNames") or {}, "status.acceptedNames")
    out += _stored(definition)
    out += _approval(definition, old)
    if spec.get("preserveUnknownFields"):
        text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        out.append(invalid("spec.preserveUnknownFields", True, text))
    return out


def validate_update(definition: Document, old: Document) -> Sequence[FieldError]:
    """The same of a changed definition: what is established keeps its name, kind and scope."""
    spec, before = definition["spec"], old["spec"]
    if spec == before and definition.get("status") == old.get("status"):
        # What was accepted once stays accepted while it is unchanged.
        return ()
    out = list(validate(definition, old=old))
    if names.is_true(old, names.ESTABLISHED):
        if spec.get("scope") != before.get("scope"):
            out.append(invalid("spec.scope", spec.get("scope"), _IMMUTABLE))
        if spec["names"].get("kind") != before["names"].get("kind"):
            out.append(invalid("spec.names.kind", spec["names"].get("kind"), _IMMUTABLE))
    if spec.get("group") != before.get("group"):
        out.append(invalid("spec.group", spec.get("group"), _IMMUTABLE))
    if spec["names"].get("plural") != before["names"].get("plural"):
        out.append(invalid("spec.names.plural", spec["names"].get("plural"), _IMMUTABLE))
    return out


def validate_status(definition: Document) -> Sequence[FieldError]:
    """What may be written into the status alone."""
    return list(_names((definition.get("status") or {}).get("acceptedNames") or {}, "status.acceptedNames"))


def warnings(definition: Document, old: Document | None) -> list[str]:
    """What is accepted of a definition's schemas, and does not do what it seems to."""
    known = set() if old is None else set(warnings(old, None))
    formats: list[str] = []
    sets: set[str] = set()
    for version in definition["spec"].get("versions") or ():
        for schema in _parts((version.get("schema") or {}).get("openAPIV3Schema") or {}):
            kind, name = schema.get("type") or "", schema.get("format")
            if name and not _is_format(name, kind):
                formats.append(f'unrecognized format "{name}"')
            items = schema.get("items")
            if schema.get("x-kubernetes-list-type") == "set" and isinstance(items, Mapping):
                of = items.get("type")
                if of in ("object", "array"):
                    sets.add(
                        f'x-kubernetes-list-type: set for items of type "{of}" is not supported by server-side apply or CEL '
                        "validation rules"
                    )
    return [text for text in dict.fromkeys([*formats, *sorted(sets)]) if text not in known]


def _is_format(name: str, kind: str) -> bool:
    if kind in ("", "string"):
        return name.replace("-", "") in _FORMATS
    return name in _NUMBER_FORMATS.get(kind, ())


def _parts(schema: Any) -> Iterator[Mapping[str, Any]]:
    """The schema and all that are in it."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    for child in (schema.get("properties") or {}).values():
        yield from _parts(child)
    for word in ("items", "additionalProperties", "not"):
        yield from _parts(schema.get(word))
    for word in ("allOf", "anyOf", "oneOf"):
        for child in schema.get(word) or ():
            yield from _parts(child)


def _spec(spec: Document, old: Document | None) -> Iterator[FieldError]:
    yield from _place(spec)
    versions = spec.get("versions") or []
    for index, version in enumerate(versions):
        if (version.get("schema") or {}).get("openAPIV3Schema") is None:
            yield required(f"spec.versions[{index}].schema.openAPIV3Schema", "schemas are required")
    common = {
        field for field in _COMMON if versions and all(one.get(field) == versions[0].get(field) for one in versions)
    }
    seen = _Seen(old)
    for index, version in enumerate(versions):
        path = f"spec.versions[{index}]"
        if complaints := forms.label_1035(version.get("name", "")):
            yield invalid(f"{path}.name", version.get("name", ""), ",".join(complaints))
        yield from _deprecation(version, path)
        own = {field: f"{path}.{field}" for field in _COMMON if field not in common}
        yield from _version(version, own, seen)
    if len({one.get("name") for one in versions}) != len(versions):
        yield invalid("spec.versions", versions, "must contain unique version names")
    if sum(bool(one.get("storage")) for one in versions) != 1:
        yield invalid("spec.versions", versions, "must have exactly one version marked as storage version")
    for field in ("plural", "singular", "kind", "listKind"):
        if not spec["names"].get(field):
            yield required(f"spec.names.{field}")
    yield from _names(spec["names"], "spec.names")
    if versions:
        yield from _version(
            versions[0], {field: f"spec.{_COMMON[field]}" for field in _COMMON if field in common}, seen
        )
    yield from _conversion(spec.get("conversion") or {}, old)


def _place(spec: Document) -> Iterator[FieldError]:
    group = spec.get("group") or ""
    if not group:
        yield required("spec.group")
    elif complaints := forms.subdomain(group):
        yield invalid("spec.group", group, ",".join(complaints))
    elif "." not in group:
        yield invalid("spec.group", group, "should be a domain with at least one dot")
    if not spec.get("scope"):
        yield required("spec.scope")
    elif spec["scope"] not in ("Cluster", "Namespaced"):
        yield not_supported("spec.scope", spec["scope"], ["Cluster", "Namespaced"])


class _Seen:
    """The schemas that a definition had before."""

    def __init__(self, old: Document | None) -> None:
        self._versions = {} if old is None else {one.get("name"): one for one in old["spec"].get("versions") or ()}

    def has(self, version: Document) -> bool:
        before = self._versions.get(version.get("name"))
        if before is None:
            return False
        return all(before.get(field) == version.get(field) for field in ("schema", "subresources"))


def _version(version: Document, paths: Mapping[str, str], seen: _Seen) -> Iterator[FieldError]:
    """The parts of a version that are told of at *paths*."""
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    subresources = version.get("subresources") or {}
    if "schema" in paths and schema is not None and not seen.has(version):
        status = subresources.get("status") is not None
        yield from schema_rules.validate(schema, f"{paths['schema']}.openAPIV3Schema", status=status)
    if "subresources" in paths:
        yield from _scale(subresources.get("scale"), f"{paths['subresources']}.scale")
    if "additionalPrinterColumns" in paths:
        for number, column in enumerate(version.get("additionalPrinterColumns") or ()):
            yield from _column(column, f"{paths['additionalPrinterColumns']}[{number}]")
    if "selectableFields" in paths:
        yield from _selectable(version.get("selectableFields") or (), schema or {}, paths["selectableFields"])


def _stored(definition: Document) -> Iterator[FieldError]:
    stored = (definition.get("status") or {}).get("storedVersions") or []
    path = "status.storedVersions"
    if not stored:
        yield invalid(path, stored, "must have at least one stored version")
        return
    versions = definition["spec"].get("versions") or []
    for version in versions:
        if version.get("storage") and version.get("name") not in stored:
            yield invalid(path, stored, f"must have the storage version {version.get('name')}")
    known = {one.get("name") for one in versions}
    for index, version in enumerate(stored):
        if version not in known:
            yield invalid(
                f"{path}[{index}]",
                version,
                f"missing from spec.versions; {version} was previously a storage version, and must remain in spec.versions "
                f"until a storage migration ensures no data remains persisted in {version} and removes {version} from "
                "status.storedVersions",
            )


def _approval(definition: Document, old: Document | None) -> Iterator[FieldError]:
    if not names.is_protected(definition["spec"].get("group", "")):
        return
    given = _approved(definition)
    if old is not None and bool(_approved(old)) == bool(given):
        return
    where = f"metadata.annotations[{names.APPROVED_ANNOTATION}]"
    if not given:
        text = (
            f'protected groups must have approval annotation "{names.APPROVED_ANNOTATION}", '
            "see https://github.com/kubernetes/enhancements/pull/1111"
        )
        yield required(where, text)


def _approved(definition: Document) -> str:
    return str((definition["metadata"].get("annotations") or {}).get(names.APPROVED_ANNOTATION) or "")


def _names(declared: Document, path: str) -> Iterator[FieldError]:
    for field in ("plural", "singular"):
        if (name := declared.get(field)) and (complaints := forms.label_1035(name)):
            yield invalid(f"{path}.{field}", name, ",".join(complaints))
    for field in ("kind", "listKind"):
        if (name := declared.get(field)) and (complaints := forms.label_1035(name.lower())):
            detail = f"may have mixed case, but should otherwise match: {','.join(complaints)}"
            yield invalid(f"{path}.{field}", name, detail)
    for index, name in enumerate(declared.get("shortNames") or ()):
        if complaints := forms.label_1035(name):
            yield invalid(f"{path}.shortNames[{index}]", name, ",".join(complaints))
    if declared.get("kind") and declared.get("kind") == declared.get("listKind"):
        yield invalid(f"{path}.listKind", declared["listKind"], "kind and listKind may not be the same")
    for index, name in enumerate(declared.get("categories") or ()):
        if complaints := forms.label_1035(name):
            yield invalid(f"{path}.categories[{index}]", name, ",".join(complaints))


def _deprecation(version: Document, path: str) -> Iterator[FieldError]:
    warning = version.get("deprecationWarning")
    if warning is None:
        return
    where = f"{path}.deprecationWarning"
    if not version.get("deprecated"):
        yield invalid(where, warning, "can only be set for deprecated versions")
        return
    if len(warning.encode()) > 256:
        yield invalid(where, warning, "must be <= 256 characters long")
    if not warning:
        yield invalid(where, warning, "must not be an empty string")
    for index, character in enumerate(warning):
        if not character.isprintable():
            text = f"must only contain printable UTF-8 characters; non-printable character found at index {index}"
            yield invalid(where, warning, text)
            break


def _column(column: Document, path: str) -> Iterator[FieldError]:
    if not column.get("name"):
        yield required(f"{path}.name")
    if not column.get("type"):
        yield required(f"{path}.type", f"must be one of {','.join(_COLUMN_TYPES)}")
    elif column["type"] not in _COLUMN_TYPES:
        yield invalid(f"{path}.type", column["type"], f"must be one of {','.join(_COLUMN_TYPES)}")
    if (form := column.get("format")) and form not in _COLUMN_FORMATS:
        yield invalid(f"{path}.format", form, f"must be one of {','.join(_COLUMN_FORMATS)}")
    text = column.get("jsonPath")
    if not text:
        yield required(f"{path}.JSONPath")
    elif not text.startswith("."):
        yield invalid(f"{path}.JSONPath", text, "must be a simple json path starting with .")
    elif not is_path(text):
        # Kubernetes takes it, and then fails to serve the kind.
        yield invalid(f"{path}.JSONPath", text, "is an invalid jsonpath")


def _scale(scale: Any, path: str) -> Iterator[FieldError]:
    if not isinstance(scale, dict):
        return
    for field, root in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        text = scale.get(field) or ""
        if not text:
            yield required(f"{path}.{field}")
        else:
            yield from _simple(text, f"{path}.{field}", (f"{root}.",), f"should be a json path under {root}")
    if text := scale.get("labelSelectorPath"):
        told = "should be a json path under either .spec or .status"
        yield from _simple(text, f"{path}.labelSelectorPath", (".spec.", ".status."), told)


def _simple(text: str, path: str, roots: tuple[str, ...], told: str) -> Iterator[FieldError]:
    if not text.startswith("."):
        yield invalid(path, text, "must be a simple json path starting with .")
    elif not text.startswith(roots) or not all(text[1:].split(".")):
        yield invalid(path, text, told)


def _selectable(fields: Sequence[Document], schema: Document, path: str) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, one in enumerate(fields):
        where, text = f"{path}[{index}].jsonPath", one.get("jsonPath") or ""
        if not text:
            yield required(where)
            continue
        if "[" in text:
            yield invalid(where, text, "is an invalid path: array notation is not allowed")
            continue
        found = schema_rules.at(schema, text.removeprefix(".").split("."))
        if found is None:
            yield invalid(where, text, "is an invalid path: does not refer to a valid field")
            continue
        if text.startswith(".metadata."):
            yield invalid(where, text, "must not point to fields in metadata")
        if found.get("type") not in ("string", "boolean", "integer"):
            told = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."
            yield invalid(where, text, told)
        if text in seen:
            yield duplicate(where, text)
        seen.add(text)
    if len(seen) > _MAX_SELECTABLE:
        yield too_many(path, len(seen), _MAX_SELECTABLE)


def _conversion(conversion: Document, old: Document | None) -> Iterator[FieldError]:
    strategy, webhook = conversion.get("strategy") or "", conversion.get("webhook") or {}
    if not strategy:
        yield required("spec.conversion.strategy")
    elif strategy not in ("None", "Webhook"):
        yield not_supported("spec.conversion.strategy", strategy, ["None", "Webhook"])
    config, versions = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    where, reviews = "spec.conversion.webhookClientConfig", "spec.conversion.conversionReviewVersions"
    if strategy != "Webhook":
        text = "should not be set when strategy is not set to Webhook"
        if config is not None:
            yield forbidden_field(where, text)
        if versions:
            yield forbidden_field(reviews, text)
        return
    if config is None:
        yield required(where, "required when strategy is set to Webhook")
    else:
        yield from webhook_rules.client_config(config, where)
        if old is not None and names.is_true(old, names.ESTABLISHED):
            before = ((old["spec"].get("conversion") or {}).get("webhook") or {}).get("clientConfig") or {}
            if not list(webhook_rules.authority(before, where)):
                yield from webhook_rules.authority(config, where)
    yield from webhook_rules.review_versions(versions, reviews)
