"""dL/dInput over the picture that it is the gradient of."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Encode
from tests.browser.lab import Lab
from tests.browser.painted import on_screen, pixels

ALPHA = """(wanted) => {
  const canvas = document.querySelector('#focus');
  return canvas.getContext('2d').getImageData(5, 5, 1, 1).data[3] === wanted;
}"""
# What stands over something else, of the controls around the map and of their texts.
OVERLAPS = """() => {
  const places = '#loss > *, #loss label > *, .loss-value > *, #maps-head > *, #mode, #frame';
  const boxes = [...document.querySelectorAll(places)]
    .map((part) => ({ part, box: part.getBoundingClientRect() }))
    .filter(({ box }) => box.width > 1 && box.height > 1);
  const over = ({ part, box: a }, { part: other, box: b }) =>
    !part.contains(other) &&
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  return boxes.flatMap((one, place) => boxes.slice(place + 1)
    .filter((other) => over(one, other))
    .map(({ part }) => [one.part.outerHTML, part.outerHTML]));
}"""


def test_picture_is_seen_as_it_is_where_the_gradient_is_zero(lab: Lab, encode: Encode) -> None:
    levels = np.full((40, 60), 60, np.uint8)
    levels[:, 30:] = 200
    size = {"rows": 40, "cols": 60}
    lab.choose_file("halves.png", "image/png", encode(levels, "PNG"))
    expect(lab.by_id("map-size")).to_have_text("40 × 60")
    lab.by_id("gradient").click()
    lab.wait_until_exact()
    lab.click_cell(20, 15, **size)
    expect(lab.by_id("loss-value")).to_contain_text("row 20, column 15")
    lab.page.mouse.move(0, 0)  # and the ring with it
    for opaque in (lambda c: 2.94 - c.sum() / 255, lambda c: 1.6 * c.sum() / 255 - 0.446):
        lab.wait_until_exact()
        lab.page.wait_for_function(ALPHA, arg=0)
        assert on_screen(lab, 5, 5, **size) == pytest.approx([60, 60, 60], abs=1)
        assert on_screen(lab, 5, 50, **size) == pytest.approx([200, 200, 200], abs=1)
        # What matters covers the picture, as far as is chosen.
        for col in (14, 16):
            colour = pixels(lab)[20, col]
            alpha = 0.8 * min(1, opaque(colour))
            mixed = alpha * colour + (1 - alpha) * 60
            assert on_screen(lab, 20, col, **size) == pytest.approx(mixed.tolist(), abs=3)
        lab.by_id("theme").focus()
        lab.page.keyboard.press("Enter")
    # Covered whole, the map is as it is without a picture.
    slider = lab.page.get_by_label("Opacity of the gradient")
    slider.fill("1")
    lab.page.wait_for_function(ALPHA, arg=255)
    assert on_screen(lab, 5, 5, **size) == pytest.approx([251, 251, 250], abs=1)


def test_clicked_cell_of_a_photo_is_zoomed_to(lab: Lab) -> None:
    lab.by_id("gradient").click()
    lab.wait_until_exact()
    expect(lab.by_id("zoom-to-it")).to_have_count(0)
    lab.click_cell(100, 300, rows=512, cols=512)
    expect(lab.by_id("loss-value")).to_contain_text("row 100, column 300")
    lab.by_id("zoom-to-it").click()
    lab.wait_until_exact()
    values = lab.by_id("cell-values").locator("text")
    expect(values.filter(has_text="−2")).to_have_count(1)
    frame = lab.page.locator("#frame").bounding_box()
    centre = values.filter(has_text="−2").bounding_box()
    assert frame is not None
    assert centre is not None
    cell = (lab.focus.bounding_box() or frame)["width"] / 512
    assert centre["x"] + centre["width"] / 2 + cell == pytest.approx(
        frame["x"] + frame["width"] / 2, abs=2
    )
    assert centre["y"] + centre["height"] / 2 == pytest.approx(
        frame["y"] + frame["height"] / 2, abs=3
    )
    # The keys begin among the cells that are seen.
    lab.page.mouse.move(0, 0)
    lab.focus.press("ArrowDown")
    expect(lab.by_id("arithmetic")).to_contain_text("row 101 · column 300")
    for width in (1440, 1024, 768, 390):
        lab.page.set_viewport_size({"width": width, "height": 800})
        assert lab.page.evaluate(OVERLAPS) == []
