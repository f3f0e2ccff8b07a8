"""`python -m benchmarks`: every figure of the engine in one run, written to RESULTS.md."""

import argparse
import os
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path

# As the server does, and before NumPy is imported: the engine has threads of its own.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks import engine_table, floors, memory, notes_loops, plan_check, scaling

HERE = Path(__file__).parent
QUICK_ROWS = ("W1", "W2", "W3", "W4", "W6", "W8", "tiny")
PACKAGES = ("numpy", "torch", "onnxruntime", "opencv-python-headless", "scipy")


def machine() -> str:
    model = platform.processor()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores; Python {platform.python_version()}, {versions}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="fewer rows, printed only")
    parser.add_argument("--rows", nargs="*", help="only these rows, printed only")
    options = parser.parse_args()
    rows = options.rows or (QUICK_ROWS if options.quick else None)
    table = engine_table.measure(7 if options.quick else 15, rows)
    text = f"{engine_table.as_markdown(table)}\n\n{engine_table.summary(table)}\n"
    print(text)
    if rows is None:
        parts = [
            "# What the engine costs",
            f"`make bench` on {date.today().isoformat()}: {machine()}.",
            "Interleaved in one process (A B C, C B A, …), 15 rounds; OPENBLAS_NUM_THREADS=1 as "
            "the server sets it, two threads for every peer; float32, `same` padding.",
            text,
            plan_check.report(),
            memory.report(),
            notes_loops.report(),
            floors.report(),
            scaling.report(HERE.parent / "docs" / "scaling.png"),
        ]
        (HERE / "RESULTS.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
