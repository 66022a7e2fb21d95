"""Pictures of models under attack: every accuracy in its place, every interval as wide as its images say."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from netsparse.errors import InvalidOption, UnknownName
from netsparse.plotting.adversarial import accuracy_under_attack, clean_and_robust, wilson
from netsparse.plotting.canvas import COLOURS

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def table(*accuracies, eps=(0.0, 0.1, 0.2), n=200, trials=1, norm="linf", attack="pgd"):
    rows = [
        {"eps": at, "accuracy": accuracy + 0.01 * trial, "trial": trial, "norm": norm, "attack": attack}
        for trial in range(trials)
        for at, accuracy in zip(eps, accuracies, strict=True)
    ]
    return pd.DataFrame(rows).assign(n_samples=n, clean_accuracy=accuracies[0])


def text(ax):
    return [entry.get_text() for entry in ax.get_legend().get_texts()]


@pytest.mark.parametrize("n", [1, 7, 300])
def test_intervals_are_wilsons(n):
    for hits in {0, 1, n // 2, n}:
        twin = binomtest(hits, n).proportion_ci(0.95, method="wilson")
        np.testing.assert_allclose(wilson(hits / n, n), (twin.low, twin.high), atol=1e-12)


def test_a_line_and_a_band_per_model():
    _, given = plt.subplots()
    ax = accuracy_under_attack({"natural": table(0.9, 0.2, 0.0), "TRADES": table(0.8, 0.6, 0.3)}, chance=0.1, ax=given)
    assert ax is given
    assert text(ax) == ["natural", "TRADES", "chance"]
    assert ax.get_ylabel() == "accuracy under attack"
    assert "infty" in ax.get_xlabel()
    for line, colour, heights in zip(ax.lines, COLOURS, ([0.9, 0.2, 0.0], [0.8, 0.6, 0.3]), strict=False):
        assert line.get_color() == colour
        assert line.get_xdata().tolist() == [0.0, 0.1, 0.2]
        assert line.get_ydata().tolist() == heights
    vertices = pd.DataFrame(ax.collections[0].get_paths()[0].vertices, columns=["x", "y"]).groupby("x")["y"]
    ends = np.array([wilson(share, 200) for share in (0.9, 0.2, 0.0)])
    np.testing.assert_allclose(vertices.min(), ends[:, 0])
    np.testing.assert_allclose(vertices.max(), ends[:, 1])
    assert not accuracy_under_attack({"natural": table(0.9, 0.2, 0.0)}, intervals=False).collections


def test_trials_are_averaged_and_do_not_narrow_the_interval():
    ax = accuracy_under_attack(table(0.8, 0.5, 0.2, trials=3))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0.81, 0.51, 0.21])
    vertices = ax.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose(vertices[:, 1].min(), wilson(0.21, 200)[0])
    assert ax.get_legend() is None


def test_one_table_is_told_apart_by_a_column():
    both = pd.concat([table(0.9, 0.2, 0.0), table(0.9, 0.5, 0.1, attack="square")], ignore_index=True)
    ax = accuracy_under_attack(both, by="attack")
    assert text(ax) == ["pgd", "square"]
    with pytest.raises(InvalidOption, match=r"several in one line: pgd, square.*try by='attack'"):
        accuracy_under_attack(both)
    with pytest.raises(UnknownName, match="by"):
        accuracy_under_attack(both, by="rule")


def test_norms_are_named_where_there_is_one():
    assert "L_2" in accuracy_under_attack(table(0.9, 0.2, 0.0, norm="l2")).get_xlabel()
    mixed = {"a": table(0.9, 0.2, 0.0, norm="l2"), "b": table(0.9, 0.2, 0.0)}
    assert accuracy_under_attack(mixed).get_xlabel() == r"$\epsilon$"


def test_clean_against_robust():
    tables = {"natural": table(0.95, 0.4, 0.1), "TRADES": table(0.85, 0.7, 0.5)}
    ax = clean_and_robust(tables, eps=0.1)
    places = [container[0].get_xydata()[0].tolist() for container in ax.containers]
    assert places == [[0.95, 0.4], [0.85, 0.7]]
    assert text(ax)[:2] == ["natural", "TRADES"]
    assert "0.1" in ax.get_ylabel()
    for container, (clean, robust) in zip(ax.containers, places, strict=True):
        across, along = (lines.get_segments()[0] for lines in container[2])
        np.testing.assert_allclose(across[:, 0], wilson(clean, 200))
        np.testing.assert_allclose(along[:, 1], wilson(robust, 200))
        for x, y in (*across, *along):
            assert ax.get_xlim()[0] <= x <= ax.get_xlim()[1]
            assert ax.get_ylim()[0] <= y <= ax.get_ylim()[1]
    widest = clean_and_robust(tables)
    assert "0.2" in widest.get_ylabel()
    assert "no gap" not in text(widest)
    assert text(clean_and_robust(tables, eps=0.0))[-1] == "no gap"


def test_bad_input():
    good = table(0.9, 0.2, 0.0)
    with pytest.raises(InvalidOption, match="no tables"):
        accuracy_under_attack({})
    with pytest.raises(InvalidOption, match="without clean_accuracy"):
        accuracy_under_attack({"a": good.drop(columns="clean_accuracy")})
    with pytest.raises(InvalidOption, match="list"):
        accuracy_under_attack([good])
    with pytest.raises(InvalidOption, match="no rows"):
        accuracy_under_attack(good[:0])
    with pytest.raises(InvalidOption, match="no rows"):
        accuracy_under_attack(good[:0], by="attack")
    with pytest.raises(InvalidOption, match="several rows"):
        accuracy_under_attack(pd.concat([good, good]))
    with pytest.raises(InvalidOption, match=r"all tables have: 0, 0.1, 0.2; try eps=0.2"):
        clean_and_robust({"a": good}, eps=0.3)
    with pytest.raises(InvalidOption, match="no radius"):
        clean_and_robust({"a": good, "b": table(0.9, eps=(0.5,))})
