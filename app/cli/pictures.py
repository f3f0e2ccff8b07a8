"""Which pictures are meant, and what their results are called."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from app.cli.exits import CommandError

# Of the types that are read; what a file is called decides only whether it is taken from a folder.
SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff")
)


@dataclass(frozen=True)
class Source:
    """One picture.

    Attributes:
        path: Its file, which may be missing.
        name: What its results are called, without an ending; with the folders it stands in below
            the one that was named.
    """

    path: Path
    name: str


def sources(named: Sequence[Path], output: Path) -> list[Source]:
    """Return the pictures among files and folders, those of a folder in order of their names.

    Args:
        named: Files and folders.
        output: Where results go; pictures in it are results of earlier runs.

    Raises:
        CommandError: Two pictures would be called alike, or there is none.
    """
    found = list(dict.fromkeys(_found(named, output.absolute())))
    if not found:
        raise CommandError(f"There are no pictures in {', '.join(map(str, named))}.")
    names = [below.with_suffix("").as_posix() for _, below in found]
    # Where the ending alone tells pictures apart, results keep it: photo.jpg.png, photo.png.png.
    often = collections.Counter(name.casefold() for name in names)
    chosen = [
        Source(path, name if often[name.casefold()] == 1 else below.as_posix())
        for (path, below), name in zip(found, names, strict=True)
    ]
    _refuse_twins(chosen)
    return chosen


def _found(named: Sequence[Path], output: Path) -> Iterable[tuple[Path, PurePath]]:
    for path in named:
        if not path.is_dir():
            yield path, PurePath(path.name)
            continue
        for file in sorted(path.rglob("*")):
            is_result = output in file.absolute().parents and output != path.absolute()
            is_there = file.is_file() or not file.exists()  # a link to nothing is told of later
            if file.suffix.lower() in SUFFIXES and is_there and not is_result:
                yield file, file.relative_to(path)


def _refuse_twins(chosen: Sequence[Source]) -> None:
    known: dict[str, Path] = {}
    for source in chosen:
        other = known.setdefault(source.name.casefold(), source.path)
        if other != source.path:
            raise CommandError(
                f"The results of {other} and {source.path} would have the same name; give the "
                "folder that holds both, or two output folders."
            )
