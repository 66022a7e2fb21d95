"""The history of a wiring: equal to a replay of all changes with sets, by hand, through checkpoints, and cheap."""

import math
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netsparse as ns
from netsparse.graph import BipartiteGraph, EdgeDelta, apply
from netsparse.metrics import degree_gini, fan_in_statistics, fan_out_statistics, jaccard_distance
from netsparse.rewiring import SET, RewiringRule
from netsparse.train import fit, lineage
from netsparse.train.lineage import Lineage
from netsparse.train.topology import COLUMNS, Topology

STEPS = 5  # of an epoch of `train`


def network():
    return ns.generators.layered([64, 30, 20], density=0.2, rng=0)


def train(**options):
    usual = {"epochs": 4, "batch_size": 256, "lr": 0.1, "progress": False, "rng": 0}
    return fit(network(), "digits", **{**usual, **options})


class Replay:
    """Keeps every layer as a mapping from pair to the step of its birth, and what it was after every rewiring."""

    def __init__(self):
        self.layers, self.start, self.visited, self.events = None, None, None, []

    def on_train_begin(self, state):
        graphs = [layer.graph for layer in state.model.sparse_layers()]
        self.layers = [dict.fromkeys(pairs(graph), 0) for graph in graphs]
        self.start = [set(layer) for layer in self.layers]
        self.epoch = [set(layer) for layer in self.layers]
        self.visited = [set(layer) for layer in self.layers]
        self.events, self.measured = [], []

    def on_epoch_end(self, state):
        self.measured += [(state.epoch, state.step, k, dict(layer)) for k, layer in enumerate(self.layers)]

    def on_rewire(self, state, changes):
        for k, (graph, delta) in enumerate(changes):
            before, layer = pairs(graph), self.layers[k]
            assert list(layer) == before or set(layer) == set(before)
            removed = {before[i] for i in delta.removed.tolist()}
            added = list(zip(delta.added_sources.tolist(), delta.added_targets.tolist(), strict=True))
            for pair in removed:
                del layer[pair]
            for pair in added:
                assert pair not in layer
                layer[pair] = state.step
            self.visited[k] |= set(added)
            new = len(set(added) - removed)
            self.events.append(
                {"epoch": state.epoch, "step": state.step, "layer": k, "dropped": len(removed), "grown": len(added),
                 "new": new, "now": dict(layer), "visited": len(self.visited[k])}
            )  # fmt: skip

    def rows(self, sizes):
        """Return the table of a rule that has a row for every rewiring."""
        rows, found, epoch = [], None, {}
        for event in self.events:
            if event["epoch"] != found:
                found = event["epoch"]
                epoch = {k: set(self._before(k, found)) for k in range(len(self.start))}
            rows.append(self._row(event, epoch[event["layer"]], sizes))
        return rows

    def _before(self, layer, epoch):
        earlier = [e["now"] for e in self.events if e["layer"] == layer and e["epoch"] < epoch]
        return earlier[-1] if earlier else self.start[layer]

    def _row(self, event, epoch, sizes):
        k, now = event["layer"], event["now"]
        start, edges, (n_in, n_out) = self.start[k], set(event["now"]), sizes[k]
        ages = np.sort([event["step"] - born for born in now.values()])
        fan_in, fan_out = np.zeros(n_out), np.zeros(n_in)
        for source, target in edges:
            fan_in[target] += 1
            fan_out[source] += 1
        quantile = lambda tenths: ages[-(-tenths * len(ages) // 10) - 1]  # noqa: E731 - ceil(q n) of them at most so
        return {
            **{name: event[name] for name in ("epoch", "step", "layer", "dropped", "grown", "new")},
            "rewirings": 1,
            "edges": len(edges),
            "turnover": event["new"] / len(edges),
            "itop_rate": event["visited"] / (n_in * n_out),
            "kept_from_start": len(edges & start) / len(start),
            "distance_to_start": 1 - len(edges & start) / len(edges | start),
            "distance_to_last_epoch": 1 - len(edges & epoch) / len(edges | epoch),
            "age_mean": ages.mean(),
            "age_q10": quantile(1),
            "age_median": quantile(5),
            "age_q90": quantile(9),
            "age_max": ages[-1],
            **spread("fan_in", fan_in),
            **spread("fan_out", fan_out),
        }


def spread(name, degrees):
    gini = np.abs(degrees[:, None] - degrees).sum() / (2 * len(degrees) ** 2 * degrees.mean())
    return {f"{name}_max": degrees.max(), f"{name}_std": degrees.std(), f"{name}_gini": gini}


def pairs(graph):
    return list(zip(graph.sources.tolist(), graph.targets.tolist(), strict=True))


def assert_rows(table, rows):
    expected = pd.DataFrame(rows, columns=list(COLUMNS))
    pd.testing.assert_frame_equal(table, expected, check_dtype=False, rtol=1e-12, atol=1e-12)


@dataclass(frozen=True, repr=False)
class Shrinking(RewiringRule):
    """Drops as many as any rule, grows half of them."""

    keeps_count = False

    def shared(self, kept, n_grow, at, rng):
        return [n // 2 for n in n_grow]


RULES = {
    "SET": SET(),
    "every second epoch": SET(0.5, every_epochs=2),
    "many": SET(0.9),
    "survivors": SET(0.6, regrown="survivor"),
    "shrinking": Shrinking(0.3),
    "none dropped": SET(0.0),
    "every step": SET(0.05, every=1),
    "out of step with the epochs": SET(0.2, every=3),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_row_for_every_rewiring_is_what_a_replay_with_sets_finds(rule):
    replay = Replay()
    result = train(rewiring=rule, callbacks=[replay])
    sizes = [(layer.n_in, layer.n_out) for layer in network().layers]
    assert len(replay.events) >= 2
    assert_rows(result.topology, replay.rows(sizes))


def test_dense_layers_and_layers_without_edges():
    for graph in (BipartiteGraph.from_edges([], [], n_in=64, n_out=5), ns.generators.complete(64, 5)):
        table = fit(graph, "digits", rewiring=SET(), epochs=3, progress=False, rng=0).topology
        assert table["edges"].tolist() == [graph.n_edges] * 2
        assert table["new"].tolist() == [0, 0]
        assert table["itop_rate"].tolist() == [graph.density] * 2
        assert table["age_max"].isna().all() == (graph.n_edges == 0)
        assert table["turnover"].isna().all() == (graph.n_edges == 0)
        assert table["distance_to_start"].tolist() == [0.0, 0.0]


def test_by_hand():
    # a layer of 3 x 2 pairs with the edges (0,0) (1,0) (2,1), ids 0 1 2; an epoch has 5 steps
    graph = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 1], n_in=3, n_out=2)
    topology = Topology([graph], steps_per_epoch=5)
    # after step 5: (0,0) and (2,1) go, (2,0) and (2,1) come: (2,1) is regrown, not new
    delta = EdgeDelta([0, 2], [2, 2], [0, 1])
    second = apply(graph, delta)[0]
    topology.measure(1, 5)
    topology.add(1, 5, [(graph, delta, second, 1)])
    topology.close()
    # after step 10: (1,0) goes, (0,0), an edge of the start, comes back; edges (0,0) (2,0) (2,1)
    delta = EdgeDelta([0], [0], [0])
    third = apply(second, delta)[0]
    topology.measure(2, 10)
    topology.add(2, 10, [(second, delta, third, 1)])
    topology.close()
    topology.measure(3, 15)
    first, then = topology.frame().to_dict("records")
    assert (first["dropped"], first["grown"], first["new"], first["turnover"]) == (2, 2, 1, pytest.approx(1 / 3))
    assert first["itop_rate"] == pytest.approx(4 / 6)  # (2,0) beside the three of the start
    assert first["kept_from_start"] == pytest.approx(2 / 3)  # (1,0), and (2,1) though it is reborn
    assert first["distance_to_start"] == first["distance_to_last_epoch"] == pytest.approx(1 - 2 / 4)
    assert (first["age_mean"], first["age_median"], first["age_max"]) == (pytest.approx(5 / 3), 0, 5)
    assert (then["new"], then["itop_rate"]) == (1, pytest.approx(4 / 6))
    assert then["distance_to_start"] == pytest.approx(1 - 2 / 4)  # (0,0) and (2,1) of (0,0) (1,0) (2,1) (2,0)
    assert then["distance_to_last_epoch"] == pytest.approx(1 - 2 / 4)
    assert (then["age_q10"], then["age_median"], then["age_q90"]) == (0, 5, 5)  # of ages 0, 5, 5
    assert (then["fan_in_max"], then["fan_out_max"], then["fan_in_std"]) == (2, 2, pytest.approx(0.5))
    assert then["fan_in_gini"] == pytest.approx(1 / 6)  # |2 - 1| twice, over 2 * 2^2 * 1.5
    assert topology.degrees_frame().query("epoch == 3").to_dict("split")["data"] == [
        [3, 0, "in", 1, 1], [3, 0, "in", 2, 1], [3, 0, "out", 0, 1], [3, 0, "out", 1, 1], [3, 0, "out", 2, 1],
    ]  # fmt: skip
    # at the end of epoch 3: two edges of epoch 1, 10 to 14 steps old (they are 10), one of epoch 2, 5 to 9 (it is 5)
    assert topology.ages_frame().to_dict("split")["data"] == [
        [1, 0, 0, 5, 5, 3], [2, 0, 0, 10, 10, 1], [2, 0, 1, 5, 9, 2], [3, 0, 1, 10, 14, 2], [3, 0, 2, 5, 9, 1],
    ]  # fmt: skip


def test_where_a_rule_rewires_often_a_row_sums_up():
    options = {"rewiring": SET(0.05, every=1), "batch_size": 50, "epochs": 2}
    replay = Replay()
    result = train(**options, callbacks=[replay])
    table, single = result.topology, pd.DataFrame(replay.rows([(64, 30), (30, 20)]))
    per_epoch = 24  # 1151 images, 10 less than all are trained on in the last batch
    assert table.query("layer == 0")["rewirings"].tolist() == [3] * 8 + [3] * 7 + [2]
    assert len(single) == 2 * (2 * per_epoch - 1)
    for layer in (0, 1):
        rows, all_rows = table[table["layer"] == layer], single[single["layer"] == layer]
        ends = all_rows.set_index("step").loc[rows["step"]].reset_index()
        for name in set(COLUMNS) - {"rewirings", "dropped", "grown", "new", "turnover", "layer", "step"}:
            np.testing.assert_allclose(rows[name], ends[name], rtol=1e-12, atol=1e-12, err_msg=name)
        groups = np.searchsorted(rows["step"], all_rows["step"])
        for name in ("dropped", "grown", "new"):
            assert rows[name].tolist() == all_rows.groupby(groups)[name].sum().tolist()
        assert rows["turnover"].tolist() == (rows["new"] / rows["edges"]).tolist()
    sums = table.groupby("epoch")[["dropped", "grown"]].sum()
    trained = result.history.query("split == 'train'").set_index("epoch")
    assert sums["dropped"].tolist() == trained["edges_dropped"].tolist()
    assert sums["grown"].tolist() == trained["edges_grown"].tolist()


@pytest.mark.parametrize("rule", [SET(), SET(0.3, every=2)], ids=repr)
def test_distributions_are_those_of_the_wiring_that_was_measured(rule):
    replay = Replay()
    result = train(rewiring=rule, callbacks=[replay])
    assert result.degrees["epoch"].unique().tolist() == [0, 1, 2, 3, 4]
    assert result.ages["epoch"].unique().tolist() == [1, 2, 3, 4]
    for epoch, step, k, births in replay.measured:
        rows = result.ages[(result.ages["epoch"] == epoch) & (result.ages["layer"] == k)]
        found = {row.born: row.n_edges for row in rows.itertuples()}
        born = np.ceil(np.array(list(births.values())) / STEPS).astype(int)
        assert found == dict(zip(*map(np.ndarray.tolist, np.unique(born, return_counts=True)), strict=True))
        for row in rows.itertuples():
            ages = step - np.array([birth for birth in births.values() if math.ceil(birth / STEPS) == row.born])
            assert row.age_from <= ages.min() <= ages.max() <= row.age_to
    last = result.degrees.query("epoch == 4")
    for k, graph in enumerate(result.network.layers):
        for side, degrees in (("in", graph.fan_in), ("out", graph.fan_out)):
            rows = last[(last["layer"] == k) & (last["side"] == side)]
            assert np.repeat(rows["degree"], rows["n_units"]).tolist() == sorted(degrees.tolist())


def test_a_run_that_is_never_rewired_has_tables_without_rows(tmp_path):
    result = train(epochs=1, out=tmp_path)
    for table, other in ((result.topology, "turnover"), (result.degrees, "degree"), (result.ages, "born")):
        assert len(table) == 0
        assert other in table
    assert not (tmp_path / "topology.csv").exists()


def test_a_static_rule_keeps_what_is_constant():
    result = train(rewiring="static", epochs=2)
    assert len(result.topology) == 0
    first, last = (result.degrees.query(f"epoch == {epoch}").drop(columns="epoch") for epoch in (0, 2))
    assert first.to_numpy().tolist() == last.to_numpy().tolist()
    assert result.ages.to_numpy().tolist() == [
        [epoch, layer, 0, STEPS * epoch, STEPS * epoch, graph.n_edges]
        for epoch in (1, 2)
        for layer, graph in enumerate(network().layers)
    ]


def test_the_file_is_the_table(tmp_path):
    result = train(rewiring=SET(0.2, every=2), out=tmp_path)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "topology.csv"), result.topology, check_exact=True)
    assert result.topology["step"].dtype == np.int64


