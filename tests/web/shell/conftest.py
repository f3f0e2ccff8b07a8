"""Fixtures of the shell's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from tests.web.shell.asking import Shell

MakeShell = Callable[..., Shell]


@pytest.fixture
def make_shell(tmp_path: Path) -> Iterator[MakeShell]:
    """Make applications with settings of the test's choice."""
    made: list[Shell] = []

    def make(**settings: Any) -> Shell:
        settings.setdefault("store_dir", tmp_path / str(len(made)))
        made.append(Shell(Settings(**settings)))
        return made[-1]

    yield make
    for shell in made:
        shell.close()


@pytest.fixture
def shell(make_shell: MakeShell) -> Shell:
    """An application with its default settings and a store of its own."""
    return make_shell()
