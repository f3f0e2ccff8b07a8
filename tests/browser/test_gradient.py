"""dL/dInput and dL/dKernel in the page, against sums and differences of its own."""

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
    max_pool,
)
from tests.browser.lab import Lab

FULL = np.array([[2.0, -1, 3], [4, 1, -2], [-3, 5, 6]])


@pytest.fixture
def small(blank: Lab, numbers: Array) -> Lab:
    """A small matrix under a kernel without zeros, in gradient mode."""
    blank.open_on(numbers, FULL).shows(correlate(numbers, FULL))
    blank.by_id("gradient").click()
    return blank


def half_squares(values: Array) -> float:
    return float((values**2).sum() / 2)


def test_sum_mean_and_squares_give_the_gradients_of_plain_loops(small: Lab, numbers: Array) -> None:
    output = correlate(numbers, FULL)
    ones = np.ones_like(output)
    for name, loss, upstream in (
        ("sum", np.sum, ones),
        ("mean", np.mean, ones / output.size),
        ("l2", half_squares, output),
    ):
        small.by_id("loss").select_option(name)
        small.shows_kernel_gradient(kernel_differences(numbers, FULL, loss))
        small.shows(input_gradient(upstream, FULL, numbers.shape))
        expect(small.by_id("loss-value")).to_contain_text(f"{loss(output):.6g}".replace("-", "−"))
    # Small numbers are written short enough for every column to be seen.
    small.by_id("loss").select_option("mean")
    small.enter_numbers(numbers / 10_000)
    small.shows_kernel_gradient(kernel_differences(numbers / 10_000, FULL, np.mean))
    small.page.wait_for_function(
        """() => {
          const grid = document.querySelector('.kernel-gradient .grid');
          return grid.textContent.includes('e−') && grid.scrollWidth <= grid.clientWidth;
        }"""
    )


def test_changed_weight_changes_the_gradient_at_the_input(small: Lab, numbers: Array) -> None:
    small.shows(input_gradient(np.ones_like(numbers), FULL, numbers.shape))
    changed = FULL.copy()
    changed[0, 2] = -8
    small.cell(0, 2).fill("-8")
    small.shows(input_gradient(np.ones_like(numbers), changed, numbers.shape))


def test_gradient_of_a_clicked_cell_lies_exactly_on_its_receptive_field(
    small: Lab, numbers: Array
) -> None:
    small.shows(input_gradient(np.ones_like(numbers), FULL, numbers.shape))
    small.click_cell(4, 6, rows=7, cols=10)
    expect(small.by_id("loss-value")).to_contain_text("map 0, row 4, column 6")
    alone = np.zeros_like(numbers)
    alone[3:6, 5:8] = FULL
    small.shows(alone)
    small.shows_kernel_gradient(numbers[3:6, 5:8])
    value = correlate(numbers, FULL)[4, 6]
    expect(small.by_id("loss-value")).to_contain_text(f"L = {value:g}".replace("-", "−"))


def test_cell_pinned_forward_can_be_the_loss(small: Lab, numbers: Array) -> None:
    expect(small.by_id("loss").locator("option[value=unit]")).to_be_disabled()
    small.by_id("forward").click()
    small.click_cell(0, 9, rows=7, cols=10)
    small.by_id("gradient").click()
    expect(small.by_id("loss")).to_have_value("unit")
    corner = np.zeros_like(numbers)
    corner[:2, 8:] = FULL[1:, :2]
    small.shows(corner)
    # It is chosen for a person who has not chosen: from then on their choice stays.
    small.by_id("loss").select_option("sum")
    small.by_id("forward").click()
    small.click_cell(3, 3, rows=7, cols=10)
    small.by_id("gradient").click()
    expect(small.by_id("loss")).to_have_value("sum")


