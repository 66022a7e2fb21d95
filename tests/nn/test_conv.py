"""SparseConv2d equals the nn.Conv2d with the scattered kernel, on every kernel, for every geometry."""

import copy
import pickle

import numpy as np
import oracles_conv as oracles
import pytest
import torch
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.nn import KERNELS, PairGradients, recorded_gradients
from netsparse.nn.conv import SparseConv2d
from netsparse.nn.images import feature_major, max_pooled, normalised

ON_CPU = [name for name, kernel in KERNELS.items() if kernel.why_not(torch.device("cpu"), torch.float32) is None]
SOME = [name for name in ("native_cpu", "dense", "reference") if name in ON_CPU]
compiled = pytest.mark.skipif("native_cpu" not in ON_CPU, reason="no compiled code here")
GEOMETRIES = {
    "3 x 3": (3, 1, "same", (6, 5)),
    "stride 2": (3, 2, 1, (7, 8)),
    "rectangular": ((1, 3), (1, 2), (0, 1), (4, 9)),
    "1 x 1": (1, 1, 0, (3, 2)),
    "larger than the image": (5, 1, "same", (2, 1)),
    "more padding than patch": ((2, 3), (3, 1), (3, 4), (4, 3)),
    "steps over pixels": (2, 3, 0, (8, 7)),
    "one patch": ((4, 3), 1, 0, (4, 3)),
}


def images(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def drawn(kernel_size, channels=3, n_out=4, density=0.4, seed=0):
    places = int(np.prod(kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)))
    return ns.generators.erdos_renyi(channels * places, n_out, density=density, rng=seed)


def compare(layer, x):
    """Forward and all gradients beside those of the dense twin."""
    dense = oracles.dense_conv(layer)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    y = layer(ours)
    z = dense(theirs)
    if layer.slope is not None:
        z = torch.where(z > 0, z, layer.slope * z)
    torch.testing.assert_close(y, z)
    torch.sin(y).sum().backward()
    torch.sin(z).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    torch.testing.assert_close(layer.weight.grad, oracles.at_edges(layer.graph, dense.weight.grad))
    if layer.bias is not None:
        torch.testing.assert_close(layer.bias.grad, dense.bias.grad)


@pytest.mark.parametrize("backend", ON_CPU)
@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize("slope", [None, "relu", -0.5])
def test_equals_the_dense_convolution(backend, name, slope):
    kernel_size, stride, padding, size = GEOMETRIES[name]
    layer = SparseConv2d(
        drawn(kernel_size), kernel_size, stride=stride, padding=padding, activation=slope, backend=backend, rng=0
    ).double()
    torch.nn.init.normal_(layer.bias)
    compare(layer, images(5, 3, *size))


@pytest.mark.parametrize("backend", ["auto", "dense", "reference"])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_equals_the_sum_written_out(backend, name):
    kernel_size, stride, padding, size = GEOMETRIES[name]
    layer = SparseConv2d(
        drawn(kernel_size, 2), kernel_size, stride=stride, padding=padding, backend=backend, rng=0
    ).double()
    torch.nn.init.normal_(layer.bias)
    x = images(2, 2, *size)
    expected = oracles.convolved(
        layer.graph, layer.edge_weights(), x.numpy(), layer.kernel_size, layer.stride, layer.padding,
        layer.bias.detach().numpy(),
    )  # fmt: skip
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, atol=1e-12)


