"""What of the maps is the loss: a region, one map, the distance from a target."""

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.arithmetic import (
    SOBEL_X,
    Array,
    correlate,
    input_gradient,
    kernel_differences,
    luma,
)
from tests.browser.lab import Lab, link
from tests.serving import ROOT

FULL = np.array([[2.0, -1, 3], [4, 1, -2], [-3, 5, 6]])


@pytest.fixture
def small(blank: Lab, numbers: Array) -> Lab:
    """A small matrix under a kernel without zeros."""
    blank.open_on(numbers, FULL).shows(correlate(numbers, FULL))
    return blank


def centre(lab: Lab, row: int, col: int) -> tuple[float, float]:
    """Where the middle of a cell of the 7 × 10 map stands on the page."""
    box = lab.focus.bounding_box()
    assert box is not None
    return box["x"] + (col + 0.5) * box["width"] / 10, box["y"] + (row + 0.5) * box["height"] / 7


def ones_at(area: tuple[slice, slice], shape: tuple[int, ...] = (7, 10)) -> Array:
    upstream = np.zeros(shape)
    upstream[area] = 1
    return upstream


def region(row: int, col: int, rows: int, cols: int) -> dict[str, int]:
    return {"layer": 0, "channel": 0, "row": row, "col": col, "rows": rows, "cols": cols}


def test_dragged_region_is_the_loss_and_survives_edits_undo_and_the_link(
    small: Lab, numbers: Array
) -> None:
    mouse, note = small.page.mouse, small.by_id("region-note")
    mouse.move(*centre(small, 4, 7))
    mouse.down()
    mouse.move(*centre(small, 3, 5), steps=3)
    mouse.move(*centre(small, 2, 4), steps=3)
    expect(small.page.locator("#frame rect.region")).to_have_count(1)
    mouse.up()
    small.page.mouse.move(0, 0)
    expect(small.by_id("region")).to_contain_text("map 0 of layer 1, rows 2 to 4, columns 4 to 7")
    assert small.link_holds(region=region(2, 4, 3, 4), loss="region", unit=None)
    area, layers = (slice(2, 5), slice(4, 8)), small.state()["layers"]
    small.by_id("gradient").click()
    expect(small.by_id("loss")).to_have_value("region")
    small.shows(input_gradient(ones_at(area), FULL, numbers.shape))
    small.shows_kernel_gradient(kernel_differences(numbers, FULL, lambda out: out[area].sum()))
    value = correlate(numbers, FULL)[area].sum()
    expect(small.by_id("loss-value")).to_contain_text(f"L = {value:g}".replace("-", "−"))
    small.by_id("padding").select_option("valid")
    small.by_id("dilation").fill("2")  # leaves 3 × 6
    expect(note).to_contain_text("rows 2 to 4, columns 4 to 7 of layer 1, reaches out of its map")
    expect(note).to_contain_text("What is left of it is used: row 2, columns 4 to 5.")
    map_ = correlate(numbers, FULL, padding=((0, 0), (0, 0)), dilation=(2, 2))
    value = map_[2:, 4:].sum()
    expect(small.by_id("loss-value")).to_contain_text(f"L = {value:g}".replace("-", "−"))
    small.by_id("dilation").fill("3")  # leaves 1 × 4
    expect(note).to_contain_text("is no longer there: the layer has map 0, row 0, columns 0 to 3.")
    expect(note).to_contain_text("The sum of the maps of layer 1 is the loss meanwhile.")
    small.by_id("dilation").fill("1")
    small.by_id("padding").select_option("same")
    expect(note).to_have_count(0)
    small.link_holds(mode="gradient", layers=layers)
    small.page.reload()
    small.shows(input_gradient(ones_at(area), FULL, numbers.shape))
    # On the gradient a drag marks the cells above the pixels.
    mouse.move(*centre(small, 0, 0))
    mouse.down()
    mouse.move(*centre(small, 1, 2), steps=3)
    mouse.up()
    small.shows(input_gradient(ones_at((slice(0, 2), slice(0, 3))), FULL, numbers.shape))
    small.page.get_by_role("button", name="Undo").click()
    small.shows(input_gradient(ones_at(area), FULL, numbers.shape))
    small.by_id("forward").click()
    small.by_id("clear-region").click()
    small.link_holds(region=None, loss="sum")


def test_shift_and_arrows_mark_a_region_from_the_pinned_cell(small: Lab, numbers: Array) -> None:
    small.click_cell(3, 4, rows=7, cols=10)
    small.page.mouse.move(0, 0)
    for key in ("ArrowDown", "ArrowLeft", "ArrowLeft", "ArrowUp", "ArrowUp", "ArrowUp"):
        small.focus.press(f"Shift+{key}")
    expect(small.by_id("region")).to_contain_text("rows 1 to 3, columns 2 to 4")
    small.link_holds(unit={"layer": 0, "channel": 0, "row": 3, "col": 4})
    small.focus.press("Control+ArrowDown")  # ten cells, as far as there are any
    expect(small.by_id("arithmetic")).to_contain_text("row 6 · column 4 · pinned")
    small.by_id("gradient").click()
    small.shows(input_gradient(ones_at((slice(1, 4), slice(2, 5))), FULL, numbers.shape))


