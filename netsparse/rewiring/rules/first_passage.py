"""When walkers that nobody has looked at yet come above zero: the law of one of them, instead of all of them."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from netsparse.typing import Float

FINENESS = 16
"""Cells per standard deviation of the first step."""

REACH = 8.0
"""Standard deviations beyond which no step goes: it would once in 10^15."""

N_CELLS = 2**14
"""At most."""

LEAST = 1e-30
"""What counts as above 0, in any kind of number that weights have."""


class UntouchedLaw:
    """The law of a walker on [floor, 0] that has never been above 0: steps are normal, below the floor it is set on it.

    A grid of cells that are centred on floor, floor + d, ..., the last one ending at 0. What a step brings above 0 has
    passed; the rest, scaled to 1, is the law of those that have not. Ours; exact up to the width d, a sixteenth of the
    standard deviation of the first step.

    Parameters
    ----------
    floor : float
        Below 0.
    chances : array of shape (n_cells,)
        Of the walker's being in each cell; they sum to 1.

    Examples
    --------
    >>> law = UntouchedLaw.uniform(floor=-5.0, step=1.0)
    >>> round(law.after(1.0)[1], 3)  # 1 / sqrt(2 pi) of a step's width crosses, of 5
    0.08
    """

    def __init__(self, floor: float, chances: Float[np.ndarray, "cell"]) -> None:
        self.floor, self.chances = floor, chances

    @classmethod
    def uniform(cls, *, floor: float, step: float) -> UntouchedLaw:
        """Return the law that is uniform on [floor, 0], on a grid that suits steps of that standard deviation."""
        n_cells = min(max(math.ceil(FINENESS * -floor / step), 2), N_CELLS)
        chances = np.full(n_cells, 1.0 / (n_cells - 0.5))
        chances[0] /= 2.0  # the half of its cell that is below the floor is empty
        return cls(floor, chances)

    @property
    def width(self) -> float:
        """Width of a cell."""
        return -self.floor / (len(self.chances) - 0.5)

    @property
    def places(self) -> Float[np.ndarray, "cell"]:
        """Middles of the cells."""
        return self.floor + self.width * np.arange(len(self.chances))

    def crossing(self, step: float) -> Float[np.ndarray, "cell"]:
        """Return the chances of being in each cell and above 0 after a step of that standard deviation."""
        return self.chances * ndtr(self.places / step)

    def after(self, step: float) -> tuple[UntouchedLaw, float]:
        """Return the law of those that are not above 0 after a step, and the chance of being above."""
        n_cells = len(self.chances)
        passed = float(self.crossing(step).sum())
        kernel = _kernel(step / self.width, n_cells)
        reach = len(kernel) // 2
        spread = np.convolve(self.chances, kernel)  # entry i is cell i - reach
        chances = spread[reach : reach + n_cells]
        chances[0] += spread[:reach].sum()
        return UntouchedLaw(self.floor, chances / chances.sum()), passed

    def passages(self, step: float, n: int, rng: np.random.Generator) -> Float[np.ndarray, "passage"]:
        """Draw where `n` walkers that have just passed are: above 0."""
        if not n:
            return np.empty(0)
        crossing = self.crossing(step)
        start = self.places[rng.choice(len(crossing), n, p=crossing / crossing.sum())]
        tails = (1.0 - rng.random(n)) * ndtr(start / step)  # a uniform number of (0, 1] times the tail that crosses
        return np.maximum(start - step * ndtri(tails), LEAST)


@lru_cache(maxsize=64)
def _kernel(cells: float, n_cells: int) -> Float[np.ndarray, "cell"]:
    """Return the chances of going so many cells far, in steps whose standard deviation is `cells` cells."""
    reach = min(math.ceil(REACH * cells), n_cells)
    # that walkers are set on the middle of their cell adds the variance 1 / 12 of their place in it: taken off before
    std = math.sqrt(max(cells**2 - 1.0 / 12.0, cells**2 / 4.0))
    kernel = np.diff(ndtr((np.arange(-reach, reach + 2) - 0.5) / std))
    return kernel / kernel.sum()