def test_pinned_cell_that_leaves_its_map_is_named_and_comes_back(
    small: Lab, numbers: Array
) -> None:
    whole = input_gradient(np.ones_like(numbers), FULL, numbers.shape)
    small.click_cell(4, 6, rows=7, cols=10)
    alone = np.zeros_like(numbers)
    alone[3:6, 5:8] = FULL
    small.shows(alone)
    small.by_id("padding").select_option("valid")
    small.by_id("stride").fill("2")
    note = small.by_id("pin-note")
    expect(note).to_contain_text("row 4, column 6 of layer 1, is no longer there")
    expect(note).to_contain_text("rows 0 to 2, columns 0 to 3. The sum of the maps of layer 1")
    expect(small.by_id("loss")).to_have_value("unit")
    expect(small.by_id("loss-value")).to_contain_text("over layer 1")
    expect(small.page.get_by_role("alert")).to_have_count(0)
    small.shows(input_gradient(np.ones((3, 4)), FULL, numbers.shape, stride=2))
    small.by_id("forward").click()
    expect(small.page.locator("#arithmetic")).to_contain_text("rows 0 to 2, columns 0 to 3")
    small.by_id("gradient").click()
    small.by_id("stride").fill("1")
    small.by_id("padding").select_option("same")
    small.shows(alone)
    expect(note).to_have_count(0)
    small.by_id("loss").select_option("sum")
    small.shows(whole)
    small.by_id("forward").click()
    small.by_id("stride").fill("4")
    small.by_id("pin-nearest").click()
    expect(small.by_id("arithmetic")).to_contain_text("row 1 · column 2 · pinned")


def test_gradient_stays_where_it_is_when_a_cell_becomes_the_loss(lab: Lab) -> None:
    lab.by_id("gradient").click()
    expect(lab.by_id("gradient-note")).to_contain_text("sum of the weights, which is 0")
    expect(lab.by_id("loss-value")).to_contain_text("L = ")
    before = lab.resting_box(lab.focus)
    lab.focus.click()
    expect(lab.by_id("loss-value")).to_contain_text("map 0, row")
    expect(lab.by_id("gradient-note")).to_have_count(0)
    assert lab.resting_box(lab.focus) == before


def test_photo_gets_its_gradients(lab: Lab, photo: bytes) -> None:
    lab.choose_file("cat.jpg", "image/jpeg", photo)
    expect(lab.by_id("map-size")).to_have_text("300 × 451")
    lab.paint_gray()
    lab.by_id("gradient").click()
    gray = luma(photo)
    lab.shows_kernel_gradient(kernel_differences(gray, SOBEL_X, np.sum))
    lab.by_id("loss").select_option("l2")
    lab.shows(input_gradient(correlate(gray, SOBEL_X), SOBEL_X, gray.shape))


def test_gradient_flows_back_through_pool_and_relu(blank: Lab) -> None:
    # Distinct values: no ties, whose gradient is a convention.
    numbers = np.random.default_rng(11).permutation(48).reshape(6, 8).astype(np.float64) - 20
    lab = blank.open_on(numbers, FULL)
    for layer in ("relu", "max_pool2d"):
        lab.add_layer(layer)
    lab.by_id("gradient").click()

    def loss(values: Array) -> float:
        return float(max_pool(np.maximum(values, 0), 2).sum())

    first = correlate(numbers, FULL)
    winners = np.zeros_like(first)
    for row in range(0, 6, 2):
        for col in range(0, 8, 2):
            block = first[row : row + 2, col : col + 2]
            at = np.unravel_index(block.argmax(), (2, 2))
            winners[row + at[0], col + at[1]] = float(block.max() > 0)
    lab.shows(input_gradient(winners, FULL, numbers.shape))
    lit = np.argwhere(winners)
    seen = [np.pad(numbers, 1)[row : row + 3, col : col + 3] for row, col in lit]
    lab.shows_kernel_gradient(np.sum(seen, axis=0))
    expect(lab.by_id("loss-value")).to_contain_text(f"L = {loss(first):g}")


def test_gradient_that_is_zero_everywhere_says_why(blank: Lab, numbers: Array) -> None:
    lab = blank.open_on(np.abs(numbers) + 1, -np.abs(FULL))
    lab.add_layer("relu")
    lab.by_id("gradient").click()
    expect(lab.maps.get_by_role("status")).to_contain_text("layer 2 (ReLU)")


def term_cells(lab: Lab, title: str) -> list[list[float]]:
    """The numbers of one grid of the arithmetic."""
    figure = lab.page.locator("#arithmetic figure").filter(has_text=title)
    texts = figure.locator(".cell").all_inner_texts()
    return [float(text.replace("−", "-")) for text in texts]


