"""Uploads and samples over HTTP."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.imaging.pictures import encoded, noise, png_chunk, png_of
from tests.web.api.calling import assert_problem
from tests.web.shell.asking import Shell, chunks
from tests.web.shell.conftest import MakeShell

IMAGES = "/api/v1/images"


@pytest.fixture
def content() -> bytes:
    return encoded(noise(30, 41, 3), "PNG")


def test_upload_answers_with_its_record_and_location(shell: Shell, content: bytes) -> None:
    answer = shell.upload(content)
    record = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{IMAGES}/{record['id']}"
    assert record == {
        "id": record["id"],
        "width": 41,
        "height": 30,
        "channels": 3,
        "mode": "RGB",
        "format": "PNG",
        "bytes": len(content),
        "conversions": [],
    }
    assert shell.get(answer.headers["location"]).json() == record


def test_same_bytes_again_answer_200_and_the_same_id(shell: Shell, content: bytes) -> None:
    first = shell.upload(content)
    form = shell.ask("POST", IMAGES, files={"file": ("other name.gif", content, "image/gif")})
    assert form.status_code == 200
    assert form.json() == first.json()


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\x01b", "<script>alert(1)</script>", "ö"])
def test_file_name_is_never_a_path_and_never_comes_back(
    shell: Shell, content: bytes, tmp_path: Path, name: str
) -> None:
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    answer = shell.ask("POST", IMAGES, files={"file": (name, content)})
    assert answer.status_code == 201
    assert name not in answer.text
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert {path.name for path in new} == {answer.json()["id"]}


def test_content_is_the_upright_picture_without_metadata(shell: Shell) -> None:
    upright = noise(30, 41, 3)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 3, "secret place"
    stored = np.ascontiguousarray(upright[::-1, ::-1])
    answer = shell.upload(encoded(stored, "PNG", exif=exif))
    content = shell.get(answer.headers["location"] + "/content")
    assert content.headers["content-type"] == "image/png"
    assert b"secret" not in content.content
    image = Image.open(io.BytesIO(content.content))
    np.testing.assert_array_equal(np.asarray(image), upright)
    assert not image.getexif()


def test_content_shrinks_to_max_side(shell: Shell, content: bytes) -> None:
    location = shell.upload(content).headers["location"]
    small = shell.get(f"{location}/content?max_side=20")
    assert Image.open(io.BytesIO(small.content)).size == (20, 15)


@pytest.mark.parametrize(
    "max_side", ["0", "-1", "big", "1e3", "99999999999999999999", "16385", "1_0", "", "%D9%A3"]
)
def test_illegal_max_side_is_pointed_at(shell: Shell, content: bytes, max_side: str) -> None:
    location = shell.upload(content).headers["location"]
    answer = shell.get(f"{location}/content?max_side={max_side}")
    problem = assert_problem(answer, 422, "/query/max_side")
    assert "Expected an integer from 1 to 16384" in problem["errors"][0]["detail"]
    assert problem["detail"].endswith(".")
    assert not problem["detail"].endswith("..")


def test_the_largest_side_is_legal(shell: Shell, content: bytes) -> None:
    location = shell.upload(content).headers["location"]
    assert shell.get(f"{location}/content?max_side=16384").status_code == 200


def test_parameters_that_are_unknown_or_repeated_are_refused(shell: Shell, content: bytes) -> None:
    location = shell.upload(content).headers["location"]
    unknown = assert_problem(shell.get(f"{location}/content?side=9"), 422, "/query/side")
    assert "legal: max_side" in unknown["detail"]
    twice = shell.get(f"{location}/content?max_side=9&max_side=9")
    assert "2 times" in assert_problem(twice, 422, "/query/max_side")["detail"]
    both = assert_problem(shell.get(f"{location}/content?max_side=9&max_side=8&x=1&%3Cb%3E=2"), 422)
    told = [error["pointer"] for error in both["errors"]]
    assert told == ["/query/max_side", "/query/x", "/query"]
    assert "<b>" not in both["detail"]


@pytest.mark.parametrize("address", ["/samples", "/kernels", "/limits"])
def test_addresses_without_parameters_take_none(shell: Shell, address: str) -> None:
    assert_problem(shell.get(f"/api/v1{address}?page=2"), 422, "/query/page")


def test_deleted_and_guessed_ids_answer_alike(shell: Shell, content: bytes) -> None:
    location = shell.upload(content).headers["location"]
    assert shell.ask("DELETE", location).status_code == 204
    bodies = set()
    for image_id in (location.rsplit("/", 1)[1], "0" * 64, "..%2f..%2fetc%2fpasswd", "%00", "x"):
        for method, suffix in (("GET", ""), ("DELETE", ""), ("GET", "/content")):
            answer = shell.ask(method, f"{IMAGES}/{image_id}{suffix}")
            problem = assert_problem(answer, 404)
            if image_id.startswith(".."):
                # A slash makes it another address altogether.
                continue
            bodies.add(json.dumps({**problem, "instance": "", "request_id": ""}))
    assert len(bodies) == 1


def test_there_is_no_list_of_uploads(shell: Shell) -> None:
    assert_problem(shell.get(IMAGES), 405)


@pytest.mark.parametrize("suffix", ["", "/content"])
def test_known_content_is_not_sent_again(shell: Shell, content: bytes, suffix: str) -> None:
    location = shell.upload(content).headers["location"] + suffix
    etag = shell.get(location).headers["etag"]
    again = shell.get(location, **{"if-none-match": f'"other", W/{etag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert shell.get(location, **{"if-none-match": '"other"'}).status_code == 200
    shell.ask("DELETE", location.removesuffix("/content"))
    assert shell.get(location, **{"if-none-match": etag}).status_code == 404


@pytest.mark.parametrize(
    "content",
    [b"%!PS-Adobe", b"<svg/>", b"\x93NUMPY\x01\0", b"PK\x03\x04", b"\x80\x04\x95"],
    ids=["eps", "svg", "npy", "npz", "pickle"],
)
def test_no_picture_answers_415_with_what_is_accepted(shell: Shell, content: bytes) -> None:
    answer = shell.ask("POST", IMAGES, files={"file": ("cat.png", content, "image/png")})
    problem = assert_problem(answer, 415)
    assert problem["accepted"] == ["PNG", "JPEG", "WebP", "GIF", "BMP", "TIFF"]


def test_bomb_answers_422_with_limit_and_actual(shell: Shell) -> None:
    bomb = png_of(8192, 8192, png_chunk(b"IDAT", b""))
    problem = assert_problem(shell.upload(bomb), 422)
    assert (problem["limit"], problem["actual"]) == (50_000_000, 8192**2)


def test_truncated_picture_answers_422_and_is_not_kept(shell: Shell, content: bytes) -> None:
    assert_problem(shell.upload(content[:-300]), 422)
    assert shell.app.state.pictures.store.usage() == (0, 0)


def form_body(content: bytes, *, end: bytes = b"\r\n--b--\r\n", name: bytes = b"file") -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="' + name + b'"; filename="a"\r\n\r\n'
    return head + content + end


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", form_body(b"x")),
        ("multipart/form-data; boundary=", form_body(b"x")),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"\0\1garbage"),
        ("multipart/form-data; boundary=b", form_body(noise(3, 4).tobytes(), end=b"")),
        ("multipart/form-data; boundary=b", form_body(b"x", name=b"picture")),
        ("multipart/form-data; boundary=b", form_body(b"x", end=b"\r\n") + form_body(b"y")),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="k"\r\n\r\nv\r\n' + form_body(b"x"),
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nv\r\n--b--\r\n',
        ),
        ("multipart/form-data; boundary=b", form_body(b"")),
        ("multipart/mixed; boundary=b", form_body(b"x")),
        ("multipart/form-data; boundary=b; charset=undefined", form_body(b"x")),
        ("image/png", b""),
    ],
    ids=[
        "no boundary",
        "empty boundary",
        "empty",
        "garbage",
        "cut",
        "other field",
        "two files",
        "extra field",
        "no file",
        "empty file",
        "not form-data",
        "codec that fails",
        "empty raw body",
    ],
)
def test_odd_upload_answers_400_that_says_so(shell: Shell, content_type: str, body: bytes) -> None:
    answer = shell.upload(body, **{"content-type": content_type})
    problem = assert_problem(answer, 400)
    assert len(problem["detail"]) > 30 or "Too many" in problem["detail"]


def test_multipart_body_may_say_that_it_is_utf8(shell: Shell, content: bytes) -> None:
    content_type = "multipart/form-data; boundary=b; charset=UTF-8"
    answer = shell.upload(form_body(content), **{"content-type": content_type})
    assert answer.status_code == 201


def test_body_at_the_limit_passes_and_one_byte_more_does_not(
    make_shell: MakeShell, content: bytes
) -> None:
    exact = make_shell(upload_bytes=len(content))
    assert exact.upload(content).status_code == 201
    problem = assert_problem(exact.upload(content + b"\0"), 413)
    assert (problem["limit"], problem["actual"]) == (len(content), len(content) + 1)


def test_undeclared_body_is_read_no_further_than_its_limit(make_shell: MakeShell) -> None:
    shell = make_shell(upload_bytes=100_000)
    taken = 0

    def endless() -> object:
        nonlocal taken
        while taken < 50_000_000:
            taken += 10_000
            yield bytes(10_000)

    answer = shell.ask("POST", IMAGES, content=chunks(endless()))
    assert_problem(answer, 413)
    assert answer.headers["connection"] == "close"
    assert shell.app.state.pictures.store.usage() == (0, 0)


def test_body_declared_too_long_is_refused_by_its_word(make_shell: MakeShell) -> None:
    shell = make_shell(upload_bytes=1_000)
    body = chunks([bytes(10)])
    answer = shell.ask("POST", IMAGES, content=body, headers={"content-length": "5000000"})
    assert assert_problem(answer, 413)["actual"] == 5_000_000


def test_body_longer_than_it_declares_is_stopped_all_the_same(make_shell: MakeShell) -> None:
    shell = make_shell(upload_bytes=1_000)
    body = chunks([bytes(900), bytes(900)])
    answer = shell.ask("POST", IMAGES, content=body, headers={"content-length": "900"})
    assert_problem(answer, 413)


def test_json_has_a_smaller_limit_than_uploads(make_shell: MakeShell) -> None:
    shell = make_shell(upload_bytes=100_000, json_bytes=1_000)
    large = {"input": {"array": [[1.0] * 1_000]}, "layers": []}
    problem = assert_problem(shell.ask("POST", "/api/v1/forward", json=large), 413)
    assert problem["limit"] == 1_000


def test_bodies_of_all_requests_together_have_a_limit(make_shell: MakeShell) -> None:
    shell = make_shell(bodies_bytes=10_000, upload_bytes=50_000)
    answer = shell.upload(bytes(20_000))
    assert_problem(answer, 503)
    assert answer.headers["retry-after"]
    # What a refused body held is given back.
    assert_problem(shell.upload(bytes(9_000)), 415)
    assert_problem(shell.upload(bytes(9_000)), 415)


def test_store_over_its_quota_answers_507(make_shell: MakeShell, content: bytes) -> None:
    shell = make_shell(store_bytes=len(content) - 1)
    assert_problem(shell.upload(content), 507)


def test_samples_are_listed_with_licence_and_source(shell: Shell) -> None:
    listed = shell.get("/api/v1/samples").json()["samples"]
    assert {"astronaut", "chessboard", "pixel", "notes-1d", "notes-2d"} <= {
        one["name"] for one in listed
    }
    for one in listed:
        assert one["title"]
        assert one["licence"]
        assert one["source"]
        assert (one["kind"] == "array") == ("array" in one) == ("url" not in one)


def test_every_sample_picture_is_served_at_its_url(shell: Shell) -> None:
    for one in shell.get("/api/v1/samples").json()["samples"]:
        if one["kind"] == "picture":
            answer = shell.get(one["url"])
            assert answer.headers["content-type"] in ("image/jpeg", "image/png")
            assert Image.open(io.BytesIO(answer.content)).size == (one["width"], one["height"])
            assert (
                shell.get(one["url"], **{"if-none-match": answer.headers["etag"]}).status_code
                == 304
            )


@pytest.mark.parametrize("name", ["nothing", "notes-1d", "..%2fLICENCES.md"])
def test_what_is_no_sample_picture_answers_404(shell: Shell, name: str) -> None:
    assert_problem(shell.get(f"/api/v1/samples/{name}/content"), 404)
