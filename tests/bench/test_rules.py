"""The table of what a rewiring costs has every rule, each at work."""

import pytest

from netsparse.bench.rules import rule_table
from netsparse.rewiring import RULES


@pytest.fixture(scope="module")
def table():
    return rule_table(network=(30, 800), batch=8, rounds=1).set_index("rule")


def test_every_rule_is_in_the_table(table):
    assert table.index.tolist() == list(RULES)
    assert (table["n_edges"] == 800).all()
    assert (table[["ms_propose", "ms_apply"]] > 0).all().all()


def test_what_each_rule_does_is_what_is_timed(table):
    assert table.loc["static", ["dropped", "grown"]].tolist() == [0, 0]
    assert (table.drop(index=["static", "soft_deep_r"])["dropped"] > 100).all()
    assert table.loc["soft_deep_r", "grown"] > 100  # of its first edges few are above 0, and as many wait
    assert table.loc["structured", "dropped"] == 240


def test_every_round_has_the_same_to_do():
    tables = [rule_table(["gradual_magnitude_pruning"], network=(30, 800), batch=8, rounds=n) for n in (1, 3)]
    assert tables[0]["dropped"].item() == tables[1]["dropped"].item() > 100


def test_what_follows_each_step_is_timed_where_there_is_something(table):
    assert (table["ms_step"] > 0).equals(
        table.index.to_series().map(lambda name: RULES[name]().acts_after_steps).rename("ms_step")
    )
