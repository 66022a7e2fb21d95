"""Tables of probes averaged over trials, or over trained models, with the 95 % interval of the mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from netsparse.errors import InvalidOption
from netsparse.percolation.interval import CONFIDENCE
from netsparse.robustness.probing import MEASURED

CELL = ["probe", "options", "strength"]
FIX = "mean_over_trials(probe(model, data, 'sign_flip', rng=0))"


def mean_over_trials(
    table: pd.DataFrame, *, by: str | Sequence[str] = (), of: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Average the measured columns of a probe's table over its trials.

    Parameters
    ----------
    table : DataFrame
        One row per trial and strength, as `probe` returns it.
    by : str or sequence of str
        Further columns whose rows are kept apart, such as "model" or "rule".
    of : str or sequence of str, optional
        The measured columns; all of `MEASURED` that there are where not given.

    Returns
    -------
    DataFrame
        Tidy: the columns `by`, probe, options, strength, quantity, mean, low, high, n (trials). The interval is
        mean -+ t s / sqrt(n), Student's t at 95 %, NaN with one trial: how far the mean over all trials of this model
        may be away. Says nothing about other models, see `mean_over_models`.

    Raises
    ------
    InvalidOption
        For missing columns, columns that hold no numbers, a table of several models that are not kept apart, and for
        a trial that is there twice.

    Examples
    --------
    >>> columns = {"probe": "sign_flip", "options": "", "strength": 0.5, "trial": [0, 1], "accuracy": [0.5, 0.7]}
    >>> mean_over_trials(pd.DataFrame(columns))[["strength", "quantity", "mean", "n"]].round(3).values.tolist()
    [[0.5, 'accuracy', 0.6, 2]]
    """
    groups, of = _checked(table, by, of, [])
    if "model" in table.columns and "model" not in groups and table["model"].nunique() > 1:
        given = f"{table['model'].nunique()} models in one table"
        raise InvalidOption("table", given, "one, or models kept apart", "mean_over_models(table), or by='model'")
    _check_trials(table, groups)
    return _averaged(table, groups, of)


