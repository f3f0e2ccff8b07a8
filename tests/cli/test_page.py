"""The page about the command line: every command runs as it stands."""

import json
import re
import shlex
from pathlib import Path

import pytest

from app.cli import exits
from app.cli.arguments import FORMS, parser
from app.settings import Settings
from tests.cli.conftest import Run
from tests.test_readme import ROOT, examples

PAGE = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
COMMANDS = [line for block in examples("sh", PAGE) for line in block.splitlines()]


@pytest.fixture
def folder(tmp_path: Path, photos: Path) -> Path:
    """A folder with what the page speaks of."""
    del photos
    (spec,), (signal,) = examples("json", PAGE), examples("yaml", PAGE)
    (tmp_path / "edges.json").write_text(spec)
    (tmp_path / "signal.yaml").write_text(signal)
    return tmp_path


def words(command: str, folder: Path) -> list[str]:
    """Return the arguments of a command, patterns filled in as a shell does."""
    name, *given = shlex.split(command)
    assert name == "convscope"
    filled: list[str] = []
    for word in given:
        found = sorted(map(str, folder.glob(word))) if "*" in word else []
        filled += found or [word]
    return filled


def test_commands_do_what_the_page_says(convscope: Run, folder: Path) -> None:
    ended = [convscope(*words(command, folder)) for command in COMMANDS]
    assert [one.status for one in ended] == [0] * len(COMMANDS)
    assert (folder / "maps" / "a.png").exists()
    assert (folder / "maps" / "trip" / "c.png").exists()
    assert (folder / "numbers" / "a.layers.1.npy").exists()
    assert (folder / "heat" / "b.layers.0.kernel.png").exists()
    (resumed,) = (one for one, line in zip(ended, COMMANDS, strict=True) if "--resume" in line)
    assert json.loads(resumed.out)["skipped"] == 3


@pytest.mark.parametrize("example", examples("console", PAGE))
def test_output_is_what_the_page_shows(convscope: Run, folder: Path, example: str) -> None:
    command, _, shown = example.removeprefix("$ ").partition("\n")
    assert convscope(*words(command, folder)).out == shown


def test_page_names_every_command_format_and_exit_status() -> None:
    commands = next(
        action.choices for action in parser(Settings())._actions if action.dest == "command"
    )
    assert set(commands or ()) == set(re.findall(r"^\| `convscope (\w+)", PAGE, re.MULTILINE))
    for form in FORMS:
        assert f"`{form}`" in PAGE
    for status, meaning in exits.MEANINGS.items():
        assert f"| {status} | {meaning} |" in PAGE
