"""What "Copy as" gives is run as it stands, and must give the numbers that the page shows."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.serving import ROOT
from tests.snippets.cases import COLOUR, PLAIN
from tests.snippets.numbers import Asked, agree, ask, backward, both_ways, forward
from tests.snippets.shell import run_commands
from tests.snippets.writing import question, written


def run(text: str, folder: Path) -> None:
    """Run a script in a process of its own, which knows where the client is."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-"],
        input=text,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def as_one(texts: list[str]) -> str:
    """Scripts as one that runs each in a folder of its own: an import of NumPy takes longer."""
    parts = ["import os"]
    for at, text in enumerate(texts):
        parts += [f"os.mkdir('{at}')", f"os.chdir('{at}')"]
        parts += [f"exec(compile({text!r}, 'script {at}', 'exec'), {{}})", "os.chdir('..')"]
    return "\n".join(parts)


def gives(folder: Path, numbers: dict[str, Any]) -> None:
    for file, values in numbers.items():
        agree(np.load(folder / f"{file}.npy"), values)


def test_numpy_scripts_give_the_numbers_of_the_page(server: str, tmp_path: Path) -> None:
    asked = list(both_ways(server))
    answers = written([{"language": "numpy", "question": one.question} for one in asked])
    texts = [answer.get("text", answer.get("why", "")) for answer in answers]
    run(as_one(texts), tmp_path)
    wrong = []
    for at, (one, text) in enumerate(zip(asked, texts, strict=True)):
        try:
            gives(tmp_path / str(at), one.numbers)
        except AssertionError as error:
            wrong.append(f"{one.name}: {error}\n{text}")
    assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="module")
def few(server: str) -> list[Asked]:
    """A few networks, for what only carries a request along."""
    stack = PLAIN["random weights and two layers"]
    spec = {"input": stack[0], "layers": stack[1]}
    maps, told = forward(server, "maps of a stack", spec)
    photo = PLAIN["a photo, small and coloured"]
    picture, _ = forward(server, "a photo", {"input": photo[0], "layers": photo[1]})
    loss = {"type": "l2", "select": {"layer": 0, "channels": [2]}}
    inner = backward(server, "inner maps of a stack", spec, told, {"type": "l2"}, at=1)
    return [maps, picture, backward(server, "a stack", spec, told, loss), inner]


def test_client_scripts_give_the_numbers_of_the_page(few: list[Asked], tmp_path: Path) -> None:
    answers = written([{"language": "client", "question": one.question} for one in few])
    run(as_one([answer["text"] for answer in answers]), tmp_path)
    for at, one in enumerate(few):
        for file, values in one.numbers.items():
            found = np.load(tmp_path / str(at) / f"{file}.npy")
            np.testing.assert_array_equal(found, np.asarray(values, np.float32))


def test_curl_commands_write_the_numbers_and_the_picture(few: list[Asked], tmp_path: Path) -> None:
    render = {"colormap": "gray", "center": None}
    answers = written(
        [{"language": "curl", "question": one.question, "render": render} for one in few]
    )
    for at, (one, answer) in enumerate(zip(few, answers, strict=True)):
        folder = tmp_path / str(at)
        folder.mkdir()
        run_commands(answer["text"], folder)
        gradient = one.question["mode"] == "gradient"
        with np.load(folder / "found.npz") as found:
            layer, channel = one.question["layer"], one.question["channel"]
            inner = one.question["gradientAt"]
            name = "input" if inner < 0 else f"layers.{inner}.output"
            values = found[name][0, channel] if gradient else found[f"layers.{layer}"][0, 0]
            np.testing.assert_array_equal(values, np.asarray(one.numbers["found"], np.float32))
            if gradient:
                kernel = np.asarray(one.numbers["found-kernel"], np.float32)
                np.testing.assert_array_equal(found["layers.0.kernel"], kernel)
        with Image.open(folder / "found.png") as picture:
            levels = np.asarray(picture.convert("L"), float)
        ends = levels[values == values.min()], levels[values == values.max()]
        assert levels.shape == values.shape
        assert (ends[0].max(), ends[1].min()) == (0, 255)


def test_what_cannot_be_written_is_said_in_one_sentence(server: str) -> None:
    source, layers = COLOUR, [{"type": "relu"}]
    spec = {"input": source, "layers": layers}
    told = ask(server, "/forward", spec)
    named = {"input": source, "layers": [{"type": "conv2d", "kernel": {"preset": "box"}}]}
    other = {"type": "cross_entropy", "target": 1}
    questions = [
        ("pytorch", question(named, ask(server, "/forward", named))),
        ("numpy", question(spec, told, loss=other)),
    ]
    answers = written([{"language": name, "question": one} for name, one in questions])
    for answer, word in zip(answers, ("name", "cross_entropy"), strict=True):
        assert answer.keys() == {"why"}
        assert word in answer["why"]
        assert answer["why"].endswith(".")
