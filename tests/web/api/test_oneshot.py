"""POST /convolve and /gradient: one picture, one layer, one form."""

import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from app.engine.convolution import conv2d, conv2d_backward
from tests.web.api.calling import Api, assert_problem

SOBEL = "[[-1,0,1],[-2,0,2],[-1,0,1]]"
KERNEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)[None, None]


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (9, 14, 3), np.uint8)


@pytest.fixture(scope="module")
def picture(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def call(
    api: Api, route: str, picture: bytes, accept: str = "*/*", **fields: str
) -> httpx.Response:
    files = {"image": ("photo.png", picture, "image/png")}
    return api.request("POST", route, files=files, data=fields, headers={"accept": accept})


def test_answer_is_a_picture_by_default(api: Api, picture: bytes) -> None:
    answer = call(api, "/convolve", picture, kernel=SOBEL, padding="same", color="gray")
    assert answer.status_code == 200
    drawn = Image.open(io.BytesIO(answer.content))
    assert (drawn.format, drawn.size) == ("PNG", (14, 9))


def test_numbers_are_those_of_the_engine(api: Api, picture: bytes, pixels: np.ndarray) -> None:
    fields = {"kernel": SOBEL, "stride": "[1,2]", "padding": "[[1,0],[2,1]]", "range": "byte"}
    answer = call(api, "/convolve", picture, "application/json", **fields)
    x = np.moveaxis(pixels, 2, 0)[None].astype(np.float32)
    full = np.repeat(KERNEL, 3, axis=0)
    expected = conv2d(x, full, stride=(1, 2), padding=((1, 0), (2, 1)), groups=3)
    np.testing.assert_allclose(answer.json()["layers"][0]["data"], expected, rtol=1e-5)


def test_every_field_of_the_layer_counts(api: Api, picture: bytes) -> None:
    def values(**fields: str) -> Any:
        answer = call(api, "/convolve", picture, "application/json", kernel=SOBEL, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()["layers"][0]["data"]

    plain = values()
    for fields in (
        {"bias": "[1,2,3]"},
        {"stride": "2"},
        {"padding": "1"},
        {"padding": "full", "padding_mode": "replicate"},
        {"dilation": "2"},
        {"flip": "true"},
        {"color": "gray"},
        {"range": "signed"},
        {"max_side": "7"},
        {"dtype": "float64"},
    ):
        assert values(**fields) != plain, fields
    assert values(groups="3") == plain


def test_gradient_is_that_of_the_loss(api: Api, picture: bytes, pixels: np.ndarray) -> None:
    fields = {"kernel": SOBEL, "loss": "l2", "range": "byte"}
    answer = call(api, "/gradient", picture, "application/json", **fields)
    x = np.moveaxis(pixels, 2, 0)[None].astype(np.float32)
    full = np.repeat(KERNEL, 3, axis=0)
    maps = conv2d(x, full, groups=3)
    expected = conv2d_backward(maps, x, full, groups=3).input
    np.testing.assert_allclose(answer.json()["gradients"][0]["data"], expected, rtol=1e-4, atol=0.5)


def test_gradient_is_drawn_as_one_heat_map(api: Api, picture: bytes) -> None:
    answer = call(api, "/gradient", picture, kernel="sobel_x", loss='{"type": "mean"}')
    assert Image.open(io.BytesIO(answer.content)).size == (14, 9)


def test_render_fields_change_the_picture(api: Api, picture: bytes) -> None:
    plain = call(api, "/convolve", picture, kernel="box").content
    for fields in ({"colormap": "magma"}, {"legend": "true"}, {"overlay": "0.5"}, {"columns": "1"}):
        assert call(api, "/convolve", picture, kernel="box", **fields).content != plain


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({}, "/kernel"),
        ({"kernel": "[[1,true]]"}, "/kernel/0/1"),
        ({"kernel": "[[1,2"}, "/kernel"),
        ({"kernel": "nonsense"}, "/kernel"),
        ({"kernel": '{"preset": "nonsense"}'}, "/kernel/preset"),
        ({"kernel": '{"random": {"filters": 0}}'}, "/kernel/random/filters"),
        ({"kernel": "[[NaN]]"}, "/kernel/0/0"),
        ({"kernel": "box", "stride": "0"}, "/stride"),
        ({"kernel": "box", "stride": "two"}, "/stride"),
        ({"kernel": "box", "padding": "sane"}, "/padding"),
        ({"kernel": "box", "flip": "1"}, "/flip"),
        ({"kernel": "box", "color": "cmyk"}, "/color"),
        ({"kernel": "box", "max_side": "0"}, "/max_side"),
        ({"kernel": "box", "dtype": "int8"}, "/dtype"),
        ({"kernel": "box", "colormap": "jet"}, "/colormap"),
        ({"kernel": "box", "overlay": "2"}, "/overlay"),
        ({"kernel": "box", "strides": "1"}, "/strides"),
        ({"kernel": "box", "loss": "sum"}, "/loss"),
        ({"kernel": "box", "stride": "65"}, "/stride"),
    ],
)
def test_illegal_field_is_refused_at_its_name(
    api: Api, picture: bytes, fields: dict[str, str], pointer: str
) -> None:
    problem = assert_problem(call(api, "/convolve", picture, **fields), 422, pointer)
    assert "layers" not in problem["detail"]


