"""Rewiring at every step: the layer is a masked dense matrix all along, its Parameter and its momentum with it."""

import numpy as np
import oracles
import pytest
import torch
import zoo
from hypothesis import given, settings

import netsparse as ns
from netsparse import errors
from netsparse.graph import EdgeMap
from netsparse.nn import SparseLinear, SparseMLP, carried

LR, MOMENTUM = 0.05, 0.9


def simulated(layer, steps, rule, rng, data):
    """Train and rewire a layer and, beside it, a dense matrix and its momentum under a mask; compare at the end."""
    optimizer = torch.optim.SGD([layer.weight], lr=LR, momentum=MOMENTUM)
    parameter, storage = layer.weight, layer.weight.data_ptr()
    matrix = torch.from_numpy(oracles.dense_of(layer.graph, layer.edge_weights()))
    mask = torch.from_numpy(oracles.mask_of(layer.graph))
    velocity = torch.zeros_like(matrix)
    for step in range(steps):
        x, y = data(step)
        optimizer.zero_grad()
        (layer(x) - y).square().mean().backward()
        optimizer.step()

        matrix.requires_grad_()
        (x @ (matrix * mask).t() - y).square().mean().backward()
        with torch.no_grad():
            velocity = (MOMENTUM * velocity + matrix.grad) * mask
            matrix = matrix.detach() - LR * velocity

        (state,) = [ns.rewiring.LayerState(0, layer.graph, layer.edge_weights())]
        (delta,) = rule.propose_all([state], at=ns.rewiring.Moment(step), rng=rng)
        gone = layer.graph.targets[delta.removed].astype(int), layer.graph.sources[delta.removed].astype(int)
        born = delta.added_targets.copy(), delta.added_sources.copy()
        mask[gone], matrix[gone], velocity[gone] = False, 0.0, 0.0
        mask[born], matrix[born], velocity[born] = True, torch.tensor(delta.values), 0.0
        layer.rewire(*ns.apply(layer.graph, delta), optimizer, newborn=delta.values)
        assert layer.weight is parameter
        assert layer.weight.data_ptr() == storage
    assert optimizer.param_groups[0]["params"] == [parameter]
    momentum = optimizer.state[parameter]["momentum_buffer"].numpy()
    np.testing.assert_array_equal(oracles.mask_of(layer.graph), mask.numpy())
    np.testing.assert_allclose(oracles.dense_of(layer.graph, layer.edge_weights()), matrix.numpy(), rtol=1e-6)
    np.testing.assert_allclose(oracles.dense_of(layer.graph, momentum), velocity.numpy(), rtol=1e-6, atol=1e-12)


def test_a_thousand_rewirings_at_every_step_are_those_of_a_masked_dense_matrix():
    graph = ns.generators.erdos_renyi(30, 20, density=0.2, rng=0)
    layer = SparseLinear(graph, bias=False, rng=1).double()
    rule = ns.rewiring.SET(0.03, newborn=0.1, every=1)
    teacher = torch.randn(20, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def data(step):
        x = torch.randn(8, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(step))
        return x, x @ teacher.t()

    simulated(layer, 1000, rule, np.random.default_rng(2), data)


def test_the_index_of_a_rewired_layer_is_that_of_a_new_one():
    graph = ns.generators.erdos_renyi(60, 50, density=0.1, rng=0)
    layer = SparseLinear(graph, rng=0)
    for step in range(20):
        layer.rewire(*ns.apply(layer.graph, ns.rewiring.SET(0.05).propose(layer.graph, layer.edge_weights(), rng=step)))
        new = SparseLinear(ns.BipartiteGraph(60, 50, layer.graph.indptr, layer.graph.indices), rng=0)
        for name in ("indptr", "indices", "source_indptr", "source_targets", "by_source"):
            assert torch.equal(getattr(layer._index, name), getattr(new._index, name)), name
        assert torch.equal(layer.indptr, new.indptr)
        assert torch.equal(layer.state_dict()["indices"], new.indices)
        assert torch.equal(
            new.with_edges(layer.graph, layer.edge_weights())(torch.ones(3, 60)), layer(torch.ones(3, 60))
        )


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.Adagrad])
def test_a_model_keeps_training_with_its_optimizer_while_the_count_changes(optimizer):
    model = SparseMLP(ns.generators.layered([12, 20, 15], density=0.3, rng=0), n_classes=4, rng=0)
    parameters = list(model.parameters())
    stepper = optimizer(parameters, lr=0.01)
    x, y = torch.rand(16, 12), torch.arange(16) % 4
    for step in range(6):
        stepper.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        stepper.step()
        for layer in model.sparse_layers():
            removed = np.arange(step % 3)
            graph, edge_map = ns.apply(
                layer.graph, ns.EdgeDelta(removed, *ns.graph.free_pairs(layer.graph, 2, rng=step))
            )
            layer.rewire(graph, edge_map, stepper, newborn=np.ones(2))
            assert layer.weight.grad is None
            state = [v for v in stepper.state[layer.weight].values() if v.ndim]
            assert state
            assert all(v.shape == layer.weight.shape and (v[edge_map.added.astype(int)] == 0).all() for v in state)
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))


