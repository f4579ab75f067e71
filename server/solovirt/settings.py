"""
What can be set, from where, and what it is if nobody says.

A flag of `solovirt up` goes before an environment variable (`SOLOVIRT_DATA_DIR`, …), which goes before the settings file (YAML; named by
`--config` or `SOLOVIRT_CONFIG`), which goes before the default. docs/settings.md is the reference; a test keeps it complete.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import yaml
from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


class SettingsError(Exception):
    """The settings can't be used; the text says which one and why."""


def default_data_dir() -> Path:
    """`$XDG_DATA_HOME/solovirt`, which is ~/.local/share/solovirt where it is unset."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "solovirt"


class Settings(BaseSettings):
    """All settings of one control plane. Raises pydantic's ValidationError for values that can't be."""

    model_config = SettingsConfigDict(env_prefix="SOLOVIRT_", extra="forbid", frozen=True)

    data_dir: Path = Field(
        default_factory=default_data_dir, description="Holds everything that is kept: database, keys, kubeconfig."
    )
    listen: str = Field(default="127.0.0.1:6443", description="Address and port to serve on; port 0 picks a free one.")
    kubeconfig: Path | None = Field(
        default=None,
        description="Where to write the administrator's kubeconfig; `kubeconfig` in the data directory if unset.",
    )
    runtime: str = Field(
        default="fake", description="The hypervisor: `fake`, `libvirt`, or the name of an installed runtime."
    )
    libvirt_uri: tuple[str, ...] = Field(
        default=("qemu:///system",),
        description="libvirt hosts that the libvirt runtime runs guests on, each one a node: a URI, or NAME=URI. May be repeated.",
    )
    libvirt_domain_type: Literal["kvm", "qemu", "test"] = Field(
        default="kvm",
        description="How libvirt guests run: `kvm` on the processor, `qemu` emulated; `test` is for libvirt's mock driver.",
    )
    volumes: str = Field(
        default="simulated",
        description="Where disks are: `simulated` (imports only take time), `files` in the data directory, or an installed back end.",
    )
    volumes_quota: str = Field(
        default="",
        description="What all volumes together may take up on disk, such as `100Gi`; what there is, but for a reserve, if unset. For `files`.",
    )
    nodes: int = Field(default=3, ge=1, le=1000, description="How many nodes the fake runtime simulates.")
    node_guests: int = Field(
        default=110,
        ge=1,
        le=50_000,
        description="How many guests each simulated node has room for; its CPUs and memory grow with it.",
    )
    database_url: str | None = Field(
        default=None,
        description="SQLAlchemy URL of the database (`postgresql+asyncpg://…`); a SQLite file in the data directory if unset.",
    )
    database_password_file: Path | None = Field(
        default=None, description="File with the password of the database's user, for a URL that shall not hold it."
    )
    lease_seconds: float = Field(
        default=6.0,
        ge=1,
        le=600,
        description="With several replicas: how long after its end, in seconds, the one that ran the controllers counts as gone.",
    )
    public_url: str | None = Field(
        default=None,
        description="Where clients find this control plane if that is a load balancer; kubeconfigs and CDI's configuration name it.",
    )
    pki_dir: Path | None = Field(
        default=None,
        description="Directory with the keys, for keys that are brought along; `pki` in the data directory if unset, and shared by replicas through the database.",
    )
    insecure_http: bool = Field(
        default=False,
        description="Serve plain HTTP, and let everyone who connects be administrator. Loopback addresses only; for load tests.",
    )
    tls_names: tuple[str, ...] = Field(
        default=(), description="Further host names and addresses that the serving certificate is valid for."
    )
    instant: bool = Field(
        default=False,
        description="Simulated guests boot, shut down and answer through their agents at once, and simulated imports are done at once.",
    )
    launcher_pods: bool = Field(
        default=True, description="Show a virt-launcher Pod for each running VirtualMachineInstance, as KubeVirt does."
    )
    history_revisions: int = Field(
        default=10_000, ge=0, description="Keep at least this many revisions for watches and consistent lists."
    )
    history_seconds: float = Field(default=300.0, ge=0, description="Keep revisions at least this long, in seconds.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe message logged."
    )
    log_format: Literal["text", "json"] = Field(default="text", description="`text` for people, `json` for machines.")
    shutdown_seconds: float = Field(
        default=10.0, ge=0, description="How long a shutdown waits for requests and reconciles under way, in seconds."
    )

    @field_validator("listen")
    @classmethod
    def _listen_is_address_and_port(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        if not colon or not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("give an address and a port, such as 127.0.0.1:6443 or [::1]:0")
        return value

    @model_validator(mode="after")
    def _insecure_means_loopback(self) -> Settings:
        if self.insecure_http and self.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError(
                "insecure_http gives everyone who connects full control: it listens on loopback addresses only"
            )
        return self

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def store_url(self) -> str:
        """The database's URL. Raises SettingsError if the password's file can't be read."""
        url = self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'solovirt.db'}"
        if self.database_password_file is None:
            return url
        try:
            password = self.database_password_file.read_text().strip()
        except OSError as error:
            raise SettingsError(f"database_password_file: {self.database_password_file}: {error.strerror}") from error
        before, at, rest = url.partition("@")
        if not at or ":" in before.rpartition("/")[2]:
            raise SettingsError("database_password_file: the database's URL has to name a user, and no password")
        return f"{before}:{quote(password, safe='')}@{rest}"

    @property
    def pki_path(self) -> Path:
        """Where the keys are."""
        return self.pki_dir or self.data_dir / "pki"

    @property
    def kubeconfig_path(self) -> Path:
        return self.kubeconfig or self.data_dir / "kubeconfig"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings)


class _Given(Settings):
    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def given(**values: Any) -> Settings:
    """Settings from *values* and the defaults alone, whatever the environment says. Raises pydantic's ValidationError."""
    return _Given(**values)


def load(flags: dict[str, Any], *, config: Path | None = None) -> Settings:
    """
    Put the settings together; *flags* holds those given on the command line.

    Raises SettingsError with a text for the user: an unreadable file, an unknown setting, a value that can't be.
    """
    path = config or (Path(named) if (named := os.environ.get("SOLOVIRT_CONFIG")) else None)
    from_file: dict[str, Any] = {}
    if path is not None:
        try:
            from_file = yaml.safe_load(path.read_text()) or {}
        except (OSError, yaml.YAMLError) as error:
            raise SettingsError(f"{path}: {error}") from error
        if not isinstance(from_file, dict):
            raise SettingsError(f"{path}: expected a mapping of settings, found {type(from_file).__name__}")
    environment = {name.removeprefix("SOLOVIRT_").lower() for name in os.environ if name.startswith("SOLOVIRT_")}
    below = {name: value for name, value in from_file.items() if name not in environment}
    try:
        return Settings(**{**below, **flags})
    except ValueError as error:
        errors = getattr(error, "errors", None)
        if errors is None:
            raise SettingsError(str(error)) from error
        lines = [f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in errors()]
        raise SettingsError("; ".join(lines)) from error
