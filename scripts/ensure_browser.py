"""Find a Chromium for the browser tests, or install one, and what drives it.

Order: a Chromium that is there; else Playwright's own download; else Debian's package when root.
Prints the executable's path; exits with a sentence when none can be had.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DOWNLOAD_SECONDS = 300


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
        subprocess.run(command, check=False, timeout=DOWNLOAD_SECONDS, capture_output=True)
    except subprocess.TimeoutExpired:
        print(f"Playwright's Chromium did not arrive in {DOWNLOAD_SECONDS} s.", file=sys.stderr)


def _install_debian_packages(*names: str) -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-qq", "--no-install-recommends", *names],
    ):
        subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)


def _driver_runs() -> bool:
    command = [sys.executable, "-m", "playwright", "--version"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def ensure_driver() -> None:
    """See that Playwright's driver starts; its Node needs a library that bare systems lack."""
    if not _driver_runs():
        _install_debian_packages("libatomic1")
    if not _driver_runs():
        sys.exit("Playwright's driver does not start: install the library libatomic.so.1.")


def ensure_browser() -> str:
    """Return the path of a Chromium, installing one where none is there."""
    ensure_driver()
    path = find_browser()
    if not path:
        _install_playwright_browser()
        path = find_browser()
    if not path:
        _install_debian_packages("chromium", "fonts-dejavu-core")
        path = find_browser()
    if not path:
        sys.exit("No Chromium for the tests: install one, or name it in CONVSCOPE_TEST_BROWSER.")
    return path


if __name__ == "__main__":
    print(f"Browser for the tests: {ensure_browser()}")
