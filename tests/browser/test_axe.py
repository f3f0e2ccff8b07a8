"""axe finds no violation of any impact, on any view, light and dark: minutes, so `make axe`."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.arithmetic import Array
from tests.browser.axe import violations
from tests.browser.lab import Lab

SEES = "() => document.querySelector('.preview video')?.videoWidth > 0"


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
    lab.add_layer("dense")
    lab.by_id("gradient-at").select_option("1")
    expect(lab.maps.get_by_role("heading")).to_contain_text("dL/dMap")
    yield "gradient at features"


def other_views(lab: Lab, numbers: Array) -> Iterator[str]:
    """Show what opens over the page, what is under way, and other inputs and kernels."""
    lab.open()
    for button in ("jobs", "export", "add-layer", "kernel-keys"):
        if not lab.by_id(button).is_visible():
            continue  # a phone has no keys
        lab.by_id(button).click()
        expect(lab.page.locator(":popover-open")).to_be_visible()
        yield button
        lab.page.keyboard.press("Escape")
        expect(lab.page.locator(":popover-open")).to_have_count(0)
    lab.by_id("open-camera").click()
    lab.page.wait_for_function(SEES)
    yield "camera"
    lab.by_id("close-camera").click()
    lab.page.route("**/api/v1/backward", lambda route: None)
    lab.by_id("gradient").click()
    expect(lab.by_id("progress")).to_be_visible()
    yield "progress"
    lab.by_id("progress").get_by_role("button").click()
    expect(lab.by_id("awaited")).to_contain_text("cancelled")
    yield "cancelled"
    lab.page.unroute("**/api/v1/backward")
    lab.by_id("back").click()
    lab.by_id("kernel-form").select_option("random")
    expect(lab.by_id("random-seed")).to_be_visible()
    expect(lab.by_id("thumb-7")).to_be_visible()
    yield "random filters"
    lab.by_id("slide").click()
    expect(lab.by_id("slide-speed")).to_be_visible()
    yield "slide"
    lab.by_id("slide-end").click()
    lab.enter_numbers(numbers)
    expect(lab.by_id("numbers")).to_be_visible()
    lab.focus.press("ArrowDown")
    expect(lab.by_id("pointed-value")).to_be_visible()
    if lab.page.locator("#pull").is_visible():
        lab.page.locator("#pull").check()
    yield "numbers, with the whole arithmetic"
    lab.by_id("read-signal").click()
    lab.add_layer("conv_transpose1d")
    expect(lab.kernel).to_contain_text("Every channel by itself")
    lab.by_id("kernel-form").select_option("bank")
    expect(lab.kernel.get_by_role("button", name="Add a map")).to_be_visible()
    yield "signal, with weights from every channel to every map"


SIZES = [(1440, 900), (390, 844)]


def look(lab: Lab, scheme: str, size: tuple[int, int]) -> None:
    lab.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    lab.page.set_viewport_size({"width": size[0], "height": size[1]})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_on_any_view(blank: Lab, scheme: str, size: tuple[int, int]) -> None:
    look(blank, scheme, size)
    found = {view: violations(blank.page) for view in forward_views(blank)}
    assert not any(found.values()), found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_on_what_opens_and_what_is_under_way(
    blank: Lab, numbers: Array, scheme: str, size: tuple[int, int]
) -> None:
    look(blank, scheme, size)
    found = {view: violations(blank.page) for view in other_views(blank, numbers)}
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_on_the_lessons(blank: Lab, scheme: str, size: tuple[int, int]) -> None:
    look(blank, scheme, size)
    blank.page.goto(f"{blank.base_url}/lessons")
    found = violations(blank.page)
    assert not found, found
