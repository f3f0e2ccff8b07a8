"""What a job computes, read again from the body that asked for it."""

from collections.abc import Callable
from functools import lru_cache

from app.service.errors import MalformedBody
from app.service.items import ItemWork
from app.service.jobs.store import JobStore
from app.settings import Settings
from app.web.bodies import parsed
from app.web.job_schemas import ApplyJob
from app.web.problems import Problem

# Jobs take turns: more of them at a time would be read again for every picture.
MOST_READ = 16


def work_of(jobs: JobStore, settings: Settings) -> Callable[[str], ItemWork]:
    """Return a function that returns what is computed of each picture of a job, by the job's id.

    It raises NotFound where there is no such job, and MalformedBody where an older server has taken
    on what this one does not understand.
    """

    @lru_cache(MOST_READ)
    def work(job_id: str) -> ItemWork:
        body, media = jobs.request(job_id)
        try:
            return parsed(body, media, ApplyJob, settings).to_work(settings)
        except Problem as problem:
            raise MalformedBody(
                f"This server does not take such a job any more: {problem.detail}"
            ) from problem

    return work
