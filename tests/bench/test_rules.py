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
    for rule in ("set", "snfs", "mest", "cannistraci_hebb_soft", "degree_preserving", "spectral_gap"):
        assert table.loc[rule, "dropped"] > 100
    assert (table["ms_after_step"] > 0).equals(
        table.index.to_series().map(lambda name: RULES[name]().acts_after_steps).rename("ms_after_step")
    )
