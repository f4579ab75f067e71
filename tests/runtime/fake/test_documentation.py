from dataclasses import fields
from pathlib import Path

from solovirt.runtime.fake import Script

PAGE = Path(__file__).parents[3] / "docs" / "fake-runtime.md"


def test_every_field_of_a_script_is_documented():
    text = PAGE.read_text()
    names = {field.name.replace("_", "-").replace("shut-down-after", "shutdown-after") for field in fields(Script)}
    assert {name for name in names if f"| `{name}` |" not in text} == set()
