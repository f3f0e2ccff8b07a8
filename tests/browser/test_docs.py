"""The API's description: one site with the lab, in its theme."""

from playwright.sync_api import expect

from tests.browser.lab import Lab

PAPER = "() => getComputedStyle(document.querySelector('.swagger-ui')).backgroundColor"
LIGHT, DARK = "rgb(251, 251, 250)", "rgb(22, 23, 25)"
# What most letters of Swagger UI inherit, which its style sheet has in two colours.
IS_LIGHT = """() => {
  const told = document.querySelector('#swagger-ui .opblock-tag-section');
  return Math.min(...getComputedStyle(told).color.match(/\\d+/g)) > 128;
}"""


def test_docs_have_the_header_and_the_theme_of_the_lab(blank: Lab) -> None:
    page = blank.page
    letters = page.locator(".opblock").first
    page.emulate_media(color_scheme="dark")
    page.goto(f"{blank.base_url}/docs")
    expect(page.get_by_role("navigation").locator("[aria-current]")).to_have_text("API")
    assert page.evaluate(PAPER) == DARK
    letters.wait_for()
    assert page.evaluate(IS_LIGHT)
    page.get_by_role("link", name="Lab").click()
    blank.by_id("theme").click()
    page.get_by_role("link", name="API").click()
    letters.wait_for()
    assert page.evaluate(PAPER) == LIGHT
    assert not page.evaluate(IS_LIGHT)
    # The other way round: as the system wishes, then as it was chosen.
    page.evaluate("localStorage.clear()")
    page.emulate_media(color_scheme="light")
    page.reload()
    assert page.evaluate(PAPER) == LIGHT
    blank.by_id("theme").click()
    assert page.evaluate(PAPER) == DARK
    letters.wait_for()
    assert page.evaluate(IS_LIGHT)
