"""What `robustness` found, in a few numbers per run and probe: for people, as JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from netsparse.cli.measured import NARROWEST, number
from netsparse.percolation.interval import mean_interval
from netsparse.percolation.orders import ORDERS

BY = ["probe", "options", "run"]
SEPARATOR = re.compile(r", (?![^(]*\))")  # not inside the parentheses of an order
ORDER = re.compile(r"order=(\w+)\(([^)]*)\)")
HEADERS = ("clean\naccuracy", "halfway to\nchance at", "area under\naccuracy", "accuracy at\nthe strongest")


def summary(table: pd.DataFrame, chance: Mapping[str, float], fractions: Collection[str]) -> pd.DataFrame:
    """Return one row per probe, options and run: the clean accuracy, where it is lost, the area under it.

    `half_strength` is where the accuracy of a trial first falls to the middle between clean and chance, on straight
    lines between the strengths, averaged over trials; NaN where a trial never does, and where the clean accuracy is no
    better than chance, so that there is nothing to lose. `area` is the area under the
    accuracy where strengths are fractions that span 0 to 1, NaN elsewhere. Both are ours. Each has the half-width of
    its 95 % interval over trials beside it.

    Parameters
    ----------
    table : DataFrame
        Columns run, probe, options, strength, trial, accuracy; every trial has a strength of 0.
    chance : mapping of str to float
        Run -> accuracy of a guess.
    fractions : collection of str
        The probes whose strength is a fraction.

    Examples
    --------
    >>> table = pd.DataFrame({"strength": [0.0, 0.5, 1.0], "accuracy": [0.9, 0.3, 0.1]})
    >>> found = summary(table.assign(run="a", probe="b", options="", trial=0), {"a": 0.1}, ["b"])
    >>> found[["clean_accuracy", "half_strength", "area"]].round(3).values.tolist()
    [[0.9, 0.333, 0.4]]
    """
    rows = []
    for (probe, options, run), part in table.groupby(BY, sort=False):
        curves = part.pivot(index="trial", columns="strength", values="accuracy")
        strengths, accuracies = curves.columns.to_numpy(dtype=float), curves.to_numpy(dtype=float)
        clean = float(accuracies[0, 0])
        middle = (clean + chance[str(run)]) / 2
        has_learnt = clean > chance[str(run)]
        half = np.array([_first_fall(strengths, row, middle) if has_learnt else math.nan for row in accuracies])
        spans = probe in fractions and strengths[0] == 0 and strengths[-1] == 1
        area = np.trapezoid(accuracies, strengths, axis=1) if spans else np.full(len(accuracies), math.nan)
        row: dict[str, Any] = {"run": run, "probe": probe, "options": options, "trials": len(curves)}
        row |= {"clean_accuracy": clean, "strongest": strengths[-1], "accuracy_at_strongest": accuracies[:, -1].mean()}
        for name, values in (("half_strength", half), ("area", area)):
            mean, half_width = mean_interval(values[:, None])
            row |= {name: float(mean[0]), f"{name}_error": float(half_width[0])}
        rows.append(row)
    return pd.DataFrame(rows)


def _first_fall(strengths: np.ndarray, accuracies: np.ndarray, level: float) -> float:
    """Return the strength at which the accuracy first falls to `level`, NaN where it never does.

    Examples
    --------
    >>> _first_fall(np.array([0.0, 1.0, 2.0]), np.array([0.9, 0.7, 0.1]), 0.4)
    1.5
    """
    below = np.flatnonzero(accuracies <= level)
    if not len(below):
        return math.nan
    k = int(below[0])
    if k == 0:
        return float(strengths[0])
    above, under = accuracies[k - 1], accuracies[k]
    return float(strengths[k - 1] + (strengths[k] - strengths[k - 1]) * (above - level) / (above - under))


def print_probed(found: pd.DataFrame, meanings: Mapping[str, str], *, as_json: bool) -> None:
    """Print the summary, one line per run, probe and options."""
    if as_json:
        records = [{str(name): _ready(value) for name, value in row.items()} for row in found.to_dict("records")]
        typer.echo(json.dumps(records, indent=2, allow_nan=False))
        return
    console = Console()
    if not console.is_terminal and console.width < NARROWEST:
        console = Console(width=NARROWEST)
    shared, differing = split_options(found)
    for probe in found["probe"].drop_duplicates():
        options = f" ({shared[probe]})" if shared[probe] else ""
        console.print(f"{probe}{options}: {meanings[probe]}", highlight=False, markup=False)
    table = found.assign(options=differing)
    labels = [name for name in BY if table[name].nunique() > 1] or ["run"]
    printed = Table(header_style="bold")
    printed.add_column(", ".join(labels), overflow="fold")
    for header in HEADERS:
        printed.add_column(header, justify="right", no_wrap=True)
    for group, part in table.groupby(labels[0], sort=False):
        heads = len(labels) > 1 and len(part) > 1
        if len(labels) > 1:
            printed.add_section()
        if heads:
            printed.add_row(str(group), style="bold")
        for row in part.to_dict("records"):
            names = [str(row[name]) for name in (labels[1:] if heads else labels) if row[name]]
            strongest = f"{row['accuracy_at_strongest']:.4f} at {number(row['strongest'])}"
            cells = (f"{row['clean_accuracy']:.4f}", _pm(row, "half_strength"), _pm(row, "area"), strongest)
            printed.add_row("  " * heads + ", ".join(names), *cells)
    console.print(printed)
    if (found["trials"] > 1).any():
        console.print("± is the half-width of the 95 % interval of the mean over trials", style="dim", highlight=False)


def split_options(found: pd.DataFrame) -> tuple[dict[str, str], list[str]]:
    """Return the options that all settings of a probe share, and for each row those that they do not.

    Examples
    --------
    >>> options = ["order=random, scope=layer", "order=degree_product, scope=layer"]
    >>> split_options(pd.DataFrame({"probe": "link_removal", "options": options}))
    ({'link_removal': 'scope=layer'}, ['order=random', 'order=degree_product'])
    """
    pieces = [SEPARATOR.split(as_typed_here(text)) if text else [] for text in found["options"]]
    shared: dict[str, list[str]] = {}
    for probe, own in zip(found["probe"], pieces, strict=True):
        shared[probe] = [piece for piece in shared.get(probe, own) if piece in own]
    differing = [
        ", ".join(piece for piece in own if piece not in shared[probe])
        for probe, own in zip(found["probe"], pieces, strict=True)
    ]
    return {probe: ", ".join(common) for probe, common in shared.items()}, differing


def as_typed_here(options: str) -> str:
    """Return the options of a probe with an order's own options behind its name, not behind that of a class.

    Examples
    --------
    >>> as_typed_here("order=EdgeBetweenness(n_sources=7, recompute_every=None), scope=layer")
    'order=edge_betweenness (n_sources=7), scope=layer'
    """
    names = {type(order).__name__: name for name, order in reversed(ORDERS.items())}

    def typed(match: re.Match[str]) -> str:
        given = [each for each in match[2].split(", ") if each and not each.endswith("=None")]
        return f"order={names.get(match[1], match[1])}" + (f" ({', '.join(given)})" if given else "")

    return ORDER.sub(typed, options)


def _pm(row: Mapping[Any, Any], name: str) -> str:
    value, error = row[name], row[f"{name}_error"]
    if math.isnan(value):
        return "-"
    return f"{value:.4f}" if math.isnan(error) else f"{value:.4f} ± {error:.4f}"


def _ready(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
