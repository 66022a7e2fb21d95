"""torch: one layer as a sparse tensor on the same memory; tensors and models read back."""

from __future__ import annotations

import warnings

import numpy as np
import oracles
import pytest
import torch
import zoo
from hypothesis import given
from torch import nn
from torch.nn.utils import prune

from netsparse.errors import (
    DuplicateEdge,
    InvalidEdges,
    InvalidEdgeVector,
    InvalidFile,
    InvalidNetwork,
    InvalidSize,
    UnknownName,
)
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.interop import from_torch, read_torch, to_torch
from netsparse.nn import SparseLinear, SparseMLP


def address(array):
    return array.__array_interface__["data"][0]


# to_torch ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["csr", "coo"])
@pytest.mark.parametrize("name", zoo.GRAPHS)
def test_the_tensor_is_the_weight_matrix(name, layout):
    graph = zoo.GRAPHS[name]
    values = np.arange(1.0, graph.n_edges + 1)
    tensor = to_torch(graph, values, layout=layout)
    assert tensor.dtype == torch.float64
    np.testing.assert_array_equal(tensor.to_dense().numpy(), oracles.dense_of(graph, values))
    np.testing.assert_array_equal(to_torch(graph, layout=layout).to_dense().numpy(), oracles.mask_of(graph))
    assert to_torch(graph, layout=layout).dtype == torch.float32


@pytest.mark.parametrize("layout", ["csr", "coo"])
@pytest.mark.parametrize("name", zoo.GRAPHS)
def test_the_invariants_that_torch_did_not_check_hold(name, layout):
    graph = zoo.GRAPHS[name]
    with torch.sparse.check_sparse_tensor_invariants():
        tensor = to_torch(graph, layout=layout)
        if layout == "csr":
            torch.sparse_csr_tensor(
                tensor.crow_indices(), tensor.col_indices(), tensor.values(), tensor.shape, check_invariants=True
            )
        else:
            torch.sparse_coo_tensor(tensor.indices(), tensor.values(), tensor.shape, check_invariants=True)


@pytest.mark.parametrize("writable", [True, False])
def test_csr_shares_indices_and_values(writable):
    graph = zoo.GRAPHS["sparse random"]
    values = np.arange(graph.n_edges, dtype=np.float32)
    values.setflags(write=writable)
    tensor = to_torch(graph, values)
    assert tensor.crow_indices().data_ptr() == address(graph.indptr)
    assert tensor.col_indices().data_ptr() == address(graph.indices)
    assert tensor.values().data_ptr() == address(values)


def test_coo_shares_values():
    graph = zoo.GRAPHS["sparse random"]
    values = np.arange(graph.n_edges, dtype=np.float32)
    tensor = to_torch(graph, values, layout="coo")
    assert tensor.is_coalesced()
    assert tensor.values().data_ptr() == address(values)


def test_shared_memory_outlives_the_arrays():
    values = np.arange(3.0)
    tensor = to_torch(BipartiteGraph.from_edges([0, 2, 1], [1, 0, 1], n_in=3, n_out=2), values)
    del values
    np.zeros(3)
    assert tensor.to_dense().tolist() == [[0.0, 0.0, 0.0], [1.0, 2.0, 0.0]]


@pytest.mark.parametrize("layout", ["csr", "coo"])
def test_a_tensor_is_used_as_it_is_with_its_gradient(layout):
    graph = zoo.GRAPHS["sparse random"]
    values = torch.randn(graph.n_edges, dtype=torch.float64, requires_grad=True, generator=torch.manual_seed(0))
    tensor = to_torch(graph, values, layout=layout)
    assert tensor.detach().values().data_ptr() == values.data_ptr()
    batch = torch.randn(graph.n_in, 5, dtype=torch.float64)
    (tensor @ batch).square().sum().backward()
    dense = torch.from_numpy(oracles.dense_of(graph, values.detach().numpy())).requires_grad_()
    (dense @ batch).square().sum().backward()
    assert dense.grad is not None
    assert values.grad is not None
    expected = dense.grad[graph.targets.tolist(), graph.sources.tolist()]
    torch.testing.assert_close(values.grad, expected)


