"""
What names, label keys and label values may look like.

Each function says what is wrong with a value as a list of Kubernetes' own sentences; an empty list means that nothing is. The callers put them
into field errors. Texts: reference kubernetes-api.md 3.1. Lengths are in bytes of UTF-8, as Go counts them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = _LABEL + r"(\." + _LABEL + ")*"
_LABEL_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_QUALIFIED})?"

MAX_SUBDOMAIN = 253
MAX_LABEL = 63


def _regex_text(text: str, pattern: str, *examples: str) -> str:
    # The doubled blank between examples is Kubernetes' own.
    return (
        f"{text} (e.g. {' or '.join(f'{example!r}, ' for example in examples)}regex used for validation is '{pattern}')"
    )


_SUBDOMAIN_TEXT = _regex_text(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character",
    _SUBDOMAIN,
    "example.com",
)
_LABEL_TEXT = _regex_text(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character",
    _LABEL,
    "my-name",
    "123-abc",
)
_LABEL_1035_TEXT = _regex_text(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character",
    _LABEL_1035,
    "my-name",
    "abc-123",
)
_QUALIFIED_TEXT = _regex_text(
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    _QUALIFIED,
    "MyName",
    "my.name",
    "123-abc",
)
_VALUE_TEXT = _regex_text(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character",
    _VALUE,
    "MyValue",
    "my_value",
    "12345",
)
_EMPTY = "must be non-empty"

_is_subdomain = re.compile(_SUBDOMAIN).fullmatch
_is_label = re.compile(_LABEL).fullmatch
_is_label_1035 = re.compile(_LABEL_1035).fullmatch
_is_qualified = re.compile(_QUALIFIED).fullmatch
_is_value = re.compile(_VALUE).fullmatch


def _too_long(value: str, most: int) -> list[str]:
    if len(value) > most or (not value.isascii() and len(value.encode("utf-8", "surrogatepass")) > most):
        return [f"must be no more than {most} characters"]
    return []


def subdomain(name: str) -> list[str]:
    """What keeps *name* from being a DNS-1123 subdomain: the rule for names of most kinds."""
    problems = _too_long(name, MAX_SUBDOMAIN)
    if not _is_subdomain(name):
        problems.append(_SUBDOMAIN_TEXT)
    return problems


def label(name: str) -> list[str]:
    """What keeps *name* from being a DNS-1123 label: the rule for namespaces."""
    problems = _too_long(name, MAX_LABEL)
    if not _is_label(name):
        problems.append("must not contain dots" if _is_subdomain(name) else _LABEL_TEXT)
    return problems


def label_1035(name: str) -> list[str]:
    """What keeps *name* from being a DNS-1035 label, which starts with a letter."""
    problems = _too_long(name, MAX_LABEL)
    if not _is_label_1035(name):
        problems.append(_LABEL_1035_TEXT)
    return problems


def path_segment(name: str) -> list[str]:
    """What keeps *name* from being one segment of a URL's path: the rule for RBAC objects."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in name]


def qualified_name(name: str) -> list[str]:
    """What keeps *name* from being `[prefix/]name`: the rule for keys of labels and annotations, and for finalizers."""
    prefix, slash, own = name.rpartition("/")
    if "/" in prefix:
        return [
            f"a qualified name {_QUALIFIED_TEXT} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    problems = []
    if slash:
        wrong = subdomain(prefix) if prefix else [_EMPTY]
        problems += [f"prefix part {text}" for text in wrong]
    wrong = _too_long(own, MAX_LABEL) if own else [_EMPTY]
    if not _is_qualified(own):
        wrong.append(_QUALIFIED_TEXT)
    return problems + [f"name part {text}" for text in wrong]


def label_value(value: str) -> list[str]:
    """What keeps *value* from being a label's value."""
    problems = _too_long(value, MAX_LABEL)
    if not _is_value(value):
        problems.append(_VALUE_TEXT)
    return problems


_RULES: Mapping[str, Callable[[str], list[str]]] = {
    "subdomain": subdomain,
    "label": label,
    "label_1035": label_1035,
    "path_segment": path_segment,
}


def rule(name: str) -> Callable[[str], list[str]]:
    """The function for a `Resource.name_rule`. Raises KeyError if there is no such rule."""
    return _RULES[name]
