"""Figures into files: whole or absent, the suffix says in which format, the same bytes for the same figure."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from netsparse.atomic import atomic_path

WITHOUT_TIME = {".png": {"Software": None}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
"""The formats, and what each would say about when and by what it was written."""

DPI = 150


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, PDF or SVG; raises `DiskFull`, `NotWritable`."""
    suffix = path.suffix.lower()
    # the salt makes the names inside an SVG the same every time
    with mpl.rc_context({"svg.hashsalt": "netsparse"}), atomic_path(path) as temporary:
        figure.savefig(temporary, format=suffix[1:], dpi=DPI, metadata=WITHOUT_TIME[suffix])
