"""`Dataset`: what it accepts, what it refuses, and that it stays as it is."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, fields

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsparse.datasets import Dataset
from netsparse.errors import InvalidOption

X = np.linspace(0, 1, 12, dtype=np.float32).reshape(4, 3)
Y = np.array([0, 1, 2, 1])
GOOD = {"x_train": X, "y_train": Y, "x_test": X[:2], "y_test": Y[:2]}


def test_fields():
    data = Dataset.from_arrays(X.reshape(4, 1, 3), Y, X[:2].reshape(2, 1, 3), Y[:2], name="small")
    assert (data.name, data.n_classes, data.shape, data.n_features) == ("small", 3, (1, 3), 3)
    assert data.x_train.dtype == np.float32
    assert data.y_train.dtype == np.int64
    np.testing.assert_array_equal(data.x_train, X)
    np.testing.assert_array_equal(data.y_test, Y[:2])


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))))
def test_bytes_are_divided_by_255(pixels):
    labels = np.zeros(len(pixels), dtype=int)
    data = Dataset.from_arrays(pixels, labels, pixels, labels)
    exact = (pixels.reshape(len(pixels), -1).astype(np.float64) / 255).astype(np.float32)
    np.testing.assert_array_equal(data.x_train, exact)
    assert data.shape == pixels.shape[1:]


@given(hnp.arrays(np.float32, (3, 2), elements=st.floats(width=32) | st.floats(0, 1, width=32)))
def test_floats_are_taken_exactly_when_they_lie_in_the_unit_interval(x):
    rest = [0, 1, 0], np.zeros((1, 2)), [0]
    if np.all((x >= 0) & (x <= 1)):
        np.testing.assert_array_equal(Dataset.from_arrays(x, *rest).x_train, x)
    else:
        with pytest.raises(InvalidOption, match="x_train"):
            Dataset.from_arrays(x, *rest)


def test_other_layouts_and_types_of_the_same_numbers_give_equal_data():
    whole = Dataset.from_arrays(**GOOD)
    assert Dataset.from_arrays(np.asfortranarray(X), Y.astype(np.uint8), X[:2].astype(float), Y[:2, None]) == whole
    assert Dataset.from_arrays(X.astype(float).tolist(), Y.tolist(), X[:2], Y[:2].astype(np.int8)) == whole
    assert hash(whole) == hash(Dataset.from_arrays(**GOOD))
    assert Dataset.from_arrays(**{**GOOD, "x_train": X * np.float32(0.5)}) != whole
    assert Dataset.from_arrays(**GOOD, name="other") != whole
    assert whole != "arrays"


def test_booleans_are_zeros_and_ones():
    data = Dataset.from_arrays(X > 0.5, Y, X[:2], Y[:2])
    np.testing.assert_array_equal(data.x_train, (X > 0.5).astype(np.float32))


def test_float32_is_shared_and_read_only_but_the_given_array_stays_writable():
    x = X.copy()
    data = Dataset.from_arrays(x, Y, X[:2], Y[:2])
    assert np.shares_memory(data.x_train, x)
    assert x.flags.writeable
    for array in (data.x_train, data.y_train, data.x_test, data.y_test):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0
    with pytest.raises(FrozenInstanceError):
        data.n_classes = 4


def test_a_pickled_copy_is_equal_and_still_read_only():
    data = Dataset.from_arrays(**GOOD, name="small", shape=(3, 1))
    copy = pickle.loads(pickle.dumps(data))
    assert copy == data
    assert [
        getattr(copy, f.name).flags.writeable for f in fields(copy) if isinstance(getattr(copy, f.name), np.ndarray)
    ] == [False] * 4


def test_more_classes_than_labels_seen():
    assert Dataset.from_arrays(**GOOD, n_classes=10).n_classes == 10
    assert Dataset.from_arrays(X, Y * 0, X, Y * 0).n_classes == 1


def test_shown_in_a_notebook_with_its_name_escaped():
    page = Dataset.from_arrays(**GOOD, name="<b>")._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "<th>classes</th><td>3</td>" in page


BAD = {
    "no samples": ({"x_train": X[:0], "y_train": Y[:0]}, "x_train"),
    "no test samples": ({"x_test": X[:0], "y_test": Y[:0]}, "x_test"),
    "no features": ({"x_train": X[:, :0]}, "x_train"),
    "one row only": ({"x_train": X[0]}, "x_train"),
    "above one": ({"x_train": X * 2}, "x_train"),
    "below zero": ({"x_test": X[:2] - 1}, "x_test"),
    "not a number": ({"x_train": np.where(X > 0.5, np.nan, X)}, "x_train"),
    "infinite": ({"x_train": np.where(X > 0.5, np.inf, X)}, "x_train"),
    "wide integers": ({"x_train": (X * 255).astype(np.int64)}, "x_train"),
    "complex": ({"x_train": X.astype(complex)}, "x_train"),
    "strings": ({"x_train": X.astype(str)}, "x_train"),
    "objects": ({"x_train": X.astype(object)}, "x_train"),
    "ragged": ({"x_train": [[0, 1], [0]]}, "x_train"),
    "other features in the test set": ({"x_test": X[:2, :2]}, "x_test"),
    "other shape in the test set": ({"x_test": X[:2].reshape(2, 1, 3)}, "x_test"),
    "too few labels": ({"y_train": Y[:3]}, "y_train"),
    "too many test labels": ({"y_test": Y}, "y_test"),
    "labels as floats": ({"y_train": Y.astype(float)}, "y_train"),
    "labels one-hot": ({"y_train": np.eye(4, dtype=int)}, "y_train"),
    "negative label": ({"y_train": Y - 1}, "y_train"),
    "label beyond n_classes": ({"n_classes": 2}, "y_train"),
    "test label beyond n_classes": ({"y_test": [0, 9], "n_classes": 3}, "y_test"),
    "identifiers as labels": ({"y_train": Y + 10**9}, "y_train"),
    "no classes": ({"n_classes": 0}, "n_classes"),
    "classes not whole": ({"n_classes": 2.5}, "n_classes"),
    "classes a truth value": ({"n_classes": True}, "n_classes"),
    "shape of another size": ({"shape": (2, 2)}, "shape"),
    "shape with a hole": ({"shape": (-1, -3)}, "shape"),
    "shape not numbers": ({"shape": "three"}, "shape"),
    "empty shape": ({"shape": ()}, "shape"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arrays_get_one_line_that_names_the_argument(case):
    change, subject = BAD[case]
    with pytest.raises(InvalidOption) as caught:
        Dataset.from_arrays(**{**GOOD, **change})
    assert caught.value.subject == subject
    assert "\n" not in str(caught.value)
