"""Many pictures from the page: sent, computed, fetched, stopped."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import FilePayload, expect

from tests.browser.arithmetic import Array
from tests.browser.axe import violations
from tests.browser.conftest import Encode
from tests.browser.lab import Lab, link


def files(encode: Encode, count: int, side: int = 40) -> list[FilePayload]:
    rng = np.random.default_rng(3)
    return [
        {
            "name": f"shot {number}.png",
            "mimeType": "image/png",
            "buffer": encode(rng.integers(0, 256, (side, side + 9), np.uint8), "PNG"),
        }
        for number in range(count)
    ]


def forget_all(lab: Lab) -> None:
    api = lab.page.request
    for job in api.get(f"{lab.base_url}/api/v1/jobs").json()["jobs"]:
        api.delete(f"{lab.base_url}/api/v1/jobs/{job['id']}")


def test_several_pictures_become_a_job_whose_results_are_downloaded(
    blank: Lab, encode: Encode, tmp_path: Path
) -> None:
    forget_all(blank)
    kernel = [[0, 1, 0], [0, 0, 0], [0, -1, 0]]
    layers = [{"type": "conv2d", "kernel": kernel, "padding": "same"}, {"type": "relu"}]
    state: dict[str, Any] = {"input": {"sample": "camera", "color": "gray"}, "layers": layers}
    blank.open(link(state))
    blank.by_id("jobs").click()
    broken: FilePayload = {"name": "no.png", "mimeType": "image/png", "buffer": b"no picture"}
    empty: FilePayload = {"name": "void.png", "mimeType": "image/png", "buffer": b""}
    blank.by_id("job-files").set_input_files([*files(encode, 3), broken, empty])
    job = blank.by_id("job")
    expect(job).to_have_attribute("data-state", "done")
    expect(blank.by_id("job-progress")).to_contain_text("3 of 3")
    expect(blank.by_id("job-left")).to_contain_text("no.png The content is not a picture")
    expect(blank.by_id("job-left")).to_contain_text("void.png It is empty")
    assert violations(blank.page) == []
    with blank.page.expect_download() as download:
        blank.by_id("job-results").click()
    assert download.value.suggested_filename == "Convolution-ReLU.zip"
    download.value.save_as(tmp_path / "results.zip")
    with zipfile.ZipFile(tmp_path / "results.zip") as results:
        names = {f"shot {number}.{form}" for number in range(3) for form in ("npz", "png")}
        assert set(results.namelist()) == {"manifest.json", *names}
        with results.open("shot 1.npz") as file:
            maps: Array = np.load(file)["layers.1"]
    assert maps.shape == (1, 1, 40, 49)
    assert maps.min() == 0 < maps.max()
    blank.by_id("job-delete").click()
    expect(job).to_have_count(0)


def test_job_goes_on_over_a_reload_and_is_cancelled(blank: Lab, encode: Encode) -> None:
    forget_all(blank)
    wide = {"random": {"filters": 64, "size": [31, 31], "init": "he_normal", "seed": 1}}
    narrow = {"type": "conv2d", "kernel": np.ones((15, 15)).tolist()}
    body = {
        "kind": "apply",
        "name": "slow",
        "images": [{"sample": "camera", "name": "a"}, {"sample": "cat"}, {"sample": "camera"}],
        "layers": [{"type": "conv2d", "kernel": wide, "padding": "same"}] * 2,
        "return": {"max_side": 8},
    }
    jobs = f"{blank.base_url}/api/v1/jobs"
    picture = files(encode, 1, side=9)[0]["buffer"]
    small = blank.page.request.post(f"{blank.base_url}/api/v1/images", data=picture).json()["id"]
    images = [{"image": small, "name": "too small"}, {"sample": "cat", "name": "large"}]
    mixed = {**body, "name": "mixed", "images": images, "layers": [narrow]}
    assert blank.page.request.post(jobs, data=mixed).status == 202
    slow = blank.page.request.post(jobs, data=body).json()["id"]
    blank.open()
    expect(blank.by_id("jobs")).to_contain_text("%")  # what other pages have begun is seen here
    blank.by_id("jobs").click()
    row = blank.by_id("job").filter(has_text="slow")
    expect(row).to_have_attribute("data-state", "running")
    other = blank.by_id("job").filter(has_text="mixed")
    expect(other).to_have_attribute("data-state", "done")
    expect(other.get_by_test_id("job-progress")).to_contain_text("1 of 2 · 1 failed")
    other.get_by_test_id("job-faults").locator("summary").click()
    expect(other.get_by_test_id("job-faults")).to_contain_text("too small")
    expect(other.get_by_test_id("job-faults")).to_contain_text("15")
    blank.page.reload()
    blank.by_id("jobs").click()
    row.get_by_test_id("job-cancel").click()
    expect(row).to_have_attribute("data-state", "cancelled")
    expect(row.get_by_test_id("job-progress")).to_contain_text("cancelled at")
    assert blank.page.request.get(f"{jobs}/{slow}").json()["state"] == "cancelled"
    row.get_by_test_id("job-delete").click()
    expect(row).to_have_count(0)
