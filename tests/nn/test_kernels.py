"""Every kernel is `Reference` in other words: on nasty graphs, for every batch, slope, dtype and number of threads."""

import dataclasses
import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

from netsparse.errors import InvalidGraph, InvalidOption, InvalidSize, KernelFallback
from netsparse.generators import erdos_renyi, layered
from netsparse.graph import BipartiteGraph, SparseNetwork, apply
from netsparse.nn import SparseLinear, SparseMLP
from netsparse.nn.kernels import KERNELS, EdgeIndex, SparseProduct, dispatch, kernel_name, measured
from netsparse.nn.kernels.reference import Reference
from netsparse.rewiring import SET
from netsparse.train.threads import in_threads

CPU = torch.device("cpu")
ON_CPU = [name for name in KERNELS if KERNELS[name].why_not(CPU, torch.float32) is None]
COMPILED = [name for name in ("native_cpu", "numba_cpu") if name in ON_CPU]
SLOPES = (None, 0.0, 0.01, -0.6)
WANTED = list(itertools.product((True, False), repeat=3))
ALL = (True, True, True)


def operands(graph, batch, dtype, seed=0):
    """Index, weight, bias, x and g of a layer, from a seed."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((graph.n_edges,), (graph.n_out,), (graph.n_in, batch), (graph.n_out, batch))
    tensors = (torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes)
    return EdgeIndex.of(graph), *tensors


def check_equals_reference(name, graph, batch, slope, dtype, wanted=ALL, bias=True):
    index, weight, b, x, g = operands(graph, batch, dtype)
    b = b if bias else None
    kernel, reference = KERNELS[name], Reference()
    y, signs = kernel.forward(index, weight, b, x, slope)
    expected, expected_signs = reference.forward(index, weight, b, x, slope)
    close = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 1e-11, "atol": 1e-11}
    torch.testing.assert_close(y, expected, **close)
    assert (signs is None) == (slope is None)
    # a sum that cancels may have either sign: both backward passes read the same one
    found = kernel.backward(index, weight, x, expected_signs, slope, g, wanted)
    for ours, theirs, is_wanted in zip(
        found, reference.backward(index, weight, x, expected_signs, slope, g, wanted), wanted, strict=True
    ):
        assert (ours is not None) == is_wanted
        if is_wanted:
            torch.testing.assert_close(ours, theirs, **close)


@pytest.mark.parametrize("name", ON_CPU)
@pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
def test_equals_reference_on_the_zoo(graph, name):
    cases = itertools.product((0, 1, 3, 7, 16, 31, 127, 129), (torch.float32, torch.float64))
    for (batch, dtype), slope in zip(cases, itertools.cycle(SLOPES), strict=False):
        check_equals_reference(name, graph, batch, slope, dtype)
        check_equals_reference(name, graph, batch, slope, dtype, bias=False)


@pytest.mark.parametrize("name", ON_CPU)
@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_each_gradient_only_where_it_is_wanted(name, slope, dtype):
    for wanted, batch in itertools.product(WANTED, (5, 100)):
        check_equals_reference(name, zoo.GRAPHS["sparse random"], batch, slope, dtype, wanted)


@settings(max_examples=80, deadline=None)
@given(
    zoo.graphs(),
    st.sampled_from(ON_CPU),
    st.integers(0, 300),
    st.sampled_from(SLOPES),
    st.sampled_from([torch.float32, torch.float64]),
    st.sampled_from(WANTED),
)
def test_equals_reference_on_random_graphs(graph, name, batch, slope, dtype, wanted):
    check_equals_reference(name, graph, batch, slope, dtype, wanted)


@pytest.mark.parametrize("name", COMPILED)
def test_a_batch_of_a_thousand_and_graphs_that_several_threads_share(name):
    graph = erdos_renyi(300, 200, density=0.1, rng=0)
    for batch, dtype in ((1000, torch.float32), (1024, torch.float64)):
        check_equals_reference(name, graph, batch, 0.0, dtype)


@pytest.mark.parametrize("name", COMPILED)
def test_wide_ids_give_the_same_bits(name):
    index, weight, bias, x, g = operands(zoo.GRAPHS["sparse random"], 40, torch.float32)
    fields = ("indptr", "indices", "source_indptr", "source_targets", "by_source")
    wide = dataclasses.replace(index, **{field: getattr(index, field).long() for field in fields})
    assert index.indices.dtype == torch.int32
    for one, other in zip(layer(name, index, weight, bias, x, g), layer(name, wide, weight, bias, x, g), strict=True):
        assert torch.equal(one, other)


def layer(name, index, weight, bias, x, g, slope=0.01):
    """Output and all gradients of a layer."""
    y, signs = KERNELS[name].forward(index, weight, bias, x, slope)
    return y, *KERNELS[name].backward(index, weight, x, signs, slope, g, ALL)


def test_all_ids_of_an_index_have_one_width():
    graph = zoo.GRAPHS["sparse random"]
    delta = SET(fraction=0.3).propose(graph, np.ones(graph.n_edges), None, rng=0)
    for each in (graph, apply(graph, delta)[0]):
        index = EdgeIndex.of(each)
        arrays = (index.indptr, index.indices, index.source_indptr, index.source_targets, index.by_source)
        assert {array.dtype for array in arrays} == {torch.int32}


@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.parametrize("slope", SLOPES)
def test_gradcheck(name, slope):
    index, weight, bias, x, _ = operands(zoo.GRAPHS["dense random"], 5, torch.float64)

    def product(x, weight, bias):
        return SparseProduct.apply(x, weight, bias, index, KERNELS[name], slope, None)

    assert torch.autograd.gradcheck(product, [each.requires_grad_() for each in (x, weight, bias)])


@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.parametrize("slope", SLOPES)
def test_second_derivatives(name, slope):
    index, weight, bias, x, _ = operands(zoo.GRAPHS["dense random"], 5, torch.float64)

    def product(x, weight, bias):
        return SparseProduct.apply(x, weight, bias, index, KERNELS[name], slope, None)

    assert torch.autograd.gradgradcheck(product, [each.requires_grad_() for each in (x, weight, bias)])


@pytest.mark.parametrize("backend", ["auto", "dense"])
def test_a_penalty_on_the_gradient_of_a_plain_sum_reaches_the_weights(backend):
    graph = erdos_renyi(20, 12, density=0.3, rng=0)
    model = SparseMLP(SparseNetwork([graph]), head=None, backend=backend, normalization=(0.5, 2.0), rng=0)
    x = torch.rand(7, 20, requires_grad=True)
    (gradient,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
    gradient.square().sum().backward()  # each of 7 rows is the sum over its edges of w / 2
    totals = np.bincount(graph.sources, weights=model.weights[0], minlength=20)
    torch.testing.assert_close(
        model.layers[0].weight.grad, torch.tensor(7 / 2 * totals[graph.sources], dtype=torch.float32)
    )


def test_second_derivatives_in_mixed_precision_are_those_of_rounded_activations_or_refused():
    index, weight, bias, x, _ = operands(zoo.GRAPHS["dense random"], 5, torch.float32)

    def hessian(x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = SparseProduct.apply(x, weight, bias, index, Reference(), 0.01, None)
        (gradient,) = torch.autograd.grad(y.float().square().sum(), weight, create_graph=True)
        return torch.autograd.grad(gradient.sum(), weight)[0]

    expected = SparseProduct.apply(x.bfloat16().float(), weight.requires_grad_(), bias, index, Reference(), 0.01, None)
    (gradient,) = torch.autograd.grad(expected.square().sum(), weight, create_graph=True)
    (expected,) = torch.autograd.grad(gradient.sum(), weight)
    for activations in (x, x.bfloat16().requires_grad_()):
        torch.testing.assert_close(hessian(activations), expected, rtol=0.03, atol=0.01)
    with pytest.raises(InvalidOption, match="second derivative: given of an input that autocast rounded"):
        hessian(x.requires_grad_())


@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.parametrize("batch", [5, 130])
def test_same_bits_on_any_number_of_threads(name, batch):
    hub = np.zeros((400, 300), dtype=bool)  # the rows are as unequal as can be
    hub[7] = True
    hub |= np.random.default_rng(0).random(hub.shape) < np.linspace(0, 0.9, 400)[:, None] ** 3
    tensors = operands(BipartiteGraph.from_mask(hub), batch, torch.float32)
    before = torch.get_num_threads()
    try:
        found = []
        for n_threads in (1, 2, 3):
            torch.set_num_threads(n_threads)
            found.append(layer(name, *tensors))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))


@pytest.mark.parametrize("name", COMPILED)
def test_side_by_side_in_threads_as_one_after_the_other(name):
    graph = erdos_renyi(200, 300, density=0.1, rng=0)
    tensors = [operands(graph, 64, torch.float32, seed) for seed in range(8)]
    alone = [layer(name, *each) for each in tensors]
    beside = in_threads(lambda k: layer(name, *tensors[k % 8]), range(40), 3)
    for k, found in enumerate(beside):
        assert all(torch.equal(one, two) for one, two in zip(alone[k % 8], found, strict=True))


@pytest.mark.parametrize("name", COMPILED)
def test_nan_goes_through_and_relu_makes_nothing_of_minus_infinity(name):
    graph = zoo.GRAPHS["path"]
    index, weight, bias, x, _ = operands(graph, 20, torch.float32)
    weight = weight.abs() + 1.0
    x[0, 3], x[3, 5], x[3, 6] = float("nan"), -float("inf"), float("inf")
    for slope in SLOPES:
        y, _ = KERNELS[name].forward(index, weight, bias, x, slope)
        expected, _ = Reference().forward(index, weight, bias, x, slope)
        torch.testing.assert_close(y, expected, equal_nan=True)
        assert y[0, 3].isnan()
    y, _ = KERNELS[name].forward(index, weight, bias, x, 0.0)
    assert y[3, 5] == 0.0
    assert y[3, 6] == float("inf")


@pytest.mark.parametrize("name", COMPILED)
def test_a_thousand_steps_are_those_of_the_masked_dense_network(name):
    network = layered([20, 30, 25], density=0.2, rng=0)
    ours = SparseMLP(network, n_classes=4, backend=name, rng=0).double()
    masks = [torch.from_numpy(g.weight_matrix(np.ones(g.n_edges)).toarray()) for g in network.layers]
    weights = [
        torch.from_numpy(g.weight_matrix(w.astype(float)).toarray()).requires_grad_()
        for g, w in zip(network.layers, ours.weights, strict=True)
    ]
    biases = [each.bias.detach().clone().requires_grad_() for each in ours.sparse_layers()]
    head = [each.detach().clone().requires_grad_() for each in ours.head.parameters()]

    def masked_dense(x):
        for weight, mask, bias in zip(weights, masks, biases, strict=True):
            x = torch.relu(torch.nn.functional.linear(x, weight * mask, bias))
        return torch.nn.functional.linear(x, *head)

    x, labels = torch.rand(64, 20, dtype=torch.float64), torch.randint(4, (64,))
    mine = torch.optim.SGD(ours.parameters(), lr=0.02, momentum=0.9)
    theirs = torch.optim.SGD([*weights, *biases, *head], lr=0.02, momentum=0.9)
    for step in range(1000):
        rows = torch.arange(step, step + 16) % 64
        for model, optimizer in ((ours, mine), (masked_dense, theirs)):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), labels[rows]).backward()
            optimizer.step()
    for graph, weight, own in zip(network.layers, weights, ours.weights, strict=True):
        dense = weight.detach().numpy()[graph.targets, graph.sources]
        np.testing.assert_allclose(own, dense, rtol=1e-6, atol=1e-12)
    torch.testing.assert_close(ours(x), masked_dense(x), rtol=1e-6, atol=1e-9)


def test_the_measured_table_is_whole_and_its_nearest_entry_is_found():
    assert set(measured.FASTEST_FIRST) == set(itertools.product(measured.UNITS, measured.BATCHES))
    for words in measured.FASTEST_FIRST.values():
        assert [sorted(word) for word in words.split()] == [sorted(measured.LETTERS)] * len(measured.DENSITIES)
    assert set(measured.LETTERS.values()) < set(KERNELS)
    for k, density in enumerate(measured.DENSITIES):
        word = measured.FASTEST_FIRST[1000, 128].split()[k]
        near = measured.fastest_first(2200, 500, round(0.9 * density * 2200 * 500), 100)
        assert near == [measured.LETTERS[letter] for letter in word]
    assert measured.fastest_first(1, 1, 0, 0)  # beyond the table's corner


def test_auto_takes_the_first_that_can_compute_there(monkeypatch):
    graph = erdos_renyi(300, 300, density=0.05, rng=0)
    monkeypatch.setattr(dispatch, "fastest_first", lambda *_: ["numba_cpu", "native_cpu", "torch_csr", "dense"])
    monkeypatch.setattr(KERNELS["numba_cpu"], "why_not", lambda *_: "it is Sunday", raising=False)
    monkeypatch.setattr(KERNELS["native_cpu"], "why_not", lambda *_: None, raising=False)
    assert kernel_name("auto", graph) == "native_cpu"
    assert kernel_name("auto", graph, device=torch.device("meta")) == "torch_csr"
    with pytest.raises(InvalidOption, match="it is Sunday"):
        kernel_name("numba_cpu", graph)
    monkeypatch.setattr(KERNELS["native_cpu"], "why_not", lambda *_: "nor compiled code", raising=False)
    dispatch._warn_of_fallback.cache_clear()
    with pytest.warns(KernelFallback, match="it is Sunday; native_cpu: nor compiled code") as warned:
        assert [kernel_name("auto", graph) for _ in range(3)] == ["torch_csr"] * 3
    assert len(warned) == 1
    assert kernel_name("auto", graph, dtype=torch.bfloat16) == "reference"


@pytest.mark.parametrize("name", COMPILED)
def test_a_reason_for_every_place_where_it_cannot_compute(name):
    assert KERNELS[name].why_not(torch.device("cuda"), torch.float32)
    assert KERNELS[name].why_not(CPU, torch.bfloat16)
    assert KERNELS[name].why_not(CPU, torch.float64) is None


@pytest.mark.parametrize("name", COMPILED)
def test_operands_of_any_strides(name):
    index, weight, bias, x, g = operands(zoo.GRAPHS["sparse random"], 12, torch.float32)
    spread = [torch.stack([each, each + 1.0], dim=-1)[..., 0] for each in (weight, bias, x, g)]
    assert not any(each.is_contiguous() for each in spread)
    for one, other in zip(layer(name, index, weight, bias, x, g), layer(name, index, *spread), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", COMPILED)
def test_what_must_not_be_read_by_its_address_is_refused(name):
    index, weight, bias, x, g = operands(zoo.GRAPHS["sparse random"], 12, torch.float32)
    kernel = KERNELS[name]
    wrong = [(weight.double(), bias, x), (weight[1:], bias, x), (weight, bias[1:], x), (weight, bias, x[1:])]
    wrong += [(weight[:, None].expand(-1, 12), bias, x), (weight, bias.to("meta"), x), (weight, bias, x[..., None])]
    for operand in wrong:
        with pytest.raises(InvalidSize, match="sparse product"):
            kernel.forward(index, *operand, None)
    wrong = [(x[:, 1:], None, g), (x[:, 0], None, g), (x, g[:, 0], g), (x, g[1:], g), (x, None, g[1:])]
    for x_, signs, g_ in wrong:
        with pytest.raises(InvalidSize, match="sparse product"):
            kernel.backward(index, weight, x_, signs, 0.0, g_, ALL)
    with pytest.raises(InvalidSize, match="sparse product"):
        kernel.spmm_t(index, weight[1:], g)
    with pytest.raises(InvalidSize, match="sparse product"):
        kernel.sddmm(index, g[1:], x)


@pytest.mark.parametrize("name", ON_CPU)
def test_parameters_that_do_not_fit_their_layer_are_refused_by_every_kernel(name):
    layer = SparseLinear(zoo.GRAPHS["sparse random"], backend=name, rng=0)
    for parameter in ("weight", "bias"):
        for wrong in (torch.ones(1), getattr(layer, parameter).detach()[1:], torch.ones(1000)):
            with pytest.raises(InvalidSize, match=r"sparse product: given shape .*, expected \("):
                torch.func.functional_call(layer, {parameter: wrong}, (torch.rand(3, layer.n_in),))


def test_a_csr_product_with_too_few_weights_is_refused():
    index, weight, _, x, _ = operands(zoo.GRAPHS["sparse random"], 12, torch.float32)
    with pytest.raises(InvalidSize, match="sparse product"):
        KERNELS["torch_csr"].spmm(index, weight[1:], x)


def test_an_index_whose_arrays_do_not_fit_each_other_is_refused():
    index = EdgeIndex.of(zoo.GRAPHS["sparse random"])
    for field in ("indptr", "indices", "source_indptr", "source_targets", "by_source"):
        array = getattr(index, field)
        for wrong in (array.long(), array[1:], array.double(), array.to("meta"), torch.stack([array, array], 1)[:, 0]):
            with pytest.raises(InvalidGraph, match=r"EdgeIndex\.of"):
                dataclasses.replace(index, **{field: wrong})


@pytest.mark.parametrize("name", COMPILED)
def test_a_view_that_is_to_be_read_with_the_other_sign(name):
    index, weight, bias, x, g = operands(zoo.GRAPHS["sparse random"], 12, torch.float32)
    views = [torch._neg_view(-each) for each in (weight, bias, x, g)]
    for one, other in zip(layer(name, index, weight, bias, x, g), layer(name, index, *views), strict=True):
        assert torch.equal(one, other)


STARTED = """
import json, sys, warnings
{before}
import torch
from netsparse.generators import erdos_renyi
from netsparse.nn import SparseLinear
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    layers = [SparseLinear(erdos_renyi(40, 30, density=0.2, rng=0), activation="relu", rng=0) for _ in range(3)]
    x = torch.linspace(-1, 1, 120).reshape(3, 40).requires_grad_()
    layers[0](x).sum().backward()
