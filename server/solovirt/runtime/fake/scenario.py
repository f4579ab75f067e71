"""
How simulated guests behave, as data.

A `Script` is what one guest does with its life: how long it takes to start, whether it crashes, and when. A `Scenario` has a script for everybody
and stages, each of which changes it for the guests that it selects. What a single guest's annotations say goes before all of them:

    scenario = Scenario()
    scenario.add(Stage.of(name="web-*", boot_seconds=5))
    scenario.add(Stage.of(labels={"trouble": "yes"}, crash_after=30))

    metadata:
      annotations:
        fake.solovirt.io/crash-after: "30"

A guest takes its script when it is booted and keeps it: changing the scenario concerns guests booted later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from typing import Any

from solovirt.runtime.fake import services

ANNOTATION_PREFIX = "fake.solovirt.io/"


class ScenarioError(ValueError):
    """The scenario (or an annotation) says something that can't be; the text names it."""


@dataclass(frozen=True, slots=True)
class Script:
    """
    What a guest does. Durations are seconds of the clock, counted while the guest runs (not while it is paused) and anew after a reset.

    Each field is also an annotation, `fake.solovirt.io/` and the name with dashes: `fake.solovirt.io/boot-seconds`.
    """

    boot_seconds: float = 1.0
    """From the command to start until it runs; 0 is at once."""
    refuse_to_start: str = ""
    """The hypervisor refuses each command to start, with this text; the instance stays Scheduled and is tried again."""
    fail_to_start: str = ""
    """Instead of running, it crashes after *boot_seconds*, for this reason; the instance fails without ever having run."""
    crash_after: float | None = None
    """It crashes by itself after running this long."""
    crash_reason: str = "panicked"
    shut_down_after: float | None = None
    """It powers off by itself after running this long."""
    ignores_acpi: bool = False
    """It doesn't react to a request to shut down, and is destroyed when the grace period ends."""
    shutdown_seconds: float = 1.0
    """From the request to shut down until it is off; longer than the grace period, and it is destroyed."""
    plug_seconds: float = 1.0
    """From the command to plug a disk in or out, or to change the guest's size, until that has happened."""
    refuse_to_plug: str = ""
    """The hypervisor refuses each command to plug a disk in, with this text."""
    refuse_to_resize: str = ""
    """The hypervisor refuses each command to change the guest's size, with this text."""
    dump_seconds: float = 1.0
    """How long it takes to write a dump of its memory."""
    fail_to_dump: str = ""
    """A dump of its memory fails when it would be done, for this reason."""
    agent_after: float | None = 1.0
    """Its agent answers after it has run this long; None: there is no agent."""
    answers_after: float | None = 0.0
    """It answers probes (httpGet, tcpSocket, exec) after it has run this long; None: never."""
    hangs_after: float | None = None
    """It answers no probe any more, that of its agent included, after it has run this long."""
    addresses: tuple[str, ...] = ()
    """The addresses of its interface on the pod network, in place of the one that the node hands out."""
    ports: tuple[str, ...] = ("22=ssh",)
    """What listens on its ports: `80=http`, `53/udp=echo`. There are echo, discard, http and ssh."""


TIMELESS = Script(boot_seconds=0, shutdown_seconds=0, plug_seconds=0, dump_seconds=0, agent_after=0)
"""A guest with everything that belongs to one, of which nothing takes time."""
INSTANT = Script(boot_seconds=0, shutdown_seconds=0, plug_seconds=0, dump_seconds=0, agent_after=None)
"""Nothing takes time and there is no agent: as many guests as possible in as little time as possible."""


