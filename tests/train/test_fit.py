"""fit: learns, rewires between epochs with exact counts, is reproducible to the byte, and stops in good order."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch

import netsparse as ns
from netsparse import errors
from netsparse.datasets import Dataset, load
from netsparse.train import Natural, Splits, by_layer, evaluate, fit, load_model


def blobs(n=400, n_features=16, n_classes=4, seed=0):
    """Four well separated clusters in [0, 1]."""
    rng = np.random.default_rng(seed)
    centres = rng.random((n_classes, n_features))
    y = rng.integers(n_classes, size=n)
    x = np.clip(centres[y] + rng.normal(0, 0.1, (n, n_features)), 0, 1).astype(np.float32)
    half = n // 2
    return Dataset.from_arrays(x[:half], y[:half], x[half:], y[half:], name="blobs", n_classes=n_classes)


def small(rng=0, density=0.3):
    return ns.generators.layered([16, 30, 20], density=density, rng=rng)


def train(data=None, network=None, **options):
    settings = {"epochs": 4, "batch_size": 32, "progress": False, "rng": 0, **options}
    return fit(network or small(), blobs() if data is None else data, **settings)


@pytest.mark.parametrize("rule", [None, ns.rewiring.SET(), "set", ns.rewiring.SET(drop="magnitude", newborn=0.1)])
@pytest.mark.parametrize(
    ("optimizer", "lr"),
    [("sgd", None), ("adam", 0.01), (lambda parameters: torch.optim.RMSprop(parameters, lr=0.003), None)],
    ids=["sgd", "adam", "own"],
)
def test_learns_with_any_rule_and_optimizer(rule, optimizer, lr):
    result = train(rewiring=rule, optimizer=optimizer, lr=lr, epochs=20)
    assert result.test_accuracy > 0.9
    assert result.network.n_edges == small().n_edges


def test_digits_at_99_percent_sparsity():
    net = ns.generators.layered([64, 1000, 1000, 1000], density=0.01, rng=0)
    result = fit(net, "digits", rewiring=ns.rewiring.SET(), epochs=30, progress=False, rng=0)
    assert net.sparsity == pytest.approx(0.99)
    assert result.test_accuracy >= 0.95


def test_history_is_one_row_per_epoch_and_split():
    result = train(rewiring=ns.rewiring.SET(), epochs=3)
    history = result.history
    assert history.columns[:7].tolist() == [
        "epoch", "split", "loss", "accuracy", "edges_dropped", "edges_grown", "turnover",
    ]  # fmt: skip
    assert list(zip(history["epoch"], history["split"], strict=True)) == [
        (epoch, split) for epoch in (1, 2, 3) for split in ("train", "validation", "test")
    ]
    curve = history.pivot(index="epoch", columns="split", values="accuracy")
    assert curve.notna().all().all()
    assert result.timing.columns.tolist() == ["epoch", "train_seconds", "evaluate_seconds", "rewire_seconds"]


def test_rewiring_is_between_epochs_and_never_after_the_last():
    seen = []
    net = small()
    result = train(
        network=net, rewiring=ns.rewiring.SET(), epochs=3, callbacks=[lambda state: seen.append(state.model.network)]
    )
    rows = result.history.query("split == 'train'")
    expected = sum(round(0.3 * layer.n_edges) for layer in net.layers)
    assert rows["edges_dropped"].tolist()[:2] == [expected, expected]
    assert rows["edges_grown"].tolist()[:2] == [expected, expected]
    assert pd.isna(rows["edges_dropped"].iloc[2])
    assert seen[0] == net  # measured in epoch 1 before the first change
    assert seen[0] != seen[1] != seen[2]
    assert seen[2] == result.network == result.model.network
    fresh = ns.diff(seen[0].layers[0], seen[1].layers[0]).n_added / net.layers[0].n_edges
    assert rows["layer0_turnover"].iloc[0] == pytest.approx(fresh)
    assert fresh < 0.3  # a dropped edge grown again at once is no turnover


def test_per_layer_metrics_in_long_form():
    result = train(rewiring=ns.rewiring.SET(), epochs=2)
    table = by_layer(result.history)
    assert set(table["metric"]) == {"active_inputs", "active_outputs", "giant_component", "turnover"}
    first = table.query("epoch == 1 and layer == 1 and metric == 'active_outputs'")["value"].item()
    assert first == np.mean(result.initial.layers[1].fan_in > 0)


def test_static_training_keeps_the_wiring():
    net = small()
    result = train(network=net)
    assert result.network == net
    assert result.history["edges_dropped"].isna().all()


def test_validation_is_the_end_of_the_training_images_and_never_the_test_set():
    data = blobs()
    splits = Splits.of(data, None, torch.device("cpu"))
    assert len(splits.x_validation) == 40
    np.testing.assert_array_equal(splits.x_validation.numpy(), data.x_train[-40:])
    np.testing.assert_array_equal(splits.x_train.numpy(), data.x_train[:-40])
    assert len(Splits.of(data, 0, torch.device("cpu")).x_train) == 200
    assert splits.moments() == pytest.approx((data.x_train[:-40].mean(), data.x_train[:-40].std(ddof=1)), rel=1e-5)


def test_best_is_chosen_by_validation_and_carries_its_own_topology(tmp_path):
    result = train(rewiring=ns.rewiring.SET(), epochs=6, lr=0.5, out=tmp_path / "run")
    validation = result.history.query("split == 'validation'").set_index("epoch")["accuracy"]
    test = result.history.query("split == 'test'").set_index("epoch")["accuracy"]
    assert result.best.epoch == validation.idxmax()
    assert result.best.test_accuracy == test[result.best.epoch]
    assert result.last.epoch == 6
    best = load_model(tmp_path / "run" / "best.safetensors")
    assert best.network == result.best.network
    x, y = torch.from_numpy(blobs().x_test.copy()), torch.from_numpy(blobs().y_test.copy())
    assert evaluate(best, x, y)[1] == result.best.test_accuracy


def test_without_validation_best_is_last(tmp_path):
    result = train(validation=0, out=tmp_path / "run")
    assert result.best is result.last
    assert not (tmp_path / "run" / "best.safetensors").exists()
    assert math.isnan(result.best.validation_accuracy)
    assert set(result.history["split"]) == {"train", "test"}


def test_same_seed_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(rewiring=ns.rewiring.SET(), out=tmp_path / name, rng=seed)
    for file in ("history.csv", "model.safetensors", "best.safetensors"):
        first = (tmp_path / "a" / file).read_bytes()
        assert first == (tmp_path / "b" / file).read_bytes()
        assert first != (tmp_path / "c" / file).read_bytes()


def test_callbacks_and_progress_bar_change_nothing(capsys):
    rows = []
    loud = train(progress=True, callbacks=[lambda state: rows.append((state.epoch, state.row["test"]))])
    pd.testing.assert_frame_equal(loud.history, train().history)
    assert [epoch for epoch, _ in rows] == [1, 2, 3, 4]
    assert "blobs" in capsys.readouterr().err


def test_trains_a_given_model_in_place_and_a_single_graph():
    model = ns.nn.SparseMLP(small(), n_classes=4, rng=0)
    assert train(network=model).model is model
    graph = ns.generators.erdos_renyi(16, 30, density=0.3, rng=0)
    assert train(network=graph).network.layers == (graph,)
    headless = ns.nn.SparseMLP(ns.generators.layered([16, 30, 4], density=0.5, rng=0), head=None, rng=0)
    assert train(network=headless, epochs=15, rewiring="set").test_accuracy > 0.9


def test_network_without_edges_trains_and_guesses():
    empty = ns.SparseNetwork([ns.BipartiteGraph.from_edges([], [], n_in=16, n_out=5)])
    result = train(network=empty, rewiring=ns.rewiring.SET())
    assert result.network.n_edges == 0
    assert 0 <= result.test_accuracy <= 0.6


def test_linear_schedule_reaches_zero_and_label_smoothing_counts():
    data = blobs()
    constant = train(data, lr_schedule="constant", epochs=2)
    linear = train(data, lr_schedule="linear", epochs=2)
    assert constant.history["loss"].tolist() != linear.history["loss"].tolist()
    smooth = train(data, objective=Natural(label_smoothing=0.2), epochs=2)
    assert smooth.history["loss"].iloc[0] > linear.history["loss"].iloc[0]


def test_diverged_training_stops_and_keeps_the_last_good_epoch(tmp_path):
    good = []

    def poison(state):
        good.append(state.model.state_dict()["layers.0.weight"].clone())
        if state.epoch == 2:
            with torch.no_grad():
                state.model.sparse_layers()[0].weight.fill_(float("nan"))

    with pytest.raises(errors.TrainingDiverged, match=r"epoch 3 .*epoch 2 was the last good one.*lr") as caught:
        train(callbacks=[poison], out=tmp_path / "run")
    assert "\n" not in str(caught.value)
    kept = load_model(tmp_path / "run" / "model.safetensors")
    assert torch.equal(kept.sparse_layers()[0].weight, good[1])
    assert pd.read_csv(tmp_path / "run" / "history.csv")["epoch"].max() == 2


def test_absurd_learning_rate_diverges_for_real():
    with pytest.raises(errors.TrainingDiverged, match="no good epoch yet"):
        train(lr=1e30, epochs=3)


def test_a_folder_that_holds_a_run_is_refused_and_left_alone(tmp_path):
    train(out=tmp_path / "run", epochs=1)
    before = (tmp_path / "run" / "history.csv").read_bytes()
    with pytest.raises(errors.RunExists, match="run"):
        train(out=tmp_path / "run", epochs=2)
    assert (tmp_path / "run" / "history.csv").read_bytes() == before


def test_result_shows_itself():
    result = train(epochs=1)
    assert "best on validation" in result._repr_html_()
    assert len(repr(result)) < 400
    assert f"test {result.test_accuracy:.4f}" in repr(result)
    assert result.summary()["n_edges"].tolist() == [small().n_edges] * 2


def test_evaluate_in_chunks_equals_in_one():
    data = load("digits")
    model = ns.nn.SparseMLP(ns.generators.layered([64, 50], density=0.2, rng=0), n_classes=10, rng=0)
    x, y = torch.from_numpy(data.x_test.copy()), torch.from_numpy(data.y_test.copy())
    assert evaluate(model, x, y, batch_size=7) == pytest.approx(evaluate(model, x, y))
    assert all(math.isnan(value) for value in evaluate(model, x[:0], y[:0]))


def test_wide_models_are_evaluated_in_smaller_batches():
    seen = []

    class Seen(ns.nn.SparseMLP):
        def forward(self, x):
            seen.append(len(x))
            return super().forward(x)

    for width in (2_000, 100_000):
        model = Seen(ns.generators.layered([4, width, 10], n_edges=200, rng=0), n_classes=10, rng=0)
        evaluate(model, torch.rand(600, 4), torch.zeros(600, dtype=torch.int64))
        assert max(seen) * (width + 10) * 4 <= 2**27
        assert max(seen) == 512 or (max(seen) + 1) * (width + 10) * 4 > 2**27
        assert sum(seen) == 600
        seen.clear()


BAD = [
    ({"epochs": 0}, errors.InvalidOption, "epochs=10"),
    ({"epochs": 1.5}, errors.InvalidOption, "1.5"),
    ({"batch_size": 0}, errors.InvalidOption, "batch_size=10"),
    ({"optimizer": "sgdd"}, errors.UnknownName, "adam, sgd"),
    ({"lr": -1.0}, errors.InvalidOption, "lr=0.1"),
    ({"lr": math.nan}, errors.InvalidOption, "nan"),
    ({"weight_decay": -1.0}, errors.InvalidOption, "weight_decay"),
    ({"lr_schedule": "cosin"}, errors.UnknownName, "constant, cosine, .*linear"),
    ({"objective": "adversary"}, errors.UnknownName, "natural"),
    ({"rewiring": "rigll"}, errors.UnknownName, "set"),
    ({"validation": 200}, errors.InvalidOption, "0 to 199"),
    ({"validation": -1}, errors.InvalidOption, "-1"),
    ({"rng": None}, errors.InvalidSeed, "rng=0"),
    ({"network": ns.generators.layered([17, 5], density=0.5, rng=0)}, errors.InvalidSize, "17 units"),
    ({"data": "mnits"}, errors.UnknownName, "mnist"),
    ({"device": "gpu"}, errors.InvalidOption, "device='cpu'"),
    ({"objective": Natural}, errors.InvalidOption, r"try Natural\(\)"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(options, error, message):
    with pytest.raises(error, match=message) as caught:
        train(**options)
    assert "\n" not in str(caught.value)


def test_label_smoothing_is_checked():
    with pytest.raises(errors.InvalidOption, match="label_smoothing"):
        Natural(label_smoothing=1.0)


def test_history_survives_json_and_csv(tmp_path):
    result = train(rewiring=ns.rewiring.SET(), out=tmp_path / "run")
    back = pd.read_csv(tmp_path / "run" / "history.csv", dtype={"edges_dropped": "Int64", "edges_grown": "Int64"})
    pd.testing.assert_frame_equal(back, result.history, check_exact=True, check_dtype=False)
    assert json.loads(result.history.to_json(orient="records"))[0]["epoch"] == 1
