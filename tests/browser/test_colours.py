"""Colours of the maps: whose they are, and that undo brings them back."""

import numpy as np
import pytest
from playwright.sync_api import expect

from app.imaging.colormaps import table
from tests.browser.arithmetic import SOBEL_X, Array, correlate, gray_levels
from tests.browser.lab import Lab

IDENTITY = np.array([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]])
COLOURS = """() => {
  const canvas = document.querySelector('#focus');
  return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data];
}"""


@pytest.fixture
def small(blank: Lab, numbers: Array) -> Lab:
    """A small matrix in gray."""
    blank.open_on(numbers).shows(correlate(numbers, SOBEL_X))
    return blank


def test_undo_reaches_colours_scale_and_range(small: Lab) -> None:
    small.by_id("colors").select_option("viridis")
    small.by_id("scale-network").click()
    undo = small.page.get_by_role("button", name="Undo")
    for colors, scale in (("viridis", "map"), ("gray", "map")):
        undo.click()
        expect(small.by_id("colors")).to_have_value(colors)
        expect(small.by_id(f"scale-{scale}")).to_have_attribute("aria-pressed", "true")


def test_viridis_is_that_of_the_server_within_two_levels(small: Lab) -> None:
    ramp = np.arange(256.0).reshape(16, 16)
    small.enter_numbers(ramp)
    small.enter_kernel(IDENTITY)
    small.shows(ramp)
    small.by_id("colors").select_option("viridis")
    small.page.wait_for_function(f"() => ({COLOURS})()[0] === 68")
    painted = np.array(small.page.evaluate(COLOURS)).reshape(256, 4)[:, :3]
    wanted = table("viridis", 256)[gray_levels(ramp).astype(int).ravel()].astype(int)
    assert np.abs(painted - wanted).max() <= 2
