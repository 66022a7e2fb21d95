"""Precisions: what is kept in which numbers, how a scaled loss steps, and parts of a batch that add up to the whole."""

import json
import math

import numpy as np
import pytest
import torch
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.datasets import Dataset
from netsparse.nn import KERNELS, SparseLinear, SparseMLP
from netsparse.nn.kernels import EdgeIndex
from netsparse.nn.kernels.mixed import HalfStorage
from netsparse.train import fit
from netsparse.train.precision import PRECISIONS, Scaled, named_precision

CPU = torch.device("cpu")
HALF = [torch.bfloat16, torch.float16]


def separable(n=96, n_features=8, n_classes=3):
    rng = np.random.default_rng(0)
    y = np.arange(n) % n_classes
    x = np.clip(np.eye(n_classes, n_features)[y] * 0.7 + rng.random((n, n_features)) * 0.3, 0, 1).astype(np.float32)
    return Dataset.from_arrays(x, y, x[::-1], y[::-1], name="separable", n_classes=n_classes)


def train(**options):
    network = ns.generators.layered([8, 12, 10], density=0.4, rng=0)
    return fit(network, separable(), **{"epochs": 3, "batch_size": 16, "progress": False, "rng": 0, **options})


@pytest.mark.parametrize(
    ("name", "dtype", "inside"),
    [
        ("float32", torch.float32, None),
        ("float64", torch.float64, None),
        ("bfloat16", torch.float32, torch.bfloat16),
    ],
)
def test_what_a_name_means(name, dtype, inside):
    precision = named_precision(name, CPU)
    assert (precision.name, precision.dtype, precision.state_dict()) == (name, dtype, {})
    with precision.context():
        assert torch.is_autocast_enabled("cpu") == (inside is not None)
        assert inside in (None, torch.get_autocast_dtype("cpu"))
    assert not torch.is_autocast_enabled("cpu")
    assert named_precision(precision, CPU) is precision
    assert name in PRECISIONS


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("float8", errors.UnknownName, "bfloat16, float16, float32, float64"),
        (torch.float64, errors.InvalidOption, "a name or a Precision"),
        ("float16", errors.InvalidOption, "on cpu.*try precision='bfloat16'"),
    ],
)
def test_impossible_precisions(name, error, message):
    with pytest.raises(error, match=message) as caught:
        train(precision=name)
    assert "\n" not in str(caught.value)


def able(kernel):
    return KERNELS[kernel].why_not(CPU, torch.float32) is None


@pytest.mark.parametrize("kernel", [name for name in KERNELS if able(name)])
@settings(deadline=None, max_examples=20)
@given(
    graph=zoo.graphs(), batch=st.sampled_from([0, 1, 5]), slope=st.sampled_from([None, 0.0, 0.1, -0.6]), data=st.data()
)
def test_a_layer_in_16_bits_is_the_layer_on_rounded_inputs_rounded(kernel, graph, batch, slope, data):
    dtype = data.draw(st.sampled_from(HALF))
    generator = torch.Generator().manual_seed(graph.n_edges)
    x, g = (torch.randn(n, batch, generator=generator).to(dtype) for n in (graph.n_in, graph.n_out))
    weight, bias = torch.randn(graph.n_edges, generator=generator), torch.randn(graph.n_out, generator=generator)
    index, inner = EdgeIndex.of(graph, CPU), KERNELS[kernel]
    half = HalfStorage(inner, dtype)
    y, signs = half.forward(index, weight, bias, x, slope)
    wide, wide_signs = inner.forward(index, weight, bias, x.float(), slope)
    assert y.dtype is dtype
    assert torch.equal(y, wide.to(dtype))
    assert (signs is y) == (wide_signs is wide)
    found = half.backward(index, weight, x, signs, slope, g, (True, True, True))
    rounded_signs = None if signs is None else signs.float()
    expected = inner.backward(index, weight, x.float(), rounded_signs, slope, g.float(), (True, True, True))
    assert [part.dtype for part in found] == [dtype, torch.float32, torch.float32]
    assert torch.equal(found[0], expected[0].to(dtype))
    assert all(torch.equal(mine, other) for mine, other in zip(found[1:], expected[1:], strict=True))
    assert half.backward(index, weight, x, signs, slope, g, (False, True, False))[::2] == (None, None)
    assert half.is_sparse == inner.is_sparse