def mean_over_models(
    table: pd.DataFrame, *, by: str | Sequence[str] = (), of: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Average the measured columns over trained models: over the trials of each model, then over the models.

    Parameters
    ----------
    table : DataFrame
        Tables of `probe`, one below the other, with a column model that tells the trained models apart (a seed, say).
    by, of
        As for `mean_over_trials`; where `by` tells kinds of models apart, their names may repeat from kind to kind.

    Returns
    -------
    DataFrame
        Tidy: the columns `by`, probe, options, strength, quantity, mean, low, high, n (models). The interval is
        mean -+ t s / sqrt(n), Student's t at 95 %, NaN with one model, where s is the standard deviation of the models'
        means: how far the mean over all models trained like these may be away. Every model counts the same, however
        many trials it had.

    Raises
    ------
    InvalidOption
        For missing columns, columns that hold no numbers, and for a trial of a model that is there twice, as where
        kinds of models that are not told apart share their names.

    Examples
    --------
    >>> columns = {"probe": "sign_flip", "options": "", "strength": 0.5, "model": [0, 0, 1]}
    >>> table = pd.DataFrame({**columns, "trial": [0, 1, 0], "accuracy": [0.5, 0.7, 0.8]})
    >>> mean_over_models(table)[["quantity", "mean", "n"]].round(3).values.tolist()
    [['accuracy', 0.7, 2]]
    """
    groups, of = _checked(table, by, of, ["model"])
    groups = [column for column in groups if column != "model"]
    _check_trials(table, [*groups, "model"])
    of_models = table.groupby([*groups, "model"], sort=False, dropna=False)[of].mean().reset_index()
    return _averaged(of_models, groups, of)


def area_under_accuracy(table: pd.DataFrame) -> float:
    """Return the area under the mean accuracy of one probe against its strength (trapezoid).

    The functional twin of the R index, where the strengths are fractions from 0 to 1; between 0 and 1 then. Ours.

    Parameters
    ----------
    table : DataFrame
        As `probe` returns it, of one probe with one set of options. With a column model, every model counts the same.

    Raises
    ------
    InvalidOption
        For missing columns, and for a table of several probes.

    Examples
    --------
    >>> columns = {"probe": "link_removal", "options": "", "strength": [0.0, 1.0], "trial": 0, "accuracy": [1.0, 0.0]}
    >>> area_under_accuracy(pd.DataFrame(columns))
    0.5
    """
    average = mean_over_models if "model" in getattr(table, "columns", ()) else mean_over_trials
    means = average(table, of="accuracy")
    several = means[["probe", "options"]].drop_duplicates()
    if len(several) != 1:
        given = f"{len(several)} probes" if len(several) else "an empty table"
        fix = "for key, part in table.groupby(['probe', 'options']): area_under_accuracy(part)"
        raise InvalidOption("table", given, "one probe with one set of options", fix)
    means = means.sort_values("strength")
    return float(np.trapezoid(means["mean"].to_numpy(), means["strength"].to_numpy()))


def _checked(
    table: Any, by: str | Sequence[str], of: str | Sequence[str] | None, needed: list[str]
) -> tuple[list[str], list[str]]:
    """Return the columns to group by and those to average."""
    if not isinstance(table, pd.DataFrame):
        raise InvalidOption("table", type(table).__name__, "a DataFrame of `probe`", FIX)
    groups = [*_names("by", by), *CELL]
    named = [column for column in MEASURED if column in table.columns] if of is None else _names("of", of)
    missing = [column for column in (*groups, *needed, *named) if column not in table.columns]
    if missing:
        given = f"no column {missing[0]!r} among {', '.join(map(str, table.columns))}"
        fix = "table.assign(model=0)" if missing[0] == "model" else FIX
        raise InvalidOption("table", given, "the columns of `probe` and those named", fix)
    if not named:
        raise InvalidOption("of", "no column", "one or more of " + ", ".join(MEASURED), "of='accuracy'")
    if not table.columns.is_unique:
        given = f"column {table.columns[table.columns.duplicated()][0]!r} more than once"
        raise InvalidOption("table", given, "each column once", "pandas.concat([first, second]), below each other")
    for column in named:
        if not pd.api.types.is_numeric_dtype(table[column]):
            given, fix = f"column {column!r} of dtype {table[column].dtype}", f"table.astype({{{column!r}: float}})"
            raise InvalidOption("of", given, "columns of numbers", fix)
    return list(dict.fromkeys(groups)), named


def _names(option: str, given: Any) -> list[str]:
    names = [given] if isinstance(given, str) else list(given) if isinstance(given, Iterable) else [given]
    if not all(isinstance(name, str) for name in names):
        raise InvalidOption(option, repr(given), "names of columns", f"{option}=['accuracy', 'loss']")
    return list(dict.fromkeys(names))


def _check_trials(table: pd.DataFrame, groups: list[str]) -> None:
    """Check that no trial counts twice; the seeds tell runs of one model that number their trials alike apart."""
    if "trial" not in table.columns:
        return
    names = list(dict.fromkeys([*groups, "trial", *(["seed"] if "seed" in table.columns else [])]))
    twice = np.flatnonzero(table.duplicated(names))
    if len(twice):
        row = zip(names, table[names].iloc[int(twice[0])].tolist(), strict=True)
        given = ", ".join(f"{name} {value}" for name, value in row if name != "options") + " more than once"
        fix = "by=['rule'] for a column that tells them apart, or table.drop_duplicates()"
        raise InvalidOption("table", given, "each trial once", fix)


def _averaged(samples: pd.DataFrame, groups: list[str], of: list[str]) -> pd.DataFrame:
    """Return mean and interval of every column of `of` within each group, one below the other."""
    cells = samples.groupby(groups, sort=False, dropna=False)
    keys = cells.size().reset_index()[groups]
    frames: list[pd.DataFrame] = []
    for quantity in of:
        n = cells[quantity].count().to_numpy()
        mean, spread = cells[quantity].mean().to_numpy(), cells[quantity].std(ddof=1).to_numpy()
        # one sample has no spread, and t is not defined for 0 degrees of freedom: NaN either way
        half = stdtrit(np.maximum(n - 1, 1), (1 + CONFIDENCE) / 2) * spread / np.sqrt(np.maximum(n, 1))
        found = {"quantity": quantity, "mean": mean, "low": mean - half, "high": mean + half, "n": n}
        frames.append(keys.assign(**found))
    return pd.concat(frames, ignore_index=True)
