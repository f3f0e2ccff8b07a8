"""Stride, padding, border, dilation and the kernel's size: size text, formula and pixels."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.arithmetic import SOBEL_X, Array, Padding, correlate
from tests.browser.lab import Lab

RAMP = np.arange(1.0, 10).reshape(3, 3)


def says_size(lab: Lab, rows: int, cols: int) -> None:
    """Map, card of the layer and formula agree on the size."""
    expect(lab.by_id("map-size")).to_have_text(f"{rows} × {cols}")
    expect(lab.by_id("layer-0")).to_contain_text(f"1 × {rows} × {cols}")
    results = lab.by_id("formula").locator("b")
    if results.count() == 1:
        expect(results).to_have_text(str(rows))
    else:
        expect(results).to_have_text([str(rows), str(cols)])


@pytest.fixture
def small(blank: Lab, numbers: Array) -> Lab:
    """The lab with a small matrix in place of the picture."""
    says_size(blank.open_on(numbers), *numbers.shape)
    return blank


def test_stride_shrinks_the_map(small: Lab, numbers: Array) -> None:
    small.by_id("stride").fill("2")
    says_size(small, 4, 5)
    expect(small.by_id("formula")).to_contain_text("/ 2⌋ + 1 = 4")
    # `same` at stride 2 adds what ceil(10 / 2) cols need: one, at the end.
    small.shows(correlate(numbers, SOBEL_X, padding=((1, 1), (0, 1)), stride=(2, 2)))
    small.by_id("stride").fill("3, 1")
    says_size(small, 3, 10)
    small.shows(correlate(numbers, SOBEL_X, padding=((1, 1), (1, 1)), stride=(3, 1)))


def test_stepper_and_arrows_change_the_stride(small: Lab, numbers: Array) -> None:
    small.by_id("padding").select_option("valid")
    small.layers.get_by_role("button", name="Stride more").click()
    expect(small.by_id("stride")).to_have_value("2")
    small.by_id("stride").press("ArrowUp")
    expect(small.by_id("stride")).to_have_value("3")
    small.layers.get_by_role("button", name="Stride less").click()
    says_size(small, 3, 4)
    small.shows(correlate(numbers, SOBEL_X, padding=((0, 0), (0, 0)), stride=(2, 2)))


NAMED: list[tuple[str, Padding]] = [
    ("valid", ((0, 0), (0, 0))),
    ("full", ((2, 2), (2, 2))),
    ("same", ((1, 1), (1, 1))),
]


def test_named_padding_adds_what_its_name_says(small: Lab, numbers: Array) -> None:
    for name, padding in NAMED:
        small.by_id("padding").select_option(name)
        wanted = correlate(numbers, SOBEL_X, padding=padding)
        says_size(small, *wanted.shape)
        small.shows(wanted)


def test_padding_by_amounts_starts_from_what_the_name_gave(small: Lab, numbers: Array) -> None:
    small.by_id("padding").select_option("full")
    says_size(small, 9, 12)
    small.by_id("padding").select_option("amount")
    expect(small.by_id("padding-amount")).to_have_value("2")
    for text, padding in (("0, 3", ((0, 0), (3, 3))), ("1, 0, 2, 4", ((1, 0), (2, 4)))):
        small.by_id("padding-amount").fill(text)
        wanted = correlate(numbers, SOBEL_X, padding=padding)
        says_size(small, *wanted.shape)
        small.shows(wanted)


def test_border_decides_what_lies_outside(small: Lab, numbers: Array) -> None:
    small.by_id("padding").select_option("full")
    for mode in ("reflect", "replicate", "circular", "zeros"):
        small.by_id("border").select_option(mode)
        small.shows(correlate(numbers, SOBEL_X, padding=((2, 2), (2, 2)), mode=mode))


def test_dilation_spreads_the_kernel(small: Lab, numbers: Array) -> None:
    small.by_id("padding").select_option("valid")
    small.by_id("dilation").fill("2, 3")
    wanted = correlate(numbers, SOBEL_X, padding=((0, 0), (0, 0)), dilation=(2, 3))
    says_size(small, *wanted.shape)
    small.shows(wanted)


def test_even_and_rectangular_kernels_are_legal(small: Lab, numbers: Array) -> None:
    kernel = np.array([[1.0, 2, 0, -3], [5, 0, -1, 1]])
    small.by_id("kernel-rows").fill("2")
    small.by_id("kernel-cols").fill("4")
    expect(small.by_id("kernel-1-3")).to_be_visible()
    for (row, col), weight in np.ndenumerate(kernel):
        small.cell(row, col).fill(f"{weight:g}")
    small.shows(correlate(numbers, kernel))
    small.by_id("padding").select_option("valid")
    says_size(small, 6, 7)
    small.shows(correlate(numbers, kernel, padding=((0, 0), (0, 0))))


def test_bias_lifts_and_flip_turns_the_kernel(small: Lab, numbers: Array) -> None:
    small.enter_kernel(RAMP)
    small.by_id("flip").check()
    small.shows(correlate(numbers, RAMP[::-1, ::-1]))
    small.by_id("bias").fill("-2.5")
    small.click_cell(3, 4, rows=7, cols=10)
    turned = correlate(numbers, RAMP[::-1, ::-1])
    small.says_number("sum-of-products", turned[3, 4], 1e-4)
    small.says_number("pointed-value", turned[3, 4] - 2.5, 1e-4)
    # A turned preset finds the opposite of what is said of it; a box has no undo of its own.
    small.by_id("preset").select_option("sobel_x")
    small.by_id("flip").uncheck()
    expect(small.by_id("kernel-says")).to_contain_text("Vertical edges")
    small.by_id("flip").press("Control+z")
    expect(small.by_id("flip")).to_be_checked()
    expect(small.by_id("kernel-says")).not_to_contain_text("Vertical edges")


def test_bias_stands_with_all_its_digits(small: Lab) -> None:
    small.by_id("bias").fill("0.12345678")
    small.by_id("stride").focus()
    expect(small.by_id("bias")).to_have_value("0.12345678")
