"""The table of docs/security.md: a test on each side of every row, and each of them is there."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
TABLE = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d+) \| (`[^|]*::[^|]*) \| (`[^|]*) \|$", re.MULTILINE)


def named(cell: str) -> list[tuple[str, str]]:
    """The (file, test) pairs of a cell."""
    pairs, file = [], ""
    for quoted in re.findall(r"`([^`]*)`", cell):
        if quoted.startswith("::"):
            pairs.append((file, quoted[2:]))
        else:
            file = quoted
    return pairs


def test_each_row_has_tests_on_both_sides_of_its_limit_and_they_exist() -> None:
    rows = {int(number): (within, beyond) for number, within, beyond in ROW.findall(TABLE)}
    assert sorted(rows) == list(range(1, 22))
    for cells in rows.values():
        for cell in cells:
            assert named(cell)
            for file, test in named(cell):
                assert f"def {test}(" in (TESTS / file).read_text(encoding="utf-8"), (file, test)
