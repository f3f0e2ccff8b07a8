"""The examples of the README and of the engine's guide run as they stand, on the tests' server."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.curl import curl

ROOT = Path(__file__).parents[1]
ENGINE_GUIDE = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"


def examples(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def check_prints_its_comments(example: str) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example, "example", "exec"), {})  # noqa: S102
    assert printed.getvalue().splitlines() == re.findall(r"# (.*)$", example, flags=re.MULTILINE)


def test_curl_example_writes_the_edges_of_a_photo(server: str, tmp_path: Path) -> None:
    photo = np.zeros((20, 31), np.uint8)
    photo[:, 12:] = 200
    Image.fromarray(photo).save(tmp_path / "photo.jpg", quality=95)
    (command,) = examples("sh")
    program, *words = shlex.split(command.replace(ADDRESS, server))
    assert program == "curl"
    assert curl(words, tmp_path) == 0
    with Image.open(tmp_path / "edges.png") as edges:
        pixels = np.asarray(edges.convert("RGB"), np.int32)
    red_channel = pixels[:20, :31]  # the first of a map for each colour, side by side
    contrast = np.abs(red_channel[10] - red_channel[10, 5]).sum(axis=-1)
    assert int(contrast[:-1].argmax()) in (11, 12)


def test_python_example_prints_what_its_comments_say(server: str) -> None:
    (example,) = examples("python")
    check_prints_its_comments(example.replace(ADDRESS, server))


def test_engine_example_prints_what_its_comments_say() -> None:
    (example,) = examples("python", ENGINE_GUIDE)
    check_prints_its_comments(example)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)[^):]*\)", README))))
def test_link_leads_to_a_file(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize("word", sorted(set(re.findall(r"`make ([a-z-]+)`", README))))
def test_make_word_exists(word: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{word}:", makefile, flags=re.MULTILINE)
