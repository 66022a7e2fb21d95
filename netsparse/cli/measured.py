"""A table of metrics for people, spreadsheets and programs: pretty, CSV, JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

NARROWEST = 100
"""Columns of a page that is no terminal."""

KEEPS = {"density": "its number of edges", "degree": "every degree"}


def as_csv(table: pd.DataFrame) -> str:
    """Return the table as CSV, the same bytes for the same values."""
    return table.to_csv(index=False, lineterminator="\n")


def as_json(table: pd.DataFrame) -> str:
    """Return a list of records; NaN becomes null, and infinity, which JSON has no number for, "Infinity".

    Examples
    --------
    >>> json.loads(as_json(pd.DataFrame({"metric": ["z", "q"], "value": [math.nan, -math.inf]})))
    [{'metric': 'z', 'value': None}, {'metric': 'q', 'value': '-Infinity'}]
    """
    records = [{str(name): _ready(value) for name, value in row.items()} for row in table.to_dict("records")]
    return json.dumps(records, indent=2, allow_nan=False) + "\n"


def print_pretty(table: pd.DataFrame, heading: str, null: str | None = None, n_null: int = 0) -> None:
    """Print the metrics of all layers beside each other; with a null model, one block per layer."""
    console = Console()
    if not console.is_terminal and console.width < NARROWEST:
        console = Console(width=NARROWEST)
    console.print(heading, soft_wrap=True, highlight=False, markup=False)
    blocks = _side_by_side(table, console.width) if null is None else _against_null(table)
    for block in blocks:
        console.print(block)
    if null is not None:
        lowest = min(1.0, 2 / (n_null + 1))
        note = (
            f"null is the mean ± standard deviation over {n_null} randomised copies, in which each layer keeps "
            f"{KEEPS[null]}; z = (value - mean) / standard deviation; p is two-sided and at least {lowest:.3g}"
        )
        console.print(note, style="dim", highlight=False)


def _side_by_side(table: pd.DataFrame, width: int) -> list[Table]:
    """One column per layer, edges and density above everything; as many tables as it takes to fit the page."""
    parts = [(layer, part.iloc[0], part) for layer, part in table.groupby("layer", sort=False)]
    metrics = [name for name in table["metric"].drop_duplicates() if name != "density"]
    columns = []
    for layer, first, part in parts:
        values = dict(zip(part["metric"], part["value"], strict=True))
        head = [str(layer), f"{first['n_in']} → {first['n_out']}"]
        columns.append(
            [*head, f"{first['n_edges']:,}", number(first["density"]), *(number(values[m]) for m in metrics)]
        )
    room = width - 4 - max(map(len, ["edges", "density", *metrics]))
    blocks, used = [[]], 0
    for column in columns:
        needed = 3 + max(map(len, column))
        if blocks[-1] and used + needed > room:
            blocks, used = [*blocks, []], 0
        blocks[-1].append(column)
        used += needed
    return [_block(metrics, block) for block in blocks]


def _block(metrics: list[str], columns: list[list[str]]) -> Table:
    printed = Table(header_style="bold")
    printed.add_column("layer\nunits", no_wrap=True)
    for layer, ends, *_ in columns:
        printed.add_column(f"{layer}\n{ends}", justify="right", no_wrap=True)
    for k, name in enumerate(["edges", "density", *metrics]):
        printed.add_row(name, *(column[k + 2] for column in columns), end_section=name == "density")
    return printed


def _against_null(table: pd.DataFrame) -> list[Table]:
    blocks = []
    for layer, part in table.groupby("layer", sort=False):
        first = part.iloc[0]
        name = "network" if layer == "network" else f"layer {layer}"
        title = (
            f"{name}, {first['n_in']} → {first['n_out']}: {first['n_edges']:,} edges, density {first['density']:.4g}"
        )
        printed = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
        printed.add_column("metric", no_wrap=True)
        for column in ("value", "null", "z", "p"):
            printed.add_column(column, justify="right", no_wrap=True)
        for row in sorted(part.to_dict("records"), key=lambda row: row["metric"] != "density"):
            null = "-" if math.isnan(row["null_mean"]) else number(row["null_mean"])
            null += "" if math.isnan(row["null_std"]) else f" ± {number(row['null_std'], 2)}"
            z = "-" if math.isnan(row["z"]) else f"{row['z']:.2f}" if abs(row["z"]) < 1000 else f"{row['z']:.2g}"
            p = "-" if math.isnan(row["p"]) else f"{row['p']:.3g}"
            printed.add_row(str(row["metric"]), number(row["value"]), null, z, p)
        blocks.append(printed)
    return blocks


def number(value: float, digits: int = 4) -> str:
    """Return a number with `digits` significant digits, whole ones in full, NaN as a dash.

    Examples
    --------
    >>> [number(value) for value in (27840.0, 0.0123456, 1234.567, 1.25e-7, math.nan, -math.inf)]
    ['27,840', '0.01235', '1,235', '1.25e-07', '-', '-inf']
    """
    if math.isnan(value):
        return "-"
    if not math.isfinite(value):
        return str(value)
    if abs(value) < 1e9 and (value == int(value) or abs(value) >= 10 ** (digits - 1)):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def _ready(value: Any) -> Any:
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
