"""The walks of the browser's guide, as a reader takes them."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.arithmetic import SOBEL_X, Array, correlate, input_gradient
from tests.browser.lab import Lab
from tests.serving import ROOT

GUIDE = (ROOT / "docs" / "browser.md").read_text(encoding="utf-8")
WALKS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", GUIDE, flags=re.MULTILINE | re.DOTALL))
MATRIX = re.findall(r"```\n(.*?)```", GUIDE, flags=re.DOTALL)[0]
EDGE = np.array([line.split() for line in MATRIX.splitlines()], float)
TEXTS = """() => [
  document.body.innerText,
  ...[...document.querySelectorAll('option, [role=menuitem]')].map((one) => one.textContent),
  ...[...document.querySelectorAll('input')].map((one) => one.value),
].join('\\n').toLowerCase()"""


class Reader:
    """Notes what has stood on the page."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.seen = ""

    def look(self) -> None:
        self.seen += "\n" + self.lab.page.evaluate(TEXTS)

    def has_found(self, walk: str) -> None:
        """Fail unless all that the walk quotes has stood on the page."""
        self.look()
        quoted = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", WALKS[walk], flags=re.DOTALL))
        assert quoted
        assert [one for one in quoted if one.lower() not in self.seen] == []


@pytest.fixture
def reader(lab: Lab) -> Reader:
    return Reader(lab)


def paste_the_edge(lab: Lab) -> Array:
    lab.paint_gray()
    lab.enter_numbers(EDGE)
    sums = correlate(EDGE, SOBEL_X)
    lab.shows(sums)
    return sums


def test_every_walk_is_taken_here() -> None:
    assert list(WALKS) == [
        "A photo through a kernel",
        "Why is the map brightest where it is?",
        "Which numbers would change this one output?",
        "Which way should a weight move to make a region brighter?",
        "Take it elsewhere",
    ]


def test_photo_goes_through_a_kernel(reader: Reader) -> None:
    lab = reader.lab
    reader.look()
    lab.by_id("sample").select_option("cat")
    expect(lab.by_id("map-size")).to_have_text("300 × 451")
    lab.by_id("preset").select_option("sobel_x")
    lab.cell(1, 1).press("ArrowUp")
    expect(lab.by_id("exact")).to_be_visible()
    reader.look()
    reader.seen += "reduced"  # a word that comes and goes: see test_maps
    lab.by_id("stride").fill("2")
    expect(lab.by_id("map-size")).to_have_text("150 × 226")
    lab.wait_until_exact()
    reader.has_found("A photo through a kernel")


def test_brightest_cell_is_explained(reader: Reader) -> None:
    lab = reader.lab
    sums = paste_the_edge(lab)
    assert sums[1, 2] == sums.max() == 32
    lab.point_at(1, 2, rows=5, cols=6)
    lab.says_number("pointed-value", 32, 1e-6)
    reader.has_found("Why is the map brightest where it is?")


def test_gradient_of_one_output_is_the_weights_it_takes(reader: Reader) -> None:
    lab = reader.lab
    sums = paste_the_edge(lab)
    assert sums[2, 2] == 32
    lab.click_cell(2, 2, rows=5, cols=6)
    lab.says_number("pointed-value", 32, 1e-6)
    reader.look()
    lab.by_id("gradient").click()
    expect(lab.by_id("loss")).to_have_value("unit")
    one = np.zeros_like(sums)
    one[2, 2] = 1
    gradient = input_gradient(one, SOBEL_X, EDGE.shape)
    assert np.count_nonzero(gradient) == 6
    assert gradient[2, 3] == 2
    lab.shows(gradient)
    lab.shows_kernel_gradient(EDGE[1:4, 1:4])
    reader.has_found("Which numbers would change this one output?")


def test_weight_moved_along_its_gradient_makes_the_region_brighter(reader: Reader) -> None:
    lab = reader.lab
    paste_the_edge(lab)
    box = lab.focus.bounding_box()
    assert box is not None
    mouse = lab.page.mouse

    def centre(row: int, col: int) -> tuple[float, float]:
        return box["x"] + (col + 0.5) * box["width"] / 6, box["y"] + (row + 0.5) * box["height"] / 5

    mouse.move(*centre(1, 2))
    mouse.down()
    mouse.move(*centre(2, 3), steps=4)
    mouse.up()
    mouse.move(0, 0)
    lab.by_id("gradient").click()
    expect(lab.by_id("loss-value")).to_contain_text("L = 125")
    lab.shows_kernel_gradient(np.array([[4.0, 20, 36], [5, 21, 36], [5, 21, 36]]))
    reader.look()
    lab.by_id("forward").click()
    lab.cell(2, 2).fill("2")
    lab.by_id("gradient").click()
    expect(lab.by_id("loss-value")).to_contain_text("L = 161")
    reader.has_found("Which way should a weight move to make a region brighter?")


def test_what_is_seen_can_be_taken_elsewhere(reader: Reader) -> None:
    reader.lab.by_id("export").click()
    reader.has_found("Take it elsewhere")
