"""What stands on the page while another picture is awaited, and where it does not come."""

import numpy as np
from playwright.sync_api import Request, Route, expect

from tests.browser.arithmetic import Array, correlate, input_gradient
from tests.browser.conftest import Encode
from tests.browser.lab import Lab

FULL = np.array([[2.0, -1, 3], [4, 1, -2], [-3, 5, 6]])
BACKWARD = "**/api/v1/backward"
FORWARD = "**/api/v1/forward"


def enter(blank: Lab, numbers: Array) -> Array:
    """A small matrix and its map; the map."""
    output = correlate(numbers, FULL)[1:-1, 1:-1]
    blank.open_on(numbers, FULL, padding="valid").shows(output)
    return output


def is_told_as_a_map(lab: Lab, output: Array) -> None:
    """The map stands there under its own name, size, numbers and colours."""
    lab.shows(output)
    expect(lab.maps.get_by_role("heading")).to_have_text("Feature map 0")
    expect(lab.by_id("map-size")).to_have_text("5 × 8")
    expect(lab.maps).to_contain_text(f"max {output.max():g}")
    expect(lab.page.locator("#legend-high")).to_have_text(f"+{output.max():g}")
    expect(lab.by_id("gradient-meaning")).to_have_count(0)
    expect(lab.page.locator("[data-testid^=kernel-gradient-]")).to_have_count(0)
    expect(lab.by_id("loss-value")).not_to_contain_text("L =")


def test_map_keeps_its_name_until_the_gradient_comes_or_is_given_up(
    blank: Lab, numbers: Array
) -> None:
    output, lab = enter(blank, numbers), blank
    lab.page.route(BACKWARD, lambda route: None)
    lab.by_id("gradient").click()
    note = lab.by_id("awaited")
    expect(note).to_contain_text("dL/dInput is being computed. Until it is there, the feature map")
    expect(lab.maps).to_contain_text("· being computed")
    is_told_as_a_map(lab, output)
    lab.maps.get_by_role("button", name="Cancel").click()
    expect(note).to_contain_text("dL/dInput was not computed: it was cancelled. The feature map")
    is_told_as_a_map(lab, output)
    lab.page.unroute(BACKWARD)
    lab.by_id("again").click()
    gradient = input_gradient(np.pad(np.ones((5, 8)), 1), FULL, numbers.shape)
    lab.shows(gradient)
    expect(lab.maps.get_by_role("heading")).to_have_text("dL/dInput")
    expect(lab.by_id("gradient-meaning")).to_be_visible()
    expect(note).to_have_count(0)
    # The other way round alike.
    lab.page.route(FORWARD, lambda route: None)
    lab.cell(0, 0).fill("9")
    changed = FULL.copy()
    changed[0, 0] = 9
    lab.shows(input_gradient(np.pad(np.ones((5, 8)), 1), changed, numbers.shape))
    lab.by_id("forward").click()
    expect(note).to_contain_text("The feature map is being computed. Until it is there, dL/dInput")
    expect(lab.maps.get_by_role("heading")).to_have_text("dL/dInput")
    lab.maps.get_by_role("button", name="Cancel").click()
    lab.page.unroute(FORWARD)
    lab.by_id("again").click()
    lab.shows(correlate(numbers, changed)[1:-1, 1:-1])
    # A gradient of an earlier kernel is none of this one.
    lab.cell(0, 0).fill("2")
    lab.shows(output)
    lab.page.route(BACKWARD, lambda route: None)
    lab.by_id("gradient").click()
    is_told_as_a_map(lab, output)


def test_gradient_that_the_server_does_not_answer_leaves_the_map_and_a_way_back(
    blank: Lab, numbers: Array
) -> None:
    output, lab = enter(blank, numbers), blank
    lab.page.route(BACKWARD, lambda route: route.abort())
    lab.by_id("gradient").click()
    expect(lab.by_id("awaited")).to_contain_text("dL/dInput could not be computed. The feature map")
    expect(lab.maps.get_by_role("alert")).to_contain_text("The server does not answer")
    is_told_as_a_map(lab, output)
    lab.by_id("back").click()
    expect(lab.by_id("forward")).to_have_attribute("aria-pressed", "true")
    expect(lab.by_id("awaited")).to_have_count(0)
    expect(lab.maps.get_by_role("alert")).to_have_count(0)
    # What is cancelled in one mode says so too.
    lab.page.route(FORWARD, lambda route: None)
    lab.cell(0, 0).fill("9")
    lab.maps.get_by_role("button", name="Cancel").click()
    expect(lab.by_id("cancelled")).to_contain_text("Cancelled: this is the last good answer.")
    lab.page.unroute(FORWARD)
    lab.by_id("cancelled").get_by_role("button", name="Retry").click()
    changed = FULL.copy()
    changed[0, 0] = 9
    lab.shows(correlate(numbers, changed)[1:-1, 1:-1])
    expect(lab.by_id("cancelled")).to_have_count(0)