def test_words_are_those_of_the_metrics():
    result = train(rewiring=SET(), epochs=2)
    row = result.topology.query("layer == 0").iloc[0]
    start, now = result.initial.layers[0], result.network.layers[0]
    assert row["distance_to_start"] == pytest.approx(jaccard_distance(start, now))
    for side, statistics in (("in", fan_in_statistics(now)), ("out", fan_out_statistics(now))):
        assert row[f"fan_{side}_gini"] == pytest.approx(degree_gini(now, side=side))
        assert row[f"fan_{side}_max"] == statistics.max
        assert row[f"fan_{side}_std"] == pytest.approx(statistics.std)


def test_a_wiring_that_somebody_else_has_changed_is_noticed():
    class Meddling:
        def on_epoch_end(self, state):
            layer = state.model.sparse_layers()[0]
            free = np.flatnonzero(~layer.graph.has_edges(np.arange(64), np.zeros(64, dtype=int)))[:1]
            layer.rewire(*apply(layer.graph, EdgeDelta([0], free, [0])), state.optimizer)

    table = train(rewiring=SET(0.1), callbacks=[Meddling()], epochs=3).topology.query("layer == 0")
    assert table["dropped"].tolist() == [round(0.1 * network().layers[0].n_edges)] * 2  # what the rule did
    assert table["distance_to_start"].iloc[0] > 0


