"""The sliding window: it makes the map cell by cell, and sends the gradient back cell by cell."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.arithmetic import SOBEL_X, Array, correlate, input_gradient
from tests.browser.axe import violations
from tests.browser.lab import Lab
from tests.browser.test_gradient import term_cells


def texts(values: Array) -> list[str]:
    return [f"{value:g}".replace("-", "−") for value in values.flatten()]


@pytest.fixture
def numbers(numbers: Array) -> Array:
    """As many columns as have a grid of cells."""
    return numbers[:, :8]


@pytest.fixture
def still(blank: Lab, numbers: Array) -> Lab:
    """A small matrix, where motion is not wanted: nothing moves unasked."""
    blank.page.emulate_media(reduced_motion="reduce")
    blank.open_on(numbers)
    expect(blank.by_id("map-size")).to_have_text(re.compile("7 × 8"))
    return blank


def test_window_makes_the_map_cell_by_cell(still: Lab, numbers: Array) -> None:
    sums = correlate(numbers, SOBEL_X)
    still.by_id("slide").click()
    assert not violations(still.page)
    at, unmade = still.by_id("slide-at"), still.page.locator("#frame rect.unmade")
    expect(at).to_have_text("row 0, column 0 · 1 of 56 made")
    expect(still.by_id("slide-play")).to_have_text("Play")
    expect(unmade).to_have_count(2)
    still.says_number("pointed-value", sums[0, 0], 1e-3)
    for _ in range(10):
        still.by_id("slide-on").click()
    expect(at).to_contain_text("row 1, column 2")
    still.says_number("pointed-value", sums[1, 2], 1e-3)
    lit = still.input.locator("[data-lit]")
    expect(lit).to_have_count(9)
    expect(lit.first).to_have_attribute("data-cell", "0,1")
    # Keys, wherever the focus is, but never while something is typed.
    still.focus.press(".")
    expect(at).to_contain_text("row 1, column 3")
    still.page.keyboard.press(",")
    still.page.keyboard.press(",")
    expect(at).to_contain_text("row 1, column 1")
    still.cell(0, 0).press(".")
    expect(at).to_contain_text("row 1, column 1")
    still.cell(0, 0).press("Escape")
    still.by_id("slide-speed").select_option("30")
    still.focus.press(" ")
    expect(at).to_contain_text("56 of 56")
    expect(unmade).to_have_count(0)
    expect(still.by_id("slide-on")).to_be_disabled()
    expect(still.by_id("slide-play")).to_have_text("Play")
    expect(still.by_id("cell-values").locator("text")).to_have_text(texts(sums))
    still.focus.press("Escape")
    expect(still.by_id("slide")).to_be_visible()
    expect(lit).to_have_count(0)


SENT_BACK = """wanted => {
  const read = (text) => Number(text.textContent.replace('−', '-'));
  const cells = [...document.querySelectorAll('[data-testid=cell-values] text')];
  const near = (one, at) => Math.abs(read(one) / wanted[at] - 1) <= 1e-3
    || Math.abs(read(one) - wanted[at]) <= 1e-5;
  return cells.length === wanted.length && cells.every(near);
}"""


def test_gradient_is_what_the_units_passed_have_sent_back(still: Lab, numbers: Array) -> None:
    sums, around = correlate(numbers, SOBEL_X), np.pad(numbers, 1)
    still.by_id("gradient").click()
    still.by_id("slide").click()
    for _ in range(23):
        still.by_id("slide-on").click()
    mean = np.full(sums.shape, 1 / sums.size)
    for loss, upstream in (("l2", sums), ("mse", 2 * mean * (sums - 3)), ("mean", mean)):
        still.by_id("loss").select_option(loss)
        if loss == "mse":
            still.by_id("target-value").fill("3")
        for count in (24, 23):
            expect(still.by_id("slide-at")).to_contain_text(f"{count} of 56 sent back")
            passed = np.where(np.arange(56).reshape(7, 8) < count, upstream, 0)
            wanted = input_gradient(passed, SOBEL_X, (7, 8))
            still.page.wait_for_function(SENT_BACK, arg=wanted.flatten().tolist())
            met = (
                share * around[row : row + 3, col : col + 3]
                for (row, col), share in np.ndenumerate(passed)
            )
            still.shows_kernel_gradient(np.sum(list(met), axis=0))
            here = divmod(count - 1, 8)
            spoken = f"row {here[0]} · column {here[1]}"
            expect(still.by_id("arithmetic")).to_contain_text(spoken)
            still.says_number("sent-back-slope", upstream[here], 1e-3)
            for title, grid in (
                ("to dL/dInput", SOBEL_X),
                ("to dL/dKernel", around[here[0] : here[0] + 3, here[1] : here[1] + 3]),
            ):
                found = term_cells(still, title)
                assert found == pytest.approx(
                    (upstream[here] * grid).flatten().tolist(), rel=6e-3, abs=1e-4
                )
            still.by_id("slide-back").click()
        still.by_id("slide-on").click()
        still.by_id("slide-on").click()
    still.by_id("slide-end").click()
    whole = input_gradient(mean, SOBEL_X, (7, 8))
    still.page.wait_for_function(SENT_BACK, arg=whole.flatten().tolist())
    # Where the loss is of no single cells, it is said why, and which pictures can be compared.
    still.by_id("loss").select_option("mse")
    expect(still.by_id("slide")).to_be_enabled()
    still.by_id("target").select_option("input")
    expect(still.by_id("slide")).to_be_disabled()
    says = still.by_id("target-says")
    expect(says).to_contain_text("this one compares the whole map with a picture")
    expect(says).to_contain_text("the proportions of the map, 7 × 8, and at least its size")


def test_window_slides_by_itself_over_a_photo_in_strides(lab: Lab) -> None:
    lab.by_id("slide").click()
    expect(lab.by_id("slide-play")).to_have_text("Pause")
    expect(lab.by_id("slide-at")).to_have_text(re.compile(r"([2-9]|\d\d+) of 2209"))
    lab.by_id("slide-play").click()
    expect(lab.by_id("slide-play")).to_have_text("Play")
    stopped = lab.by_id("slide-at").inner_text()
    row, col, count = map(int, re.findall(r"\d+", stopped)[:3])
    assert (row, col) == (11 * ((count - 1) // 47), 11 * ((count - 1) % 47))
    lab.page.wait_for_timeout(400)
    assert lab.by_id("slide-at").inner_text() == stopped
    # The arithmetic's own pointing goes on: the hand comes before the window.
    lab.point_at(100, 200, rows=512, cols=512)
    expect(lab.by_id("arithmetic")).to_contain_text(re.compile(r"row (99|100|101) · column"))