@pytest.mark.parametrize("layout", ["csr", "coo"])
@pytest.mark.parametrize("device", ["meta", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_the_indices_follow_the_values_to_their_device(layout, device):
    graph = zoo.GRAPHS["sparse random"]
    tensor = to_torch(graph, torch.ones(graph.n_edges, device=device), layout=layout)
    assert tensor.device.type == device
    assert tensor.shape == (graph.n_out, graph.n_in)
    if device == "cuda":
        found, values = from_torch(tensor)
        assert found == graph
        assert values.tolist() == [1.0] * graph.n_edges


def test_values_with_gaps_in_memory_are_copied():
    graph = zoo.GRAPHS["complete"]
    values = np.arange(2.0 * graph.n_edges)[::-2]
    np.testing.assert_array_equal(to_torch(graph, values).to_dense().numpy(), oracles.dense_of(graph, values))


def test_what_to_torch_refuses():
    graph = zoo.GRAPHS["complete"]
    with pytest.raises(UnknownName, match="layout: given 'bsr', expected one of coo, csr"):
        to_torch(graph, layout="bsr")
    with pytest.raises(InvalidEdgeVector, match=r"shape \(12,\)"):
        to_torch(graph, np.ones(3))
    with pytest.raises(InvalidEdgeVector, match=r"a tensor of shape \(3,\), expected one entry per edge"):
        to_torch(graph, torch.ones(3))
    with pytest.raises(InvalidEdgeVector, match="of a type torch has"):
        to_torch(graph, np.array(["x"] * 12))


# from_torch: tensors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["csr", "coo", "csc"])
@pytest.mark.parametrize("name", zoo.GRAPHS)
def test_sparse_tensors_keep_stored_zeros(name, layout):
    graph = zoo.GRAPHS[name]
    values = np.arange(graph.n_edges, dtype=np.float32)  # the first one is a stored zero
    tensor = to_torch(graph, values, layout="coo" if layout == "coo" else "csr")
    found, stored = from_torch(tensor.to_sparse_csc() if layout == "csc" else tensor)
    assert found == graph
    assert stored.dtype == np.float32
    assert stored.tolist() == values.tolist()


@given(graph=zoo.graphs())
def test_dense_tensors_have_no_edge_at_zero(graph):
    values = np.arange(graph.n_edges) - 2.5
    found, stored = from_torch(torch.from_numpy(oracles.dense_of(graph, values)))
    assert found == graph
    assert stored.tolist() == values.tolist()


def test_an_unsorted_coo_tensor():
    pairs = torch.tensor([[1, 0, 1], [1, 2, 0]])
    tensor = torch.sparse_coo_tensor(pairs, torch.tensor([3.0, 1.0, 2.0]), (2, 3), check_invariants=True)
    graph, values = from_torch(tensor)
    assert graph == BipartiteGraph.from_edges([2, 0, 1], [0, 1, 1], n_in=3, n_out=2)
    assert values.tolist() == [1.0, 2.0, 3.0]


def test_bfloat16_and_gradients():
    graph, values = from_torch(torch.tensor([[0.5, 0.0]], dtype=torch.bfloat16, requires_grad=True))
    assert (graph.n_edges, values.dtype, values.tolist()) == (1, np.float32, [0.5])


@pytest.mark.parametrize("layout", ["csr", "coo"])
def test_values_are_a_copy(layout):
    tensor = to_torch(zoo.GRAPHS["complete"], np.ones(12), layout=layout)
    _, values = from_torch(tensor)
    tensor.values().fill_(5)
    assert values.tolist() == [1.0] * 12


@pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc])
@pytest.mark.parametrize(
    ("pointers", "n_values"),
    [([0, 10**9, 2], 2), ([5, 1, 2], 2), ([0, 2], 2), ([0, 1, 3], 2), ([0, 2, 1], 2), ([0, 1, 2], 1)],
)
def test_pointers_that_lead_out_of_the_tensor_are_an_error_and_no_crash(layout, pointers, n_values, tmp_path):
    by_block = layout in (torch.sparse_bsr, torch.sparse_bsc)
    values = torch.ones(n_values, 2, 2) if by_block else torch.ones(n_values)
    size = (4, 4) if by_block else (2, 2)
    tensor = torch.sparse_compressed_tensor(
        torch.tensor(pointers), torch.tensor([0, 1]), values, size, layout=layout, check_invariants=False
    )
    with pytest.raises(InvalidEdges, match=r"sparse tensor: given \d pointers for 2 (rows|columns)") as caught:
        from_torch(tensor)
    assert "\n" not in str(caught.value)
    torch.save({"weight": tensor}, tmp_path / "a.pt")  # torch does not check what it loads
    with pytest.raises(InvalidFile, match="given sparse tensor with"):
        read_torch(tmp_path / "a.pt")


