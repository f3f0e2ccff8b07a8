"""Two threads draw the numbers of one job: the slower one of them may find nothing left."""

from app.engine import interrupt, threads


def test_whoever_finds_the_last_number_gone_draws_none() -> None:
    drawn: list[int] = []
    job = threads._Job(drawn.extend, 3)
    # As if the other thread took them all between the question what is left and the taking.
    with interrupt.scope(job._left.clear):
        assert list(job.numbers()) == []
    job.run_here()
    assert drawn == []
