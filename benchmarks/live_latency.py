"""From a kernel edit to painted pixels, in real Chromium, stage by stage.

`make bench-live` starts a server of its own, opens the page on a gray 512×512 photo with one 3×3
kernel, presses a key in a cell again and again, and prints median and spread of every stage.
"""

import platform
import statistics
import tempfile
from dataclasses import dataclass

from playwright.sync_api import Page, sync_playwright

from scripts.ensure_browser import find_browser
from tests.conftest import BROWSER_ARGUMENTS
from tests.serving import serving

EDITS = 60
WARM_UP = 8
SETTLE_MS = 450  # past the rest after which exact values are fetched: each edit stands alone
STAGES = ("edit → request", "request → response", "response → painted", "edit → painted")
SERVER_STAGES = ("parse", "queue", "compute", "serialise")

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


@dataclass(frozen=True)
class Edit:
    """Milliseconds of one edit."""

    stages: dict[str, float]
    server: dict[str, float]
    kilobytes: float


def one_edit(page: Page) -> Edit:
    page.wait_for_timeout(SETTLE_MS)
    page.evaluate("() => { performance.clearMarks(); performance.clearResourceTimings(); }")
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


def measure(base_url: str) -> tuple[list[Edit], str]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=BROWSER_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(base_url)
        page.get_by_test_id("sample").select_option("camera")
        page.get_by_test_id("kernel-1-1").click()
        edits = [one_edit(page) for _ in range(WARM_UP + EDITS)][WARM_UP:]
        version = browser.version
        browser.close()
    return edits, version


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as store,
        serving(CONVSCOPE_STORE_DIR=store) as base_url,
    ):
        edits, version = measure(base_url)
    size = statistics.median(edit.kilobytes for edit in edits)
    print(f"Gray 512×512, one 3×3, {EDITS} edits, {size:.0f} kB an answer; Chromium {version}, ")
    print(f"Python {platform.python_version()}, server and browser on one machine.\n")
    print("| stage | median ms | p10–p90 |\n| --- | --- | --- |")
    for stage in STAGES:
        print(line(stage, [edit.stages[stage] for edit in edits]))
    for stage in SERVER_STAGES:
        print(line(f"on the server: {stage}", [edit.server[stage] for edit in edits]))


if __name__ == "__main__":
    main()
