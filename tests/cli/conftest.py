"""The command as a person calls it, and folders of pictures."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.cli import main

NETWORK = {
    "input": {"sample": "cat", "color": "gray", "range": "signed", "max_side": 24},
    "layers": [
        {"type": "conv2d", "kernel": {"preset": "sobel_x"}, "stride": [1, 2], "padding": "same"},
        {"type": "conv2d", "kernel": {"random": {"filters": 3, "size": [2, 3]}}, "name": "second"},
        {"type": "leaky_relu", "slope": 0.125},
    ],
}


@dataclass
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def convscope(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Run:
    """Run a command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ended:
        try:
            status = main([str(one) for one in arguments])
        except SystemExit as end:
            status = int(end.code or 0)
        told = capsys.readouterr()
        return Ended(status, told.out, told.err)

    return run


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(NETWORK))
    return path


def save_picture(path: Path, seed: int, size: tuple[int, int] = (26, 35)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three pictures, one of them deeper."""
    folder = tmp_path / "photos"
    save_picture(folder / "a.png", 1)
    save_picture(folder / "b.bmp", 2, (31, 22))
    save_picture(folder / "trip" / "c.png", 3)
    (folder / "notes.txt").write_text("no picture")
    return folder
