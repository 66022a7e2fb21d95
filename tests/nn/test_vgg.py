"""`VGG`: what it computes against torch's own layers, how it is built again, and what it refuses."""

import copy

import numpy as np
import oracles_vgg
import pytest
import torch
from torch import nn

from netsparse import errors
from netsparse.generators import layered, vgg
from netsparse.generators.convolutional import BLOCKS
from netsparse.graph import SparseNetwork, subgraph
from netsparse.nn import VGG, SparseConv2d, SparseLinear, SparseMLP, SparseModel
from netsparse.nn.kinds import MODELS, built, drawn_like, kind_of

SHAPES = {"digits": (1, 8, 8), "colour": (3, 16, 8), "one pixel": (2, 1, 1), "mnist": (1, 28, 28)}


def model(depth=11, shape=(8, 8), density=0.3, seed=0, **options):
    network = vgg(depth, density=density, width=1 / 16, shape=shape, allocation="scaled", rng=seed)
    return VGG(network, shape=shape, rng=seed, **options)


def learnt(net, x, steps=3):
    """Let batch normalisation see something, and draw its factors."""
    with torch.no_grad():
        for k in range(steps):
            net.train()(x * (k + 1) / steps)
        for norm in net.norms:
            norm.weight.uniform_(-1.0, 2.0)
            norm.bias.uniform_(-0.5, 0.5)
    return net


