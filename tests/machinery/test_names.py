"""Names are refused in Kubernetes' words (reference kubernetes-api.md 3.1)."""

import pytest

from solovirt.machinery import names

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
LABEL_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and "
    "end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
QUALIFIED = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


@pytest.mark.parametrize(
    ("rule", "name", "expected"),
    [
        ("subdomain", "a", []),
        ("subdomain", "a-1.b.c", []),
        ("subdomain", "a" * 253, []),
        ("subdomain", "a" * 254, ["must be no more than 253 characters"]),
        ("subdomain", "A", [SUBDOMAIN]),
        ("subdomain", "-a", [SUBDOMAIN]),
        ("subdomain", "a..b", [SUBDOMAIN]),
        ("subdomain", "a\n", [SUBDOMAIN]),
        ("subdomain", "", [SUBDOMAIN]),
        ("subdomain", "ä" * 127, ["must be no more than 253 characters", SUBDOMAIN]),
        ("label", "123-abc", []),
        ("label", "a.b", ["must not contain dots"]),
        ("label", "a_b", [LABEL]),
        ("label", "a" * 64, ["must be no more than 63 characters"]),
        ("label_1035", "abc-123", []),
        ("label_1035", "1a", [LABEL_1035]),
        ("label_1035", "a.b", [LABEL_1035]),
        ("path_segment", "system:node", []),
        ("path_segment", ".", ["may not be '.'"]),
        ("path_segment", "..", ["may not be '..'"]),
        ("path_segment", "a/b%", ["may not contain '/'", "may not contain '%'"]),
    ],
)
def test_a_name_follows_its_kinds_rule(rule, name, expected):
    assert names.rule(rule)(name) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("app", []),
        ("example.com/My.name_1", []),
        ("a b", [f"name part {QUALIFIED}"]),
        ("", ["name part must be non-empty", f"name part {QUALIFIED}"]),
        ("/a", ["prefix part must be non-empty"]),
        ("Example/a", [f"prefix part {SUBDOMAIN}"]),
        ("a/" + "b" * 64, ["name part must be no more than 63 characters"]),
        (
            "a/b/c",
            [f"a qualified name {QUALIFIED} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"],
        ),
    ],
)
def test_a_label_key_is_a_qualified_name(key, expected):
    assert names.qualified_name(key) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        ("My_value.1", []),
        ("a b", [VALUE]),
        ("-", [VALUE]),
        ("a" * 64, ["must be no more than 63 characters"]),
    ],
)
def test_a_label_value_may_be_empty(value, expected):
    assert names.label_value(value) == expected


def test_an_unheard_of_rule_is_a_mistake_of_the_declaration():
    with pytest.raises(KeyError):
        names.rule("nope")
