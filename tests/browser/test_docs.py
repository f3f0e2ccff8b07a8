"""The API's description: one site with the lab, in its theme."""

import pytest
from playwright.sync_api import expect

from tests.browser.lab import Lab

PAPER = "() => getComputedStyle(document.querySelector('.swagger-ui')).backgroundColor"
PAPERS = {"light": "rgb(251, 251, 250)", "dark": "rgb(22, 23, 25)"}
# What most letters of Swagger UI inherit, which its style sheet has in two colours.
IS_LIGHT = """() => {
  const told = document.querySelector('#swagger-ui .opblock-tag-section');
  return Math.min(...getComputedStyle(told).color.match(/\\d+/g)) > 128;
}"""


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
def test_docs_have_the_header_and_the_theme_of_the_lab(blank: Lab, scheme: str, other: str) -> None:
    page = blank.page
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{blank.base_url}/docs")
    expect(page.get_by_role("navigation").locator("[aria-current]")).to_have_text("API")
    assert page.evaluate(PAPER) == PAPERS[scheme]
    page.locator(".opblock").first.wait_for()
    assert page.evaluate(IS_LIGHT) == (scheme == "dark")
    page.get_by_role("link", name="Lab").click()
    blank.by_id("theme").click()
    page.get_by_role("link", name="API").click()
    page.locator(".opblock").first.wait_for()
    assert page.evaluate(PAPER) == PAPERS[other]
    assert page.evaluate(IS_LIGHT) == (other == "dark")
