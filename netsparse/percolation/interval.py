"""Mean over trials and the 95 % interval of that mean, by Student's t."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from netsparse.typing import Float

PerPoint = Float[np.ndarray, "point"]
"""One number per point of a curve."""

CONFIDENCE = 0.95


def mean_interval(samples: np.ndarray) -> tuple[PerPoint, PerPoint]:
    """Return the mean over trials and the half-width of its 95 % interval, t(0.975, n - 1) s / sqrt(n).

    The interval is symmetric and is not clipped to the range of the observable.

    Parameters
    ----------
    samples : array of shape (n_trials, n_points)
        One row per trial.

    Returns
    -------
    mean, half_width : float arrays of shape (n_points,)
        The half-width is NaN with one trial, and where a trial is NaN or infinite: one trial without any path makes the
        mean of `log_path_count` -inf.

    References
    ----------
    Student, The probable error of a mean, Biometrika 6, 1 (1908), https://doi.org/10.1093/biomet/6.1.1

    Examples
    --------
    >>> mean, half_width = mean_interval(np.array([[1.0], [3.0]]))
    >>> float(mean[0]), round(float(half_width[0]), 3)
    (2.0, 12.706)
    """
    n = len(samples)
    mean = samples.sum(axis=0) / n
    if n == 1:
        return mean, np.full_like(mean, np.nan)
    squares = np.zeros_like(mean)
    with np.errstate(invalid="ignore"):  # -inf - -inf is NaN, which is what is meant
        for row in samples:  # row by row: no float copy of all trials
            squares += (row - mean) ** 2
    squares[np.isinf(squares)] = np.nan
    return mean, stdtrit(n - 1, (1 + CONFIDENCE) / 2) * np.sqrt(squares / (n - 1) / n)
