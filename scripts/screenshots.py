"""The README's pictures, taken from the running page: laptop and phone, light and dark."""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.chromium import chromium
from tests.serving import serving

DOCS = Path(__file__).parents[1] / "docs"
EXACT = "() => document.querySelector('[data-testid=exact]')?.textContent === 'exact'"


def take(browser: Browser, base_url: str, name: str, size: tuple[int, int], scheme: str) -> None:
    """Open the lab, point at a cell so that the arithmetic shows, and take its picture."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(base_url)
    focus = page.get_by_test_id("focus")
    page.wait_for_function(EXACT)
    box = focus.bounding_box()
    if box is None:
        raise SystemExit("The focus map is not on the page.")
    focus.click(position={"x": box["width"] * 0.53, "y": box["height"] * 0.36})
    page.get_by_test_id("pointed-value").wait_for()
    page.wait_for_function(EXACT)
    page.mouse.move(0, 0)
    page.evaluate("() => document.activeElement.blur()")
    page.screenshot(path=DOCS / f"{name}.png")
    context.close()


def main() -> None:
    """Take each picture from a server of its own."""
    with (
        tempfile.TemporaryDirectory() as store,
        serving(CONVSCOPE_STORE_DIR=store) as base_url,
        chromium() as browser,
    ):
        for scheme in ("light", "dark"):
            take(browser, base_url, f"lab-{scheme}", (1440, 900), scheme)
        take(browser, base_url, "lab-phone", (390, 844), "light")


if __name__ == "__main__":
    main()