def test_by_hand():
    graph = ns.BipartiteGraph.from_edges([1, 5, 4], [0, 0, 1], n_in=9, n_out=2)  # above, to the right; the place itself
    layer = SparseConv2d(graph, 3, bias=False, rng=0)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 10.0, -1.0]))
    y = layer(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    assert y.tolist() == [[[[20.0, 0.0], [41.0, 2.0]], [[-1.0, -2.0], [-3.0, -4.0]]]]


@pytest.mark.parametrize("backend", SOME)
@pytest.mark.parametrize("graph", [g for g in zoo.GRAPHS.values() if g.n_in % 9 == 0], ids=repr)
def test_equals_the_dense_convolution_on_the_zoo(graph, backend):
    layer = SparseConv2d(graph, 3, backend=backend, bias=False, rng=0).double()
    compare(layer, images(3, graph.n_in // 9, 4, 3))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_equals_the_dense_convolution_on_random_cases(data):
    small = st.integers(1, 4)
    kernel_size, stride = (data.draw(small), data.draw(small)), (data.draw(small), data.draw(small))
    padding = (data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3)))
    size = [data.draw(st.integers(max(1, k - 2 * p), 9)) for k, p in zip(kernel_size, padding, strict=True)]
    channels, n_out, batch = data.draw(small), data.draw(small), data.draw(st.integers(0, 37))
    pairs = np.random.default_rng(data.draw(small)).random((n_out, channels * kernel_size[0] * kernel_size[1]))
    graph = ns.BipartiteGraph.from_mask(pairs < data.draw(st.sampled_from([0.0, 0.3, 1.0])))
    layer = SparseConv2d(
        graph, kernel_size, stride=stride, padding=padding, backend=data.draw(st.sampled_from(ON_CPU)), rng=0
    ).double()
    if batch:
        compare(layer, images(batch, channels, *size))
    else:
        x = torch.zeros(0, channels, *size, dtype=torch.float64, requires_grad=True)
        y = layer(x)
        y.sum().backward()
        assert y.shape[0] == 0
        assert not layer.weight.grad.any()
        assert x.grad.shape == x.shape


@compiled
@pytest.mark.parametrize("batch", [1, 15, 16, 17, 33, 128, 200])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_batch_fills_vectors_exactly_once(batch, dtype):
    layer = SparseConv2d(drawn(3, 8, 6, 0.2), 3, activation="relu", backend="native_cpu", rng=0).to(dtype)
    x = torch.randint(-3, 4, (batch, 8, 5, 6), generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()
    with torch.no_grad():
        layer.weight.copy_(torch.randint(-3, 4, layer.weight.shape))  # small whole numbers: no sum is rounded
    dense = oracles.dense_conv(layer)
    y, z = layer(x), torch.relu(dense(x))
    assert torch.equal(y, z)
    g = torch.randint(-3, 4, y.shape).to(dtype)
    (ours,), (theirs,) = (torch.autograd.grad(each, x, g, retain_graph=True) for each in (y, z))
    assert torch.equal(ours, theirs)
    y.backward(g)
    z.backward(g)
    assert torch.equal(layer.weight.grad, oracles.at_edges(layer.graph, dense.weight.grad))
    assert torch.equal(layer.bias.grad, dense.bias.grad)


@pytest.mark.parametrize("backend", ON_CPU)
@pytest.mark.parametrize("slope", [None, "leaky_relu"])
def test_first_and_second_derivatives_by_differences(backend, slope):
    layer = SparseConv2d(drawn(3, 2, 2), 3, stride=(2, 1), activation=slope, backend=backend, rng=1).double()
    torch.nn.init.normal_(layer.bias)  # where no edge leads, 0 would be the kink of the activation
    x = images(2, 2, 3, 4).requires_grad_()

    def product(x, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    arguments = x, layer.weight, layer.bias
    assert torch.autograd.gradcheck(product, arguments)
    assert torch.autograd.gradgradcheck(product, arguments)


@pytest.mark.parametrize("backend", ON_CPU)
def test_any_strides_of_input_and_gradient(backend):
    layer = SparseConv2d(drawn(3), 3, backend=backend, rng=0)
    x = images(8, 3, 6, 5, dtype=torch.float32)
    expected = layer(x)
    every_other = torch.zeros(16, 3, 6, 10)
    every_other[::2, :, :, ::2] = x
    for same in (x.contiguous(memory_format=torch.channels_last), feature_major(x).permute(3, 0, 1, 2)):
        torch.testing.assert_close(layer(same), expected)
    torch.testing.assert_close(layer(every_other[::2, :, :, ::2]), expected)
    expected.sum().backward()  # an expanded, stride-0 gradient
    first = layer.weight.grad.clone()
    layer.weight.grad = None
    layer(x).backward(torch.ones(8, 4, 6, 5).contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(layer.weight.grad, first)


@compiled
def test_same_bits_for_any_number_of_threads():
    layer = SparseConv2d(drawn(3, 16, 24, 0.2), 3, activation="relu", backend="native_cpu", rng=0)
    x = images(64, 16, 8, 8, dtype=torch.float32)
    seen = []
    before = torch.get_num_threads()
    try:
        for n_threads in (1, 2, 5):
            torch.set_num_threads(n_threads)
            ours = x.detach().clone().requires_grad_()
            y = layer(ours)
            layer.zero_grad()
            torch.sin(y).sum().backward()
            attacked = torch.autograd.grad(torch.sin(layer(ours)).sum(), ours)[0]
            seen.append((y.detach(), ours.grad, layer.weight.grad.clone(), layer.bias.grad.clone(), attacked))
    finally:
        torch.set_num_threads(before)
    for other in seen[1:]:
        assert all(torch.equal(a, b) for a, b in zip(seen[0], other, strict=True))


@pytest.mark.parametrize("backend", ON_CPU)
def test_no_gradient_of_weights_that_do_not_ask(backend, monkeypatch):
    layer = SparseConv2d(drawn(3), 3, backend=backend, rng=0).requires_grad_(False)
    layer.watch = lambda x, g: pytest.fail("nobody asked")
    monkeypatch.setattr(type(KERNELS[backend]), "sddmm", refuse_sddmm)  # of the unrolled ways
    x = images(4, 3, 5, 5, dtype=torch.float32).requires_grad_()
    y = layer(x)
    (grad,) = torch.autograd.grad(y.square().sum(), x)
    other = x.detach().requires_grad_()
    (expected,) = torch.autograd.grad(oracles.dense_conv(layer)(other).square().sum(), other)
    torch.testing.assert_close(grad, expected)


def refuse_sddmm(*_):
    pytest.fail("gradients of weights that do not ask")


@pytest.mark.parametrize("backend", ON_CPU)
@pytest.mark.parametrize("channels", [1, 6])
def test_gradients_of_all_pairs_are_those_of_the_dense_kernel(backend, channels):
    graph = drawn(3, channels, 13, 0.1)
    layer = SparseConv2d(graph, 3, stride=2, padding=2, activation="relu", backend=backend, rng=0).double()
    dense = oracles.dense_conv(layer)
    total = torch.zeros(13, graph.n_in, dtype=torch.float64)
    with recorded_gradients(layer) as (grads,):
        for seed in (0, 1):  # two passes add up
            x = images(4, channels, 5, 6, seed=seed)
            layer(x).sin().sum().backward()
            torch.relu(dense(x)).sin().sum().backward()
    total = dense.weight.grad.reshape(13, -1)
    assert isinstance(grads, PairGradients)
    everywhere = np.divmod(np.arange(13 * graph.n_in), graph.n_in)
    np.testing.assert_allclose(grads.at_pairs(everywhere[1], everywhere[0]), total.flatten().numpy(), atol=1e-12)
    np.testing.assert_allclose(grads.at_edges(), layer.weight.grad.numpy(), atol=1e-12)
    free = total.abs().numpy().copy()
    free[graph.targets, graph.sources] = -1.0
    best = np.sort(np.argsort(free, axis=None)[-5:])
    sources, targets = grads.top_free_pairs(graph, 5)
    assert (targets * graph.n_in + sources).tolist() == best.tolist()


def test_watching_keeps_no_more_than_the_dense_gradient():
    layer = SparseConv2d(drawn(3, 4, 8), 3, backend=SOME[0], rng=0)
    kept = []
    layer.watch = lambda x, g: kept.extend((x, g))
    layer(images(64, 4, 16, 16, dtype=torch.float32)).sum().backward()
    assert sum(each.numel() for each in kept) <= 8 * 36 + 8 * 8


@pytest.mark.parametrize("backend", SOME)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_rounds_activations_alone(backend, dtype):
    layer = SparseConv2d(drawn(3), 3, activation="relu", backend=backend, rng=0)
    x = images(4, 3, 6, 5, dtype=torch.float32)
    exact = layer(x)
    exact.square().sum().backward()
    expected, layer.weight.grad = layer.weight.grad, None
    with torch.autocast("cpu", dtype=dtype):
        y = layer(x)
        assert y.dtype is dtype
    y.float().square().sum().backward()
    tolerance = {"rtol": 0.02, "atol": 0.05}
    torch.testing.assert_close(y.float(), exact, **tolerance)
    assert layer.weight.grad.dtype is torch.float32
    scale = expected.abs().max()
    torch.testing.assert_close(layer.weight.grad / scale, expected / scale, rtol=0.02, atol=0.02)


@compiled
def test_auto_is_dense_where_no_sparse_kernel_computes_and_says_so():
    layer = SparseConv2d(drawn(3, density=0.1), 3, rng=0)
    assert layer.kernel == "native_cpu"
    assert "truly sparse" in repr(layer)
    half = copy.deepcopy(layer).bfloat16()
    assert half.kernel == "dense"
    assert "dense compute" in repr(half)
    x = images(2, 3, 4, 4, dtype=torch.float32)
    torch.testing.assert_close(half(x.bfloat16()).float(), layer(x), rtol=0.05, atol=0.1)
    assert SparseConv2d(ns.generators.complete(900, 4), 3, rng=0).kernel == "dense"


@compiled
def test_auto_is_dense_for_few_images_unless_edges_are_few():
    x = images(8, 8, 4, 4, dtype=torch.float32)
    for density, few in ((0.05, "native_cpu"), (0.4, "dense")):
        layer = SparseConv2d(drawn(3, 8, 8, density), 3, rng=0)
        whole = layer(x)
        assert layer.kernel == "native_cpu"
        torch.testing.assert_close(layer(x[:1]), whole[:1])
        assert layer.kernel == few


@pytest.mark.parametrize("backend", SOME)
def test_rewiring_and_copies_never_compute_on_an_old_wiring(backend):
    graph = drawn(3)
    x = images(2, 3, 5, 5)
    layer = SparseConv2d(graph, 3, bias=False, backend=backend, rng=0).double()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    layer(x).square().sum().backward()
    optimizer.step()
    other = layer.with_edges(drawn(3, seed=5), np.ones(graph.n_edges))
    twin, stored = copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))
    delta = ns.rewiring.SET().propose(graph, layer.edge_weights(), rng=0)
    layer.rewire(*ns.apply(graph, delta), optimizer)
    assert layer.graph != graph
    for each in (layer, other, twin, stored):
        each.zero_grad()
        compare(each, x)
    layer.load_state_dict(other.state_dict())
    assert layer.graph == other.graph
    torch.testing.assert_close(layer(x), other(x))
    assert layer.float().weight.dtype is torch.float32
    torch.testing.assert_close(layer(x.float()), other(x).float(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n_out", [1, 5])
def test_no_edges_give_the_bias(n_out):
    graph = ns.BipartiteGraph.from_edges([], [], n_in=18, n_out=n_out)
    layer = SparseConv2d(graph, 3, backend=SOME[0], rng=0)
    torch.nn.init.ones_(layer.bias)
    x = torch.rand(2, 2, 3, 3, requires_grad=True)
    y = layer(x)
    assert torch.equal(y, torch.ones(2, n_out, 3, 3))
    y.sum().backward()
    assert not x.grad.any()
    assert layer.bias.grad.tolist() == [18.0] * n_out


@compiled
def test_results_are_views_of_feature_major_buffers_that_the_next_layer_reads_without_a_copy():
    layer = SparseConv2d(drawn(3, density=0.1), 3, rng=0)
    y = torch.relu(layer(torch.rand(8, 3, 4, 4)))
    assert y.permute(1, 2, 3, 0).is_contiguous()
    assert feature_major(y).data_ptr() == y.data_ptr()
    assert y.flatten(1).t().is_contiguous()  # and so for the linear layers behind


@pytest.mark.parametrize("batch", [1, 6])
@pytest.mark.parametrize("training", [True, False])
def test_normalising_and_pooling_are_torchs_own_in_numbers_and_keep_the_layout(batch, training):
    lying = feature_major(images(batch, 3, 4, 6)).permute(3, 0, 1, 2)
    results = []
    for norm_of, pool_of, x in (
        (normalised, max_pooled, lying),
        (lambda norm, x: norm(x), torch.nn.functional.max_pool2d, lying.contiguous()),
    ):
        norm = torch.nn.BatchNorm2d(3, momentum=0.3).double().train(training)
        torch.nn.init.constant_(norm.weight, 1.5)
        x = x.detach().requires_grad_()
        y = pool_of(norm_of(norm, x), 2)
        y.square().sum().backward()
        results.append((y, x.grad, norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)
    assert results[0][0].permute(1, 2, 3, 0).is_contiguous()


def test_normalising_and_pooling_take_any_other_layout():
    x = images(6, 3, 4, 6).contiguous(memory_format=torch.channels_last)
    norm = torch.nn.BatchNorm2d(3).double()
    torch.testing.assert_close(normalised(norm, x), norm(x))
    assert torch.equal(max_pooled(x, 2), torch.nn.functional.max_pool2d(x, 2))


GRAPH = drawn(3)
BAD = [
    (lambda: SparseConv2d(GRAPH, 2), errors.InvalidSize, "a multiple of 4"),
    (lambda: SparseConv2d(GRAPH, 0), errors.InvalidOption, "kernel_size"),
    (lambda: SparseConv2d(GRAPH, (1, 2, 3)), errors.InvalidOption, "kernel_size"),
    (lambda: SparseConv2d(GRAPH, 3, stride=0), errors.InvalidOption, "stride"),
    (lambda: SparseConv2d(GRAPH, 3, padding=-1), errors.InvalidOption, "padding"),
    (lambda: SparseConv2d(GRAPH, (1, 27)[::-1], padding="valid"), errors.InvalidOption, "padding"),
    (lambda: SparseConv2d(drawn(2), 2), errors.InvalidOption, "odd sizes"),
    (lambda: SparseConv2d(GRAPH, 3, backend="fast"), errors.UnknownName, "native_cpu"),
    (lambda: SparseConv2d(np.ones((3, 9)), 3), errors.InvalidGraph, "from_mask"),
    (lambda: SparseConv2d(GRAPH, 3)(torch.rand(2, 27)), errors.InvalidSize, r"\(batch, 3, height, width\)"),
    (lambda: SparseConv2d(GRAPH, 3)(torch.rand(2, 4, 5, 5)), errors.InvalidSize, r"\(batch, 3, height, width\)"),
    (lambda: SparseConv2d(GRAPH, 3, padding=0)(torch.rand(2, 3, 2, 5)), errors.InvalidSize, "at least one patch"),
    (lambda: SparseConv2d(GRAPH, 3)(torch.rand(2, 3, 5, 5).double()), errors.InvalidOption, "float32"),
    (lambda: SparseConv2d(GRAPH, 3)([1.0]), errors.InvalidOption, "a torch tensor"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
