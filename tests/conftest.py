"""Fixtures shared by the rooms: a real server on a free port, a real Chromium, a fresh page."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.chromium import chromium
from tests.serving import serving

# Every server that a test starts would compile the application anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_xdist_auto_num_workers() -> int:
    """One more than processors, as tests of the page mostly wait; four take memory enough."""
    return min((os.cpu_count() or 1) + 1, 4)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what needs the browser last: Playwright's event loop then runs in the tests' thread.

    No other loop can be started there, as `asyncio.run` would.
    """
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of a server of its own process, with a store of its own."""
    with serving(CONVSCOPE_STORE_DIR=str(tmp_path_factory.mktemp("store"))) as base_url:
        yield base_url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all browser tests."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One profile for all tests, whose cache spares each of them the loading of the scripts."""
    # Tests route requests as the page sends them: no worker may stand between.
    profile = browser.new_context(viewport={"width": 1440, "height": 900}, service_workers="block")
    yield profile
    profile.close()


@pytest.fixture
def page(context: BrowserContext, server: str) -> Iterator[Page]:
    """A page with nothing stored; an uncaught error of the page fails the test."""
    fresh = context.new_page()
    errors: list[str] = []
    fresh.on("pageerror", lambda error: errors.append(str(error)))
    yield fresh
    stored = {"origin": server, "storageTypes": "local_storage"}
    context.new_cdp_session(fresh).send("Storage.clearDataForOrigin", stored)
    fresh.close()
    context.clear_permissions()
    assert not errors, errors
