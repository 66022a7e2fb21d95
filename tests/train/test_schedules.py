"""Learning rates follow their formulas step by step, resume to the bit, and the fused optimizers are the plain ones."""

import json
import math
from functools import partial

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

import netsparse as ns
from netsparse import errors
from netsparse.datasets import Dataset
from netsparse.nn import SparseLinear
from netsparse.train import fit
from netsparse.train.optimizers import build_optimizer
from netsparse.train.schedules import SCHEDULES, LearningRate


def optimizer(lr=0.2, **options):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(3))], lr=lr, **options)


def rates(schedule, n_steps, lr=0.2, first=0):
    made = optimizer(lr)
    rate, seen = LearningRate(made, schedule, n_steps), []
    for step in range(first, n_steps):
        rate.set(step)
        seen.append(made.param_groups[0]["lr"])
    return seen


def warmup_cosine(p):
    return 0.01 + 0.99 * p / 0.05 if p < 0.05 else (1 + math.cos(math.pi * (p - 0.05) / 0.95)) / 2


FORMULAS = {
    "linear": lambda p: 1 - p,
    "constant": lambda p: 1.0,
    "cosine": lambda p: (1 + math.cos(math.pi * p)) / 2,
    "warmup_cosine": warmup_cosine,
    "step": lambda p: 1.0 if p < 0.5 else 0.1 if p < 0.75 else 0.01,
    "exponential": lambda p: 0.01**p,
}


@pytest.mark.parametrize("n_steps", [1, 2, 7, 100])
@pytest.mark.parametrize("name", FORMULAS)
def test_named_schedules_follow_their_formulas(name, n_steps):
    expected = [0.2 * FORMULAS[name](step / n_steps) for step in range(n_steps)]
    np.testing.assert_allclose(rates(name, n_steps), expected, rtol=1e-9, atol=1e-12)


def test_linear_is_the_plain_product_to_the_bit():
    assert rates("linear", 1000, lr=0.1) == [0.1 * (1.0 - step / 1000) for step in range(1000)]


def test_one_cycle_rises_to_the_given_rate_and_falls_and_leaves_the_momentum():
    made = optimizer(0.2, momentum=0.9)
    rate, seen = LearningRate(made, "one_cycle", 100), []
    for step in range(100):
        rate.set(step)
        seen.append(made.param_groups[0]["lr"])
        assert made.param_groups[0]["momentum"] == 0.9
    top = int(np.argmax(seen))
    assert 28 <= top <= 31
    assert (seen[0], max(seen)) == pytest.approx((0.2 / 25, 0.2))
    assert (np.diff(seen)[:top] > 0).all()
    assert (np.diff(seen)[top:] < 0).all()
    assert seen[-1] < 1e-5
    assert set(SCHEDULES) == {*FORMULAS, "one_cycle"}  # a new one gets its test


@pytest.mark.parametrize("schedule", [*SCHEDULES, partial(lr_scheduler.StepLR, step_size=3, gamma=0.7)])
@pytest.mark.parametrize("options_first", [True, False])
def test_a_resumed_schedule_goes_on_to_the_bit(schedule, options_first):
    whole = rates(schedule, 20)
    before = optimizer()
    rate = LearningRate(before, schedule, 20)
    for step in range(8):
        rate.set(step)
    state = json.loads(json.dumps(rate.state_dict()))
    after = optimizer()
    resumed = LearningRate(after, schedule, 20)
    if options_first:
        after.load_state_dict(before.state_dict())
    resumed.load_state_dict(state)
    if not options_first:
        after.load_state_dict(before.state_dict())
    seen = [after.param_groups[0]["lr"]]
    for step in range(8, 20):
        resumed.set(step)
        seen.append(after.param_groups[0]["lr"])
    assert seen == whole[7:]


def test_a_schedule_jumps_forward_but_never_back():
    assert rates("cosine", 20, first=13) == rates("cosine", 20)[13:]
    rate = LearningRate(optimizer(), "linear", 20)
    rate.set(5)
    with pytest.raises(errors.InvalidOption, match="at least 5"):
        rate.set(4)
    with pytest.raises(errors.InvalidOption, match="has not begun"):
        rate.load_state_dict({"step": 2})


def test_every_group_keeps_its_own_first_rate():
    slow, fast = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(2))
    made = torch.optim.SGD([{"params": [slow], "lr": 0.01}, {"params": [fast], "lr": 1.0}])
    rate = LearningRate(made, "linear", 4)
    rate.set(3)
    assert [group["lr"] for group in made.param_groups] == [0.01 * 0.25, 0.25]


class NotOne:
    """No scheduler."""


