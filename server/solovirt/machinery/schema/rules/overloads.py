"""Which functions rules can call, with what, and what comes out: the standard ones of CEL and Kubernetes' libraries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from solovirt.machinery.schema.rules.declared import Type, list_of, map_of, optional_of


class Overload(NamedTuple):
    """One form of a function. *target* is None of what is no method."""

    target: Type | None
    args: tuple[Type, ...]
    result: Type


_ORDERED = ("int", "uint", "double", "string", "bytes", "bool", "timestamp", "duration")
_NUMBERS = ("int", "uint", "double")
# One a line: name, a colon, then forms: (arguments) result, or target.(arguments) result.
_TABLE = """
_+_: (int,int) int; (uint,uint) uint; (double,double) double; (string,string) string; (bytes,bytes) bytes; (list(A),list(A)) list(A); (timestamp,duration) timestamp; (duration,timestamp) timestamp; (duration,duration) duration
_-_: (int,int) int; (uint,uint) uint; (double,double) double; (timestamp,timestamp) duration; (timestamp,duration) timestamp; (duration,duration) duration
_*_: (int,int) int; (uint,uint) uint; (double,double) double
_/_: (int,int) int; (uint,uint) uint; (double,double) double
_%_: (int,int) int; (uint,uint) uint
-_: (int) int; (double) double
!_: (bool) bool
_&&_: (bool,bool) bool
_||_: (bool,bool) bool
_?_:_: (bool,A,A) A
_==_: (A,A) bool
_!=_: (A,A) bool
@in: (A,list(A)) bool; (A,map(A,B)) bool
_[_]: (list(A),int) A; (map(A,B),A) B; (optional(list(A)),int) optional(A); (optional(map(A,B)),A) optional(B)
_[?_]: (list(A),int) optional(A); (map(A,B),A) optional(B); (optional(list(A)),int) optional(A); (optional(map(A,B)),A) optional(B)
size: (string) int; (bytes) int; (list(A)) int; (map(A,B)) int; string.() int; bytes.() int; list(A).() int; map(A,B).() int
int: (int) int; (uint) int; (double) int; (string) int; (timestamp) int; (duration) int
uint: (uint) uint; (int) uint; (double) uint; (string) uint
double: (double) double; (int) double; (uint) double; (string) double
bool: (bool) bool; (string) bool
bytes: (bytes) bytes; (string) bytes
string: (string) string; (bool) string; (int) string; (uint) string; (double) string; (bytes) string; (timestamp) string; (duration) string; (IP) string; (CIDR) string
timestamp: (timestamp) timestamp; (string) timestamp; (int) timestamp
duration: (duration) duration; (string) duration; (int) duration
dyn: (A) dyn
type: (A) type(A)
contains: string.(string) bool
startsWith: string.(string) bool
endsWith: string.(string) bool
matches: string.(string) bool; (string,string) bool
getDate: timestamp.() int; timestamp.(string) int
getDayOfMonth: timestamp.() int; timestamp.(string) int
getDayOfWeek: timestamp.() int; timestamp.(string) int
getDayOfYear: timestamp.() int; timestamp.(string) int
getFullYear: timestamp.() int; timestamp.(string) int
getMonth: timestamp.() int; timestamp.(string) int
getHours: timestamp.() int; timestamp.(string) int; duration.() int
getMinutes: timestamp.() int; timestamp.(string) int; duration.() int
getSeconds: timestamp.() int; timestamp.(string) int; duration.() int
getMilliseconds: timestamp.() int; timestamp.(string) int; duration.() int
charAt: string.(int) string
indexOf: string.(string) int; string.(string,int) int; list(A).(A) int
lastIndexOf: string.(string) int; string.(string,int) int; list(A).(A) int
join: list(string).() string; list(string).(string) string
lowerAscii: string.() string
upperAscii: string.() string
replace: string.(string,string) string; string.(string,string,int) string
split: string.(string) list(string); string.(string,int) list(string)
substring: string.(int) string; string.(int,int) string
trim: string.() string
reverse: string.() string
format: string.(list(dyn)) string
strings.quote: (string) string
find: string.(string) string
findAll: string.(string) list(string); string.(string,int) list(string)
isSorted: list(int).() bool; list(uint).() bool; list(double).() bool; list(string).() bool; list(bytes).() bool; list(bool).() bool; list(timestamp).() bool; list(duration).() bool
sum: list(int).() int; list(uint).() uint; list(double).() double; list(duration).() duration
min: list(int).() int; list(uint).() uint; list(double).() double; list(string).() string; list(bytes).() bytes; list(bool).() bool; list(timestamp).() timestamp; list(duration).() duration
max: list(int).() int; list(uint).() uint; list(double).() double; list(string).() string; list(bytes).() bytes; list(bool).() bool; list(timestamp).() timestamp; list(duration).() duration
sets.contains: (list(A),list(A)) bool
sets.intersects: (list(A),list(A)) bool
sets.equivalent: (list(A),list(A)) bool
url: (string) URL
isURL: (string) bool
getScheme: URL.() string
getHost: URL.() string
getHostname: URL.() string
getPort: URL.() string
getEscapedPath: URL.() string
getQuery: URL.() map(string,list(string))
quantity: (string) Quantity
isQuantity: (string) bool
sign: Quantity.() int
isInteger: Quantity.() bool
asInteger: Quantity.() int
asApproximateFloat: Quantity.() double
isGreaterThan: Quantity.(Quantity) bool
isLessThan: Quantity.(Quantity) bool
compareTo: Quantity.(Quantity) int
add: Quantity.(Quantity) Quantity; Quantity.(int) Quantity
sub: Quantity.(Quantity) Quantity; Quantity.(int) Quantity
ip: (string) IP; CIDR.() IP
isIP: (string) bool
ip.isCanonical: (string) bool
family: IP.() int
isUnspecified: IP.() bool
isLoopback: IP.() bool
isLinkLocalMulticast: IP.() bool
isLinkLocalUnicast: IP.() bool
isGlobalUnicast: IP.() bool
cidr: (string) CIDR
isCIDR: (string) bool
containsIP: CIDR.(IP) bool; CIDR.(string) bool
containsCIDR: CIDR.(CIDR) bool; CIDR.(string) bool
masked: CIDR.() CIDR
prefixLength: CIDR.() int
format.named: (string) optional(Format)
validate: Format.(string) optional(list(string))
optional.of: (A) optional(A)
optional.ofNonZeroValue: (A) optional(A)
optional.none: () optional(A)
hasValue: optional(A).() bool
value: optional(A).() A
or: optional(A).(optional(A)) optional(A)
orValue: optional(A).(A) A
"""
_NAMES = {
    "URL": "kubernetes.URL",
    "Quantity": "kubernetes.Quantity",
    "IP": "net.IP",
    "CIDR": "net.CIDR",
    "Format": "kubernetes.NamedFormat",
}
_FORMATS = (
    *(
        "dns1123Label",
        "dns1123LabelPrefix",
        "dns1123Subdomain",
        "dns1123SubdomainPrefix",
        "dns1035Label",
        "dns1035LabelPrefix",
    ),
    *("qualifiedName", "labelValue", "uri", "uuid", "byte", "date", "datetime"),
)
_PARAMETER = re.compile(r"[A-Z]")


@cache
def table() -> Mapping[str, tuple[Overload, ...]]:
    """All functions by name; those of a namespace by `namespace.name`."""
    out: dict[str, tuple[Overload, ...]] = {}
    for line in _TABLE.strip().splitlines():
        name, _, forms = line.rpartition(": ") if line.startswith("_?_:_") else line.partition(": ")
        if line.startswith("_?_:_"):
            name, forms = "_?_:_", line.removeprefix("_?_:_: ")
        out[name] = tuple(_form(form) for form in forms.split("; "))
    for name in ("_<_", "_<=_", "_>_", "_>=_"):
        pairs = [(kind, kind) for kind in _ORDERED] + [(one, two) for one in _NUMBERS for two in _NUMBERS if one != two]
        out[name] = tuple(_form(f"({one},{two}) bool") for one, two in pairs)
    for name in _FORMATS:
        out[f"format.{name}"] = (_form("() Format"),)
    return out


def _form(text: str) -> Overload:
    head, _, result = text.rpartition(") ")
    target, _, args = head.partition("(") if head.startswith("(") else _split(head)
    return Overload(_type(target) if target else None, tuple(_type(one) for one in _parts(args)), _type(result))


def _split(head: str) -> tuple[str, str, str]:
    target, _, args = head.rpartition(".(")
    return target, "", args


def _parts(text: str) -> list[str]:
    out, depth = [""], 0
    for character in text:
        if character == "," and not depth:
            out.append("")
            continue
        depth += (character == "(") - (character == ")")
        out[-1] += character
    return [one for one in out if one]


def _type(text: str) -> Type:
    name, _, inner = text.partition("(")
    parts = [_type(one) for one in _parts(inner[:-1])]
    if name == "list":
        return list_of(parts[0])
    if name == "map":
        return map_of(parts[0], parts[1])
    if name == "optional":
        return optional_of(parts[0])
    if name == "type":
        return Type("type", parts[0])
    if _PARAMETER.fullmatch(name):
        return Type("parameter", label=name)
    return Type(_NAMES.get(name, name))
