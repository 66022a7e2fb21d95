"""Lottery tickets: the published ladder, each rewind against a dense oracle, and rounds that survive being cut off."""

import json
import os
from itertools import pairwise

import numpy as np
import oracles_lottery as oracle
import pandas as pd
import pytest
import torch
import zoo
from hypothesis import given
from hypothesis import strategies as st
from oracles import dense_of, mask_of

import netsparse as ns
from netsparse import errors
from netsparse.datasets import Dataset
from netsparse.generators import complete
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.nn import SparseMLP
from netsparse.nn.init import glorot_uniform
from netsparse.rewiring.magnitude_cut import magnitude_cut
from netsparse.train import Natural, evaluate
from netsparse.train.adversarial import AdversarialTraining, evaluate_attacked
from netsparse.train.attacks import Attack
from netsparse.train.lottery.folder import read_tickets
from netsparse.train.lottery.tickets import PUBLISHED_ATTACKS, lottery_tickets
from netsparse.train.splits import first_to_the_end

SIZES = [12, 9, 7, 3]


@pytest.fixture(autouse=True)
def not_synchronised(monkeypatch):
    """Waits for no disk: only a loss of power needs it."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def blobs(n=120, n_features=12, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    centres, y = rng.random((n_classes, n_features)), rng.integers(n_classes, size=n)
    x = np.clip(centres[y] + rng.normal(0, 0.3, (n, n_features)), 0, 1).astype(np.float32)
    return Dataset.from_arrays(x[: n // 2], y[: n // 2], x[n // 2 :], y[n // 2 :], name="blobs", n_classes=n_classes)


def play(network=SIZES, data=None, **options):
    usual = {"rounds": 3, "epochs": 2, "batch_size": 16, "progress": False, "rng": 0}
    return lottery_tickets(network, blobs() if data is None else data, **{**usual, **options})


def assert_same(a, b):
    assert len(a.tickets) == len(b.tickets)
    for name in ("table", "history", "layers"):
        pd.testing.assert_frame_equal(getattr(a, name), getattr(b, name), check_exact=True)
    for one, other in zip(a.tickets, b.tickets, strict=True):
        assert one.network == other.network
        for moment in ("start", "last", "early_stop"):
            here, there = (a.model(one.round, moment), b.model(one.round, moment))
            states = here.state_dict(), there.state_dict()
            assert list(states[0]) == list(states[1])
            assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


# the cut-off ----------------------------------------------------------------------------------------------------------

EIGHT = [0.9, -0.1, 0.4, 0.3, -0.3, 0.8, -0.2, 0.7]
# sorted sizes a: 0.1 (edge 1), 0.2 (6), 0.3 (3), 0.3 (4), 0.4 (2), 0.7 (7), 0.8 (5), 0.9 (0)


@pytest.mark.parametrize(
    ("rate", "inclusive", "exact"),
    [
        (0.0, [], []),
        (0.05, [1], []),  # round(0.4) = 0: the smallest is the cut-off
        (0.1, [1, 6], [1]),  # round(0.8) = 1
        (0.25, [1, 3, 4, 6], [1, 6]),  # a[2] = 0.3, and another edge weighs the same
        (0.375, [1, 3, 4, 6], [1, 3, 6]),  # of two that tie, the first
        (0.5, [1, 2, 3, 4, 6], [1, 3, 4, 6]),
        (0.9, [1, 2, 3, 4, 5, 6, 7, 0], [1, 2, 3, 4, 5, 6, 7]),  # round(7.2) = 7: a[7] is the largest
        (1.0, [0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_the_cut_of_eight_edges(rate, inclusive, exact):
    assert magnitude_cut(EIGHT, rate).tolist() == sorted(inclusive)
    assert magnitude_cut(EIGHT, rate, cut="exact").tolist() == exact


@given(zoo.graphs(), st.floats(0.0, 1.0), st.sampled_from(["inclusive", "exact"]), st.integers(0, 99), st.booleans())
def test_the_cut_equals_a_dense_oracle(graph, rate, cut, seed, ties):
    weights = np.random.default_rng(seed).normal(size=graph.n_edges)
    weights = np.round(weights) if ties else weights
    removed = magnitude_cut(weights, rate, cut=cut)
    left = oracle.dense_cut(dense_of(graph, weights), mask_of(graph), rate, exact=cut == "exact")
    gone = mask_of(graph) & ~left
    assert removed.tolist() == np.flatnonzero(gone[graph.targets, graph.sources]).tolist()


@pytest.mark.parametrize("cut", ["inclusive", "exact"])
def test_the_published_ladder(cut):
    """Untrained weights will do: how many go depends on how many there are."""
    network = SparseNetwork([complete(784, 300), complete(300, 100), complete(100, 10)])
    weights = [glorot_uniform(graph, np.random.default_rng(k)) for k, graph in enumerate(network.layers)]
    left = []
    for r in range(21):
        if r:
            gone = [magnitude_cut(w, rate, cut=cut) for w, rate in zip(weights, (0.2, 0.2, 0.1), strict=True)]
            weights = [np.delete(w, ids) for w, ids in zip(weights, gone, strict=True)]
        left.append(round(100 * sum(map(len, weights)) / network.n_edges, 2))
    ladder = {k: left[k] for k in (0, 3, 8, 11, 15, 18, 20)}
    if cut == "inclusive":
        assert network.n_edges == 266_200
        assert ladder == {0: 100.0, 3: 51.28, 8: 16.87, 11: 8.67, 15: 3.58, 18: 1.84, 20: 1.19}
    else:  # one edge fewer per layer and round: seen in the second decimal
        assert ladder == {0: 100.0, 3: 51.28, 8: 16.88, 11: 8.68, 15: 3.58, 18: 1.85, 20: 1.19}


def test_the_published_ladder_through_all_twenty_rounds():
    rng = np.random.default_rng(0)
    x, y = rng.random((4, 784), dtype=np.float32), np.arange(4)
    data = Dataset.from_arrays(x, y, x, y, n_classes=10)
    result = lottery_tickets([784, 300, 100, 10], data, epochs=1, batch_size=4, validation=1, progress=False, rng=0)
    per_round = result.layers.groupby("round")["n_edges"].sum() / 266_200
    assert [round(100 * per_round[r], 1) for r in (0, 3, 8, 11, 15, 18)] == [100.0, 51.3, 16.9, 8.7, 3.6, 1.8]
    assert round(100 * per_round[20], 2) == 1.19
    assert result.layers.query("round == 20")["n_edges"].tolist() == [2707, 341, 112]


def test_impossible_cuts_are_refused():
    for rate in (-0.1, 1.1, np.nan, True, "half"):
        with pytest.raises(errors.InvalidOption, match="rate"):
            magnitude_cut(EIGHT, rate)
    for weights in ([[1.0, 2.0]], [1.0, np.nan], [1.0, np.inf], ["a"]):
        with pytest.raises(errors.InvalidEdgeVector):
            magnitude_cut(weights, 0.5)
    with pytest.raises(errors.UnknownName, match="one of exact, inclusive"):
        magnitude_cut(EIGHT, 0.5, cut="strict")


# the procedure --------------------------------------------------------------------------------------------------------


def test_a_round_on_eight_edges():
    """A learning rate of 0: what is pruned and what is rewound to are both the weights written here."""
    graph = BipartiteGraph.from_edges([0, 1, 2, 3] * 2, [0] * 4 + [1] * 4, n_in=4, n_out=2)
    model = SparseMLP(SparseNetwork([graph]), head=None, bias=False, rng=0)
    model.sparse_layers()[0].weight.data = torch.tensor(EIGHT)
    result = play(model, blobs(40, 4, 2), rounds=2, rates=0.25, lr=0.0)
    first, second, third = (ticket.network.layers[0] for ticket in result.tickets)
    assert first == graph
    # edges 1, 3, 4, 6 have gone; left are 0: (0, 0), 2: (2, 0), 5: (1, 1), 7: (3, 1)
    assert list(zip(second.sources, second.targets, strict=True)) == [(0, 0), (2, 0), (1, 1), (3, 1)]
    assert result.tickets[1].start_weights[0].tolist() == pytest.approx([0.9, 0.4, 0.8, 0.7])
    # of four, round(1.0) = 1: 0.4 and the cut-off 0.7 go
    assert list(zip(third.sources, third.targets, strict=True)) == [(0, 0), (1, 1)]
    assert result.tickets[2].start_weights[0].tolist() == pytest.approx([0.9, 0.8])
    assert model.network.n_edges == 8  # the model that was given is as it was


def adversarial_gradients(x, y, weights):
    there = oracle.attack(x, None, 0.2, 0.2, 1, weights)
    parts = [oracle.gradients(at, y, weights, smoothing=0.1)[0] for at in (x, there)]
    return [0.5 * clean + 0.5 * attacked for clean, attacked in zip(*parts, strict=True)]


def natural_gradients(x, y, weights):
    return oracle.gradients(x, y, weights, smoothing=0.1)[0]


OBJECTIVES = {
    "natural": (Natural(0.1), natural_gradients),
    "adversarial": (
        AdversarialTraining(0.2, 1, mix=0.5, labels="predicted", random_start=False, label_smoothing=0.1),
        adversarial_gradients,
    ),
}


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(
    ("rewind", "early_step"),
    [("init", None), ("early", 0), ("early", 2), ("early", 6), ("round0_final", None), ("random", None),
     ("continued", None)],
)  # fmt: skip
def test_every_rewind_equals_the_dense_oracle(rewind, early_step, objective):
    data, rates, epochs = blobs(), (0.2, 0.3, 0.1), 6
    ours, gradient = OBJECTIVES[objective]
    result = play(
        data=data, rates=rates, rewind=rewind, early_step=early_step, objective=ours, epochs=epochs, lr=0.02,
        batch_size=1000, validation=10, precision="float64", init="he_sparse",
    )  # fmt: skip

    def dense(ticket, weights):
        return [dense_of(g, np.asarray(w, float)) for g, w in zip(ticket.network.layers, weights, strict=True)]

    starts = [dense(ticket, ticket.start_weights) for ticket in result.tickets]
    x, y = data.x_train.astype(float), data.y_train
    played = oracle.lottery(
        starts[0], [mask_of(complete(a, b)) for a, b in pairwise(SIZES)],
        (x[10:], y[10:]), (x[:10], y[:10]), rounds=3, rates=rates, rewind=rewind, epochs=epochs, lr=0.02,
        early=early_step, starts=starts, loss=gradient,
    )  # fmt: skip
    for ticket, (masks, start, weights, best_epoch) in zip(result.tickets, played, strict=True):
        for k, graph in enumerate(ticket.network.layers):
            np.testing.assert_array_equal(mask_of(graph), masks[k])
        for found, expected in zip(starts[ticket.round], start, strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-9)
        for found, expected in zip(dense(ticket, ticket.weights), weights, strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-9)
        assert ticket.early_stop.epoch == best_epoch
    assert result.tickets[3].network.n_edges < result.tickets[0].network.n_edges / 1.5


def test_a_fresh_draw_is_another_one_each_round():
    result = play(rewind="random", rates=0.0)
    draws = [ticket.start_weights[0] for ticket in result.tickets]
    limit = np.sqrt(6 / (12 + 9))
    assert all(np.abs(w).max() < limit for w in draws)
    assert all(not np.array_equal(draws[a], draws[b]) for a in range(4) for b in range(a))


def test_a_model_with_biases_and_a_dense_head_is_rewound_whole():
    net = ns.generators.layered([12, 9, 7], density=0.6, rng=0)
    model = SparseMLP(net, n_classes=3, normalization=(0.4, 0.3), rng=1)
    with torch.no_grad():
        model.layers[0].bias.fill_(0.25)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for rewind in ("init", "random", "continued"):
        result = play(model, rates=(0.2, 0.5), rewind=rewind)
        first, last = result.tickets[0], result.tickets[-1]
        assert torch.equal(first.start["layers.0.bias"], before["layers.0.bias"])
        assert last.start["normalize.mean"].item() == pytest.approx(0.4)
        assert last.network.n_edges < net.n_edges / 1.5
        expected = {
            "init": first.start["layers.0.bias"],
            "random": torch.zeros(9),
            "continued": result.tickets[-2].last.state["layers.0.bias"],
        }[rewind]
        assert torch.equal(last.start["layers.0.bias"], expected)
        assert torch.equal(last.start["head.weight"], first.start["head.weight"]) is (rewind == "init")
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())


def test_the_table_says_what_the_models_do():
    data = blobs()
    attacks = {"fgsm": Attack(0.1, random_start=False), "pgd": Attack(0.1, steps=3, labels="predicted")}
    result = play(data=data, attacks=attacks, validation=15, epochs=4, lr=0.1)
    assert len(result.table) == 4 * 2 * 3 * 3
    splits = {
        "train": (data.x_train[15:], data.y_train[15:]),
        "validation": (data.x_train[:15], data.y_train[:15]),
        "test": (data.x_test, data.y_test),
    }
    for row in result.table.query("attack != 'pgd'").itertuples():
        model = result.model(row.round, row.moment)
        x, y = splits[row.split]
        if row.attack == "none":
            assert (row.loss, row.accuracy) == evaluate(model, x, y)
        else:
            assert (row.loss, row.accuracy) == evaluate_attacked(model, x, y, attacks["fgsm"], rng=0)
        assert (row.n_edges, row.density) == (model.network.n_edges, model.network.density)
        assert row.step == row.epoch * 3  # 45 images in batches of 16
    losses = result.history.query("split == 'validation'").set_index(["round", "epoch"])["loss"]
    stops = result.table.query("moment == 'early_stop' and split == 'validation' and attack == 'none'")
    for row in stops.itertuples():
        assert row.epoch == losses[row.round].idxmin()
        assert row.loss == pytest.approx(losses[row.round].min(), abs=1e-6)
    assert (result.table.query("moment == 'last'")["epoch"] == 4).all()
    assert result.summary().columns.tolist() == [
        "round", "n_edges", "density", "last", "last_fgsm", "last_pgd", "early_stop", "early_stop_fgsm",
        "early_stop_pgd",
    ]  # fmt: skip
    assert result.summary()["last"].tolist() == [
        evaluate(result.model(k), data.x_test, data.y_test)[1] for k in range(4)
    ]


def test_validation_images_come_from_either_end_or_nowhere():
    data = blobs()
    moved = first_to_the_end(data, 10)
    np.testing.assert_array_equal(moved.x_train, np.concatenate([data.x_train[10:], data.x_train[:10]]))
    np.testing.assert_array_equal(moved.y_train, np.concatenate([data.y_train[10:], data.y_train[:10]]))
    assert (moved.x_test is data.x_test) or np.array_equal(moved.x_test, data.x_test)
    at_start = play(data=data, validation=10, rounds=1)
    assert_same(at_start, play(data=moved, validation=10, validation_at="end", rounds=1))
    assert not at_start.table.equals(play(data=data, validation=10, validation_at="end", rounds=1).table)
    without = play(data=data, validation=0, rounds=1)
    assert set(without.table["split"]) == {"train", "test"}
    assert set(without.table["moment"]) == {"last"}
    assert without.tickets[1].early_stop is None
    with pytest.raises(errors.UnknownName, match="one of last, start"):
        without.model(0, "early_stop")


def test_the_same_seed_gives_the_same_and_nothing_else_is_drawn_from():
    objective = AdversarialTraining(0.1, 2, mix=0.5)  # with random starts
    torch.manual_seed(0)
    one = play(objective=objective, attacks=PUBLISHED_ATTACKS, rounds=1)
    state = torch.get_rng_state()
    torch.manual_seed(1)
    assert_same(one, play(objective=objective, attacks=PUBLISHED_ATTACKS, rounds=1))
    assert not one.table.equals(play(objective=objective, attacks=PUBLISHED_ATTACKS, rounds=1, rng=1).table)
    torch.manual_seed(0)
    assert torch.equal(torch.get_rng_state(), state)


def test_layers_may_run_out_of_edges():
    result = play(rounds=6, rates=0.6)
    assert result.layers["n_edges"].iloc[-1] == 0
    assert result.table["loss"].notna().all()


# on disk --------------------------------------------------------------------------------------------------------------


class Stop(Exception):
    pass


@pytest.mark.parametrize(
    "options",
    [
        {"rewind": "early", "early_step": 2, "objective": AdversarialTraining(0.1, 1, mix=0.5)},
        {"rewind": "random", "attacks": {"pgd": Attack(0.1, steps=2)}},
    ],
    ids=["early", "random"],
)
def test_a_lottery_that_was_cut_off_goes_on_bit_for_bit(tmp_path, options):
    whole = play(out=tmp_path / "whole", **options)
    assert_same(whole, play(**options))

    for n_whole in (0, 2):
        folder = tmp_path / f"cut-{n_whole}"

        def stop(ticket, last=n_whole):
            if ticket.round == last:
                raise Stop

        with pytest.raises(Stop):
            play(out=folder, callbacks=[stop], **options)
        assert len(read_tickets(folder).tickets) == n_whole + 1
        called = []
        resumed = play(out=folder, resume=True, callbacks=[lambda ticket: called.append(ticket.round)], **options)  # noqa: B023
        assert called == list(range(n_whole + 1, 4))
        assert_same(resumed, whole)
        for name in ("tickets.csv", "history.csv", "layers.csv", "initial.safetensors"):
            assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert_same(read_tickets(tmp_path / "whole"), whole)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "whole" / "tickets.csv"), whole.table)


def test_a_process_that_dies_within_a_round_loses_that_round_alone(tmp_path):
    class Dying(Natural):
        left = 0

        def __call__(self, model, x, y):
            type(self).left -= 1
            if not self.left:
                raise KeyboardInterrupt
            return super().__call__(model, x, y)

    def run(n_calls, **options):
        Dying.left = n_calls
        return play(objective=Dying(), **options)

    whole = run(-1)
    with pytest.raises(KeyboardInterrupt):
        run(2 * 2 * 3 + 4, out=tmp_path)  # in the third round: 2 epochs of 3 steps each
    assert [path.name for path in sorted(tmp_path.glob("round-*"))] == ["round-00", "round-01"]
    assert not list(tmp_path.glob(".*"))
    assert len(pd.read_csv(tmp_path / "layers.csv")) == 2 * 3
    assert_same(run(-1, out=tmp_path, resume=True), whole)


def test_more_rounds_go_on_from_those_there_are(tmp_path):
    whole = play(rounds=4)
    play(rounds=2, out=tmp_path)
    assert_same(play(rounds=4, out=tmp_path, resume=True), whole)
    assert len(play(rounds=1, out=tmp_path, resume=True).tickets) == 2


def test_a_damaged_round_is_played_again(tmp_path):
    whole = play(out=tmp_path)
    path = tmp_path / "round-02" / "tensors.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.warns(errors.CheckpointDamaged, match="round-02"):
        assert len(read_tickets(tmp_path).tickets) == 2
    with pytest.warns(errors.CheckpointDamaged, match="it is played again"):
        resumed = play(out=tmp_path, resume=True)
    assert_same(resumed, whole)
    assert_same(read_tickets(tmp_path), whole)


def test_folders_are_not_mixed_up(tmp_path):
    play(out=tmp_path / "a", rounds=1)
    with pytest.raises(errors.RunExists):
        play(out=tmp_path / "a", rounds=1)
    others = [
        {"rewind": "continued"}, {"rng": 1}, {"rates": 0.3}, {"epochs": 3}, {"data": blobs(seed=1)}, {"cut": "exact"},
        {"lr": 0.1}, {"objective": Natural(0.1)}, {"attacks": PUBLISHED_ATTACKS}, {"network": [12, 8, 3]},
        {"validation": 10}, {"precision": "float64"}, {"init": "he_sparse"},
    ]  # fmt: skip
    for other in others:
        with pytest.raises(errors.InvalidOption, match="as in the run to be resumed"):
            play(out=tmp_path / "a", resume=True, **{"rounds": 1, **other})
    with pytest.raises(errors.InvalidOption, match="resume"):
        play(resume=True)
    with pytest.raises(errors.FileAbsent, match="no rounds"):
        read_tickets(tmp_path)
    recorded = json.loads((tmp_path / "a" / "lottery.json").read_text())
    assert recorded["parameters"]["rewind"] == "init"
    assert recorded["software"]["netsparse"]


# bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"rounds": -1}, errors.InvalidOption, "rounds: given -1"),
        ({"rounds": 1.0}, errors.InvalidOption, "rounds: given 1.0"),
        ({"epochs": 0}, errors.InvalidOption, "epochs: given 0"),
        ({"batch_size": True}, errors.InvalidOption, "batch_size: given True"),
        ({"rates": (0.2, 0.1)}, errors.InvalidOption, "rates: given 2 of them"),
        ({"rates": 1.2}, errors.InvalidOption, "rates: given 1.2"),
        ({"rates": "0.2"}, errors.InvalidOption, "rates: given '0.2'"),
        ({"cut": "strict"}, errors.UnknownName, "cut"),
        ({"rewind": "late"}, errors.UnknownName, "rewind"),
        ({"rewind": "early"}, errors.InvalidOption, "early_step: given None"),
        ({"rewind": "early", "early_step": 9}, errors.InvalidOption, "of the 6 steps"),
        ({"early_step": 1}, errors.InvalidOption, "none with rewind='init'"),
        ({"init": "glorot"}, errors.UnknownName, "glorot_uniform"),
        ({"objective": "robust"}, errors.UnknownName, "objective"),
        ({"attacks": {"none": Attack(0.1)}}, errors.InvalidOption, "attacks"),
        ({"attacks": [Attack(0.1)]}, errors.InvalidOption, "attacks"),
        ({"attacks": {"pgd": 0.1}}, errors.InvalidOption, "attacks"),
        ({"validation_at": "middle"}, errors.UnknownName, "validation_at"),
        ({"network": [11, 3]}, errors.InvalidSize, "network inputs"),
        ({"network": [12, 2]}, errors.InvalidOption, "n_classes"),
        ({"network": 12}, errors.InvalidSize, "sizes"),
        ({"network": SparseMLP(SparseNetwork([complete(12, 3)]), head=None, rng=0), "bias": True},
         errors.InvalidOption, "options of a given model"),
        ({"rng": None}, errors.InvalidSeed, "rng"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_line(options, error, words, tmp_path):
    with pytest.raises(error, match=words):
        play(out=tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_a_lottery_under_torchrun_is_refused_in_one_line(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(errors.InvalidOption, match="given 2 processes, expected one, because"):
        play()


def test_rounds_that_there_are_not():
    result = play(rounds=0)
    with pytest.raises(errors.InvalidOption, match="round: given 1"):
        result.model(1)
    assert result.model(-1).network.n_edges == result.tickets[0].network.n_edges
    assert repr(result).startswith("LotteryResult(1 rounds")
    assert "<table" in result._repr_html_()


@pytest.mark.slow
def test_a_small_replica_on_digits():
    """Tickets rewound to their start train as well as the whole network where a fresh draw on them does not."""
    options = {"rounds": 8, "epochs": 15, "rates": (0.2, 0.2, 0.1), "objective": Natural(0.1), "progress": False}
    accuracies = {}
    for rewind in ("init", "random"):
        tables = [
            lottery_tickets([64, 100, 50, 10], "digits", rewind=rewind, rng=seed, **options).table for seed in range(2)
        ]
        table = pd.concat(tables).query("split == 'test' and moment == 'early_stop'")
        accuracies[rewind] = table.groupby("round")["accuracy"].mean()
    density = tables[0].groupby("round")["density"].first()
    assert density[8] == pytest.approx(0.8**8, abs=0.03)
    assert accuracies["init"][8] > accuracies["init"][0] - 0.02
    assert accuracies["init"][8] > accuracies["random"][8]