@pytest.mark.parametrize(
    ("schedule", "error", "message"),
    [
        ("cosin", errors.UnknownName, "try lr_schedule='cosine'"),
        (3, errors.InvalidOption, "given 3"),
        (lr_scheduler.StepLR, errors.InvalidOption, "step_size"),
        (lr_scheduler.ReduceLROnPlateau, errors.InvalidOption, "without a measured value"),
        (lambda optimizer: NotOne(), errors.InvalidOption, "returns .*NotOne"),
        (lambda made: lr_scheduler.StepLR(optimizer(), 3), errors.InvalidOption, "a scheduler of it"),
    ],
)
def test_impossible_schedules(schedule, error, message):
    with pytest.raises(error, match=message) as caught:
        LearningRate(optimizer(), schedule, 10)
    assert "\n" not in str(caught.value)


def separable(n=96):
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    x = np.clip(np.eye(3, 8)[y] * 0.7 + rng.random((n, 8)) * 0.3, 0, 1).astype(np.float32)
    return Dataset.from_arrays(x, y, x[::-1], y[::-1], name="separable")


@pytest.mark.parametrize("schedule", [*SCHEDULES, partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=5)])
def test_fit_takes_a_step_of_the_schedule_per_optimizer_step(schedule):
    used = []

    class Spied(torch.optim.SGD):
        def step(self, closure=None):
            used.append(self.param_groups[0]["lr"])
            return super().step(closure)

    network = ns.generators.layered([8, 12, 10], density=0.4, rng=0)
    make = lambda parameters: Spied(parameters, lr=0.1)  # noqa: E731
    options = {"batch_size": 16, "validation": 0, "progress": False, "rng": 0}
    fit(network, separable(), optimizer=make, lr_schedule=schedule, epochs=3, accumulate=2, **options)
    assert used == rates(schedule, 18, lr=0.1)


def parameters(dtype, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = [(300,), (10, 7), (0,), (5,)]  # edges, a dense head, a layer without edges, a bias
    return [torch.nn.Parameter(torch.randn(shape, generator=generator, dtype=dtype)) for shape in shapes]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("sgd", partial(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=5e-4)),
        ("adam", partial(torch.optim.Adam, lr=0.001, weight_decay=5e-4)),
    ],
)
def test_one_pass_over_all_parameters_is_the_plain_optimizer(name, plain, dtype):
    ours, theirs = parameters(dtype), parameters(dtype)
    fused = build_optimizer(name, iter(ours))
    slow = plain(theirs, foreach=False)
    assert fused.param_groups[0]["fused"]
    generator = torch.Generator().manual_seed(1)
    for step in range(50):
        for mine, other in zip(ours, theirs, strict=True):
            gradient = torch.randn(mine.shape, generator=generator, dtype=dtype)
            mine.grad, other.grad = gradient, gradient.clone()
        if step < 3:  # the last one gets its first gradient later than the rest
            ours[-1].grad = theirs[-1].grad = None
        fused.step()
        slow.step()
    tolerance = {"rtol": 1e-12, "atol": 1e-14} if dtype is torch.float64 else {"rtol": 1e-4, "atol": 1e-6}
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, **tolerance)
        mine_state, other_state = fused.state[mine], slow.state[other]
        assert set(mine_state) == set(other_state)
        for key, value in other_state.items():
            torch.testing.assert_close(torch.as_tensor(mine_state[key]).to(value.dtype), value, **tolerance)


@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize("same_count", [True, False])
def test_the_fused_step_follows_a_rewired_layer(name, same_count):
    def trained(fused):
        graph = ns.generators.erdos_renyi(20, 15, density=0.3, rng=0)
        layer = SparseLinear(graph, rng=0).double()
        made = build_optimizer(name, layer.parameters(), lr=0.05)
        if not fused:
            made = type(made)(layer.parameters(), **{**made.defaults, "fused": False, "foreach": False})
        x = torch.rand(6, 20, generator=torch.Generator().manual_seed(0)).double()
        for step in range(12):
            made.zero_grad()
            layer(x).square().sum().backward()
            made.step()
            if step % 4 == 3:
                free = np.flatnonzero(~layer.graph.has_edges(*np.divmod(np.arange(300), 15)))
                sources, targets = np.divmod(free[: 4 if same_count else 2], 15)
                delta = ns.EdgeDelta(np.arange(4), sources, targets)
                changed, edge_map = ns.apply(layer.graph, delta)
                layer.rewire(changed, edge_map, made)
        return layer

    fused, plain = trained(True), trained(False)
    assert fused.graph == plain.graph
    torch.testing.assert_close(fused.weight, plain.weight, rtol=1e-10, atol=1e-13)
