"""`with_edges`: other edges, every other tensor shared, the original untouched."""

import copy

import numpy as np
import pytest
import torch

import netsparse as ns
from netsparse import errors
from netsparse.nn import SparseLinear, SparseMLP


def made(head="dense", **options):
    network = ns.generators.layered([12, 20, 15, 6], density=0.3, rng=0)
    options = {"n_classes": 4, **options} if head == "dense" else {"head": None, **options}
    model = SparseMLP(network, normalization=(0.3, 0.5), rng=0, **options)
    for layer in model.sparse_layers():
        if layer.bias is not None:
            torch.nn.init.normal_(layer.bias, generator=torch.Generator().manual_seed(0))
    return model


def thinned(model, share=0.5, seed=0):
    """Return the network with some edges gone, and the weights of the others negated."""
    rng = np.random.default_rng(seed)
    graphs, weights = [], []
    for layer, values in zip(model.network.layers, model.weights, strict=True):
        graph, edge_map = ns.graph.subgraph(layer, rng.random(layer.n_edges) < share)
        graphs.append(graph)
        weights.append(-ns.carry(values, edge_map))
    return ns.SparseNetwork(graphs), weights


def dense_forward(model, network, weights, x, head=None):
    x = (x - model.normalize.mean) / model.normalize.std
    for layer, graph, values in zip(model.sparse_layers(), network.layers, weights, strict=True):
        matrix = torch.zeros(graph.n_out, graph.n_in)
        for source, target, value in zip(graph.sources, graph.targets, values, strict=True):
            matrix[target, source] = float(value)
        x = x @ matrix.t() + (0 if layer.bias is None else layer.bias)
        x = x if layer.slope is None else torch.relu(x)
    if model.head is None:
        return x
    return x @ (model.head.weight if head is None else torch.tensor(head)).t() + model.head.bias


@pytest.mark.parametrize("kind", [{}, {"bias": False}, {"head": None}, {"backend": "dense"}, {"backend": "reference"}])
def test_computes_what_its_edges_say_and_leaves_the_original(kind):
    model, x = made(**kind), torch.rand(9, 12)
    before, logits = copy.deepcopy(model.state_dict()), model(x)
    network, weights = thinned(model)
    head = None if model.head is None else np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)
    other = model.with_edges(network, weights, head)
    torch.testing.assert_close(other(x), dense_forward(model, network, weights, x, head))
    assert other.network == network
    assert not torch.allclose(other(x), logits)
    assert torch.equal(model(x), logits)
    assert list(before) == list(model.state_dict())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_every_tensor_but_the_weights_is_shared():
    model = made()
    other = model.with_edges(*thinned(model))
    assert other.head.weight is model.head.weight
    assert other.head.bias is model.head.bias
    assert other.normalize.mean is model.normalize.mean
    for ours, theirs in zip(other.sparse_layers(), model.sparse_layers(), strict=True):
        assert ours.bias is theirs.bias
        assert ours.weight.data_ptr() != theirs.weight.data_ptr()
    with_head = model.with_edges(*thinned(model), np.zeros((4, 6)))
    assert with_head.head.bias is model.head.bias
    assert with_head.head.weight.data_ptr() != model.head.weight.data_ptr()


def test_arrays_of_any_strides_and_byte_order():
    model = made()
    backwards = [vector[::-1].copy()[::-1] for vector in model.weights]
    swapped = [vector.astype(vector.dtype.newbyteorder()) for vector in model.weights]
    head = np.random.default_rng(0).normal(size=(4, 6))
    for weights, its_head in ((backwards, head[::-1].copy()[::-1]), (swapped, np.asfortranarray(head))):
        other = model.with_edges(model.network, weights, its_head)
        assert all(np.array_equal(a, b) for a, b in zip(other.weights, model.weights, strict=True))
        assert np.array_equal(other.head.weight.detach().numpy(), head.astype(np.float32))


def test_index_of_an_equal_graph_is_shared():
    model = made()
    first, second, third = model.network.layers
    twin = ns.BipartiteGraph.from_edges(second.sources, second.targets, n_in=second.n_in, n_out=second.n_out)
    network = ns.SparseNetwork([first, twin, ns.graph.subgraph(third, np.arange(third.n_edges) > 0)[0]])
    weights = [*model.weights[:2], model.weights[2][1:]]
    ours, theirs = model.with_edges(network, weights).sparse_layers(), model.sparse_layers()
    assert [a._index is b._index for a, b in zip(ours, theirs, strict=True)] == [True, True, False]


def test_the_same_edges_give_the_same_bits():
    model, x = made(), torch.rand(30, 12)
    head = model.head.weight.detach().numpy()
    assert torch.equal(model.with_edges(model.network, model.weights, head)(x), model(x))


