"""
Whole domains, compared with those that were read through line by line, and held against libvirt's own schema.

What is in them follows KubeVirt's converter (reference kubevirt-vm.md 5 and 6.2) and reference libvirt-here.md 4, 5 and 7.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lxml import etree

from tests.runtime.libvirt.domain import making

SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")


@pytest.fixture(scope="module")
def schema() -> etree.RelaxNG:
    if not SCHEMA.exists():
        missing = f"{SCHEMA} is not there; scripts/test-tools installs it with libvirt0"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return etree.RelaxNG(etree.parse(SCHEMA))


@pytest.mark.parametrize("name", making.CASES)
def test_a_domain_is_as_it_was_reviewed(name: str):
    golden = making.GOLDEN / f"{name}.xml"
    assert making.make(making.CASES[name]) == golden.read_text()


@pytest.mark.parametrize("name", making.CASES)
def test_a_domain_fits_libvirts_schema(schema: etree.RelaxNG, name: str):
    document = etree.fromstring(making.make(making.CASES[name]))
    assert schema.validate(document), schema.error_log


def test_no_domain_is_left_over():
    assert {file.stem for file in making.GOLDEN.iterdir()} == set(making.CASES)


def test_a_domain_is_the_same_each_time():
    assert making.make(making.CASES["windows"]) == making.make(making.CASES["windows"])
