"""The rows of the table: what is convolved with what, and how fast it should be."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Workload:
    """One convolution, `same` padding, float32.

    Attributes:
        row: name in the table.
        x_shape: (N, C, H, W).
        kernel_shape: (O, C/groups, KH, KW).
        target: what our time over the best peer's should at most be.
        separable: the kernel is an outer product.
        backward: both gradients are timed too.
    """

    row: str
    x_shape: tuple[int, int, int, int]
    kernel_shape: tuple[int, int, int, int]
    target: float
    stride: int = 1
    groups: int = 1
    separable: bool = False
    backward: bool = False

    @property
    def padding(self) -> int:
        """Padding on each side; the same for every contestant."""
        return self.kernel_shape[2] // 2

    @property
    def multiply_adds(self) -> int:
        n, _, h, w = self.x_shape
        taps = int(np.prod(self.kernel_shape))
        return n * taps * (h // self.stride) * (w // self.stride)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (x, kernel), the same on every run."""
        rng = np.random.default_rng(0)
        x = rng.random(self.x_shape, dtype=np.float32)
        if self.separable:
            taps = rng.standard_normal((2, self.kernel_shape[2]), dtype=np.float32)
            kernel = np.outer(taps[0], taps[1])[None, None]
        else:
            kernel = rng.standard_normal(self.kernel_shape, dtype=np.float32)
        return x, kernel


WORKLOADS = (
    Workload("W1", (1, 1, 512, 512), (1, 1, 3, 3), 1.5),
    Workload("W2", (1, 3, 512, 512), (8, 3, 3, 3), 1.0, backward=True),
    Workload("W3", (1, 3, 1024, 1024), (1, 3, 3, 3), 0.7),
    Workload("W4", (1, 1, 1024, 1024), (1, 1, 7, 7), 1.0),
    Workload("W4b", (1, 1, 1024, 1024), (1, 1, 15, 15), 0.4),
    Workload("W4c", (1, 1, 1024, 1024), (1, 1, 31, 31), 0.9),
    Workload("W4d", (1, 1, 1024, 1024), (1, 1, 15, 15), 1.0, separable=True),
    Workload("W5", (1, 3, 1024, 1024), (16, 3, 5, 5), 1.4, stride=2, backward=True),
    Workload("W6", (1, 16, 256, 256), (32, 16, 3, 3), 1.3, backward=True),
    Workload("W7", (16, 3, 128, 128), (32, 3, 3, 3), 1.2),
    Workload("W8", (1, 64, 56, 56), (64, 64, 3, 3), 1.2, backward=True),
    Workload("W9", (1, 32, 256, 256), (32, 1, 3, 3), 1.3, groups=32),
    Workload("W10", (1, 3, 3000, 4000), (3, 1, 3, 3), 1.0, groups=3),
    Workload("tiny", (1, 1, 28, 28), (1, 1, 5, 5), 1.0),
)
