"""Tables on disk: CSV, whole or absent, the same bytes for the same values."""

from __future__ import annotations

import os

import pandas as pd

from netsparse.atomic import atomic_path


def write_table(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write `table` as CSV with a header and no index; raises `DiskFull`."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
