"""What can be taken along: the link, files with exact values, scripts that give these numbers."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from playwright.sync_api import expect
from safetensors.numpy import load

from app.engine.convolution import conv2d, conv2d_backward
from tests.browser.arithmetic import SOBEL_X, Array, correlate, gray_levels, luma
from tests.browser.axe import violations
from tests.browser.lab import Lab
from tests.browser.painted import PIXELS, pixels
from tests.serving import ROOT
from tests.snippets.shell import run_commands

SOBEL = SOBEL_X.astype(np.float32)[None, None]


def saved(lab: Lab, name: str) -> Path:
    """The file that an entry of the menu saves, under the name that it suggests."""
    with lab.page.expect_download() as download:
        lab.export(name)
    path = Path(download.value.path())
    return path.rename(path.with_name(download.value.suggested_filename))


def copied(lab: Lab, name: str) -> str:
    """The text that an entry of the menu copies."""
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.page.evaluate("navigator.clipboard.writeText('')")
    lab.export(name)
    expect(lab.by_id("export")).to_have_text("Copied")
    # The word may still stand there for what was copied before.
    text = ""
    while not text:
        text = lab.page.evaluate("navigator.clipboard.readText()")
    return text


def picture(path: Path) -> Array:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.float64)


def test_saved_picture_has_the_pixels_of_the_map(lab: Lab) -> None:
    gray = luma((ROOT / "app" / "samples" / "astronaut.jpg").read_bytes())
    lab.paint_gray()
    wanted = correlate(gray, SOBEL_X)
    lab.shows(wanted)
    path = saved(lab, "save-png")
    assert path.name == "astronaut-layer-1-conv2d-map-0.png"
    assert np.abs(picture(path) - gray_levels(wanted)[:, :, None]).max() <= 1
    lab.by_id("colors").select_option("signed")
    lab.page.wait_for_function(f"({PIXELS})()[2].some((level, i) => i % 4 === 1 && level !== 0)")
    assert np.array_equal(picture(saved(lab, "save-png")), pixels(lab))


def test_saved_numbers_are_those_of_the_engine(lab: Lab, numbers: Array) -> None:
    x = np.round(numbers / 7, 3)
    lab.enter_numbers(x)
    lab.add_layer("relu")
    x = x.astype(np.float32)[None, None]
    sums = conv2d(x, SOBEL, padding="same")
    wanted = np.maximum(sums, 0)
    path = saved(lab, "save-npy")
    assert path.name == "numbers-layer-2-relu-map-0.npy"
    found = np.load(path)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, wanted[0, 0])
    text = saved(lab, "save-csv")
    np.testing.assert_array_equal(np.loadtxt(text, np.float32, delimiter=","), wanted[0, 0])
    told = json.loads(saved(lab, "save-json").read_text())
    np.testing.assert_array_equal(np.float32(told["layers"][1]["data"]), wanted)
    with np.load(saved(lab, "save-npz")) as every:
        np.testing.assert_array_equal(every["layers.0"], sums)
        np.testing.assert_array_equal(every["layers.1"], wanted)
    every = load(saved(lab, "save-safetensors").read_bytes())
    assert every.keys() == {"layers.0", "layers.1"}
    np.testing.assert_array_equal(every["layers.0"], sums)

    lab.by_id("gradient").click()
    grads = conv2d_backward((sums > 0).astype(np.float32), x, SOBEL, padding="same")
    path = saved(lab, "save-npy")
    assert path.name == "numbers-gradient-channel-0.npy"
    np.testing.assert_array_equal(np.load(path), grads.input[0, 0])
    with np.load(saved(lab, "save-npz")) as every:
        np.testing.assert_array_equal(every["input"], grads.input)
        np.testing.assert_array_equal(every["layers.0.kernel"], grads.kernel)
        np.testing.assert_array_equal(every["layers.0.output"], (sums > 0))


def convscope(command: str, spec: Path, folder: Path) -> Array:
    """The one array that the command line writes for the photo that the page shows."""
    photo = ROOT / "app" / "samples" / "astronaut.jpg"
    asked = [command, str(spec), str(photo), "-o", str(folder), "-f", "npy", "-q"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-m", "app", *asked], env=environment, check=True, timeout=60)
    array: Array = np.load(folder / "astronaut.npy")
    return array


def test_saved_spec_gives_the_command_line_the_numbers_of_the_page(
    lab: Lab, tmp_path: Path
) -> None:
    lab.add_layer("relu")
    spec = saved(lab, "save-spec")
    assert spec.name == "astronaut-spec.json"
    told = json.loads(spec.read_text())
    assert told["return"] == {"layers": [1]}
    assert told["render"]["colormap"] in ("gray", "coolwarm")
    maps = convscope("apply", spec, tmp_path / "maps")
    np.testing.assert_array_equal(maps[0, 0], np.load(saved(lab, "save-npy")))

    lab.by_id("gradient").click()
    told = json.loads(saved(lab, "save-spec").read_text())
    written = tmp_path / "spec.yaml"
    written.write_text(yaml.safe_dump(told))
    gradient = convscope("gradient", written, tmp_path / "gradient")
    np.testing.assert_array_equal(gradient[0, 0], np.load(saved(lab, "save-npy")))

    lab.by_id("gradient-at").select_option("0")
    lab.wait_until_exact()
    told = json.loads(saved(lab, "save-spec").read_text())
    assert told["return"] == {"gradients": ["layers.0.output"]}
    path = saved(lab, "save-npy")
    assert path.name == "astronaut-gradient-layer-1-conv2d-map-0.npy"
    # The sum goes back whole where ReLU is on: where the map is above zero.
    np.testing.assert_array_equal(np.load(path), maps[0, 0] > 0)


def test_saved_slide_makes_the_map_place_by_place(lab: Lab, numbers: Array) -> None:
    numbers = numbers[:, :8]
    lab.enter_numbers(numbers)
    lab.by_id("colors").select_option("viridis")
    lab.page.wait_for_function(f"() => ({PIXELS})()[0] === 7")
    lab.wait_until_exact()
    colours = pixels(lab)
    path = saved(lab, "save-gif")
    assert path.name == "numbers-layer-1-conv2d-map-0.gif"
    # Cells of 30 pixels; the corner of one has its colour, the middle its digits.
    corners = 16 + 6 + 30 * np.arange(7), 384 + 6 + 30 * np.arange(8)
    with Image.open(path) as gif:
        assert gif.n_frames == 56
        paper = np.asarray(gif.convert("RGB"))[2, 2]
        for frame in (0, 11, 55):
            gif.seek(frame)
            found = np.asarray(gif.convert("RGB"), float)[np.ix_(*corners)]
            made = np.arange(56).reshape(7, 8) <= frame
            wanted = np.where(made[:, :, None], colours, paper)
            assert np.abs(found - wanted).max() <= 12, frame
    expect(lab.by_id("export")).to_have_text("Export")


def run(text: str, folder: Path) -> None:
    """Run a copied script as a person would."""
    subprocess.run(
        [sys.executable, "-"],
        input=text,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        text=True,
        check=True,
    )


def test_copied_scripts_give_the_numbers_of_the_page(lab: Lab, tmp_path: Path) -> None:
    lab.by_id("gray").click()
    lab.cell(0, 0).fill("-3.5")
    lab.add_layer("avg_pool2d")
    npy = np.load(saved(lab, "save-npy"))
    for name in ("copy-numpy", "copy-client"):
        run(copied(lab, name), tmp_path)
        found = tmp_path / "astronaut-layer-2-avg_pool2d-map-0.npy"
        np.testing.assert_allclose(np.load(found), npy, rtol=1e-5, atol=1e-5)
        found.unlink()
    assert "import torch" in copied(lab, "copy-pytorch")


@pytest.mark.parametrize("mode", ["forward", "gradient"])
def test_copied_commands_write_numbers_and_picture_of_the_map(
    lab: Lab, photo: bytes, mode: str, tmp_path: Path
) -> None:
    lab.choose_file("cat.jpg", "image/jpeg", photo)
    expect(lab.by_id("map-size")).to_have_text("300 × 451")
    lab.by_id("rgb").click()
    lab.cell(0, 0).fill("-3.5")
    lab.paint_gray()
    lab.by_id(mode).click()
    lab.by_id("thumb-2").click()
    expect(lab.by_id("thumb-2")).to_have_attribute("aria-pressed", "true")
    # The page fades between nine colours of viridis, the server has all of them.
    for colors, within in (("gray", 2), ("viridis", 20)):
        lab.by_id("colors").select_option(colors)
        lab.wait_until_exact()
        run_commands(copied(lab, "copy-curl"), tmp_path)
        (path,) = tmp_path.glob("*.png")
        assert picture(path).shape == (300, 451, 3)
        assert np.abs(picture(path) - pixels(lab)).max() <= within
    (path,) = tmp_path.glob("*.npz")
    values: Any = np.load(path)["layers.0" if mode == "forward" else "input"]
    channel = 0 if mode == "forward" else 2
    np.testing.assert_array_equal(values[0, channel], np.load(saved(lab, "save-npy")))


def test_copied_link_opens_the_same_lab(lab: Lab) -> None:
    lab.cell(0, 0).fill("7")
    link = copied(lab, "copy-link")
    lab.page.goto("about:blank")
    lab.page.goto(link)
    expect(lab.cell(0, 0)).to_have_value("7")


def test_what_cannot_be_copied_can_be_selected_and_what_fails_is_said(lab: Lab) -> None:
    lab.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    lab.by_id("export").click()
    assert not violations(lab.page)
    lab.page.keyboard.press("Escape")
    lab.export("copy-curl")
    expect(lab.by_id("command")).to_have_value(re.compile("^curl "))
    lab.page.route("**/api/v1/shapes", lambda route: route.abort())
    lab.export("copy-numpy")
    expect(lab.by_id("export-refused")).to_have_text("The server does not answer; try again.")
    lab.page.unroute("**/api/v1/shapes")
    lab.export("copy-numpy")
    expect(lab.by_id("command")).to_have_value(re.compile("in plain NumPy"))
    expect(lab.by_id("export-refused")).to_have_count(0)
