"""A, which was kept, beside B, which is edited on: each of them, and their difference."""

import numpy as np
from playwright.sync_api import expect

from tests.browser.arithmetic import Array, correlate, input_gradient
from tests.browser.lab import Lab

FULL = np.array([[2.0, -1, 3], [4, 1, -2], [-3, 5, 6]])
CHANGED = np.array([[2.0, -1, 3], [4, 7, -2], [-3, 5, 6]])

CELLS = """wanted => {
  const cells = [...document.querySelectorAll('[data-testid=cell-values] text')];
  const read = (text) => Number(text.textContent.replace('−', '-'));
  return cells.length === wanted.length
    && cells.every((one, at) => Math.abs(read(one) - wanted[at]) <= 1e-9);
}"""


def says(lab: Lab, values: Array) -> None:
    """Wait until these whole numbers stand in the cells of the map."""
    lab.page.wait_for_function(CELLS, arg=values.flatten().tolist())


def test_what_was_kept_is_seen_beside_what_is_edited_forward_and_backward(
    lab: Lab, numbers: Array
) -> None:
    numbers = numbers[:, :8]
    lab.enter_numbers(numbers)
    lab.enter_kernel(FULL)
    a, b = correlate(numbers, FULL), correlate(numbers, CHANGED)
    says(lab, a)
    lab.by_id("keep").click()
    expect(lab.by_id("keep")).to_have_count(0)
    lab.cell(1, 1).fill("7")
    says(lab, b)
    title, note = lab.maps.get_by_role("heading"), lab.by_id("compare-says")
    expect(title).to_have_text("B: map 0")
    lab.by_id("compare-difference").click()
    expect(title).to_have_text("B − A: map 0")
    says(lab, b - a)
    reach = np.abs(b - a).max()
    lab.page.get_by_label("Range of the colours").select_option("100")
    expect(lab.page.locator("#legend-high")).to_have_text(f"+{reach:g}")
    expect(lab.page.locator("#legend-low")).to_have_text(f"−{reach:g}")
    lab.by_id("compare-a").click()
    says(lab, a)
    widest = max(np.abs(a).max(), np.abs(b).max())
    expect(lab.page.locator("#legend-high")).to_have_text(f"+{widest:.3g}")
    lab.by_id("compare-b").click()
    says(lab, b)
    lab.page.keyboard.down("a")
    says(lab, a)
    lab.page.keyboard.up("a")
    says(lab, b)
    lab.focus.press("ArrowDown")
    row, col = 4, 4
    expect(lab.by_id("compared")).to_have_text(
        f"A {a[row, col]:g} · B {b[row, col]:g} · B − A {(b - a)[row, col]:g}".replace("-", "−")
    )
    lab.by_id("gradient").click()
    lab.by_id("compare-difference").click()
    ones = np.ones_like(a)
    before, now = (input_gradient(ones, kernel, numbers.shape) for kernel in (FULL, CHANGED))
    says(lab, now - before)
    lab.link_holds(compare="difference", mode="gradient")
    lab.page.reload()
    says(lab, now - before)
    lab.by_id("stride").fill("2")
    lab.by_id("forward").click()
    expect(note).to_contain_text("A has 7 × 8 cells, B has 4 × 4")
    lab.by_id("swap").click()
    says(lab, a)
    expect(lab.cell(1, 1)).to_have_value("1")
    lab.page.get_by_role("button", name="Undo").click()
    expect(lab.cell(1, 1)).to_have_value("7")
    lab.add_layer("relu")
    expect(note).to_have_text("A has no layer 2: it has 1.")
    lab.by_id("compare-end").click()
    expect(title).to_have_text("Feature map 0")
    lab.link_holds(kept=None, compare="b")
