"""What agreed, what did not, and whether enough was compared to say anything."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.conformance.case import Case, Numbers, Refused
from tests.conformance.compare import compare

SHOWN = 3


@dataclass
class Row:
    """One line of the table: an op, asked in one way."""

    cases: int = 0
    agree: int = 0
    refused: int = 0
    worst: float = 0.0
    complaints: list[str] = field(default_factory=list)


@dataclass
class Tally:
    """Counts and disagreements by way of asking and op."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)

    def judge(
        self,
        way: str,
        case: Case,
        dtype: str,
        expected: Numbers | None,
        subject: Callable[[Case], Numbers],
    ) -> None:
        """Ask a subject for a case and count how its answer compares.

        Args:
            way: How the subject is asked, e.g. "REST".
            case: The case, in `dtype`.
            dtype: Decides the tolerance.
            expected: The right numbers; None where the case is illegal and has to be refused.
            subject: Returns its numbers or raises Refused.
        """
        row = self.rows.setdefault((way, case.op), Row())
        row.cases += 1
        complaints, worst = _complaints(case, dtype, expected, subject)
        row.worst = max(row.worst, worst)
        row.refused += expected is None
        row.agree += not complaints
        row.complaints += [f"{way}: {case.name}: {complaint}" for complaint in complaints]

    def too_few(self, minimum: dict[str, dict[str, int]]) -> list[str]:
        """Return what was computed less often than the minimum by way of asking and op."""
        return [
            f"{way}: {op}: {computed} cases computed, at least {least} are due"
            for way, ops in minimum.items()
            for op, least in ops.items()
            if (computed := self._computed(way, op)) < least
        ]

    def _computed(self, way: str, op: str) -> int:
        row = self.rows.get((way, op), Row())
        return row.cases - row.refused

    def table(self) -> str:
        """Return the table as text."""
        head = ("asked", "op", "cases", "agree", "refused by both", "worst error")
        lines = [
            (way, op, str(row.cases), str(row.agree), str(row.refused), f"{row.worst:.1e}")
            for (way, op), row in self.rows.items()
        ]
        every = [head, *sorted(lines, key=lambda line: line[0])]
        widths = [max(map(len, column)) for column in zip(*every, strict=True)]
        return "\n".join(_line(line, widths) for line in every)

    def disagreements(self) -> list[str]:
        """Return the first disagreements of each row in words, and how many more there are."""
        lines = []
        for (way, op), row in self.rows.items():
            more = len(row.complaints) - SHOWN
            lines += row.complaints[:SHOWN]
            lines += [f"{way}: {op}: {more} more"] if more > 0 else []
        return lines


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    left, right = cells[:2], cells[2:]
    return "  ".join(
        [cell.ljust(width) for cell, width in zip(left, widths, strict=False)]
        + [cell.rjust(width) for cell, width in zip(right, widths[2:], strict=True)]
    )


def _complaints(
    case: Case, dtype: str, expected: Numbers | None, subject: Callable[[Case], Numbers]
) -> tuple[list[str], float]:
    try:
        actual = subject(case)
    except Refused as refusal:
        return ([] if expected is None else [f"refused: {refusal}"]), 0.0
    except Exception:  # a crash is one more disagreement, not the end of the run
        return [traceback.format_exc(limit=-1).strip().replace("\n", " ")], float("inf")
    if expected is None:
        return ["computed, though it is illegal"], float("inf")
    worst, differences = compare(expected, actual, dtype)
    return [f"{d.name} is off by {d.error:.1e}: {d.detail}" for d in differences], worst
