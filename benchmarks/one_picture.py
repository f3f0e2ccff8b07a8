"""What one picture takes: of one core's time, and of memory where the picture is larger than that.

`make bench-scaling` runs it in a process of its own for each question, on one core; it prints JSON.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.cli.cluster import item_work
from app.cli.forms import Work
from app.cli.specs import read_spec
from app.engine.kernels import PresetKernel
from app.engine.layers import Conv2d, Layer, MaxPool2d, Relu
from app.engine.network import forward
from app.imaging import read
from app.service.budget import picture_limits
from app.service.items import compute_item
from app.service.tiling import in_order, picture_in, tiled
from app.settings import Settings

ROUNDS = 5
LAYERS: list[Layer] = [Conv2d(PresetKernel("sobel_x"), padding="same"), Relu(), MaxPool2d(2)]
BAND_BYTES = 8 << 20


def least(call: Callable[[], object]) -> float:
    """Return the processor seconds of the quickest of several calls."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        found.append(time.process_time() - began)
    return min(found)


def ordinary(folder: Path) -> dict[str, float]:
    """Return the seconds of a photograph, and the bytes of it and of its results."""
    content = min(folder.glob("photographs/*.jpg")).read_bytes()
    spec, settings = read_spec(str(folder / "spec.json")), Settings()
    last = len(spec.layers) - 1
    work = Work("forward", spec.layers, {}, {}, {f"layers.{last}": last}, None)
    limits = picture_limits(settings)
    told: dict[str, float] = {
        "read": least(lambda: read(content, limits)),
        "jpeg_bytes": len(content),
    }
    for form in ("npz", "png"):
        item = item_work(spec, work, (form,), settings)
        told[form] = least(lambda item=item: compute_item(content, item))  # type: ignore[misc]
        told[f"{form}_bytes"] = len(compute_item(content, item)[f".{form}"])
    return told


def peak_bytes() -> int:
    """Return the most memory that this process has had; what its parent had does not count."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


def whole(folder: Path) -> dict[str, float]:
    """Compute a large picture at once; keep what `bands` is to come to."""
    before, began = peak_bytes(), time.process_time()
    x = np.load(folder / "large.npy")[None, None].astype(np.float32)
    output = forward(LAYERS, x).output
    seconds, peak = time.process_time() - began, peak_bytes()
    (folder / "whole.sha256").write_text(hashlib.sha256(output).hexdigest())
    return {"seconds": seconds, "peak": peak, "before": before}


def bands(folder: Path) -> dict[str, float]:
    """Compute the same in bands, one at a time; each has to be what the whole has there.

    Raises:
        SystemExit: It is not.
    """
    before, began = peak_bytes(), time.process_time()
    y = tiled(LAYERS, picture_in(str(folder / "large.npy")), working_bytes=BAND_BYTES)
    seconds, found = 0.0, hashlib.sha256()
    for band in in_order(y, lambda part: lambda: part.compute(scheduler="sync"), 1):
        seconds += time.process_time() - began
        found.update(np.ascontiguousarray(band))  # of one map, so that bands follow each other
        began = time.process_time()
    if found.hexdigest() != (folder / "whole.sha256").read_text():
        raise SystemExit("The numbers of the bands are not those of the whole.")
    count = y.numblocks[2]
    return {"seconds": seconds, "peak": peak_bytes(), "before": before, "bands": count}


if __name__ == "__main__":
    question = {"ordinary": ordinary, "whole": whole, "bands": bands}[sys.argv[1]]
    print(json.dumps(question(Path(sys.argv[2]))))
