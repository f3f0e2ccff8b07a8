"""What the page's "Copy as PyTorch" gives, run as it stands, against the page's own numbers."""

import contextlib
import io
import os
import tempfile

import numpy as np

from tests.serving import serving
from tests.snippets.cases import PLAIN
from tests.snippets.numbers import Asked, agree, both_ways
from tests.snippets.writing import written


def compare() -> tuple[int, list[str]]:
    """Return how many scripts were run, and what was wrong with them, a line each."""
    with tempfile.TemporaryDirectory() as folder, serving(CONVSCOPE_STORE_DIR=folder) as server:
        asked = list(both_ways(server, PLAIN))
        texts = written([{"language": "pytorch", "question": one.question} for one in asked])
        problems = [
            f"PyTorch script: {one.name}: {why}"
            for one, told in zip(asked, texts, strict=True)
            if (why := wrong(one, told))
        ]
    return len(asked), problems


def wrong(asked: Asked, told: dict[str, str]) -> str:
    """Return what is wrong with a script, or nothing."""
    if "why" in told:
        return told["why"]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with contextlib.redirect_stdout(io.StringIO()):
            # What a person would do with it.
            exec(compile(told["text"], asked.name, "exec"), {})  # noqa: S102
        try:
            for file, values in asked.numbers.items():
                agree(np.load(os.path.join(folder, f"{file}.npy")), values)
        except AssertionError as error:
            return str(error)
    return ""
