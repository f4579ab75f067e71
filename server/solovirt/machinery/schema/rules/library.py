"""
Kubernetes' CEL functions beyond the core language: strings, lists, sets, regular expressions, quantities, URLs, IP addresses, named formats.

CEL takes `x.f(y)` for `f(x, y)`, so all are plain functions. What CEL has no type for (a quantity, a URL, an address) is a map with one key that
says what it is, in a canonical form, so that two equal ones are equal. A ValueError is a failed evaluation.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

from solovirt.machinery import names
from solovirt.machinery.schema import formats, patterns

_optional: Any = None

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))((?:[KMGTPE]i)|[numkMGTPE]|(?:[eE][+-]?\d+))?")
_SCALES: Mapping[str, Decimal] = {
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **dict(zip("num", (Decimal("1e-9"), Decimal("1e-6"), Decimal("1e-3")), strict=True)),
    "": Decimal(1),
}


def use_optionals(kind: Any) -> None:
    """Have functions take and give optionals of the interpreter's own class."""
    global _optional  # noqa: PLW0603 - the class exists once the interpreter is loaded, and there is one
    _optional = kind


def named(name: str, variables: Iterable[str]) -> dict[str, Callable[..., Any]]:
    """The functions that a call of *name* may mean: the function, or that of a namespace among *variables* (`ip.isCanonical`)."""
    found = {name: _FUNCTIONS[name]} if name in _FUNCTIONS else {}
    for space in NAMESPACES.intersection(variables):
        if f"{space}.{name}" in _FUNCTIONS:
            found[f"{space}.{name}"] = _FUNCTIONS[f"{space}.{name}"]
    return found


# --- conversions that the interpreter lacks


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int | str):
        return str(value)
    if hasattr(value, "total_seconds"):
        return f"{value.total_seconds():g}s"
    raise ValueError("no such overload")


def _int(value: Any) -> int:
    if isinstance(value, datetime):
        return int(value.timestamp())
    if isinstance(value, str) and not re.fullmatch(r"[+-]?\d+", value):
        raise ValueError(f'strconv.ParseInt: parsing "{value}": invalid syntax')
    return int(value)


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"true": True, "TRUE": True, "True": True, "t": True, "1": True}
    known |= {"false": False, "FALSE": False, "False": False, "f": False, "0": False}
    if value not in known:
        raise ValueError(f'strconv.ParseBool: parsing "{value}": invalid syntax')
    return known[value]


# --- optional values


def _optional_field(value: Any, key: Any) -> Any:
    if isinstance(value, _optional):
        if not value.has_value():
            return value
        value = value.value()
    if isinstance(value, list):
        return _optional.of(value[key]) if isinstance(key, int) and 0 <= key < len(value) else _optional.none()
    if not isinstance(value, dict):
        raise TypeError(value)
    return _optional.of(value[key]) if key in value else _optional.none()


def _as_list(value: Any) -> list[Any]:
    return [value.value()] if value.has_value() else []


def _from_list(items: list[Any]) -> Any:
    return _optional.of(items[0]) if items else _optional.none()


# --- strings


def _char_at(text: str, at: int) -> str:
    if not 0 <= at <= len(text):
        raise ValueError(f"index out of range: {at}")
    return text[at : at + 1]


def _index_of(where: Any, what: Any, start: int = 0) -> int:
    if isinstance(where, list):
        return next((at for at, one in enumerate(where) if one == what and type(one) is type(what)), -1)
    if not 0 <= start <= len(where):
        raise ValueError(f"index out of range: {start}")
    return int(where.find(what, start))


def _last_index_of(where: Any, what: Any, start: int | None = None) -> int:
    if isinstance(where, list):
        return next((at for at in range(len(where) - 1, -1, -1) if where[at] == what), -1)
    return int(where.rfind(what) if start is None else where.rfind(what, 0, start + len(what)))


