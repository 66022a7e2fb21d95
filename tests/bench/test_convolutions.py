"""The table of convolutions: who competes, that all compute the same, what auto is said to choose."""

import pytest
import torch

from netsparse import errors
from netsparse.bench.convolutions import CONTESTANTS, Case, Unrolled, convolution_table
from netsparse.bench.suite import BENCHMARKS
from netsparse.generators import erdos_renyi
from netsparse.nn import KERNELS
from netsparse.nn.conv import SparseConv2d
from netsparse.nn.kernels import Kernel

compiled = pytest.mark.skipif(
    KERNELS["native_cpu"].why_not(torch.device("cpu"), torch.float32) is not None, reason="no compiled code here"
)
CASE = ([(3, 8, 4), (64, 128, 2)], [0.125], [0.05, 0.9])


@compiled
def test_a_row_per_contestant_and_layer():
    table = convolution_table(*CASE, batch=2, rounds=1)
    assert len(table) == 4 * len(CONTESTANTS)
    assert set(table["contestant"]) == set(CONTESTANTS)
    shapes = table[["channels", "n_out", "side", "density", "n_edges"]].drop_duplicates().to_numpy().tolist()
    assert shapes == [[3, 1, 4, 0.05, 1], [3, 1, 4, 0.9, 24], [8, 16, 2, 0.05, 58], [8, 16, 2, 0.9, 1037]]
    assert (table[["ms_min", "ms_attack"]] > 0).all(axis=None)
    own = table[table["contestant"] == "conv2d"]
    assert (own["speedup"] == 1).all()
    again = table.merge(own, on=["channels", "density"], suffixes=("", "_own"))
    assert ((again["ms_min_own"] / again["ms_min"] - again["speedup"]).abs() < 1e-9).all()


@compiled
def test_auto_is_what_a_layer_of_that_kind_chooses():
    table = convolution_table([(64, 8, 2)], [1.0], [0.1, 1.0], batch=2, rounds=1, contestants=["scattered", "edges"])
    assert table["auto"].tolist() == [False, True, True, False]
    assert table["speedup"].isna().all()
    assert any("at" in note and "of 2 points" in note for note in BENCHMARKS["convolutions"].notes(table))


def test_a_density_that_leaves_no_edge_is_left_out():
    assert convolution_table([(3, 8, 4)], [0.125], [0.01], batch=2, rounds=1).empty
    assert BENCHMARKS["convolutions"].notes(convolution_table([], rounds=1)) == []


@compiled
def test_all_contestants_compute_the_same():
    layer = SparseConv2d(erdos_renyi(45, 6, density=0.3, rng=0), 3, bias=False, rng=0)
    x, g = torch.rand(4, 5, 6, 6), torch.rand(4, 6, 6, 6)
    results = []
    for make in CONTESTANTS.values():
        module, own, gradient = make(Case(layer, x, g))
        y = module(own.requires_grad_())
        results.append((y, *torch.autograd.grad(y, own, gradient)))
    for other in results[1:]:
        for one, same in zip(results[0], other, strict=True):
            torch.testing.assert_close(same, one)
    unrolled = CONTESTANTS["unrolled"](Case(layer, x, g))[0]
    assert isinstance(unrolled._kernels[4], Unrolled)
    assert type(unrolled._kernels[4]).convolve is Kernel.convolve is not type(KERNELS["native_cpu"]).convolve


def test_an_unknown_contestant_is_named():
    with pytest.raises(errors.UnknownName, match="scattered"):
        convolution_table(contestants=["cudnn"])
