"""Two servers on one store: what one of them takes in or gives up is so at the other."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.imaging.pictures import encoded, noise
from tests.serving import serving
from tests.web.api.calling import assert_problem

FIT = 6


def picture(seed: int) -> bytes:
    """A picture like no other, in a file of one size: so it is plain how many the quota holds."""
    return encoded(noise(90, 100, 3, seed=seed), "BMP")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def pair(store: Path) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    shared = {
        "CONVSCOPE_STORE_DIR": str(store),
        "CONVSCOPE_STORE_BYTES": str(FIT * len(picture(0))),
        "CONVSCOPE_COMPUTE_SLOTS": "1",
    }
    with serving(**shared) as here, serving(**shared) as there:
        clients = [httpx.Client(base_url=f"{url}/api/v1", timeout=30) for url in (here, there)]
        yield clients[0], clients[1]
        for client in clients:
            client.close()


def upload(client: httpx.Client, seed: int) -> str:
    answer = client.post("/images", content=picture(seed))
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


def forward(client: httpx.Client, image_id: str) -> httpx.Response:
    network: dict[str, Any] = {"input": {"image": image_id}, "layers": [{"type": "relu"}]}
    return client.post("/forward", json={**network, "return": {"data": False}})


def test_upload_at_one_is_read_and_computed_on_and_deleted_at_the_other(
    pair: tuple[httpx.Client, httpx.Client],
) -> None:
    here, there = pair
    image_id = upload(here, 1)
    assert there.get(f"/images/{image_id}").json() == here.get(f"/images/{image_id}").json()
    assert there.post("/images", content=picture(1)).status_code == 200
    for client in pair:
        assert client.get(f"/images/{image_id}/content").status_code == 200
        assert forward(client, image_id).status_code == 200
    assert there.delete(f"/images/{image_id}").status_code == 204
    # What the other one still has in memory, decoded and computed, is as gone as the file.
    for client in pair:
        assert_problem(client.get(f"/images/{image_id}/content"), 404)
        assert_problem(forward(client, image_id), 404)
        assert_problem(client.delete(f"/images/{image_id}"), 404)


def test_quota_holds_for_both_together_and_the_longest_unused_goes_first(
    pair: tuple[httpx.Client, httpx.Client], store: Path
) -> None:
    uploaded = [upload(pair[seed % 2], seed) for seed in range(100, 100 + 2 * FIT)]
    assert {path.name for path in (store / "files").iterdir()} == set(uploaded[FIT:])
    for client in pair:
        statuses = [client.get(f"/images/{image_id}").status_code for image_id in uploaded]
        assert statuses == [404] * FIT + [200] * FIT


def test_pictures_that_go_while_they_are_read_are_whole_or_gone(
    pair: tuple[httpx.Client, httpx.Client], store: Path
) -> None:
    here, there = pair
    image_id = upload(here, 7)
    whole = here.get(f"/images/{image_id}/content").content
    ended, seen, wrong = threading.Event(), set[int](), list[str]()

    def read(client: httpx.Client) -> None:
        while not ended.is_set():
            for answer in (client.get(f"/images/{image_id}/content"), forward(client, image_id)):
                seen.add(answer.status_code)
                if answer.headers.get("content-type") == "image/png" and answer.content != whole:
                    wrong.append("another picture")

    readers = [threading.Thread(target=read, args=(client,)) for client in pair]
    for reader in readers:
        reader.start()
    for number in range(40):
        assert there.delete(f"/images/{image_id}").status_code in (204, 404)
        assert (here, there)[number % 2].post("/images", content=picture(7)).status_code == 201
    ended.set()
    for reader in readers:
        reader.join()
    assert seen == {200, 404}
    assert not wrong
    assert not list((store / "arriving").iterdir())
