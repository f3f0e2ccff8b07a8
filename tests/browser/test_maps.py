"""The focus map: its colours pixel by pixel, zoom, what is said of it, what can be taken along."""

import contextlib
import re

import numpy as np
import pytest
from playwright.sync_api import Error, Request, Route, expect

from tests.browser.arithmetic import SOBEL_X, Array, correlate, input_gradient
from tests.browser.conftest import Encode
from tests.browser.lab import Lab
from tests.browser.painted import PIXELS, pixels

IDENTITY = np.array([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]])
# Symmetric around zero, so that both ends of a signed scale are reached.
SIGNED = np.array([[-8.0, -4, 0], [1, 4, 8]])


@pytest.fixture
def small(blank: Lab, numbers: Array) -> Lab:
    """A small matrix in gray."""
    blank.open_on(numbers).shows(correlate(numbers, SOBEL_X))
    return blank


LIGHT_ENDS = ([8, 40, 92], [251, 251, 250], [94, 6, 28])
DARK_ENDS = ([176, 214, 255], [22, 23, 25], [255, 200, 186])
VIRIDIS_ENDS = ([68, 1, 84], [33, 144, 141], [253, 231, 37])


@pytest.mark.parametrize(
    ("scheme", "scales"),
    [
        ("light", {"signed": LIGHT_ENDS, "auto": LIGHT_ENDS}),
        ("dark", {"signed": DARK_ENDS, "viridis": VIRIDIS_ENDS}),
    ],
)
def test_least_zero_and_largest_value_have_the_colours_of_the_scale(
    blank: Lab, scheme: str, scales: dict[str, tuple[list[int], ...]]
) -> None:
    blank.page.emulate_media(color_scheme=scheme)
    blank.open_on(SIGNED, IDENTITY)
    for colors, ends in scales.items():
        blank.by_id("colors").select_option("gray")
        blank.shows(SIGNED)
        blank.by_id("colors").select_option(colors)
        blank.page.wait_for_function(f"() => ({PIXELS})()[2][0] === {ends[0][0]}")
        painted = pixels(blank)
        for cell, colour in (((0, 0), ends[0]), ((0, 2), ends[1]), ((1, 2), ends[2])):
            # Zero lies between two of the 512 colours of the table.
            assert np.abs(painted[cell] - colour).max() <= 1.5, (cell, painted[cell])
        # A signed scale fades evenly to both sides: half of the largest is between the ends.
        assert not np.array_equal(painted[0, 1], painted[1, 1])


def side(lab: Lab) -> float:
    """Width of the drawn map in CSS pixels."""
    box = lab.focus.bounding_box()
    assert box is not None
    return box["width"]


def is_drawn(lab: Lab, wide: float) -> None:
    """The map gets this wide, in CSS pixels."""
    lab.page.wait_for_function(
        """wide => {
          const { width } = document.querySelector('#focus').getBoundingClientRect();
          return Math.abs(width / wide - 1) < 1e-3;
        }""",
        arg=wide,
    )


def test_buttons_and_keys_zoom_to_cells_with_their_values(lab: Lab) -> None:
    whole = side(lab)
    expect(lab.by_id("zoom-fit")).to_be_disabled()
    lab.by_id("zoom-in").click()
    is_drawn(lab, 1.5 * whole)
    lab.by_id("zoom-out").click()
    is_drawn(lab, whole)
    lab.focus.press("+")
    lab.focus.press("+")
    is_drawn(lab, 1.5**2 * whole)
    lab.focus.press("-")
    is_drawn(lab, 1.5 * whole)
    for _ in range(20):
        lab.focus.press("+")
    expect(lab.by_id("zoom-in")).to_be_disabled()
    expect(lab.by_id("cell-values").locator("text").first).to_be_attached()
    lab.focus.press("0")
    expect(lab.by_id("zoom-fit")).to_be_disabled()
    expect(lab.by_id("cell-values")).to_have_count(0)
    is_drawn(lab, whole)


