"""The pages about the client and the REST API: every example runs as it stands."""

import json
import re
import shlex
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load

from app import client as public
from tests.curl import curl
from tests.test_readme import ADDRESS, ROOT, check_prints_its_comments, examples

CLIENT = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
REST = (ROOT / "docs" / "rest.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", examples("python", CLIENT) + examples("python", REST))
def test_python_example_prints_what_its_comments_say(server: str, example: str) -> None:
    check_prints_its_comments(example.replace(ADDRESS, server))


def test_every_method_and_error_of_the_client_is_named() -> None:
    names = {name for name in dir(public.Client) if not name.startswith("_")} - {"ask", "close"}
    names |= {one for one in public.__all__ if isinstance(getattr(public, one), type)}
    named = set(re.findall(r"\w+", CLIENT))
    assert names - named <= {"Gradients", "Image", "Kernel", "Maps"}


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def test_curl_examples_write_what_they_say(server: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 31), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.jpg")
    for name, content in zip(("network", "job"), examples("json", REST), strict=True):
        (tmp_path / f"{name}.json").write_text(content)
    for block in examples("sh", REST):
        for line in block.splitlines():
            command = line.replace(ADDRESS, server)
            if "$ID" in command:
                taken = json.loads((tmp_path / "taken.json").read_text())
                command = command.replace("$ID", taken["id"])
            program, *words = shlex.split(command)
            assert program == "curl"
            assert curl(words, tmp_path) == 0
    assert size_of(tmp_path / "edges.png") == (31, 20)
    assert size_of(tmp_path / "heat.png") == (31, 20)
    with np.load(tmp_path / "edges.npz") as archive:
        assert archive["layers.0"].shape == (1, 3, 18, 29)
    shapes, maps = (
        json.loads((tmp_path / f"{one}.json").read_text()) for one in ("shapes", "maps")
    )
    assert shapes["layers"][2]["output_shape"] == list(np.shape(maps["layers"][2]["data"]))
    height, width = shapes["layers"][2]["output_shape"][2:]
    assert size_of(tmp_path / "maps.png") == (2 * width + 2, 2 * height + 2)
    gradient = load((tmp_path / "gradient.safetensors").read_bytes())["input"]
    assert gradient.shape == tuple(shapes["input"]["shape"])
    assert json.loads((tmp_path / "image.json").read_text())["width"] == 31
    assert "event: end" in (tmp_path / "events.txt").read_text()
    assert json.loads((tmp_path / "ended.json").read_text())["pictures"]["done"] == 2
    with zipfile.ZipFile(tmp_path / "results.zip") as results:
        assert "man with a camera.png" in results.namelist()
