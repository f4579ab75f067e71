"""The documents below openapi/ are what is served, valid, and small enough to be read."""

import json
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from solovirt import kinds
from solovirt.machinery.registry import Registry
from solovirt.machinery.schema import publish
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.schema.openapi import OpenAPI

DIRECTORY = Path(__file__).resolve().parents[2] / "openapi"
FILES = sorted(str(path.relative_to(DIRECTORY)) for path in DIRECTORY.rglob("*.json"))
# The small ones and the one that matters most; the others are validated with the slow tests.
QUICK = [
    name
    for name in FILES
    if name.count("/") == 1 or name.endswith(("flavor.kubevirt.io/v1alpha1.json", "policy/v1.json"))
]
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def registry():
    out = Registry()
    for resource in kinds.builtin():
        out.register(resource)
    return out


@pytest.fixture(scope="module")
def schemas(registry):
    return SchemaSet(registry)


def test_the_files_are_fresh(registry, schemas):
    served = publish.documents(registry, schemas)
    stale = [
        name
        for name, content in served.items()
        if not (DIRECTORY / name).exists() or (DIRECTORY / name).read_bytes() != content
    ]
    assert stale == [], "run make openapi"
    assert sorted(served) == FILES, "files that are no longer published: remove them"


def test_together_the_v2_files_are_what_is_served(registry, schemas):
    served = json.loads(OpenAPI(registry, schemas).v2_json().content)
    paths: dict[str, object] = {}
    definitions: dict[str, object] = {}
    for name in FILES:
        if name.startswith("v2/"):
            part = json.loads((DIRECTORY / name).read_text())
            paths |= part["paths"]
            definitions |= part["definitions"]
    assert paths == served["paths"]
    assert definitions == served["definitions"]


def test_no_file_is_too_large():
    assert [name for name in FILES if (DIRECTORY / name).stat().st_size >= MEBIBYTE] == []


@pytest.mark.parametrize("name", QUICK)
def test_small_documents_are_valid(name):
    validate(json.loads((DIRECTORY / name).read_text()))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(FILES) - set(QUICK)))
def test_every_document_is_valid(name):
    validate(json.loads((DIRECTORY / name).read_text()))