@settings(deadline=None)
@given(zoo.graphs_with_delta())
def test_a_map_made_by_hand_is_checked_and_rewires_alike(case):
    graph, delta = case
    layers = [SparseLinear(graph, rng=0) for _ in range(2)]
    after, edge_map = ns.apply(graph, delta)
    layers[0].rewire(after, edge_map, newborn=np.ones(delta.n_added))
    layers[1].rewire(after, EdgeMap(edge_map.old_to_new, edge_map.added), newborn=np.ones(delta.n_added))
    assert torch.equal(layers[0].weight, layers[1].weight)


def test_a_map_of_an_equal_graph_is_compared_edge_by_edge():
    graph = ns.generators.erdos_renyi(20, 20, density=0.3, rng=0)
    twin = ns.BipartiteGraph(20, 20, graph.indptr, graph.indices)
    layer = SparseLinear(graph, rng=0)
    layer.rewire(*ns.apply(twin, ns.EdgeDelta([3])))
    assert layer.graph.n_edges == graph.n_edges - 1
    after, _ = ns.apply(layer.graph, ns.EdgeDelta([0]))
    _, other = ns.apply(layer.graph, ns.EdgeDelta([5]))
    with pytest.raises(errors.InvalidGraph, match="another graph"):
        layer.rewire(after, other)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64])
@pytest.mark.parametrize("newborn", [0.0, 1.5, "tensor"])
def test_carried_in_every_type_of_number(dtype, newborn):
    graph = zoo.GRAPHS["sparse random"]
    delta = ns.EdgeDelta([0, 5], *ns.graph.free_pairs(graph, 3, rng=0))
    _, edge_map = ns.apply(graph, delta)
    values = torch.arange(graph.n_edges).to(dtype)
    newborn = torch.tensor([1.0, 2.0, 3.0]) if newborn == "tensor" else newborn
    expected = torch.zeros(edge_map.n_edges, dtype=dtype)
    expected[edge_map.added.astype(int)] = torch.as_tensor(newborn, dtype=dtype)
    for old, new in enumerate(edge_map.old_to_new.tolist()):
        if new >= 0:
            expected[new] = values[old]
    for one in (edge_map, EdgeMap(edge_map.old_to_new, edge_map.added)):
        assert torch.equal(carried(values, one, newborn), expected)
    # what another device would do, on this one
    there = ns.nn.optimizer._carried_there(values, edge_map, torch.as_tensor(newborn, dtype=dtype))
    assert torch.equal(there, expected)
    by_hand = EdgeMap(edge_map.old_to_new, edge_map.added)
    assert torch.equal(ns.nn.optimizer._carried_there(values, by_hand, torch.as_tensor(newborn, dtype=dtype)), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64])
def test_state_moves_where_it_lies_as_it_would_move_elsewhere(dtype):
    graph = zoo.GRAPHS["sparse random"]
    _, edge_map = ns.apply(graph, ns.EdgeDelta([7, 0, 5], *ns.graph.free_pairs(graph, 3, rng=0)))
    parameter = torch.nn.Parameter(torch.arange(graph.n_edges).to(dtype))
    values = torch.arange(1, graph.n_edges + 1).to(dtype)
    strided = torch.stack([values, -values], dim=1)[:, 1]
    state = {"momentum": values.clone(), "strided": strided, "step": torch.tensor(3.0), "same": parameter.data}
    for aliased in (False, True):  # one that shares the memory of the parameter must not move twice
        kept = {k: v.clone() if k != "same" else v for k, v in state.items() if aliased or k != "same"}
        optimizer = torch.optim.SGD([parameter], lr=0.1)
        optimizer.state[parameter] = dict(kept)
        ns.nn.carry_state(optimizer, parameter, edge_map)
        carried_state = optimizer.state[parameter]
        assert torch.equal(carried_state["momentum"], carried(values, edge_map))
        assert torch.equal(carried_state["strided"], carried(-values, edge_map))
        assert carried_state["step"] is kept["step"]
        assert torch.equal(parameter.data, torch.arange(graph.n_edges).to(dtype))
        if aliased:
            assert torch.equal(carried_state["same"], carried(parameter.data, edge_map))


