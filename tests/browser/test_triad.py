"""Pictures, weights and maps, tied to each other through a stack; what is pinned stays."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.arithmetic import SOBEL_X, Array
from tests.browser.lab import Lab

FULL = np.array([[2.0, -1, 3], [4, 1, -2], [-3, 5, 6]])


@pytest.fixture
def deep(lab: Lab) -> Lab:
    """Convolution, ReLU, pooling and convolution over a small matrix."""
    lab.enter_numbers(np.random.default_rng(3).integers(-9, 10, (12, 16)).astype(np.float64))
    for kind in ("relu", "max_pool2d", "conv2d"):
        lab.add_layer(kind)
    expect(lab.by_id("map-size")).to_have_text("6 × 8")
    return lab


def marked(lab: Lab, layer: int) -> list[float]:
    """Row, column, rows and columns that light up on the card of a layer."""
    mark = lab.page.locator(f"[data-tied='{layer}'][data-on] rect")
    return [float(mark.get_attribute(side) or 0) for side in ("y", "x", "height", "width")]


def outlined(lab: Lab, area: list[int], rows: int, cols: int) -> None:
    """The map in focus, of rows × cols cells, has its outline around an area."""
    lab.page.wait_for_function(
        """([area, rows, cols]) => {
          const rect = document.querySelector('#frame svg rect');
          const { width, height } = document.querySelector('#focus').getBoundingClientRect();
          const [frame, map] = ['#frame', '#focus'].map(
            (name) => document.querySelector(name).getBoundingClientRect());
          if (!rect) return false;
          const side = (name) => Number(rect.getAttribute(name));
          const found = [
            (side('y') - (map.top - frame.top)) / (height / rows), side('height') / (height / rows),
            (side('x') - (map.left - frame.left)) / (width / cols), side('width') / (width / cols),
          ];
          return found.every((value, axis) => Math.abs(value - area[axis]) < 0.1);
        }""",
        arg=[area, rows, cols],
    )


def test_field_of_a_pinned_cell_is_drawn_through_every_layer_down_to_the_input(deep: Lab) -> None:
    deep.click_cell(2, 3, rows=6, cols=8)
    deep.page.mouse.move(0, 0)
    expect(deep.by_id("field")).to_have_text(
        "sees rows 1 to 3, columns 2 to 4 of layer 3; rows 2 to 7, columns 4 to 9 of layer 2; "
        "rows 2 to 7, columns 4 to 9 of layer 1; rows 1 to 8, columns 3 to 10 of the input"
    )
    expect(deep.page.locator("[data-tied][data-on]")).to_have_count(4)
    assert marked(deep, 3) == [2, 3, 1, 1]
    assert marked(deep, 2) == [1, 2, 3, 3]
    assert marked(deep, 0) == [2, 4, 6, 6]
    deep.by_id("layer-0").click()
    outlined(deep, [2, 6, 4, 6], 12, 16)
    deep.by_id("layer-2").click()
    outlined(deep, [1, 3, 2, 3], 6, 8)
    expect(deep.by_id("arithmetic")).to_contain_text("row 2 · column 3 · pinned")


def test_pinned_weight_of_a_deep_layer_keeps_its_sum_and_lights_what_it_meets(deep: Lab) -> None:
    deep.by_id("gradient").click()
    cell = deep.by_id("kernel-gradient-0-2")
    cell.click()
    deep.page.mouse.move(0, 0)
    expect(deep.by_id("arithmetic")).to_contain_text("filter 0 · channel 0 · row 0 · column 2 · pi")
    deep.says_number("pointed-value", float(cell.get_attribute("title") or 0), 1e-3)
    expect(deep.cell(0, 2).locator("xpath=..")).to_have_attribute("data-lit", "")
    # Under `same` it meets the map below, of 6 × 8, a row higher and a column further right.
    expect(deep.page.locator("[data-tied][data-on]")).to_have_count(3)
    assert marked(deep, 2) == [-1, 1, 6, 8]
    assert marked(deep, 0) == [-2, 2, 12, 16]
    deep.link_holds(pin={"of": "kernel", "layer": 3, "filter": 0, "channel": 0, "row": 0, "col": 2})
    deep.cell(1, 1).fill("-4")
    deep.by_id("stride").focus()
    deep.page.wait_for_function(
        """() => {
          const number = (text) => Number(text.replace('−', '-'));
          const told = document.querySelector('[data-testid=pointed-value]');
          const cell = document.querySelector('[data-testid=kernel-gradient-0-2]');
          return told && Math.abs(number(told.textContent) - Number(cell.title)) < 1e-3;
        }"""
    )
    deep.by_id("unpin").click()
    expect(deep.by_id("pointed-value")).to_have_count(0)


def test_pinned_pixel_survives_edits_and_undo_lets_it_go(blank: Lab, numbers: Array) -> None:
    lab = blank.open_on(numbers[:, :8], FULL)
    lab.by_id("input-1-3").click(modifiers=["Control"])
    lab.page.mouse.move(0, 0)
    lab.by_id("stride").focus()
    where = "dL/dInput · channel 0 · row 1 · column 3 · pinned"
    expect(lab.by_id("arithmetic")).to_contain_text(where)
    lab.says_number("pointed-value", float(FULL.sum()), 1e-4)
    lab.cell(1, 1).fill("9")
    lab.by_id("stride").focus()
    lab.says_number("pointed-value", float(FULL.sum()) + 8, 1e-4)
    outlined(lab, [0, 3, 2, 3], 7, 8)
    undo = lab.page.get_by_role("button", name="Undo")
    undo.click()
    expect(lab.by_id("arithmetic")).to_contain_text(where)
    undo.click()
    expect(lab.by_id("pointed-value")).to_have_count(0)


def test_click_on_the_picture_pins_its_pixel(lab: Lab) -> None:
    lab.by_id("sample").select_option("chessboard")
    expect(lab.by_id("map-size")).to_have_text("256 × 256")
    box = lab.by_id("picture").bounding_box()
    assert box is not None
    lab.by_id("picture").click(position={"x": box["width"] / 2 + 0.2, "y": box["height"] / 4 + 0.2})
    lab.page.mouse.move(0, 0)
    expect(lab.by_id("arithmetic")).to_contain_text("row 64 · column 128 · pinned")
    lab.says_number("pointed-value", float(SOBEL_X.sum()), 1e-6)
    lab.focus.click()  # a cell of the map is pinned in its place
    lab.page.mouse.move(0, 0)
    expect(lab.by_id("arithmetic")).to_contain_text("conv2d · map 0")


def test_pinned_weight_and_pixel_that_an_edit_takes_away_are_named(
    lab: Lab, numbers: Array
) -> None:
    lab.page.set_viewport_size({"width": 390, "height": 844})
    lab.enter_numbers(numbers[:, :8])
    lab.cell(2, 1).click()
    lab.by_id("pin-weight").click()  # a finger has no Ctrl
    weight = {"of": "kernel", "layer": 0, "filter": 0, "channel": 0}
    lab.link_holds(pin={**weight, "row": 2, "col": 1})
    lab.page.set_viewport_size({"width": 1440, "height": 900})
    lab.by_id("kernel-rows").fill("1")
    note = lab.by_id("pin-lost")
    expect(note).to_contain_text("The pinned weight, filter 0, channel 0, row 2, column 1 of layer")
    expect(note).to_contain_text("the kernel has filter 0, channel 0, row 0, columns 0 to 2.")
    lab.by_id("pin-nearest-lost").click()
    expect(note).to_have_count(0)
    lab.link_holds(pin={**weight, "row": 0, "col": 1})
    lab.by_id("input-6-3").click(modifiers=["Control"])
    lab.page.get_by_role("button", name="Remove the last row").click()
    expect(note).to_contain_text("The pinned pixel, channel 0, row 6, column 3, is no longer there")
    expect(note).to_contain_text("the input has channel 0, rows 0 to 5, columns 0 to 7.")
    lab.page.get_by_role("button", name="Undo").click()
    expect(note).to_have_count(0)
    expect(lab.by_id("arithmetic")).to_contain_text("row 6 · column 3 · pinned")