def test_unsorted_and_blocked_tensors():
    unsorted = torch.sparse_csr_tensor(
        torch.tensor([0, 2, 2]), torch.tensor([1, 0]), torch.tensor([1.0, 2.0]), (2, 2), check_invariants=False
    )
    graph, values = from_torch(unsorted)
    assert (graph.sources.tolist(), graph.targets.tolist(), values.tolist()) == ([0, 1], [0, 0], [2.0, 1.0])
    dense = torch.zeros(4, 6)
    dense[0, 1], dense[3, 5] = 2.0, 3.0
    for blocks in (dense.to_sparse_bsr((2, 3)), dense.to_sparse_bsc((2, 3))):
        graph, values = from_torch(blocks)
        assert graph.n_edges == 12
        np.testing.assert_array_equal(oracles.dense_of(graph, values), dense.numpy())


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (lambda: torch.eye(3).to_mkldnn(), "an mkldnn tensor"),
        (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged), "a nested tensor"),
    ],
)
def test_tensors_of_other_engines_are_one_line(tensor, words):
    if words == "an mkldnn tensor" and not torch.backends.mkldnn.is_available():
        pytest.skip("torch without mkldnn")
    with pytest.raises(InvalidEdges, match=words) as caught:
        from_torch(tensor())
    assert "\n" not in str(caught.value)


def test_what_is_no_layer():
    with pytest.raises(InvalidEdges, match=r"shape \(3,\)"):
        from_torch(torch.ones(3))
    with pytest.raises(InvalidEdges, match=r"shape \(2, 2, 1, 1\)"):
        from_torch(torch.ones(2, 2, 1, 1))
    hybrid = torch.sparse_coo_tensor(torch.tensor([[0, 1]]), torch.ones(2, 3), (2, 3), check_invariants=True)
    with pytest.raises(InvalidEdges, match="one number per pair"):
        from_torch(hybrid)
    twice = torch.sparse_coo_tensor(torch.tensor([[0, 0], [1, 1]]), torch.ones(2), (2, 2), check_invariants=True)
    with pytest.raises(DuplicateEdge, match=r"\(1, 0\) twice"):
        from_torch(twice)
    with pytest.raises(InvalidSize):
        from_torch(torch.ones(0, 3))
    with pytest.raises(InvalidNetwork, match="given ndarray, expected a torch"):
        from_torch(np.eye(2))


# from_torch: models --------------------------------------------------------------------------------------------------


def masked_mlp():
    """Model of two hidden layers, pruned by hand: exact zeros in its dense weights."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
    for module in (model[0], model[3]):
        module.weight.data *= torch.rand_like(module.weight) < 0.5
    return model


def check_against_dense(network, weights, matrices):
    assert network.layers == tuple(BipartiteGraph.from_mask(matrix) for matrix in matrices)
    for graph, values, matrix in zip(network.layers, weights, matrices, strict=True):
        assert values.tolist() == oracles.vector_of(graph, matrix).tolist()


def test_masked_dense_model():
    model = masked_mlp()
    matrices = [model[k].weight.detach().numpy() for k in (0, 3, 5)]
    check_against_dense(*from_torch(model), matrices)
    check_against_dense(*from_torch(model, include_head=False), matrices[:2])


def test_pruned_model_is_read_from_mask_and_current_weights():
    model = masked_mlp()
    prune.random_unstructured(model[0], "weight", amount=0.4)
    kept = model[0].weight_mask.numpy() != 0
    with torch.no_grad():  # an optimizer step; model[0].weight itself is not updated before the next forward call
        model[0].weight_orig.add_(1.0)
        model[0].weight_orig[tuple(np.argwhere(kept)[0])] = 0.0
    network, weights = from_torch(model)
    assert network.layers[0] == BipartiteGraph.from_mask(kept)
    current = model[0].weight_orig.detach().numpy()
    assert weights[0].tolist() == oracles.vector_of(network.layers[0], current).tolist()
    assert weights[0][0] == 0.0


def test_sparse_model_round_trip():
    network = zoo.NETWORKS["three layers"]
    model = SparseMLP(network, 4, rng=0)
    found, weights = from_torch(model, include_head=False)
    assert found == network
    layers = [module for module in model.modules() if hasattr(module, "graph")]
    assert [values.tolist() for values in weights] == [layer.weight.tolist() for layer in layers]
    whole, _ = from_torch(model)
    assert whole.sizes == (*network.sizes, 4)
    headless = SparseMLP(network, head=None, rng=0)
    assert from_torch(headless)[0] == from_torch(headless, include_head=False)[0] == network


def test_training_on_does_not_change_what_was_read():
    model = SparseMLP(zoo.NETWORKS["three layers"], 4, rng=0)
    _, weights = from_torch(model)
    before = [values.tolist() for values in weights]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(9.0)
    assert [values.tolist() for values in weights] == before


class Wired(nn.Module):
    """Somebody else's sparse layer: a graph, and one weight per edge, some of them zero."""

    def __init__(self, graph):
        super().__init__()
        self.graph = graph
        self.weight = nn.Parameter(torch.arange(graph.n_edges, dtype=torch.bfloat16))


