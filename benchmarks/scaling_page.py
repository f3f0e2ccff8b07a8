"""The part of docs/scaling.md that is measured, and what follows from it by arithmetic."""

import datetime
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FORMS = ("png", "npz")
BEGIN, END = "<!-- make bench-scaling: from here -->", "<!-- make bench-scaling: to here -->"

A_DAY = 1_000_000
PEAK = 3
SECONDS_A_DAY = 86_400
BUSY = 0.7
MACHINE_CORES = 4
# Assumed prices in USD.
CORE_HOUR = 0.04
GIGABYTE_MONTH = 0.08
SERVING_CORES = 4
KEPT_DAYS = 7


@dataclass
class Measured:
    """One run.

    Attributes:
        rate: Pictures a second.
        seconds: Processor seconds a picture, by who has spent them.
    """

    rate: float
    seconds: dict[str, float]


@dataclass
class Found:
    """What was measured.

    Attributes:
        load: The load average before.
        rounds: How often each way was taken.
        pictures: How many pictures a run has.
        ordinary: Seconds and bytes of one picture on one core.
        whole: Seconds and memory of a large picture at once.
        bands: The same in bands.
        runs: Runs by the way and by the form of the results.
    """

    load: float
    rounds: int
    pictures: int
    ordinary: dict[str, float]
    whole: dict[str, float]
    bands: dict[str, float]
    runs: dict[str, dict[str, list[Measured]]]


def page(text: str, found: Found) -> str:
    """Return the page with everything between its marks written anew.

    Raises:
        ValueError: It has not each mark once.
    """
    parts = (_machine, _one_core, _workers, _large, _plan, _costs)
    told = "\n\n".join(part(found) for part in parts)
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{told}\n{END}{after}"


def table(*rows: tuple[object, ...]) -> str:
    """Return rows as a table, the first one as its head."""
    head, *body = ("| " + " | ".join(map(str, row)) + " |" for row in rows)
    line = "| " + " | ".join(["---"] * len(rows[0])) + " |"
    return "\n".join([head, line, *body]).replace("|  |", "| |")


def _machine(found: Found) -> str:
    processor = platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = re.findall(r"^model name\s*: (.*)$", information.read_text(), re.MULTILINE)
        processor = f"{len(names)} × {names[0]}" if names else processor
    return (
        f"Measured on {datetime.date.today()}: {processor}, Python {platform.python_version()}, "
        f"NumPy {np.__version__};\nload average before the first run {found.load:.1f}; "
        f"{found.pictures} pictures a run, {found.rounds} runs of each way."
    )


def _one_core(found: Found) -> str:
    one = found.ordinary
    rate = 1 / one["png"]
    rows = table(
        ("of one picture", "processor seconds"),
        ("reading the JPEG", f"{one['read']:.3f}"),
        ("all of it, to `.npz`", f"{one['npz']:.3f}"),
        ("all of it, to `.png`", f"{one['png']:.3f}"),
    )
    return (
        f"## One core (measured)\n\n{rows}\n\nSo one core of this machine does at most "
        f"1 / {one['png']:.3f} = **{rate:.1f} pictures a second** to PNG, if nothing else runs: "
        f"{3600 * rate // 1000 * 1000:,.0f} an hour."
    )


def _workers(found: Found) -> str:
    rows: list[tuple[object, ...]] = [
        ("", "to `.png`, best (all)", "to `.npz`, best (all)", "processor seconds a PNG, the least")
    ]
    for way, forms in found.runs.items():
        rates = []
        for form in FORMS:
            each = sorted((run.rate for run in forms[form]), reverse=True)
            rates.append(f"**{each[0]:.1f}** ({', '.join(f'{rate:.1f}' for rate in each)})")
        runs = forms["png"]
        who = [f"{name} {min(run.seconds[name] for run in runs):.3f}" for name in runs[0].seconds]
        rows.append((way, *rates, ", ".join(who)))
    return f"## More workers (measured)\n\nPictures a second:\n\n{table(*rows)}"


