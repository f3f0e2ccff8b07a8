"""Settings: read from the environment, refused when wrong, written down."""

import dataclasses
import re
from pathlib import Path

import pytest

from app.settings import PREFIX, Settings, SettingsError

ROOT = Path(__file__).parents[1]


def test_absent_and_empty_variables_leave_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings.from_environment({"CONVSCOPE_UPLOAD_BYTES": " "}) == Settings()


def test_each_kind_of_setting_is_read() -> None:
    settings = Settings.from_environment(
        {
            "CONVSCOPE_UPLOAD_BYTES": "7",
            "CONVSCOPE_DEADLINE_SECONDS": "2.5",
            "CONVSCOPE_ALLOWED_HOSTS": "a.example, b.example,",
            "CONVSCOPE_ALLOW_PUBLIC": "Yes",
            "CONVSCOPE_STORE_DIR": "/srv/store",
            "CONVSCOPE_TOKEN": "s3cret",
        }
    )
    assert settings.upload_bytes == 7
    assert settings.deadline_seconds == 2.5
    assert settings.allowed_hosts == ("a.example", "b.example")
    assert settings.allow_public is True
    assert settings.store_dir == Path("/srv/store")
    assert settings.token == "s3cret"


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("UPLOAD_BYTES", "20MB"),
        ("UPLOAD_BYTES", "0"),
        ("UPLOAD_BYTES", "1.5"),
        ("LAYERS", "-1"),
        ("DEADLINE_SECONDS", "nan"),
        ("DEADLINE_SECONDS", "inf"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("ALLOW_PUBLIC", "perhaps"),
    ],
)
def test_wrong_value_is_refused_by_the_variables_name(variable: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"CONVSCOPE_{variable}"):
        Settings.from_environment({f"CONVSCOPE_{variable}": text})


def test_limits_are_numbers_and_hold_no_secret() -> None:
    limits = Settings(token="s3cret").limits()
    assert all(type(value) in (int, float) for value in limits.values())
    assert limits["upload_bytes"] == 20 * 1024 * 1024
    assert {"token", "host", "store_dir"}.isdisjoint(limits)


def test_every_setting_is_documented_with_its_default() -> None:
    written = (ROOT / "docs" / "security.md").read_text("utf-8")
    documented = set(re.findall(rf"`{PREFIX}([A-Z_]+)`", written))
    assert documented == {field.name.upper() for field in dataclasses.fields(Settings)}
    for field in dataclasses.fields(Settings):
        assert field.metadata["meaning"] in written, field.name