def test_a_field_that_is_no_json_is_named(api: Api, picture: bytes) -> None:
    problem = assert_problem(call(api, "/convolve", picture, kernel="box", stride="[1,"), 422)
    (error,) = problem["errors"]
    assert error["pointer"] == "/stride"
    assert error["detail"].startswith("The field stride is not valid JSON: ")


def test_a_loss_by_a_wrong_name_is_refused_at_its_field(api: Api, picture: bytes) -> None:
    for loss, pointer in (("total", "/loss"), ('{"type": "total"}', "/loss/type")):
        problem = assert_problem(call(api, "/gradient", picture, kernel="box", loss=loss), 422)
        assert [error["pointer"] for error in problem["errors"]] == [pointer]
        assert "upstream" in problem["detail"]


def test_illegal_loss_is_refused_at_its_name(api: Api, picture: bytes) -> None:
    loss = '{"type": "sum", "select": {"rows": [0, 99]}}'
    answer = call(api, "/gradient", picture, kernel="box", loss=loss)
    assert_problem(answer, 422, "/loss/select/rows")


def test_content_that_is_no_picture_is_refused(api: Api, picture: bytes) -> None:
    assert_problem(call(api, "/convolve", b"%PDF-1.7", kernel="box"), 415)
    assert_problem(call(api, "/convolve", picture[:60], kernel="box"), 422)
    assert_problem(call(api, "/convolve", b"", kernel="box"), 400)


def test_body_that_is_no_whole_form_is_refused(api: Api, picture: bytes) -> None:
    assert_problem(api.post("/convolve", {"kernel": [[1]]}, "*/*"), 415)
    whole = httpx.Request(
        "POST", "http://127.0.0.1", files={"image": picture}, data={"kernel": "box"}
    )
    content, kind = whole.read(), {"content-type": whole.headers["content-type"]}
    for cut in (content[:-20], content[:200], b"garbage"):
        assert_problem(api.request("POST", "/convolve", content=cut, headers=kind), 400)
    bare = {"content-type": "multipart/form-data"}
    assert_problem(api.request("POST", "/convolve", content=content, headers=bare), 400)
    for files in ({"photo": picture}, [("image", picture), ("image", picture)]):
        answer = api.request("POST", "/convolve", files=files, data={"kernel": "box"})
        assert_problem(answer, 400)
    answer = api.request(
        "POST", "/convolve", files={"image": picture}, data={"kernel": ["box", "box"]}
    )
    assert_problem(answer, 400)


def test_form_that_cannot_be_made_is_406(api: Api, picture: bytes) -> None:
    assert_problem(call(api, "/convolve", picture, "text/html", kernel="box"), 406)


def test_heat_map_of_a_photo_needs_no_memory_for_channels_it_does_not_draw(narrow: Any) -> None:
    # As many bytes a pixel as 1 GiB gives to each of a phone photo's 12.2 million.
    api = narrow(working_bytes=1000 * 750 * 2**30 // (3024 * 4032))
    stream = io.BytesIO()
    Image.new("RGB", (1000, 750), (9, 99, 199)).save(stream, "PNG")
    photo, fields = stream.getvalue(), {"kernel": SOBEL, "padding": "same"}
    answer = call(api, "/gradient", photo, **fields)
    assert answer.status_code == 200, answer.text
    assert_problem(call(api, "/gradient", photo, "application/json", **fields), 422)
