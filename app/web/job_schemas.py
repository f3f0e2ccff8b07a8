"""Jobs as strict models: what may be asked for, and what is told of them."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from app.service.items import ItemWork
from app.service.jobs.job import Item, Job, Source, distinct
from app.service.specs import PictureInput
from app.settings import Settings
from app.web.answer_schemas import AnswerModel
from app.web.arrays import fault
from app.web.fields import Strict, told
from app.web.input_schemas import Name, as_tuple
from app.web.schemas import Layers, PictureFields, RenderModel, ReturnModel

LONGEST_NAME = 120
# What some file system or shell reads as more than a name.
UNSAFE = frozenset('/\\:*?"<>|')
MOST_FAULTS = 1000


def _printable(name: str) -> str:
    if not name.isprintable():
        raise fault("A name consists of printable characters.")
    return name


def _file_name(name: str) -> str:
    if UNSAFE & set(name) or name.startswith((".", " ")) or name.endswith((".", " ")):
        raise fault(
            "The name is to be one of a file: without any of " + " ".join(sorted(UNSAFE)) + ", and "
            "no dot or space at either end."
        )
    return name


Title = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(_printable)]
FileName = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_NAME),
    AfterValidator(_printable),
    AfterValidator(_file_name),
]


class JobPicture(Strict):
    """One picture: an upload or a sample; exactly one of them."""

    image: Annotated[Name | None, told("the id of an upload, a string")] = None
    sample: Annotated[Name | None, told("the name of a sample of GET /samples")] = None
    name: Annotated[
        FileName | None, told("what its results are called, by default after its id or sample")
    ] = None

    @model_validator(mode="after")
    def _exactly_one_source(self) -> "JobPicture":
        given = [one for one in (self.image, self.sample) if one is not None]
        if len(given) != 1:
            named = f"{len(given)} sources" if given else "no source"
            raise fault(f"The picture names {named}; give one of image, sample.")
        return self

    def called(self) -> str:
        """Return what its results are called."""
        return self.name or (self.sample or self.image or "")[:16]


def _each_once(forms: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(forms)) < len(forms):
        raise fault("Each form is named once.")
    return forms


class ApplyJob(Strict):
    """Many pictures through one spec; `input` says how each of them is read."""

    kind: Literal["apply"]
    name: Title = ""
    images: Annotated[
        tuple[JobPicture, ...],
        BeforeValidator(as_tuple),
        Field(min_length=1),
        told("a list of at least one picture, each an object with the field image or sample"),
    ]
    input: PictureFields = PictureFields()
    layers: Layers
    dtype: Literal["float32", "float64"] = "float32"
    returning: Annotated[ReturnModel, Field(alias="return")] = ReturnModel()
    render: RenderModel = RenderModel()
    forms: Annotated[
        tuple[Literal["npz", "png"], ...],
        BeforeValidator(as_tuple),
        Field(min_length=1),
        AfterValidator(_each_once),
        told('a list of "npz", "png" or both'),
    ] = ("npz",)

    def to_sources(self) -> tuple[Source, ...]:
        """Return the pictures as the service's values, each called differently."""
        names = distinct(one.called() for one in self.images)
        return tuple(
            Source(name=name, image=one.image, sample=one.sample)
            for name, one in zip(names, self.images, strict=True)
        )

    def to_work(self, settings: Settings) -> ItemWork:
        """Return what is computed of each picture."""
        return ItemWork(
            layers=tuple(layer.to_engine() for layer in self.layers),
            dtype=np.dtype(self.dtype),
            picture=PictureInput(**dict(self.input)),
            returning=self.returning.to_returning(),
            rendering=self.render.to_rendering(),
            forms=self.forms,
            settings=settings.without_secrets(),
        )


class Counts(AnswerModel):
    """How many pictures are how far; the last four add up to the first."""

    total: int
    waiting: int
    running: int
    done: int
    failed: int


class JobAnswer(AnswerModel):
    """How far a job is."""

    id: str
    kind: Literal["apply"]
    name: str
    state: Literal["waiting", "running", "done", "cancelled"]
    created: datetime
    started: datetime | None
    ended: datetime | None
    pictures: Counts
    bytes: Annotated[int, Field(description="Size of the results so far.")]
    rate: Annotated[float | None, Field(description="Pictures a second of late.")]
    eta: Annotated[float | None, Field(description="Seconds until the end, at that rate.")]
    trouble: Annotated[
        str, Field(description="Why it does not go on just now, or empty; it will by itself.")
    ]

    @classmethod
    def of(cls, job: Job, trouble: str) -> "JobAnswer":
        """Say how far `job` is."""
        left = job.total - job.done - job.failed - job.running
        counts = Counts(
            total=job.total, waiting=left, running=job.running, done=job.done, failed=job.failed
        )
        return cls(
            id=job.id,
            kind=job.kind,
            name=job.name,
            state=job.state,
            created=_time(job.created),
            started=None if job.started is None else _time(job.started),
            ended=None if job.ended is None else _time(job.ended),
            pictures=counts,
            bytes=job.bytes,
            rate=job.rate and round(job.rate, 4),
            eta=None if job.eta is None else round(job.eta, 1),
            trouble="" if job.has_ended else trouble,
        )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(round(seconds, 3), UTC)


class PictureFault(AnswerModel):
    """Why one picture of a job cannot be done."""

    number: Annotated[int, Field(description="Which picture of the job, from 0.")]
    name: str
    detail: str


class JobDetails(JobAnswer):
    """How far a job is, with what is wrong with which picture."""

    faults: Annotated[
        list[PictureFault], Field(description=f"The first {MOST_FAULTS} that failed.")
    ]

    @classmethod
    def with_faults(cls, job: Job, trouble: str, failed: list[Item]) -> "JobDetails":
        """Say how far `job` is, and which pictures of it failed."""
        faults = [
            PictureFault(number=one.number, name=one.source.name, detail=one.fault or "")
            for one in failed
        ]
        return cls(**dict(JobAnswer.of(job, trouble)), faults=faults)


class JobsAnswer(AnswerModel):
    """All jobs."""

    jobs: Annotated[list[JobAnswer], Field(description="The latest first.")]


BODIES: tuple[type[BaseModel], ...] = (ApplyJob,)
ANSWERS: tuple[type[BaseModel], ...] = (JobAnswer, JobDetails, JobsAnswer)
