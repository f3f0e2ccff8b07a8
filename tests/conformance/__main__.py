"""Compare the product with PyTorch and ONNX: `make conformance`."""

import sys
from collections.abc import Iterable

from app.engine.plan import ALGORITHMS
from tests.conformance import comparer_check, engine_subject, onnx_nodes, oracle, pytorch_snippets
from tests.conformance.case import Case, Numbers, Refused, sample
from tests.conformance.grids import all_cases
from tests.conformance.minimums import MINIMUM
from tests.conformance.rest_subject import RestSubject, travels
from tests.conformance.tally import Tally

REST_CASES_PER_OP = {"float64": 40, "float32": 10}


def main() -> int:
    """Run every comparison, print the table, and return the exit code."""
    comparer_check.run()
    tally, cases = Tally(), all_cases()
    algorithms = compare_engine(tally, cases)
    compare_single_gradients(tally, cases)
    compare_rest(tally, cases)
    left_out = onnx_nodes.compare(tally)
    snippets, problems = pytorch_snippets.compare()
    problems += tally.too_few(MINIMUM)
    problems += [f"algorithm {name} never ran" for name in sorted(ALGORITHMS.keys() - algorithms)]
    sys.stdout.write("\n".join([tally.table(), "", *told(algorithms, left_out, snippets)]) + "\n")
    sys.stdout.write(
        "\n".join([*tally.disagreements(), *problems, verdict(tally, problems)]) + "\n"
    )
    return 1 if tally.disagreements() or problems else 0


def told(algorithms: set[str], left_out: dict[str, list[str]], snippets: int) -> list[str]:
    """Return what ran and what could not be asked, a line each."""
    count = sum(map(len, left_out.values()))
    return [
        f"algorithms that ran: {', '.join(sorted(algorithms))}",
        f"PyTorch scripts of the page that ran: {snippets}",
        f"ONNX cases without a counterpart: {count}",
        *(f"  {why}: {', '.join(names)}" for why, names in sorted(left_out.items())),
    ]


def verdict(tally: Tally, problems: list[str]) -> str:
    """Return the closing line, with a shortage counted as a failure."""
    cases = sum(row.cases for row in tally.rows.values())
    agree = sum(row.agree for row in tally.rows.values())
    return f"{agree} passed, {cases - agree + len(problems)} failed"


def compare_engine(tally: Tally, cases: Iterable[Case]) -> set[str]:
    """Put every case to the engine in both dtypes; return the names of the algorithms that ran."""
    algorithms: set[str] = set()

    def subject(case: Case) -> Numbers:
        return engine_subject.answer(case, algorithms)

    for dtype in ("float64", "float32"):
        for case in cases:
            asked, expected = right_answer(case.in_dtype(dtype))
            tally.judge(f"engine, {dtype}", asked, dtype, expected, subject)
    return algorithms


def compare_single_gradients(tally: Tally, cases: Iterable[Case]) -> None:
    """Ask for each gradient of the deeper networks alone."""
    for case in cases:
        if len(case.layers) > 1:
            asked, numbers = oracle.answer(case)
            wanted = {name: value for name, value in numbers.items() if name.startswith("grad")}
            subject = engine_subject.answer_one_by_one
            tally.judge("one gradient a call", asked, "float64", wanted, subject)


def compare_rest(tally: Tally, cases: Iterable[Case]) -> None:
    """Put some cases of each op to the API as JSON."""
    by_op: dict[str, list[Case]] = {}
    for case in filter(travels, cases):
        by_op.setdefault(case.op, []).append(case)
    with RestSubject() as rest:
        for dtype, count in REST_CASES_PER_OP.items():
            for candidates in by_op.values():
                for case in sample(candidates, count):
                    asked, expected = right_answer(case.in_dtype(dtype))
                    tally.judge(f"REST, {dtype}", asked, dtype, expected, rest.answer)


def right_answer(case: Case) -> tuple[Case, Numbers | None]:
    """Return the case with its upstream gradient drawn, and its numbers; None if it is illegal."""
    try:
        return oracle.answer(case)
    except Refused:
        return case, None


if __name__ == "__main__":
    sys.exit(main())
