"""`Dataset`: training and test samples of a classification task, as a frozen value."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.typing import Float, Int

Samples = Float[np.ndarray, "sample feature"]
"""One flattened sample per row, values in [0, 1]."""

Labels = Int[np.ndarray, "sample"]
"""Class of each sample, counted from 0."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Dataset:
    """Samples with pixel values in [0, 1] and their class labels, split into training and test set.

    Build one from your own arrays with `Dataset.from_arrays`, which checks them; the constructor takes them as given.
    The arrays are read-only. Two data sets are equal when all their fields are.

    Parameters
    ----------
    name : str
        What tables and figures call it.
    x_train, x_test : float32 arrays of shape (n, n_features)
        One flattened sample per row, values in [0, 1].
    y_train, y_test : int64 arrays of shape (n,)
        Class labels, 0 to n_classes - 1.
    n_classes : int
        Number of classes.
    shape : tuple of int
        Shape of one sample before it was flattened: (28, 28), or (3, 32, 32), channels first.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    >>> Dataset.from_arrays(x, y, x, y, name="corners", shape=(2, 2))
    Dataset('corners', 4 training and 4 test samples of shape (2, 2), 2 classes)
    """

    name: str
    x_train: Samples
    y_train: Labels
    x_test: Samples
    y_test: Labels
    n_classes: int
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                view = value.view()  # a view of its own: the caller's array stays as writable as it was
                view.setflags(write=False)
                object.__setattr__(self, field.name, view)

    @classmethod
    def from_arrays(
        cls,
        x_train: Any,
        y_train: Any,
        x_test: Any,
        y_test: Any,
        *,
        name: str = "arrays",
        shape: Sequence[int] | None = None,
        n_classes: int | None = None,
    ) -> Dataset:
        """Check arrays and wrap them.

        Parameters
        ----------
        x_train, x_test : arrays of shape (n, n_features) or (n, *shape)
            uint8 is divided by 255; floating point must lie in [0, 1] already. A C-contiguous float32 array is shared,
            not copied: do not write into it afterwards.
        y_train, y_test : integer arrays of shape (n,) or (n, 1)
            Class labels, counted from 0.
        name : str
            What tables and figures call it.
        shape : tuple of int, optional
            Shape of one sample, with product n_features; by default that of the rows of `x_train`.
        n_classes : int, optional
            Number of classes; by default the largest label plus one.

        Raises
        ------
        InvalidOption
            For an empty set, wrong shapes or types, values outside [0, 1] or not finite, different numbers of samples
            and labels, and labels outside 0 .. n_classes - 1. Its `subject` is the name of the argument.

        Examples
        --------
        >>> pixels = [[[0, 255], [51, 0]], [[255, 0], [0, 0]]]
        >>> import numpy as np
        >>> x = np.array(pixels, dtype=np.uint8)
        >>> data = Dataset.from_arrays(x, [1, 0], x, [1, 0])
        >>> data.x_train.tolist(), data.shape, data.n_features
        ([[0.0, 1.0, 0.20000000298023224, 0.0], [1.0, 0.0, 0.0, 0.0]], (2, 2), 4)
        """
        train, test = _as_samples("x_train", x_train), _as_samples("x_test", x_test)
        if test.shape[1:] != train.shape[1:]:
            expected = f"samples of shape {train.shape[1:]}, as in x_train"
            raise InvalidOption(
                "x_test", f"samples of shape {test.shape[1:]}", expected, "the same preparation for both"
            )
        shape = _as_shape(shape, train.shape[1:])
        y_train = _as_labels("y_train", y_train, len(train), "x_train")
        y_test = _as_labels("y_test", y_test, len(test), "x_test")
        n_classes = _as_n_classes(n_classes, y_train, y_test)
        for label, y in (("y_train", y_train), ("y_test", y_test)):
            if y.min() < 0 or y.max() >= n_classes:
                expected = f"labels from 0 to n_classes - 1 = {n_classes - 1}"
                fix = "numpy.unique(labels, return_inverse=True)[1], or a larger n_classes"
                raise InvalidOption(label, f"labels from {y.min()} to {y.max()}", expected, fix)
        return cls(str(name), _scaled("x_train", train), y_train, _scaled("x_test", test), y_test, n_classes, shape)

    @property
    def n_features(self) -> int:
        """Number of values per sample: the `n_in` of a network that reads it."""
        return self.x_train.shape[1]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dataset):
            return NotImplemented
        return all(np.array_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    def __hash__(self) -> int:
        return hash((self.name, self.x_train.shape, self.x_test.shape, self.n_classes, self.shape))

    def __reduce__(self):
        # through the constructor, because an unpickled array is writable again
        return Dataset, tuple(getattr(self, f.name) for f in fields(self))

    def __repr__(self) -> str:
        counts = f"{len(self.x_train)} training and {len(self.x_test)} test samples"
        return f"Dataset({self.name!r}, {counts} of shape {self.shape}, {self.n_classes} classes)"

    def _repr_html_(self) -> str:
        rows = {
            "training samples": f"{len(self.x_train):,}",
            "test samples": f"{len(self.x_test):,}",
            "features": f"{self.n_features:,} = {' &times; '.join(map(str, self.shape))}",
            "classes": f"{self.n_classes:,}",
            "memory": f"{(self.x_train.nbytes + self.x_test.nbytes) / 1e6:,.1f} MB",
        }
        cells = "".join(f"<tr><th>{row}</th><td>{value}</td></tr>" for row, value in rows.items())
        return f"<table><caption>Dataset {html.escape(self.name)}</caption>{cells}</table>"


def _as_samples(name: str, values: Any) -> np.ndarray:
    array = _as_array(name, values)
    if array.ndim < 2 or 0 in array.shape:
        expected = "at least one sample: shape (n, n_features) or (n, *shape)"
        raise InvalidOption(name, f"an array of shape {array.shape}", expected, f"{name}.reshape(n, -1)")
    if array.dtype != np.uint8 and array.dtype.kind not in "fb":
        fix = f"{name}.astype(numpy.uint8) for pixels from 0 to 255"
        raise InvalidOption(name, f"an array of {array.dtype}", "uint8, or floating point in [0, 1]", fix)
    if array.dtype.kind == "f":
        low, high = float(array.min()), float(array.max())
        if not (low >= 0 and high <= 1):  # not a number fails both comparisons
            given = f"values from {low:g} to {high:g}"
            raise InvalidOption(name, given, "finite numbers in [0, 1]", f"{name} / {name}.max(), or uint8 pixels")
    return array


def _scaled(name: str, samples: np.ndarray) -> Samples:
    rows = samples.reshape(len(samples), -1)
    if rows.dtype == np.uint8:
        return np.divide(rows, np.float32(255), dtype=np.float32, order="C")
    return np.ascontiguousarray(rows, dtype=np.float32)


def _as_shape(shape: Sequence[int] | None, found: tuple[int, ...]) -> tuple[int, ...]:
    if shape is None:
        return found
    try:
        wanted = tuple(int(side) for side in shape)
    except (TypeError, ValueError):
        wanted = ()
    if not wanted or min(wanted) < 1 or math.prod(wanted) != math.prod(found):
        expected = f"whole numbers with product {math.prod(found)}, the features of a sample"
        raise InvalidOption("shape", repr(shape), expected, f"shape={found}")
    return wanted


def _as_labels(name: str, values: Any, n_samples: int, samples: str) -> Labels:
    array = _as_array(name, values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "iu":
        given = f"{array.dtype} of shape {array.shape}"
        fix = f"{name}.astype(int), or {name}.argmax(axis=1) if it is one-hot"
        raise InvalidOption(name, given, "a 1-D array of integers", fix)
    if len(array) != n_samples:
        expected = f"{n_samples} labels, one per sample of {samples}"
        raise InvalidOption(name, f"{len(array)} labels", expected, f"{samples} and {name} of the same length")
    return array.astype(np.int64)


def _as_n_classes(n_classes: int | None, y_train: np.ndarray, y_test: np.ndarray) -> int:
    if n_classes is None:
        largest, n_samples = int(max(y_train.max(), y_test.max())), len(y_train) + len(y_test)
        if largest >= n_samples:
            # one output unit per class: identifiers taken for labels would ask for a billion of them
            expected = f"classes counted from 0, fewer than the {n_samples} samples"
            fix = "numpy.unique(labels, return_inverse=True)[1], or n_classes="
            raise InvalidOption("y_train", f"a label of {largest}", expected, fix)
        return max(largest + 1, 1)
    whole = isinstance(n_classes, int | np.integer) and not isinstance(n_classes, bool)
    if not whole or n_classes < 1:
        raise InvalidOption("n_classes", repr(n_classes), "a whole number, at least 1", "n_classes=10")
    return int(n_classes)


def _as_array(name: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InvalidOption(name, f"no array ({error})", "an array of numbers", f"numpy.stack({name})") from error