@pytest.mark.parametrize("depth", BLOCKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_computes_what_torchs_own_layers_compute(depth, shape):
    torch.manual_seed(0)
    shape = SHAPES[shape]
    x = torch.rand(5, *shape, dtype=torch.float64)
    net = learnt(model(depth, shape, normalization=(0.25, 0.5)).double(), x)
    twin = oracles_vgg.dense_twin(net)
    inputs = (x - 0.25) / 0.5
    for mode in (True, False):
        torch.testing.assert_close(net.train(mode)(x), twin.train(mode)(inputs), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(net(x.flatten(1)), net(x), rtol=0, atol=0)
    means = [module.running_mean for module in twin if isinstance(module, nn.BatchNorm2d)]
    for norm, mean in zip(net.norms, means, strict=True):
        torch.testing.assert_close(norm.running_mean, mean, rtol=1e-9, atol=1e-12)


def test_gradients_are_those_of_torchs_own_layers_at_the_edges():
    torch.manual_seed(1)
    x = torch.rand(6, 1, 8, 8, dtype=torch.float64)
    net = learnt(model().double(), x).train()
    twin, y = oracles_vgg.dense_twin(net).train(), torch.arange(6)
    nn.functional.cross_entropy(net(x), y).backward()
    nn.functional.cross_entropy(twin(x), y).backward()
    dense = [module for module in twin if isinstance(module, nn.Conv2d | nn.Linear)]
    for layer, other in zip(net.sparse_layers(), dense, strict=True):
        matrix = other.weight.grad.flatten(1)
        expected = torch.tensor(matrix.numpy()[layer.graph.targets, layer.graph.sources])
        torch.testing.assert_close(layer.weight.grad, expected, rtol=1e-8, atol=1e-10)
        if layer.bias is not None:
            torch.testing.assert_close(layer.bias.grad, other.bias.grad, rtol=1e-8, atol=1e-10)


def test_layers_norms_and_their_places():
    net = model(16, (3, 32, 32), density=0.1)
    assert [type(layer) for layer in net.sparse_layers()] == [SparseConv2d] * 13 + [SparseLinear] * 3
    assert len(net.norms) == 13
    assert net.halved_behind == {1, 3, 6, 9}  # not behind the last block
    assert model(11, (8, 8)).halved_behind == {0, 1, 3}
    assert [layer.name for layer in net.sparse_layers()] == [f"layer {k}" for k in range(16)]
    assert [layer.bias is None for layer in net.sparse_layers()] == [True] * 13 + [False] * 3
    assert {f"layers.{k}.weight" for k in range(16)} <= net.state_dict().keys()
    assert (net.head, net.n_classes, net.n_features) == (None, 10, 3072)


def test_the_two_views_are_the_model():
    torch.manual_seed(0)
    x = torch.rand(4, 1, 28, 28)
    net = learnt(model(shape=(28, 28)), x).eval()
    torch.testing.assert_close(net.classifier(net.features(x).flatten(1)), net(x), rtol=1e-4, atol=1e-6)
    assert not {name for name in net.state_dict() if name.startswith(("features", "classifier"))}


def test_states_tell_rules_where_an_edge_is():
    net = model(shape=(3, 32, 32))
    states = net.layer_states()
    assert [state.kernel_size for state in states] == [(3, 3)] * 8 + [None] * 3
    assert states[0].joint is None
    for state, joint in zip(states[1:], net.network.joints, strict=True):
        assert (state.joint is None) == (joint is None)
        assert joint is None or np.array_equal(state.joint, joint)
    assert states[8].joint.tolist() == [place // 4 for place in range(128)]


@pytest.mark.parametrize("kind", ["vgg", "mlp"])
def test_inputs_laid_out_once_are_the_inputs(kind):
    x = torch.rand(7, 64)
    mlp = SparseMLP(layered([64, 30], density=0.2, rng=0), 10, normalization=(0.2, 0.5), rng=0)
    net = learnt(model(normalization=(0.2, 0.5)), x) if kind == "vgg" else mlp
    expected = net.eval()(x)
    laid = net.laid_out(x)
    assert laid.flatten(1).t().is_contiguous(), "feature by feature"
    other = net.with_edges(net.network, net.weights)
    other.add_module("normalize", nn.Identity())
    assert torch.equal(other(laid), expected)
    assert torch.equal(net(x), expected), "the model itself is as it was"
    with pytest.raises(errors.InvalidSize):
        net.laid_out(torch.rand(7, 63))


def test_numbers_per_sample_counted_by_hand():
    assert VGG(vgg(11, density=0.05, width=1 / 8, rng=0), rng=0).numbers_per_sample == 3 * 1024 + 8 * 1024
    assert VGG(vgg(16, density=0.05, width=1 / 8, rng=0), rng=0).numbers_per_sample == 8 * 1024 + 8 * 1024
    assert model(shape=(1, 1)).numbers_per_sample == 64  # 32 to 32 channels of one pixel
    mlp = SparseMLP(layered([64, 30, 20], density=0.2, rng=0), n_classes=50, rng=0)
    assert mlp.numbers_per_sample == 94
    assert SparseMLP(layered([6, 3, 20], density=0.9, rng=0), n_classes=50, rng=0).numbers_per_sample == 70


def test_other_edges_share_everything_else():
    x = torch.rand(5, 64)
    net = learnt(model(), x).eval()
    own = net.network
    smaller, edge_map = subgraph(own.layers[1], np.arange(own.layers[1].n_edges) % 2 == 0)
    weights = list(net.weights)
    weights[1] = weights[1][edge_map.old_to_new >= 0]
    other = net.with_edges(own.replace(1, smaller), weights)
    assert isinstance(other, VGG)
    assert other.network.n_edges == own.n_edges - edge_map.old_to_new.tolist().count(-1)
    assert all(a.running_mean is b.running_mean for a, b in zip(other.norms, net.norms, strict=True))
    assert other.layers[9].bias is net.layers[9].bias
    expected = oracles_vgg.dense_twin(other).eval()(x.double().view(5, 1, 8, 8))
    torch.testing.assert_close(other(x).double(), expected, rtol=1e-4, atol=1e-5)
    flat = SparseNetwork(own.layers[8:], own.joints[8:])
    with pytest.raises(errors.InvalidNetwork, match="with_edges"):
        net.with_edges(flat, net.weights[8:])
    mixed = [joint if joint is None else joint[::-1] for joint in own.joints]
    with pytest.raises(errors.InvalidNetwork, match="other joints"):
        net.with_edges(SparseNetwork(own.layers, mixed), net.weights)


def test_a_copy_and_another_dtype_are_their_own():
    x = torch.rand(4, 64)
    net = learnt(model(), x).eval()
    other = copy.deepcopy(net).double()
    torch.testing.assert_close(other(x.double()).float(), net(x), rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        other.layers[0].weight.zero_()
        other.norms[0].running_mean.add_(1.0)
    assert net.layers[0].weight.abs().sum() > 0
    assert not torch.equal(net.norms[0].running_mean.double(), other.norms[0].running_mean)


def test_same_seed_same_weights_and_initialisation_by_name():
    one, two, other = model(), model(), model(seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(one.weights, two.weights, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(one.weights, other.weights, strict=True))
    dense = model(init="he_dense", density=0.9, shape=(3, 32, 32))
    n_in, weights = dense.network.layers[6].n_in, dense.weights[6]
    assert np.std(weights) == pytest.approx(np.sqrt(2 / n_in), rel=0.05)


def test_one_image_of_one_pixel_teaches_nothing():
    net = model(shape=(8, 8)).train()
    with pytest.raises(errors.InvalidSize, match="behind layer 4: given one image, of one pixel there") as caught:
        net(torch.rand(1, 64))
    assert "\n" not in str(caught.value)
    assert net.eval()(torch.rand(1, 64)).shape == (1, 10)
    assert model(shape=(3, 32, 32)).train()(torch.rand(1, 3072)).shape == (1, 10)  # of 2 x 2 pixels there
    assert model().eval()(torch.rand(0, 64)).shape == (0, 10)


NETWORK = vgg(11, density=0.3, width=1 / 16, shape=(8, 8), rng=0)
COLOURED = vgg(11, density=0.3, width=1 / 16, rng=0)
BAD = {
    "no network": (lambda: VGG(3), "network: given int, expected a SparseNetwork; try generators.vgg"),
    "an MLP": (lambda: VGG(layered([9, 8, 7], density=0.5, rng=0)), "network: given 2 layers, expected one of 11, 13"),
    "other image": (lambda: VGG(NETWORK, shape=(2, 8, 8)), "layer 0: given 9 inputs, expected 18 for images of shape"),
    "other size": (lambda: VGG(COLOURED, shape=(3, 16, 16)), "layer 8: given 128 inputs, expected 32 for images of"),
    "no shape": (lambda: VGG(NETWORK, shape=(8,)), "shape: given"),
    "order of joints": (
        lambda: VGG(SparseNetwork(NETWORK.layers, [j if j is None else j[::-1] for j in NETWORK.joints]), shape=(8, 8)),
        r"joints\[0\]: given another order",
    ),
    "init": (lambda: VGG(NETWORK, shape=(8, 8), init="he"), "init: given 'he'"),
    "features": (lambda: VGG(NETWORK, shape=(8, 8))(torch.rand(2, 65)), "input: given shape"),
    "integers": (lambda: VGG(NETWORK, shape=(8, 8))(torch.ones(2, 64, dtype=torch.uint8)), "dtype torch.uint8"),
    "data": (lambda: VGG(NETWORK, shape=(8, 8)).check_data(784, 10), r"expected 784, .*vgg\(shape=data.shape"),
    "as an MLP": (lambda: SparseMLP(NETWORK, 10), r"given joints between its layers, .* nn.VGG\(network, shape="),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_line(what):
    call, says = BAD[what]
    with pytest.raises(errors.NetsparseError, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)


# built again --------------------------------------------------------------------------------------------------------


class Own(VGG):
    """Somebody's class based on one of ours."""


class Unknown(SparseModel):
    """Somebody's class based on none."""


def test_kinds_by_name():
    assert list(MODELS) == ["SparseMLP", "VGG"]
    assert kind_of(Own(NETWORK, shape=(8, 8), rng=0)) == kind_of(model()) == "VGG"
    assert kind_of(SparseMLP(layered([6, 3], density=0.5, rng=0), 2, rng=0)) == "SparseMLP"
    with pytest.raises(errors.InvalidOption, match="model: given Unknown, expected a SparseMLP or a VGG, or a class"):
        kind_of(Unknown())
    with pytest.raises(errors.UnknownName, match="'resnet'"):
        built("resnet", NETWORK, {}, rng=0)


MADE = {
    "vgg": lambda: model(shape=(2, 8, 8), normalization=(0.25, 0.5)),
    "mlp": lambda: SparseMLP(layered([6, 5, 4], density=0.5, rng=0), 3, bias=False, activation=0.1, rng=0),
    "no head": lambda: SparseMLP(layered([6, 5, 4], density=0.5, rng=0), head=None, activation="all_relu", rng=0),
}


@pytest.mark.parametrize("name", MADE)
def test_options_build_the_same_model_again(name):
    first = MADE[name]().double()
    again = drawn_like(first, first.network, init="he_sparse", rng=5)
    assert type(again) is type(first)
    assert again.options() == first.options()
    assert {n: (t.shape, t.dtype) for n, t in again.state_dict().items()} == {
        n: (t.shape, t.dtype) for n, t in first.state_dict().items()
    }
    assert (again.normalize.mean, again.normalize.std) == (first.normalize.mean, first.normalize.std)
    assert any(not np.array_equal(a, b) for a, b in zip(again.weights, first.weights, strict=True))
    again.load_state_dict(first.state_dict())
    x = torch.rand(3, first.n_features, dtype=torch.float64)
    assert torch.equal(again.eval()(x), first.eval()(x))
