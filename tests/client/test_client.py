"""The Python client against a real server."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from app.client import Client, Image, Invalid, NotFound, UnsupportedType
from app.engine.convolution import conv2d, conv2d_backward
from app.engine.kernels import PresetKernel
from app.engine.layers import Conv2d, Relu
from app.engine.losses import L2, CrossEntropy, Mse
from app.engine.selection import Select

KERNEL = np.array([[0, 1, -2], [3, 0.5, 1]], np.float32)


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[Client]:
    with Client(server) as connected:
        yield connected


@pytest.fixture
def picture() -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (11, 17), np.uint8)
    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(2, 3, 8, 9)).astype(np.float32)


def test_arrays_go_in_and_feature_maps_come_out(client: Client, x: np.ndarray) -> None:
    kernel = np.random.default_rng(3).normal(size=(4, 3, 2, 3)).astype(np.float32)
    layers = [{"type": "conv2d", "kernel": kernel, "stride": (1, 2)}, {"type": "relu"}]
    maps = client.forward(x, layers, returning={"layers": "all"})
    np.testing.assert_allclose(maps.arrays[0], conv2d(x, kernel, stride=(1, 2)), rtol=1e-5)
    np.testing.assert_array_equal(maps.output, np.maximum(maps.arrays[0], 0))
    assert maps.layers[0]["output_shape"] == [2, 4, 7, 4]


def test_output_of_no_maps_is_told(client: Client, x: np.ndarray) -> None:
    maps = client.forward(x, [{"type": "relu"}], returning={"data": False})
    with pytest.raises(LookupError, match="No maps came back"):
        _ = maps.output


def test_gradients_come_by_name(client: Client, x: np.ndarray) -> None:
    upstream = np.random.default_rng(4).normal(size=(2, 3, 7, 7)).astype(np.float32)
    layers = [{"type": "conv2d", "kernel": KERNEL}]
    loss = {"type": "upstream", "values": upstream}
    found = client.backward(x, layers, loss=loss, gradients=["input", "layers.0.kernel"])
    full = np.broadcast_to(KERNEL, (3, 1, 2, 3))
    expected = conv2d_backward(upstream, x, full, groups=3)
    np.testing.assert_allclose(found["input"], expected.input, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["layers.0.kernel"], expected.kernel, rtol=1e-4, atol=1e-4)
    assert list(found) == ["input", "layers.0.kernel"]
    assert isinstance(found.loss, float)


def test_picture_is_uploaded_used_and_forgotten(client: Client, picture: bytes) -> None:
    image = client.upload(picture)
    assert (image.width, image.height, image.channels, image.format) == (17, 11, 1, "PNG")
    assert client.image(image.id) == image
    identity = [{"type": "identity"}]
    pixels = np.array(Pillow.open(io.BytesIO(picture)))
    maps = client.forward(image.as_input(color="gray", range="byte"), identity)
    np.testing.assert_array_equal(maps.output[0, 0], pixels)
    np.testing.assert_allclose(client.forward(image, identity).output[0, 2], pixels / 255, 1e-6)
    small = Pillow.open(io.BytesIO(client.picture(image, max_side=9)))
    assert small.size == (9, 6)
    client.delete(image)
    with pytest.raises(NotFound, match="no picture of this id"):
        client.forward(image, identity)
    with pytest.raises(NotFound):
        client.delete(image)


@pytest.mark.parametrize("shape", [(5, 7), (6, 4, 3)])
def test_pixels_are_uploaded_as_they_are(client: Client, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, shape, np.uint8)
    image = client.upload(pixels)
    assert np.array_equal(np.array(Pillow.open(io.BytesIO(client.picture(image)))), pixels)


def test_the_same_picture_from_path_file_and_bytes_is_one(
    client: Client, picture: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(picture)
    with path.open("rb") as file:
        assert client.upload(path) == client.upload(file) == client.upload(picture)
    assert client.upload(bytearray(picture)) == client.upload(memoryview(picture))
    with pytest.raises(FileNotFoundError):
        client.upload(tmp_path / "missing.png")
    with pytest.raises(UnsupportedType, match="not a picture"):
        client.upload(b"no picture")
    with pytest.raises(TypeError, match=r"uint8 of shape .* float64 of shape \(2, 2\)"):
        client.upload(np.ones((2, 2)))


def test_one_shots_take_a_file(client: Client, picture: bytes, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(picture)
    edges = client.convolve(path, KERNEL, padding="same", color="gray")
    grad = client.gradient(path, KERNEL, padding="same", color="gray", loss=L2())
    pixels = np.array(Pillow.open(path), np.float32)[None, None] / 255
    expected = conv2d(pixels, KERNEL[None, None], padding="same")
    np.testing.assert_allclose(edges, expected, atol=1e-5)
    upstream = conv2d_backward(expected, pixels, KERNEL[None, None], padding="same")
    np.testing.assert_allclose(grad, upstream.input, atol=1e-4)
    assert client.convolve(picture, "box", stride=2).shape == (1, 3, 5, 8)


def test_what_is_told_without_arrays(client: Client) -> None:
    layers = [{"type": "conv1d", "kernel": np.ones(3), "padding": "same"}]
    assert client.shapes({"shape": [1, 1, 5]}, layers)["layers"][0]["output_shape"] == [1, 1, 5]
    told = client.explain([1.0, 2, 3, 4, 5], layers, at={"feature": {"col": 4}})
    assert told["sum"] == 9
    assert client.gradcheck([1.0, 2, 3, 4, 5], layers, step=1)["verdict"] == "pass"
    assert client.kernels()["sobel_x"].matrix.shape == (3, 3)
    assert client.limits()["layers"] == 32
    assert {"cat", "notes-1d"} <= {one["name"] for one in client.samples()}


def test_engines_layers_and_losses_are_what_the_spec_writes(client: Client, x: np.ndarray) -> None:
    engine = [Conv2d(PresetKernel("sobel_x"), stride=(1, 2), padding="same"), Relu(name="edges")]
    spec = [
        {"type": "conv2d", "kernel": {"preset": "sobel_x"}, "stride": [1, 2], "padding": "same"},
        {"type": "relu", "name": "edges"},
    ]
    maps = client.forward(x, engine)
    np.testing.assert_array_equal(maps.output, client.forward(x, spec).output)
    assert maps.layers[1]["name"] == "edges"
    part = {"channels": [1], "rows": [2, 5]}
    for loss, told in (
        (L2(Select(channels=(1,), rows=(2, 5))), {"type": "l2", "select": part}),
        (Mse(maps.output * 2), {"type": "mse", "target": maps.output * 2}),
    ):
        found = client.backward(x, engine, loss=loss)
        again = client.backward(x, spec, loss=told)
        assert found.loss == again.loss != 0
        np.testing.assert_array_equal(found["input"], again["input"])
    scores = [{"type": "flatten"}, {"type": "dense", "weight": {"random": {"features": 4}}}]
    by_class = client.backward(x, scores, loss=CrossEntropy(np.array([1, 3])))
    assert by_class.loss == client.backward(x, scores, loss=CrossEntropy([1, 3])).loss


def test_codes_come_back_as_the_values_they_stand_for(client: Client, x: np.ndarray) -> None:
    layers = [Conv2d(KERNEL)]
    exact = client.forward(x, layers).output
    coded = client.forward(x, layers, returning={"dtype": "uint16"}).output
    assert coded.dtype == np.float32
    step = np.ptp(exact, axis=(2, 3)).max() / 65535
    assert 0 < np.abs(coded - exact).max() <= step
    none = client.forward(x[:0], layers, returning={"dtype": "uint8"}).output
    assert (none.shape, none.dtype) == ((0, *exact.shape[1:]), np.float32)
    nowhere = {"dtype": "uint8", "channels": []}
    assert client.forward(x, layers, returning=nowhere).output.shape == (2, 0, *exact.shape[2:])


def test_answers_come_as_files_too(client: Client, picture: bytes, x: np.ndarray) -> None:
    layers = [Conv2d(KERNEL, padding="same")]
    exact = client.forward(x, layers).output
    with np.load(io.BytesIO(client.forward_file(x, layers, form="npz"))) as archive:
        np.testing.assert_array_equal(archive["layers.0"], exact)
    one = {"channels": [1]}
    drawn = client.forward_file(x[:1], layers, returning=one, render={"colormap": "viridis"})
    assert Pillow.open(io.BytesIO(drawn)).size == (9, 8)
    heat = client.backward_file(x[:1], layers, loss=L2(), returning=one)
    assert Pillow.open(io.BytesIO(heat)).size == (9, 8)
    edges = client.convolve_file(picture, "sobel_x", render={"legend": True}, color="gray")
    assert Pillow.open(io.BytesIO(edges)).size == (120, 9 + 24)
    assert Pillow.open(io.BytesIO(client.gradient_file(picture, "box"))).size == (17, 11)


def test_what_the_server_tells_of_itself(client: Client) -> None:
    assert client.alive()
    assert client.ready()
    assert "convscope_" in client.metrics()
    assert client.sample("cat")[:2] in (b"\xff\xd8", b"\x89P")
    assert client.openapi()["info"]["title"] == "Convscope"


def test_refusal_tells_status_and_pointers(client: Client, x: np.ndarray) -> None:
    with pytest.raises(Invalid, match="Stride is 0") as refused:
        client.forward(x, [{"type": "conv2d", "kernel": KERNEL, "stride": 0}])
    assert refused.value.status == 422
    assert [one["pointer"] for one in refused.value.errors] == ["/layers/0/stride"]
    assert refused.value.request_id


def test_arrays_of_any_real_type_travel(client: Client) -> None:
    for dtype in (np.bool_, np.int8, np.uint64, np.float16, np.longdouble, ">f4"):
        sent = np.arange(6).reshape(2, 3).astype(dtype)
        found = client.forward(sent, [{"type": "identity"}]).output[0, 0]
        np.testing.assert_array_equal(found, sent.astype(np.float32))
    with pytest.raises(TypeError, match="complex128"):
        client.forward(np.ones((2, 2), complex), [{"type": "identity"}])


def test_record_is_an_input(client: Client, picture: bytes) -> None:
    image = client.upload(picture)
    assert isinstance(image, Image)
    loss = {"type": "mse", "target": image}
    assert client.backward(image, [{"type": "identity"}], loss=loss).loss == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("wire", ["uint8", "uint16"])
def test_maps_that_travel_in_few_bits_come_out_as_what_was_computed_in(
    client: Client, x: np.ndarray, dtype: Any, wire: Any
) -> None:
    moved = x.astype(np.float64) * 1e-6 + 3  # steps that float32 cannot tell apart
    maps = client.forward(moved, [{"type": "identity"}], dtype=dtype, returning={"dtype": wire})
    upstream = {"type": "upstream", "values": moved}
    found = client.backward(
        moved, [{"type": "identity"}], loss=upstream, dtype=dtype, returning={"dtype": wire}
    )
    for values, told in (
        (maps.output, maps.layers[0]),
        (found["input"], found.envelope["gradients"][0]),
    ):
        assert values.dtype == dtype
        steps = np.reshape(told["scale"], (2, 3, 1, 1))
        rounding = np.finfo(dtype).eps * 4
        assert (abs(values - moved) <= 0.51 * steps + rounding).all()