def test_any_module_with_a_graph_is_read_from_its_graph():
    graph = zoo.GRAPHS["complete"]
    network, weights = from_torch(nn.ModuleDict({"a": Wired(graph)}))
    assert network == SparseNetwork([graph])
    assert weights[0].tolist() == list(range(12))


def test_masks_of_ones_own():
    torch.manual_seed(0)
    layer = nn.Linear(5, 4)
    layer.register_buffer("mask", torch.rand(4, 5) < 0.5)
    graph = BipartiteGraph.from_mask(layer.mask.numpy())
    with torch.no_grad():
        layer.weight[tuple(layer.mask.nonzero()[0])] = 0.0
    network, weights = from_torch(layer)
    assert network.layers == (graph,)
    assert weights[0].tolist() == oracles.vector_of(graph, layer.weight.detach().numpy()).tolist()
    layer.register_buffer("mask", torch.ones(4))  # something else that has the same name
    assert from_torch(layer)[0].n_edges == 19
    layer.register_buffer("weight_mask", torch.ones(4))
    with pytest.raises(InvalidNetwork, match=r"given a weight_mask of shape \(4,\), expected the weight's shape"):
        from_torch(layer)


def test_float8_and_half():
    matrix = torch.tensor([[0.5, 0.0], [0.0, 2.0]])
    assert from_torch(matrix.to(torch.float8_e4m3fn))[1].tolist() == [0.5, 2.0]
    assert from_torch(matrix.half())[1].dtype == np.float16
    network, weights = from_torch(nn.Sequential(nn.Linear(2, 2)).to(torch.bfloat16))
    assert (network.n_edges, weights[0].dtype) == (4, np.float32)


@pytest.mark.gpu
def test_models_on_a_gpu_are_read_as_on_the_cpu():
    model = masked_mlp()
    network, weights = from_torch(model)
    found, values = from_torch(model.cuda())
    assert found == network
    assert [row.tolist() for row in values] == [row.tolist() for row in weights]


def test_normalisation_of_any_shape_is_passed_over():
    model = nn.Sequential(nn.Linear(4, 6), nn.Unflatten(1, (2, 3)), nn.LayerNorm((2, 3)), nn.RMSNorm((2, 3)))
    assert from_torch(model)[0].sizes == (4, 6)


def test_a_shared_module_is_one_layer():
    layer = nn.Linear(3, 3)
    assert len(from_torch(nn.Sequential(layer, nn.ReLU(), layer))[0].layers) == 1


def test_parametrized_linear_layers_are_linear_layers():
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    _, weights = from_torch(nn.Sequential(layer))
    assert weights[0].tolist() == layer.weight.flatten().tolist()


