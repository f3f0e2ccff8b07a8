"""`convscope tile`: one picture larger than memory, from a .npy file into a .npy file."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from tqdm import tqdm

from app.cli import exits
from app.cli.exits import CommandError
from app.cli.files import not_written
from app.cli.specs import read_spec
from app.service.cluster import Cluster, ClusterError
from app.settings import Settings
from app.web.bodies import validated
from app.web.problems import Problem
from app.web.schemas import ShapesBody

Array = NDArray[Any]
MEBIBYTE = 1 << 20


def tile(options: dict[str, Any], settings: Settings) -> int:
    """Compute a picture band by band and return the exit status.

    Raises:
        CommandError: The spec or the picture is refused, or the output cannot be written.
    """
    try:
        from app.service.tiling import in_order, picture_in, tiled
    except ImportError as error:
        raise CommandError("Tiling takes Dask: install convscope[dask].") from error
    spec, path = read_spec(options["spec"]), Path(options["image"]).absolute()
    if options["output"].is_dir():
        raise CommandError(f"{options['output']} is a folder; name the file to write.")
    if options["output"].resolve() == path.resolve():
        raise CommandError(f"{path} is the picture itself; choose another file to write.")
    try:
        x = picture_in(str(path))
    except OSError as error:
        raise CommandError(f"{path}: the file cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CommandError(f"{path}: this is no .npy file of a picture.") from error
    try:
        asked = {"input": {"shape": list(x.shape)}, "layers": spec.layers, **spec.take("dtype")}
        network = validated(ShapesBody, asked, {}).to_spec()
        most = options["memory"] * MEBIBYTE
        y = tiled(network.layers, x, dtype=network.dtype, working_bytes=most)
    except Problem as problem:
        raise CommandError(f"{options['spec']}: {problem.detail}") from problem
    except ValueError as error:  # the engine's: it is illegal for this picture, or not local
        raise CommandError(f"{options['spec']}: {error}") from error
    with _submitting(options["dask"] or settings.dask) as (submit, ahead):
        bar = tqdm(total=y.shape[2], unit="row", disable=True if options["quiet"] else None)
        with bar, _written(options["output"], y.shape, y.dtype) as maps:
            done = 0
            for band in in_order(y, submit, ahead):
                maps[:, :, done : done + band.shape[2]] = band
                done += band.shape[2]
                bar.update(band.shape[2])
    return exits.DONE


@contextlib.contextmanager
def _submitting(address: str) -> Iterator[tuple[Callable[[Any], Callable[[], Array]], int]]:
    """Yield what begins to compute an array, and how many to compute at a time."""
    if not address:
        yield (lambda part: lambda: part.compute(scheduler="sync")), 1
        return
    try:
        with contextlib.closing(Cluster(address)) as cluster:
            yield cluster.array, 2 * max(cluster.cores(), 1)
    except ClusterError as error:
        raise CommandError(error.message, exits.NO_SERVER) from error


@contextlib.contextmanager
def _written(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[Array]:
    """Yield an array to be filled; the file has its name once it is whole."""
    aside = path.with_name(f".convscope-{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            maps = open_memmap(aside, "w+", dtype, shape)
            if hasattr(os, "posix_fallocate"):
                # Else a disk that is full would be told by a signal that kills.
                with open(aside, "r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, aside.stat().st_size)
            yield maps
            maps.flush()
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise not_written(path, error) from error
