"""The picture of certificates and attacks: every accuracy in its line, and between them what is undecided."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from netsparse.errors import InvalidOption
from netsparse.plotting.canvas import COLOURS
from netsparse.plotting.certified import certified_and_attacked

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def table(*accuracies, eps=(0.0, 0.1, 0.2), norm="linf", **columns):
    return pd.DataFrame({"eps": eps, "accuracy": accuracies, "norm": norm, **columns})


def text(ax):
    return [entry.get_text() for entry in ax.get_legend().get_texts()]


def test_three_lines_and_a_shade_per_model():
    _, given = plt.subplots()
    certified = {"natural": table(0.9, 0.1, 0.0), "TRADES": table(0.8, 0.5, 0.2)}
    attacked = {"natural": table(0.9, 0.4, 0.1), "TRADES": table(0.8, 0.7, 0.5)}
    ax = certified_and_attacked(certified, attacked, chance=0.1, ax=given)
    assert ax is given
    assert text(ax) == ["natural", "TRADES", "clean", "under attack", "certified", "undecided", "chance"]
    drawn = [(line.get_color(), line.get_linestyle(), list(line.get_ydata())) for line in ax.lines]
    expected = []
    for colour, name in zip(COLOURS, certified, strict=False):
        clean = certified[name]["accuracy"][0]
        expected.append((colour, ":", [clean, clean]))
        expected.append((colour, "-", attacked[name]["accuracy"].tolist()))
        expected.append((colour, "--", certified[name]["accuracy"].tolist()))
    assert drawn[:-1] == expected
    assert "infty" in ax.get_xlabel()
    vertices = pd.DataFrame(ax.collections[0].get_paths()[0].vertices, columns=["x", "y"]).groupby("x")["y"]
    np.testing.assert_allclose(vertices.min(), [0.9, 0.1, 0.0])
    np.testing.assert_allclose(vertices.max(), [0.9, 0.4, 0.1])


def test_other_radii_rows_in_any_order_and_trials():
    certified = table(0.8, 0.4, 0.2, 0.0, eps=(0.0, 0.02, 0.04, 0.1)).sample(frac=1, random_state=0)
    trials = pd.concat([table(0.8, 0.6, 0.2, trial=0), table(0.8, 0.4, 0.0, trial=1)])
    ax = certified_and_attacked(certified, trials)
    assert ax.lines[1].get_ydata().tolist() == [0.8, 0.5, 0.1]
    assert ax.lines[2].get_xdata().tolist() == [0.0, 0.02, 0.04, 0.1]
    assert ax.lines[0].get_xdata().tolist() == [0.0, 0.2]
    xs = ax.collections[0].get_paths()[0].vertices[:, 0]
    assert (xs.min(), xs.max()) == (0.0, 0.1)  # as far as both are known
    assert text(ax) == ["clean", "under attack", "certified", "undecided"]


def test_certificates_alone():
    ax = certified_and_attacked(table(0.8, 0.4, 0.2, norm="l2"))
    assert len(ax.lines) == 2
    assert not ax.collections
    assert text(ax) == ["clean", "certified"]
    assert "L_2" in ax.get_xlabel()
    without_clean = certified_and_attacked(table(0.4, 0.2, eps=(0.1, 0.2)))
    assert len(without_clean.lines) == 1


@pytest.mark.parametrize(
    ("certified", "attacked", "words"),
    [
        ({}, None, "certified: given no tables"),
        ([1], None, "certified: given list"),
        (table(0.9, 0.1, 0.0).iloc[:0], None, "certified: given no rows"),
        (table(0.9, 0.1, 0.0).drop(columns="norm"), None, "without norm"),
        ({"a": table(0.9, 0.1, 0.0)}, {"b": table(0.9, 0.1, 0.0)}, "'b' without certificates"),
        (table(0.9, 0.1, 0.0), table(0.9, 0.1, 0.0, norm="l2"), "several norms: l2, linf"),
        (table(0.9, 0.1, 0.0, method=["interval", "interval", "best"]), None, "methods interval, best in one line"),
        (table(0.9, 0.1, 0.0, eps=(0.0, 0.1, 0.1)), None, "several rows for one eps"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(certified, attacked, words):
    with pytest.raises(InvalidOption, match=words) as caught:
        certified_and_attacked(certified, attacked)
    assert "\n" not in str(caught.value)
