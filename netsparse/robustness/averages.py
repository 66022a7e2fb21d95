"""Tables of probes averaged over trials, with the 95 % interval of the mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from netsparse.percolation.interval import mean_interval

MEASURED = ("accuracy", "loss", "giant_component", "second_component", "outputs_reachable")


def mean_over_trials(
    table: pd.DataFrame, *, by: str = "fraction_removed", of: Sequence[str] = MEASURED
) -> pd.DataFrame:
    """Average the measured columns of a probe's table over its trials.

    Parameters
    ----------
    table : DataFrame
        One row per trial and strength, as a probe returns it.
    by : str
        The column of strengths.
    of : sequence of str
        The measured columns.

    Returns
    -------
    DataFrame
        Tidy: `by`, quantity, mean, low, high. The interval is mean -+ t s / sqrt(trials), Student's t at 95 %; NaN with
        one trial.

    Examples
    --------
    >>> table = pd.DataFrame({"fraction_removed": [0.0, 0.0], "trial": [0, 1], "accuracy": [0.5, 0.7]})
    >>> mean_over_trials(table, of=["accuracy"])["mean"].round(3).tolist()
    [0.6]
    """
    frames: list[pd.DataFrame] = []
    for quantity in of:
        samples = table.pivot(index="trial", columns=by, values=quantity)
        mean, half_width = mean_interval(samples.to_numpy(dtype=np.float64))
        columns = {by: samples.columns, "quantity": quantity, "mean": mean}
        frames.append(pd.DataFrame({**columns, "low": mean - half_width, "high": mean + half_width}))
    return pd.concat(frames, ignore_index=True)


def area_under_accuracy(table: pd.DataFrame) -> float:
    """Return the area under the mean accuracy against the fraction removed (trapezoid), between 0 and 1.

    The functional twin of the R index; ours.

    Examples
    --------
    >>> table = pd.DataFrame({"fraction_removed": [0.0, 1.0], "trial": [0, 0], "accuracy": [1.0, 0.0]})
    >>> area_under_accuracy(table)
    0.5
    """
    mean = table.groupby("fraction_removed")["accuracy"].mean()
    return float(np.trapezoid(mean.to_numpy(), mean.index.to_numpy()))
