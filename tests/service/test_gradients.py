"""Gradients that are asked for again: what is computed once, what is forgotten."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.engine.layers import Conv2d
from app.engine.losses import L2, Loss, Sum
from app.service import compute as computing
from app.service.compute import Compute
from app.service.errors import NotFound
from app.service.pictures import Pictures
from app.service.specs import ArrayInput, LossSpec, PictureInput, PictureLoss, Spec
from app.service.store import ImageStore
from app.settings import Settings
from tests.imaging.pictures import read_small

KERNEL = np.array([[0, 1, -2], [3, 0.5, 1], [1, 1, -1]], np.float32)
VALUES = np.random.default_rng(3).normal(size=(1, 2, 9, 7)).astype(np.float32)
WANTED = ("input", "layers.0.kernel")
ONE_RESULT = 4 * (VALUES.size + 2 * KERNEL.size)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Loss]:
    """The losses that were carried back, one for each time."""
    found: list[Loss] = []
    plain = computing.backward

    def counted(tape: Any, loss: Loss, wanted: Any) -> Any:
        found.append(loss)
        return plain(tape, loss, wanted)

    monkeypatch.setattr(computing, "backward", counted)
    return found


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Compute]:
    def build(**limits: int) -> Compute:
        settings = Settings(store_dir=tmp_path, **limits)
        store = ImageStore(tmp_path, quota=10**9, days=1)
        return Compute(settings, Pictures(store, read_small, 10**8))

    return build


def ask(
    compute: Compute, loss: LossSpec, change: float = 0, wanted: tuple[str, ...] = WANTED
) -> dict[str, np.ndarray]:
    layers = (Conv2d(KERNEL + np.float32(change), padding="same"),)
    return compute.backward(Spec(ArrayInput(VALUES), layers, VALUES.dtype), loss, wanted).gradients


def test_gradients_asked_for_again_are_computed_once_and_are_the_same(
    make: Callable[..., Compute], runs: list[Loss]
) -> None:
    compute, fresh = make(), make(gradient_bytes=0)
    for loss, change in ((Sum(), 0), (L2(), 0), (Sum(), 1)):
        first, again = ask(compute, loss, change), ask(compute, loss, change)
        cold = ask(fresh, loss, change)
        for name in WANTED:
            assert again[name] is first[name]
            np.testing.assert_array_equal(again[name], cold[name])
    assert len(runs) == 6
    ask(compute, Sum(), wanted=("input",))
    assert len(runs) == 7
    ask(fresh, Sum())
    assert len(runs) == 8  # nothing is kept where nothing may be


def test_gradients_used_longest_ago_make_room(
    make: Callable[..., Compute], runs: list[Loss]
) -> None:
    compute = make(gradient_bytes=2 * ONE_RESULT)
    for change in (0, 1, 0, 2):
        ask(compute, Sum(), change)
    assert len(runs) == 3
    ask(compute, Sum(), 0)
    assert len(runs) == 3
    ask(compute, Sum(), 1)
    assert len(runs) == 4
    many = make()
    for change in range(9):
        ask(many, Sum(), change)
    runs.clear()
    ask(many, Sum(), 8)
    assert not runs
    ask(many, Sum(), 0)
    assert len(runs) == 1


def test_gradients_of_a_target_that_was_deleted_are_gone(make: Callable[..., Compute]) -> None:
    compute = make()
    content = io.BytesIO()
    Image.fromarray(np.arange(63, dtype=np.uint8).reshape(9, 7)).save(content, "PNG")
    record, _ = compute._pictures.upload(content.getvalue())
    loss = PictureLoss(PictureInput(image=record.id, color="gray"))
    spec = Spec(ArrayInput(VALUES[:, :1]), (Conv2d(KERNEL, padding="same"),), VALUES.dtype)
    compute.backward(spec, loss, WANTED)
    compute._pictures.delete(record.id)
    with pytest.raises(NotFound):
        compute.backward(spec, loss, WANTED)
