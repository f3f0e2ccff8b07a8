"""The link in the address bar carries the whole state."""

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.arithmetic import SOBEL_X, Array, correlate, input_gradient, luma
from tests.browser.lab import Lab, link

CONV = {"type": "conv2d", "kernel": [[1, 2], [3, 4]], "stride": 1, "padding": "same"}


def test_reloaded_link_gives_the_same_state_and_pixels_elsewhere(
    lab: Lab, browser: Browser, photo: bytes
) -> None:
    kernel = SOBEL_X.copy()
    kernel[2, 2] = 5
    lab.paint_gray()
    lab.choose_file("cat.jpg", "image/jpeg", photo)
    expect(lab.by_id("map-size")).to_have_text("300 × 451")
    lab.cell(2, 2).fill("5")
    lab.by_id("stride").fill("2")
    lab.by_id("padding").select_option("valid")
    lab.by_id("gradient").click()
    lab.by_id("loss").select_option("l2")
    gray = luma(photo)
    output = correlate(gray, kernel, padding=((0, 0), (0, 0)), stride=(2, 2))
    gradient = input_gradient(output, kernel, gray.shape, stride=2)
    lab.shows(gradient)
    copied = lab.link_holds(mode="gradient", loss="l2")

    context = browser.new_context(viewport={"width": 1440, "height": 900})
    other = Lab(context.new_page(), lab.base_url)
    errors: list[str] = []
    other.page.on("pageerror", lambda error: errors.append(str(error)))
    other.open(copied.removeprefix(f"{lab.base_url}/"))
    expect(other.by_id("about-input")).to_contain_text("300 rows × 451 columns, JPEG")
    expect(other.by_id("gradient")).to_have_attribute("aria-pressed", "true")
    expect(other.by_id("loss")).to_have_value("l2")
    expect(other.by_id("stride")).to_have_value("2")
    expect(other.by_id("padding")).to_have_value("valid")
    assert other.weights() == kernel.flatten().tolist()
    other.shows(gradient)
    other.by_id("forward").click()
    other.shows(output)
    assert other.state() | {"mode": 0} == lab.state() | {"mode": 0}
    context.close()
    assert not errors, errors


def test_reload_keeps_the_numbers_that_were_typed(lab: Lab, numbers: Array) -> None:
    lab.paint_gray()
    lab.enter_numbers(numbers)
    lab.link_holds(input={"array": numbers.astype(int).tolist()})
    layer = lab.state()["layers"][0]
    lab.by_id("dilation").fill("2")
    lab.link_holds(layers=[layer | {"dilation": 2}])
    lab.page.reload()
    expect(lab.by_id("dilation")).to_have_value("2")
    lab.shows(correlate(numbers, SOBEL_X, padding=((2, 2), (2, 2)), dilation=(2, 2)))


SENSELESS = [
    "#1:",
    "#2:e30",
    "#not-a-link",
    link("null"),
    link("[1, 2"),
    link('"text"'),
    link({"layers": "none", "input": 5, "mode": "sideways", "clip": "x"}),
    link({"layers": []}),
    link({"layers": [{"type": "lstm"}]}),
    link({"layers": [{"type": "toString"}]}),
    link({"layers": [{"type": "conv2d"}]}),
    link({"layers": [{**CONV, "kernel": "sobel"}]}),
    link({"layers": [{**CONV, "kernel": [[1, 2], [3]]}]}),
    link({"layers": [{**CONV, "kernel": [["<b>", None]]}]}),
    link({"input": {}}),
    link({"input": {"array": 5}}),
    link({"input": {"array": []}}),
    link({"input": {"sample": ["cat"]}}),
    link({"unit": {"row": 1.5, "col": 0.5, "layer": 0, "channel": 0}, "loss": "unit"}),
]


def works(lab: Lab) -> None:
    """Numbers and a preset give their map."""
    numbers = np.arange(12.0).reshape(3, 4)
    lab.paint_gray()
    lab.enter_numbers(numbers)
    lab.by_id("preset").select_option("laplacian")
    lab.shows(correlate(numbers, [[0, 1, 0], [1, -4, 1], [0, 1, 0]]))


@pytest.mark.parametrize(
    "fragment",
    [
        "#1:garbage!!",
        link({"layers": [{"type": "conv2d"}], "input": {"array": 5}}),
        link({"layers": [CONV], "slice": [-1, -7], "channel": 10**9}),
    ],
)
def test_link_that_makes_no_sense_opens_a_working_page(blank: Lab, fragment: str) -> None:
    works(blank.open(fragment))


def test_open_page_outlives_links_that_make_no_sense(lab: Lab) -> None:
    for fragment in SENSELESS:
        lab.page.evaluate("fragment => { location.hash = fragment }", fragment)
        expect(lab.cell(0, 0)).to_be_visible()
    works(lab)


def test_followed_link_replaces_the_state_of_an_open_page(lab: Lab) -> None:
    lab.paint_gray()
    numbers = np.array([[1.0, 2, 3], [4, 5, 7]])
    fragment = link({"input": {"array": numbers.tolist()}, "layers": [CONV], "colors": "gray"})
    lab.page.evaluate("fragment => { location.hash = fragment }", fragment)
    expect(lab.by_id("numbers")).to_have_value("1 2 3\n4 5 7")
    lab.page.get_by_label("Range of the colours").select_option("100")
    lab.shows(correlate(numbers, [[1, 2], [3, 4]]))


def test_link_of_a_picture_that_is_gone_says_so(blank: Lab) -> None:
    blank.page.goto(f"{blank.base_url}/{link({'input': {'image': '0' * 64, 'color': 'gray'}})}")
    expect(blank.input.get_by_role("alert")).to_contain_text("no longer kept")
    blank.by_id("sample").select_option("cat")
    expect(blank.by_id("map-size")).to_have_text("300 × 451")
    expect(blank.page.get_by_role("alert")).to_have_count(0)


def test_link_that_cannot_be_read_whole_says_so(blank: Lab) -> None:
    alert = blank.input.get_by_role("alert")

    def follow(fragment: str) -> None:
        blank.page.evaluate("fragment => { location.hash = fragment }", fragment)

    blank.open("#2:e30")
    for fragment, words in (
        ("", "version 2"),
        (link({"colors": "gray"})[:-3], "cut or mistyped"),
        (link({"layers": [{**CONV, "kernel": [[1] * 64]}]}), "not legal here"),
        (link({"layers": [{**CONV, "kernel": [[1e308, 1]]}]}), "not legal here"),
        (link({"colors": "sideways"}), "not legal here"),
    ):
        if fragment:
            follow(fragment)
        expect(alert).to_contain_text(words)
        assert blank.weights() == SOBEL_X.flatten().tolist()
        follow(link({"colors": "gray"}))
        expect(alert).to_have_count(0)
    blank.page.goto("about:blank")
    blank.open(fragment)
    expect(alert).to_contain_text(words)


def test_followed_link_forgets_what_was_typed_and_its_complaints(lab: Lab) -> None:
    lab.cell(0, 0).fill("five")
    expect(lab.page.get_by_role("alert")).to_have_count(1)
    fragment = link({"layers": [{**CONV, "kernel": SOBEL_X.tolist()}]})
    lab.page.evaluate("fragment => { location.hash = fragment }", fragment)
    expect(lab.page.get_by_role("alert")).to_have_count(0)
    expect(lab.cell(0, 0)).to_have_value("−1")
