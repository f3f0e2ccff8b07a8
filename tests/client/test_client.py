"""The Python client against a real server."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.client import Convscope, ConvscopeError
from app.engine.convolution import conv2d, conv2d_backward

KERNEL = np.array([[0, 1, -2], [3, 0.5, 1]], np.float32)


@pytest.fixture(scope="module")
def convscope(server: str) -> Iterator[Convscope]:
    with Convscope(server) as client:
        yield client


@pytest.fixture
def picture() -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (11, 17), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(2, 3, 8, 9)).astype(np.float32)


def test_arrays_go_in_and_feature_maps_come_out(convscope: Convscope, x: np.ndarray) -> None:
    kernel = np.random.default_rng(3).normal(size=(4, 3, 2, 3)).astype(np.float32)
    layers = [{"type": "conv2d", "kernel": kernel, "stride": (1, 2)}, {"type": "relu"}]
    maps = convscope.forward(x, layers, returning={"layers": "all"})
    np.testing.assert_allclose(maps.arrays[0], conv2d(x, kernel, stride=(1, 2)), rtol=1e-5)
    np.testing.assert_array_equal(maps.output, np.maximum(maps.arrays[0], 0))
    assert maps.layers[0]["output_shape"] == [2, 4, 7, 4]


def test_gradients_come_by_name(convscope: Convscope, x: np.ndarray) -> None:
    upstream = np.random.default_rng(4).normal(size=(2, 3, 7, 7)).astype(np.float32)
    layers = [{"type": "conv2d", "kernel": KERNEL}]
    loss = {"type": "upstream", "values": upstream}
    found = convscope.backward(x, layers, loss, ["input", "layers.0.kernel"])
    full = np.broadcast_to(KERNEL, (3, 1, 2, 3))
    expected = conv2d_backward(upstream, x, full, groups=3)
    np.testing.assert_allclose(found["input"], expected.input, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["layers.0.kernel"], expected.kernel, rtol=1e-4, atol=1e-4)
    assert list(found) == ["input", "layers.0.kernel"]
    assert isinstance(found.loss, float)


def test_picture_is_uploaded_used_and_forgotten(convscope: Convscope, picture: bytes) -> None:
    source = convscope.upload(picture)
    gray = {**source, "color": "gray", "range": "byte"}
    maps = convscope.forward(gray, [{"type": "identity"}])
    np.testing.assert_array_equal(maps.output[0, 0], np.array(Image.open(io.BytesIO(picture))))
    convscope.delete(source)
    with pytest.raises(ConvscopeError) as refused:
        convscope.forward(gray, [{"type": "identity"}])
    assert refused.value.status == 404


def test_one_shots_take_a_file(convscope: Convscope, picture: bytes, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(picture)
    edges = convscope.convolve(path, KERNEL, padding="same", color="gray")
    grad = convscope.gradient(path, KERNEL, padding="same", color="gray", loss={"type": "l2"})
    pixels = np.array(Image.open(path), np.float32)[None, None] / 255
    expected = conv2d(pixels, KERNEL[None, None], padding="same")
    np.testing.assert_allclose(edges, expected, atol=1e-5)
    upstream = conv2d_backward(expected, pixels, KERNEL[None, None], padding="same")
    np.testing.assert_allclose(grad, upstream.input, atol=1e-4)
    assert convscope.convolve(picture, "box", stride=2).shape == (1, 3, 5, 8)


def test_what_is_told_without_arrays(convscope: Convscope) -> None:
    layers = [{"type": "conv1d", "kernel": np.ones(3), "padding": "same"}]
    assert convscope.shapes({"shape": [1, 1, 5]}, layers)["layers"][0]["output_shape"] == [1, 1, 5]
    told = convscope.explain([1.0, 2, 3, 4, 5], layers, {"feature": {"col": 4}})
    assert told["sum"] == 9
    assert convscope.gradcheck([1.0, 2, 3, 4, 5], layers, step=1)["verdict"] == "pass"
    assert convscope.kernels()["sobel_x"].shape == (3, 3)
    assert convscope.limits()["layers"] == 32
    assert {"cat", "notes-1d"} <= {one["name"] for one in convscope.samples()}


def test_refusal_tells_status_and_pointers(convscope: Convscope, x: np.ndarray) -> None:
    with pytest.raises(ConvscopeError, match="stride") as refused:
        convscope.forward(x, [{"type": "conv2d", "kernel": KERNEL, "stride": 0}])
    assert refused.value.status == 422
    assert [one["pointer"] for one in refused.value.errors] == ["/layers/0/stride"]
