"""From the hand on a cell to what lights up, and to its sum, in Chromium, on a picture of 1 Mpx.

`make bench-pointing` points at cells here and there, on a map and on a gradient, and prints how
long the page was busy until the marks were drawn, when they were painted, and when the terms came.
"""

import random
import statistics
import tempfile
from typing import Any

import httpx
from playwright.sync_api import Page

from benchmarks.live_latency import conv, photo
from tests.browser.lab import link
from tests.chromium import chromium
from tests.serving import serving

SIDE = 1024
POINTS = 80
FRAME_MS = 1000 / 60
# Notes when the hand moved, when the marks were drawn and painted, and when the sum stood there.
WATCH = """() => {
  // What is drawn in a frame is painted before the next message comes.
  const painted = (then) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => then(performance.now());
    port2.postMessage(null);
  };
  addEventListener('pointermove', (event) => {
    const began = event.timeStamp;
    const handled = performance.now();
    const noted = (window.noted = {});
    const over = document.querySelector('#frame svg.over');
    const marks = new MutationObserver(() => {
      marks.disconnect();
      noted.busy = performance.now() - handled;
      painted((now) => (noted.painted = now - began));
    });
    marks.observe(over, { subtree: true, childList: true, attributes: true });
    const place = document.querySelector('#arithmetic');
    const before = place.querySelector('.sum small')?.textContent;
    const sum = new MutationObserver(() => {
      if (place.querySelector('.sum small')?.textContent === before) return;
      sum.disconnect();
      noted.told = performance.now() - began;
    });
    sum.observe(place, { subtree: true, childList: true, characterData: true });
  }, true);
}"""
DONE = "() => window.noted?.painted > 0 && window.noted?.told > 0"


def cases(base_url: str) -> dict[str, dict[str, Any]]:
    """Return what is pointed at, by name."""
    posted = httpx.post(f"{base_url}/api/v1/images", content=photo((SIDE, SIDE)))
    image = posted.raise_for_status().json()["id"]
    gray = {"input": {"image": image, "color": "gray"}, "layers": [conv(1, 1)]}
    rgb = {"input": {"image": image, "color": "rgb"}, "layers": [conv(4, 3)]}
    return {
        "a map, gray": gray,
        "a map of 4, RGB": rgb,
        "dL/dInput, gray": gray | {"mode": "gradient"},
        "dL/dInput, RGB": rgb | {"mode": "gradient"},
    }


def points(page: Page) -> list[dict[str, float]]:
    """Point at cells here and there; return what was noted of each."""
    page.wait_for_function(
        "() => document.querySelector('[data-testid=exact]')?.textContent === 'exact'"
    )
    box = page.get_by_test_id("focus").bounding_box()
    if box is None:
        raise SystemExit("The focus map is not on the page.")
    page.evaluate(WATCH)
    chance = random.Random(5)
    found = []
    for _ in range(POINTS):
        page.evaluate("() => { window.noted = null; }")
        x, y = (chance.uniform(0.05, 0.95) for _ in "xy")
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.wait_for_function(DONE, polling=20)
        found.append(page.evaluate("() => window.noted"))
    return found[POINTS // 10 :]


def line(name: str, noted: list[dict[str, float]]) -> str:
    def spread(key: str) -> str:
        values = sorted(one[key] for one in noted)
        ninth = values[round(0.9 * (len(values) - 1))]
        return f"{statistics.median(values):.1f} (p90 {ninth:.1f})"

    within = sum(one["busy"] <= FRAME_MS for one in noted)
    return (
        f"| {name} | {spread('busy')} | {100 * within / len(noted):.0f} % | {spread('painted')} "
        f"| {spread('told')} |"
    )


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as store,
        serving(CONVSCOPE_STORE_DIR=store) as base_url,
        chromium() as browser,
    ):
        print(f"Pointing at {POINTS} cells of {SIDE} × {SIDE}; Chromium {browser.version}; ms.\n")
        print("| of | busy until drawn | within 16.7 ms | move → painted | move → terms |")
        print("| --- | --- | --- | --- | --- |")
        for name, state in cases(base_url).items():
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{base_url}/{link(state)}")
            print(line(name, points(page)), flush=True)
            page.close()


if __name__ == "__main__":
    main()
