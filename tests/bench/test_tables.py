"""What the benchmarks measure, on sizes so small that the numbers mean nothing but their tables are whole."""

import math
import os

import numpy as np
import pandas as pd
import pytest
import torch

from netsparse.bench import machine
from netsparse.bench.edges import edge_slope, edge_table, needed
from netsparse.bench.kernels import kernel_table
from netsparse.bench.large import large_network
from netsparse.bench.layer import layer_table
from netsparse.bench.memory import memory_table
from netsparse.bench.rewiring import Trained, rewiring_table
from netsparse.bench.rounds import round_robin
from netsparse.bench.training import times_table, training_table
from netsparse.errors import InvalidOption, UnknownName
from netsparse.generators import layered
from netsparse.nn import SparseMLP
from netsparse.nn.kernels import KERNELS
from netsparse.rewiring import SET
from netsparse.train.optimizers import build_optimizer


def test_contestants_take_turns():
    turns = []
    times = round_robin({name: lambda name=name: turns.append(name) for name in "ab"}, rounds=2, burst=60.0, longest=4)
    assert {name: len(seconds) for name, seconds in times.items()} == {"a": 8, "b": 8}  # warm-up does not count
    assert turns == ["a"] * 7 + ["b"] * 7 + ["a"] * 5 + ["b"] * 5


def test_a_slow_step_is_timed_once_a_turn():
    calls = []
    times = round_robin({"a": lambda: calls.append(1)}, rounds=3, burst=0.0)
    assert (len(times["a"]), len(calls)) == (3, 6)  # each after one that warms up


def test_speedups_are_ratios_of_minima():
    times = {"masked_dense": np.array([4.0, 9.0, 5.0]), "netsparse": np.array([2.0, 0.5])}
    rows = times_table(times, {"n": 1}, "masked_dense")
    assert [row["speedup"] for row in rows] == [1.0, 8.0]
    assert [row["ms_min"] for row in rows] == [4000.0, 500.0]
    assert [row["ms_median"] for row in rows] == [5000.0, 1250.0]
    assert math.isnan(times_table({"netsparse": np.array([1.0])}, {}, "masked_dense")[0]["speedup"])


@pytest.mark.parametrize("table", [training_table, layer_table])
def test_an_unknown_contestant_lists_the_known_ones(table):
    with pytest.raises(UnknownName, match=r"masked_dense.*, netsparse"):
        table(contestants=["netspars"])


def test_training_and_layer_tables_are_whole():
    table = training_table([(20, 0.1), (30, 0.2)], batch=4, rounds=1, contestants=["masked_dense", "netsparse"])
    assert table["contestant"].tolist() == ["masked_dense", "netsparse"] * 2
    assert table["n_edges"].tolist() == [round(0.1 * 20 * 824)] * 2 + [round(0.2 * 30 * 844)] * 2
    assert (table["ms_min"] <= table["ms_median"]).all()
    layers = layer_table([(20, 0.1)], batch=4, rounds=1, contestants=["dense", "masked_dense", "netsparse"])
    assert layers["n_edges"].tolist() == [40] * 3
    assert layers["speedup_dense"].iloc[0] == 1.0


def test_every_kernel_that_can_compute_is_timed_and_one_chosen():
    table = kernel_table([20, 2], [0.1], [1, 5], rounds=1)
    there = {name for name, kernel in KERNELS.items() if kernel.why_not(torch.device("cpu"), torch.float32) is None}
    assert set(table["kernel"]) == there - {"reference"}
    assert table.groupby("batch")[["fastest", "auto"]].sum().to_numpy().tolist() == [[1, 1], [1, 1]]
    assert table["n"].unique().tolist() == [20]  # 0.1 of 2 x 2 pairs is no edge


def test_edges_and_units_grow_together(monkeypatch):
    table = edge_table([9600, 38_400], batch=2, rounds=1)
    assert table["n_edges"].tolist() == [9600, 38_400]
    densities = table["n_edges"] / (784 * table["width"] + 2 * table["width"] ** 2)
    np.testing.assert_allclose(densities, 0.01, rtol=5e-3)
    assert edge_table([9600, 19_200], fan_in=32, batch=2, rounds=1)["width"].tolist() == [100, 200]
    monkeypatch.setattr("netsparse.bench.edges.available_memory", lambda: needed(1000, 20_000, 2))
    assert edge_table([9600, 38_400], batch=2, rounds=1)["n_edges"].tolist() == [9600]


def test_the_slope_is_the_exponent():
    assert edge_slope(pd.DataFrame({"n_edges": [1e4, 1e6], "ms_min": [1.0, 1000.0]})) == pytest.approx(1.5)


def test_rewiring_replaces_edges_and_the_static_step_does_not():
    model = SparseMLP(layered([20, 30, 30], density=0.1, rng=0), n_classes=10, rng=0)
    x, y = torch.rand(4, 20), torch.arange(4)
    trained = Trained(model, build_optimizer("sgd", model.parameters(), lr=0.1), x, y, np.random.default_rng(0))
    before = model.network
    trained.step()
    assert model.network == before
    trained.step_and_rewire(SET(0.5))
    assert model.network != before
    table = rewiring_table([(20, 400)], batch=4, rounds=1)
    assert (table["share_of_epoch"] < 1).all()
    assert table["replaced"].tolist() == [120, 0]


def test_the_large_network_has_the_units_and_edges_it_is_asked_for():
    network = large_network(3_000, 60_000)
    assert network.sizes == (784, 1000, 1000, 1000, 10)
    assert [layer.n_edges for layer in network.layers] == [19_800, 19_800, 19_800, 600]


def test_memory_is_measured_by_stage_in_another_process():
    row = memory_table([(3_000, 60_000, 4)], steps=1).iloc[0]
    stages = ["import", "generation", "initialisation", "training", "evaluation"]
    assert row["gib_peak"] == max(row[f"gib_{stage}"] for stage in stages)
    assert 0.02 < row["gib_import"] < 2
    assert row["seconds_step"] > 0


def test_memory_that_is_not_there_is_not_asked_for(monkeypatch):
    monkeypatch.setattr("netsparse.bench.memory.available_memory", lambda: 1000)
    assert memory_table([(3_000, 60_000, 4)]).empty


def test_memory_says_what_went_wrong():
    with pytest.raises(InvalidOption, match="60 units, -3 edges"):
        memory_table([(60, -3, 4)])
    with pytest.raises(InvalidOption, match="the CPU, whose memory is measured"):
        memory_table(device="meta")


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with machine.on_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        assert machine.machine()["threads"] == before + 1
    assert torch.get_num_threads() == before
    assert str(os.cpu_count()) in machine.machine_line()
