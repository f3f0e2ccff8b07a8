"""Long work as plain values: what is asked for, how far it is, and what it has left."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Literal

Kind = Literal["apply"]
State = Literal["waiting", "running", "done", "cancelled"]
ENDED = ("done", "cancelled")

ID = re.compile(r"[0-9a-f]{32}\Z")
GONE = "There is no job of this id; it may have been deleted or have expired."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """One picture of a job: an upload or a sample; exactly one of the two.

    Attributes:
        name: what its results are called, without an ending.
        image: id of an upload.
        sample: name of a sample.
    """

    name: str
    image: str | None = None
    sample: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Order:
    """A job as it is asked for.

    Attributes:
        kind: what is done.
        name: what the person calls it.
        sources: the pictures.
        request: the body that says what is computed; it is read again after a restart.
        media_type: what the body is.
        key: the same key again means the same job; "" for none.
    """

    kind: Kind
    name: str
    sources: tuple[Source, ...]
    request: bytes
    media_type: str
    key: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """How far a job is.

    Attributes:
        id: random, in hexadecimal.
        kind: what is done.
        name: what the person calls it.
        state: `waiting` until the first picture is begun, then `running`, then one of `ENDED`.
        created: seconds since the epoch.
        started: when the first picture was begun.
        ended: when the last one was done, or the job was cancelled.
        total: how many pictures there are.
        done: of how many there are results.
        failed: how many cannot be done.
        running: how many are being computed.
        bytes: size of the results.
        version: grows whenever one of the above changes.
        rate: pictures a second of late; None while there is nothing to tell it from.
    """

    id: str
    kind: Kind
    name: str
    state: State
    created: float
    started: float | None
    ended: float | None
    total: int
    done: int
    failed: int
    running: int
    bytes: int
    version: int
    rate: float | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it will change any more."""
        return self.state in ENDED

    @property
    def eta(self) -> float | None:
        """Seconds until it will have ended, at the rate of late."""
        if self.has_ended or not self.rate:
            return None
        return (self.total - self.done - self.failed) / self.rate


@dataclasses.dataclass(frozen=True)
class Claim:
    """One picture that one process computes, until its lease ends.

    Attributes:
        job: id of the job.
        number: which picture of it, from 0.
        source: the picture.
        owner: who computes it.
    """

    job: str
    number: int
    source: Source
    owner: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Item:
    """What has come of one picture.

    Attributes:
        number: which picture of the job, from 0.
        source: the picture.
        state: `waiting`, `running`, `done` or `failed`.
        files: size of each of its files, by what its name ends with.
        fault: why it failed, a sentence.
    """

    number: int
    source: Source
    state: str
    files: dict[str, int]
    fault: str | None


def distinct(names: Iterable[str]) -> list[str]:
    """Return the names, those that a file system may take for the same one numbered apart."""
    taken: set[str] = set()
    found = []
    for name in names:
        chosen, count = name, 1
        while chosen.casefold() in taken:
            count += 1
            chosen = f"{name}-{count}"
        taken.add(chosen.casefold())
        found.append(chosen)
    return found