def test_finger_marks_a_region_when_regions_are_chosen(small: Lab) -> None:
    fingers = small.page.context.new_cdp_session(small.page)
    fingers.send("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def touch(kind: str, *cell: int) -> None:
        points = [dict(zip("xy", centre(small, *cell), strict=True))] if cell else []
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    small.by_id("choose-region").click()
    expect(small.by_id("choose-region")).to_have_attribute("aria-pressed", "true")
    touch("touchStart", 1, 1)
    for row in range(2, 6):
        touch("touchMove", row, 2)
    touch("touchEnd")
    small.link_holds(region=region(1, 1, 5, 2), loss="region", unit=None)


def test_one_map_is_the_loss(blank: Lab, numbers: Array) -> None:
    blank.page.set_viewport_size({"width": 1440, "height": 900})
    bank: list[Any] = [[FULL.tolist()], [SOBEL_X.tolist()], [np.flipud(FULL).tolist()]]
    layer = {"type": "conv2d", "kernel": bank, "padding": "same"}
    blank.open(link({"input": {"array": numbers.tolist()}, "layers": [layer], "channel": 2}))
    blank.paint_gray()
    blank.by_id("gradient").click()
    blank.by_id("loss").select_option("channel")
    expect(blank.by_id("loss-map")).to_have_value("2")  # the map that was in focus
    blank.shows(input_gradient(np.ones((7, 10)), np.flipud(FULL), numbers.shape))
    blank.by_id("loss-map").select_option("1")
    blank.shows(input_gradient(np.ones((7, 10)), SOBEL_X, numbers.shape))
    blank.link_holds(map=1, loss="channel")
    blank.by_id("forward").click()
    expect(blank.by_id("thumb-1")).to_have_attribute("aria-pressed", "true")


def test_target_is_a_number_typed_numbers_or_the_input(small: Lab, numbers: Array) -> None:
    output = correlate(numbers, FULL)
    typed = np.random.default_rng(5).integers(-99, 99, (7, 10)).astype(np.float64)
    small.by_id("gradient").click()
    small.by_id("loss").select_option("mse")

    def holds(target: Any) -> None:
        def loss(values: Array) -> float:
            return float(((values - target) ** 2).mean())

        small.shows_kernel_gradient(kernel_differences(numbers, FULL, loss))
        small.shows(input_gradient(2 * (output - target) / output.size, FULL, numbers.shape))
        expect(small.by_id("loss-value")).to_contain_text(f"L = {loss(output):.6g}")

    holds(0)
    small.by_id("target-value").fill("-2.5")
    holds(-2.5)
    small.by_id("target-value").fill("much")
    expect(small.maps.get_by_role("alert")).to_contain_text("The target must be a decimal number")
    small.by_id("target").select_option("input")
    holds(numbers)
    expect(small.by_id("slide")).to_be_disabled()
    small.by_id("target").select_option("numbers")
    holds(0)
    small.by_id("target-numbers").fill("\n".join(" ".join(f"{v:g}" for v in row) for row in typed))
    small.by_id("target-numbers").blur()
    holds(typed)
    small.link_holds(target={"of": "numbers", "array": typed.astype(int).tolist()})
    small.page.reload()
    holds(typed)
    small.by_id("target-numbers").fill("1 2\n3 4")
    small.by_id("target-numbers").blur()
    wrong = small.maps.get_by_role("alert")
    expect(wrong).to_contain_text("2 rows of 2; the map has 7 rows of 10")
    small.by_id("padding").select_option("valid")
    expect(wrong).to_contain_text("2 rows of 2")
    small.by_id("target").select_option("number")
    expect(wrong).to_have_count(0)


def test_target_picture_is_that_of_the_maps_size(lab: Lab) -> None:
    lab.by_id("gradient").click()
    lab.by_id("loss").select_option("mse")
    expect(lab.by_id("target").locator("option[value='sample:cat']")).to_be_disabled()
    lab.by_id("target").select_option("sample:camera")
    camera, person = (
        luma((ROOT / "app" / "samples" / name).read_bytes())
        for name in ("camera.jpg", "astronaut.jpg")
    )
    output = correlate(person, SOBEL_X)
    lab.shows_kernel_gradient(
        kernel_differences(person, SOBEL_X, lambda out: ((out - camera) ** 2).mean())
    )
    loss = ((output - camera) ** 2).mean()
    expect(lab.by_id("loss-value")).to_contain_text(f"L = {loss:.4g}")
    lab.by_id("padding").select_option("valid")
    lab.by_id("stride").fill("2")
    expect(lab.maps.get_by_role("alert")).to_have_count(0)  # 255 × 255: the picture is reduced
    expect(lab.by_id("loss-value")).not_to_contain_text(f"{loss:.4g}")