def test_enlarged_cells_carry_the_values_of_the_map(small: Lab, numbers: Array) -> None:
    wanted = [f"{value:g}".replace("-", "−") for value in correlate(numbers, SOBEL_X).flatten()]
    expect(small.by_id("cell-values").locator("text")).to_have_text(wanted)


def test_extremes_of_a_map_and_of_a_gradient_lead_to_where_they_stand(
    small: Lab, numbers: Array
) -> None:
    output = correlate(numbers, SOBEL_X)
    small.by_id("go-max").click()
    row, col = np.argwhere(output == output.max())[0].tolist()
    small.link_holds(unit={"layer": 0, "channel": 0, "row": row, "col": col})
    small.says_number("pointed-value", float(output.max()), 1e-6)
    small.by_id("gradient").click()
    small.by_id("loss").select_option("l2")
    gradient = input_gradient(output, SOBEL_X, numbers.shape)
    small.shows(gradient)
    small.by_id("go-min").click()
    row, col = np.argwhere(gradient == gradient.min())[0].tolist()
    small.link_holds(pin={"of": "input", "channel": 0, "row": row, "col": col})
    small.says_number("pointed-value", float(gradient.min()), 1e-6)


def test_wheel_enlarges_around_the_pointer(lab: Lab) -> None:
    frame = lab.page.locator("#frame").bounding_box()
    assert frame is not None
    x, y = frame["x"] + 0.4 * frame["width"], frame["y"] + 0.3 * frame["height"]
    lab.page.mouse.move(x, y)
    expect(lab.by_id("arithmetic")).to_contain_text("row")
    place = re.compile(r"row \d+ · column \d+")
    before = place.search(lab.by_id("arithmetic").inner_text())
    whole = side(lab)
    lab.page.mouse.wheel(0, -600)
    lab.page.wait_for_function(
        "least => document.querySelector('#focus').getBoundingClientRect().width > least", arg=whole
    )
    lab.page.mouse.move(x + 0.2, y)
    lab.page.wait_for_timeout(300)
    after = place.search(lab.by_id("arithmetic").inner_text())
    assert before is not None
    assert after is not None
    near = [
        abs(int(one) - int(other))
        for one, other in zip(
            re.findall(r"\d+", before[0]), re.findall(r"\d+", after[0]), strict=True
        )
    ]
    assert max(near) <= 1, (before[0], after[0])
    lab.page.mouse.wheel(0, 5000)
    expect(lab.by_id("zoom-fit")).to_be_disabled()


def test_large_map_says_how_it_is_reduced_until_all_of_it_is_there(
    lab: Lab, encode: Encode
) -> None:
    held: list[Route] = []

    def hold_the_whole(route: Route) -> None:
        wanted = route.request.post_data_json["return"]
        if wanted["dtype"] == "float32":
            held.append(route)
        else:
            route.continue_()

    lab.page.route("**/api/v1/forward", hold_the_whole)
    rows, cols = np.mgrid[0:1500, 0:2000]
    lab.choose_file("large.png", "image/png", encode((rows + cols).astype(np.uint8), "PNG"))
    expect(lab.by_id("map-size")).to_have_text("1500 × 2000")
    expect(lab.by_id("reduced")).to_have_text(re.compile(r"^reduced to \d+ × \d+$"))
    for _ in range(100):  # until the page rests and asks for every cell
        lab.page.wait_for_timeout(100)
        if held:
            break
    expect(lab.by_id("reduced")).to_be_visible()
    lab.page.unroute("**/api/v1/forward")
    for route in held:
        with contextlib.suppress(Error):  # given up by the page
            route.continue_()
    expect(lab.by_id("reduced")).to_have_count(0)


