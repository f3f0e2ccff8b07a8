"""Signals: typed numbers whose rows are channels, and layers of one dimension."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from tests.browser.arithmetic import Array, correlate
from tests.browser.lab import Lab, link
from tests.browser.test_export import copied, run, saved

SIGNAL = np.array([[3.0, -1, 4, 1, -5, 9, 2, 6], [2, 7, -1, 8, 2, -8, 1, 8]])
# Two filters over two channels.
BANK = np.array([[[1.0, 2, -1], [0, 1, 3]], [[-2, 0, 1], [1, -1, 2]]])
ENDS = ((0, 0), (2, 1))


def stack(*layers: dict[str, Any], **more: Any) -> str:
    given = {"input": {"array": SIGNAL.tolist(), "signal": True}, "layers": list(layers)}
    return link({**given, "colors": "gray", "clip": 100, **more})


CONVOLUTION = {"type": "conv1d", "kernel": BANK[:, :, None].tolist(), "padding": [2, 1]}


def summed(filters: Array, *, stride: int = 1, dilation: int = 1) -> Array:
    """Maps of every filter for each channel, added up."""
    apart, spread = (1, stride), (1, dilation)

    def row(line: Array, weights: Array) -> Array:
        return correlate(line[None], weights[None], padding=ENDS, stride=apart, dilation=spread)

    return np.stack([sum(map(row, SIGNAL, one)) for one in filters])


def test_signal_has_the_numbers_of_plain_loops_forward_and_backward(lab: Lab) -> None:
    lab.open(stack({**CONVOLUTION, "stride": 2, "dilation": 2, "bias": 3}, layer=0))
    strided = summed(BANK, stride=2, dilation=2) + 3
    expect(lab.by_id("layer-0")).to_contain_text(f"2 × {strided.shape[-1]}")
    lab.shows(strided[0])

    lab.open(
        stack(
            CONVOLUTION, {"type": "relu"}, {"type": "max_pool1d", "size": 3, "stride": 2}, layer=2
        )
    )
    sums = summed(BANK)
    largest = np.maximum(sums, 0)
    pooled = np.stack([largest[..., at : at + 3].max(axis=-1) for at in (0, 2, 4, 6)], axis=-1)
    expect(lab.by_id("layer-2")).to_contain_text("2 × 4")
    lab.shows(pooled[0])
    lab.click_cell(0, 2, rows=1, cols=4)
    lab.says_number("pointed-value", pooled[0, 0, 2], 1e-6)

    # A pixel that is pointed at in the second channel lights its own cell alone.
    lab.open(stack(CONVOLUTION, layer=0, mode="gradient", loss="l2"))
    lab.page.mouse.move(1, 1)  # a map that moves under a resting mouse would be pointed at
    spread = np.zeros((2, SIGNAL.shape[1] + 3))
    for (which, _, at), value in np.ndenumerate(sums):
        spread[:, at : at + 3] += value * BANK[which]
    gradient = spread[:, 2:-1]
    lab.shows(gradient[:1])
    lab.by_id("input-0-4").focus()
    lab.says_number("pointed-value", gradient[0, 4], 1e-4)
    lit = lab.page.get_by_role("grid", name="Kernel weights").locator("[data-lit]")
    expect(lit).to_have_count(3)
    marks = lab.page.locator("#frame .tied")
    expect(marks).to_have_count(1)
    lab.by_id("input-1-4").focus()
    lab.says_number("pointed-value", gradient[1, 4], 1e-4)
    expect(lab.input.locator("[data-lit]")).to_have_count(1)
    # Numbers are no picture.
    expect(lab.by_id("gradient-meaning")).to_contain_text("grows with the number")
    expect(lab.maps.get_by_label("Opacity")).to_have_count(0)
    # What is in focus is the gradient of the first channel, which has another number there.
    expect(marks).to_have_count(0)
    # A thumbnail shows the whole length.
    expect(lab.page.locator("[data-thumb='1']")).to_have_css("object-fit", "fill")
    padded = np.pad(SIGNAL, ENDS)
    length = sums.shape[-1]
    lab.shows_kernel_gradient(
        np.array([[float(sums[0, 0] @ padded[0, at : at + length]) for at in range(3)]])
    )
    lab.by_id("input-1-4").press("Control+Enter")
    expect(lab.by_id("check")).to_contain_text("agree")


def test_layers_follow_the_way_that_the_numbers_are_read(lab: Lab) -> None:
    lab.enter_numbers(SIGNAL)
    lab.paint_gray()
    lab.by_id("read-signal").click()
    expect(lab.by_id("layer-0")).to_contain_text("Conv 1-D 3")
    # The middle row of what was there.
    lab.shows(correlate(SIGNAL[:1], [[-2.0, 0, 2]]))
    lab.cell(0, 0).focus()
    lab.paste_text("1 2\n3 4")
    expect(lab.kernel.get_by_role("alert")).to_contain_text("a kernel has 1 row and 1 to")
    lab.by_id("padding").select_option("amount")
    lab.by_id("padding-amount").fill("1, 0, 2, 1")
    expect(lab.geometry.get_by_role("alert")).to_contain_text("one, or left, right")
    lab.by_id("padding-amount").fill("2, 1")
    shown = correlate(SIGNAL[:1], [[-2.0, 0, 2]], padding=ENDS)
    lab.shows(shown)

    lab.add_layer("max_pool1d")
    lab.by_id("layer-0").click()
    lab.add_layer("avg_pool1d")
    lab.add_layer("conv_transpose1d")
    for index, title in enumerate(
        ("Conv 1-D 3", "Avg pool 1-D 2", "Transposed 1-D 3", "Max pool 1-D 2")
    ):
        expect(lab.by_id(f"layer-{index}")).to_contain_text(title)
    averaged = (shown[:, :-1:2] + shown[:, 1::2]) / 2
    wide = np.zeros((1, 2 * averaged.shape[1] + 1))
    for at, value in enumerate(averaged[0]):
        wide[0, 2 * at : 2 * at + 3] += value * np.array([0.5, 1, 0.5])
    lab.shows(wide[:, 1:])
    lab.by_id("layer-3").click()
    last = np.maximum(wide[:, 1::2], wide[:, 2::2])
    lab.shows(last)

    # Windows of two dimensions cannot be added; read as a matrix, the same ones slide over rows.
    lab.by_id("add-layer").click()
    expect(lab.by_id("add-conv1d")).to_be_visible()
    expect(lab.by_id("add-conv2d")).to_have_count(0)
    lab.page.keyboard.press("Escape")
    lab.by_id("read-matrix").click()
    lab.by_id("read-matrix").click()  # is no step of undo
    expect(lab.by_id("layer-3")).to_contain_text("Max pooling 1×2")
    expect(lab.by_id("map-size")).to_have_text(f"2 × {last.shape[1]}")
    lab.page.keyboard.press("Control+z")
    expect(lab.by_id("layer-3")).to_contain_text("Max pool 1-D 2")
    lab.shows(last)
    lab.by_id("kind-picture").click()
    expect(lab.by_id("layer-0")).to_contain_text("Convolution 1×3")
    expect(lab.by_id("layer-2")).to_contain_text("Transposed 1×3")


def test_copied_scripts_and_files_of_a_signal_have_its_axes(lab: Lab, tmp_path: Path) -> None:
    region = {"layer": 0, "channel": 1, "row": 0, "col": 2, "rows": 1, "cols": 4}
    lab.open(stack(CONVOLUTION, layer=0, channel=1, mode="gradient", loss="region", region=region))
    npy = np.load(saved(lab, "save-npy"))
    spread = np.zeros(SIGNAL.shape[1] + 3)
    for at in range(2, 6):
        spread[at : at + 3] += BANK[1, 1]
    np.testing.assert_allclose(npy, spread[2:-1], rtol=1e-6)
    for name in ("copy-numpy", "copy-client"):
        run(copied(lab, name), tmp_path)
        found = tmp_path / "numbers-gradient-channel-1.npy"
        np.testing.assert_allclose(np.load(found), npy, rtol=1e-6)
        found.unlink()
    assert "F.conv1d(" in copied(lab, "copy-pytorch")
    lab.by_id("export").click()
    expect(lab.by_id("save-spec")).to_contain_text("gradcheck")
    lab.page.keyboard.press("Escape")

    # Both channels of eight cells stand in the moving picture, above its sentence.
    with Image.open(saved(lab, "save-gif")) as gif:
        assert gif.size == (640, 2 * 30 + 62)


def test_what_does_not_fit_a_signal_or_features_is_said(lab: Lab) -> None:
    target = {"of": "numbers", "array": SIGNAL[::-1].tolist()}
    asked = {"layer": 0, "mode": "gradient", "loss": "mse", "target": target}
    lab.open(stack({"type": "conv1d", "kernel": BANK[:, :, None].tolist()}, **asked))
    expect(lab.maps.get_by_role("alert")).to_contain_text("Target has shape (1, 2, 2, 8)")
    lab.open(stack({"type": "max_pool1d", "size": 9, "padding": 0}, layer=0))
    expect(lab.geometry.get_by_role("alert")).to_contain_text("spans 9 cells")

    # Features are one row of numbers.
    dense = {"type": "dense", "features": 3, "init": "normal", "seed": 4, "bias": 0}
    lab.open(stack(dense, layer=0, mode="gradient", loss="mse"))
    expect(lab.by_id("layer-0").locator("small")).to_have_text("3 features")
    lab.by_id("target").select_option("numbers")
    expect(lab.by_id("target-numbers")).to_have_value("0 0 0")
    lab.by_id("target-numbers").fill("10 -20 40")
    lab.by_id("target-numbers").blur()
    weights = np.random.default_rng(4).standard_normal((3, SIGNAL.size))
    missing = weights @ SIGNAL.ravel() - [10, -20, 40]
    lab.shows((2 / 3 * missing @ weights).reshape(SIGNAL.shape)[:1])


SPREADING = np.array([[[1.0, 2, -1], [0, 1, 3], [2, 2, 0]], [[-2, 0, 1], [1, -1, 2], [0, 3, 1]]])


def spread_over(weights: Array) -> Array:
    """One map of a transposed convolution at stride 2, from what each channel spreads."""
    wide = np.zeros((1, 2 * SIGNAL.shape[1] + 1))
    for line, taps in zip(SIGNAL, weights, strict=True):
        for at, value in enumerate(line):
            wide[0, 2 * at : 2 * at + 3] += value * taps
    return wide


def test_transposed_convolution_has_weights_from_every_channel_to_every_map(lab: Lab) -> None:
    layer = {"type": "conv_transpose1d", "stride": 2, "padding": 0, "output_padding": 0}
    lab.open(stack({**layer, "kernel": SPREADING[:, :, None].tolist()}, layer=0, channel=2))
    expect(lab.by_id("layer-0")).to_contain_text("3 × 17")
    lab.shows(spread_over(SPREADING[:, 2]))
    lab.kernel.get_by_role("button", name="Map 2").click()
    lab.kernel.get_by_role("group", name="Input channels").get_by_role("button", name="1").click()
    assert lab.weights() == [0, 3, 1]
    lab.cell(0, 1).fill("-4")
    edited = SPREADING.copy()
    edited[1, 2, 1] = -4
    lab.shows(spread_over(edited[:, 2]))
    lab.click_cell(0, 5, rows=1, cols=17)
    lab.says_number("pointed-value", spread_over(edited[:, 2])[0, 5], 1e-6)

    lab.by_id("gradient").click()
    lab.by_id("loss").select_option("l2")
    upstream = spread_over(edited[:, 2])[0]
    wanted = [sum(SIGNAL[1] * upstream[tap : tap + 16 : 2]) for tap in range(3)]
    lab.shows_kernel_gradient(np.array([wanted]))
    lab.by_id("kernel-gradient-0-1").hover()
    expect(lab.by_id("arithmetic")).to_contain_text("channel 1 · map 2 · row 0 · column 1")
    lab.says_number("pointed-value", wanted[1], 1e-4)

    lab.by_id("forward").click()
    lab.kernel.get_by_role("button", name="Add a map").click()
    expect(lab.by_id("layer-0")).to_contain_text("4 × 17")
    lab.by_id("kernel-form").select_option("random")
    expect(lab.by_id("layer-0")).to_contain_text("8 × 17")
    drawn = lab.page.get_by_role("table", name="Weights").get_by_role("cell")

    def weights(channel: int) -> list[float]:
        tabs = lab.kernel.get_by_role("group", name="Input channels")
        before = drawn.first.get_attribute("title") or ""
        tabs.get_by_role("button", name=str(channel)).click()
        expect(drawn.first).not_to_have_attribute("title", before)
        return [float(cell.get_attribute("title") or "nan") for cell in drawn.all()]

    second, first = weights(1), weights(0)
    lab.shows(spread_over(np.array([first, second])))

    # The link holds which of them are shown, and nothing that it may not.
    assert weights(1) == second
    lab.link_holds(slice=[1, 0])
    lab.page.reload()
    chosen = lab.kernel.get_by_role("group", name="Input channels").locator("[aria-pressed=true]")
    expect(chosen).to_have_text("1")
    expect(lab.input.get_by_role("alert")).to_have_count(0)


def test_numbers_beyond_the_grid_are_seen_whole_and_worked_in_a_window(lab: Lab) -> None:
    long = np.random.default_rng(3).integers(-9, 10, (2, 60)).astype(float)
    layer = {"type": "conv1d", "kernel": [[1, 2, 1]], "padding": "same"}
    lab.open(link({"input": {"array": long.tolist(), "signal": True}, "layers": [layer]}))
    lab.page.wait_for_function("() => document.querySelector('#input-overview').width === 60")
    expect(lab.by_id("input-window")).to_contain_text("rows 0 to 1, columns 27 to 33")
    # What a cell of the map sees is marked on the whole, in the channel that it is of.
    lab.point_at(0, 10, rows=1, cols=60)
    expect(lab.by_id("input-lit")).to_have_attribute(
        "style", re.compile(r"left: ?15%.*height: ?50%")
    )
    lab.by_id("input-1-33").focus()
    lab.page.keyboard.press("End")
    lab.page.keyboard.press("ArrowRight")
    expect(lab.by_id("input-1-34")).to_be_focused()
    lab.page.keyboard.type("7")
    long[1, 34] = 7
    lab.by_id("thumb-1").click()
    lab.paint_gray()
    lab.shows(correlate(long[1:], [[1.0, 2, 1]]))
    overview = lab.page.locator("#input-overview")
    overview.click(position={"x": 2, "y": 2})
    expect(lab.by_id("input-window")).to_contain_text("columns 0 to 6")
    # A column, as a spreadsheet gives it, is one turn away from a signal.
    lab.by_id("numbers").fill("3\n1\n2")
    expect(lab.by_id("layer-0")).to_contain_text("3 × 1")
    lab.page.get_by_role("button", name="Transpose the numbers").click()
    expect(lab.by_id("layer-0")).to_contain_text("1 × 3")
    expect(lab.by_id("numbers")).to_have_value("3 1 2")
    lab.by_id("input-0-2").hover()
    expect(lab.by_id("arithmetic")).to_contain_text("dL/dInput · channel 0 · row 0 · column 2")
