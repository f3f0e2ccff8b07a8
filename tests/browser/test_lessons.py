"""The lessons, as a reader takes them: their links, their steps and all that can be read there."""

import html
import re
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.arithmetic import SOBEL_X, Array, correlate, input_gradient
from tests.browser.lab import Lab, state_in

BEGIN = "Open in the lab"
TEXTS = """() => [
  document.body.innerText,
  ...[...document.querySelectorAll('option, [role=menuitem]')].map((one) => one.textContent),
  ...[...document.querySelectorAll('input')].map((one) => one.value),
].join('\\n').toLowerCase()"""
# The lab's own link says everything: `overlay` is in none that the lessons have.
HAS_STATE = """(wanted) => {
  const holds = (made, given) =>
    typeof given !== 'object' || given === null || typeof made !== 'object' || made === null
      ? made === given
      : (!Array.isArray(given) || given.length === made.length) &&
        Object.keys(given).every((name) => holds(made[name], given[name]));
  const code = location.hash.slice(3).replaceAll('-', '+').replaceAll('_', '/');
  const state = code ? JSON.parse(atob(code)) : {};
  return 'overlay' in state && holds(state, wanted);
}"""
WIDEST = "() => document.documentElement.scrollWidth"
PAPER = "() => getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(251, 251, 250)", "rgb(22, 23, 25)"


@dataclass(frozen=True)
class Lesson:
    """A lesson as it is served."""

    text: str

    def quoted(self) -> list[str]:
        """All that is said to stand in the lab: what can be pressed, and what can be read."""
        return [html.unescape(one) for _, one in re.findall(r"<(b|samp)>(.*?)</\1>", self.text)]

    def links(self) -> dict[str, str]:
        """The address of each link into the lab, by its text."""
        found = re.findall(r'<a[^>]* href="(/#1:[^"]*)"[^>]*>([^<]*)</a>', self.text)
        return {text: address for address, text in found}

    def matrix(self, caption: str) -> Array:
        """The numbers below a caption that begins so."""
        [table] = re.findall(
            rf"<figcaption>{caption}.*?<table[^>]*>(.*?)</table>", self.text, re.DOTALL
        )
        rows = [re.findall(r"<td[^>]+>([^<]*)</td>", row) for row in table.split("</tr>")]
        return np.array([[value.replace("−", "-") for value in row] for row in rows if row], float)


class Reader:
    """Takes a lesson from where its link leads, and notes what has stood in the lab."""

    def __init__(self, lab: Lab, lesson: Lesson) -> None:
        self.lesson = lesson
        self.lab = lab.open(lesson.links()[BEGIN].removeprefix("/"))
        self.seen = ""
        self.look()

    def look(self) -> None:
        self.seen += "\n" + self.lab.page.evaluate(TEXTS)

    def stands_as_after(self, step: int) -> None:
        """Wait until the lab is as the link after a step opens it."""
        wanted = state_in(self.lesson.links()[f"The lab after step {step}"])
        self.lab.page.wait_for_function(HAS_STATE, arg=wanted)

    def has_found_all(self) -> None:
        """Fail unless all that the lesson quotes has stood in the lab."""
        self.look()
        quoted = self.lesson.quoted()
        assert quoted
        assert [one for one in quoted if one.lower() not in self.seen] == []


@pytest.fixture(scope="module")
def lessons(server: str) -> dict[str, Lesson]:
    """Every lesson by its question."""
    text = httpx.get(f"{server}/lessons").text
    sections = re.findall(r'<section class="lesson".*?</section>', text, re.DOTALL)
    questions = [re.findall(r"<h2[^>]*>(.*?)</h2>", section)[0] for section in sections]
    return dict(zip(questions, map(Lesson, sections), strict=True))


def edge_of(reader: Reader) -> tuple[Array, Array]:
    """The numbers that the lesson begins with, and their map, which is seen to be there."""
    edge = np.array(state_in(reader.lesson.links()[BEGIN])["input"]["array"], float)
    sums = correlate(edge, SOBEL_X)
    reader.lab.paint_gray()
    reader.lab.shows(sums)
    return edge, sums


def test_every_lesson_is_taken_here(lessons: dict[str, Lesson]) -> None:
    assert list(lessons) == [
        "What does a kernel do to a photo?",
        "Why is the map brightest where it is?",
        "Which numbers would change this one output?",
        "Which way should a weight move to make a region brighter?",
        "How do I take this elsewhere?",
    ]


def test_photo_goes_through_a_kernel(blank: Lab, lessons: dict[str, Lesson]) -> None:
    reader = Reader(blank, lessons["What does a kernel do to a photo?"])
    lab = reader.lab
    expect(lab.by_id("map-size")).to_have_text("300 × 451")
    reader.look()
    lab.by_id("preset").select_option("sobel_x")
    expect(lab.by_id("kernel-says")).to_contain_text("Vertical edges")
    reader.look()
    lab.cell(1, 1).press("ArrowUp")
    expect(lab.cell(1, 1)).to_have_value("1")
    expect(lab.by_id("exact")).to_be_visible()
    reader.look()
    reader.seen += "reduced"  # a word that comes and goes: see test_maps
    lab.by_id("stride").fill("2")
    expect(lab.by_id("map-size")).to_have_text("150 × 226")
    lab.wait_until_exact()
    reader.stands_as_after(4)
    reader.has_found_all()