def test_dead_relu_and_weights_that_cancel_are_explained(blank: Lab, numbers: Array) -> None:
    lab = blank.open_on(np.abs(numbers) + 1)
    lab.by_id("gradient").click()
    expect(lab.by_id("gradient-note")).to_contain_text("sum of the weights, which is 0")
    lab.cell(1, 1).fill("-99")
    expect(lab.by_id("gradient-note")).to_have_count(0)
    lab.add_layer("relu")
    expect(lab.by_id("gradient-note")).to_contain_text("layer 2 (ReLU)")
    lab.cell(1, 1).fill("99")
    expect(lab.by_id("gradient-note")).to_have_count(0)


def test_busy_server_is_asked_again_without_a_word(small: Lab, numbers: Array) -> None:
    asked: list[Request] = []

    def busy(route: Route) -> None:
        asked.append(route.request)
        route.fulfill(
            status=503,
            headers={"retry-after": "1", "content-type": "application/problem+json"},
            body='{"status": 503, "title": "Overloaded", "detail": "All compute slots are taken."}',
        )

    small.page.route("**/api/v1/forward", busy, times=1)
    small.cell(0, 0).fill("5")
    kernel = SOBEL_X.copy()
    kernel[0, 0] = 5
    small.shows(correlate(numbers, kernel))
    assert len(asked) == 1
    expect(small.page.get_by_role("alert")).to_have_count(0)


def test_sheet_of_the_phone_shows_the_value_and_opens_to_its_terms(blank: Lab) -> None:
    blank.page.set_viewport_size({"width": 390, "height": 844})
    blank.open()
    box = blank.focus.bounding_box()
    assert box is not None
    blank.focus.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    expect(blank.by_id("pointed-value")).to_be_visible()
    terms = blank.page.locator("#arithmetic .products")
    expect(terms).to_be_hidden()
    blank.page.get_by_role("checkbox", name="The whole arithmetic").click()
    expect(terms).to_be_visible()
    for title in ("patch", "kernel", "products"):
        expect(terms).to_contain_text(title)
    sheet = blank.page.locator(".sheet").bounding_box()
    assert sheet is not None
    assert sheet["y"] + sheet["height"] <= 845
    blank.page.get_by_role("checkbox", name="The whole arithmetic").click()
    expect(terms).to_be_hidden()


def test_desk_and_tablet_fill_the_window_and_no_more(lab: Lab) -> None:
    for width, height in ((1440, 900), (1024, 768), (1024, 1366), (820, 600)):
        lab.page.set_viewport_size({"width": width, "height": height})
        assert lab.page.evaluate("document.documentElement.scrollHeight") <= height
        for name in ("kernel-0-0", "focus"):
            expect(lab.by_id(name)).to_be_in_viewport()


def test_thin_map_is_tall_enough_to_be_seen_and_pointed_at(blank: Lab) -> None:
    thin = np.random.default_rng(3).integers(-9, 10, (3, 400)).astype(np.float64)
    lab = blank.open_on(thin)
    expect(lab.by_id("map-size")).to_have_text("3 × 400")
    lab.page.wait_for_function(
        "() => document.querySelector('#focus').getBoundingClientRect().height >= 40"
    )
    box = lab.focus.bounding_box()
    assert box is not None
    lab.page.mouse.move(box["x"] + box["width"] * 250.5 / 400, box["y"] + box["height"] * 2.5 / 3)
    expect(lab.by_id("arithmetic")).to_contain_text("row 2 · column 250")
    mark = lab.page.locator("#frame svg .tied").bounding_box()
    assert mark is not None
    # The outline of the cell, of two pixels, stands around its middle.
    assert mark["y"] - 2 <= box["y"] + box["height"] * 2 / 3 <= mark["y"] + 2
    assert mark["height"] >= box["height"] / 3


def test_maps_of_a_network_with_negative_values_share_its_colours(lab: Lab) -> None:
    lab.add_layer("relu")
    expect(lab.by_id("layer-1")).to_contain_text("1 × 512 × 512")
    expect(lab.page.locator("#legend-low")).to_contain_text("−")
    lab.by_id("layer-0").click()
    lab.by_id("preset").select_option("box")
    lab.by_id("layer-1").click()
    expect(lab.page.locator("#legend-low")).not_to_contain_text("−")
