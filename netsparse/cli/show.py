"""What the commands print: progress on stderr, the summary on stdout as a table or as JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

DIGITS = {"edges": 0, "isolated_outputs": 0, "best_validation_epoch": 0, "sparsity": 4, "seconds_per_epoch": 3}
LABELS = {
    "zero_weights": "share of zero weights",
    "isolated_outputs": "units without incoming edge",
    "ramanujan_excess": "Ramanujan excess",
    "algebraic_connectivity_giant": "algebraic connectivity, giant",
    "r_index": "R index",
}


def say(text: str) -> None:
    """Print a line of progress."""
    typer.echo(text, err=True)


def print_summary(table: pd.DataFrame, folder: Path, *, as_json: bool) -> None:
    """Print one column per run, one row per quantity, and where everything lies."""
    runs = [{str(name): value for name, value in run.items()} for run in table.to_dict("records")]
    if as_json:
        clean = [{name: _json_ready(value) for name, value in run.items()} for run in runs]
        typer.echo(json.dumps({"folder": str(folder), "runs": clean}, indent=2))
        return
    printed = Table(title=None, header_style="bold")
    printed.add_column("")
    for run in runs:
        printed.add_column(str(run["run"]), justify="right")
    for name in table.columns.drop("run"):
        if not name.endswith("_error"):
            printed.add_row(LABELS.get(name, name.replace("_", " ")), *(_cell(run, name) for run in runs))
    console = Console()
    console.print(printed)
    if any(name.endswith("_error") for name in table.columns):
        console.print("± is the half-width of the 95 % interval of the mean over trials", style="dim")
    console.print(f"everything is in {folder}", soft_wrap=True, highlight=False)


def _cell(run: dict[str, Any], name: str) -> str:
    value, error = run[name], run.get(f"{name}_error", math.nan)
    if isinstance(value, float) and not math.isfinite(value):
        return "-"
    text = f"{value:,.{DIGITS.get(name, 4)}f}"
    return f"{text} ± {error:.4f}" if math.isfinite(error) else text


def _json_ready(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