def older(norm):
    """Return a layer under one of the older hooks, which torch calls deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return norm(nn.Linear(4, 3))


@pytest.mark.parametrize(
    "layer",
    [
        lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)),
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)),
        lambda: older(nn.utils.spectral_norm),
        lambda: older(nn.utils.weight_norm),
    ],
)
def test_computed_weights_are_those_of_a_call_now_and_reading_changes_nothing(layer):
    torch.manual_seed(0)
    layer, other = layer(), layer()
    layer(torch.ones(2, 4))
    layer.load_state_dict(other.state_dict())
    with torch.no_grad():  # an optimizer step, since when nobody has called it
        for parameter in layer.parameters():
            parameter.add_(torch.rand_like(parameter))
    before = {key: tensor.clone() for key, tensor in layer.state_dict().items()}
    assert layer.training
    _, (weights,) = from_torch(layer)
    assert from_torch(layer)[1][0].tolist() == weights.tolist()
    assert all(module.training for module in layer.modules())
    assert all(torch.equal(tensor, before[key]) for key, tensor in layer.state_dict().items())
    layer.eval()
    with torch.no_grad():
        rows = layer(torch.eye(4)) - layer.bias
    np.testing.assert_allclose(weights.reshape(3, 4), rows.T.numpy(), rtol=1e-5, atol=1e-6)


def test_a_pruned_sparse_layer_is_read_without_the_edges_under_the_mask():
    graph = zoo.GRAPHS["complete"]
    model = nn.Sequential(SparseLinear(graph, rng=0))
    prune.l1_unstructured(model[0], "weight", amount=5)
    with torch.no_grad():  # an optimizer step
        model[0].weight_orig.add_(1.0)
    kept = model[0].weight_mask.numpy() != 0
    expected = BipartiteGraph.from_edges(graph.sources[kept], graph.targets[kept], n_in=graph.n_in, n_out=graph.n_out)
    for found, (values,) in (from_torch(model), from_torch(model.state_dict(), n_in=graph.n_in)):
        assert found.layers == (expected,)
        assert values.tolist() == model[0].weight_orig.detach().numpy()[kept].tolist()


class MaskedLinear(nn.Module):
    """Somebody's own masked layer, no subclass of torch's."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.in_features, self.out_features = n_in, n_out
        self.weight = nn.Parameter(torch.randn(n_out, n_in))
        self.register_buffer("mask", torch.rand(n_out, n_in) < 0.5)


def test_masked_layers_of_ones_own():
    torch.manual_seed(0)
    model = nn.Sequential(MaskedLinear(6, 5), nn.ReLU(), MaskedLinear(5, 3))
    network, weights = from_torch(model)
    assert network.layers == tuple(BipartiteGraph.from_mask(model[k].mask.numpy()) for k in (0, 2))
    for graph, values, k in zip(network.layers, weights, (0, 2), strict=True):
        assert values.tolist() == oracles.vector_of(graph, model[k].weight.detach().numpy()).tolist()
    model[0].in_features, model[0].out_features = 5, 6  # laid out the other way round
    with pytest.raises(InvalidNetwork, match="module '0': given MaskedLinear with a parameter 'weight'"):
        from_torch(model)


class Wrapped(nn.Module):
    """A layer whose mask lies in the module around it."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.register_buffer("mask", (torch.arange(12).reshape(3, 4) % 2).float())


def test_a_mask_outside_its_layer_is_never_passed_over():
    model = nn.Sequential(Wrapped())
    for source in (model, model.state_dict()):
        with pytest.raises(InvalidNetwork, match=r"module '0': given a mask outside layer '0\.linear'") as caught:
            from_torch(source)
        assert "\n" not in str(caught.value)
    with torch.no_grad():  # where the weights obey it already, nothing is left to say
        model[0].linear.weight *= model[0].mask
    assert from_torch(model)[0].n_edges == from_torch(model.state_dict())[0].n_edges == 6


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (nn.Sequential(nn.ReLU()), "Sequential without a linear layer or a convolution, expected at least one"),
        (nn.ConvTranspose2d(2, 2, 3), "given ConvTranspose2d with a parameter 'weight' that is not the weight of"),
        (nn.MultiheadAttention(4, 2), "given MultiheadAttention with a parameter 'in_proj_weight'"),
        (nn.Sequential(nn.LSTM(2, 3)), "module '0': given LSTM with a parameter 'weight_ih_l0'"),
        (nn.Embedding(3, 2), "module 'model': given Embedding"),
        (nn.Sequential(nn.LazyLinear(2)), "module '0': given LazyLinear without a shape"),
        (nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 2)), "layer '1': given 4 inputs after a layer of 3 outputs"),
    ],
)
def test_models_that_are_no_network(model, words):
    with pytest.raises(InvalidNetwork, match=words) as caught:
        from_torch(model)
    assert "\n" not in str(caught.value)


def test_a_head_alone_is_no_network():
    with pytest.raises(InvalidNetwork, match="without a linear layer or a convolution below its head"):
        from_torch(nn.Linear(2, 2), include_head=False)