def _substring(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else end
    if not 0 <= start <= len(text) or not 0 <= stop <= len(text):
        raise ValueError(f"index out of range: {start if not 0 <= start <= len(text) else stop}")
    if start > stop:
        raise ValueError(f"invalid substring range. start: {start}, end: {stop}")
    return text[start:stop]


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if not separator:
        return list(text) if limit < 0 or limit >= len(text) else [*text[: limit - 1], text[limit - 1 :]]
    return text.split(separator, limit - 1 if limit > 0 else -1)


def _join(items: list[str], separator: str = "") -> str:
    if not all(isinstance(one, str) for one in items):
        raise ValueError("no such overload")
    return separator.join(items)


def _ascii(convert: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "".join(convert(one) if one.isascii() else one for one in text)


_VERB = re.compile(r"%(?:\.(\d+))?([sdfeboxX%])")


def _format(template: str, values: list[Any]) -> str:
    left = iter(values)

    def one(match: re.Match[str]) -> str:
        digits, verb = match.groups()
        if verb == "%":
            return "%"
        try:
            value = next(left)
        except StopIteration:
            raise ValueError(f"index {len(values)} out of range") from None
        if verb == "s":
            return _shown(value)
        if verb in "fe":
            return f"{float(value):.{digits or 6}{verb}}"
        if verb == "d":
            return str(int(value))
        if isinstance(value, str):
            return value.encode().hex() if verb == "x" else value.encode().hex().upper()
        return format(int(value), verb)

    return _VERB.sub(one, template)


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{', '.join(_shown(one) for one in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_shown(key)}: {_shown(value[key])}' for key in sorted(value))}}}"
    return _string(value)


def _quote(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(one, one) for one in text) + '"'


# --- regular expressions


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    # Go's own engine: `re` can take for ever to find out that a pattern is nowhere in a text. Imported with the first rule that finds something.
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"error parsing regexp: {error}") from None


def _matches(text: str, pattern: str) -> bool:
    if not isinstance(text, str):
        raise TypeError(text)
    return patterns.matches(pattern, text)


def _find(text: str, pattern: str) -> str:
    found = _compiled(pattern).search(text)
    return found.group() if found else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match.group() for match in _compiled(pattern).finditer(text)]
    return found if limit < 0 else found[:limit]


# --- lists and sets


def _is_sorted(items: list[Any]) -> bool:
    return all(one <= other for one, other in pairwise(items))


def _least(name: str, choose: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
    def function(items: list[Any]) -> Any:
        if not items:
            raise ValueError(f"{name} called on empty list")
        return choose(items)

    return function


def _contains_all(one: list[Any], other: list[Any]) -> bool:
    return all(item in one for item in other)


# --- quantities


def _decimal(value: Any) -> Decimal:
    if isinstance(value, dict) and "quantity" in value:
        return Decimal(value["quantity"])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    raise ValueError("no such overload")


def _a_quantity(value: Decimal) -> dict[str, str]:
    return {"quantity": format(value.normalize(), "f")}


def _quantity(text: str) -> dict[str, str]:
    match = _QUANTITY.fullmatch(text)
    try:
        if match is None:
            raise InvalidOperation
        number, suffix = match.group(1), match.group(2) or ""
        value = Decimal(number + suffix) if suffix[1:] and suffix[0] in "eE" else Decimal(number) * _SCALES[suffix]
    except InvalidOperation:
        raise ValueError(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ) from None
    return _a_quantity(value)


def _compare(one: Any, other: Any) -> int:
    left, right = _decimal(one), _decimal(other)
    return (left > right) - (left < right)


def _as_integer(value: Any) -> int:
    number = _decimal(value)
    if number != number.to_integral_value():
        raise ValueError("cannot convert value to integer")
    return int(number)


def _succeeds(function: Callable[[str], Any]) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        try:
            function(text)
        except ValueError:
            return False
        return True

    return test


# --- URLs


def _url(text: str) -> dict[str, str]:
    parts = urlsplit(text)
    if not (parts.scheme or text.startswith("/")) or (parts.scheme and not (parts.netloc or parts.path)):
        raise ValueError(f'URL parse error during conversion from string: parse "{text}": invalid URI for request')
    _ = parts.port  # raises ValueError for a port that is none
    return {"url": text}


def _of_url(read: Callable[[Any], Any]) -> Callable[[Mapping[str, str]], Any]:
    return lambda value: read(urlsplit(value["url"]))


def _host(parts: Any) -> str:
    return str(parts.netloc.rpartition("@")[2])


def _hostname(parts: Any) -> str:
    host = _host(parts)
    return host[1 : host.index("]")] if host.startswith("[") else host.partition(":")[0]


# --- addresses


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        if "%" in text:
            raise ValueError
        found = ipaddress.ip_address(text)
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            raise ValueError
    except ValueError:
        raise ValueError(f'IP Address "{text}" parse error during conversion from string') from None
    return found


def _network(text: str) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface:
    try:
        if not re.search(r"/\d+$", text):
            raise ValueError
        return ipaddress.ip_interface(text)
    except ValueError:
        raise ValueError(f'network address parse error during conversion from string: "{text}"') from None


def _ip(value: Any) -> dict[str, str]:
    if isinstance(value, dict):
        return {"ip": str(_network(value["cidr"]).ip)}
    return {"ip": str(_address(value))}


def _cidr(text: str) -> dict[str, str]:
    return {"cidr": str(_network(text))}


def _of_ip(read: Callable[[Any], Any]) -> Callable[[Mapping[str, str]], Any]:
    return lambda value: read(_address(value["ip"]))


def _contains_ip(cidr: Mapping[str, str], address: Any) -> bool:
    text = address if isinstance(address, str) else address["ip"]
    return _address(text) in _network(cidr["cidr"]).network


def _contains_cidr(cidr: Mapping[str, str], other: Any) -> bool:
    outer = _network(cidr["cidr"]).network
    inner = _network(other if isinstance(other, str) else other["cidr"]).network
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # of the same version


# --- named formats

_NAMED_FORMATS: Mapping[str, Callable[[str], list[str]]] = {
    "dns1123Label": names.label,
    "dns1123Subdomain": names.subdomain,
    "dns1035Label": names.label_1035,
    "qualifiedName": names.qualified_name,
    "labelValue": names.label_value,
}


def _complaints(name: str, text: str) -> list[str]:
    if name in _NAMED_FORMATS:
        return _NAMED_FORMATS[name](text)
    wire = {"datetime": "date-time"}.get(name, name)
    check = formats.CHECKS.get(wire)
    return [] if check is None or check(text) else [f"must be a valid {wire}"]


def _validate(chosen: Mapping[str, str], text: str) -> Any:
    found = _complaints(chosen["format"], text)
    return _optional.of(found) if found else _optional.none()


def _a_format(name: str) -> Callable[[], dict[str, str]]:
    return lambda: {"format": name}


def _format_named(name: str) -> Any:
    known = (*_NAMED_FORMATS, "uri", "uuid", "byte", "date", "datetime")
    return _optional.of({"format": name}) if name in known else _optional.none()


NAMESPACES = frozenset({"ip", "cidr", "format", "sets", "strings", "optional"})

_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "string": _string,
    "int": _int,
    "bool": _bool,
    "optionalField": _optional_field,
    "optionalAsList": _as_list,
    "listAsOptional": _from_list,
    "charAt": _char_at,
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "substring": _substring,
    "split": _split,
    "join": _join,
    "lowerAscii": _ascii(str.lower),
    "upperAscii": _ascii(str.upper),
    "replace": lambda text, old, new, limit=-1: text.replace(old, new, limit),
    "trim": str.strip,
    "reverse": lambda value: value[::-1],
    "format": _format,
    "strings.quote": _quote,
    "regexMatches": _matches,
    "find": _find,
    "findAll": _find_all,
    "isSorted": _is_sorted,
    "sum": sum,
    "min": _least("min", min),
    "max": _least("max", max),
    "sets.contains": _contains_all,
    "sets.equivalent": lambda one, other: _contains_all(one, other) and _contains_all(other, one),
    "sets.intersects": lambda one, other: any(item in one for item in other),
    "quantity": _quantity,
    "isQuantity": _succeeds(_quantity),
    "sign": lambda value: _compare(value, 0),
    "isGreaterThan": lambda one, other: _compare(one, other) > 0,
    "isLessThan": lambda one, other: _compare(one, other) < 0,
    "compareTo": _compare,
    "add": lambda one, other: _a_quantity(_decimal(one) + _decimal(other)),
    "sub": lambda one, other: _a_quantity(_decimal(one) - _decimal(other)),
    "isInteger": lambda value: _decimal(value) == _decimal(value).to_integral_value(),
    "asInteger": _as_integer,
    "asApproximateFloat": lambda value: float(_decimal(value)),
    "url": _url,
    "isURL": _succeeds(_url),
    "getScheme": _of_url(lambda parts: parts.scheme),
    "getHost": _of_url(_host),
    "getHostname": _of_url(_hostname),
    "getPort": _of_url(lambda parts: "" if parts.port is None else str(parts.port)),
    "getEscapedPath": _of_url(lambda parts: parts.path),
    "getQuery": _of_url(lambda parts: parse_qs(parts.query, keep_blank_values=True)),
    "ip": _ip,
    "isIP": _succeeds(_address),
    "ip.isCanonical": lambda text: str(_address(text)) == text,
    "family": _of_ip(lambda address: address.version),
    "isUnspecified": _of_ip(lambda address: address.is_unspecified),
    "isLoopback": _of_ip(lambda address: address.is_loopback),
    "isLinkLocalMulticast": _of_ip(lambda address: address.is_multicast and address.packed[0] in (0xE0, 0xFF)),
    "isLinkLocalUnicast": _of_ip(lambda address: address.is_link_local),
    "isGlobalUnicast": _of_ip(
        lambda address: (
            not (address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local)
        )
    ),
    "cidr": _cidr,
    "isCIDR": _succeeds(_cidr),
    "containsIP": _contains_ip,
    "containsCIDR": _contains_cidr,
    "masked": lambda value: {"cidr": str(_network(value["cidr"]).network)},
    "prefixLength": lambda value: _network(value["cidr"]).network.prefixlen,
    "format.named": _format_named,
    **{f"format.{name}": _a_format(name) for name in (*_NAMED_FORMATS, "uri", "uuid", "byte", "date", "datetime")},
    "validate": _validate,
}
