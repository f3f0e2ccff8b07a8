"""What axe finds on a page, of any impact."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# Of the rules that are off unless asked for, the one on what a finger can hit.
OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


def violations(page: Page) -> list[str]:
    """Each violation with its elements."""
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [
        f"{one['impact']}: {one['id']}: {[node['html'] for node in one['nodes']]}" for one in found
    ]
