"""Long work: taken on, watched, fetched, stopped."""

import io
import json
import logging
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.imaging import png
from app.service.errors import NotFound
from app.service.jobs import runner
from app.service.jobs.results import archive
from app.service.jobs.store import JobStore
from app.settings import Settings
from app.web import describing, job_schemas
from tests.web.api.calling import Api, assert_problem
from tests.web.shell.asking import served

BLUR = {"type": "conv2d", "kernel": [[1, 2, 1], [2, 4, 2], [1, 2, 1]], "padding": "same"}
PLAIN: dict[str, Any] = {"kind": "apply", "images": [{"sample": "camera"}], "layers": [BLUR]}
# Enough arithmetic for some seconds a picture, in steps that can be interrupted.
LONG = {
    **PLAIN,
    "layers": [
        {"type": "conv2d", "kernel": {"random": {"filters": 64, "size": 31}}, "padding": "same"},
        {"type": "conv2d", "kernel": {"random": {"filters": 64, "size": 31}}, "padding": "same"},
    ],
    "return": {"max_side": 8},
}


class Working(Api):
    """An API whose jobs are computed."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.app.state.job_runner.start()

    def close(self) -> None:
        self.app.state.job_runner.stop()
        self.app.state.job_decoding.close()
        super().close()

    def upload(self, pixels: Any) -> str:
        answer = self.request("POST", "/images", content=png(pixels))
        return str(answer.json()["id"])

    def ended(self, body: Any) -> dict[str, Any]:
        answer = self.post("/jobs", body)
        assert answer.status_code == 202, answer.text
        return self.until(answer.json()["id"], lambda job: job["ended"])

    def until(self, job_id: str, condition: Callable[[Any], Any]) -> dict[str, Any]:
        end = time.monotonic() + 60
        while not condition(job := self.get(f"/jobs/{job_id}").json()):
            assert time.monotonic() < end, job
            time.sleep(0.02)
        return job  # type: ignore[no-any-return]

    def archive(self, job_id: str) -> zipfile.ZipFile:
        answer = self.get(f"/jobs/{job_id}/results")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/zip"
        return zipfile.ZipFile(io.BytesIO(answer.content))


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Working]:
    api = Working(Settings(store_dir=tmp_path_factory.mktemp("jobs")))
    yield api
    api.close()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Working]]:
    made = []

    def build(**limits: Any) -> Working:
        made.append(Working(Settings(store_dir=tmp_path / str(len(made)), **limits)))
        return made[-1]

    yield build
    for one in made:
        one.close()


def read_events(answer: httpx.Response) -> list[tuple[str, str, Any]]:
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in answer.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields["event"], fields["id"], json.loads(fields["data"])))
    return found


def test_example_runs_and_is_told_in_the_described_shapes(working: Working) -> None:
    told = working.get("/openapi.json").json()["paths"]["/api/v1/jobs"]["post"]
    content = told["requestBody"]["content"]["application/json"]
    assert set(content["examples"]) == set(describing.JOB_EXAMPLES)
    assert set(content["schema"]["discriminator"]["mapping"]) == {"apply"}
    for example in content["examples"].values():
        answer = working.post("/jobs", example["value"])
        assert answer.status_code == 202
        job_schemas.JobDetails.model_validate_json(answer.content)
        job_id = answer.json()["id"]
        assert answer.headers["location"] == f"/api/v1/jobs/{job_id}"
        ended = working.until(job_id, lambda job: job["ended"])
        assert ended["state"] == "done"
        assert ended["pictures"]["done"] == ended["pictures"]["total"] == 2
        listed = working.get("/jobs")
        job_schemas.JobsAnswer.model_validate_json(listed.content)
        assert listed.json()["jobs"][0]["id"] == job_id


def test_results_are_those_of_single_requests(working: Working, rng: np.random.Generator) -> None:
    pixels = [rng.integers(0, 256, (20 + index, 31, 3), np.uint8) for index in range(3)]
    ids = [working.upload(one) for one in pixels]
    body = {
        **PLAIN,
        "name": "Blurred / photos",
        "images": [{"image": one, "name": f"photo {index}"} for index, one in enumerate(ids)],
        "input": {"color": "rgb", "range": "signed", "max_side": 25},
        "forms": ["png", "npz"],
        "render": {"legend": True},
    }
    ended = working.ended(body)
    archive = working.archive(ended["id"])
    assert archive.testzip() is None
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["job"] == ended
    assert [one["image"] for one in manifest["pictures"]] == ids
    assert ended["bytes"] == sum(
        size for one in manifest["pictures"] for size in one["files"].values()
    )
    for index, image in enumerate(ids):
        single = {
            "input": {"image": image, "range": "signed", "max_side": 25},
            "layers": [BLUR],
            "render": {"legend": True},
        }
        drawn = working.post("/forward", single, "image/png").content
        assert archive.read(f"photo {index}.png") == drawn
        numbers = np.load(io.BytesIO(working.post("/forward", single, "application/x-npz").content))
        kept = np.load(io.BytesIO(archive.read(f"photo {index}.npz")))
        np.testing.assert_array_equal(kept["layers.0"], numbers["layers.0"])
        assert json.loads(str(kept["response"]))["layers"][0]["type"] == "conv2d"
    sent = working.get(f"/jobs/{ended['id']}/results").headers["content-disposition"]
    assert sent == 'attachment; filename="Blurred-photos.zip"'


def test_broken_picture_among_others_is_told_and_loses_nothing_else(
    working: Working, rng: np.random.Generator
) -> None:
    sizes = [(20, 30), (5, 6), (21, 30)]
    ids = [working.upload(rng.integers(0, 256, size, np.uint8)) for size in sizes]
    narrow = {"type": "conv2d", "kernel": np.ones((9, 9)).tolist()}
    ended = working.ended({**PLAIN, "images": [{"image": one} for one in ids], "layers": [narrow]})
    assert ended["state"] == "done"
    assert ended["pictures"] == {"total": 3, "waiting": 0, "running": 0, "done": 2, "failed": 1}
    (fault,) = ended["faults"]
    assert (fault["number"], fault["name"]) == (1, ids[1][:16])
    assert "9" in fault["detail"]
    archive = working.archive(ended["id"])
    assert sorted(archive.namelist()) == sorted(
        ["manifest.json", f"{ids[0][:16]}.npz", f"{ids[2][:16]}.npz"]
    )
    assert json.loads(archive.read("manifest.json"))["pictures"][1]["fault"] == fault["detail"]


def test_tensors_of_the_request_are_still_there_when_it_is_computed(
    working: Working, rng: np.random.Generator
) -> None:
    kernel = rng.normal(size=(4, 1, 3, 3)).astype(np.float32)
    layer = {"type": "conv2d", "kernel": {"tensor": "k"}}
    body = {**PLAIN, "input": {"color": "gray", "max_side": 30}, "layers": [layer]}
    answer = working.post_tensors("/jobs", body, k=kernel)
    assert answer.status_code == 202, answer.text
    ended = working.until(answer.json()["id"], lambda job: job["ended"])
    kept = np.load(io.BytesIO(working.archive(ended["id"]).read("camera.npz")))
    source = {"sample": "camera", "color": "gray", "max_side": 30}
    single = {"input": source, "layers": [{"type": "conv2d", "kernel": kernel.tolist()}]}
    numbers = working.post("/forward", single, "application/x-npz")
    expected = np.load(io.BytesIO(numbers.content))["layers.0"]
    np.testing.assert_array_equal(kept["layers.0"], expected)


def test_events_tell_everything_at_once_and_end_with_the_job(working: Working) -> None:
    body = {**PLAIN, "images": [{"sample": "camera"}, {"sample": "cat"}] * 4, "forms": ["png"]}
    job_id = working.post("/jobs", body).json()["id"]
    seen = read_events(working.get(f"/jobs/{job_id}/events"))
    assert [name for name, _, _ in seen[:-1]] == ["progress"] * (len(seen) - 1)
    name, number, last = seen[-1]
    assert name == "end"
    assert last["pictures"]["done"] == 8
    assert last["rate"] > 0
    assert [int(one) for _, one, _ in seen] == sorted(int(one) for _, one, _ in seen)
    for _, _, told in seen:
        job_schemas.JobAnswer.model_validate(told, strict=False)
    path = f"/jobs/{job_id}/events"
    assert working.get(path, **{"last-event-id": number}).status_code == 204
    again = read_events(working.get(path, **{"last-event-id": "1"}))
    assert again == [seen[-1]]


def test_running_job_is_watched_cancelled_and_forgotten(make: Callable[..., Working]) -> None:
    api = make(job_slots=1)
    body = {**LONG, "images": [{"sample": "camera"}] * 5}
    job_id = api.post("/jobs", body).json()["id"]
    running = api.until(job_id, lambda job: job["pictures"]["running"])
    assert running["state"] == "running"
    assert running["eta"] is None
    problem = assert_problem(api.get(f"/jobs/{job_id}/results"), 409)
    assert "0 of 5" in problem["detail"]
    started = time.monotonic()
    cancelled = api.request("POST", f"/jobs/{job_id}/cancel").json()
    assert (cancelled["state"], cancelled["pictures"]["waiting"]) == ("cancelled", 5)
    second = api.ended(PLAIN)
    assert time.monotonic() - started < 5, "the only slot was free again at once"
    assert api.archive(job_id).namelist() == ["manifest.json"]
    assert api.request("DELETE", f"/jobs/{job_id}").status_code == 204
    for method, path in (("GET", ""), ("GET", "/events"), ("GET", "/results"), ("DELETE", "")):
        assert_problem(api.request(method, f"/jobs/{job_id}{path}"), 404)
    assert [job["id"] for job in api.get("/jobs").json()["jobs"]] == [second["id"]]


def test_request_does_not_wait_for_jobs(make: Callable[..., Working]) -> None:
    api = make(compute_slots=1, job_slots=2)
    job_id = api.post("/jobs", {**LONG, "images": [{"sample": "camera"}] * 4}).json()["id"]
    api.until(job_id, lambda job: job["pictures"]["running"])
    single = {"input": {"array": [[1, 2], [3, 4]]}, "layers": [{"type": "relu"}]}
    took = []
    for _ in range(5):
        started = time.monotonic()
        assert api.post("/forward", single).status_code == 200
        took.append(time.monotonic() - started)
    assert min(took) < 0.5
    assert api.get(f"/jobs/{job_id}").json()["pictures"]["running"] == 2


def test_picture_of_a_running_job_cannot_be_deleted(make: Callable[..., Working]) -> None:
    api = make(job_slots=0)
    image = api.upload(np.zeros((5, 6), np.uint8))
    job_id = api.post("/jobs", {**PLAIN, "images": [{"image": image}]}).json()["id"]
    assert_problem(api.request("DELETE", f"/images/{image}"), 409)
    api.request("DELETE", f"/jobs/{job_id}")
    assert api.request("DELETE", f"/images/{image}").status_code == 204


def test_same_key_again_is_the_same_job(make: Callable[..., Working]) -> None:
    api = make(job_slots=0)
    sent = [
        api.request("POST", "/jobs", json=PLAIN, headers={"idempotency-key": key} if key else {})
        for key in ("a", "a", "b", "", "")
    ]
    ids = [answer.json()["id"] for answer in sent]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


def test_same_key_again_is_the_same_job_when_its_pictures_are_gone(
    make: Callable[..., Working],
) -> None:
    api = make(job_slots=0)
    image = api.upload(np.zeros((5, 6), np.uint8))
    sent = {"json": {**PLAIN, "images": [{"image": image}]}, "headers": {"idempotency-key": "a"}}
    job_id = api.request("POST", "/jobs", **sent).json()["id"]
    api.request("POST", f"/jobs/{job_id}/cancel")
    assert api.request("DELETE", f"/images/{image}").status_code == 204
    again = api.request("POST", "/jobs", **sent)
    assert (again.status_code, again.json()["id"]) == (202, job_id)


@pytest.mark.parametrize(
    ("changed", "status", "pointer"),
    [
        ({"kind": "train"}, 422, "/kind"),
        ({"kind": None}, 422, "/kind"),
        ({"images": []}, 422, "/images"),
        ({"images": [{}]}, 422, "/images/0"),
        ({"images": [{"sample": "cat", "image": "0" * 64}]}, 422, "/images/0"),
        ({"images": [{"sample": "cat", "name": "../cat"}]}, 422, "/images/0/name"),
        ({"images": [{"sample": "cat", "name": ".."}]}, 422, "/images/0/name"),
        ({"images": [{"sample": "cat", "name": "a\nb"}]}, 422, "/images/0/name"),
        ({"images": [{"sample": "cat"}] * 4}, 422, "/images"),
        ({"input": {"sample": "cat"}}, 422, "/input/sample"),
        ({"return": {"layers": [0, 4]}}, 422, "/return/layers/1"),
        ({"return": {"channels": [3]}}, 422, "/return/channels/0"),
        ({"forms": []}, 422, "/forms"),
        ({"forms": ["png", "png"]}, 422, "/forms"),
        ({"forms": ["gif"]}, 422, "/forms/0"),
        ({"layers": [{**BLUR, "stride": 0}]}, 422, "/layers/0/stride"),
        ({"layers": [{**BLUR, "kernel": {"preset": "nothing"}}]}, 422, "/layers/0/kernel/preset"),
        ({"surprise": 1}, 422, "/surprise"),
    ],
)
def test_illegal_job_is_refused_where_it_is_wrong(
    make: Callable[..., Working], changed: Any, status: int, pointer: str
) -> None:
    api = make(job_items=3, job_slots=0)
    assert_problem(api.post("/jobs", {**PLAIN, **changed}), status, pointer)
    assert api.get("/jobs").json() == {"jobs": []}


def test_job_on_an_unknown_picture_or_sample_is_not_found(make: Callable[..., Working]) -> None:
    api = make(job_slots=0)
    missing = [{"sample": "cat"}, {"image": "0" * 64}]
    problem = assert_problem(api.post("/jobs", {**PLAIN, "images": missing}), 404)
    assert "/images/1" in problem["detail"]
    assert_problem(api.post("/jobs", {**PLAIN, "images": [{"sample": "nothing"}]}), 404)
    assert_problem(api.post_text("/jobs", "{"), 400)
    answer = api.request("POST", "/jobs", content=b"x", headers={"content-type": "text/plain"})
    assert_problem(answer, 415)


def test_quotas_are_told_as_429_with_a_time(make: Callable[..., Working]) -> None:
    api = make(job_slots=0, jobs=1)
    first = api.post("/jobs", PLAIN).json()["id"]
    answer = api.post("/jobs", PLAIN)
    assert assert_problem(answer, 429)["limit"] == 1
    assert int(answer.headers["retry-after"]) > 0
    api.request("DELETE", f"/jobs/{first}")
    assert api.post("/jobs", PLAIN).status_code == 202

    small = make(job_slots=0, results_bytes=5 * 2**20)
    assert small.post("/jobs", PLAIN).status_code == 202
    problem = assert_problem(small.post("/jobs", PLAIN), 429)
    assert problem["limit"] == 5 * 2**20 < problem["actual"]
    never = {**PLAIN, "images": [{"sample": "camera"}] * 9}
    assert_problem(small.post("/jobs", never), 422, "/images")


def test_number_of_watchers_is_bounded(make: Callable[..., Working]) -> None:
    api = make(job_slots=0, job_streams=1)
    job_id = api.post("/jobs", PLAIN).json()["id"]
    api.app.state.job_streams = 1
    answer = api.get(f"/jobs/{job_id}/events")
    assert_problem(answer, 503)
    assert answer.headers["retry-after"]


def test_picture_that_takes_too_long_is_stopped_and_the_next_one_begun(
    make: Callable[..., Working],
) -> None:
    api = make(job_item_seconds=0.3, job_slots=1)
    slow = api.ended(LONG)
    assert slow["pictures"]["failed"] == 1
    assert "0.3 s" in slow["faults"][0]["detail"]
    assert api.ended({**PLAIN, "input": {"max_side": 20}})["pictures"]["done"] == 1


def test_full_disk_is_told_and_the_job_goes_on_when_there_is_room(
    make: Callable[..., Working], monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.service.jobs import claims

    monkeypatch.setattr(runner, "REST_SECONDS", 0.05)
    api = make(job_slots=1)

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(claims, "write_synced", full)
        job_id = api.post("/jobs", PLAIN).json()["id"]
        stalled = api.until(job_id, lambda job: job["trouble"])
        assert "disk" in stalled["trouble"]
        assert stalled["pictures"]["failed"] == 0
    ended = api.until(job_id, lambda job: job["ended"])
    assert (ended["pictures"]["done"], ended["trouble"]) == (1, "")


def test_failure_that_nobody_foresaw_is_one_pictures_fault(
    make: Callable[..., Working], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = make(job_slots=1)
    with monkeypatch.context() as patched:
        patched.setattr(runner, "compute_item", lambda *_, **__: 1 / 0)
        ended = api.ended(PLAIN)
    assert re.search("did not foresee", ended["faults"][0]["detail"])
    assert api.ended(PLAIN)["pictures"]["done"] == 1


def test_job_that_is_deleted_while_its_results_are_sent_breaks_them_off_in_one_line(
    make: Callable[..., Working], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    api = make()
    store: JobStore = api.app.state.jobs
    job = api.ended({**PLAIN, "images": [{"sample": "camera"}, {"sample": "cat"}]})
    where = store.path

    def deleted_meanwhile(job_id: str, number: int, ending: str) -> Path:
        if number == 1:
            store.remove(job_id)
        return where(job_id, number, ending)

    monkeypatch.setattr(store, "path", deleted_meanwhile)
    told: list[Any] = []  # by uvicorn
    monkeypatch.setattr(
        logging.getLogger("uvicorn.error"), "error", lambda *some, **_: told.append(some)
    )
    with served(api) as address, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{address}/api/v1/jobs/{job['id']}/results")
    (line,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert "broke off: The job was removed while its results were sent." in line.getMessage()
    assert not line.exc_info
    assert not told


def test_archive_of_a_job_that_is_gone_is_none(working: Working) -> None:
    job_id = working.ended(PLAIN)["id"]
    job = working.app.state.jobs.get(job_id)
    working.app.state.jobs.remove(job_id)
    with pytest.raises(NotFound, match="removed"):
        next(archive(working.app.state.jobs, job, {}))
