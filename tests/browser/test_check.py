"""The pinned gradient beside the difference that a small step makes."""

import numpy as np
from playwright.sync_api import expect

from tests.browser.lab import Lab

NUMBERS = np.array([[1.0, -2, 3, 4], [5, 6, 0, 8], [2, 0.5, 1, 3]])
ONE = np.array([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]])


def test_pinned_gradient_is_checked_by_a_small_step_when_the_hand_rests(lab: Lab) -> None:
    asked: list[str] = []
    lab.page.on("request", lambda one: asked.append(one.url) if "gradcheck" in one.url else None)
    check = lab.by_id("check")
    lab.enter_numbers(NUMBERS)
    lab.enter_kernel(ONE)
    lab.add_layer("square")
    lab.by_id("gradient").click()
    weight = lab.by_id("kernel-gradient-0-2")
    weight.hover()
    expect(lab.by_id("arithmetic")).to_contain_text("filter 0 · channel 0 · row 0 · column 2")
    assert not asked  # pointing alone asks for nothing
    expect(check).to_have_count(0)
    weight.click()
    lab.page.mouse.move(0, 0)
    # Under `same` the weight meets the number above and to the right of each.
    met = np.pad(NUMBERS, 1)[0:3, 2:6]
    slope = f"{float((2 * NUMBERS * met).sum()):g}"
    expect(check).to_have_text(f"analytic {slope}, numeric {slope} (h = 0.0001): they agree")
    lab.cell(1, 1).fill("3")
    tripled = f"{float((2 * 3 * NUMBERS * met).sum()):g}"
    lab.by_id("colors").focus()
    expect(check).to_contain_text(f"analytic {tripled}, numeric {tripled}")
    lab.by_id("unpin").click()
    expect(check).to_have_count(0)
    assert len(asked) == 2


def test_check_of_a_pixel_names_the_kink_that_it_stands_on(blank: Lab) -> None:
    lab = blank.open_on(NUMBERS, ONE)
    lab.add_layer("relu")
    lab.by_id("input-1-2").click(modifiers=["Control"])
    lab.by_id("gradient").click()
    lab.page.mouse.move(0, 0)
    lab.by_id("colors").focus()
    check = lab.by_id("check")
    # max(0, x) at 0: nothing to the left, all to the right; half of it between.
    expect(check).to_have_attribute("data-verdict", "kink")
    expect(check).to_contain_text("analytic 0, numeric 0.5 (h = 0.0001): they differ, for there is")
    expect(check).to_contain_text("layer 2 (relu) has a kink at (0, 0, 1, 2)")
    lab.by_id("input-1-2").fill("7")
    lab.by_id("colors").focus()
    expect(check).to_contain_text("analytic 1, numeric 1 (h = 0.0001): they agree")
