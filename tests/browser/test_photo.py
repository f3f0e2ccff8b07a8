"""A photo from a person's disk, drop or clipboard, and its feature maps, to exact values."""

import base64
import contextlib
import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Error, Route, expect

from tests.browser.arithmetic import SOBEL_X, correlate, decoded, luma
from tests.browser.conftest import Encode
from tests.browser.lab import EIGHT_BITS, Lab

BLUR = np.array([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])


def shows_photo(lab: Lab) -> None:
    """The photo's size stands below it, and the browser shows all of it."""
    expect(lab.by_id("about-input")).to_contain_text("300 rows × 451 columns, JPEG")
    lab.page.wait_for_function(
        """() => {
          const picture = document.querySelector('[data-testid=picture]');
          return picture.complete && picture.naturalWidth === 451 && picture.naturalHeight === 300;
        }"""
    )


def test_chosen_photo_is_filtered_to_exact_values_and_a_changed_weight_repaints_it(
    lab: Lab, photo: bytes
) -> None:
    lab.paint_gray()
    lab.choose_file("cat.jpg", "image/jpeg", photo)
    shows_photo(lab)
    expect(lab.by_id("map-size")).to_have_text("300 × 451")
    gray = luma(photo)
    lab.shows(correlate(gray, SOBEL_X))
    changed = SOBEL_X.copy()
    changed[1, 0] = 3.5
    lab.cell(1, 0).fill("3.5")
    lab.shows(correlate(gray, changed))


def test_pinned_cell_says_its_value_and_its_sum(lab: Lab, photo: bytes) -> None:
    lab.choose_file("cat.jpg", "image/jpeg", photo)
    shows_photo(lab)
    expect(lab.by_id("map-size")).to_have_text("300 × 451")
    wanted = correlate(luma(photo), SOBEL_X)
    within = 1e-5 * np.abs(wanted).max()
    lab.click_cell(120, 233, rows=300, cols=451)
    lab.page.mouse.move(0, 0)
    lab.says_number("pointed-value", wanted[120, 233], within)
    expect(lab.by_id("arithmetic")).to_contain_text("row 120 · column 233 · pinned")
    lab.by_id("receptive-field").wait_for()
    place = [lab.by_id("receptive-field").get_attribute(side) for side in ("y", "x")]
    assert place == ["119", "232"]
    lab.cell(0, 0).fill("4")
    changed = SOBEL_X.copy()
    changed[0, 0] = 4
    lab.says_number("pointed-value", correlate(luma(photo), changed)[120, 233], within)


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_photo_arrives_by_drop_and_by_paste(lab: Lab, photo: bytes, way: str) -> None:
    lab.paint_gray()
    if way == "drop":
        lab.page.evaluate(
            """(code) => {
              const bytes = Uint8Array.from(atob(code), (char) => char.charCodeAt(0));
              const dataTransfer = new DataTransfer();
              dataTransfer.items.add(new File([bytes], 'cat.jpg', { type: 'image/jpeg' }));
              const told = { dataTransfer, bubbles: true, cancelable: true };
              document.querySelector('main').dispatchEvent(new DragEvent('drop', told));
            }""",
            base64.b64encode(photo).decode(),
        )
        shows_photo(lab)
    else:
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(photo)) as image:
            image.save(buffer, "PNG")  # a clipboard holds PNG only
        lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        lab.page.evaluate(
            """async (code) => {
              const bytes = Uint8Array.from(atob(code), (char) => char.charCodeAt(0));
              const picture = new Blob([bytes], { type: 'image/png' });
              await navigator.clipboard.write([new ClipboardItem({ 'image/png': picture })]);
            }""",
            base64.b64encode(buffer.getvalue()).decode(),
        )
        lab.page.keyboard.press("Control+V")
        expect(lab.by_id("about-input")).to_contain_text("300 rows × 451 columns, PNG")
    lab.shows(correlate(luma(photo), SOBEL_X))


@pytest.mark.parametrize("later", ["file", "sample"])
def test_later_choice_wins_over_a_picture_that_arrives_late(
    lab: Lab, photo: bytes, encode: Encode, later: str
) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with lab.page.expect_request("**/api/v1/images"):
        lab.page.route("**/api/v1/images", hold, times=1)
        lab.choose_file("slow.png", "image/png", encode(np.zeros((20, 30), np.uint8), "PNG"))
    if later == "file":
        lab.choose_file("cat.jpg", "image/jpeg", photo)
    else:
        lab.by_id("sample").select_option("cat")
    expect(lab.by_id("map-size")).to_have_text("300 × 451")
    with contextlib.suppress(Error):  # given up by the page, or answered too late
        held[0].continue_()
    lab.page.wait_for_timeout(500)
    expect(lab.by_id("map-size")).to_have_text("300 × 451")
    expect(lab.by_id("about-input")).to_contain_text("300 rows × 451 columns")
    expect(lab.page.get_by_role("alert")).to_have_count(0)