def test_the_single_products_are_those_of_the_other_kernel_rounded():
    graph = ns.generators.erdos_renyi(9, 7, density=0.4, rng=0)
    index, half = EdgeIndex.of(graph, CPU), HalfStorage(KERNELS["reference"], torch.bfloat16)
    x, g, weight = torch.randn(9, 4).bfloat16(), torch.randn(7, 4).bfloat16(), torch.randn(graph.n_edges)
    w = torch.from_numpy(graph.weight_matrix(weight.numpy()).toarray())
    torch.testing.assert_close(half.spmm(index, weight, x), (w @ x.float()).bfloat16())
    torch.testing.assert_close(half.spmm_t(index, weight, g), (w.t() @ g.float()).bfloat16())
    at_edges = (g.float() @ x.float().t())[graph.targets.copy(), graph.sources.copy()]
    torch.testing.assert_close(half.sddmm(index, g, x), at_edges)
    assert half.why_not(CPU, torch.float32) is None


def test_under_autocast_activations_are_kept_in_16_bits_and_gradients_arrive_in_32():
    model = SparseMLP(ns.generators.layered([40, 60, 50], density=0.2, rng=0), n_classes=10, activation=-0.6, rng=0)
    x, kept = torch.rand(33, 40, requires_grad=True), []
    with (
        torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor),
        named_precision("bfloat16", CPU).context(),
    ):
        for layer in model.layers:
            before = len(kept)
            x_in = x if before == 0 else out
            out = layer(x_in)
            assert out.dtype is torch.bfloat16
    parameters = {parameter.data_ptr() for parameter in model.parameters()}
    activations = [tensor for tensor in kept if tensor.data_ptr() not in parameters]
    assert len(activations) == 4  # inputs and, since the slope is negative, the sums before the activation
    assert {tensor.dtype for tensor in activations} == {torch.bfloat16}
    out.float().sum().backward()
    assert x.grad.dtype is torch.float32
    assert all(layer.weight.grad.dtype is torch.float32 for layer in model.layers)


def test_gradients_in_bfloat16_are_those_in_float32_but_for_its_rounding():
    # a slope of 1: where an activation has a kink, rounding may carry a sum across it, and the gradient jumps
    network = ns.generators.layered([40, 60, 50], density=0.2, rng=0)
    model = SparseMLP(network, n_classes=10, activation=1.0, rng=0)
    x, y, found = torch.rand(33, 40, generator=torch.Generator().manual_seed(0)), torch.arange(33) % 10, {}
    for name in ("float32", "bfloat16"):
        model.zero_grad()
        with named_precision(name, CPU).context():
            loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        found[name] = [loss.detach(), *(parameter.grad for parameter in model.parameters())]
    for wide, narrow in zip(*found.values(), strict=True):
        # units of rounding are 2^-8: four for the half dozen roundings on the way there and back
        assert (wide - narrow).norm() <= 4 * 2**-8 * wide.norm()
    assert any(not torch.equal(wide, narrow) for wide, narrow in zip(*found.values(), strict=True))


def test_what_watches_a_layer_sees_the_weights_numbers():
    layer, seen = SparseLinear(ns.generators.erdos_renyi(9, 7, density=0.4, rng=0), activation="relu", rng=0), []
    layer.watch = lambda x, g: seen.extend([x.dtype, g.dtype])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        layer(torch.rand(4, 9)).sum().backward()
    assert seen == [torch.float32, torch.float32]