@st.composite
def histories(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_in, n_out = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    graph = BipartiteGraph.from_mask(rng.random((n_out, n_in)) < draw(st.sampled_from([0.0, 0.4, 1.0])))
    changes = []
    for step in range(1, draw(st.integers(1, 12))):
        n = int(rng.integers(graph.n_edges + 1))
        removed = np.sort(rng.choice(graph.n_edges, n, replace=False))
        free = np.setdiff1d(np.arange(n_in * n_out), np.delete(graph.targets * n_in + graph.sources, removed))
        added = rng.choice(free, int(rng.integers(len(free) + 1)), replace=False)
        delta = EdgeDelta(removed, added % n_in, added // n_in)
        after = apply(graph, delta)[0]
        changes.append((step, graph, delta, after, bool(rng.random() < 0.3), bool(rng.random() < 0.2)))
        graph = after
    return changes


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from([0, 4096]))
def test_births_and_visits_of_any_history(changes, few):
    if not changes:
        return
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lineage, "FEW", few)  # worked in at once, or when somebody asks
        start = changes[0][1]
        past = Lineage(start)
        births, visited, epoch = dict.fromkeys(pairs(start), 0), set(pairs(start)), set(pairs(start))
        for step, before, delta, after, is_asked, ends_epoch in changes:
            past.change(step, before, delta, after)
            ids = pairs(before)
            for i in delta.removed.tolist():
                del births[ids[i]]
            births |= dict.fromkeys(zip(delta.added_sources.tolist(), delta.added_targets.tolist(), strict=True), step)
            visited |= set(births)
            if is_asked:
                again = Lineage.of(start, after, past.arrays())  # through a checkpoint
                assert again.births.tolist() == [births[pair] for pair in pairs(after)]
                past = again
            if ends_epoch:
                past.begin_epoch()
                epoch = set(births)
        assert past.births.tolist() == [births[pair] for pair in pairs(after)]
        assert past.n_visited == len(visited)
        assert past.n_kept == len(set(births) & set(pairs(start)))
        shared, either = len(epoch & set(births)), len(epoch | set(births))
        assert past.distance_to_epoch == pytest.approx(1 - shared / either if either else 0.0)


