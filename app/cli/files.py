"""Files that are whole or not there."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from app.cli import exits
from app.cli.exits import CommandError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees a part of it, its folder made when absent.

    Raises:
        CommandError: There is no room for it, or it may not be written.
    """
    aside = path.with_name(f".convscope-{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(aside, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise not_written(path, error) from error


def not_written(path: Path, error: OSError) -> CommandError:
    """Return the error of a file that could not be written."""
    in_file = isinstance(error, FileExistsError | NotADirectoryError)
    why = "a file stands where its folder is to be" if in_file else error.strerror
    return CommandError(f"{path} cannot be written: {why}.", exits.NOT_WRITTEN)
