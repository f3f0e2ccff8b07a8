"""Find a Chromium for the browser tests, or install one.

Order: a Chromium that is there; else Playwright's own download; else Debian's package when root.
Prints the executable's path; exits with a sentence when none can be had.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """Return the path of an installed Chromium, or None."""
    chosen = os.environ.get("CONVSCOPE_TEST_BROWSER")
    if chosen:
        return chosen
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return _playwright_browser()


def _playwright_browser() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _install_playwright_browser() -> None:
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    try:
        subprocess.run(command, check=False, timeout=300, capture_output=True)
    except subprocess.TimeoutExpired:
        print("Playwright's Chromium did not arrive within 300 s.", file=sys.stderr)


def _install_debian_browser() -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
    ):
        subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)


def ensure_browser() -> str:
    """Return the path of a Chromium, installing one where none is there."""
    for install in (None, _install_playwright_browser, _install_debian_browser):
        if install:
            install()
        path = find_browser()
        if path:
            return path
    sys.exit(
        "No Chromium for the browser tests: install one, or name it in CONVSCOPE_TEST_BROWSER."
    )


if __name__ == "__main__":
    print(f"Browser for the tests: {ensure_browser()}")
