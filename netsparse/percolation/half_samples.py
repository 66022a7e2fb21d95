"""Balanced half samples of the trials: how far a result that is no plain mean would have come out otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool
from scipy.linalg import hadamard
from scipy.special import stdtrit

from netsparse.percolation.interval import CONFIDENCE
from netsparse.typing import Float

Halves = Bool[np.ndarray, "sample trial"]
"""Which trials are in each half sample."""


def half_samples(n_trials: Sequence[int], most_pairs: int) -> list[Halves]:
    """Return half samples of the trials of several curves, balanced over all pairs of trials at once.

    The trials of a curve are put into pairs (of groups of trials that differ by at most one in size, where there are
    more trials than pairs are allowed), and each half sample takes one of each pair, by the signs of a row of a
    Hadamard matrix; each pair, of whichever curve, has a column of its own. A half sample differs from the whole by
    as much as the whole does from the truth, so that the mean square of

        result(half sample) - result(all trials)

    is the variance of the result. For means this is exact; for what jumps (a crossing, a peak) it is right where the
    jackknife is not, and other than the bootstrap it needs no randomness.

    Parameters
    ----------
    n_trials : sequence of int
        Number of trials of each curve, at least 2.
    most_pairs : int
        Most pairs over all curves; there are that many half samples plus one, up to the next power of two. Every
        curve has at least one pair.

    Returns
    -------
    list of bool array of shape (n_samples, n_trials)
        One per curve; row r of all of them together is one half sample.

    References
    ----------
    P. J. McCarthy, Pseudo-replication: half samples, Review of the International Statistical Institute 37, 239 (1969),
    https://doi.org/10.2307/1402116

    Examples
    --------
    >>> half_samples([4], most_pairs=8)[0].astype(int).tolist()
    [[1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1]]
    """
    n_pairs = [max(1, min(n // 2, most_pairs // len(n_trials))) for n in n_trials]
    signs = hadamard(1 << sum(n_pairs).bit_length())[:, 1:] > 0
    halves: list[Halves] = []
    for n, pairs, stop in zip(n_trials, n_pairs, np.cumsum(n_pairs), strict=True):
        member = np.arange(n) % (2 * pairs)
        first_of_pair = signs[:, stop - pairs : stop][:, member // 2]
        halves.append(first_of_pair == (member % 2 == 0))
    return halves


def half_width(results: Float[np.ndarray, "sample"], result: float, n_pairs: int) -> float:
    """Return the half-width of the 95 % interval of a result from those of its half samples.

    Student's t with one degree of freedom per pair.

    Examples
    --------
    >>> round(half_width(np.array([1.1, 0.9]), 1.0, n_pairs=1), 3)
    1.271
    """
    return float(stdtrit(n_pairs, (1 + CONFIDENCE) / 2) * np.sqrt(np.mean((results - result) ** 2)))