def cost(n_edges, width, *, every, batch=128, rounds=3):
    """Return the seconds in which the reference network trains, and those of them that its history takes.

    Of this thread's work, not of the clock: others on the machine count for neither.
    """
    spent, rng = [0.0], np.random.default_rng(0)
    x = rng.random((469 * batch, 784), dtype=np.float32)
    data = ns.datasets.Dataset.from_arrays(x, np.arange(len(x)) % 10, x[:10], np.arange(10), n_classes=10)
    net = ns.generators.layered([784, width, width, width], n_edges=n_edges, rng=0)

    def timed(method):
        def call(*arguments, **options):
            start = time.thread_time()
            try:
                return method(*arguments, **options)
            finally:
                spent[0] += time.thread_time() - start

        return call

    least = []
    with pytest.MonkeyPatch.context() as patched:
        for name in ("add", "measure", "close", "csv"):
            patched.setattr(Topology, name, timed(getattr(Topology, name)))
        for _ in range(rounds):
            spent[0] = 0.0
            rule = SET(0.3) if every is None else SET(0.001, every=every)
            epochs = 3 if every is None else 1
            start = time.thread_time()
            fit(net, data, rewiring=rule, epochs=epochs, batch_size=batch, validation=0, progress=False, rng=0)
            least.append((time.thread_time() - start, spent[0]))
    return min(seconds for seconds, _ in least), min(history for _, history in least)


@pytest.mark.slow
@pytest.mark.parametrize("every", [None, 1])
@pytest.mark.parametrize(("n_edges", "width"), [(27_840, 1000), (1_000_000, 7000)])
def test_the_history_costs_less_than_two_percent_of_training(n_edges, width, every):
    training, history = cost(n_edges, width, every=every, rounds=3 if width == 1000 else 1)
    assert history < 0.02 * training, f"{history:.3f} s of {training:.3f} s"