def test_a_map_of_another_number_of_edges_is_refused_before_anything_moves():
    graph, larger = zoo.GRAPHS["sparse random"], ns.generators.erdos_renyi(90, 90, density=0.3, rng=0)
    _, edge_map = ns.apply(larger, ns.EdgeDelta([0], *ns.graph.free_pairs(larger, 1, rng=0)))
    parameter = torch.nn.Parameter(torch.zeros(graph.n_edges))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    optimizer.state[parameter]["momentum_buffer"] = torch.ones(graph.n_edges)
    with pytest.raises(errors.InvalidEdgeVector, match="one entry per old edge"):
        ns.nn.carry_state(optimizer, parameter, edge_map)
    assert torch.equal(optimizer.state[parameter]["momentum_buffer"], torch.ones(graph.n_edges))


def test_a_layer_whose_numbers_change_asks_for_its_kernel_again():
    layer = SparseLinear(zoo.GRAPHS["sparse random"], rng=0)
    x = torch.rand(4, layer.n_in)
    expected = layer(x)
    torch.testing.assert_close(layer.double()(x.double()).float(), expected)
    torch.testing.assert_close(layer.float()(x), expected)


@pytest.mark.parametrize("batch", [0, 1])
@pytest.mark.parametrize("backend", ["auto", "reference", "torch_csr", "dense"])
def test_batches_of_none_and_of_one(batch, backend):
    layer = SparseLinear(zoo.GRAPHS["sparse random"], activation="relu", backend=backend, rng=0)
    x = torch.rand(batch, layer.n_in, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.shape == (batch, layer.n_in)
    assert layer.weight.grad.shape == layer.weight.shape
    assert batch or not layer.weight.grad.any()
    assert layer(torch.rand(batch, 3, layer.n_in)).shape == (batch, 3, layer.n_out)


BAD = [
    (lambda n: torch.rand(3, n + 1), errors.InvalidSize, "60"),
    (lambda n: torch.rand(3, n).double(), errors.InvalidOption, "float64.*float32"),
    (lambda n: torch.ones(3, n, dtype=torch.long), errors.InvalidOption, "int64.*float32"),
    (lambda n: torch.rand(3, n, device="meta"), errors.InvalidOption, "meta.*cpu"),
    (lambda n: np.ones((3, n)), errors.InvalidOption, "ndarray"),
]


@pytest.mark.parametrize(("make", "error", "message"), BAD, ids=range(len(BAD)))
def test_what_a_layer_cannot_compute_with(make, error, message):
    layer = SparseLinear(zoo.GRAPHS["sparse random"], rng=0)
    with pytest.raises(error, match=message):
        layer(make(layer.n_in))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_loss_that_is_still_held_does_not_keep_the_old_shape(dtype):
    layer = SparseLinear(zoo.GRAPHS["sparse random"], rng=0).to(dtype)
    x = torch.rand(2, layer.n_in, dtype=dtype)
    held = layer(x).sum()
    graph, edge_map = ns.apply(layer.graph, ns.EdgeDelta([0, 5], [], []))
    layer.rewire(graph, edge_map)
    layer(x).sum().backward()
    assert layer.weight.grad.shape == (graph.n_edges,)
    assert layer.weight.dtype is dtype
    assert held.grad_fn is not None


@pytest.mark.gpu
def test_carried_on_cuda_as_on_the_cpu():
    graph = zoo.GRAPHS["sparse random"]
    _, edge_map = ns.apply(graph, ns.EdgeDelta([0, 5], *ns.graph.free_pairs(graph, 3, rng=0)))
    values = torch.rand(graph.n_edges)
    assert torch.equal(carried(values.cuda(), edge_map, 2.0).cpu(), carried(values, edge_map, 2.0))
