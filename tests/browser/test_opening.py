"""The page while it opens: it appears in one piece."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.lab import Lab

RECORD = """new PerformanceObserver((list) => {
  for (const { value } of list.getEntries()) window.moved = (window.moved ?? 0) + value;
}).observe({ type: 'layout-shift', buffered: true });"""


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_moves_while_the_page_opens(browser: Browser, server: str, width: int) -> None:
    profile = browser.new_context(viewport={"width": width, "height": 844}, service_workers="block")
    page = profile.new_page()
    page.add_init_script(RECORD)
    lab = Lab(page, server).open()
    lab.wait_until_exact()
    expect(lab.by_id("picture")).to_be_visible()
    expect(lab.by_id("about-input")).to_contain_text("512 rows")
    moved = page.evaluate("window.moved ?? 0")
    profile.close()
    assert moved < 0.01
