"""What is wrong is said beside its control, with what would be legal; nothing is lost by it."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.arithmetic import SOBEL_X, Array, correlate, luma
from tests.browser.conftest import Encode
from tests.browser.lab import Lab, link


@pytest.fixture
def small(blank: Lab, numbers: Array) -> Lab:
    """The lab with a small matrix in place of the picture, unpadded."""
    blank.open_on(numbers, padding="valid").shows(unpadded(numbers))
    return blank


def unpadded(numbers: Array) -> Array:
    return correlate(numbers, SOBEL_X, padding=((0, 0), (0, 0)))


def says(lab: Lab, section: Locator, *words: str) -> None:
    """One sentence, in this section and in no other, with these words."""
    expect(lab.page.get_by_role("alert")).to_have_count(1)
    for word in words:
        expect(section.get_by_role("alert")).to_contain_text(word)


def test_file_that_is_no_picture_leaves_the_last_one_in_place(lab: Lab, photo: bytes) -> None:
    lab.paint_gray()
    lab.choose_file("cat.jpg", "image/jpeg", photo)
    expect(lab.by_id("about-input")).to_contain_text("300 rows × 451 columns")
    lab.choose_file("notes.png", "image/png", b"a text under a picture's name")
    says(lab, lab.input, "PNG, JPEG, WebP, GIF, BMP, TIFF")
    lab.choose_file("cut.jpg", "image/jpeg", photo[: len(photo) // 2])
    says(lab, lab.input, "truncated")
    lab.choose_file("nothing.png", "image/png", b"")
    says(lab, lab.input, "e")
    expect(lab.by_id("about-input")).to_contain_text("300 rows × 451 columns, JPEG")
    lab.shows(correlate(luma(photo), SOBEL_X))
    lab.choose_file("cat.jpg", "image/jpeg", photo)
    expect(lab.page.get_by_role("alert")).to_have_count(0)
    lab.cell(1, 1).fill("3")
    lab.shows(correlate(luma(photo), SOBEL_X + np.eye(3) * [0, 3, 0]))


def drop(lab: Lab, **dropped: list[Any]) -> None:
    """Drop files or items on the page as the browser hands them over."""
    session = lab.page.context.new_cdp_session(lab.page)
    for step in ("dragEnter", "dragOver", "drop"):
        held = {"items": [], "files": [], "dragOperationsMask": 1, **dropped}
        session.send("Input.dispatchDragEvent", {"type": step, "x": 700, "y": 400, "data": held})


def test_what_is_dropped_and_is_no_file_is_said(lab: Lab, photo: bytes, tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(photo)
    drop(lab, files=[str(tmp_path)])
    says(lab, lab.input, "A folder was dropped; drop the pictures in it instead.")
    address = {"mimeType": "text/uri-list", "data": "https://example.org/cat.jpg"}
    drop(lab, items=[address])
    says(lab, lab.input, "What was dropped is no file; save the picture")
    drop(lab, files=[str(tmp_path / "cat.jpg")])
    expect(lab.by_id("about-input")).to_contain_text("300 rows × 451 columns, JPEG")
    expect(lab.page.get_by_role("alert")).to_have_count(0)


def test_picture_that_does_not_come_leaves_a_drawn_place_and_one_sentence(lab: Lab) -> None:
    lab.page.route("**/api/v1/samples/cat/content*", lambda route: route.abort())
    lab.by_id("sample").select_option("cat")
    expect(lab.by_id("no-picture")).to_have_text(
        "The picture did not come from the server; choose it again."
    )
    expect(lab.by_id("picture")).to_be_hidden()
    lab.by_id("sample").select_option("brick")
    expect(lab.by_id("picture")).to_be_visible()
    expect(lab.by_id("no-picture")).to_have_count(0)
    lab.page.goto("about:blank")
    lab.page.goto(f"{lab.base_url}/{link({'input': {'image': '0' * 64}})}")
    expect(lab.by_id("no-picture")).to_be_visible()
    says(lab, lab.input, "The picture of this link is no longer kept by the server")


def test_file_over_the_limit_is_refused_with_both_sizes(lab: Lab, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(b"\xff\xd8\xff" + bytes(21 * 2**20))
    lab.by_id("file").set_input_files(large)
    says(lab, lab.input, "21 MiB", "20 MiB")
    lab.by_id("sample").select_option("cat")
    expect(lab.page.get_by_role("alert")).to_have_count(0)
    expect(lab.by_id("map-size")).to_have_text("300 × 451")


def test_text_in_a_weight_stays_to_be_mended(small: Lab, numbers: Array) -> None:
    for text in ("five", "1e99", "1,5,0", ""):
        small.cell(0, 0).fill(text)
        says(small, small.layers, "decimal number", "1000000")
        expect(small.cell(0, 0)).to_have_value(text)
        expect(small.cell(0, 0)).to_have_attribute("aria-invalid", "true")
    small.cell(0, 1).click()
    expect(small.cell(0, 0)).to_have_value("")
    small.shows(unpadded(numbers))
    small.cell(0, 0).fill("2")
    expect(small.page.get_by_role("alert")).to_have_count(0)
    small.shows(unpadded(numbers) + 3 * numbers[:-2, :-2])


def test_illegal_stride_says_the_legal_range(small: Lab, numbers: Array) -> None:
    for text in ("0", "65", "1.5", "-1", "two", "1, 2, 3"):
        small.by_id("stride").fill(text)
        says(small, small.layers, "Stride", "from 1 to 64")
        expect(small.by_id("stride")).to_have_value(text)
    small.by_id("stride").fill("1")
    expect(small.layers.get_by_role("button", name="Stride less")).to_be_disabled()
    small.by_id("stride").fill("")
    small.by_id("stride").press_sequentially("600")
    says(small, small.layers, "Stride", "from 1 to 64")
    small.by_id("dilation").focus()
    says(small, small.layers, "Stride", "from 1 to 64")
    expect(small.by_id("stride")).to_have_value("600")
    small.by_id("stride").fill("1")
    small.shows(unpadded(numbers))
    small.by_id("stride").fill("4")
    expect(small.page.get_by_role("alert")).to_have_count(0)
    small.shows(unpadded(numbers)[::4, ::4])


def test_kernel_wider_than_the_picture_says_the_span_that_is_legal(
    small: Lab, numbers: Array
) -> None:
    small.by_id("kernel-rows").fill("9")
    says(
        small,
        small.kernel,
        "The kernel spans 9 rows, but its padded input has only 7: legal is 1 to 7.",
    )
    expect(small.by_id("kernel-rows")).to_have_value("9")
    expect(small.by_id("layer-0")).to_contain_text("not possible")
    small.shows(unpadded(numbers))
    small.by_id("kernel-rows").fill("3")
    expect(small.page.get_by_role("alert")).to_have_count(0)
    small.by_id("dilation").fill("5")
    says(
        small,
        small.geometry,
        "The kernel spans 5·(3 − 1) + 1 = 11 rows and 5·(3 − 1) + 1 = 11 columns,"
        " but its padded input has only 7 and 10: legal dilations are 1 to 3 and 1 to 4.",
    )
    expect(small.layers.locator(".cost")).to_have_text("")
    small.by_id("dilation").fill("0")
    says(small, small.geometry, "whole number from 1 to 3 for rows and from 1 to 4 for columns")
    small.by_id("dilation").fill("2")
    expect(small.page.get_by_role("alert")).to_have_count(0)
    small.by_id("kernel-rows").fill("5")
    says(small, small.kernel, "spans 2·(5 − 1) + 1 = 9 rows", "only 7: legal is 1 to 4.")
    small.by_id("kernel-rows").fill("3")
    small.by_id("dilation").fill("5")
    expect(small.by_id("dilation")).to_have_attribute("aria-invalid", "true")
    small.by_id("dilation").fill("1")
    small.cell(0, 0).fill("2")
    small.shows(unpadded(numbers) + 3 * numbers[:-2, :-2])


def test_padding_wider_than_its_border_allows_says_how_wide_it_may_be(
    small: Lab, numbers: Array
) -> None:
    small.by_id("padding").select_option("amount")
    small.by_id("padding-amount").fill("7")
    small.by_id("border").select_option("reflect")
    says(small, small.layers, "reflect allows", "0 to 6")
    small.by_id("padding-amount").fill("6")
    expect(small.page.get_by_role("alert")).to_have_count(0)
    small.shows(correlate(numbers, SOBEL_X, padding=((6, 6), (6, 6)), mode="reflect"))


def test_ragged_numbers_stay_as_typed_and_the_last_good_ones_in_use(
    small: Lab, numbers: Array
) -> None:
    small.by_id("numbers").fill("1 2 3\n4 5")
    small.by_id("numbers").blur()
    says(small, small.input, "all of one length")
    expect(small.by_id("numbers")).to_have_value("1 2 3\n4 5")
    small.shows(unpadded(numbers))
    small.by_id("numbers").fill("1 2 3\n4 5 1e9")
    small.by_id("numbers").blur()
    says(small, small.input, "from −1000000 to 1000000")
    small.shows(unpadded(numbers))
    small.by_id("numbers").fill("1 2 3\n4 5 6\n7 8 8")
    small.by_id("numbers").blur()
    expect(small.page.get_by_role("alert")).to_have_count(0)
    expect(small.by_id("map-size")).to_have_text("1 × 1")


def test_wrong_control_points_to_its_sentence(small: Lab) -> None:
    for name, text in (("kernel-0-0", "five"), ("kernel-rows", "64"), ("stride", "0")):
        control = small.by_id(name)
        before = control.input_value()
        control.fill(text)
        sentence = small.layers.get_by_role("alert")
        expect(sentence).to_be_visible()
        expect(control).to_have_accessible_description(sentence.inner_text())
        control.fill(before)
        expect(sentence).to_have_count(0)


def test_stepper_and_arrows_replace_what_was_typed(small: Lab) -> None:
    small.by_id("stride").fill("2")
    small.by_id("stride").press("ArrowUp")
    expect(small.by_id("stride")).to_have_value("3")
    small.by_id("stride").fill("x")
    small.layers.get_by_role("button", name="Stride less").click()
    expect(small.by_id("stride")).to_have_value("2")
    expect(small.page.get_by_role("alert")).to_have_count(0)


def test_every_wrong_text_of_a_kernel_stays_and_is_said(small: Lab) -> None:
    rows, cols = small.by_id("kernel-rows"), small.by_id("kernel-cols")
    small.cell(1, 1).fill("abc")
    rows.fill("0")
    says(small, small.kernel, "“abc” is not", "The number of rows must be a whole number from 1")
    expect(rows).to_have_accessible_description(
        "The number of rows must be a whole number from 1 to 63."
    )
    cols.fill("x")
    rows.fill("1")
    rows.press_sequentially("1")
    expect(small.cell(5, 1)).to_have_value("abc")
    rows.fill("5")
    expect(small.cell(2, 1)).to_have_value("abc")
    expect(small.cell(2, 1)).to_have_attribute("aria-invalid", "true")
    expect(cols).to_have_value("x")
    says(small, small.kernel, "“abc” is not", "The number of columns must be")
    small.cell(2, 1).fill("0")
    cols.fill("3")
    expect(small.page.get_by_role("alert")).to_have_count(0)
    small.by_id("kernel-form").select_option("random")
    small.by_id("random-seed").fill("x")
    small.by_id("random-filters").fill("600")
    expect(small.page.get_by_role("alert")).to_have_count(2)
    small.by_id("random-rows").fill("5")
    expect(small.by_id("random-seed")).to_have_value("x")
    expect(small.page.get_by_role("alert")).to_have_text(
        [
            "Filters must be a whole number from 1 to 512.",
            "Seed must be a whole number from 0 to 2147483647.",
        ]
    )


def test_sentence_goes_when_its_cell_goes(small: Lab) -> None:
    small.cell(2, 2).fill("five")
    says(small, small.layers, "five")
    small.by_id("kernel-rows").fill("2")
    expect(small.cell(2, 2)).to_have_count(0)
    expect(small.page.get_by_role("alert")).to_have_count(0)


def test_preset_replaces_a_weight_that_was_no_number(small: Lab) -> None:
    small.cell(1, 1).fill("five")
    small.by_id("preset").select_option("laplacian")
    expect(small.cell(1, 1)).to_have_value("−4")
    expect(small.page.get_by_role("alert")).to_have_count(0)


def test_server_that_does_not_answer_is_named_and_the_picture_stays(
    small: Lab, numbers: Array
) -> None:
    small.page.route("**/api/v1/**", lambda route: route.abort())
    small.cell(0, 0).fill("2")
    expect(small.maps.get_by_role("alert")).to_contain_text("does not answer")
    small.shows(unpadded(numbers))
    small.focus.hover()
    expect(small.by_id("arithmetic")).to_contain_text("the terms cannot be had now. The map stays.")
    small.page.mouse.move(0, 0)
    small.page.unroute("**/api/v1/**")
    small.cell(0, 0).fill("3")
    small.shows(unpadded(numbers) + 4 * numbers[:-2, :-2])
    expect(small.page.get_by_role("alert")).to_have_count(0)


def test_server_that_comes_back_is_asked_again_without_an_edit(small: Lab, numbers: Array) -> None:
    small.page.route("**/api/v1/**", lambda route: route.abort())
    small.cell(0, 0).fill("3")
    expect(small.maps.get_by_role("alert")).to_contain_text("does not answer")
    small.page.unroute("**/api/v1/**")
    small.shows(unpadded(numbers) + 4 * numbers[:-2, :-2])
    expect(small.page.get_by_role("alert")).to_have_count(0)


def test_lists_are_asked_for_again_when_the_server_comes_up_late(blank: Lab) -> None:
    blank.page.route("**/api/v1/samples", lambda route: route.abort())
    blank.page.goto(blank.base_url)
    expect(blank.by_id("kernel-0-0")).to_be_visible()
    blank.page.unroute("**/api/v1/samples")
    expect(blank.by_id("sample").locator("option").nth(1)).to_be_attached()


@pytest.mark.parametrize("kind", ["text/html", "application/x-safetensors"])
def test_answer_that_is_none_is_told_and_the_next_edit_is_painted(
    small: Lab, numbers: Array, kind: str
) -> None:
    page = {"status": 200, "content_type": kind, "body": "<h1>Log in to this network</h1>"}
    small.page.route("**/api/v1/forward", lambda route: route.fulfill(**page))
    small.cell(0, 0).fill("2")
    expect(small.maps.get_by_role("alert")).to_have_count(1)
    small.shows(unpadded(numbers))
    small.page.unroute("**/api/v1/forward")
    small.cell(0, 0).fill("3")
    small.shows(unpadded(numbers) + 4 * numbers[:-2, :-2])
    expect(small.page.get_by_role("alert")).to_have_count(0)


def test_bank_too_large_is_refused_at_its_filters_with_those_that_fit(
    lab: Lab, encode: Encode
) -> None:
    lab.choose_file("large.png", "image/png", encode(np.eye(1600, 1200, dtype=np.uint8), "PNG"))
    expect(lab.by_id("map-size")).to_have_text("1600 × 1200")
    lab.by_id("kernel-form").select_option("random")
    lab.by_id("random-filters").fill("512")
    says(lab, lab.kernel, "GiB of memory; the limit is 1 GiB", "filters fit.")
    text = lab.kernel.get_by_role("alert").inner_text()
    found = re.search(r"Up to (\d+) filters fit", text)
    assert found, text
    state = lab.state()
    kernel = {"random": {**state["layers"][0]["kernel"]["random"], "filters": int(found[1])}}
    layers = [{k: v for k, v in state["layers"][0].items() if k != "bias"} | {"kernel": kernel}]
    answer = lab.page.request.post(
        f"{lab.base_url}/api/v1/shapes", data={"input": state["input"], "layers": layers}
    ).json()
    assert 0.8 * answer["limit"] < answer["estimated"] <= answer["limit"]
    lab.by_id("random-filters").fill("8")
    expect(lab.page.get_by_role("alert")).to_have_count(0)
