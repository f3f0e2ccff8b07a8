"""A Dask cluster as the maker of pictures' files."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

import anyio
import anyio.to_thread
import numpy as np

from app.cli import exits
from app.cli.exits import CommandError
from app.cli.forms import Work
from app.cli.making import NotMade
from app.cli.specs import Spec
from app.client.messages import unpacked
from app.service.answers import Answer
from app.service.cluster import Cluster, ClusterError, ItemRefused
from app.service.items import ItemWork
from app.service.specs import PictureInput
from app.settings import Settings
from app.web.bodies import validated
from app.web.schemas import ForwardBody
from app.web.wire import as_safetensors

# Each waits in a thread of its own, with its picture in memory.
MOST_WAITING = 128


@contextlib.asynccontextmanager
async def on_cluster(
    address: str, item: ItemWork, work: Work, forms: Sequence[str], jobs: int | None
) -> AsyncIterator[OnCluster]:
    """Reach a cluster.

    Args:
        address: Of its scheduler.
        item: What a worker computes of each picture.
        work: What is computed, as the API is asked for it.
        forms: Which files are made.
        jobs: Pictures at the same time; by default two for each core of the cluster, so that one
            is under way while the other is computed.

    Raises:
        CommandError: There is no scheduler.
    """
    try:
        cluster = await anyio.to_thread.run_sync(Cluster, address)
    except ClusterError as error:
        raise CommandError(error.message, exits.NO_SERVER) from error
    with contextlib.closing(cluster):
        jobs = jobs or min(max(2 * cluster.cores(), 2), MOST_WAITING)
        yield OnCluster(cluster, item, work, forms, anyio.CapacityLimiter(jobs))


@dataclass(frozen=True)
class OnCluster:
    """Lets a Dask cluster compute.

    Attributes:
        cluster: Where.
        item: What a worker computes.
        work: What is computed, as the API is asked for it.
        forms: Which files are made.
        waiting: Bounds the threads that wait for workers, apart from those that read and write.
    """

    cluster: Cluster
    item: ItemWork
    work: Work
    forms: Sequence[str]
    waiting: anyio.CapacityLimiter

    @property
    def jobs(self) -> int:
        """Pictures at the same time."""
        return int(self.waiting.total_tokens)

    async def files(self, content: bytes) -> dict[str, bytes]:
        """Return the files of one picture; see `Maker`."""
        try:
            made = await anyio.to_thread.run_sync(
                self.cluster.compute,
                content,
                self.item,
                abandon_on_cancel=True,
                limiter=self.waiting,
            )
        except ItemRefused as error:
            raise NotMade(error.message) from error
        except ClusterError as error:
            raise CommandError(error.message, exits.NO_SERVER) from error
        return await anyio.to_thread.run_sync(self._in_all_forms, made)

    def _in_all_forms(self, made: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the files asked for; a worker makes pictures, and an archive for all others."""
        files = {ending: one for ending, one in made.items() if ending.endswith("png")}
        if ".npz" in made:
            with np.load(io.BytesIO(made[".npz"])) as archive:
                arrays = dict(archive)
            answer = Answer(json.loads(str(arrays.pop("response"))), arrays)
            tensors = as_safetensors(answer)
            dtype = self.work.options.get("dtype", "float32")
            whole = {".npz": made[".npz"], ".safetensors": tensors}
            files |= {f".{form}": whole[f".{form}"] for form in self.forms if f".{form}" in whole}
            files |= self.work.number_files(unpacked(tensors, dtype)[1], self.forms)
        return files


def item_work(spec: Spec, work: Work, forms: Sequence[str], settings: Settings) -> ItemWork:
    """Return what a worker computes of each picture for `apply`.

    Args:
        spec: The spec, which the API has found legal.
        work: What is computed, as the API is asked for it.
        forms: Which files are made.
        settings: The limits.
    """
    asked = {
        "input": spec.on("0" * 64),
        "layers": list(work.layers),
        "return": {**work.returning, "layers": list(work.arrays.values())},
        "render": work.render or {},
        **work.options,
    }
    body = validated(ForwardBody, asked, {})
    network, picture = body.to_spec(), body.input
    return ItemWork(
        layers=network.layers,
        dtype=network.dtype,
        picture=PictureInput(color=picture.color, range=picture.range, max_side=picture.max_side),
        returning=body.returning.to_returning(),
        rendering=body.render.to_rendering(),
        forms=(
            *(("png",) if "png" in forms else ()),
            *(("npz",) if set(forms) != {"png"} else ()),
        ),
        settings=replace(settings, token=""),
    )
