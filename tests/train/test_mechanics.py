"""What a training step does, seen by spies: each test fails if the loop forgets the thing it names."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

import netsparse as ns
from netsparse import errors
from netsparse.datasets import Dataset
from netsparse.nn import SparseMLP
from netsparse.rewiring import RewiringRule
from netsparse.train import TrainConfig, evaluate, fit, load_model
from netsparse.train.memory import memory_named
from netsparse.train.optimizers import LearningRate, build_optimizer


def data(n=96, n_classes=3):
    rng = np.random.default_rng(0)
    y = np.arange(n) % n_classes
    x = np.clip(np.eye(n_classes, 8)[y] * 0.7 + rng.random((n, 8)) * 0.3, 0, 1).astype(np.float32)
    return Dataset.from_arrays(x, y, x[::-1], y[::-1], name="spied", n_classes=n_classes)


def network():
    return ns.generators.layered([8, 12, 10], density=0.4, rng=0)


def train(model=None, **options):
    return fit(model or network(), data(), **{"epochs": 3, "batch_size": 16, "progress": False, "rng": 0, **options})


class SpiedSGD(torch.optim.SGD):
    """Remembers the momentum it has at the start of every step, and its learning rates."""

    def __init__(self, parameters):
        super().__init__(parameters, lr=0.1, momentum=0.9)
        self.rates, self.buffers = [], []

    def step(self, closure=None):
        self.rates.append(self.param_groups[0]["lr"])
        weight = self.param_groups[0]["params"][0]
        buffer = self.state[weight].get("momentum_buffer")
        self.buffers.append(None if buffer is None else buffer.clone())
        return super().step(closure)


class Marked(RewiringRule):
    """Drops the first edges and gives the newborn a weight that can be recognised."""

    def dropped(self, state, n_drop, at, rng):
        return np.arange(n_drop)

    def values(self, kept, sources, targets, rng):
        return np.full(len(sources), 123.0)


def test_newborn_values_and_momenta_arrive_where_they_belong():
    spies, seen = [], []

    def optimizer(parameters):
        spies.append(SpiedSGD(parameters))
        return spies[0]

    def look(state):
        layer = state.model.layers[0]
        buffer = spies[0].state[layer.weight]["momentum_buffer"]
        seen.append((layer.graph, buffer.clone(), layer.edge_weights()))

    train(rewiring=Marked(0.25), optimizer=optimizer, callbacks=[look], epochs=2)
    graph, momentum, _ = seen[0]
    steps_per_epoch = len(spies[0].buffers) // 2
    carried = spies[0].buffers[steps_per_epoch]  # before the first step on the new wiring
    after = seen[1][0]
    assert after.n_edges == graph.n_edges
    survivors = graph.has_edges(after.sources, after.targets)
    dropped = np.zeros(graph.n_edges, dtype=bool)
    dropped[: round(0.25 * graph.n_edges)] = True
    for edge in range(after.n_edges):
        pair = [after.sources[edge]], [after.targets[edge]]
        old = int(graph.edge_ids(*pair)[0]) if survivors[edge] else None
        expected = 0.0 if old is None or dropped[old] else momentum[old].item()
        assert carried[edge].item() == expected
    assert any(m != 0 for m in carried.tolist())


def test_newborn_weights_are_the_delta_s():
    weights = []
    frozen = lambda parameters: torch.optim.SGD(parameters, lr=0.0)  # noqa: E731
    model = SparseMLP(network(), n_classes=3, rng=0)
    train(
        model,
        rewiring=Marked(0.5),
        optimizer=frozen,
        callbacks=[lambda state: weights.append(state.model.weights[0])],
        epochs=2,
    )
    n_new = round(0.5 * model.layers[0].graph.n_edges)
    assert np.count_nonzero(weights[0] == 123.0) == 0
    assert np.count_nonzero(weights[1] == 123.0) == n_new


def test_linear_schedule_falls_to_zero_and_constant_stays():
    for schedule, expected in (("linear", [1.0, 0.75, 0.5, 0.25]), ("constant", [1.0] * 4)):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.2)
        rate = LearningRate(optimizer, schedule, 4)
        seen = []
        for step in range(4):
            rate.set(step)
            seen.append(optimizer.param_groups[0]["lr"] / 0.2)
        np.testing.assert_allclose(seen, expected)


def test_the_loop_sets_the_rate_at_every_step():
    spies = []

    def optimizer(parameters):
        spies.append(SpiedSGD(parameters))
        return spies[0]

    train(optimizer=optimizer, epochs=2, validation=0)
    n_steps = 2 * 6
    np.testing.assert_allclose(spies[0].rates, 0.1 * (1 - np.arange(n_steps) / n_steps))


def test_options_reach_the_optimizer():
    parameter = [torch.zeros(1, requires_grad=True)]
    group = build_optimizer("sgd", parameter).param_groups[0]
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.1, 0.9, 5e-4)
    group = build_optimizer("sgd", parameter, lr=0.2, momentum=0.5, weight_decay=0.0).param_groups[0]
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.2, 0.5, 0.0)
    group = build_optimizer("adam", parameter, weight_decay=0.1).param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.001, 0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "adam", "momentum": 0.9}, "adam does not have"),
        ({"optimizer": torch.optim.Adam, "lr": 0.1}, "lr: given with optimizer=<function>"),
        ({"optimizer": None}, "a name or a function"),
        ({"optimizer": lambda parameters: 3}, "a name or a function"),
        ({"model": SparseMLP(network(), n_classes=3, rng=0), "init": "he_dense"}, "init='he_dense'"),
        ({"model": SparseMLP(network(), n_classes=2, rng=0)}, "n_classes=3"),
    ],
)
def test_no_option_is_silently_ignored(options, message):
    with pytest.raises(errors.InvalidOption, match=message):
        train(**options)


def test_nothing_is_written_before_everything_is_checked(tmp_path):
    for options in (
        {"optimizer": "sgdd"},
        {"lr_schedule": "cosin"},
        {"model": SparseMLP(network(), n_classes=2, rng=0)},
    ):
        with pytest.raises(errors.NetsparseError):
            train(**options, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("inside", ["", "x"])
def test_out_that_is_a_file_is_one_line(tmp_path, inside):
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.NotWritable, match="a folder that can be made"):
        train(out=tmp_path / "file" / inside)


def test_every_image_is_seen_once_an_epoch_in_a_new_order():
    orders = []

    def objective(model, x, y):
        orders[-1].append(x[:, 0].clone())
        logits = model(x)
        return torch.nn.functional.cross_entropy(logits, y), logits

    orders.append([])
    train(objective=objective, epochs=2, validation=0, callbacks=[lambda *_: orders.append([])])
    first, second = (torch.cat(order) for order in orders[:2])
    everything = np.sort(data().x_train[:, 0])
    np.testing.assert_array_equal(np.sort(first), everything)
    np.testing.assert_array_equal(np.sort(second), everything)
    assert not np.array_equal(first, data().x_train[:, 0])
    assert not torch.equal(first, second)


class WithDropout(SparseMLP):
    """A model that behaves differently in training."""

    def forward(self, x):
        return super().forward(torch.dropout(x, 0.5, self.training))


def test_evaluation_is_in_evaluation_mode_and_training_goes_on_in_training_mode():
    model = WithDropout(network(), n_classes=3, rng=0)
    x, y = torch.from_numpy(data().x_train.copy()), torch.from_numpy(data().y_train.copy())
    assert evaluate(model, x, y) == evaluate(model, x, y)
    assert model.training
    modes = []
    train(model, epochs=1, callbacks=[lambda state: modes.append(state.model.training)])
    assert modes == [True]
    model.eval()
    evaluate(model, x, y)
    assert not model.training


def test_inputs_are_normalised_by_the_training_images():
    result = train(validation=16)
    images = data().x_train[:-16]
    assert result.model.normalize.mean.item() == pytest.approx(images.mean(), rel=1e-5)
    assert result.model.normalize.std.item() == pytest.approx(images.std(ddof=1), rel=1e-5)


def test_best_is_not_chosen_by_the_test_set():
    shifted = data()
    wrong = Dataset.from_arrays(shifted.x_train, shifted.y_train, shifted.x_test, (shifted.y_test + 1) % 3, n_classes=3)
    result = fit(network(), wrong, epochs=15, batch_size=16, progress=False, rng=0)
    table = result.history.pivot(index="epoch", columns="split", values="accuracy")
    assert table["validation"].idxmax() != table["test"].idxmax()  # on wrong labels the test accuracy falls
    assert result.best.epoch == table["validation"].idxmax()


def test_a_test_loss_that_is_not_finite_does_not_end_the_run():
    extreme = data()
    model = SparseMLP(network(), n_classes=3, rng=0)

    class Fragile(SparseMLP):
        def forward(self, x):
            logits = super().forward(x)
            return logits if self.training else logits * float("inf")

    with pytest.raises(errors.TrainingDiverged, match="validation loss"):
        fit(Fragile(network(), n_classes=3, rng=0), extreme, epochs=2, progress=False, rng=0)
    result = fit(Fragile(network(), n_classes=3, rng=0), extreme, epochs=2, validation=0, progress=False, rng=0)
    assert len(result.history) == 4
    assert model.training


def test_weights_that_break_in_the_last_step_are_no_good_epoch(tmp_path):
    class Bursting(torch.optim.SGD):
        steps = 0

        def step(self, closure=None):
            super().step(closure)
            self.steps += 1
            if (
                self.steps == 12
            ):  # the last step of epoch 2: every training loss so far is finite, and nothing validates
                with torch.no_grad():
                    self.param_groups[0]["params"][0].fill_(float("nan"))

    def optimizer(parameters):
        return Bursting(parameters, lr=0.1)

    with pytest.raises(errors.TrainingDiverged, match=r"weights nan in epoch 2 \(epoch 1 was the last good one"):
        train(optimizer=optimizer, validation=0, out=tmp_path / "run", rewiring="set")
    kept = load_model(tmp_path / "run" / "model.safetensors")
    assert all(np.isfinite(weights).all() for weights in kept.weights)


def test_config_hands_every_setting_on():
    settings = {
        "epochs": 7,
        "batch_size": 9,
        "accumulate": 3,
        "optimizer": "adam",
        "lr": 0.3,
        "lr_schedule": "cosine",
        "weight_decay": 0.2,
        "validation": 5,
        "init": "he_dense",
        "activation": "all_relu",
        "backend": "reference",
        "precision": "float64",
        "seed": 4,
    }
    more = {"objective": "trades", "eps": 0.1, "beta": 2.0}
    rule = {"fraction": 0.7, "every": 8}
    config = TrainConfig.checked(**settings, **rule, **more, allocation="erk", widths=(20, 30), density=0.3)
    handed_on = dict(config.fit_options())
    assert repr(handed_on.pop("objective")) == repr(ns.train.TRADES(0.1, beta=2.0))
    assert handed_on.pop("augment") is None  # data() are no pictures
    assert TrainConfig.checked(augment="shift").fit_options()["augment"] == ns.train.ShiftAndFlip(flip=False)
    assert handed_on == {**{k: v for k, v in settings.items() if k != "seed"}, "head": "dense", "rng": 4}
    assert (config.rewiring().fraction, config.rewiring().every) == (0.7, 8)
    expected = ns.generators.layered([8, 20, 30], density=0.3, allocation="erk", rng=4)
    assert config.network(data()) == expected
    assert expected != ns.generators.layered([8, 20, 30], density=0.3, rng=4)


def test_torch_s_global_generator_is_left_alone():
    before = torch.get_rng_state()
    train(rewiring="set")
    assert torch.equal(torch.get_rng_state(), before)


@dataclass(frozen=True, repr=False)
class Counting(Marked):
    """Remembers when it was asked, and with which gradients."""

    fraction: float = 0.1
    asked: list = field(init=False, default_factory=list)
    grads: list = field(init=False, default_factory=list)
    also_needs = frozenset({"grads"})

    def propose_all(self, states, *, at, rng):
        self.asked.append((at.n_rewirings, at.step))
        self.grads.append([state.grads.at_edges() for state in states])
        return super().propose_all(states, at=at, rng=rng)


class Watching(torch.optim.SGD):
    """Remembers the gradients that it steps with."""

    def __init__(self, parameters):
        super().__init__(parameters, lr=0.1)
        self.grads = []

    def step(self, closure=None):
        self.grads.append([group.grad.clone() for group in self.param_groups[0]["params"] if group.dim() == 1])
        return super().step(closure)


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize(
    ("every", "steps"), [(None, [5, 10]), (1, list(range(1, 15))), (4, [4, 8, 12]), (5, [5, 10]), (15, []), (100, [])]
)
def test_a_rule_is_asked_when_it_is_due_with_the_gradients_of_the_step_before(every, steps, accumulate):
    rule, spies, rewired = Counting(every=every), [], []

    class Seen:
        def on_rewire(self, state, changes):
            rewired.append(state.step)

    def optimizer(parameters):
        spies.append(Watching(parameters))
        return spies[0]

    options = {"optimizer": optimizer, "validation": 16, "callbacks": [Seen()], "accumulate": accumulate}
    result = train(rewiring=rule, **options)
    assert len(spies[0].grads) == 15
    assert rewired == steps
    assert rule.asked == list(enumerate(steps))
    for step, grads in zip(steps, rule.grads, strict=True):
        stepped = [grad for grad in spies[0].grads[step - 1] if len(grad) > 12]  # the weights', not the biases'
        for seen, used in zip(grads, stepped, strict=True):
            np.testing.assert_allclose(seen, used.numpy(), rtol=1e-4, atol=1e-6)
    rows = result.history.query("split == 'train'").set_index("epoch")
    each = sum(round(0.1 * layer.n_edges) for layer in network().layers)
    counts = [sum(5 * (epoch - 1) < step <= 5 * epoch for step in steps) for epoch in (1, 2, 3)]
    assert rows["edges_dropped"].fillna(0).tolist() == [each * count for count in counts]
    assert rows["edges_grown"].fillna(0).tolist() == rows["edges_dropped"].fillna(0).tolist()


def test_the_turnover_of_an_epoch_is_the_sum_of_its_rewirings():
    expected = []

    class Seen:
        def on_rewire(self, state, changes):
            fresh = [int((~g.has_edges(d.added_sources, d.added_targets)).sum()) for g, d in changes]
            expected.append((state.epoch, sum(fresh) / network().n_edges, fresh[1] / network().layers[1].n_edges))

    result = train(rewiring=ns.rewiring.SET(0.2, every=2), callbacks=[Seen()], epochs=2)
    rows = result.history.query("split == 'train'").set_index("epoch")
    for epoch in (1, 2):
        whole, second = (sum(e[k] for e in expected if e[0] == epoch) for k in (1, 2))
        assert rows.loc[epoch, "turnover"] == pytest.approx(whole)
        assert rows.loc[epoch, "layer1_turnover"] == pytest.approx(second)


@pytest.mark.parametrize("options", [{"batch_size": 1}, {"batch_size": 1000}, {"batch_size": 2, "accumulate": 7}])
def test_any_batch_trains(options):
    result = train(rewiring="set", epochs=2, lr=0.01, **options)
    assert np.isfinite(result.history["loss"]).all()


def test_parts_of_a_batch_give_the_gradient_of_the_batch():
    curves = [train(precision="float64", accumulate=parts, rewiring="set").history["loss"] for parts in (1, 3, 16)]
    for curve in curves[1:]:
        np.testing.assert_allclose(curve, curves[0], rtol=1e-10)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("split", ["x_train", "x_test"])
def test_pixels_that_are_not_finite_are_refused_at_the_door(split, value):
    whole = data()
    samples = {name: getattr(whole, name).copy() for name in ("x_train", "x_test")}
    samples[split][3, 5] = value
    broken = Dataset("torn", samples["x_train"], whole.y_train, samples["x_test"], whole.y_test, 3, (8,))
    with pytest.raises(errors.InvalidOption, match=rf"{split} of 'torn': given {value} at sample 3, feature 5"):
        fit(network(), broken, epochs=1, progress=False, rng=0)


def test_out_of_memory_is_one_line_with_the_size(tmp_path):
    def greedy(model, x, y):
        return torch.empty(2**50, dtype=torch.float64), model(x)

    with pytest.raises(errors.OutOfMemory, match=r"training: given 8\.39e\+06 GiB more than there is") as caught:
        train(objective=greedy, out=tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, MemoryError)


@pytest.mark.parametrize(
    ("error", "given"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has"), "20 GiB more"),
        (MemoryError("Unable to allocate 7.45 MiB for an array with shape (1, 2)"), "7.45 MiB more"),
        (MemoryError(), "given more than there is"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 512 bytes."), "512 B more"),
    ],
)
def test_every_way_of_saying_that_memory_has_run_out(error, given):
    with pytest.raises(errors.OutOfMemory, match=given), memory_named("training"):
        raise error


@pytest.mark.parametrize("error", [RuntimeError("shapes do not fit"), ValueError("other")])
def test_other_errors_pass(error):
    with pytest.raises(type(error), match=str(error)), memory_named("training"):
        raise error


class Told:
    """A class of callbacks, where one of them is wanted."""

    def on_epoch_end(self, state):
        """Hear of it."""


@pytest.mark.parametrize("wrong", [3, "on_epoch_end", object(), Marked, Told])
def test_callbacks_that_are_none(wrong):
    with pytest.raises(errors.InvalidOption, match=r"callbacks: given .*on_epoch_end.*try callbacks="):
        train(callbacks=[wrong])


@pytest.mark.parametrize("wrong", [lambda epoch, model, row: None, lambda: None])
def test_callbacks_of_other_arguments_are_said_before_the_first_epoch(wrong):
    with pytest.raises(errors.InvalidOption, match="the state alone at on_epoch_end"):
        train(callbacks=[wrong])


def test_one_callback_is_no_sequence_of_them():
    with pytest.raises(errors.InvalidOption, match=r"callbacks: given .*a sequence of them"):
        train(callbacks=print)


def test_whole_numbers_of_numpy_are_whole_numbers():
    three = np.int64(3)
    one, other = (train(epochs=n, batch_size=n * 8, accumulate=n, lr_schedule="one_cycle") for n in (3, three))
    np.testing.assert_array_equal(one.weights[0], other.weights[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accumulate": 0}, "accumulate: given 0"),
        ({"accumulate": True}, "accumulate: given True"),
        ({"precision": "float8"}, "precision"),
        ({"resume": True}, "out='runs/first'"),
        ({"checkpoint": 5}, r"checkpoint: given 5, .*Checkpoints\(every_epochs=1\)"),
        ({"optimizer": torch.optim.LBFGS}, "optimizer: given LBFGS, which asks for the loss again"),
    ],
)
def test_impossible_settings_of_the_engine(options, message):
    with pytest.raises(errors.NetsparseError, match=message):
        train(**options)


@dataclass(frozen=True, repr=False)
class Watchful(RewiringRule):
    """Keeps copies of all that it is shown."""

    fraction: float = 0.2
    shown: list = field(init=False, default_factory=list)
    also_needs = frozenset({"momentum", "ages"})

    def propose_all(self, states, *, at, rng):
        self.shown.append([(s.graph, np.array(s.momentum), np.array(s.ages), s.kernel_size) for s in states])
        return super().propose_all(states, at=at, rng=rng)


KINDS = [(torch.optim.SGD, {"momentum": 0.9}), (torch.optim.Adam, {}), (torch.optim.SGD, {})]


@pytest.mark.parametrize(("kind", "options"), KINDS, ids=["sgd", "adam", "no momentum"])
def test_a_rule_sees_the_momentum_of_the_optimizer(kind, options):
    rule, after_step = Watchful(every=5), []

    class Spied(kind):
        def step(self, closure=None):
            super().step(closure)
            states = [self.state[p] for p in self.param_groups[0]["params"] if p.dim() == 1 and len(p) > 12]
            buffers = [state.get("momentum_buffer", state.get("exp_avg")) for state in states]
            after_step.append([None if buffer is None else buffer.numpy().copy() for buffer in buffers])

    train(rewiring=rule, optimizer=lambda parameters: Spied(parameters, lr=0.1, **options), validation=16)
    for shown, buffers in zip(rule.shown, after_step[4::5], strict=False):
        for (graph, momentum, _, kernel_size), buffer in zip(shown, buffers, strict=True):
            assert kernel_size is None
            assert momentum.any() == (buffer is not None)
            np.testing.assert_array_equal(momentum, np.zeros(graph.n_edges) if buffer is None else buffer)
    assert len(rule.shown) == 2


@pytest.mark.parametrize("every", [1, 2, None])
def test_a_rule_sees_the_ages_of_the_edges_in_steps(every):
    rule, births, expected = Watchful(every=every), {}, []

    class Seen:
        def on_train_begin(self, state):
            graph = state.model.layers[1].graph
            births.update(dict.fromkeys(zip(graph.sources, graph.targets, strict=True), 0))

        def on_rewire(self, state, changes):
            graph, delta = changes[1]
            pairs = list(zip(graph.sources, graph.targets, strict=True))
            expected.append([state.step - births[pair] for pair in pairs])
            for edge in delta.removed:
                del births[pairs[edge]]
            births.update(dict.fromkeys(zip(delta.added_sources, delta.added_targets, strict=True), state.step))

    train(rewiring=rule, callbacks=[Seen()])
    assert [shown[1][2].tolist() for shown in rule.shown] == expected
    assert len(expected) >= 2
    assert min(expected[-1]) > 0 if every is None else min(expected[-1]) == every


def test_ages_and_momentum_are_not_made_for_rules_that_read_none():
    states = []

    class Plain(Marked):
        def propose_all(self, seen, *, at, rng):
            states.extend(seen)
            return super().propose_all(seen, at=at, rng=rng)

    train(rewiring=Plain(0.1))
    assert all((state.ages, state.momentum, state.grads) == (None, None, None) for state in states)


@dataclass(frozen=True, repr=False)
class Windowed(Counting):
    """Asks for the gradients of several steps."""

    steps: int = 3
    decay: float = 1.0

    @property
    def gradient_steps(self):
        return self.steps

    @property
    def gradient_decay(self):
        return self.decay


@pytest.mark.parametrize("decay", [1.0, 0.5])
@pytest.mark.parametrize(("every", "steps"), [(4, 3), (4, 4), (2, 5), (None, 3), (7, 6)])
def test_a_window_is_the_weighted_mean_of_the_gradients_of_its_steps(every, steps, decay):
    rule, spies = Windowed(every=every, steps=steps, decay=decay), []

    def optimizer(parameters):
        spies.append(Watching(parameters))
        return spies[0]

    train(rewiring=rule, optimizer=optimizer, validation=16, precision="float64", accumulate=2)
    period = every or 5
    assert [step for _, step in rule.asked] == list(range(period, 15, period))
    for (_, step), seen in zip(rule.asked, rule.grads, strict=True):
        n = min(steps, period)  # no further back than the last rewiring, since which the edges are the same
        weights = decay ** np.arange(n - 1, -1, -1)
        for layer, grads in enumerate(seen):
            passes = [[g for g in spies[0].grads[s] if len(g) > 12][layer].numpy() for s in range(step - n, step)]
            np.testing.assert_allclose(grads, weights @ passes / weights.sum(), rtol=1e-9, atol=1e-15)


class Stateful(torch.optim.SGD):
    """Gives every edge a state by which it can be recognised: its pair, once the first step is taken."""

    def step(self, closure=None):
        super().step(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["momentum_buffer"] = torch.arange(1.0, parameter.numel() + 1).view_as(parameter)


@dataclass(frozen=True, repr=False)
class Regrowing(Marked):
    """Grows the first of the places that it has just made free, and one place that was free before."""

    def grown(self, kept, n_grow, rng):
        graph, removed = kept.before.graph, kept.removed
        targets = np.searchsorted(graph.indptr, removed, side="right") - 1
        free = ns.graph.free_pairs(graph, 1, rng=rng)
        both = zip((graph.sources[removed], targets), free, strict=True)
        return tuple(np.append(ends[: n_grow - 1], one) for ends, one in both)


@pytest.mark.parametrize("kind", ["zero", "kept", "all_zero"])
def test_the_optimizer_state_of_newborn_edges_is_what_the_rule_says(kind):
    made, found = [], []

    def optimizer(parameters):
        made.append(Stateful(parameters, lr=0.0, momentum=0.9))
        return made[0]

    class Seen:
        def on_rewire(self, state, changes):
            graph, delta = changes[0]
            weight = state.model.layers[0].weight
            found.append((graph, delta, state.model.layers[0].graph, made[0].state[weight]["momentum_buffer"].clone()))

    train(rewiring=Regrowing(0.25, optimizer_state=kind), optimizer=optimizer, callbacks=[Seen()], epochs=2)
    graph, delta, after, buffer = found[0]
    removed = set(delta.removed.tolist())
    n_regrown = 0
    for edge in range(after.n_edges):
        pair = [after.sources[edge]], [after.targets[edge]]
        old = int(graph.edge_ids(*pair)[0]) if graph.has_edges(*pair)[0] else None
        n_regrown += old in removed
        expected = 0.0 if old is None or kind == "all_zero" or (kind == "zero" and old in removed) else old + 1.0
        assert buffer[edge] == expected
    assert n_regrown == delta.n_added - 1 > 1


def test_a_rule_that_sets_weights_starts_and_follows_every_step_but_the_skipped():
    seen = []

    @dataclass(frozen=True, repr=False)
    class Setting(Marked):
        def start(self, states, *, rng):
            return [np.full(state.graph.n_edges, 7.0) for state in states[:1]] + [None]

        def after_step(self, states, *, lr, rng):
            seen.append((lr, states[0].weights[0]))
            return [np.full(state.graph.n_edges, float(len(seen))) for state in states]

    starts = []

    class Begins:
        def on_train_begin(self, state):
            starts.append([layer.edge_weights() for layer in state.model.sparse_layers()])

    frozen = lambda parameters: torch.optim.SGD(parameters, lr=0.5)  # noqa: E731
    options = {"optimizer": frozen, "lr_schedule": "constant", "callbacks": [Begins()], "validation": 16}
    result = train(rewiring=Setting(0.0, every=3, skip_step=True), **options)
    assert (starts[0][0] == 7.0).all()
    assert starts[0][1].std() > 0
    assert len(seen) == 15 - 4  # every third step was left out for the rewiring
    assert {lr for lr, _ in seen} == {0.5}
    assert all((weights == 11.0).all() for weights in result.weights)


def test_weights_of_a_rule_that_do_not_fit_are_refused():
    class Short(Marked):
        def after_step(self, states, *, lr, rng):
            return [state.weights[1:] for state in states]

    with pytest.raises(errors.InvalidEdgeVector, match="weights: given"):
        train(rewiring=Short(0.1))


def test_weights_that_break_within_an_epoch_are_said_to_diverge_by_a_rule_of_every_step():
    with pytest.raises(errors.TrainingDiverged, match=r"weights that are not finite after step \d.*learning rate"):
        train(rewiring=ns.rewiring.SET(0.1, every=1), lr=1e30)
