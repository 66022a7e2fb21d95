"""From arrays read out of files to a `Dataset`, with errors that name the file instead of the argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from netsparse.datasets.dataset import Dataset
from netsparse.errors import InvalidFile, InvalidOption

ROLES = ("x_train", "y_train", "x_test", "y_test")


def dataset_from_files(
    arrays: Mapping[str, np.ndarray],
    paths: Mapping[str, str | Path],
    *,
    name: str,
    shape: Sequence[int] | None = None,
    n_classes: int | None = None,
) -> Dataset:
    """Build a data set from `arrays`, one per role (x_train, y_train, x_test, y_test), found in `paths`.

    Raises
    ------
    InvalidFile
        Where `Dataset.from_arrays` refuses an array; it names the array's file.
    """
    try:
        return Dataset.from_arrays(*(arrays[role] for role in ROLES), name=name, shape=shape, n_classes=n_classes)
    except InvalidOption as error:
        where = paths.get(error.subject, paths["x_train"])
        subject = f"{error.subject} in '{where}'"
        raise InvalidFile(subject, error.given, error.expected, f"writing the file anew: {error.fix}") from error
