"""Editing a kernel: presets, a pasted matrix, arrows, Escape, undo and redo."""

import numpy as np
import pytest
from playwright.sync_api import expect

from app.engine.initialisers import random_kernel
from tests.browser.arithmetic import SOBEL_X, Array, correlate
from tests.browser.lab import Lab

LAPLACIAN = np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])


@pytest.fixture
def small(blank: Lab, numbers: Array) -> Lab:
    """The lab with a small matrix in place of the picture."""
    blank.open_on(numbers).shows(correlate(numbers, SOBEL_X))
    return blank


def test_preset_fills_the_grid(small: Lab, numbers: Array) -> None:
    small.by_id("preset").select_option("laplacian")
    expect(small.cell(1, 1)).to_have_value("−4")
    assert small.weights() == LAPLACIAN.flatten().tolist()
    small.shows(correlate(numbers, LAPLACIAN))


def test_preset_of_a_signal_is_a_kernel_of_one_row(small: Lab, numbers: Array) -> None:
    small.by_id("preset").select_option("second_difference_1d")
    expect(small.by_id("kernel-rows")).to_have_value("1")
    expect(small.by_id("preset")).to_have_value("second_difference_1d")
    small.shows(correlate(numbers, [[1, -2, 1]]))


def test_pasted_matrix_becomes_the_kernel(small: Lab, numbers: Array) -> None:
    for last, text in (
        (-8, "1 2 3 4\n5 6 7 -8"),
        (-9, "[[1, 2, 3, 4], [5, 6, 7, -9]]"),
        (8, "1\t2\t3\t4\n5\t6\t7\t8\n"),
    ):
        small.cell(1, 1).focus()
        small.paste_text(text)
        expect(small.cell(1, 3)).to_have_value(str(last).replace("-", "−"))
        expect(small.by_id("kernel-rows")).to_have_value("2")
        small.shows(correlate(numbers, [[1, 2, 3, 4], [5, 6, 7, last]]))


def test_pasted_text_that_is_no_matrix_leaves_the_kernel(small: Lab, numbers: Array) -> None:
    small.cell(1, 1).focus()
    for text, sentence in (("1 2 3\n4 5", "all of one length"), ("1 " * 64, "1 to 63")):
        small.paste_text(text)
        expect(small.layers.get_by_role("alert")).to_contain_text(sentence)
    small.shows(correlate(numbers, SOBEL_X))
    small.paste_text("2 0\n0 1")
    expect(small.layers.get_by_role("alert")).to_have_count(0)
    small.shows(correlate(numbers, [[2, 0], [0, 1]]))


def test_one_pasted_number_goes_into_its_cell(small: Lab, numbers: Array) -> None:
    small.cell(0, 0).click()
    small.cell(0, 0).press("Control+A")
    small.paste_text("6")
    small.shows(correlate(numbers, [[6, 0, 1], [-2, 0, 2], [-1, 0, 1]]))


def test_arrows_nudge_a_weight_and_walk_the_grid(small: Lab, numbers: Array) -> None:
    start = small.cell(1, 1)
    start.click()
    for keys, value in (
        ("ArrowUp", "1"),
        ("ArrowDown", "0"),
        ("Shift+ArrowUp", "10"),
        ("Alt+ArrowDown", "9.9"),
    ):
        start.press(keys)
        expect(start).to_have_value(value)
    small.shows(correlate(numbers, [[-1, 0, 1], [-2, 9.9, 2], [-1, 0, 1]]))
    start.press("ArrowRight")
    expect(small.cell(1, 2)).to_be_focused()
    small.cell(1, 2).press("ArrowLeft")
    expect(small.cell(1, 1)).to_be_focused()
    small.cell(1, 1).press("Enter")
    expect(small.cell(2, 1)).to_be_focused()


def test_dragging_over_a_cell_scrubs_its_weight(small: Lab, numbers: Array) -> None:
    box = small.cell(1, 1).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    small.page.mouse.move(x, y)
    small.page.mouse.down()
    small.page.mouse.move(x + 44, y, steps=6)
    small.page.mouse.up()
    expect(small.cell(1, 1)).to_have_value("0.5")
    small.shows(correlate(numbers, [[-1, 0, 1], [-2, 0.5, 2], [-1, 0, 1]]))


def test_escape_takes_back_what_was_typed(small: Lab, numbers: Array) -> None:
    small.cell(0, 2).click()
    small.cell(0, 2).fill("five")
    expect(small.layers.get_by_role("alert")).to_contain_text("five")
    small.cell(0, 2).press("Escape")
    expect(small.cell(0, 2)).to_have_value("1")
    expect(small.layers.get_by_role("alert")).to_have_count(0)
    small.cell(0, 2).fill("50")
    small.shows(correlate(numbers, [[-1, 0, 50], [-2, 0, 2], [-1, 0, 1]]))
    small.cell(0, 2).press("Escape")
    expect(small.cell(0, 2)).to_have_value("1")
    small.shows(correlate(numbers, SOBEL_X))


