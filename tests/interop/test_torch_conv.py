"""Convolutions: a bipartite graph between patch entries and output channels, met by joints."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import oracles
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from netsparse.errors import InvalidNetwork, InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.interop import from_torch, read_graphml, to_igraph, to_networkx, write_graphml
from netsparse.interop.npz import read_npz, write_npz
from netsparse.interop.torch import kernel_shapes
from netsparse.nn import SparseLinear


def vgg():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3),
        nn.BatchNorm2d(16),
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, 10),
    )


def pruned(module, seed=0):
    """Half of a module's weights set to exact zeros, and no bias."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        module.weight *= torch.rand(module.weight.shape, generator=generator) < 0.5
        if module.bias is not None:
            module.bias.zero_()
    return module


# one layer -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 3)])
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": 2}])
def test_unfolded_patches_times_the_graph_are_the_convolution(groups, kernel, options):
    conv = pruned(nn.Conv2d(4, 8, kernel, groups=groups, dtype=torch.float64, **options))
    network, (weights,) = from_torch(conv)
    images = torch.randn(2, 4, 9, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    patches = nn.functional.unfold(images, kernel, **options)
    expected = conv(images).flatten(2).detach().numpy()
    assert network.sizes == (4 * math.prod(kernel), 8)
    matrix = network.layers[0].weight_matrix(weights)
    for image, outputs in zip(patches.numpy(), expected, strict=True):
        np.testing.assert_allclose(matrix @ image, outputs, atol=1e-12)
    assert network.n_edges == torch.count_nonzero(conv.weight)


@pytest.mark.parametrize(("kind", "axes"), [(nn.Conv1d, 1), (nn.Conv3d, 3)])
def test_convolutions_of_other_dimensions_on_a_patch(kind, axes):
    conv = pruned(kind(4, 6, 2, groups=2, dtype=torch.float64))
    network, (weights,) = from_torch(conv)
    patch = torch.randn(1, 4, *[2] * axes, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    outputs = network.layers[0].weight_matrix(weights) @ patch.flatten().numpy()
    np.testing.assert_allclose(outputs, conv(patch).detach().flatten().numpy(), atol=1e-12)
    assert kernel_shapes(conv) == ((2,) * axes,)


@pytest.mark.parametrize("groups", [1, 3])
def test_edges_stay_inside_their_group(groups):
    conv = nn.Conv2d(6, 9, 2, groups=groups)
    graph = from_torch(conv)[0].layers[0]
    dense = np.zeros((9, 6, 2, 2), dtype=bool)
    for group in range(groups):
        dense[group * 9 // groups : (group + 1) * 9 // groups, group * 6 // groups : (group + 1) * 6 // groups] = True
    assert graph == BipartiteGraph.from_mask(dense.reshape(9, -1))


def test_pruned_convolution_is_read_from_mask_and_current_weights():
    conv = nn.Conv2d(4, 6, 3, groups=2)
    prune.random_unstructured(conv, "weight", amount=0.5)
    kept = conv.weight_mask.bool()
    with torch.no_grad():  # an optimizer step: conv.weight itself is not updated before the next forward call
        conv.weight_orig.add_(1.0)
        conv.weight_orig[tuple(kept.nonzero()[0])] = 0.0
    network, (weights,) = from_torch(conv)
    assert network.n_edges == int(kept.sum()) == 54
    assert weights[0] == 0.0
    twin = nn.Conv2d(4, 6, 3, groups=2, bias=False)
    twin.weight.data = conv.weight_orig.detach() * conv.weight_mask
    patch = torch.randn(1, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    outputs = network.layers[0].weight_matrix(weights) @ patch.flatten().numpy()
    np.testing.assert_allclose(outputs, twin(patch).detach().flatten().numpy(), atol=1e-5)


def test_parametrized_convolution_is_read_as_it_is():
    conv = parametrizations.weight_norm(nn.Conv2d(2, 3, 3))
    with torch.no_grad():
        conv.parametrizations.weight.original0.mul_(2.0)
    _, (weights,) = from_torch(conv)
    assert weights.tolist() == conv.weight.flatten().tolist()


def test_no_weight_at_all_and_one_channel():
    conv = nn.Conv2d(1, 1, 3)
    nn.init.zeros_(conv.weight)
    assert from_torch(conv)[0] == SparseNetwork([BipartiteGraph.from_edges([], [], n_in=9, n_out=1)])


# chains --------------------------------------------------------------------------------------------------------------


def test_joints_name_the_channel_behind_each_input():
    network, weights = from_torch(vgg())
    assert network.sizes == (27, 8, 16, 10)
    assert [layer.n_in for layer in network.layers] == [27, 72, 256]
    first, second = network.joints
    for channel in range(8):
        for row in range(3):
            for col in range(3):
                assert first[(channel * 3 + row) * 3 + col] == channel
    positions = torch.arange(16).repeat_interleave(16).reshape(1, 16, 4, 4)  # every pixel holds its channel
    assert second.tolist() == nn.Flatten()(positions)[0].tolist()
    assert [len(row) for row in weights] == [8 * 27, 16 * 72, 2560]


def test_the_whole_network_contracts_patches_onto_channels():
    network, weights = from_torch(vgg())
    adjacency = network.adjacency([abs(row) for row in weights]).toarray()
    kernel = vgg()[3].weight.detach().abs().sum(dim=(2, 3)).numpy()
    np.testing.assert_allclose(adjacency[27:35, 35:51], kernel.T, rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "sizes", "joints"),
    [
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)), (9, 4, 2), [None]),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 5, 1)), (9, 4, 5), [None]),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 2, groups=2)), (9, 2, 2), [[0] * 4 + [1] * 4]),
        (
            nn.Sequential(nn.Linear(3, 2), nn.Unflatten(1, (2, 1, 1)), nn.Conv2d(2, 1, 2)),
            (3, 2, 1),
            [[0] * 4 + [1] * 4],
        ),
        (nn.Sequential(nn.Conv1d(2, 2, 3), nn.Flatten(), nn.Linear(6, 1)), (6, 2, 1), [[0, 0, 0, 1, 1, 1]]),
        (
            nn.Sequential(nn.Conv2d(1, 2, 3), SparseLinear(BipartiteGraph.from_edges([3], [0], n_in=4, n_out=1))),
            (9, 2, 1),
            [[0, 0, 1, 1]],
        ),
    ],
)
def test_how_layers_meet(model, sizes, joints):
    network, _ = from_torch(model)
    assert network.sizes == sizes
    assert [None if joint is None else joint.tolist() for joint in network.joints] == joints


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(6, 2)),
            "layer '2': given 6 inputs after a layer of 4 channels, expected 4 inputs or a multiple",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(8, 2, 3)),
            "layer '1': given 8 input channels after a layer of 4 channels, expected as many",
        ),
        (
            nn.Sequential(nn.Linear(4, 8), nn.Unflatten(1, (2, 2, 2)), nn.Conv2d(2, 2, 2)),
            "layer '2': given 2 input channels after a layer of 8 outputs",
        ),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.ConvTranspose2d(4, 1, 3)), "module '1': given ConvTranspose2d"),
        (nn.Sequential(nn.LazyConv2d(2, 3)), "module '0': given LazyConv2d without a shape"),
    ],
)
def test_what_does_not_meet(model, words):
    with pytest.raises(InvalidNetwork, match=words) as caught:
        from_torch(model)
    assert "\n" not in str(caught.value)


