"""A stack of layers, built by hand."""

import re

import numpy as np
from playwright.sync_api import Route, expect

from tests.browser.arithmetic import SOBEL_X, Array, correlate, input_gradient, max_pool
from tests.browser.lab import Lab

LAPLACIAN = np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])
SECOND = np.array([[1.0, -2, 0], [0.5, 3, 0], [0, 1, -1]])


def test_conv_relu_pool_conv_gives_the_values_of_four_plain_steps(lab: Lab) -> None:
    numbers = np.random.default_rng(5).integers(-9, 10, (11, 14)).astype(np.float64)
    lab.paint_gray()
    lab.enter_numbers(numbers)
    for layer in ("relu", "max_pool2d", "conv2d"):
        lab.add_layer(layer)
    expect(lab.by_id("layer-3")).to_contain_text("1 × 5 × 7")
    lab.enter_kernel(SECOND)

    first = correlate(numbers, SOBEL_X)
    lit = np.maximum(first, 0)
    pooled = max_pool(lit, 2)
    second = correlate(pooled, SECOND)
    lab.shows(second)
    lab.click_cell(2, 3, rows=5, cols=7)
    lab.says_number("pointed-value", second[2, 3], 1e-4)
    for index, values in ((2, pooled), (1, lit), (0, first)):
        lab.by_id(f"layer-{index}").click()
        lab.shows(values)


def test_pixel_of_the_last_layer_sees_its_field_across_all_layers(lab: Lab) -> None:
    lab.enter_numbers(np.eye(12, 16))
    for layer in ("relu", "max_pool2d", "conv2d"):
        lab.add_layer(layer)
    expect(lab.by_id("map-size")).to_have_text("6 × 8")
    lab.by_id("sample").select_option("chessboard")
    expect(lab.by_id("map-size")).to_have_text("128 × 128")
    lab.focus.press("ArrowDown")  # from the middle, (64, 64)
    expect(lab.by_id("arithmetic")).to_contain_text("row 65 · column 64")
    field = lab.by_id("receptive-field")
    # conv 3, pool 2, conv 3: 2·3 pixels of the pool's input, and one more on every side.
    expected = {"y": 2 * 64 - 1, "x": 2 * 63 - 1, "height": 8, "width": 8}
    for side, value in expected.items():
        expect(field).to_have_attribute(side, str(value))


def test_answer_that_comes_moves_nothing_under_the_hand(lab: Lab) -> None:
    held: list[Route] = []
    lab.page.route("**/api/v1/*", lambda route: held.append(route))  # noqa: PLW0108
    lab.add_layer("relu")
    expect(lab.by_id("layer-1")).to_be_visible()
    lab.page.wait_for_timeout(200)
    before = lab.resting_box(lab.by_id("add-layer"))
    for route in held:
        route.continue_()
    lab.page.unroute("**/api/v1/*")
    expect(lab.layers).to_contain_text("0 parameters")
    assert lab.resting_box(lab.by_id("add-layer")) == before


def test_layers_are_moved_doubled_and_removed(lab: Lab, numbers: Array) -> None:
    lab.paint_gray()
    lab.enter_numbers(numbers)
    lab.add_layer("relu")
    up = lab.layers.get_by_role("button", name="Move up")
    up.press("Enter")
    # Where it can go no further, the keys stay on its card.
    expect(lab.by_id("layer-0")).to_be_focused()
    lab.layers.get_by_role("button", name="Move down").press("Enter")
    expect(up).to_be_enabled()
    expect(lab.by_id("layer-1")).to_be_focused()
    up.click()
    lab.by_id("layer-1").click()
    lab.shows(correlate(np.maximum(numbers, 0), SOBEL_X))
    lab.layers.get_by_role("button", name="Duplicate").click()
    lab.shows(correlate(correlate(np.maximum(numbers, 0), SOBEL_X), SOBEL_X))
    lab.layers.get_by_role("button", name="Remove").click()
    lab.by_id("layer-0").click()
    expect(lab.by_id("layer-0")).to_have_attribute("aria-current", "true")
    lab.layers.get_by_role("button", name="Remove").click()
    expect(lab.by_id("layer-1")).to_have_count(0)
    lab.shows(correlate(numbers, SOBEL_X))