hits = 0
if "netsparse.nn.kernels.numba_loops" in sys.modules:
    hits = sum(sys.modules["netsparse.nn.kernels.numba_loops"].forward.stats.cache_hits.values())
print(json.dumps([layers[0].kernel, x.grad.sum().item(), [w.category.__name__ for w in warned], hits]))
"""


def started(folder, before="", **environment):
    """Kernel, gradient, warnings and cache hits of a fresh process, which imports what this one has imported."""
    found = subprocess.run(
        [sys.executable, "-c", STARTED.format(before=before)],
        cwd=folder,  # not a checkout, whose modules would go before the installed ones
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(found.stdout)


def test_without_compiled_code_numba_computes_from_its_cache_and_without_both_torch_does_with_one_warning(tmp_path):
    pytest.importorskip("numba")
    check_equals_reference("numba_cpu", zoo.GRAPHS["sparse random"], 5, 0.0, torch.float32)  # fills the cache
    kernel, gradient, warned, hits = started(tmp_path, NETSPARSE_NATIVE="0")
    assert (kernel, warned) == ("numba_cpu", [])
    assert hits >= 1
    kernel, other, warned, _ = started(tmp_path, "sys.modules['numba'] = None", NETSPARSE_NATIVE="0")
    assert (kernel, warned) == ("torch_csr", ["KernelFallback"])
    assert other == pytest.approx(gradient, rel=1e-5)
