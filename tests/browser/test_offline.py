"""The page while its server is away, and after the server was upgraded."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.lab import Lab
from tests.serving import ROOT, free_port, serving

# The addresses of all that the browser keeps of the page, by the name of each store.
KEPT = """async () => {
  const kept = {};
  for (const name of await caches.keys())
    kept[name] = (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname);
  return kept;
}"""
IS_KEPT = "() => navigator.serviceWorker.controller?.state === 'activated'"

HAS_LEFT = """async (old) => {
  for (;;) {
    const now = await caches.keys();
    if (now.length === 1 && now[0] !== old) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}"""


@pytest.fixture
def own_page(browser: Browser) -> Iterator[Page]:
    """A page of a profile of its own, whose workers may work."""
    profile = browser.new_context(viewport={"width": 1440, "height": 900})
    errors: list[str] = []
    page = profile.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    profile.close()
    assert not errors, errors


def upgraded(folder: Path) -> Path:
    """A copy of the project whose page and whose main module are others."""
    for name in ("app", "static", "templates"):
        shutil.copytree(ROOT / name, folder / name)
    page = folder / "templates" / "index.html"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("title = 'Convscope'", "title = 'Upgraded'"), encoding="utf-8")
    main = folder / "static" / "js" / "main.js"
    main.write_text(main.read_text(encoding="utf-8") + "document.body.dataset.new = 'yes';\n")
    return folder


def test_page_is_there_without_its_server_and_is_the_new_one_after_an_upgrade(
    own_page: Page, tmp_path: Path
) -> None:
    port, store = free_port(), {"CONVSCOPE_STORE_DIR": str(tmp_path / "store")}
    with serving(port=port, **store) as base_url:
        lab = Lab(own_page, base_url).open()
        own_page.wait_for_function(IS_KEPT)
        lab.by_id("stride").fill("2")
        lab.cell(1, 1).fill("7")
        lab.link_holds(mode="forward")
        lab.wait_until_exact()
        [(old, kept)] = own_page.evaluate(KEPT).items()
        assert {"/", "/lessons"} <= set(kept)
        assert [path for path in kept if urlsplit(path).path.startswith("/api")] == []
    # Away: the lessons are there, with their style sheet and their script.
    own_page.goto(f"{base_url}/lessons")
    expect(own_page.get_by_role("heading", name="Lessons")).to_be_visible()
    expect(own_page.get_by_role("main")).to_have_css("max-width", "1080px")
    expect(lab.by_id("theme")).to_be_visible()
    own_page.go_back()
    # What was set is there, and it is said what is not, and that nothing is lost.
    own_page.reload()
    alert = lab.maps.get_by_role("alert")
    expect(alert).to_contain_text("The server does not answer; it is asked again.")
    expect(alert).to_contain_text("Nothing you have set is lost")
    expect(lab.cell(1, 1)).to_have_value("7")
    expect(lab.by_id("stride")).to_have_value("2")
    expect(lab.by_id("no-picture")).to_contain_text("comes when the server answers again")
    lab.cell(0, 0).fill("5")
    # Back: all is computed and loaded, and nothing has to be done for it.
    with serving(port=port, **store):
        expect(lab.by_id("map-size")).to_have_text("256 × 256")
        expect(alert).to_have_count(0)
        expect(lab.by_id("no-picture")).to_have_count(0)
        expect(lab.by_id("sample").locator("option").nth(1)).to_be_attached()
        expect(lab.cell(0, 0)).to_have_value("5")
        assert own_page.title() == "Convscope"
    # Upgraded: never the old page, online or off.
    with serving(upgraded(tmp_path / "copy"), port=port, **store):
        own_page.reload()
        assert own_page.title() == "Upgraded"
        expect(own_page.locator("body[data-new]")).to_have_count(1)
        own_page.evaluate(HAS_LEFT, old)
    own_page.reload()
    assert own_page.title() == "Upgraded"
    expect(own_page.locator("body[data-new]")).to_have_count(1)
    expect(lab.cell(1, 1)).to_have_value("7")