def test_layer_is_added_when_it_is_chosen_and_not_on_the_way_to_it(lab: Lab) -> None:
    keys = lab.page.keyboard
    lab.by_id("add-layer").focus()
    keys.type("relu")
    keys.press("ArrowDown")
    lab.by_id("add-layer").click()
    expect(lab.by_id("add-conv2d")).to_be_focused()
    for key, name in (
        ("ArrowDown", "conv_transpose2d"),
        ("End", "log_softmax"),
        ("ArrowDown", "conv2d"),
        ("s", "square"),
        ("s", "sigmoid"),
    ):
        keys.press(key)
        expect(lab.by_id(f"add-{name}")).to_be_focused()
    keys.press("Escape")
    expect(lab.by_id("add-conv2d")).to_be_hidden()
    expect(lab.by_id("add-layer")).to_be_focused()
    expect(lab.by_id("layer-1")).to_have_count(0)
    lab.by_id("add-layer").click()
    lab.page.get_by_role("menuitem", name="Absolute value").click()
    expect(lab.by_id("layer-1")).to_contain_text("Absolute value")


def test_filter_that_goes_takes_its_map_out_of_focus(lab: Lab, numbers: Array) -> None:
    lab.paint_gray()
    lab.enter_numbers(numbers)
    lab.by_id("kernel-form").select_option("bank")
    lab.layers.get_by_role("button", name="Add a filter").click()
    lab.by_id("preset").select_option("laplacian")
    lab.add_layer("abs")
    lab.by_id("thumb-1").click()  # the second filter's map, which becomes the only one
    lab.shows(np.abs(correlate(numbers, LAPLACIAN)))
    lab.layers.get_by_role("button", name="Drop filter 0").click()
    lab.shows(np.abs(correlate(numbers, LAPLACIAN)))
    expect(lab.by_id("thumb-1")).to_have_count(0)
    expect(lab.page.get_by_role("alert")).to_have_count(0)


def test_layer_without_weights_says_its_formula_with_its_numbers(lab: Lab) -> None:
    lab.enter_numbers(np.arange(12.0).reshape(3, 4))
    for kind, formula in (
        ("relu", "y = max(0, x)"),
        ("leaky_relu", "y = x for x > 0, else 0.01 · x"),
        ("gelu", "y = x · (1 + erf(x / √2)) / 2"),
        ("avg_pool2d", "y = Σ x / 4, the sum over a window of 2 × 2"),
        ("global_avg_pool", "y = Σ x / 2, the sum over the map"),
    ):
        lab.add_layer(kind)
        expect(lab.by_id("value-formula")).to_have_text(formula)
        expect(lab.by_id("formula")).not_to_contain_text(re.compile(r"= *$"))
    lab.by_id("layer-1").click()
    lab.click_cell(1, 2, rows=3, cols=4)
    expect(lab.by_id("arithmetic")).to_contain_text("relu, y = max(0, x)")


def test_layers_to_add_stand_in_groups_and_the_keys_of_the_cells_in_a_popover(lab: Lab) -> None:
    lab.by_id("add-layer").click()
    pooling = lab.page.get_by_role("group", name="Pooling")
    expect(pooling.get_by_role("menuitem")).to_have_count(4)
    pooling.get_by_test_id("add-max_pool2d").click()
    expect(lab.by_id("layer-1")).to_contain_text("Max pooling")
    expect(lab.by_id("add-max_pool2d")).to_be_hidden()
    keys = lab.page.get_by_text("takes back what was typed")
    expect(keys).to_be_hidden()
    lab.page.get_by_role("button", name="Keys").click()
    expect(keys).to_be_visible()


