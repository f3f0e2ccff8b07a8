"""axe finds no violation of any impact, on any view, light and dark: minutes, so `make axe`."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.arithmetic import Array
from tests.browser.axe import violations
from tests.browser.lab import Lab


def forward_views(lab: Lab) -> Iterator[str]:
    """Show what a map and its kernel can show, view after view; each by its name."""
    lab.open()
    yield "as opened"
    lab.by_id("rgb").click()
    lab.focus.press("ArrowDown")
    expect(lab.by_id("pointed-value")).to_be_visible()
    yield "pinned"
    lab.cell(0, 0).fill("five")
    expect(lab.layers.get_by_role("alert")).to_be_visible()
    yield "wrong"
    lab.cell(0, 0).fill("1")
    expect(lab.layers.get_by_role("alert")).to_have_count(0)  # what stands below it moves up
    lab.by_id("keep").click()
    expect(lab.by_id("compare-end")).to_be_visible()
    yield "compared"
    lab.by_id("gradient").click()
    expect(lab.by_id("kernel-gradient-0-0")).to_be_visible()
    lab.by_id("loss").select_option("mse")
    expect(lab.by_id("target")).to_be_visible()
    yield "gradient, compared, with a target"


def other_views(lab: Lab, numbers: Array) -> Iterator[str]:
    """Show what opens over the page, and other inputs and kernels."""
    for button in ("jobs", "export", "add-layer", "kernel-keys"):
        lab.by_id(button).click()
        expect(lab.page.locator(":popover-open")).to_be_visible()
        yield button
        lab.page.keyboard.press("Escape")
        expect(lab.page.locator(":popover-open")).to_have_count(0)
    lab.by_id("forward").click()
    lab.by_id("kernel-form").select_option("random")
    expect(lab.by_id("random-seed")).to_be_visible()
    expect(lab.by_id("thumb-7")).to_be_visible()
    yield "random filters"
    lab.by_id("slide").click()
    expect(lab.by_id("slide-speed")).to_be_visible()
    yield "slide"
    lab.enter_numbers(numbers)
    expect(lab.by_id("numbers")).to_be_visible()
    yield "numbers"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_axe_finds_nothing_on_any_view(
    blank: Lab, numbers: Array, scheme: str, width: int, height: int
) -> None:
    blank.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    blank.page.set_viewport_size({"width": width, "height": height})
    found = {view: violations(blank.page) for view in forward_views(blank)}
    if width > 640:  # the same on a phone
        found |= {view: violations(blank.page) for view in other_views(blank, numbers)}
    assert not any(found.values()), found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_an_opened_operation_of_the_api(blank: Lab, scheme: str) -> None:
    page = blank.page
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{blank.base_url}/docs")
    opened = page.locator(".opblock", has=page.locator('[data-path="/api/v1/gradient"]'))
    opened.locator(".opblock-summary-control").click()
    opened.get_by_role("button", name="Try it out").click()
    found = violations(page)
    assert not found, found
