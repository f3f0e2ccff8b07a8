"""Uploads to a server that is killed: what it has acknowledged, and what must still be there."""

import contextlib
import random
import threading
import time
from collections.abc import Collection, Iterable
from typing import NamedTuple

import httpx

from app.service.store import USE_RESOLUTION
from tests.imaging.pictures import encoded, noise

UPLOADERS = 3
HELD = 30
# Between the look at the clock here and the server's look at its own.
SLACK_SECONDS = 15


def picture(number: int) -> bytes:
    """A picture like no other, in a file of one size: so it is plain which ones the quota holds."""
    return encoded(noise(90, 100, 3, seed=number), "BMP")


SIZE = len(picture(0))


class Upload(NamedTuple):
    """An acknowledged upload: its number among those begun, and when it was acknowledged."""

    number: int
    acknowledged: float


class Held(NamedTuple):
    """Pictures that a job has kept from eviction until a moment, and as just used after it."""

    images: Collection[str]
    until: float


class Uploads:
    """What the server has acknowledged."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._acknowledged: dict[str, Upload] = {}
        self._numbers: dict[str, int] = {}
        self.begun = 0
        self.checked = 0
        self.deletions = 0

    def next_number(self) -> int:
        """Return the number of the picture to upload next."""
        with self._lock:
            self.begun += 1
            return self.begun

    def uploaded(self, image_id: str, number: int) -> None:
        """Note an acknowledged upload."""
        with self._lock:
            self._acknowledged[image_id] = Upload(number, time.monotonic())
            self._numbers[image_id] = number

    def deleting(self, image_id: str) -> None:
        """Note a deletion that was asked for: from now on it may be there or not."""
        with self._lock:
            self._acknowledged.pop(image_id, None)
            self.deletions += 1

    @property
    def count(self) -> int:
        """How many were acknowledged."""
        return len(self._numbers)

    def number(self, image_id: str) -> int:
        """Return which picture it is."""
        return self._numbers[image_id]

    def latest(self, count: int) -> list[str]:
        """Return the ids of those acknowledged last."""
        with self._lock:
            return list(self._acknowledged)[-count:]

    def certain(self, held: Iterable[Held]) -> list[str]:
        """Return what no eviction may have reached, whatever of the rest was kept."""
        # Whatever was begun later may be in the store, told or not, and so may what the other
        # uploaders had begun before, and what jobs had kept for themselves. Older ones than the
        # server writes down uses for are not looked at: that would be a use, and the next eviction
        # would prefer younger ones.
        oldest = time.monotonic() - USE_RESOLUTION + SLACK_SECONDS
        with self._lock:
            found = []
            for image_id, upload in self._acknowledged.items():
                older = {
                    image
                    for job in held
                    if job.until > upload.acknowledged
                    for image in job.images
                    if self._numbers[image] < upload.number
                }
                younger = self.begun - upload.number + UPLOADERS
                if younger + len(older) < HELD and upload.acknowledged > oldest:
                    found.append(image_id)
            return found


def upload_for_ever(base_url: str, uploads: Uploads, seed: float) -> None:
    """Upload and sometimes delete until the server is gone."""
    chance = random.Random(seed)
    with contextlib.suppress(httpx.TransportError), httpx.Client(base_url=base_url) as client:
        while True:
            number = uploads.next_number()
            answer = client.post("/api/v1/images", content=picture(number))
            if answer.status_code != 201:
                raise AssertionError(f"upload: {answer.status_code} {answer.text}")
            image_id = answer.json()["id"]
            uploads.uploaded(image_id, number)
            if chance.random() < 0.1:
                uploads.deleting(image_id)
                client.delete(f"/api/v1/images/{image_id}")


def check_uploads(base_url: str, uploads: Uploads, held: Iterable[Held]) -> None:
    """Ask a restarted server for all that must be there."""
    certain = uploads.certain(list(held))
    uploads.checked += len(certain)
    for image_id in certain:
        content = httpx.get(f"{base_url}/api/v1/images/{image_id}")
        assert content.status_code == 200, f"acknowledged, then lost: {image_id}"
