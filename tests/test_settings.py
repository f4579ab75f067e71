"""Settings: where they come from, in which order, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from solovirt import settings
from solovirt.settings import Settings, SettingsError

DOCS = Path(__file__).resolve().parents[1] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("SOLOVIRT_"):
            monkeypatch.delenv(name)


def test_a_flag_goes_before_the_environment_which_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("nodes: 5\nlog_level: debug\nlisten: 127.0.0.1:1\n")
    monkeypatch.setenv("SOLOVIRT_NODES", "7")
    monkeypatch.setenv("SOLOVIRT_LISTEN", "127.0.0.1:2")

    loaded = settings.load({"listen": "127.0.0.1:3"}, config=file)

    assert (loaded.listen, loaded.nodes, loaded.log_level) == ("127.0.0.1:3", 7, "debug")


def test_the_file_can_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("nodes: 2\n")
    monkeypatch.setenv("SOLOVIRT_CONFIG", str(file))
    assert settings.load({}).nodes == 2


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("nonsense: 1\n", "nonsense: Extra inputs are not permitted"),
        ("- a\n", "expected a mapping of settings, found list"),
        ("a: [\n", "settings.yaml: "),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, content: str, complaint: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(content)
    with pytest.raises(SettingsError) as refused:
        settings.load({}, config=file)
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    "flags",
    [
        {"listen": "localhost"},
        {"listen": ":6443"},
        {"listen": "127.0.0.1:70000"},
        {"nodes": "0"},
        {"log_level": "loud"},
        {"insecure_http": True, "listen": "0.0.0.0:6443"},
    ],
)
def test_values_that_cannot_be_are_refused(flags: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        settings.load(flags)


def test_plain_http_is_for_loopback_only() -> None:
    assert settings.load({"insecure_http": True, "listen": "127.0.0.1:0"}).insecure_http
    with pytest.raises(SettingsError, match="loopback"):
        settings.load({"insecure_http": True, "listen": "192.0.2.1:0"})


def test_the_database_is_a_file_in_the_data_directory_unless_a_url_is_given(tmp_path: Path) -> None:
    assert settings.load({"data_dir": tmp_path}).store_url == f"sqlite+aiosqlite:///{tmp_path}/solovirt.db"
    assert settings.load({"data_dir": tmp_path, "database_url": ""}).store_url.startswith("sqlite")
    url = "postgresql+asyncpg://db/solovirt"
    assert settings.load({"database_url": url}).store_url == url


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    text = DOCS.read_text()
    assert f"`{name}`" in text
    assert f"`--{name.replace('_', '-')}`" in text
    assert f"`SOLOVIRT_{name.upper()}`" in text