def test_pointed_weight_writes_its_gradient_as_a_sum_over_positions(blank: Lab) -> None:
    numbers = np.array([[1.0, -2, 3, 4], [5, 6, -7, 8], [2, 0, 1, 3]])
    lab = blank.open_on(numbers, FULL)
    lab.by_id("gradient").click()
    lab.by_id("loss").select_option("l2")
    output = correlate(numbers, FULL)
    lab.shows_kernel_gradient(kernel_differences(numbers, FULL, half_squares))
    lab.cell(0, 2).hover()
    met = np.pad(numbers, 1)[0:3, 2:6]
    expect(lab.by_id("arithmetic")).to_contain_text("dL/dKernel · filter 0 · channel 0 · row 0")
    lab.says_number("pointed-value", float((output * met).sum()), 1e-3)
    assert term_cells(lab, "dL/dMap") == pytest.approx(output.flatten().tolist(), rel=5e-3)
    assert term_cells(lab, "input") == met.flatten().tolist()
    lab.page.mouse.move(0, 0)
    expect(lab.by_id("pointed-value")).to_have_count(0)
    lab.cell(0, 2).focus()  # by keyboard alike
    lab.says_number("pointed-value", float((output * met).sum()), 1e-3)


def test_weight_of_a_photo_tells_its_gradient_and_how_many_products_it_sums(
    lab: Lab, photo: bytes
) -> None:
    lab.choose_file("cat.jpg", "image/jpeg", photo)
    expect(lab.by_id("map-size")).to_have_text("300 × 451")
    lab.by_id("gradient").click()
    gray = luma(photo)
    wanted = kernel_differences(gray, SOBEL_X, np.sum)
    lab.shows_kernel_gradient(wanted)
    lab.cell(0, 2).hover()
    lab.says_number("pointed-value", wanted[0, 2], 2e-5 * wanted.max())
    expect(lab.page.locator("#arithmetic")).to_contain_text("135300 products")


def test_pointed_number_of_the_input_lights_all_outputs_that_it_touches(blank: Lab) -> None:
    numbers = np.arange(1.0, 36).reshape(5, 7)
    lab = blank.open_on(numbers, FULL)
    lab.by_id("input-1-3").hover()
    expect(lab.by_id("arithmetic")).to_contain_text("dL/dInput · channel 0 · row 1 · column 3")
    lab.says_number("pointed-value", float(FULL.sum()), 1e-4)
    expect(lab.kernel.locator(".cell[data-lit]")).to_have_count(9)
    lit = lab.page.locator("#frame svg rect")
    cell = float(lit.get_attribute("width") or 0) / 3
    for side, value in {"x": 2, "y": 0, "width": 3, "height": 3}.items():
        assert float(lit.get_attribute(side) or 0) == pytest.approx(value * cell, abs=2)
    lab.by_id("stride").fill("2")
    lab.by_id("padding").select_option("valid")
    expect(lab.by_id("map-size")).to_have_text("2 × 3")
    lab.by_id("input-1-3").hover()
    # Only the window of row 0, column 1 sees it, by the weight in its middle.
    expect(lit).to_have_count(1)
    met = lab.kernel.locator(".cell[data-lit]")
    expect(met).to_have_count(1)
    expect(met).to_have_attribute("data-cell", "1,1")
    lab.says_number("pointed-value", float(FULL[1, 1]), 1e-4)


def test_arrows_on_the_picture_point_at_its_pixels(lab: Lab) -> None:
    lab.by_id("sample").select_option("chessboard")
    expect(lab.by_id("map-size")).to_have_text("256 × 256")
    lab.by_id("picture").press("ArrowDown")
    lab.by_id("picture").press("Shift+ArrowLeft")
    expect(lab.by_id("arithmetic")).to_contain_text("dL/dInput · channel 0 · row 129 · column 118")
    field = lab.by_id("receptive-field")
    for name, value in {"y": "129", "x": "118", "height": "1", "width": "1"}.items():
        expect(field).to_have_attribute(name, value)
    lab.by_id("picture").blur()
    expect(lab.by_id("pointed-value")).to_have_count(0)


