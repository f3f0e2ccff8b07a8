"""docs/scaling.md takes what `make bench-scaling` measures, and nothing else of it changes."""

from benchmarks.scaling_page import BEGIN, END, FORMS, Found, Measured, page
from tests.serving import ROOT

PAGE = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
ONE = {"read": 0.01, "npz": 0.15, "png": 0.2}
BYTES = {"jpeg_bytes": 2e5, "png_bytes": 1e6, "npz_bytes": 1e7}
WAYS = {"one process on one core": {"apply": 0.2}, "workers": {"apply": 0.01, "workers": 0.2}}


def found(rate: float) -> Found:
    large = {"seconds": 0.5, "peak": 4e8, "before": 8e7}
    runs = {
        way: {form: [Measured(rate, seconds), Measured(rate / 2, seconds)] for form in FORMS}
        for way, seconds in WAYS.items()
    }
    return Found(0.1, 2, 24, ONE | BYTES, large, large | {"bands": 38}, runs)


def test_what_is_measured_stands_between_the_marks_and_replaces_what_stood_there() -> None:
    once = page(PAGE, found(4))
    again = page(once, found(5))
    assert once.split(BEGIN)[0] == again.split(BEGIN)[0] == PAGE.split(BEGIN)[0]
    assert once.split(END)[1] == again.split(END)[1] == PAGE.split(END)[1]
    assert "| one process on one core | **5.0** (5.0, 2.5) | **5.0** (5.0, 2.5) |" in again
    assert "(4.0, 2.0)" not in again
    assert "1 / 0.200 = **5.0 pictures a second** to PNG" in again
    # 10⁶ × 0.2 s are 55.6 core hours; 7 days of 1.2 TB are kept.
    assert "= 55.6 core hours, at 70% busy 79 | 3.17 |" in again
    assert "8.4 TB × 0.08 / 30 a GB | 22.40 |" in again
    assert "| together | 0.029 USD for 1,000 pictures | 29.41 |" in again


def test_page_as_it_stands_has_been_written_by_the_script() -> None:
    written = PAGE.split(BEGIN)[1].split(END)[0]
    expected = page(PAGE, found(4)).split(BEGIN)[1].split(END)[0]
    headings = [line for line in expected.splitlines() if line.startswith("## ")]
    assert headings == [line for line in written.splitlines() if line.startswith("## ")]
    assert "Measured on 20" in written
