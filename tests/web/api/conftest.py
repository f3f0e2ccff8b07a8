"""Fixtures of the API's tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.settings import Settings
from tests.web.api.calling import Api


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The API with its default limits."""
    api = Api(Settings(store_dir=tmp_path_factory.mktemp("store")))
    yield api
    api.close()


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Any]:
    """Make an API with limits of the test's choice."""
    made = []

    def make(**limits: Any) -> Api:
        made.append(Api(Settings(store_dir=tmp_path / str(len(made)), **limits)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