def _number(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError("it must be 0 or more")
    return number


def _optional_number(text: str) -> float | None:
    return None if text in ("", "never") else _number(text)


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("it must be true or false")
    return text == "true"


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_READERS: dict[str, Callable[[str], Any]] = {
    "boot_seconds": _number,
    "refuse_to_start": str,
    "fail_to_start": str,
    "crash_after": _optional_number,
    "crash_reason": str,
    "shut_down_after": _optional_number,
    "ignores_acpi": _flag,
    "shutdown_seconds": _number,
    "plug_seconds": _number,
    "refuse_to_plug": str,
    "refuse_to_resize": str,
    "dump_seconds": _number,
    "fail_to_dump": str,
    "agent_after": _optional_number,
    "answers_after": _optional_number,
    "hangs_after": _optional_number,
    "addresses": _list,
    "ports": services.read,
}
_NAMES = {one.name for one in fields(Script)}


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a scenario: *changes* to the script of the guests that it selects. Make it with `of` or `from_data`."""

    namespace: str = "*"
    """A glob, as is *name*."""
    name: str = "*"
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the instance that must all be there, with these values."""
    changes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, *, namespace: str = "*", name: str = "*", labels: Mapping[str, str] | None = None, **changes: Any
    ) -> Stage:
        """A stage whose *changes* are fields of `Script`. Raises ScenarioError for one that is none."""
        for change in changes:
            if change not in _NAMES:
                raise ScenarioError(f"guests have no {change!r}; there are: {', '.join(sorted(_NAMES))}")
        return cls(namespace, name, dict(labels or {}), dict(changes))

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Stage:
        """Read a stage from decoded JSON or YAML: the keys are namespace, name, labels and annotations' names without prefix."""
        selectors = {key: data[key] for key in ("namespace", "name", "labels") if key in data}
        changes = {}
        for key, value in data.items():
            if key in selectors:
                continue
            # YAML's numbers and booleans are read as what an annotation would say.
            text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
            attribute, read = _read(key, text)
            changes[attribute] = read
        return cls.of(**selectors, **changes)

    def selects(self, namespace: str, name: str, labels: Mapping[str, str]) -> bool:
        return (
            fnmatchcase(namespace, self.namespace)
            and fnmatchcase(name, self.name)
            and all(labels.get(label) == value for label, value in self.labels.items())
        )


class Scenario:
    """Scripts for all guests. Later stages go before earlier ones, and annotations before all."""

    def __init__(self, default: Script | None = None, stages: Iterable[Stage] = ()) -> None:
        self.default = default or Script()
        self._stages = list(stages)

    @classmethod
    def from_data(cls, data: Iterable[Mapping[str, Any]]) -> Scenario:
        """A scenario from a list of stages as `Stage.from_data` reads them. Raises ScenarioError."""
        return cls(stages=[Stage.from_data(one) for one in data])

    def add(self, stage: Stage) -> None:
        self._stages.append(stage)

    def clear(self) -> None:
        """Forget all stages."""
        self._stages.clear()

    def script(self, namespace: str, name: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Script:
        """What this guest will do. Raises ScenarioError if its annotations can't be read."""
        script = self.default
        for stage in self._stages:
            if stage.selects(namespace, name, labels):
                script = replace(script, **stage.changes)
        changes = {}
        for key, value in annotations.items():
            if key.startswith(ANNOTATION_PREFIX):
                attribute, read = _read(key.removeprefix(ANNOTATION_PREFIX), value, where=f"the annotation {key}: ")
                changes[attribute] = read
        return replace(script, **changes) if changes else script


# `shutdown-after` is the natural spelling beside `crash-after`; both are understood.
_ALIASES = {"shutdown_after": "shut_down_after"}


def _read(key: str, text: str, *, where: str = "") -> tuple[str, Any]:
    attribute = key.replace("-", "_")
    attribute = _ALIASES.get(attribute, attribute)
    if attribute not in _READERS:
        known = ", ".join(sorted(name.replace("_", "-") for name in _READERS))
        raise ScenarioError(f"{where}guests have no {key!r}; there are: {known}")
    try:
        return attribute, _READERS[attribute](text)
    except ValueError as error:
        raise ScenarioError(f"{where}{text!r} is no {key}: {error}") from error
