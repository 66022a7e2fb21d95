"""Means over trials and over models against hand-made tables and numpy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse import errors
from netsparse.percolation.interval import mean_interval
from netsparse.robustness.averages import area_under_accuracy, mean_over_models, mean_over_trials
from netsparse.robustness.probing import MEASURED

T_95 = {1: 12.7062047, 2: 4.30265273, 3: 3.18244631, 4: 2.77644511}  # Student's t at 97.5 %, by degrees of freedom


def made(models=(0,), trials=4, seed=0, **columns):
    rng = np.random.default_rng(seed)
    rows = [
        {"model": model, "probe": name, "options": options, "strength": strength, "trial": trial}
        for model in models
        for name, options in (("sign_flip", "scope=layer"), ("sign_flip", "scope=network"), ("additive_noise", ""))
        for strength in (0.0, 0.5, 1.0)
        for trial in range(trials)
    ]
    measured = {name: rng.random(len(rows)) for name in MEASURED}
    return pd.DataFrame(rows).assign(**measured, **columns)


def cell(table, **at):
    for column, value in at.items():
        table = table[table[column] == value]
    return table


def test_over_trials_equals_numpy_in_every_cell():
    table = made()
    means = mean_over_trials(table)
    assert list(means) == ["probe", "options", "strength", "quantity", "mean", "low", "high", "n"]
    assert len(means) == 3 * 3 * len(MEASURED)
    for row in means.itertuples():
        sample = cell(table, probe=row.probe, options=row.options, strength=row.strength)[row.quantity].to_numpy()
        half = T_95[3] * sample.std(ddof=1) / 2
        assert row.n == len(sample) == 4
        assert row.mean == pytest.approx(sample.mean())
        assert row.high - row.mean == pytest.approx(half, rel=1e-6)
        assert row.mean - row.low == pytest.approx(half, rel=1e-6)


@settings(deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=1, max_size=6))
def test_is_the_interval_of_percolation(values):
    columns = {"probe": "a", "options": "", "strength": 0.1, "trial": range(len(values)), "loss": values}
    means = mean_over_trials(pd.DataFrame(columns))
    mean, half = mean_interval(np.array(values)[:, None])
    np.testing.assert_allclose(means["mean"], mean, atol=1e-12)
    np.testing.assert_allclose(means["high"] - means["mean"], half, rtol=1e-6, atol=1e-7)
    assert means["n"].item() == len(values)


def test_one_trial_has_no_interval():
    means = mean_over_trials(made(trials=1))
    assert means[["low", "high"]].isna().all(axis=None)
    assert means["mean"].notna().all()


def test_over_models_is_the_mean_of_the_models_means():
    parts = [made((model,), trials=trials, seed=model) for model, trials in ((3, 2), (5, 7), (8, 1))]
    means = mean_over_models(pd.concat(parts), of=["accuracy", "loss"])
    assert len(means) == 3 * 3 * 2
    for row in means.itertuples():
        where = {"probe": row.probe, "options": row.options, "strength": row.strength}
        each = np.array([cell(part, **where)[row.quantity].mean() for part in parts])
        assert row.n == 3
        assert row.mean == pytest.approx(each.mean())
        assert row.high - row.mean == pytest.approx(T_95[2] * each.std(ddof=1) / 3**0.5, rel=1e-6)


def test_more_trials_do_not_narrow_the_interval_over_models():
    table = made((0, 1, 2))
    again = pd.concat([table, table.assign(trial=table["trial"] + 4)])
    pd.testing.assert_frame_equal(mean_over_models(table), mean_over_models(again))


def test_kinds_of_models_stay_apart_though_their_names_repeat():
    table = pd.concat([made((0, 1), rule="SET"), made((0, 1), seed=1, rule="static"), made((0,), seed=2, rule="dense")])
    means = mean_over_models(table, by="rule")
    assert list(means)[:4] == ["rule", "probe", "options", "strength"]
    for rule, n in (("SET", 2), ("static", 2), ("dense", 1)):
        alone = mean_over_models(cell(table, rule=rule))
        pd.testing.assert_frame_equal(cell(means, rule=rule).drop(columns="rule").reset_index(drop=True), alone)
        assert set(alone["n"]) == {n}


def test_over_trials_keeps_models_apart_on_request():
    table = made((0, 1))
    means = mean_over_trials(table, by=["model"], of="accuracy")
    assert set(means["n"]) == {4}
    assert len(means) == 2 * 9
    with pytest.raises(errors.InvalidOption, match="mean_over_models"):
        mean_over_trials(table)


def test_a_trial_does_not_count_twice():
    table = made((0, 1))
    with pytest.raises(errors.InvalidOption, match=r"strength 0.0, trial 0 more than once, .*by=\['rule'\]"):
        mean_over_trials(pd.concat([made(), made()]))
    rules = pd.concat([table.assign(rule="SET"), table.assign(rule="static")])
    with pytest.raises(errors.InvalidOption, match="model 0, trial 0 more than once"):
        mean_over_models(rules)  # model 0 of one rule is not model 0 of the other
    assert set(mean_over_models(rules, by="rule")["n"]) == {2}
    # two runs of one model number their trials alike, and are told apart by their seeds
    runs = pd.concat([made(seed=5).assign(seed=5), made(seed=6).assign(seed=6)])
    assert set(mean_over_trials(runs)["n"]) == {8}
    assert set(mean_over_trials(made().drop(columns="trial"))["n"]) == {4}


def test_options_read_back_as_nothing_are_a_group():
    table = made()
    table["options"] = table["options"].replace("", np.nan)
    assert len(mean_over_trials(table, of="loss")) == 9
    assert len(mean_over_models(table, of="loss")) == 9


def test_order_of_rows_and_index_do_not_matter():
    table = made((0, 1))
    shuffled = table.sample(frac=1, random_state=0)
    keys = ["probe", "options", "strength", "quantity"]
    a, b = (mean_over_models(each).sort_values(keys, ignore_index=True) for each in (table, shuffled))
    pd.testing.assert_frame_equal(a, b)


def test_area():
    table = cell(made(), probe="additive_noise")
    mean = [cell(table, strength=strength)["accuracy"].mean() for strength in (0.0, 0.5, 1.0)]
    assert area_under_accuracy(table) == pytest.approx((mean[0] + 2 * mean[1] + mean[2]) / 4)
    assert area_under_accuracy(table.iloc[::-1]) == pytest.approx(area_under_accuracy(table))
    both = pd.concat([table, cell(made((1,), trials=9, seed=5), probe="additive_noise")])
    apart = [area_under_accuracy(cell(both, model=model)) for model in (0, 1)]
    assert area_under_accuracy(both) == pytest.approx(np.mean(apart))


BAD = [
    (lambda: mean_over_trials(made().drop(columns="strength")), "'strength'"),
    (lambda: mean_over_trials(made(), by="rule"), "'rule'"),
    (lambda: mean_over_trials(made(), of="acuracy"), "'acuracy'"),
    (lambda: mean_over_trials(made().drop(columns=list(MEASURED))), "one or more of"),
    (lambda: mean_over_trials({"strength": [0]}), "DataFrame"),
    (lambda: mean_over_trials(made(), of="probe"), "columns of numbers"),
    (lambda: mean_over_trials(made(), of=3), "of: given 3"),
    (lambda: mean_over_trials(made(), by=[["model"]]), "by: given"),
    (lambda: mean_over_trials(pd.concat([made(), made()], axis=1)), "'model' more than once"),
    (lambda: mean_over_models(made().drop(columns="model")), "assign"),
    (lambda: area_under_accuracy(made()), "one probe"),
    (lambda: area_under_accuracy(made().iloc[:0]), "empty"),
    (lambda: area_under_accuracy(None), "DataFrame"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=range(len(BAD)))
def test_bad_tables(call, message):
    with pytest.raises(errors.InvalidOption, match=message):
        call()
