"""What a photo costs in memory beyond its input and its output."""

import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np

from app.engine.convolution import conv2d

MEBIBYTE = 2**20
PHOTOS = {"12 Mpx": (3000, 4000), "50 Mpx": (6250, 8000)}


def peak_resident() -> int:
    """Return the most memory that this program has held, in bytes.

    `ru_maxrss` would count what its parent held when it started this process.
    """
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) * 1024


def measure(rows: int, cols: int) -> str:
    """Filter an RGB photo once; the process's own peak is the outer bound."""
    x = np.ones((1, 3, rows, cols), np.uint8)
    kernel = np.random.default_rng(0).standard_normal((3, 1, 3, 3)).astype(np.float32)
    tracemalloc.start()
    out = conv2d(x, kernel, padding=1, groups=3)
    _, peak = tracemalloc.get_traced_memory()
    extra = peak - out.nbytes
    return (
        f"input {x.nbytes / MEBIBYTE:.0f} MiB, output {out.nbytes / MEBIBYTE:.0f} MiB, beyond both "
        f"{extra / MEBIBYTE:.1f} MiB = {extra / out.nbytes:.3f} of the output; "
        f"peak of the process {peak_resident() / MEBIBYTE:.0f} MiB"
    )


def report() -> str:
    """Measure each photo in a process of its own."""
    lines = ["## Memory, RGB bytes through one 3×3 per channel", ""]
    for name, (rows, cols) in PHOTOS.items():
        command = [sys.executable, "-m", "benchmarks.memory", str(rows), str(cols)]
        finished = subprocess.run(command, check=True, capture_output=True, text=True)
        lines.append(f"- {name}: {finished.stdout.strip()}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(measure(int(sys.argv[1]), int(sys.argv[2])))
