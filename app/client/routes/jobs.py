"""The routes of long work: many pictures through one network."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from app.client.answers import Image, Job
from app.client.call import Call
from app.client.messages import packed
from app.client.routes.common import (
    API,
    SAFETENSORS,
    Dtype,
    Layers,
    Render,
    Return,
    as_job,
    as_nothing,
)

Picture = Image | str | Mapping[str, str]


def submit(
    images: Mapping[str, Picture] | Sequence[Picture],
    layers: Layers,
    *,
    name: str = "",
    reading: Mapping[str, Any] | None = None,
    dtype: Dtype = "float32",
    forms: Sequence[Literal["npz", "png"]] = ("npz",),
    returning: Return | None = None,
    render: Render | None = None,
) -> Call[Job]:
    """Have the server compute many pictures, one after another; ask for the job how far it is.

    Args:
        images: Uploads, their ids, or mappings such as `{"sample": "cat"}`; in a mapping by what
            their results are to be called.
        layers: A `Network`, or the layers as the spec writes them; arrays may be NumPy's.
        name: What to call the job.
        reading: How each picture is read: `color`, `range`, `max_side`.
        dtype: What is computed in.
        forms: Which files are made of each picture.
        returning: Which maps are kept, the last by default, and in which form.
        render: How values become colours.

    Raises:
        Invalid: The network is illegal for all pictures; `errors` points at each fault.
        NotFound: A picture is not there.
        OverQuota: There is no room for more jobs, or more results, now.
        ConvscopeError: As everywhere.
    """
    named = images.items() if isinstance(images, Mapping) else ((None, one) for one in images)
    fields = {
        "kind": "apply",
        "name": name,
        "images": [_picture(called, one) for called, one in named],
        "input": dict(reading or {}),
        "layers": layers,
        "dtype": dtype,
        "forms": list(forms),
        "return": returning,
        "render": render,
    }
    # Repeated, the request is still the same job.
    headers = {"Content-Type": SAFETENSORS, "Idempotency-Key": uuid.uuid4().hex}
    options = {"content": packed(fields.pop("input"), fields), "headers": headers}
    return Call("POST", f"{API}/jobs", as_job, options)


def _picture(called: str | None, picture: Picture) -> dict[str, str]:
    if isinstance(picture, Mapping):
        told = dict(picture)
    else:
        told = {"image": picture.id if isinstance(picture, Image) else picture}
    return told if called is None else {**told, "name": called}


def address(job: Job | str, below: str = "") -> str:
    """Return where a job is, or what is below it."""
    return f"{API}/jobs/{job.id if isinstance(job, Job) else quote(job, safe='')}{below}"


def jobs() -> Call[list[Job]]:
    """Return how far every job is, the latest first."""
    return Call("GET", f"{API}/jobs", lambda answer: [Job.of(one) for one in answer.json()["jobs"]])


def job(job: Job | str) -> Call[Job]:
    """Return how far a job is, with what is wrong with which picture.

    Raises:
        NotFound: There is none of this id.
    """
    return Call("GET", address(job), as_job)


def cancel_job(job: Job | str) -> Call[Job]:
    """Stop a job; what it has done is kept.

    Raises:
        NotFound: There is none of this id.
    """
    return Call("POST", address(job, "/cancel"), as_job)


def delete_job(job: Job | str) -> Call[None]:
    """Stop a job if it has not ended, and delete its results.

    Raises:
        NotFound: There is none of this id.
    """
    return Call("DELETE", address(job), as_nothing)