def test_undo_and_redo_travel_through_every_edit(small: Lab, numbers: Array) -> None:
    undo = small.page.get_by_role("button", name="Undo")
    redo = small.page.get_by_role("button", name="Redo")
    expect(redo).to_be_disabled()
    small.cell(0, 0).fill("7")
    small.by_id("stride").fill("2")
    small.by_id("preset").select_option("laplacian")
    small.by_id("padding").select_option("valid")
    expect(small.by_id("map-size")).to_have_text("3 × 4")
    undo.click()
    undo.click()
    expect(small.cell(0, 0)).to_have_value("7")
    expect(small.by_id("padding")).to_have_value("same")
    small.focus.press("Control+z")
    expect(small.by_id("stride")).to_have_value("1")
    small.shows(correlate(numbers, [[7, 0, 1], [-2, 0, 2], [-1, 0, 1]]))
    undo.click()
    small.shows(correlate(numbers, SOBEL_X))
    redo.click()
    small.focus.press("Control+Shift+Z")
    redo.click()
    expect(small.cell(1, 1)).to_have_value("−4")
    expect(small.by_id("map-size")).to_have_text("4 × 5")


def test_operations_turn_and_scale_the_kernel(small: Lab, numbers: Array) -> None:
    ramp = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 14]])
    small.enter_kernel(ramp)
    small.layers.get_by_role("button", name="Rotate").click()
    small.layers.get_by_role("button", name="Mirror").click()
    small.layers.get_by_role("button", name="Sum 1").click()
    expect(small.cell(0, 0)).to_have_value("0.02")
    small.shows(correlate(numbers, np.fliplr(np.rot90(ramp, -1)) / 50))


def test_weight_is_shown_and_edited_as_typed(small: Lab) -> None:
    cell, layer = small.cell(0, 0), small.state()["layers"][0]
    for typed, shown in (
        ("1234", "1234"),
        ("-10007", "−10007"),
        ("0.0625", "0.0625"),
        ("0.123456", "0.123"),
    ):
        cell.fill(typed)
        small.cell(0, 1).focus()
        expect(cell).to_have_value(shown)
        cell.focus()
        expect(cell).to_have_value(typed.replace("-", "−"))
        cell.press("End")
        cell.press_sequentially("9")
        kernel = [[float(f"{typed}9"), 0, 1], [-2, 0, 2], [-1, 0, 1]]
        small.link_holds(layers=[{**layer, "kernel": kernel}])


def test_weights_and_numbers_of_wide_grids_are_exact(lab: Lab) -> None:
    wide = np.arange(101.0, 108).reshape(1, 7)
    lab.enter_numbers(wide)
    lab.enter_kernel(wide)
    for name in ("kernel", "input"):
        for col in range(7):
            expect(lab.by_id(f"{name}-0-{col}")).to_have_value(str(101 + col))


def test_one_pasted_number_with_a_decimal_comma_goes_into_its_cell(small: Lab) -> None:
    small.cell(0, 0).focus()
    small.paste_text("0,5")
    small.cell(0, 1).focus()
    expect(small.cell(0, 0)).to_have_value("0.5")
    assert small.weights() == [0.5, 0, 1, -2, 0, 2, -1, 0, 1]


def test_picture_pasted_at_a_weight_is_the_input_and_no_matrix(lab: Lab, photo: bytes) -> None:
    lab.cell(0, 0).focus()
    lab.cell(0, 0).evaluate(
        """(cell, bytes) => {
          const clipboardData = new DataTransfer();
          const file = new File([Uint8Array.from(bytes)], 'cat.jpg', { type: 'image/jpeg' });
          clipboardData.items.add(file);
          cell.dispatchEvent(
            new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
        }""",
        list(photo),
    )
    expect(lab.by_id("about-input")).to_contain_text("300 rows × 451 columns, JPEG")
    expect(lab.page.get_by_role("alert")).to_have_count(0)


def test_size_of_two_digits_keeps_the_kernel(small: Lab, numbers: Array) -> None:
    rows = small.by_id("kernel-rows")
    rows.click()
    rows.press_sequentially("11")
    expect(small.cell(10, 0)).to_be_visible()
    grown = np.zeros((11, 3))
    grown[4:7] = SOBEL_X
    assert small.weights() == grown.flatten().tolist()
    small.by_id("kernel-cols").click()
    rows.fill("1")
    expect(small.cell(1, 0)).to_have_count(0)
    assert small.weights() == [-2, 0, 2]


def test_escape_at_an_untouched_weight_keeps_a_new_picture(lab: Lab, photo: bytes) -> None:
    lab.cell(0, 0).focus()
    lab.choose_file("cat.jpg", "image/jpeg", photo)
    expect(lab.by_id("about-input")).to_contain_text("300 rows × 451 columns, JPEG")
    lab.cell(0, 0).press("Escape")
    lab.page.wait_for_timeout(300)
    expect(lab.by_id("about-input")).to_contain_text("300 rows × 451 columns, JPEG")