def test_brightest_cell_is_explained(blank: Lab, lessons: dict[str, Lesson]) -> None:
    lesson = lessons["Why is the map brightest where it is?"]
    reader = Reader(blank, lesson)
    lab = reader.lab
    edge, sums = edge_of(reader)
    patch = edge[0:3, 1:4]
    assert np.array_equal(lesson.matrix("The picture"), edge)
    assert np.array_equal(lesson.matrix("patch"), patch)
    assert np.array_equal(lesson.matrix("kernel"), SOBEL_X)
    assert np.array_equal(lesson.matrix("products"), patch * SOBEL_X)
    assert sums[1, 2] == sums.max() == 32
    lab.point_at(1, 2, rows=5, cols=6)
    lab.says_number("pointed-value", 32, 1e-6)
    reader.has_found_all()
    lab.click_cell(1, 2, rows=5, cols=6)
    reader.stands_as_after(3)
    lab.page.mouse.move(0, 0)
    lab.by_id("input-0-3").fill("10")
    lab.says_number("pointed-value", 33, 1e-6)
    expect(lab.input.locator(".cell[data-lit]")).to_have_count(9)


def test_gradient_of_one_output_is_the_weights_it_takes(
    blank: Lab, lessons: dict[str, Lesson]
) -> None:
    lesson = lessons["Which numbers would change this one output?"]
    reader = Reader(blank, lesson)
    lab = reader.lab
    edge, sums = edge_of(reader)
    assert sums[2, 2] == 32
    lab.click_cell(2, 2, rows=5, cols=6)
    lab.says_number("pointed-value", 32, 1e-6)
    reader.stands_as_after(1)
    reader.look()
    lab.by_id("gradient").click()
    expect(lab.by_id("loss")).to_have_value("unit")
    one = np.zeros_like(sums)
    one[2, 2] = 1
    gradient = input_gradient(one, SOBEL_X, edge.shape)
    assert np.count_nonzero(gradient) == 6
    assert gradient[2, 3] == 2
    assert np.array_equal(lesson.matrix("dL/dInput"), gradient)
    lab.shows(gradient)
    reader.stands_as_after(2)
    patch = edge[1:4, 1:4]
    assert np.array_equal(lesson.matrix("dL/dKernel"), patch)
    lab.shows_kernel_gradient(patch)
    reader.look()
    lab.by_id("input-2-3").fill("10")
    lab.by_id("forward").click()
    lab.page.mouse.move(0, 0)
    lab.says_number("pointed-value", 34, 1e-6)
    reader.has_found_all()


def test_weight_moved_along_its_gradient_makes_the_region_brighter(
    blank: Lab, lessons: dict[str, Lesson]
) -> None:
    lesson = lessons["Which way should a weight move to make a region brighter?"]
    reader = Reader(blank, lesson)
    lab = reader.lab
    edge_of(reader)
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
    reader.stands_as_after(1)
    lab.by_id("gradient").click()
    expect(lab.by_id("loss-value")).to_contain_text("L = 125")
    reader.stands_as_after(2)
    gradient = np.array([[4.0, 20, 36], [5, 21, 36], [5, 21, 36]])
    assert np.array_equal(lesson.matrix("dL/dKernel"), gradient)
    lab.shows_kernel_gradient(gradient)
    reader.look()
    lab.cell(2, 2).fill("2")
    expect(lab.by_id("loss-value")).to_contain_text("L = 161")
    reader.stands_as_after(4)
    reader.has_found_all()


def test_what_is_seen_can_be_taken_elsewhere(blank: Lab, lessons: dict[str, Lesson]) -> None:
    reader = Reader(blank, lessons["How do I take this elsewhere?"])
    reader.lab.by_id("export").click()
    reader.has_found_all()


def test_every_link_opens_one_lab_in_the_state_that_it_carries(
    blank: Lab, lessons: dict[str, Lesson]
) -> None:
    page = blank.page
    page.emulate_media(color_scheme="light")
    page.goto(f"{blank.base_url}/lessons")
    assert page.evaluate(PAPER) == LIGHT
    blank.by_id("theme").click()
    assert page.evaluate(PAPER) == DARK
    for width in (1440, 1024, 768, 390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(WIDEST) <= width
    wanted = [link for lesson in lessons.values() for link in lesson.links().values()]
    links = page.locator("main a[target]")
    assert [link.get_attribute("href") for link in links.all()] == wanted
    with page.expect_popup() as opened:
        links.first.click()
    lab = opened.value
    errors: list[str] = []
    lab.on("pageerror", lambda error: errors.append(str(error)))
    try:
        for link in reversed(links.all()):
            page.bring_to_front()  # nothing is drawn of a page behind another
            link.click()
            lab.bring_to_front()
            lab.wait_for_function(HAS_STATE, arg=state_in(link.get_attribute("href") or ""))
            expect(lab.get_by_role("alert")).to_have_count(0)
        assert lab.evaluate(PAPER) == DARK
        assert page.context.pages[-2:] == [page, lab]
    finally:
        lab.close()
    assert not errors, errors


def test_lessons_need_no_script(browser: Browser, server: str, lessons: dict[str, Lesson]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page: Page = context.new_page()
    page.goto(f"{server}/lessons")
    for question in lessons:
        expect(page.get_by_role("heading", name=question)).to_be_visible()
    expect(page.get_by_role("link", name=BEGIN)).to_have_count(len(lessons))
    context.close()