def test_colour_photo_gives_a_map_for_each_channel(lab: Lab, photo: bytes) -> None:
    lab.paint_gray()
    lab.choose_file("cat.jpg", "image/jpeg", photo)
    shows_photo(lab)
    lab.by_id("rgb").click()
    red, _, blue = decoded(photo)
    lab.shows(correlate(red, SOBEL_X))
    lab.by_id("thumb-2").click()
    expect(lab.by_id("thumb-2")).to_have_attribute("aria-pressed", "true")
    lab.shows(correlate(blue, SOBEL_X))


def test_one_filter_across_the_channels_adds_them_up(lab: Lab, photo: bytes) -> None:
    lab.paint_gray()
    lab.choose_file("cat.jpg", "image/jpeg", photo)
    shows_photo(lab)
    lab.by_id("rgb").click()
    lab.by_id("kernel-form").select_option("bank")
    channels = lab.layers.get_by_role("group", name="Input channels")
    channels.get_by_role("button", name="green").click()
    lab.enter_kernel(BLUR)
    red, green, blue = decoded(photo)
    maps = [correlate(red, SOBEL_X), correlate(green, BLUR), correlate(blue, SOBEL_X)]
    lab.shows(sum(maps, np.zeros_like(red)))
    lab.focus.press("ArrowDown")  # from the middle
    totals = lab.page.locator("#arithmetic .total b")
    expect(totals).to_have_count(3)
    so_far = np.cumsum([one[151, 225] for one in maps])
    told = [float(text.replace("−", "-")) for text in totals.all_inner_texts()]
    assert told == pytest.approx(so_far.tolist(), rel=1e-3, abs=1e-4)


def test_photo_of_twelve_megapixels_is_filtered_at_full_size(lab: Lab) -> None:
    rows, cols = np.mgrid[0:3000, 0:4000]
    noise = np.random.default_rng(3).integers(0, 12, (3000, 4000))
    pixels = ((rows // 16 + cols // 24 + noise) % 256).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=80)
    lab.paint_gray()
    lab.choose_file("large.jpg", "image/jpeg", buffer.getvalue())
    expect(lab.by_id("about-input")).to_have_text(re.compile("^3000 rows × 4000 columns, JPEG"))
    expect(lab.by_id("map-size")).to_have_text("3000 × 4000")
    wanted = correlate(luma(buffer.getvalue()), SOBEL_X)
    for part in (np.s_[:200, :200], np.s_[1400:1600, 1900:2100], np.s_[-200:, -200:]):
        lab.shows(wanted, within=EIGHT_BITS, part=part)


def test_stack_too_large_for_the_server_is_offered_a_smaller_size(lab: Lab, encode: Encode) -> None:
    rows, cols = np.mgrid[0:3000, 0:4000]
    noise = (rows * 7 + cols * 13 + rows * cols // 97) % 256
    picture = encode(np.stack([noise, rows % 256, cols % 256], 2).astype(np.uint8), "JPEG")
    lab.by_id("rgb").click()
    for _ in range(5):
        lab.add_layer("conv2d")
    expect(lab.by_id("max-side")).to_have_count(0)  # the sample is small
    lab.by_id("padding").select_option("full")
    lab.choose_file("large.jpg", "image/jpeg", picture)
    alert = lab.input.get_by_role("alert")
    expect(alert).to_contain_text("GiB of memory; the limit is 1 GiB")
    lab.by_id("smaller").click()
    expect(lab.by_id("max-side")).to_have_value("2048")
    expect(lab.by_id("about-input")).to_contain_text("computed at 1536 rows × 2048 columns")
    expect(lab.by_id("map-size")).to_have_text("1538 × 2050")
    expect(alert).to_have_count(0)
    lab.by_id("max-side").select_option("512")
    expect(lab.by_id("map-size")).to_have_text("386 × 514")
    lab.link_holds(input={**lab.state()["input"], "max_side": 512})
    lab.page.get_by_role("button", name="Undo").click()
    expect(lab.by_id("map-size")).to_have_text("1538 × 2050")


def test_tall_picture_leaves_the_layers_in_sight(lab: Lab, encode: Encode) -> None:
    for rows, cols in ((5000, 1), (4000, 500), (300, 451)):
        lab.choose_file("tall.png", "image/png", encode(np.full((rows, cols), 90, np.uint8), "PNG"))
        expect(lab.by_id("map-size")).to_have_text(f"{rows} × {cols}")
        expect(lab.by_id("about-input")).to_contain_text(f"{rows} rows × {cols} col")
        box = lab.resting_box(lab.by_id("picture"))
        assert box is not None
        assert box["width"] >= 8
        assert box["height"] <= 321
        expect(lab.layers.get_by_role("heading", name="Layers")).to_be_in_viewport()