def test_what_is_set_on_one_is_not_set_on_the_other():
    model = made()
    weights = [vector.copy() for vector in model.weights]
    other = model.with_edges(model.network, weights)
    weights[0][:] = 0
    assert np.array_equal(other.weights[0], model.weights[0])
    other.eval()
    other.head.register_forward_hook(lambda *_: None)
    other.layers[1].note = 1
    other.layers[1].register_buffer("seen", torch.zeros(1), persistent=False)
    model.layers[1].register_buffer("seen", torch.ones(1))
    assert "layers.1.seen" in model.state_dict()
    assert "layers.1.seen" not in other.state_dict()
    assert all(module.training for module in model.modules())
    assert not any(module.training for module in other.modules())
    other.normalize = torch.nn.Identity()
    assert not model.head._forward_hooks
    assert not hasattr(model.layers[1], "note")
    assert isinstance(model.normalize, ns.nn.Normalize)


def test_it_trains_its_own_weights_and_rewires_by_itself():
    model = made()
    before = copy.deepcopy(model.state_dict())
    other = model.with_edges(*thinned(model))
    other(torch.rand(5, 12)).sum().backward()
    assert all(layer.weight.grad is not None for layer in other.sparse_layers())
    assert all(layer.weight.grad is None for layer in model.sparse_layers())
    layer = other.layers[0]
    graph, edge_map = ns.graph.subgraph(layer.graph, np.arange(layer.graph.n_edges) > 2)
    layer.rewire(graph, edge_map)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_frozen_weights_stay_frozen_and_floats_of_their_width():
    model = made().double()
    model.layers[0].weight.requires_grad_(False)
    other = model.with_edges(*thinned(model))
    assert [layer.weight.requires_grad for layer in other.sparse_layers()] == [False, True, True]
    assert {layer.weight.dtype for layer in other.sparse_layers()} == {torch.float64}


def test_a_layer_by_itself():
    graph = ns.BipartiteGraph.from_edges([0, 2, 1], [0, 0, 1], n_in=3, n_out=2)
    layer = SparseLinear(graph, rng=0)
    other = layer.with_edges(ns.BipartiteGraph.from_edges([1], [1], n_in=3, n_out=2), np.array([2.0]))
    assert other(torch.tensor([[1.0, 3.0, 5.0]])).tolist() == [[0.0, 6.0]]
    assert other.bias is layer.bias
    assert layer.graph == graph


def test_no_edges_left():
    model = made()
    empty = ns.SparseNetwork([ns.graph.subgraph(g, np.zeros(g.n_edges, dtype=bool))[0] for g in model.network.layers])
    logits = model.with_edges(empty, [np.zeros(0)] * 3)(torch.rand(4, 12))
    assert (logits == logits[0]).all()


NARROW = ns.generators.layered([12, 20, 6], density=0.3, rng=0)
BAD = [
    (lambda m: m.with_edges(NARROW, [np.zeros(g.n_edges) for g in NARROW.layers]), errors.InvalidNetwork, "12-20-15-6"),
    (lambda m: m.with_edges(m.network.layers[0], m.weights), errors.InvalidNetwork, "BipartiteGraph"),
    (lambda m: m.with_edges(m.network, m.weights[:2]), errors.InvalidEdgeVector, "weights"),
    (lambda m: m.with_edges(m.network, [w[1:] for w in m.weights]), errors.InvalidEdgeVector, r"weights\[0\]"),
    (lambda m: m.with_edges(m.network, m.weights, np.zeros((6, 4))), errors.InvalidSize, r"\(4, 6\)"),
    (lambda m: m.with_edges(m.network, m.weights, np.zeros((4, 6), complex)), errors.InvalidEdgeVector, "complex128"),
    (lambda m: m.with_edges(m.network, m.weights, [[0], [1, 2]]), errors.InvalidEdges, "unequal"),
    (lambda m: m.with_edges(m.network, [w.astype(str) for w in m.weights]), errors.InvalidEdgeVector, "real numbers"),
    (lambda m: m.with_edges(m.network, [w.astype(object) for w in m.weights]), errors.InvalidEdgeVector, "object"),
    (lambda m: m.layers[0].with_edges(NARROW.layers[1], np.zeros(3)), errors.InvalidGraph, "12 sources"),
    (lambda m: m.layers[0].with_edges(None, np.zeros(3)), errors.InvalidGraph, "NoneType"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call(made())


def test_a_head_for_a_model_without_one():
    model = made(head=None)
    with pytest.raises(errors.InvalidOption, match="head"):
        model.with_edges(model.network, model.weights, np.zeros((4, 6)))


def test_joints():
    a = ns.BipartiteGraph.from_edges([0], [0], n_in=2, n_out=2)
    model = SparseMLP(ns.SparseNetwork([a, a]), n_classes=2, rng=0)
    with pytest.raises(errors.InvalidNetwork, match="joints"):
        model.with_edges(ns.SparseNetwork([a, a], [np.array([1, 0])]), model.weights)