def spread(x: Array, kernel: Array) -> Array:
    """Every cell times the kernel, two apart; what stands before row and column 1 is cut off."""
    rows, cols = x.shape
    wide = np.zeros((2 * rows + 1, 2 * cols + 1))
    for (row, col), value in np.ndenumerate(x):
        wide[2 * row : 2 * row + 3, 2 * col : 2 * col + 3] += value * kernel
    return wide[1:, 1:]


def test_spread_normed_flattened_and_dense_layers_give_the_values_of_plain_steps(
    lab: Lab, numbers: Array
) -> None:
    kernel = np.outer([0.5, 1, 0.5], [0.5, 1, 0.5])
    lab.paint_gray()
    lab.enter_numbers(numbers)
    first = correlate(numbers, SOBEL_X)
    lab.add_layer("conv_transpose2d")
    large = spread(first, kernel)
    lab.shows(large)
    lab.point_at(1, 3, rows=14, cols=20)
    lab.says_number("pointed-value", large[1, 3], 1e-4)
    expect(lab.by_id("field")).to_contain_text("rows 0 to 1, columns 1 to 2 of layer 1")
    lab.add_layer("batch_norm")
    for name, value in (("mean", "0.5"), ("variance", "4"), ("scale", "3"), ("bias", "-1")):
        lab.by_id(name).fill(value)
    normed = (large - 0.5) / np.sqrt(4 + 1e-5) * 3 - 1
    lab.shows(normed)
    lab.add_layer("flatten")
    lab.shows(normed.reshape(1, -1))
    expect(lab.by_id("layer-3")).to_contain_text("280 features")
    lab.add_layer("batch_norm")
    lab.by_id("mean").fill("-2")
    lab.shows((normed.reshape(1, -1) + 2) / np.sqrt(1 + 1e-5))
    lab.by_id("layer-4").click()
    lab.page.get_by_role("button", name="Remove", exact=True).click()
    expect(lab.by_id("layer-4")).to_have_count(0)
    lab.add_layer("dense")
    lab.by_id("features").fill("6")
    lab.by_id("bias").fill("2")
    weight = np.random.default_rng(0).standard_normal((6, 280)) * np.sqrt(2 / 280)
    features = weight @ normed.ravel() + 2
    lab.shows(features[None])
    lab.click_cell(0, 4, rows=1, cols=6)
    lab.says_number("pointed-value", features[4], 1e-3)
    expect(lab.by_id("arithmetic")).to_contain_text("feature 4 · pinned")
    lab.by_id("gradient").click()  # of the pinned feature
    back = weight[4].reshape(14, 20) * 3 / np.sqrt(4 + 1e-5)
    at_first = correlate(back, kernel, stride=(2, 2))
    lab.shows(input_gradient(at_first, SOBEL_X, numbers.shape))
    expect(lab.by_id("loss-value")).to_contain_text("feature 4")
    fragment = lab.link_holds(loss="unit").rpartition("/")[2]
    lab.page.goto("about:blank")
    lab.open(fragment)
    lab.by_id("gradient-at").select_option("0")
    lab.shows(at_first)
    # Too many terms to be written: the value alone is told, without asking for them.
    lab.by_id("forward").click()
    lab.by_id("layer-4").click()
    lab.enter_numbers(np.eye(40, 60))
    expect(lab.page.locator("#arithmetic")).to_contain_text("9600 products input × weight")
    spread_out = spread(correlate(np.eye(40, 60), SOBEL_X), kernel)
    normed = (spread_out - 0.5) / np.sqrt(4 + 1e-5) * 3 - 1
    weight = np.random.default_rng(0).standard_normal((6, 9600)) * np.sqrt(2 / 9600)
    lab.says_number("pointed-value", (weight @ normed.ravel() + 2)[4], 1e-3)
