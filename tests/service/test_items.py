"""One picture of many: bytes in, files out."""

import io
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app import imaging
from app.engine.errors import EngineError, NetworkError
from app.engine.kernels import PresetKernel, RandomKernel
from app.engine.layers import Conv2d, Dense, Flatten, GlobalAvgPool, MaxPool2d, Relu
from app.imaging import NotAPicture, Rendering
from app.service.answers import as_pixels
from app.service.compute import Compute
from app.service.errors import TooMuchWork
from app.service.items import ItemWork, compute_item
from app.service.pictures import Pictures
from app.service.samples import find_picture
from app.service.specs import PictureInput, Returning, Spec
from app.service.store import ImageStore
from app.settings import Settings
from tests.imaging.pictures import read_small

CAMERA = find_picture("camera").content
STACK = (
    Conv2d(RandomKernel(filters=5, size=3, seed=3), padding="same"),
    Relu(),
    MaxPool2d(2),
)


def work(**changed: Any) -> ItemWork:
    plain = ItemWork(
        layers=STACK,
        dtype=np.dtype(np.float32),
        picture=PictureInput(color="gray", max_side=60),
        returning=Returning(),
        rendering=Rendering(),
        forms=("npz", "png"),
        settings=Settings(),
    )
    return replace(plain, **changed)


def test_item_has_the_maps_that_a_request_would_have(tmp_path: Path) -> None:
    store = ImageStore(tmp_path, quota=2**30, days=1)
    compute = Compute(Settings(), Pictures(store, read_small, 2**20))
    source = PictureInput(sample="camera", color="gray", max_side=60)
    run = compute.forward(Spec(source, STACK, np.dtype(np.float32)))
    files = compute_item(CAMERA, work(returning=Returning(layers="all")))
    with np.load(io.BytesIO(files[".npz"])) as maps:
        assert set(maps) == {"response", "layers.0", "layers.1", "layers.2"}
        for index, layer in enumerate(run.layers):
            np.testing.assert_array_equal(maps[f"layers.{index}"], layer.step.output)
        told = json.loads(str(maps["response"]))
    assert [layer["type"] for layer in told["layers"]] == ["conv2d", "relu", "max_pool2d"]
    assert files[".layers.1.png"] == imaging.render(run.layers[1].step.output[0])
    assert set(files) == {".npz", ".layers.0.png", ".layers.1.png", ".layers.2.png"}


def test_work_can_be_sent_to_another_process() -> None:
    asked = work(layers=(Conv2d(PresetKernel("sobel_x"), bias=np.array([1.5])), *STACK))
    sent = pickle.loads(pickle.dumps(asked))  # noqa: S301 - its own
    first, second = (compute_item(CAMERA, one)[".png"] for one in (asked, sent))
    assert first == second


def test_quantised_maps_are_drawn_from_exact_values() -> None:
    exact, coded = (
        compute_item(CAMERA, work(returning=Returning(dtype=dtype))) for dtype in (None, "uint8")
    )
    assert exact[".png"] == coded[".png"]
    with np.load(io.BytesIO(coded[".npz"])) as maps:
        assert maps["layers.2"].dtype == np.uint8
        assert "scale" in json.loads(str(maps["response"]))["layers"][2]


@pytest.mark.parametrize("returning", [Returning(layers="all"), Returning(max_side=7)])
@pytest.mark.parametrize(
    "drawing",
    [
        Rendering(),
        Rendering(legend=True),
        Rendering(overlay=0.5, columns=2),
        Rendering(legend=True, columns=1, scale="layer"),
    ],
)
@pytest.mark.parametrize("forms", [("npz",), ("png",), ("npz", "png")])
def test_files_are_no_larger_than_foretold_and_not_much_smaller(
    rng: np.random.Generator, returning: Returning, drawing: Rendering, forms: Any
) -> None:
    noise = rng.integers(0, 256, (90, 140), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    picture = PictureInput(color="rgb")
    wide = work(returning=returning, rendering=drawing, forms=forms, picture=picture)
    most = wide.most_bytes(wide.refuse(90, 140))
    size = sum(map(len, compute_item(stream.getvalue(), wide).values()))
    assert size <= most
    if returning.max_side is None:
        assert size > most / 8


def test_maps_of_one_row_are_drawn_too() -> None:
    flat = work(layers=(GlobalAvgPool(), Flatten(), Dense(np.ones((3, 1)))))
    most = flat.most_bytes(flat.refuse(40, 50))
    files = compute_item(CAMERA, flat)
    assert Image.open(io.BytesIO(files[".png"])).size == (3, 1)
    assert sum(map(len, files.values())) <= most


def test_what_speaks_against_an_item_is_told_before_it_is_computed() -> None:
    with pytest.raises(NetworkError) as told:
        compute_item(CAMERA, work(layers=(MaxPool2d(2), Conv2d(np.ones((90, 90))))))
    assert told.value.errors[0].path[:2] == ("layers", 1)
    with pytest.raises(TooMuchWork, match="MiB"):
        compute_item(CAMERA, work(settings=Settings(working_bytes=2**20)))
    with pytest.raises(NotAPicture):
        compute_item(b"no picture", work())
    with pytest.raises(EngineError, match="channel"):
        compute_item(CAMERA, work(returning=Returning(channels=(9,))))


def test_under_an_overlay_what_float32_cannot_hold_is_white() -> None:
    x = np.array([[[[1e308, -1e308], [0.5, np.inf]]]])
    pixels = as_pixels(x, "unit")
    assert pixels is not None
    assert pixels.tolist() == [[255, 0], [128, 255]]