def test_undo_and_redo_travel_from_within_a_weight(small: Lab) -> None:
    cell = small.cell(1, 1)
    cell.focus()
    cell.press("ArrowUp")
    expect(cell).to_have_value("1")
    cell.press("Control+z")
    expect(cell).to_have_value("0")
    cell.press("Control+Shift+Z")
    expect(cell).to_have_value("1")


def test_sum_of_zero_has_no_scale_and_makes_no_step(small: Lab) -> None:
    small.layers.get_by_role("button", name="Sum 1").click()
    expect(small.layers.get_by_role("alert")).to_contain_text("add up to 0")
    small.layers.get_by_role("button", name="Mean 0").click()
    expect(small.layers.get_by_role("alert")).to_have_count(0)
    small.by_id("preset").select_option("laplacian")
    expect(small.cell(1, 1)).to_have_value("−4")
    small.page.get_by_role("button", name="Undo").click()
    expect(small.cell(1, 1)).to_have_value("0")
    assert small.weights() == SOBEL_X.flatten().tolist()


def test_turned_kernel_keeps_every_digit(small: Lab) -> None:
    small.cell(0, 0).fill("0.00000000000123")
    small.layers.get_by_role("button", name="Mirror").click()
    small.cell(0, 2).focus()
    expect(small.cell(0, 2)).to_have_value("1.23e−12")


def test_large_kernel_is_seen_whole_and_edited_through_a_window(small: Lab) -> None:
    side = small.by_id("kernel-rows")
    small.by_id("kernel-cols").fill("63")
    side.fill("63")
    expect(small.page.get_by_role("img", name="The whole kernel, 63 × 63")).to_be_visible()
    expect(small.by_id("kernel-window")).to_contain_text("rows 28 to 34, columns 28 to 34")
    assert len(small.weights()) == 49
    small.cell(28, 30).focus()
    small.cell(28, 30).press("Control+ArrowUp")
    expect(small.cell(27, 30)).to_be_focused()
    small.cell(27, 30).fill("5")
    small.cell(27, 30).press("Control+End")
    expect(small.cell(62, 62)).to_be_focused()
    small.page.wait_for_function("() => document.querySelector('#kernel-overview').width === 63")


def test_random_kernel_shows_the_weights_that_its_seed_gives(lab: Lab) -> None:
    lab.by_id("rgb").click()
    lab.by_id("kernel-form").select_option("random")
    lab.by_id("random-filters").fill("6")
    lab.by_id("random-cols").fill("2")
    lab.by_id("random-seed").fill("7")
    lab.by_id("groups").fill("3")
    wanted = random_kernel((6, 1, 3, 2), "he_normal", 7, 6, 12)
    shows_drawn(lab, wanted[0, 0])
    lab.by_id("groups").fill("1")
    wanted = random_kernel((6, 3, 3, 2), "he_normal", 7, 18, 36)
    lab.layers.get_by_role("button", name="Filter 4").click()
    lab.layers.get_by_role("button", name="green").click()
    shows_drawn(lab, wanted[4, 1])
    lab.by_id("gradient").click()
    expect(lab.by_id("kernel-gradient-2-1")).to_be_visible()
    shows_drawn(lab, wanted[4, 1])


def shows_drawn(lab: Lab, wanted: Array) -> None:
    """Wait until every drawn weight has its number, and there are no more of them."""
    for (row, col), value in np.ndenumerate(wanted.astype(np.float32)):
        expect(lab.by_id(f"drawn-{row}-{col}")).to_have_attribute("title", str(float(value)))
    expect(lab.page.locator("[data-testid^=drawn-]")).to_have_count(wanted.size)


def test_text_in_a_filters_cell_stays_with_that_filter(lab: Lab) -> None:
    lab.by_id("kernel-form").select_option("bank")
    filters = lab.kernel.get_by_role("group", name="Filters")
    filters.get_by_role("button", name="Add a filter").click()
    expect(filters.get_by_role("button", name="Filter 1", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    lab.cell(0, 0).fill("five")
    told = lab.kernel.get_by_role("alert")
    expect(told).to_contain_text("A weight of filter 1 must be a decimal number")
    filters.get_by_role("button", name="Filter 0", exact=True).click()
    expect(lab.cell(0, 0)).to_have_value("−1")
    expect(lab.cell(0, 0)).to_have_attribute("aria-invalid", "false")
    expect(told).to_contain_text("A weight of filter 1")
    lab.cell(0, 0).fill("7")
    lab.kernel.get_by_role("button", name="Negate").click()
    expect(lab.cell(0, 0)).to_have_value("−7")
    filters.get_by_role("button", name="Filter 1", exact=True).click()
    expect(lab.cell(0, 0)).to_have_value("five")
    expect(lab.cell(0, 0)).to_have_attribute("aria-invalid", "true")
    lab.by_id("kernel-rows").fill("5")  # its cells go a row down, and the text with them
    expect(lab.cell(1, 0)).to_have_value("five")
    lab.cell(1, 0).fill("2")
    expect(told).to_have_count(0)
    filters.get_by_role("button", name="Filter 0", exact=True).click()
    expect(lab.cell(1, 0)).to_have_value("−7")
