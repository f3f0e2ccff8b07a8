"""Names that are HTML: of layers in a link, of files, of jobs; the page shows them as they are."""

import json

from playwright.sync_api import FilePayload, expect

from tests.browser.lab import Lab, link
from tests.browser.test_jobs import forget_all

HOSTILE = "<img src=x onerror=\"document.title='taken'\"><b id=injected>name</b>{{7*7}}${7*7}"


def test_names_that_are_html_are_shown_as_text_and_never_become_elements(blank: Lab) -> None:
    forget_all(blank)
    api, page = f"{blank.base_url}/api/v1", blank.page
    layer = {"type": "conv2d", "kernel": [[1, 2], [3, 4]], "name": HOSTILE}
    state = {"input": {"sample": "camera", "color": "gray"}, "layers": [layer]}
    told = page.request.post(f"{api}/shapes", data=state)
    assert told.headers["content-type"] == "application/json"
    assert told.headers["x-content-type-options"] == "nosniff"
    assert json.loads(told.text())["layers"][0]["name"] == HOSTILE
    refused = page.request.post(f"{api}/shapes", data={**state, HOSTILE: 1})
    assert refused.status == 422
    job = {"kind": "apply", "name": HOSTILE, "images": [{"sample": "cat"}], "layers": [layer]}
    assert page.request.post(f"{api}/jobs", data=job).status == 202
    blank.open(link(state))
    expect(blank.cell(0, 0)).to_have_value("1")
    blank.by_id("jobs").click()
    expect(blank.by_id("job")).to_contain_text(HOSTILE)
    file: FilePayload = {"name": HOSTILE + ".png", "mimeType": "image/png", "buffer": b"nothing"}
    blank.by_id("job-files").set_input_files([file])
    expect(page.get_by_role("dialog")).to_contain_text("The content is not a picture")
    expect(page.get_by_role("dialog")).to_contain_text("{{7*7}}${7*7}")
    expect(page.locator("#injected")).to_have_count(0)
    expect(page.locator("img[src=x]")).to_have_count(0)
    assert "taken" not in page.title()
