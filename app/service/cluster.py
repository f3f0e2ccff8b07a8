"""Pictures computed on a Dask cluster: one task each, bytes there and bytes back.

All that is hard about many machines is Dask's: which worker takes what, what becomes of the task of
a worker that dies, how workers come and go. Here is only what the rest of this program asks of it.
A picture's bytes travel inside its task, so that no worker's death can lose them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.engine.errors import EngineError
from app.imaging import PictureError
from app.service.errors import Overloaded, ServiceError
from app.service.items import ItemWork, compute_item

if TYPE_CHECKING:
    import dask.array as da
    from distributed import Future

# A scheduler that is there answers at once.
CONNECT_SECONDS = 3.0
# How often a waiting thread looks whether its picture is still wanted, and whether it has a chance.
LOOK_SECONDS = 1.0
# A cluster whose last worker has died gets so long for another one.
WORKERLESS_SECONDS = 60.0


class ClusterError(Overloaded):
    """The cluster is away, or cannot compute now; whatever is done already is not lost."""


class ItemRefused(ServiceError):
    """What was wrong with one picture."""


@dataclass(frozen=True)
class _Refusal:
    """What was wrong with one picture, told by a worker: exceptions need not survive a pickle."""

    message: str


def run_item(content: bytes, work: ItemWork) -> dict[str, bytes] | _Refusal:
    """Compute one picture; this is what runs on a worker."""
    try:
        return compute_item(content, work)
    except (EngineError, PictureError, ServiceError) as error:
        return _Refusal(error.message)


class Cluster:
    """A connection to a Dask cluster; its methods block, and any thread may call them.

    Args:
        address: Of the scheduler, such as tcp://scheduler:8786.

    Raises:
        ClusterError: Dask is not installed, or no scheduler is there.
    """

    def __init__(self, address: str) -> None:
        try:
            import dask
            from distributed import Client
        except ImportError as error:
            raise ClusterError(
                "Computing on a cluster takes Dask: install convscope[dask]."
            ) from error
        self.address = address
        logging.getLogger("distributed.client").setLevel(
            logging.CRITICAL
        )  # told here, in a sentence
        # Pictures travel inside of tasks on purpose; Dask would warn of each that is large.
        dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GiB"})
        try:
            self._client = Client(address, timeout=CONNECT_SECONDS, name="convscope")
        except (OSError, ValueError) as error:
            raise ClusterError(f"There is no Dask scheduler at {address}.") from error
        self._seen = time.monotonic()

    def cores(self) -> int:
        """Return how many tasks the cluster's workers run at the same time."""
        return sum(self._client.nthreads().values())

    def compute(
        self, content: bytes, work: ItemWork, check: Callable[[], None] = lambda: None
    ) -> dict[str, bytes]:
        """Return the files of one picture, computed by a worker.

        Args:
            content: The picture's file.
            work: What is computed of it.
            check: Called every now and then while waiting; raises to give the picture up.

        Raises:
            ItemRefused: The picture cannot be read, or the network is illegal for it.
            ClusterError: The scheduler is away, there are no workers, or they cannot compute.
        """
        work = replace(work, settings=replace(work.settings, token=""))
        found: dict[str, bytes] | _Refusal = self._waited(self._submitted(content, work), check)
        if isinstance(found, _Refusal):
            raise ItemRefused(found.message)
        return found

    def array(self, part: da.Array) -> Callable[[], Any]:
        """Begin to compute a Dask array on the workers; return what waits for it.

        What it returns raises ClusterError as `compute` does.
        """
        try:
            future = self._client.compute(part)
        except (OSError, RuntimeError) as error:
            raise self._lost() from error
        return lambda: self._waited(future, lambda: None)

    def _submitted(self, content: bytes, work: ItemWork) -> Future[Any]:
        try:
            return self._client.submit(run_item, content, work, pure=False)
        except (OSError, RuntimeError) as error:  # closed since it lost its scheduler
            raise self._lost() from error

    def _waited(self, future: Future[Any], check: Callable[[], None]) -> Any:
        from concurrent.futures import CancelledError

        from distributed import KilledWorker
        from distributed import TimeoutError as NotYet

        try:
            while True:
                check()
                try:
                    return future.result(timeout=LOOK_SECONDS)
                except NotYet:
                    self._look_for_workers()
        except KilledWorker as error:
            raise ItemRefused("Every worker that computed the picture died of it.") from error
        except CancelledError as error:
            raise self._lost() from error
        except ServiceError:
            raise
        except OSError as error:
            raise self._lost() from error
        except (ImportError, AttributeError) as error:
            raise ClusterError(
                f"The workers at {self.address} have another version of convscope, or none: {error}"
            ) from error
        finally:
            future.release()

    def _look_for_workers(self) -> None:
        try:
            workers = self._client.nthreads()
        except (OSError, RuntimeError) as error:
            raise self._lost() from error
        if workers:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > WORKERLESS_SECONDS:
            raise ClusterError(f"The Dask cluster at {self.address} has no workers.")

    def _lost(self) -> ClusterError:
        return ClusterError(f"The Dask scheduler at {self.address} does not answer any more.")

    def close(self) -> None:
        """Leave; what is not done yet is called off."""
        self._client.close(timeout=2)


class ClusterOnDemand:
    """A cluster that is reached when there is something to compute, and again when it was lost.

    Args:
        address: Of its scheduler.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._cluster: Cluster | None = None
        self._lock = threading.Lock()
        self._away: str | None = None
        self._again = 0.0

    def compute(
        self, content: bytes, work: ItemWork, check: Callable[[], None]
    ) -> dict[str, bytes]:
        """Return the files of one picture; see `Cluster.compute`."""
        cluster = self._reached()
        try:
            return cluster.compute(content, work, check)
        except ClusterError:
            with self._lock:
                if self._cluster is cluster:
                    self._cluster = None
                    cluster.close()
            raise

    def _reached(self) -> Cluster:
        with self._lock:
            if self._away is not None and time.monotonic() < self._again:
                raise ClusterError(self._away)
            try:
                self._cluster, self._away = self._cluster or Cluster(self._address), None
            except ClusterError as error:
                # Threads that all want it need not wait one after the other to be told.
                self._away, self._again = error.message, time.monotonic() + CONNECT_SECONDS
                raise
            return self._cluster

    def close(self) -> None:
        """Leave the cluster."""
        with self._lock:
            if self._cluster is not None:
                self._cluster.close()
                self._cluster = None