def test_a_head_is_linear():
    assert from_torch(vgg(), include_head=False)[0].sizes == (27, 8, 16)
    assert from_torch(nn.Conv2d(1, 2, 3), include_head=False)[0].sizes == (9, 2)
    assert kernel_shapes(vgg()) == ((3, 3), (3, 3), None)
    assert kernel_shapes(vgg(), include_head=False) == ((3, 3), (3, 3))
    assert kernel_shapes(vgg().state_dict()) == kernel_shapes(vgg())


# formats -------------------------------------------------------------------------------------------------------------


def small_vgg():
    model = vgg()
    for index in (0, 3, 6):
        pruned(model[index], seed=index)
    return model


def test_graphml_round_trip_with_kernel_places(tmp_path, same):
    model, path = small_vgg(), tmp_path / "vgg.graphml"
    network, weights = from_torch(model)
    write_graphml(network, path, weights=weights, kernels=kernel_shapes(model))
    same(read_graphml(path), (network, weights))
    found = []
    for source, target, data in nx.read_graphml(path).edges(data=True):
        layer, unit, output = int(source[1]), int(source[3:]), int(target[3:])
        found.append((layer, unit, output, data["weight"]))
        if layer == 2:
            assert "kernel_row" not in data
            continue
        channel = unit // 9 if layer == 0 else unit
        kernel = model[0 if layer == 0 else 3].weight
        assert kernel[output, channel, data["kernel_row"], data["kernel_col"]].item() == data["weight"]
    rows = oracles.edge_rows(network, weights)
    assert sorted(found) == sorted((layer, unit, output, float(weight)) for layer, unit, _, output, weight in rows)


def test_a_kernel_of_one_axis_has_columns_alone(tmp_path):
    network, weights = from_torch(nn.Conv1d(2, 1, 3))
    write_graphml(network, tmp_path / "a", kernels=[3])
    write_graphml(network, tmp_path / "b", kernels=[(3,)])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    data = [edge for _, _, edge in nx.read_graphml(tmp_path / "a").edges(data=True)]
    assert data == [{"kernel_col": place} for place in [0, 1, 2, 0, 1, 2]]
    assert read_graphml(tmp_path / "a")[0] == network
    assert len(weights[0]) == 6


@pytest.mark.parametrize(
    "kernels",
    [
        5,
        [],
        [None],
        [(3, 3), (2, 5), None],
        [(3, 3), (3, 3), 1.5],
        [(1,) * 4, None, None],
        np.array(3),
        [np.array(1.5), None, None],
    ],
)
def test_kernels_that_do_not_fit(kernels, tmp_path):
    network, _ = from_torch(vgg())
    with pytest.raises(InvalidOption, match="kernels") as caught:
        write_graphml(network, tmp_path / "a", kernels=kernels)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_every_other_format_takes_a_convolutional_network(tmp_path):
    network, weights = from_torch(small_vgg())
    write_npz(network, tmp_path / "a.npz", weights=weights)
    found, values = read_npz(tmp_path / "a.npz")
    assert found == network
    assert [row.tobytes() for row in values] == [row.tobytes() for row in weights]
    assert to_networkx(network, weights).number_of_edges() == network.n_edges
    assert to_igraph(network, weights).ecount() == network.n_edges
