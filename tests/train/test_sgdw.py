"""SGD with decoupled decay: by hand, beside a slow one, along schedules, through rewirings and checkpoints."""

import numpy as np
import pytest
import torch

import netsparse as ns
from netsparse import errors
from netsparse.nn import SparseLinear
from netsparse.nn.vgg import VGG
from netsparse.rewiring import SET
from netsparse.rewiring.rules.bayesian import BayesianSampling
from netsparse.rewiring.rules.soft_deep_r import SoftDeepR
from netsparse.train import fit
from netsparse.train.optimizers import OPTIMIZERS, build_optimizer
from netsparse.train.resume import Checkpoints
from netsparse.train.schedules import LearningRate
from netsparse.train.sgdw import SGDW


def parameter(*values):
    return torch.nn.Parameter(torch.tensor(values, dtype=torch.float64))


def test_two_steps_by_hand():
    """0.9 * 1 - 0.5 * 2 = -0.1; then 0.9 * -0.1 - 0.5 * (0.8 * 2 + 1) = -1.39."""
    theta = parameter(1.0)
    optimizer = SGDW([theta], lr=0.5, momentum=0.8, weight_decay=0.1)
    for gradient, expected in ((2.0, -0.1), (1.0, -1.39)):
        theta.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        assert theta.item() == pytest.approx(expected, rel=1e-12)


def slow_step(theta, velocity, gradient, *, lr, momentum, decay):
    for i in range(len(theta)):
        theta[i] = theta[i] * (1.0 - decay)
        velocity[i] = momentum * velocity[i] + gradient[i]
        theta[i] = theta[i] - lr * velocity[i]


@pytest.mark.parametrize("fused", [True, False, None])
@pytest.mark.parametrize("follows_lr", [True, False])
@pytest.mark.parametrize("momentum", [0.9, 0.0])
def test_it_is_the_slow_one_along_a_schedule(fused, follows_lr, momentum):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(2, 7))
    ours = [parameter(*row) for row in start]
    optimizer = SGDW(ours, lr=0.3, momentum=momentum, weight_decay=0.05, follows_lr=follows_lr, fused=fused)
    schedule = LearningRate(optimizer, "linear", 20)
    theirs, velocities = start.tolist(), np.zeros((2, 7)).tolist()
    for step in range(20):
        schedule.set(step)
        share = 1.0 - step / 20
        for k in range(2):
            gradient = rng.normal(size=7)
            if k == 1 and step < 3:  # a parameter that gets its first gradient later: untouched, decay and all
                ours[k].grad = None
                continue
            ours[k].grad = torch.tensor(gradient)
            decay = 0.05 * (share if follows_lr else 1.0)
            slow_step(theirs[k], velocities[k], gradient, lr=0.3 * share, momentum=momentum, decay=decay)
        optimizer.step()
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.detach(), other, rtol=1e-12)
    assert all(("momentum_buffer" in optimizer.state[p]) == bool(momentum) for p in ours)


def test_without_decay_it_is_torch_s_and_a_decay_through_momentum_is_as_strong_in_the_end():
    """SGD's decay is a gradient, which a momentum of 0.9 adds up tenfold: lr * d * 10 = d at lr = 0.1."""
    x = [parameter(1.0, -2.0) for _ in range(4)]
    pairs = [
        (SGDW([x[0]], lr=0.1, weight_decay=0.0), torch.optim.SGD([x[1]], lr=0.1, momentum=0.9)),
        (SGDW([x[2]], lr=0.1, weight_decay=1e-3), torch.optim.SGD([x[3]], lr=0.1, momentum=0.9, weight_decay=1e-3)),
    ]
    for step in range(300):
        for k, theta in enumerate(x):
            theta.grad = torch.full((2,), float(np.cos(step)) * (k < 2), dtype=torch.float64)
        for ours, theirs in pairs:
            ours.step()
            theirs.step()
    torch.testing.assert_close(x[0], x[1], rtol=1e-12, atol=0.0)
    assert x[2][0].item() == pytest.approx(0.999**300, rel=1e-12)
    assert x[3][0].item() == pytest.approx(x[2][0].item(), rel=0.02)


def test_by_name_with_its_defaults_and_with_a_closure():
    layer = SparseLinear(ns.generators.erdos_renyi(8, 6, density=0.3, rng=0), rng=0)
    made = build_optimizer("sgdw", layer.parameters())
    group = made.param_groups[0]
    assert isinstance(made, SGDW)
    assert [group[name] for name in ("lr", "momentum", "weight_decay", "fused")] == [0.1, 0.9, 5e-4, True]
    assert OPTIMIZERS["sgdw"].defaults.keys() == {"lr", "momentum", "weight_decay"}
    x = torch.ones(4, 8)

    def closure():
        made.zero_grad()
        loss = layer(x).square().sum()
        loss.backward()
        return loss

    group["lr"] = 0.001
    before = made.step(closure)
    assert made.step(closure) < before
    made.add_param_group({"params": [parameter(1.0)], "lr": 0.5})
    assert made.param_groups[1]["first_lr"] == 0.5
    for options in ({"lr": -1.0}, {"momentum": float("inf")}, {"weight_decay": float("nan")}):
        with pytest.raises(errors.InvalidOption, match=next(iter(options))):
            SGDW([parameter(1.0)], **options)


