"""The page for everyone: the keyboard alone, no sideways scrolling, and nothing from outside."""

from playwright.sync_api import Locator, expect

from tests.browser.lab import Lab

MOST_TABS = 120
# Of a phone, the page scrolls within the window.
WIDEST = """Math.max(...['html', '.page', 'main'].map(
  (place) => document.querySelector(place).scrollWidth))"""


def test_page_never_scrolls_sideways(lab: Lab) -> None:
    source = lab.by_id("about-input").get_by_role("link")
    expect(source).to_have_text("NASA")
    lab.by_id("sample").select_option(label="Printed text, unevenly lit")  # its source is long
    expect(source).to_have_text("en.wikipedia.org")
    expect(source).to_have_attribute("href", "https://en.wikipedia.org/wiki/File:Corner.png")
    expect(lab.by_id("map-size")).to_have_text("172 × 448")
    lab.by_id("kernel-cols").fill("9")
    lab.by_id("gradient").click()
    expect(lab.by_id("kernel-gradient-0-8")).to_be_attached()
    for width in (1440, 1024, 768, 390, 320):
        lab.page.set_viewport_size({"width": width, "height": 800})
        assert lab.page.evaluate(WIDEST) <= width


def tab_to(lab: Lab, wanted: Locator) -> None:
    """Press Tab until `wanted` has the focus."""
    for _ in range(MOST_TABS):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        lab.page.keyboard.press("Tab")
    raise AssertionError(f"{MOST_TABS} tabs do not reach {wanted}")


def test_keyboard_alone_works_a_session(lab: Lab) -> None:
    keys = lab.page.keyboard
    tab_to(lab, lab.by_id("rgb"))
    keys.press("Enter")
    expect(lab.by_id("rgb")).to_have_attribute("aria-pressed", "true")
    tab_to(lab, lab.by_id("file"))
    tab_to(lab, lab.by_id("sample"))
    keys.type("Che")
    expect(lab.by_id("map-size")).to_have_text("300 × 451")
    tab_to(lab, lab.by_id("layer-0"))
    tab_to(lab, lab.by_id("add-layer"))
    keys.type("max")  # on the closed control: nothing is chosen by it
    keys.press("Enter")
    expect(lab.by_id("add-conv2d")).to_be_focused()
    expect(lab.by_id("layer-1")).to_have_count(0)
    keys.press("m")
    expect(lab.by_id("add-max_pool2d")).to_be_focused()
    keys.press("Enter")
    expect(lab.by_id("layer-1")).to_contain_text("3 × 150 × 225")
    expect(lab.by_id("add-layer")).to_be_focused()
    tab_to(lab, lab.by_id("preset"))
    tab_to(lab, lab.cell(0, 0))
    keys.press("ArrowUp")
    expect(lab.cell(0, 0)).to_have_value("0")
    tab_to(lab, lab.by_id("stride"))
    keys.press("ArrowUp")
    expect(lab.by_id("map-size")).to_have_text("100 × 150")
    tab_to(lab, lab.by_id("gradient"))
    keys.press("Enter")
    expect(lab.by_id("kernel-gradient-0-0")).to_be_visible()
    tab_to(lab, lab.by_id("loss"))
    tab_to(lab, lab.focus)
    keys.press("ArrowLeft")
    expect(lab.by_id("arithmetic")).to_contain_text("dL/dInput")
    tab_to(lab, lab.by_id("colors"))
    tab_to(lab, lab.by_id("thumb-2"))
    keys.press("Enter")
    expect(lab.by_id("thumb-2")).to_have_attribute("aria-pressed", "true")
    keys.press("Control+z")
    expect(lab.by_id("thumb-0")).to_have_attribute("aria-pressed", "true")
    tab_to(lab, lab.by_id("theme"))
    keys.press("Enter")
    expect(lab.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_session_sends_nothing_elsewhere_and_keeps_the_policy(
    lab: Lab, photo: bytes, outside: list[str]
) -> None:
    lab.page.evaluate(
        """() => {
          window.broken = [];
          document.addEventListener('securitypolicyviolation', (event) =>
            window.broken.push([event.violatedDirective, event.blockedURI]));
        }"""
    )
    lab.choose_file("cat.jpg", "image/jpeg", photo)
    expect(lab.by_id("map-size")).to_have_text("300 × 451")
    lab.focus.press("ArrowDown")
    expect(lab.by_id("pointed-value")).to_be_visible()
    lab.by_id("gradient").click()
    expect(lab.by_id("kernel-gradient-0-0")).to_be_visible()
    lab.by_id("theme").click()
    assert lab.page.evaluate("window.broken") == []
    assert outside == []


def test_theme_is_remembered(lab: Lab) -> None:
    lab.by_id("theme").click()
    expect(lab.page.locator("html")).to_have_attribute("data-theme", "dark")
    lab.page.reload()
    expect(lab.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_map_stays_where_it_is_when_the_arithmetic_appears(lab: Lab) -> None:
    ways = lab.page.get_by_text("for patch × kernel, term by term")
    expect(ways).to_be_visible()
    before = lab.resting_box(lab.focus)
    lab.focus.hover()
    expect(ways).to_have_count(0)
    expect(lab.by_id("pointed-value")).to_be_visible()
    assert lab.resting_box(lab.focus) == before
