"""SparseLinear equals the masked dense Linear, forward and backward, on every kernel and every nasty graph."""

import copy
import pickle

import numpy as np
import oracles
import pytest
import torch
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.nn import KERNELS, SparseLinear


def computing_on(device):
    """Return the names of the kernels that can compute there in float32."""
    return [name for name, kernel in KERNELS.items() if kernel.why_not(torch.device(device), torch.float32) is None]


ON_CPU = computing_on("cpu")


def masked_dense(layer):
    """The oracle: a dense Linear with the layer's weights, zero elsewhere, and its mask."""
    dense = torch.nn.Linear(layer.n_in, layer.n_out, bias=layer.bias is not None, dtype=layer.weight.dtype)
    with torch.no_grad():
        dense.weight.copy_(torch.from_numpy(oracles.dense_of(layer.graph, layer.edge_weights())))
        if layer.bias is not None:
            dense.bias.copy_(layer.bias)
    return dense, torch.from_numpy(oracles.mask_of(layer.graph))


def check_against_masked_dense(graph, backend, batch, bias):
    layer = SparseLinear(graph, bias=bias, backend=backend, rng=0).double()
    if bias:
        torch.nn.init.normal_(layer.bias)
    dense, mask = masked_dense(layer)
    x = torch.randn(batch, graph.n_in, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, z = layer(ours), dense(theirs)
    torch.testing.assert_close(y, z)
    torch.sin(y).sum().backward()
    torch.sin(z).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    expected = torch.from_numpy(oracles.vector_of(graph, (dense.weight.grad * mask).numpy()))
    torch.testing.assert_close(layer.weight.grad, expected)
    if bias:
        torch.testing.assert_close(layer.bias.grad, dense.bias.grad)


@pytest.mark.parametrize("backend", ON_CPU)
@pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
@pytest.mark.parametrize("bias", [True, False])
def test_equals_masked_dense_on_the_zoo(graph, backend, bias):
    check_against_masked_dense(graph, backend, batch=5, bias=bias)


@settings(max_examples=60, deadline=None)
@given(zoo.graphs(), st.sampled_from(ON_CPU), st.integers(0, 4))
def test_equals_masked_dense_on_random_graphs(graph, backend, batch):
    check_against_masked_dense(graph, backend, batch, bias=True)


@pytest.mark.parametrize("backend", ON_CPU)
@pytest.mark.parametrize("name", ["sparse random", "complete", "last row empty", "no edges"])
def test_gradcheck(backend, name):
    layer = SparseLinear(zoo.GRAPHS[name], backend=backend, rng=1).double()
    x = torch.randn(3, layer.n_in, dtype=torch.float64, requires_grad=True)

    def product(x, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(product, (x, layer.weight, layer.bias))


@pytest.mark.parametrize("backend", ON_CPU)
def test_any_strides_of_input_and_gradient(backend):
    layer = SparseLinear(zoo.GRAPHS["sparse random"], backend=backend, rng=0)
    x = torch.randn(8, layer.n_in)
    feature_major = x.t().contiguous().t()
    every_other = torch.randn(16, layer.n_in)[::2]
    torch.testing.assert_close(layer(feature_major), layer(x))
    torch.testing.assert_close(layer(every_other), layer(every_other.contiguous()))
    layer(x).sum().backward()  # an expanded, stride-0 gradient
    first = layer.weight.grad.clone()
    layer.weight.grad = None
    layer(x).backward(torch.ones(8, layer.n_out))
    torch.testing.assert_close(layer.weight.grad, first)


def test_output_is_a_view_of_a_feature_major_buffer_that_elementwise_functions_keep():
    layer = SparseLinear(zoo.GRAPHS["sparse random"], activation="relu", rng=0)
    y = torch.dropout(layer(torch.randn(8, layer.n_in)), 0.5, train=True)
    assert y.t().is_contiguous()


def test_one_parameter_per_edge():
    layer = SparseLinear(zoo.GRAPHS["sparse random"], bias=False, rng=0)
    (weight,) = layer.parameters()
    assert weight.shape == (layer.graph.n_edges,)


def test_sparse_weight_shares_memory_and_is_the_weight_matrix():
    layer = SparseLinear(zoo.GRAPHS["sparse random"], rng=0)
    matrix = layer.sparse_weight()
    assert matrix.values().data_ptr() == layer.weight.data_ptr()
    assert matrix.layout == torch.sparse_csr
    np.testing.assert_allclose(matrix.to_dense().numpy(), oracles.dense_of(layer.graph, layer.edge_weights()))
    with torch.no_grad():
        layer.weight.mul_(2)
    np.testing.assert_allclose(matrix.to_dense().numpy(), oracles.dense_of(layer.graph, layer.edge_weights()))


def test_auto_is_dense_only_for_complete_graphs():
    assert SparseLinear(zoo.GRAPHS["complete"], rng=0).kernel == "dense"
    assert SparseLinear(zoo.GRAPHS["dense random"], rng=0).kernel != "dense"
    assert "truly sparse" in repr(SparseLinear(zoo.GRAPHS["dense random"], rng=0))


def test_same_seed_same_weights_and_torch_seed_without_rng():
    graph = zoo.GRAPHS["sparse random"]
    assert torch.equal(SparseLinear(graph, rng=5).weight, SparseLinear(graph, rng=5).weight)
    torch.manual_seed(3)
    first = SparseLinear(graph).weight
    second = SparseLinear(graph).weight
    torch.manual_seed(3)
    assert torch.equal(SparseLinear(graph).weight, first)
    assert not torch.equal(first, second)


def test_init_is_corrected_for_the_sparse_fan_in_or_not():
    graph = ns.generators.erdos_renyi(2000, 500, density=0.02, rng=0)
    x = torch.randn(200, 2000)
    sparse = SparseLinear(graph, init="he_sparse", rng=0)(x)
    dense = SparseLinear(graph, init="he_dense", rng=0)(x)
    assert sparse.var().item() == pytest.approx(2.0, rel=0.05)
    assert dense.var().item() == pytest.approx(2.0 * 0.02, rel=0.05)


def test_he_sparse_corrects_each_unit_by_its_own_fan_in():
    few = [(s, 0) for s in range(2)] + [(s, 1) for s in range(200)]
    graph = ns.BipartiteGraph.from_edges(*zip(*few, strict=True), n_in=200, n_out=2)
    draws = np.array([ns.nn.he_sparse(graph, np.random.default_rng(seed)) for seed in range(2000)])
    assert draws[:, graph.targets == 0].var() == pytest.approx(1.0, rel=0.1)
    assert draws[:, graph.targets == 1].var() == pytest.approx(0.01, rel=0.1)


def test_activations_are_what_they_are_called():
    layer = SparseLinear(zoo.GRAPHS["sparse random"], rng=0)
    x = torch.randn(8, layer.n_in)
    for name, function in (("relu", torch.relu), ("leaky_relu", torch.nn.functional.leaky_relu)):
        activated = SparseLinear(layer.graph, activation=name, rng=0)
        torch.testing.assert_close(activated(x), function(layer(x)))


def test_leading_axes_are_kept_like_nn_linear():
    layer = SparseLinear(zoo.GRAPHS["sparse random"], rng=0)
    x = torch.randn(2, 3, layer.in_features)
    assert layer(x).shape == (2, 3, layer.out_features)
    torch.testing.assert_close(layer(x)[1, 2], layer(x[1, 2]))


def test_a_refused_rewire_changes_nothing():
    graph = ns.generators.erdos_renyi(20, 20, density=0.3, rng=0)
    other = ns.generators.erdos_renyi(20, 20, density=0.3, rng=1)
    layer = SparseLinear(graph, rng=0)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    layer(torch.rand(4, 20)).square().sum().backward()
    optimizer.step()
    before = layer.edge_weights(), optimizer.state[layer.weight]["momentum_buffer"].clone()
    delta = ns.rewiring.SET().propose(graph, layer.edge_weights(), rng=0)
    with pytest.raises(errors.InvalidEdgeVector, match="newborn"):
        layer.rewire(*ns.apply(graph, delta), optimizer, newborn=np.ones(3))
    with pytest.raises(errors.InvalidGraph, match="another graph"):
        layer.rewire(*ns.apply(other, ns.rewiring.SET().propose(other, layer.edge_weights(), rng=0)), optimizer)
    assert layer.graph == graph
    np.testing.assert_array_equal(layer.edge_weights(), before[0])
    assert torch.equal(optimizer.state[layer.weight]["momentum_buffer"], before[1])


def test_a_refused_state_dict_changes_nothing():
    layer = SparseLinear(ns.generators.erdos_renyi(20, 20, density=0.3, rng=0), rng=0)
    state = SparseLinear(ns.generators.erdos_renyi(20, 20, density=0.2, rng=1), rng=1).state_dict()
    graph, weights = layer.graph, layer.edge_weights()
    with pytest.raises(errors.InvalidEdgeVector, match="weight"):
        layer.load_state_dict({**state, "weight": state["weight"][:-1]})
    assert layer.graph == graph
    np.testing.assert_array_equal(layer.edge_weights(), weights)


@settings(max_examples=100, deadline=None)
@given(zoo.graphs_with_delta(), st.sampled_from(["sgd", "adam"]))
def test_rewire_carries_weights_and_optimizer_state_like_a_dense_matrix(case, name):
    graph, delta = case
    layer = SparseLinear(graph, rng=0)
    make = {"sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), "adam": torch.optim.Adam}[name]
    optimizer = make(layer.parameters())
    layer(torch.rand(4, graph.n_in)).square().sum().backward()
    optimizer.step()
    vectors = {"weight": layer.edge_weights()}
    state = optimizer.state[layer.weight]
    vectors |= {key: value.numpy().copy() for key, value in state.items() if value.shape == layer.weight.shape}
    assert len(vectors) == {"sgd": 2, "adam": 3}[name] or graph.n_edges == 0
    dense = {key: oracles.dense_of(graph, value) for key, value in vectors.items()}

    after, edge_map = ns.apply(graph, delta)
    newborn = np.linspace(1, 2, delta.n_added)
    layer.rewire(after, edge_map, optimizer, newborn=newborn)

    parameter = layer.weight
    assert optimizer.param_groups[0]["params"][0] is parameter
    for key, matrix in dense.items():
        for edge in delta.removed:
            matrix[graph.targets[edge], graph.sources[edge]] = 0
        for k, (source, target) in enumerate(zip(delta.added_sources, delta.added_targets, strict=True)):
            matrix[target, source] = newborn[k] if key == "weight" else 0
        got = layer.edge_weights() if key == "weight" else optimizer.state[parameter][key].numpy()
        np.testing.assert_allclose(got, oracles.vector_of(after, matrix), rtol=1e-6)
    layer(torch.rand(4, graph.n_in)).sum().backward()
    optimizer.step()


def test_rewire_keeps_the_storage_where_the_count_is_constant():
    graph = zoo.GRAPHS["sparse random"]
    layer = SparseLinear(graph, rng=0)
    pointer = layer.weight.data_ptr()
    delta = ns.rewiring.SET().propose(graph, layer.edge_weights(), rng=0)
    layer.rewire(*ns.apply(graph, delta))
    assert layer.weight.data_ptr() == pointer
    assert layer.weight.grad is None


def test_rewire_refuses_a_map_of_another_graph():
    layer = SparseLinear(zoo.GRAPHS["sparse random"], rng=0)
    other = zoo.GRAPHS["dense random"]
    with pytest.raises(errors.InvalidGraph, match=r"netsparse\.apply"):
        layer.rewire(*ns.apply(other, ns.EdgeDelta([0])))
    smaller, edge_map = ns.apply(layer.graph, ns.EdgeDelta([0]))
    layer.rewire(smaller, edge_map)
    with pytest.raises(errors.InvalidEdgeVector, match="a map from"):
        layer.rewire(smaller, edge_map)


def test_state_dict_carries_the_topology():
    graph = zoo.GRAPHS["sparse random"]
    trained = SparseLinear(graph, rng=0)
    trained.rewire(*ns.apply(graph, ns.EdgeDelta([0, 1, 2])))
    fresh = SparseLinear(graph, rng=1)
    fresh.load_state_dict(trained.state_dict())
    assert fresh.graph == trained.graph
    assert graph == zoo.GRAPHS["sparse random"]
    x = torch.rand(3, graph.n_in)
    torch.testing.assert_close(fresh(x), trained(x))


def test_copies_and_pickles_are_independent():
    layer = SparseLinear(zoo.GRAPHS["sparse random"], rng=0)
    x = torch.rand(3, layer.n_in)
    expected = layer(x).detach()
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(other(x), expected)
        with torch.no_grad():
            other.weight.zero_()
        torch.testing.assert_close(layer(x), expected)


BAD = [
    (lambda g: SparseLinear(g, backend="cuda"), errors.UnknownName, "auto, dense, .*reference, torch_csr"),
    (lambda g: SparseLinear(g, activation="swish"), errors.UnknownName, "relu"),
    (lambda g: SparseLinear(g, init="xavier"), errors.UnknownName, "he_dense, he_sparse"),
    (lambda g: SparseLinear(g, rng=0)(torch.rand(3, g.n_in + 1)), errors.InvalidSize, "n_in=60"),
    (lambda g: SparseLinear(g, rng=0)(torch.tensor(1.0)), errors.InvalidSize, "reshape"),
    (lambda g: SparseLinear(np.ones((3, 4))), errors.InvalidGraph, "from_mask"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call(zoo.GRAPHS["sparse random"])


@pytest.mark.gpu
@pytest.mark.parametrize("backend", computing_on("cuda"))
def test_cuda_equals_cpu_and_rewires_there(backend):
    graph = zoo.GRAPHS["sparse random"]
    layer = SparseLinear(graph, backend=backend, rng=0)
    there = copy.deepcopy(layer).cuda()
    x = torch.randn(8, graph.n_in)
    torch.testing.assert_close(there(x.cuda()).cpu(), layer(x))
    delta = ns.rewiring.SET().propose(graph, layer.edge_weights(), rng=0)
    for each in (layer, there):
        each.rewire(*ns.apply(graph, delta))
    torch.testing.assert_close(there(x.cuda()).cpu(), layer(x))


def test_types_that_no_fast_kernel_has_are_computed_by_the_reference():
    layer = SparseLinear(zoo.GRAPHS["sparse random"], rng=0)
    x = torch.rand(4, layer.n_in)
    rounded = copy.deepcopy(layer).bfloat16()
    assert rounded.kernel == "reference"
    torch.testing.assert_close(rounded(x.bfloat16()).float(), layer(x), rtol=0.05, atol=0.05)


def test_a_backend_is_refused_where_it_computes_not_where_it_is_chosen():
    layer = SparseLinear(zoo.GRAPHS["sparse random"], backend="triton_cuda", rng=0)
    with pytest.raises(errors.InvalidOption, match=r"triton_cuda.*CUDA"):
        layer(torch.rand(2, layer.n_in))
    with pytest.raises(errors.UnknownName, match="triton_cuda"):
        SparseLinear(zoo.GRAPHS["sparse random"], backend="triton", rng=0)


@pytest.mark.parametrize("strict", [True, False])
def test_a_wiring_without_weights_is_never_copied_into_the_graph(strict):
    layer = SparseLinear(zoo.GRAPHS["sparse random"], rng=0)
    before, state = layer.graph.indices.copy(), layer.state_dict()
    bad = {"indptr": state["indptr"].clone(), "indices": torch.full_like(state["indices"], 2**30)}
    if strict:
        with pytest.raises(RuntimeError, match="Missing key"):
            layer.load_state_dict(bad)
    else:
        layer.load_state_dict(bad, strict=False)
    np.testing.assert_array_equal(layer.graph.indices, before)
    np.testing.assert_array_equal(layer.indices, before)


def test_a_layer_in_bfloat16_is_stored_and_loaded():
    layer = SparseLinear(zoo.GRAPHS["sparse random"], rng=0).bfloat16()
    other = SparseLinear(zoo.GRAPHS["sparse random"], rng=1).bfloat16()
    other.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(other.edge_weights(), layer.weight.detach().float().numpy())