@pytest.mark.parametrize("same_count", [True, False])
def test_the_fused_step_follows_a_rewired_layer(same_count):
    def trained(fused):
        layer = SparseLinear(ns.generators.erdos_renyi(20, 15, density=0.3, rng=0), rng=0).double()
        optimizer = SGDW(layer.parameters(), lr=0.05, fused=fused)
        x = torch.rand(6, 20, generator=torch.Generator().manual_seed(0)).double()
        for step in range(12):
            optimizer.zero_grad()
            layer(x).square().sum().backward()
            optimizer.step()
            if step % 4 == 3:
                before = dict(zip(zip(layer.graph.sources, layer.graph.targets, strict=True),
                                  optimizer.state[layer.weight]["momentum_buffer"].tolist(), strict=True))  # fmt: skip
                delta = SET(0.2).propose(layer.graph, layer.edge_weights(), rng=step)
                if not same_count:
                    delta = ns.EdgeDelta(delta.removed, delta.added_sources[1:], delta.added_targets[1:])
                born = set(zip(delta.added_sources.tolist(), delta.added_targets.tolist(), strict=True))
                graph, edge_map = ns.apply(layer.graph, delta)
                layer.rewire(graph, edge_map, optimizer)
                after = optimizer.state[layer.weight]["momentum_buffer"].tolist()
                for pair, momentum in zip(zip(graph.sources, graph.targets, strict=True), after, strict=True):
                    assert momentum == (0.0 if pair in born else before[pair])
        return layer

    fused, plain = trained(True), trained(False)
    assert fused.graph == plain.graph
    torch.testing.assert_close(fused.weight, plain.weight, rtol=1e-10, atol=1e-13)


def cut_before(step):
    steps = iter(range(1, 10**6))

    def objective(model, x, y):
        if next(steps) == step:
            raise KeyboardInterrupt("from the outside")
        logits = model(x)
        return torch.nn.functional.cross_entropy(logits, y), logits

    return objective


@pytest.mark.parametrize("rule", [BayesianSampling(), BayesianSampling(density=0.25), SoftDeepR(p0=0.1), SET(0.3)])
def test_a_run_that_is_cut_off_goes_on_bit_for_bit(tmp_path, rule):
    def train(folder, cut=0, **options):
        return fit(
            ns.generators.layered([64, 30, 20], density=0.2, rng=0), "digits", rewiring=rule, optimizer="sgdw",
            objective=cut_before(cut), epochs=3, batch_size=256, lr=0.1, progress=False, rng=0, out=tmp_path / folder,
            checkpoint=Checkpoints(every_minutes=0.0), **options,
        )  # fmt: skip

    whole = train("whole")
    with pytest.raises(KeyboardInterrupt):
        train("cut", cut=8)
    gone_on = train("cut", resume=True)
    assert gone_on.network == whole.network
    for mine, other in zip(gone_on.weights, whole.weights, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert (tmp_path / "cut/history.csv").read_text() == (tmp_path / "whole/history.csv").read_text()


def test_on_a_step_schedule_rate_and_decay_drop_together_for_every_parameter():
    """As Ozdenizci and Legenstein have it: biases and batch norms decay as well, by a tenth after 50 % and 75 %."""
    network = ns.generators.vgg(11, density=0.2, width=0.0625, shape=(1, 8, 8), n_classes=4, rng=0)
    model = VGG(network, shape=(1, 8, 8), rng=0)
    parameters = dict(model.named_parameters())
    assert {name.rsplit(".", 1)[1] for name in parameters} == {"weight", "bias"}
    optimizer = build_optimizer("sgdw", model.parameters(), lr=0.1, weight_decay=0.25)
    schedule = LearningRate(optimizer, "step", 8)
    shares = [1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.01, 0.01]
    for step, share in enumerate(shares):
        with torch.no_grad():
            for parameter in parameters.values():
                parameter.fill_(2.0)
                parameter.grad = torch.zeros_like(parameter)
        schedule.set(step)
        optimizer.step()
        for name, parameter in parameters.items():  # no gradient: what is left is theta - d theta
            torch.testing.assert_close(parameter, torch.full_like(parameter, 2.0 - 2.0 * 0.25 * share), msg=name)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * share)
