"""
Elements of XML, made from Python values and never from text that somebody pasted together.

ElementTree escapes what has to be escaped. What can't stand in XML at all (control characters, lone surrogates) is refused when the
document is written, because libvirt could not read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias
from xml.etree import ElementTree as ET

from solovirt.runtime.libvirt.domain.unsupported import Unsupported

Xml: TypeAlias = ET.Element
Value: TypeAlias = str | int | bool | None
"""Booleans are written as libvirt's `yes` and `no`; None leaves the attribute out."""

# XML 1.0, production 2: every character there can be.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(tag: str, *children: Xml | None, text: str | int | None = None, **attributes: Value) -> Xml:
    """An element; children and attributes that are None are left out."""
    made = ET.Element(tag)
    for name, value in attributes.items():
        if value is not None:
            made.set(name, _text(value))
    if text is not None:
        made.text = _text(text)
    made.extend(child for child in children if child is not None)
    return made


def container(tag: str, children: Iterable[Xml | None], **attributes: Value) -> Xml | None:
    """An element that is only there for its children: None if it has none."""
    present = [child for child in children if child is not None]
    return element(tag, *present, **attributes) if present else None


def switch(tag: str, *children: Xml | None, on: bool, **attributes: Value) -> Xml:
    """An element with libvirt's `state='on'` or `off`."""
    return element(tag, *children, state="on" if on else "off", **attributes)


def write(root: Xml) -> str:
    """The document as text, indented. Raises Unsupported for characters that XML can't express."""
    for one in root.iter():
        for where, text in (("text", one.text), *one.items()):
            if text and (found := _UNWRITABLE.search(text)) is not None:
                character = f"U+{ord(found[0]):04X}"
                raise Unsupported(
                    "spec", f"the character {character} in {one.tag}'s {where} can't be told to the hypervisor"
                )
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _text(value: str | float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