def _large(found: Found) -> str:
    def row(name: str, one: dict[str, float]) -> tuple[object, ...]:
        memory = f"{one['peak'] / 1e6:.0f} MB, of which {one['before'] / 1e6:.0f} before it begins"
        return name, f"{one['seconds']:.2f}", memory

    rows = table(
        ("", "processor seconds", "resident memory at its peak"),
        row("the whole", found.whole),
        row(f"in {found.bands['bands']:.0f} bands", found.bands),
    )
    return (
        "## One picture larger than memory (measured)\n\n24 million pixels (6000×4000, `uint8`, a "
        "`.npy` file) through `sobel_x` → `relu` → `max_pool2d` 2, in bands of at most 8 MiB\nof "
        f"maps, in one process; every number was the same:\n\n{rows}"
    )


def _plan(found: Found) -> str:
    one = found.ordinary
    mean = A_DAY / SECONDS_A_DAY
    cores = [rate * one["png"] for rate in (mean, PEAK * mean)]
    machines = [-(-count // (BUSY * MACHINE_CORES)) for count in cores]

    def flow(size: float) -> tuple[str, str]:
        return f"{mean * size / 1e6:.1f} MB/s", f"{PEAK * mean * size / 1e6:.0f} MB/s"

    rows = table(
        ("", "on average", "at the peak"),
        (f"cores, at {one['png']:.3f} s a picture", *(f"{count:.1f}" for count in cores)),
        (
            f"machines of {MACHINE_CORES} vCPUs, kept {BUSY:.0%} busy",
            *(f"{n:.0f}" for n in machines),
        ),
        (f"from uploads, {one['jpeg_bytes'] / 1e3:.0f} kB each", *flow(one["jpeg_bytes"])),
        (f"results as PNG, {one['png_bytes'] / 1e6:.1f} MB each", *flow(one["png_bytes"])),
        (f"results as `.npz`, {one['npz_bytes'] / 1e6:.1f} MB each", *flow(one["npz_bytes"])),
    )
    return (
        f"## 10⁶ pictures a day: cores and costs (plan)\n\n{mean:.1f} pictures a second on average;"
        f" three times as many at the peak of the day, {PEAK * mean:.0f}.\n\n{rows}"
    )


def _costs(found: Found) -> str:
    one = found.ordinary
    hours = A_DAY * one["png"] / 3600
    kept = KEPT_DAYS * A_DAY * (one["jpeg_bytes"] + one["png_bytes"]) / 1e9
    computing = hours / BUSY * CORE_HOUR
    serving = SERVING_CORES * 24 * CORE_HOUR
    storing = kept * GIGABYTE_MONTH / 30
    total = computing + serving + storing
    rows = table(
        ("a day", "", "USD"),
        (
            "computing",
            f"10⁶ × {one['png']:.3f} s = {hours:.1f} core hours, at {BUSY:.0%} busy "
            f"{hours / BUSY:.0f}",
            f"{computing:.2f}",
        ),
        ("server and scheduler", "2 × 2 vCPU × 24 h", f"{serving:.2f}"),
        (
            f"store for {KEPT_DAYS} days",
            f"{kept / 1e3:.1f} TB × {GIGABYTE_MONTH} / 30 a GB",
            f"{storing:.2f}",
        ),
        ("together", f"{1000 * total / A_DAY:.3f} USD for 1,000 pictures", f"{total:.2f}"),
    )
    return (
        f"Costs are arithmetic on assumed prices: {CORE_HOUR} USD an hour for a vCPU, "
        f"{GIGABYTE_MONTH} USD a month for a GB of SSD, traffic inside of a data centre free.\n\n"
        f"{rows}\n\nWhat costs is keeping results. One day instead of seven is "
        f"{storing / KEPT_DAYS:.2f} instead of {storing:.2f}."
    )
