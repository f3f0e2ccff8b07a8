"""From a kernel edit to painted pixels, in real Chromium, stage by stage.

`make bench-live` starts a server of its own, opens the page, presses a key in a cell of the kernel
again and again, and prints median and spread of every stage for each case; then it holds a key
down, as a hand does, and uploads a photo of twelve megapixels.
"""

import http.client
import io
import json
import os
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from typing import Any

# As the server does, and before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Page

from app.engine import conv2d
from tests.browser.lab import link
from tests.chromium import chromium
from tests.serving import ROOT, serving

EDITS = 60
WARM_UP = 8
SETTLE_MS = 450  # past the rest after which exact values are fetched: each edit stands alone
STAGES = ("edit → request", "request → response", "response → painted", "edit → painted")
SERVER_STAGES = ("parse", "queue", "compute", "serialise")
HELD_SECONDS = 10
REPEAT_MS = 30
PHOTO_SIZE = (4000, 3000)
UPLOADS = 5
REQUESTS = 200
PHOTO = ROOT / "app" / "samples" / "astronaut.jpg"

READ_MARKS = """() => {
  const first = (name, from) => performance.getEntriesByName(name)
    .map(entry => entry.startTime).find(time => time >= from);
  const edit = first('edit', 0);
  const request = first('request', edit);
  const response = first('response', request);
  const painted = first('painted', response);
  const fetched = performance.getEntriesByType('resource')
    .find(entry => entry.name.endsWith('/forward'));
  const server = Object.fromEntries(fetched.serverTiming.map(s => [s.name, s.duration]));
  return {times: [edit, request, response, painted], server, bytes: fetched.encodedBodySize};
}"""
PAINTED = """() => {
  const last = name => performance.getEntriesByName(name).at(-1)?.startTime ?? -1;
  return last('response') > last('edit') && last('painted') > last('response');
}"""
HELD = """() => performance.getEntriesByName('edit-to-paint')
  .map(({startTime, duration}) => [startTime + duration, duration])"""
FORGET = """() => {
  performance.clearMarks();
  performance.clearMeasures();
  performance.clearResourceTimings();
}"""


@dataclass(frozen=True)
class Edit:
    """Milliseconds of one edit."""

    stages: dict[str, float]
    server: dict[str, float]
    kilobytes: float


def photo(size: tuple[int, int]) -> bytes:
    """Return the astronaut enlarged to `size`, as a JPEG."""
    content = io.BytesIO()
    Image.open(PHOTO).convert("RGB").resize(size).save(content, "JPEG", quality=90)
    return content.getvalue()


def conv(filters: int, channels: int) -> dict[str, Any]:
    kernel = [[[[1, 0, -1], [2, 0, -2], [1, 0, -1]]] * channels] * filters
    return {"type": "conv2d", "kernel": kernel, "padding": "same"}


def cases(base_url: str) -> dict[str, dict[str, Any]]:
    """Return what is opened, by name; the kernel of the layer in view is edited."""
    gray = {"sample": "camera", "color": "gray"}
    posted = httpx.post(f"{base_url}/api/v1/images", content=photo((1024, 1024)))
    rgb = {"image": posted.raise_for_status().json()["id"], "color": "rgb"}
    stack = [conv(4, 1), {"type": "relu"}, conv(1, 4)]
    return {
        "Gray 512×512, one 3×3": {"input": gray, "layers": [conv(1, 1)]},
        "RGB 1024×1024, one 3×3 over its channels": {"input": rgb, "layers": [conv(1, 3)]},
        "Gray 512×512 to 4 maps, ReLU, 3×3 to 1; the last layer edited": {
            "input": gray,
            "layers": stack,
            "layer": 2,
        },
    }


def one_edit(page: Page) -> Edit:
    page.wait_for_timeout(SETTLE_MS)
    page.evaluate(FORGET)
    page.keyboard.press("ArrowUp")
    page.wait_for_function(PAINTED, polling=5)
    read = page.evaluate(READ_MARKS)
    edit, request, response, painted = read["times"]
    spans = (request - edit, response - request, painted - response, painted - edit)
    return Edit(dict(zip(STAGES, spans, strict=True)), read["server"], read["bytes"] / 1000)


def line(name: str, values: list[float]) -> str:
    ordered = sorted(values)
    last = len(ordered) - 1
    low, high = ordered[round(0.1 * last)], ordered[round(0.9 * last)]
    return f"| {name} | {statistics.median(values):.1f} | {low:.1f}–{high:.1f} |"


def edits_table(page: Page, name: str) -> str:
    """Edit one weight again and again, each edit by itself."""
    edits = [one_edit(page) for _ in range(WARM_UP + EDITS)][WARM_UP:]
    size = statistics.median(edit.kilobytes for edit in edits)
    rows = [line(stage, [edit.stages[stage] for edit in edits]) for stage in STAGES]
    rows += [
        line(f"on the server: {stage}", [edit.server[stage] for edit in edits])
        for stage in SERVER_STAGES
    ]
    head = f"### {name}\n\n{EDITS} edits, {size:.0f} kB an answer.\n"
    return "\n".join([head, "| stage | median ms | p10–p90 |", "| --- | --- | --- |", *rows])


