"""A stateful machine that rewires at random, with a dense matrix of weights and a set of pairs beside it."""

import pickle

import numpy as np
import oracles
import zoo
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from netsparse import BipartiteGraph, EdgeDelta, apply, carry, diff
from netsparse.graph import free_pairs, subgraph

NEWBORN = st.floats(-2, 2)


class Rewiring(RuleBasedStateMachine):
    """The library's graph and edge vector, and the model: `dense` (NaN where there is no edge) and `pairs`."""

    @initialize(graph=zoo.graphs(max_units=6), data=st.data())
    def begin(self, graph, data):
        values = data.draw(st.lists(NEWBORN, min_size=graph.n_edges, max_size=graph.n_edges))
        self.graph = graph
        self.weights = np.array(values, dtype=float)
        self.dense = oracles.dense_of(graph, self.weights, hole=np.nan)
        self.pairs = oracles.pairs_of(graph)
        self.earlier = [(graph, graph.indptr.copy(), graph.indices.copy())]

    def change(self, delta):
        """Apply `delta` to both worlds; the model does it edge by edge."""
        gone = [(int(self.graph.sources[e]), int(self.graph.targets[e])) for e in delta.removed]
        born = list(zip(delta.added_sources.tolist(), delta.added_targets.tolist(), strict=True))
        fresh = np.zeros(len(born)) if delta.values is None else delta.values
        self.graph, edge_map = apply(self.graph, delta)
        self.weights = carry(self.weights, edge_map, fill=fresh)
        for source, target in gone:
            self.pairs.remove((source, target))
            self.dense[target, source] = np.nan
        for (source, target), value in zip(born, fresh, strict=True):
            assert (source, target) not in self.pairs
            self.pairs.add((source, target))
            self.dense[target, source] = value
        self.remember()

    def remember(self):
        self.earlier.append((self.graph, self.graph.indptr.copy(), self.graph.indices.copy()))

    @rule(data=st.data())
    def rewire(self, data):
        delta = data.draw(zoo.deltas(self.graph))
        values = data.draw(st.lists(NEWBORN, min_size=delta.n_added, max_size=delta.n_added))
        self.change(EdgeDelta(delta.removed, delta.added_sources, delta.added_targets, values))

    @precondition(lambda self: self.graph.n_edges > 0)
    @rule(fraction=st.floats(0, 1), seed=st.integers(0, 2**16))
    def drop_the_smallest_and_grow_at_random(self, fraction, seed):
        n_free = self.graph.n_in * self.graph.n_out - self.graph.n_edges
        n_moved = min(int(fraction * self.graph.n_edges), n_free)
        smallest = np.argsort(np.abs(self.weights), kind="stable")[:n_moved]
        n_before = self.graph.n_edges
        self.change(EdgeDelta(smallest, *free_pairs(self.graph, n_moved, rng=seed)))
        assert self.graph.n_edges == n_before

    @rule(data=st.data())
    def keep_a_part(self, data):
        n_edges = self.graph.n_edges
        alive = np.array(data.draw(st.lists(st.booleans(), min_size=n_edges, max_size=n_edges)), dtype=bool)
        for edge in np.flatnonzero(~alive):
            source, target = int(self.graph.sources[edge]), int(self.graph.targets[edge])
            self.pairs.remove((source, target))
            self.dense[target, source] = np.nan
        self.graph, edge_map = subgraph(self.graph, alive)
        self.weights = carry(self.weights, edge_map)
        self.remember()

    @rule(data=st.data())
    def go_back(self, data):
        goal = data.draw(st.sampled_from(self.earlier))[0]
        if goal.sizes != self.graph.sizes:
            goal = goal.reverse()[0]
        if goal.sizes == self.graph.sizes:
            self.change(diff(self.graph, goal))
            assert self.graph == goal

    @rule(data=st.data())
    def there_and_back_again(self, data):
        delta, start = data.draw(zoo.deltas(self.graph)), self.graph
        inverse = delta.inverse(start)
        lost = self.weights[delta.removed]
        self.change(delta)
        self.change(EdgeDelta(inverse.removed, inverse.added_sources, inverse.added_targets, lost))
        assert self.graph == start

    @rule()
    def turn_around(self):
        self.graph, edge_ids = self.graph.reverse()
        self.weights = self.weights[edge_ids]
        self.dense = self.dense.T.copy()
        self.pairs = {(target, source) for source, target in self.pairs}
        self.remember()

    @rule()
    def ask_for_the_index(self):
        _ = self.graph.by_source, self.graph.targets  # the changes that follow carry both along

    @rule()
    def travel_to_a_worker(self):
        self.graph = pickle.loads(pickle.dumps(self.graph))
        assert not self.graph.indices.flags.writeable

    @invariant()
    def the_pairs_agree(self):
        assert oracles.pairs_of(self.graph) == self.pairs
        assert self.graph.n_edges == len(self.pairs)

    @invariant()
    def the_weights_agree(self):
        np.testing.assert_array_equal(oracles.dense_of(self.graph, self.weights, hole=np.nan), self.dense)
        np.testing.assert_array_equal(self.graph.weight_matrix(self.weights).toarray(), np.nan_to_num(self.dense))

    @invariant()
    def the_arrays_are_canonical_and_read_only(self):
        graph = self.graph
        assert BipartiteGraph(graph.n_in, graph.n_out, graph.indptr, graph.indices) == graph
        assert not graph.indptr.flags.writeable
        assert not graph.indices.flags.writeable

    @invariant()
    def the_degrees_agree(self):
        present = ~np.isnan(self.dense)
        assert (self.graph.fan_in == present.sum(axis=1)).all()
        assert (self.graph.fan_out == present.sum(axis=0)).all()

    @invariant()
    def the_index_that_was_carried_agrees(self):
        known, graph = self.graph.cached(), self.graph
        targets = np.repeat(np.arange(graph.n_out), np.diff(graph.indptr))
        order = np.lexsort((targets, graph.sources))
        if "by_source" in known:
            indptr, edge_ids = graph.by_source
            np.testing.assert_array_equal(edge_ids, order)
            np.testing.assert_array_equal(np.diff(indptr), (~np.isnan(self.dense)).sum(axis=0))
            np.testing.assert_array_equal(graph.targets_by_source, targets[order])
        if "targets" in known:
            np.testing.assert_array_equal(graph.targets, targets)

    @invariant()
    def the_past_has_not_changed(self):
        for graph, indptr, indices in self.earlier:
            assert (graph.indptr == indptr).all()
            assert (graph.indices == indices).all()


TestRewiring = Rewiring.TestCase
TestRewiring.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)
