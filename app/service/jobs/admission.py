"""Whether a job can be taken on: judged as a whole before any of it is done."""

from __future__ import annotations

from collections.abc import Mapping

from app.engine import interrupt
from app.engine.errors import EngineError
from app.service import samples
from app.service.errors import LimitExceeded, NotFound, ServiceError
from app.service.items import ItemWork
from app.service.jobs.job import Claim, Job, Order
from app.service.jobs.store import JobStore
from app.service.pictures import Pictures

Size = tuple[int, int]


def admit(jobs: JobStore, pictures: Pictures, work: ItemWork, order: Order) -> Job:
    """Take a job on.

    The same key again is the same job, whatever has become of its pictures since. A picture that
    the network is illegal for is told when its turn comes; only if it is illegal for all of them,
    nothing is taken on.

    Raises:
        LimitExceeded: there are too many pictures, or their results could never be kept.
        NotFound: a picture or a sample is not there.
        EngineError: the network is illegal for every picture, with each fault.
        TooMuchWork: every picture would need too much memory.
        OverQuota: there is no room for it now.
    """
    if (known := jobs.find(order.key)) is not None:
        return known
    settings = work.settings
    if len(order.sources) > settings.job_items:
        raise LimitExceeded(
            f"The job has {len(order.sources)} pictures; at most {settings.job_items} are legal.",
            limit=settings.job_items,
            actual=len(order.sources),
            path=("images",),
        )
    reserved = _most_bytes(work, _sizes(pictures, order))
    if reserved > settings.results_bytes:
        raise LimitExceeded(
            f"The results may take {reserved} bytes; the limit is {settings.results_bytes}. Keep "
            "less: fewer layers or channels, a smaller max_side, one form, or several jobs.",
            limit=settings.results_bytes,
            actual=reserved,
            path=("images",),
        )
    return jobs.add(order, reserved)


def _sizes(pictures: Pictures, order: Order) -> Mapping[Size, int]:
    """Return how many pictures there are of each size."""
    known = pictures.store.sizes(one.image for one in order.sources if one.image is not None)
    found: dict[Size, int] = {}
    for number, source in enumerate(order.sources):
        if source.image is None:
            pixels = pictures.sample_pixels(source.sample or "")
            size = (pixels.shape[0], pixels.shape[1])
        elif source.image in known:
            size = known[source.image]
        else:
            raise NotFound(
                f"There is no picture of the id at /images/{number}; it may have expired."
            )
        found[size] = found.get(size, 0) + 1
    return found


def _most_bytes(work: ItemWork, sizes: Mapping[Size, int]) -> int:
    """Return the bytes that the results can have at most."""
    refused: EngineError | ServiceError | None = None
    most, legal = 0, False
    for (rows, cols), count in sizes.items():
        interrupt.check()
        try:
            most += count * work.most_bytes(work.refuse(rows, cols))
            legal = True
        except (EngineError, ServiceError) as error:
            refused = refused or error
    if refused is not None and not legal:
        raise refused
    return most


def content_of(pictures: Pictures, claim: Claim) -> bytes:
    """Return the file of a picture of a job.

    Raises:
        NotFound: it is gone.
    """
    if claim.source.image is not None:
        return pictures.store.content(claim.source.image)
    return samples.find_picture(claim.source.sample or "").content