def held_report(page: Page) -> str:
    """Hold an arrow key, and compare the first two seconds with the last two."""
    page.wait_for_timeout(SETTLE_MS)
    page.evaluate(FORGET)
    start, presses = page.evaluate("performance.now()"), 0
    end = time.monotonic() + HELD_SECONDS
    while time.monotonic() < end:
        page.keyboard.down("ArrowUp")  # down again without up: a repeat
        presses += 1
        page.wait_for_timeout(REPEAT_MS)
    page.keyboard.up("ArrowUp")
    released = page.evaluate("performance.now()")
    page.wait_for_timeout(SETTLE_MS)
    painted = [(at - start, took) for at, took in page.evaluate(HELD)]
    first = [took for at, took in painted if at < 2000]
    last = [took for at, took in painted if at > released - start - 2000]
    after = max(at for at, _ in painted) - (released - start)
    return (
        f"### An arrow key held for {HELD_SECONDS} s, gray 512×512\n\n"
        f"{presses} key presses, {len(painted)} pictures painted. Edit → painted: "
        f"{statistics.median(first):.1f} ms in the first two seconds, "
        f"{statistics.median(last):.1f} ms in the last two; the last picture "
        f"{max(after, 0):.0f} ms after the key was let go."
    )


def photo_report(base_url: str) -> str:
    """Upload photos of twelve megapixels and ask for the first map, as the page does."""
    uploads, maps = [], []
    with httpx.Client(base_url=base_url + "/api/v1", timeout=60) as client:
        for number in range(UPLOADS):
            content = photo(PHOTO_SIZE) + bytes([number])  # each one is new to the server
            start = time.perf_counter()
            posted = client.post("/images", content=content).raise_for_status().json()
            uploaded = time.perf_counter()
            body = {
                "input": {"image": posted["id"], "color": "gray"},
                "layers": [conv(1, 1)],
                "return": {"layers": [0], "dtype": "uint8", "max_side": 1600},
            }
            headers = {"accept": "application/x-safetensors"}
            client.post("/forward", json=body, headers=headers).raise_for_status()
            uploads.append(1000 * (uploaded - start))
            maps.append(1000 * (time.perf_counter() - uploaded))
    rows = [line("upload", uploads), line("first map", maps)]
    rows.append(line("both", [sum(pair) for pair in zip(uploads, maps, strict=True)]))
    head = f"### A JPEG of {PHOTO_SIZE[0]}×{PHOTO_SIZE[1]}, {UPLOADS} times, over REST\n"
    return "\n".join([head, "| step | median ms | p10–p90 |", "| --- | --- | --- |", *rows])


def overhead_report(base_url: str) -> str:
    """Ask for a map over REST and compute it here, in turns: the rest is what the API takes."""
    rng = np.random.default_rng(0)
    with Image.open(ROOT / "app" / "samples" / "camera.jpg") as picture:
        x = np.asarray(picture.convert("L"), np.float32)[None, None]
    asked, computed, beyond = [], [], []
    connection = http.client.HTTPConnection(base_url.removeprefix("http://"))
    headers = {"content-type": "application/json", "accept": "application/x-safetensors"}
    for _ in range(REQUESTS):
        kernel = rng.standard_normal((1, 1, 3, 3), dtype=np.float32)
        layer = {"type": "conv2d", "kernel": kernel.tolist(), "padding": "same"}
        body = {
            "input": {"sample": "camera", "color": "gray"},
            "layers": [layer],
            "return": {"layers": [0], "dtype": "uint8"},
        }
        text = json.dumps(body)
        start = time.perf_counter()
        connection.request("POST", "/api/v1/forward", text, headers)
        with connection.getresponse() as response:
            response.read()
        answered = time.perf_counter()
        conv2d(x, kernel, padding="same")
        ended = time.perf_counter()
        if response.status != 200:
            raise RuntimeError(f"the API answered {response.status}")
        asked.append(1000 * (answered - start))
        computed.append(1000 * (ended - answered))
        beyond.append(asked[-1] - computed[-1])
    rows = [
        line("over REST, uint8 values", asked),
        line("the engine's call alone", computed),
        line("what is added", beyond),
    ]
    head = f"### A map of 512×512 over REST and without it, {REQUESTS} times in turns\n"
    return "\n".join([head, "| way | median ms | p10–p90 |", "| --- | --- | --- |", *rows])


def measure(base_url: str) -> list[str]:
    """Return the report, part by part."""
    with chromium() as browser:
        parts = [
            f"Chromium {browser.version}, Python {platform.python_version()}; "
            "server and browser on one machine."
        ]
        for name, state in cases(base_url).items():
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{base_url}/{link(state)}")
            page.get_by_test_id("kernel-1-1").click()
            parts.append(edits_table(page, name))
            if len(parts) == 2:
                parts.append(held_report(page))
            page.close()
    return [*parts, overhead_report(base_url), photo_report(base_url)]


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as store,
        serving(CONVSCOPE_STORE_DIR=store) as base_url,
    ):
        print("\n\n".join(measure(base_url)))


if __name__ == "__main__":
    main()
