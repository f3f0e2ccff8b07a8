"""Many pictures through one spec: several at a time, each one's fault its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio.to_thread
from tqdm import tqdm

from app.cli.files import write_whole
from app.cli.finished import Finished, digest
from app.cli.forms import Work
from app.cli.making import Maker, NotMade
from app.cli.pictures import Source
from app.cli.specs import Spec


@dataclass
class Outcome:
    """What has come of a run so far.

    Attributes:
        pictures: How many there are.
        done: How many were done.
        skipped: How many were done before.
        failed: What was wrong with each of the others, by path.
        started: When it began.
    """

    pictures: int
    done: int = 0
    skipped: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "pictures": self.pictures,
            "done": self.done,
            "skipped": self.skipped,
            "failed": [{"picture": path, "detail": why} for path, why in self.failed.items()],
            "seconds": round(time.monotonic() - self.started, 3),
        }

    def in_words(self) -> str:
        """Return it as a few lines; pictures that failed alike stand together."""
        seconds = time.monotonic() - self.started
        rate = f" ({self.done / seconds:.1f}/s)" if self.done else ""
        lines = [f"{self.done} of {self.pictures} pictures done in {seconds:.1f} s{rate}"]
        if self.skipped:
            lines[0] += f", {self.skipped} were done before"
        if self.failed:
            lines[0] += f", {len(self.failed)} failed:"
        alike: dict[str, list[str]] = {}
        for path, why in self.failed.items():
            alike.setdefault(why, []).append(path)
        for why, paths in alike.items():
            every = len(paths) == self.pictures > 1
            lines += ["  every picture"] if every else [f"  {path}" for path in sorted(paths)]
            lines.append(f"    {why}")
        return "\n".join(lines) + ("" if self.failed else ".")


@dataclass(frozen=True)
class Batch:
    """A run.

    Attributes:
        spec: The spec.
        work: What is computed.
        forms: Which files are written.
        output: Where.
        resume: Whether to pass over what is done.
        jobs: Pictures at the same time.
        quiet: Whether there is no progress bar.
    """

    spec: Spec
    work: Work
    forms: Sequence[str]
    output: Path
    resume: bool
    jobs: int
    quiet: bool

    async def run(self, maker: Maker, sources: Sequence[Source], outcome: Outcome) -> None:
        """Do all pictures, noting in `outcome` what comes of each.

        Raises:
            ConvscopeError: No picture can be done: the server is away, or wants a token.
            CommandError: No picture can be done for another reason, or a result not be written.
        """
        request = {
            "kind": self.work.kind,
            "spec": self.spec.members,
            "arrays": self.work.arrays,
            "forms": list(self.forms),
        }
        finished = Finished(self.output, digest(request))
        outcome.started = time.monotonic()
        # Without a terminal there is nothing to draw a bar on.
        bar = tqdm(total=len(sources), unit="picture", disable=True if self.quiet else None)
        left = iter(sources)
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(self.jobs, len(sources))):
                    tasks.create_task(self._some(maker, left, finished, outcome, bar))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            bar.close()

    async def _some(
        self,
        maker: Maker,
        left: Iterator[Source],
        finished: Finished,
        outcome: Outcome,
        bar: tqdm[Any],
    ) -> None:
        """Do pictures until none is left."""
        for source in left:
            try:
                if await self._one(maker, source, finished):
                    outcome.done += 1
                else:
                    outcome.skipped += 1
            except NotMade as error:
                outcome.failed[str(source.path)] = str(error)
            bar.update()
            if outcome.failed:
                bar.set_postfix(failed=len(outcome.failed), refresh=False)

    async def _one(self, maker: Maker, source: Source, finished: Finished) -> bool:
        """Do one picture; return whether there was anything to do."""
        content = await anyio.to_thread.run_sync(_read, source.path)
        identity = digest(content)
        if self.resume and finished.holds(source.name, identity):
            return False
        files = await maker.files(content)
        paths = {self.output / f"{source.name}{ending}": one for ending, one in files.items()}
        for path, one in paths.items():
            # A thread that writes is waited for even when all else is called off.
            await anyio.to_thread.run_sync(write_whole, path, one)
        finished.add(source.name, identity, list(paths))
        return True


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotMade("There is no such file.") from error
    except OSError as error:
        raise NotMade(f"The file cannot be read: {error.strerror}.") from error
    if not content:
        raise NotMade("The file is empty.")
    return content
