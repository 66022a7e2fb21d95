"""What `bench` measured, for people and for programs: a table under its machine, or records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from netsparse.cli.measured import NARROWEST, number

FEW = 4
"""Rows of a table that may be printed as columns, where it is too wide otherwise."""
WHOLE = {
    "width",
    "n",
    "n_edges",
    "batch",
    "units",
    "edges",
    "replaced",
    "dropped",
    "grown",
    "channels",
    "n_out",
    "side",
}
GROUPS = {
    "contestant": ("width", "n", "channels", "n_out", "side", "density", "batch"),
    "kernel": ("n", "density", "batch"),
}
"""Columns whose change begins a new group of rows, by the column that tells the rows of a group apart."""


def records(name: str, table: pd.DataFrame, machine: Mapping[str, Any], notes: Sequence[str]) -> dict[str, Any]:
    """Return a table as one object that JSON can hold: name, machine, rows, notes; NaN becomes null."""
    rows = [{str(key): _ready(value) for key, value in row.items()} for row in table.to_dict("records")]
    return {"benchmark": name, "machine": dict(machine), "rows": rows, "notes": list(notes)}


def print_table(title: str, machine: str, table: pd.DataFrame, notes: Sequence[str]) -> None:
    """Print the table under what it shows and the machine it was measured on, and the notes under it."""
    console = Console()
    if not console.is_terminal and console.width < NARROWEST:
        console = Console(width=NARROWEST)
    console.print(title, style="bold", soft_wrap=True, highlight=False, markup=False)
    console.print(machine, style="dim", soft_wrap=True, highlight=False, markup=False)
    printed = _upright(table)
    room = console.options.update(max_width=10 * NARROWEST)
    if console.measure(printed, options=room).maximum > console.width and len(table) <= FEW:
        printed = _lying(table)
    console.print(printed)
    for note in notes:
        console.print(note, style="dim", soft_wrap=True, highlight=False, markup=False)


def _upright(table: pd.DataFrame) -> Table:
    """Return a table with a line per row."""
    printed = Table(header_style="bold")
    for name in table.columns:
        is_text = table[name].dtype == object or isinstance(table[name].dtype, pd.StringDtype)
        printed.add_column(str(name).replace("_", " "), justify="left" if is_text else "right")
    rows = table.to_dict("records")
    keys = next((columns for name, columns in GROUPS.items() if name in table.columns), ())
    groups = [tuple(row.get(key) for key in keys) for row in rows]
    for k, row in enumerate(rows):
        ends = bool(keys) and (k + 1 == len(rows) or groups[k] != groups[k + 1])
        printed.add_row(*(_cell(str(name), value) for name, value in row.items()), end_section=ends)
    return printed


def _lying(table: pd.DataFrame) -> Table:
    """Return a table with a line per column, for few rows of many numbers."""
    printed = Table(show_header=False)
    printed.add_column(style="bold")
    for _ in range(len(table)):
        printed.add_column(justify="right")
    for name in table.columns:
        printed.add_row(str(name).replace("_", " "), *(_cell(str(name), value) for value in table[name].tolist()))
    return printed


def _cell(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "*" if value else ""
    if isinstance(value, str):
        return value
    if name in WHOLE:
        return f"{value:,.0f}"
    if name == "share_of_epoch":
        return f"{100 * value:.2f} %"
    return number(float(value), 3)


def _ready(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
