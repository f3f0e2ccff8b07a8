"""The focus map: its colours pixel by pixel, zoom, what is said of it, what can be taken along."""

import base64
import contextlib
import io
import re
import shlex
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Error, Request, Route, expect

from tests.browser.arithmetic import SOBEL_X, Array, correlate, gray_levels, luma
from tests.browser.conftest import Encode
from tests.browser.lab import Lab
from tests.serving import ROOT

IDENTITY = np.array([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]])
# Symmetric around zero, so that both ends of a signed scale are reached.
SIGNED = np.array([[-8.0, -4, 0], [1, 4, 8]])
PIXELS = """() => {
  const canvas = document.querySelector('#focus');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return [canvas.height, canvas.width, data];
}"""
# As text: a million numbers take half a minute on their way, as text a moment.
PIXELS_AS_TEXT = f"""() => {{
  const [height, width, data] = ({PIXELS})();
  let text = '';
  for (let at = 0; at < data.length; at += 4096)
    text += String.fromCharCode(...data.subarray(at, at + 4096));
  return [height, width, btoa(text)];
}}"""


def pixels(lab: Lab) -> Array:
    rows, cols, text = lab.page.evaluate(PIXELS_AS_TEXT)
    values = np.frombuffer(base64.b64decode(text), np.uint8).reshape(rows, cols, 4)
    return values[:, :, :3].astype(np.float64)


@pytest.fixture
def small(lab: Lab, numbers: Array) -> Lab:
    """A small matrix in gray."""
    lab.paint_gray()
    lab.enter_numbers(numbers)
    lab.shows(correlate(numbers, SOBEL_X))
    return lab


@pytest.mark.parametrize(
    ("scheme", "colors", "ends"),
    [
        ("light", "signed", ([8, 40, 92], [251, 251, 250], [94, 6, 28])),
        ("dark", "signed", ([176, 214, 255], [22, 23, 25], [255, 200, 186])),
        ("light", "auto", ([8, 40, 92], [251, 251, 250], [94, 6, 28])),
        ("dark", "viridis", ([68, 1, 84], [33, 144, 141], [253, 231, 37])),
    ],
)
def test_least_zero_and_largest_value_have_the_colours_of_the_scale(
    blank: Lab, scheme: str, colors: str, ends: tuple[list[int], ...]
) -> None:
    blank.page.emulate_media(color_scheme=scheme)
    blank.open()
    blank.enter_numbers(SIGNED)
    blank.enter_kernel(IDENTITY)
    blank.paint_gray()
    blank.shows(SIGNED)
    blank.by_id("colors").select_option(colors)
    blank.page.wait_for_function(f"({PIXELS})()[2][0] === {ends[0][0]}")
    painted = pixels(blank)
    for cell, colour in (((0, 0), ends[0]), ((0, 2), ends[1]), ((1, 2), ends[2])):
        # Zero lies between two of the 512 colours of the table.
        assert np.abs(painted[cell] - colour).max() <= 1.5, (cell, painted[cell])
    # A signed scale fades evenly to both sides: half of the largest value is between the ends.
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
    lab.page.wait_for_timeout(300)  # the page rests: now it asks for every cell
    assert held
    lab.page.unroute("**/api/v1/forward")
    for route in held:
        with contextlib.suppress(Error):  # given up by the page
            route.continue_()
    expect(lab.by_id("reduced")).to_have_count(0)


def test_dead_relu_and_weights_that_cancel_are_explained(lab: Lab, numbers: Array) -> None:
    lab.enter_numbers(np.abs(numbers) + 1)
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


def saved(lab: Lab) -> Array:
    with lab.page.expect_download() as download:
        lab.export("save-png")
    assert download.value.suggested_filename.endswith(".png")
    with Image.open(Path(download.value.path())) as image:
        return np.asarray(image.convert("RGB"), np.float64)


def test_saved_picture_has_the_pixels_of_the_map(lab: Lab) -> None:
    gray = luma((ROOT / "app" / "samples" / "astronaut.jpg").read_bytes())
    lab.paint_gray()
    wanted = correlate(gray, SOBEL_X)
    lab.shows(wanted)
    picture = saved(lab)
    assert np.abs(picture - gray_levels(wanted)[:, :, None]).max() <= 1
    lab.by_id("colors").select_option("signed")
    lab.page.wait_for_function(f"({PIXELS})()[2].some((level, i) => i % 4 === 1 && level !== 0)")
    assert np.array_equal(saved(lab), pixels(lab))


def run(command: str) -> Array:
    """Do what the copied command does, which curl itself, absent here perhaps, need not do."""
    words = iter(shlex.split(command.replace("\\\n", "")))
    assert [next(words), next(words), next(words)] == ["curl", "-sS", "--fail-with-body"]
    url, headers, body, target = next(words), {}, "", ""
    for option in words:
        value = next(words)
        if option == "-H":
            name, content = value.split(": ", 1)
            headers[name] = content
        elif option == "-d":
            body = value
        else:
            assert option == "-o"
            target = value
    assert Path(target).name == target
    answer = httpx.post(url, headers=headers, content=body).raise_for_status()
    with Image.open(io.BytesIO(answer.content)) as image:
        return np.asarray(image.convert("RGB"), np.float64)


@pytest.mark.parametrize("mode", ["forward", "gradient"])
def test_copied_command_writes_the_picture_of_the_map(lab: Lab, photo: bytes, mode: str) -> None:
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.choose_file("cat.jpg", "image/jpeg", photo)
    expect(lab.by_id("map-size")).to_have_text("300 × 451")
    lab.by_id("rgb").click()
    lab.cell(0, 0).fill("-3.5")
    lab.paint_gray()
    lab.by_id(mode).click()
    lab.by_id("thumb-2").click()
    expect(lab.by_id("thumb-2")).to_have_attribute("aria-pressed", "true")
    # The page fades between nine colours of viridis, the server has all of them.
    for colors, within in (("gray", 2), ("viridis", 20)):
        lab.by_id("colors").select_option(colors)
        lab.wait_until_exact()
        lab.export("copy-curl")
        expect(lab.by_id("export")).to_have_text("Copied")
        picture = run(lab.page.evaluate("navigator.clipboard.readText()"))
        assert picture.shape == (300, 451, 3)
        assert np.abs(picture - pixels(lab)).max() <= within


def test_copied_link_opens_the_same_lab(lab: Lab) -> None:
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.cell(0, 0).fill("7")
    lab.export("copy-link")
    expect(lab.by_id("export")).to_have_text("Copied")
    copied = lab.page.evaluate("navigator.clipboard.readText()")
    lab.page.goto("about:blank")
    lab.page.goto(copied)
    expect(lab.cell(0, 0)).to_have_value("7")


def test_command_that_cannot_be_copied_can_be_selected(lab: Lab) -> None:
    lab.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    lab.export("copy-curl")
    expect(lab.by_id("command")).to_have_value(re.compile("^curl "))


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


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (1024, 1366), (820, 600)])
def test_desk_and_tablet_fill_the_window_and_no_more(blank: Lab, width: int, height: int) -> None:
    blank.page.set_viewport_size({"width": width, "height": height})
    blank.open()
    assert blank.page.evaluate("document.documentElement.scrollHeight") <= height
    for name in ("kernel-0-0", "focus"):
        expect(blank.by_id(name)).to_be_in_viewport()
