"""Which kernels were fastest on the CPU, by size, density and batch: what `backend="auto"` goes by.

Measured on 2026-11-21 on an AMD EPYC (Zen 4, AVX-512, 2 cores, 32 MB L3) with torch 2.13, one thread, processor time,
float32: a layer n -> n with bias and ReLU, forward and all gradients. Of two that are about equal, native_cpu goes
before numba_cpu and both before the others. Other work ran beside it, which costs the sparse kernels more than the
dense one: theirs is the memory.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect

LETTERS = {"n": "native_cpu", "u": "numba_cpu", "c": "torch_csr", "d": "dense"}
UNITS = (100, 300, 1000, 4000)
DENSITIES = (0.01, 0.1, 0.3, 0.5, 0.8)
BATCHES = (1, 32, 128, 1024)
FASTEST_FIRST = {
    (100, 1): "nucd nucd nucd nucd nucd",
    (300, 1): "nucd ncud ncud ncud ncud",
    (1000, 1): "ncud ncud ncud ncud ncud",
    (4000, 1): "ncud ncud nucd nucd nucd",
    (100, 32): "nucd nucd nucd nucd nucd",
    (300, 32): "nucd nucd ncud nucd nucd",
    (1000, 32): "nucd nucd ncud nucd nucd",
    (4000, 32): "nucd nucd nucd nucd nucd",
    (100, 128): "nucd nucd nucd nucd nucd",
    (300, 128): "nucd nucd nucd nucd nudc",
    (1000, 128): "nucd nucd nucd nucd nucd",
    (4000, 128): "nucd nucd nucd nucd nucd",
    (100, 1024): "nudc nucd nudc nudc nudc",
    (300, 1024): "nucd nucd nudc nudc nduc",
    (1000, 1024): "nucd nucd nudc nudc dnuc",
    (4000, 1024): "uncd undc dunc dunc dunc",
}
"""For (units, batch): one word per density, the kernels' letters from the fastest to the slowest."""

SOURCES = (27, 72, 144, 288, 576)
DENSEST = (1.0, 1.0, 0.8, 0.6, 0.5)
"""For a convolution of so many source units (channels * kh * kw), the density up to which edges are faster.

Measured on the same machine with 3 x 3 patches, 128 images of 2 x 2 to 32 x 32, forward and all gradients, both taking
images as sparse convolutions leave them: `netsparse bench convolutions`.
"""

FEW_IMAGES = 8
"""Below so many images that density shrinks with their number: there is not enough to fill vectors with.

Measured likewise on 1, 2, 4, 8 and 16 images: one is faster on edges at densities below 0.05 to 0.2.
"""


def densest_convolution(n_in: int, batch: int) -> float:
    """Return the density up to which a convolution of so many source units is faster on its edges than densely.

    Examples
    --------
    >>> densest_convolution(27, 128), densest_convolution(4608, 128), densest_convolution(4608, 1)
    (1.0, 0.5, 0.0625)
    """
    return DENSEST[_nearest(SOURCES, n_in)] * min(1.0, batch / FEW_IMAGES)


def fastest_first(n_in: int, n_out: int, n_edges: int, batch: int) -> list[str]:
    """Return the CPU kernels from the fastest to the slowest in the measured case nearest to this one.

    Nearest in each of units, density and batch by itself, in ratio; a layer n_in -> n_out counts as one of
    sqrt(n_in n_out) units.

    Examples
    --------
    >>> fastest_first(784, 1000, 8000, 128)[0]
    'native_cpu'
    """
    units = _nearest(UNITS, math.sqrt(n_in * n_out))
    word = _nearest(DENSITIES, n_edges / (n_in * n_out))
    words = FASTEST_FIRST[UNITS[units], BATCHES[_nearest(BATCHES, batch)]]
    return [LETTERS[letter] for letter in words.split()[word]]


def _nearest(measured: tuple[float, ...], value: float) -> int:
    """Return the position of the measured value of which `value` is the smallest multiple or fraction."""
    middles = [math.sqrt(low * high) for low, high in itertools.pairwise(measured)]
    return bisect(middles, value)