def test_float64_is_float64_from_the_data_to_the_optimizer():
    seen = []

    def look(state):
        tensors = [*state.model.parameters(), state.model.normalize.mean]
        tensors += [value for parts in state.optimizer.state.values() for value in parts.values()]
        seen.extend(tensor.dtype for tensor in tensors)

    result = train(precision="float64", callbacks=[look], rewiring="set")
    assert set(seen) == {torch.float64}
    assert result.weights[0].dtype == np.float64
    rounded = train(precision="float32", rewiring="set", epochs=1)
    exact = train(precision="float64", rewiring="set", epochs=1)
    losses = [run.history["loss"].iloc[0] for run in (rounded, exact)]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize("accumulate", [2, 3, 5, 16, 100])
def test_parts_of_a_batch_add_up_to_the_whole(accumulate):
    # 77 training images in batches of 16: no number of parts divides them all
    options = {"precision": "float64", "rewiring": ns.rewiring.SET(), "validation": 19, "lr": 0.05}
    whole, parts = train(**options), train(accumulate=accumulate, **options)
    assert parts.network == whole.network
    for mine, other in zip(parts.model.parameters(), whole.model.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(parts.history["loss"], whole.history["loss"], rtol=1e-12)
    assert parts.history["accuracy"].tolist() == whole.history["accuracy"].tolist()


@pytest.mark.parametrize("rule", ["set", None])
def test_bfloat16_learns_and_repeats(rule):
    first, second = (train(precision="bfloat16", rewiring=rule, epochs=15, accumulate=2) for _ in range(2))
    assert first.test_accuracy > 0.9
    assert {parameter.dtype for parameter in first.model.parameters()} == {torch.float32}
    assert all(np.array_equal(a, b) for a, b in zip(first.weights, second.weights, strict=True))
    assert not np.array_equal(first.weights[0], train(rewiring=rule, epochs=15, accumulate=2).weights[0])


class OnTheCpu(Scaled):
    """The scaled loss with torch's scaler for the CPU, so that its steps can be looked at anywhere."""

    def __init__(self):
        self.device, self.scaler = CPU, torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=3)


def scaled_step(precision, parameter, optimizer, factor):
    optimizer.zero_grad()
    precision.backward((parameter * factor).sum())
    precision.step(optimizer)


@pytest.mark.parametrize("fused", [False, True])
def test_a_scaled_loss_steps_as_the_loss_itself_and_leaves_out_what_overflows(fused):
    precision, parameter = OnTheCpu(), torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([parameter], lr=0.5, fused=fused)
    scaled_step(precision, parameter, optimizer, 0.25)
    assert parameter.tolist() == [0.875] * 3
    assert precision.scale == 1024.0
    scaled_step(precision, parameter, optimizer, math.inf)
    assert parameter.tolist() == [0.875] * 3
    assert precision.scale == 512.0


def test_a_scale_is_restored_from_json():
    precision, parameter = OnTheCpu(), torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([parameter], lr=0.5)
    for factor in (math.inf, 1.0, 1.0):
        scaled_step(precision, parameter, optimizer, factor)
    restored = OnTheCpu()
    restored.load_state_dict(json.loads(json.dumps(precision.state_dict())))
    for each in (precision, restored):  # the third good step doubles the scale
        scaled_step(each, parameter, optimizer, 1.0)
        assert each.scale == 1024.0


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float16", "bfloat16", "float64"])
def test_every_precision_learns_on_a_gpu(precision):
    result = train(precision=precision, device="cuda", epochs=15, rewiring="set")
    assert result.test_accuracy > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_digits_are_learnt_as_well_in_bfloat16(seed):
    network = ns.generators.layered([64, 300, 300, 300], density=0.03, rng=seed)
    options = {"rewiring": ns.rewiring.SET(), "epochs": 15, "progress": False, "rng": seed}
    wide, narrow = (fit(network, "digits", precision=name, **options) for name in ("float32", "bfloat16"))
    assert narrow.test_accuracy == pytest.approx(wide.test_accuracy, abs=0.02)