def test_pointed_weight_lights_what_it_meets_on_the_picture(lab: Lab) -> None:
    lab.by_id("sample").select_option("chessboard")
    expect(lab.by_id("map-size")).to_have_text("256 × 256")
    lab.by_id("stride").fill("2")
    lab.by_id("padding").select_option("valid")
    expect(lab.by_id("map-size")).to_have_text("127 × 127")
    lab.cell(2, 1).hover()
    field = lab.by_id("receptive-field")
    for name, value in {"y": "2", "x": "1", "height": "253", "width": "253"}.items():
        expect(field).to_have_attribute(name, value)


def test_pointed_output_lights_the_numbers_it_sees(blank: Lab) -> None:
    lab = blank.open_on(np.arange(1.0, 36).reshape(5, 7))
    expect(lab.by_id("map-size")).to_have_text("5 × 7")
    lab.point_at(0, 3, rows=5, cols=7)
    lit = lab.input.locator(".cell[data-lit]")
    expect(lit).to_have_count(6)
    assert [cell.get_attribute("data-cell") for cell in lit.all()] == [
        f"{row},{col}" for row in (0, 1) for col in (2, 3, 4)
    ]


def test_loss_that_undo_brings_back_is_the_one_in_the_menu(lab: Lab) -> None:
    lab.by_id("gradient").click()
    lab.by_id("loss").select_option("mean")
    lab.focus.click()
    expect(lab.by_id("loss")).to_have_value("unit")
    lab.page.get_by_role("button", name="Undo").click()
    expect(lab.by_id("loss")).to_have_value("mean")


def test_gradient_is_shown_at_the_maps_of_every_layer_up_to_the_loss(
    lab: Lab, numbers: Array
) -> None:
    second = np.array([[1.0, -2, 0], [0.5, 3, 0], [0, 1, -1]])
    lab.paint_gray()
    lab.enter_numbers(numbers)
    for layer in ("relu", "conv2d"):
        lab.add_layer(layer)
    lab.enter_kernel(second)
    first = correlate(numbers, SOBEL_X)
    output = correlate(np.maximum(first, 0), second)
    lab.shows(output)
    lab.by_id("gradient").click()
    lab.by_id("loss").select_option("l2")
    at_relu = input_gradient(output, second, numbers.shape)
    expected = (np.where(first > 0, at_relu, 0), at_relu, output)
    lab.shows(input_gradient(expected[0], SOBEL_X, numbers.shape))
    for layer, gradient in enumerate(expected):
        lab.by_id("gradient-at").select_option(str(layer))
        lab.shows(gradient)
        heading = lab.maps.get_by_role("heading")
        expect(heading).to_have_text(f"dL/dMap of layer {layer + 1}")
    lab.by_id("gradient-at").select_option("1")
    lab.shows(at_relu)
    expect(lab.page.locator("#arithmetic")).to_contain_text("Point at a cell of dL/dMap")
    lab.point_at(2, 3, rows=7, cols=10)
    lab.says_number("pointed-value", at_relu[2, 3], 1e-3)
    expect(lab.by_id("arithmetic")).to_contain_text("dL/dMap of layer 2 · map 0 · row 2")
    lab.says_number("sum-of-products", at_relu[2, 3], 1e-3)
    expect(lab.page.locator("#arithmetic")).to_contain_text("weights that meet it")
    expect(lab.page.get_by_role("grid", name="Kernel weights").locator("[data-lit]")).to_have_count(
        9
    )
    # The loss looks at the last maps themselves: there is no sum.
    lab.by_id("gradient-at").select_option("2")
    lab.shows(output)
    lab.point_at(1, 3, rows=7, cols=10)
    lab.says_number("pointed-value", output[1, 3], 1e-3)
    expect(lab.by_id("sum-of-products")).to_have_count(0)
    lab.by_id("gradient-at").select_option("1")
    lab.shows(at_relu)
    fragment = lab.link_holds(gradientAt=1).rpartition("/")[2]
    lab.page.goto("about:blank")
    lab.open(fragment)
    lab.shows(at_relu)
    # A click makes the cell itself the loss: the gradient there is 1, and 0 beside it.
    lab.point_at(2, 3, rows=7, cols=10)
    lab.page.mouse.down()
    lab.page.mouse.up()
    one = np.zeros_like(output)
    one[2, 3] = 1
    lab.shows(one)
    lab.by_id("gradient-at").select_option("-1")
    alone = np.where(first > 0, one, 0)
    lab.shows(input_gradient(alone, SOBEL_X, numbers.shape))
