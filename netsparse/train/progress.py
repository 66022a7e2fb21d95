"""The progress bar: the same call draws a widget in a notebook and a line in a terminal."""

from __future__ import annotations

import warnings
from typing import Any

from tqdm import TqdmWarning

with warnings.catch_warnings():
    # without ipywidgets tqdm warns in every notebook that it falls back to a text bar, which is what we want there
    warnings.simplefilter("ignore", TqdmWarning)
    from tqdm.auto import tqdm


def progress_bar(name: str, epochs: int, *, show: bool) -> Any:
    """Return a bar over `epochs`, to be used in a `with` block; drawn on stderr if `show`."""
    return tqdm(total=epochs, unit="epoch", disable=not show, desc=name)