def is_exact(route: Route) -> bool:
    return bool(route.request.post_data_json["return"]["dtype"] == "float32")


def test_numbers_of_eight_bits_are_marked_and_zero_is_zero_in_them(lab: Lab) -> None:
    lab.by_id("gradient").click()
    lab.wait_until_exact()
    for _ in range(12):  # as far as it goes
        lab.by_id("zoom-in").evaluate("button => button.click()")
    values = lab.by_id("cell-values").locator("text")
    expect(values.first).to_have_text("0")
    held: list[Route] = []

    def hold_the_exact(route: Route) -> None:
        if is_exact(route):
            held.append(route)
        else:
            route.continue_()

    lab.page.route(BACKWARD, hold_the_exact)
    lab.by_id("preset").select_option("sobel_y")
    expect(values.first).to_have_text("≈0")
    assert set(values.all_text_contents()) == {"≈0"}
    while not held:
        lab.page.wait_for_timeout(20)
    held[0].continue_()
    expect(values.first).to_have_text("0")


def test_gradient_of_a_large_colour_photo_is_exact_in_the_channel_in_focus(
    lab: Lab, encode: Encode
) -> None:
    # Two channels would be within what is sent exactly, three are not.
    pixels = np.zeros((2400, 2400, 3), np.uint8)
    pixels[:, 1200:, 0] = 255
    lab.choose_file("large.png", "image/png", encode(pixels, "PNG"))
    expect(lab.by_id("map-size")).to_have_text("2400 × 2400")
    lab.by_id("rgb").click()
    with lab.page.expect_request(lambda request: asks_alone(request, 0)):
        lab.by_id("gradient").click()
    lab.wait_until_exact()
    expect(lab.by_id("thumb-2")).to_be_visible()
    with lab.page.expect_request(lambda request: asks_alone(request, 2)):
        lab.by_id("thumb-2").click()
    lab.wait_until_exact()


def asks_alone(request: Request, channel: int) -> bool:
    """Whether every cell of one channel of the gradient is asked for exactly."""
    if not request.url.endswith("/backward"):
        return False
    wanted = request.post_data_json["return"]
    form = {"channels": [channel], "dtype": "float32"}
    return bool(form.items() <= wanted.items() and "max_side" not in wanted)


def test_progress_says_what_is_computed_and_how_long_and_can_be_given_up(
    lab: Lab, encode: Encode
) -> None:
    lab.paint_gray()
    pixels = np.zeros((700, 900), np.uint8)
    pixels[:, 450:] = 200
    lab.choose_file("wide.png", "image/png", encode(pixels, "PNG"))
    expect(lab.by_id("map-size")).to_have_text("700 × 900")
    lab.wait_until_exact()
    progress, elapsed = lab.by_id("progress"), lab.by_id("elapsed")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    lab.page.route(BACKWARD, hold)
    lab.by_id("gradient").click()
    expect(progress.get_by_role("status")).to_have_text("Computing dL/dInput")
    first = elapsed.text_content()
    expect(elapsed).not_to_have_text(first or "")  # the clock goes on
    assert float((elapsed.text_content() or "").removesuffix(" s")) > 0.4
    held.pop().continue_()
    expect(lab.maps.get_by_role("heading")).to_have_text("dL/dInput")
    # At rest alike: the picture is there, every cell of it is awaited.
    expect(progress.get_by_role("status")).to_have_text("Getting every cell of dL/dInput exactly")
    expect(lab.by_id("exact")).to_have_text("eight bits")
    progress.get_by_role("button", name="Cancel").click()
    expect(progress).to_have_count(0)
    expect(lab.by_id("cancelled")).to_contain_text("this has not every cell, or not exactly")
    expect(lab.page.get_by_role("alert")).to_have_count(0)
    lab.page.unroute(BACKWARD)
    lab.by_id("cancelled").get_by_role("button", name="Retry").click()
    lab.wait_until_exact()
    expect(lab.by_id("cancelled")).to_have_count(0)
    expect(progress).to_have_count(0)


def test_gradient_keeps_its_name_until_the_one_at_a_map_is_there(lab: Lab) -> None:
    heading = lab.maps.get_by_role("heading")
    lab.by_id("gradient").click()
    expect(heading).to_have_text("dL/dInput")
    lab.wait_until_exact()
    lab.page.route(BACKWARD, lambda route: None)
    lab.by_id("gradient-at").select_option("0")
    expect(lab.by_id("progress").get_by_role("status")).to_have_text("Computing dL/dMap of layer 1")
    expect(heading).to_have_text("dL/dInput")
    lab.by_id("progress").get_by_role("button").click()
    lab.page.unroute(BACKWARD)
    lab.by_id("again").click()
    expect(heading).to_have_text("dL/dMap of layer 1")
