"""Upload every file of packages that test decoders, whole, cut and spoilt: what does it answer?

Each is taken, or refused with a problem of the contract: never a 500, never a dropped connection,
never more memory than is said in docs/operations.md. `make corpus` runs it on what it has fetched.
"""

import collections
import random
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import httpx

from benchmarks.load import resident, server

# Names of what is no picture in these archives; everything else is uploaded, whatever it is.
NO_PICTURES = frozenset({".py", ".pyi", ".pyx", ".c", ".h", ".cpp", ".txt", ".rst", ".md", ".so"})
LONGEST = 20 * 1024 * 1024
SPOILT = 2
TAKEN, REFUSED = (200, 201), (413, 415, 422)
MOST_GROWTH = 512  # MiB: pictures decoded and kept, and those that decoders work on
SLOWEST_SECONDS = 30.0


def pictures(package: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a source archive or a wheel, by name."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            for name in wheel.namelist():
                if PurePosixPath(name).suffix not in NO_PICTURES:
                    yield name, wheel.read(name)
        return
    with tarfile.open(package) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and PurePosixPath(member.name).suffix not in NO_PICTURES:
                yield member.name, file.read()


def variants(content: bytes, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield a file as it is, cut somewhere, and with some bytes changed, most of them early."""
    yield "whole", content
    if len(content) < 2:
        return
    yield "cut", content[: chance.randrange(1, len(content))]
    for _ in range(SPOILT):
        spoilt = bytearray(content)
        for _ in range(chance.choice((1, 4, 30))):
            at = min(chance.randrange(len(spoilt)), chance.randrange(2000))
            spoilt[at] = chance.randrange(256)
        yield "spoilt", bytes(spoilt)


class Tally:
    """What was answered, and what should not have been."""

    def __init__(self) -> None:
        self.statuses: collections.Counter[tuple[str, int]] = collections.Counter()
        self.faults: list[str] = []
        self.slowest = 0.0, ""

    def upload(self, client: httpx.Client, name: str, kind: str, content: bytes) -> None:
        """Upload a file; look at it and delete it where it was taken."""
        began = time.monotonic()
        try:
            answer = client.post("/api/v1/images", content=content)
            self.statuses[kind, answer.status_code] += 1
            if answer.status_code in TAKEN:
                self._look_at(client, answer.headers["location"], name)
            elif answer.status_code not in REFUSED and content:
                self.faults.append(f"{answer.status_code} to {kind} {name}: {answer.text[:200]}")
            elif answer.headers["content-type"] != "application/problem+json":
                self.faults.append(f"no problem for {kind} {name}")
        except httpx.HTTPError as error:
            self.faults.append(f"{type(error).__name__} at {kind} {name}")
        self.slowest = max(self.slowest, (time.monotonic() - began, name))

    def _look_at(self, client: httpx.Client, location: str, name: str) -> None:
        seen = client.get(f"{location}/content?max_side=64").status_code
        gone = client.delete(location).status_code
        if (seen, gone) != (200, 204):
            self.faults.append(f"{seen} to the content and {gone} to the deletion of {name}")


def main(folder: str, seed: str = "1") -> int:
    """Upload everything; the status is 1 where something was answered wrongly."""
    packages = sorted(path for path in Path(folder).iterdir() if path.suffix in (".gz", ".whl"))
    tally, chance, sizes, files = Tally(), random.Random(int(seed)), list[float](), 0
    began = time.monotonic()
    with server() as (port, pid), httpx.Client(timeout=60) as client:
        client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
        for package in packages:
            for name, content in pictures(package):
                files += len(content) <= LONGEST
                for kind, variant in variants(content[:LONGEST], chance):
                    tally.upload(client, name, kind, variant)
                sizes.append(resident(pid))
    took = time.monotonic() - began
    print(f"{files} files of {len(packages)} packages in {took:.0f} s, seed {seed}")
    for (kind, status), count in sorted(tally.statuses.items()):
        print(f"  {kind:<8}{status}  {count}")
    print(f"slowest {tally.slowest[0]:.1f} s: {tally.slowest[1]}")
    print(f"memory {sizes[0]:.0f} MiB at first, {max(sizes):.0f} at most, {sizes[-1]:.0f} at last")
    for fault in tally.faults:
        print(f"FAULT {fault}")
    held = max(sizes) < sizes[0] + MOST_GROWTH and tally.slowest[0] < SLOWEST_SECONDS
    return 0 if held and not tally.faults and files else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
