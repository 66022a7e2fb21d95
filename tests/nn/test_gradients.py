"""Gradients of any pair equal those of a dense layer; the largest free ones are found exactly, in bounded memory."""

import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
import torch
import zoo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import netsparse as ns
from netsparse import errors
from netsparse.graph import free_pairs
from netsparse.nn import PairGradients, SparseLinear, SparseMLP, gradients, recorded_gradients
from netsparse.rewiring import RewiringRule

MONKEYPATCHED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def dense_gradients(model, batches):
    """The oracle: every layer of the model as a full matrix, zero where no edge is, differentiated by autograd."""
    layers = model.sparse_layers() if isinstance(model, SparseMLP) else [model]
    matrices = [layer.sparse_weight().to_dense().requires_grad_() for layer in layers]
    for x in batches:
        for layer, matrix in zip(layers, matrices, strict=True):
            x = torch.nn.functional.linear(x, matrix, layer.bias)
            x = x if layer.slope is None else torch.nn.functional.leaky_relu(x, layer.slope)
        if getattr(model, "head", None) is not None:
            x = model.head(x)
        torch.sin(x).sum().backward()
    return [matrix.grad.numpy() for matrix in matrices]


def recorded(model, batches, reduce=None):
    with recorded_gradients(model, reduce) as grads:
        for x in batches:
            torch.sin(model(x)).sum().backward()
    return grads


def batches_of(n_in, sizes=(5, 1, 3)):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(size, n_in, dtype=torch.float64, generator=generator) for size in sizes]


def all_pairs(graph):
    targets, sources = np.divmod(np.arange(graph.n_in * graph.n_out), graph.n_in)
    return sources, targets


def check_against_dense(graph, grads, dense):
    np.testing.assert_allclose(grads.at_pairs(*all_pairs(graph)), dense.ravel(), atol=1e-12)
    np.testing.assert_allclose(grads.rows(np.arange(graph.n_out)), dense, atol=1e-12)
    np.testing.assert_allclose(grads.at_edges(), dense[graph.targets, graph.sources], atol=1e-12)


def top_of(matrix, graph, n):
    """Free pairs sorted by |value|, largest first, ties by key; the first n, in canonical order."""
    free = ~graph.weight_matrix().astype(bool).toarray().ravel()
    keys = sorted(np.flatnonzero(free).tolist(), key=lambda key: (-abs(matrix.ravel()[key]), key))[:n]
    return sorted(keys)


def keys_of(pairs, graph):
    return (pairs[1] * graph.n_in + pairs[0]).tolist()


def whole_numbers(graph, batch, rng, largest=2):
    """Inputs and gradients whose products are exact, with many ties."""
    sizes = (graph.n_in, batch), (graph.n_out, batch)
    return tuple(torch.from_numpy(rng.integers(-largest, largest + 1, size).astype(np.float64)) for size in sizes)


@pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
def test_every_pair_of_a_layer_equals_the_dense_layer(graph):
    layer = SparseLinear(graph, activation="relu", rng=0).double()
    torch.nn.init.normal_(layer.bias, generator=torch.Generator().manual_seed(0))
    batches = batches_of(graph.n_in, sizes=(5, 1, 0))
    (grads,) = recorded(layer, batches)
    check_against_dense(graph, grads, dense_gradients(layer, batches)[0])
    np.testing.assert_allclose(grads.at_edges(), layer.weight.grad.numpy(), atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(zoo.networks(), st.sampled_from([None, "dense"]), st.lists(st.integers(0, 4), min_size=1, max_size=3))
def test_every_pair_of_every_layer_of_a_model(network, head, sizes):
    model = SparseMLP(network, 3 if head else None, head=head, activation="all_relu", rng=0).double()
    batches = batches_of(network.sizes[0], sizes)
    for layer, grads, dense in zip(
        model.sparse_layers(), recorded(model, batches), dense_gradients(model, batches), strict=True
    ):
        check_against_dense(layer.graph, grads, dense)


@MONKEYPATCHED
@given(zoo.graphs(), st.integers(0, 3), st.integers(0, 10**6), st.data())
def test_the_top_pairs_are_exact_with_ties_for_any_tiles_and_first_guess(monkeypatch, graph, batch, seed, data):
    monkeypatch.setattr(gradients, "TILE", data.draw(st.sampled_from([(1, 1), (2, 3), (3, 2), (128, 4096)])))
    guess = data.draw(st.sampled_from([0.0, 1.0, 2.0, 4.0, 100.0]))  # the truth, too low or too high: all the same
    monkeypatch.setattr(PairGradients, "_likely_threshold", lambda self, n: guess)
    n = data.draw(st.integers(0, graph.n_in * graph.n_out - graph.n_edges))
    rng = np.random.default_rng(seed)
    calls = [whole_numbers(graph, batch, rng), whole_numbers(graph, 1, rng)]
    expected = top_of(sum(g.numpy() @ x.numpy().T for x, g in calls), graph, n)
    assert keys_of(PairGradients(graph, calls).top_free_pairs(graph, n), graph) == expected
    summed = PairGradients(graph, calls, reduce=lambda values: values)
    for memory in (0, 100, 10**9):
        assert keys_of(summed.top_free_pairs(graph, n, memory=memory), graph) == expected


@pytest.mark.parametrize("n", [0, 1, 500, 60_000, 749_000])
def test_the_top_pairs_of_several_tiles_do_not_depend_on_memory(n):
    graph = ns.generators.erdos_renyi(5000, 150, n_edges=700, rng=0)
    torch.manual_seed(0)
    calls = [(torch.randn(5000, 6).relu(), torch.randn(150, 6)) for _ in range(2)]
    exact = PairGradients(graph, calls)
    found = exact.top_free_pairs(graph, n)
    size = np.abs(exact.rows(np.arange(150)).astype(np.float64))
    size[graph.targets, graph.sources] = -1.0
    chosen, others = size[found[1], found[0]], np.delete(size.ravel(), keys_of(found, graph))
    assert len(chosen) == n
    assert not graph.has_edges(*found).any()
    assert n == 0 or chosen.min() >= others.max() * (1 - 1e-5)  # the oracle's product has another shape
    for memory in (0, 5 * 2**20, 2**30):
        again = PairGradients(graph, calls, reduce=lambda v: v).top_free_pairs(graph, n, memory=memory)
        np.testing.assert_array_equal(again, found)


def test_the_first_guess_lets_little_more_than_the_best_pass():
    graph = ns.generators.erdos_renyi(2000, 2000, n_edges=4000, rng=0)
    torch.manual_seed(0)
    grads = PairGradients(graph, [(torch.randn(2000, 6), torch.randn(2000, 6))])
    guess = grads._likely_threshold(20_000)
    passing = int((np.abs(grads.rows(np.arange(2000))) >= guess).sum())
    assert 20_000 <= passing < 50_000


def test_all_gradients_zero_is_the_first_pairs():
    graph = ns.generators.erdos_renyi(3000, 300, n_edges=900, rng=0)
    grads = PairGradients(graph, [(torch.zeros(3000, 2), torch.ones(300, 2))])
    assert keys_of(grads.top_free_pairs(graph, 5000), graph) == top_of(np.zeros((300, 3000)), graph, 5000)


def test_single_pairs_come_in_chunks(monkeypatch):
    graph = zoo.GRAPHS["sparse random"]
    x, g = whole_numbers(graph, 5, np.random.default_rng(0))
    monkeypatch.setattr(gradients, "CHUNK", 17)
    sources, targets = all_pairs(graph)
    found = PairGradients(graph, [(x, g)]).at_pairs(sources[::-1], targets[::-1])
    np.testing.assert_array_equal(found[::-1], (g @ x.t()).flatten().numpy())
    sources.flags.writeable = targets.flags.writeable = False
    np.testing.assert_array_equal(PairGradients(graph, [(x, g)]).at_pairs(sources, targets), found[::-1])
    np.testing.assert_array_equal(
        PairGradients(graph, [(x, g)]).rows(targets[:3:-1]), (g @ x.t())[targets[:3:-1].copy()]
    )


def test_the_sampled_pairs_are_the_best_of_their_candidates():
    graph = ns.generators.erdos_renyi(60, 50, density=0.1, rng=0)
    x, g = whole_numbers(graph, 4, np.random.default_rng(1))
    grads, matrix = PairGradients(graph, [(x, g)]), (g @ x.t()).numpy()
    sources, targets = free_pairs(graph, 300, rng=7)
    candidates = set((targets * 60 + sources).tolist())
    others = ns.BipartiteGraph.from_sorted_keys(
        np.array([key for key in range(3000) if key not in candidates]), n_in=60, n_out=50
    )
    found = grads.sampled_top_free_pairs(graph, 40, 300, rng=7)
    assert keys_of(found, graph) == top_of(matrix, others, 40)
    every = grads.sampled_top_free_pairs(graph, 40, 10**6, rng=7)
    np.testing.assert_array_equal(every, grads.top_free_pairs(graph, 40))
    assert len(grads.sampled_top_free_pairs(graph, 0, 0, rng=7)[0]) == 0


def test_in_inference_mode_where_torch_does_not_count_changes():
    graph = zoo.GRAPHS["sparse random"]
    matrix = np.random.default_rng(0).normal(size=(graph.n_out, graph.n_in))
    with torch.inference_mode():
        found = PairGradients.from_dense(graph, matrix)
    np.testing.assert_allclose(found.at_edges(), matrix[graph.targets, graph.sources])


def test_a_dense_matrix_by_hand():
    graph = zoo.GRAPHS["path"]
    matrix = np.arange(16.0).reshape(4, 4) - 7
    grads = PairGradients.from_dense(graph, matrix)
    check_against_dense(graph, grads, matrix)
    assert keys_of(grads.top_free_pairs(graph, 5), graph) == top_of(matrix, graph, 5)


class Meeting:
    """Two threads in the place of two processes: a sum that both wait for."""

    def __init__(self):
        self.barrier, self.parts = threading.Barrier(2, timeout=30), {}

    def member(self, rank):
        def reduce(values):
            self.parts[rank] = values.clone()
            self.barrier.wait()
            total = self.parts[0] + self.parts[1]
            self.barrier.wait()
            return values.copy_(total)

        return reduce


@pytest.mark.parametrize("own", [4, 0, None], ids=["half each", "one with an empty batch", "one with no pass at all"])
def test_two_processes_answer_as_one_with_the_whole_batch(own):
    graph = ns.generators.erdos_renyi(300, 40, density=0.05, rng=0)
    x, g = whole_numbers(graph, 9, np.random.default_rng(2))
    meeting, answers = Meeting(), {}

    def work(rank):
        layer = SparseLinear(graph, rng=0).double()
        with recorded_gradients(layer, meeting.member(rank)) as (grads,):
            mine = slice(own or 0) if rank == 0 else slice(own or 0, None)
            if rank == 1 or own is not None:
                layer(x.t()[mine]).backward(g.t()[mine])
        pairs = grads.top_free_pairs(graph, 100, memory=0)
        answers[rank] = [*pairs, grads.at_edges(), grads.at_pairs(*pairs), grads.rows([3, 1])]

    threads = [threading.Thread(target=work, args=(rank,)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = PairGradients(graph, [(x, g)])
    pairs = alone.top_free_pairs(graph, 100)
    for rank in (0, 1):
        for found, expected in zip(
            answers[rank], [*pairs, alone.at_edges(), alone.at_pairs(*pairs), alone.rows([3, 1])], strict=True
        ):
            np.testing.assert_array_equal(found, expected)


def test_a_layer_called_twice_in_one_pass():
    layer = SparseLinear(zoo.GRAPHS["cycle"], activation=0.5, rng=0).double()
    (x,) = batches_of(5, sizes=(4,))
    (grads,) = recorded(torch.nn.Sequential(layer, torch.nn.Tanh(), layer), [x])
    matrix = layer.sparse_weight().to_dense().requires_grad_()

    def dense(x):
        return torch.nn.functional.leaky_relu(torch.nn.functional.linear(x, matrix, layer.bias), 0.5)

    torch.sin(dense(torch.tanh(dense(x)))).sum().backward()
    check_against_dense(layer.graph, grads, matrix.grad.numpy())


def test_only_what_happens_inside_the_block_is_recorded():
    layer = SparseLinear(zoo.GRAPHS["cycle"], rng=0)
    seen = []
    layer.watch = lambda x, g: seen.append(x)
    before = layer.watch
    loss = layer(torch.ones(2, 5)).sum()
    with pytest.raises(ZeroDivisionError), recorded_gradients(layer) as (grads,):  # noqa: PT012 - the block is meant
        loss.backward()
        late = layer(torch.ones(2, 5)).sum()
        late.backward(retain_graph=True)
        raise ZeroDivisionError
    assert layer.watch is before
    found = grads.at_edges()
    late.backward()
    layer(torch.ones(2, 5)).sum().backward()
    np.testing.assert_array_equal(grads.at_edges(), found)
    np.testing.assert_array_equal(found, np.full(10, 2.0, dtype=np.float32))
    assert len(seen) == 4


def test_half_precision_sums_in_single():
    graph = zoo.GRAPHS["sparse random"]
    x, g = (tensor.to(torch.bfloat16) for tensor in whole_numbers(graph, 3, np.random.default_rng(0)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        grads = PairGradients(graph, [(x, g)])
        for values in (grads.at_edges(), grads.at_pairs([0], [1]), grads.rows([2])):
            assert values.dtype == np.float32
        matrix = (g.double() @ x.double().t()).numpy()
        np.testing.assert_array_equal(grads.rows(np.arange(40)), matrix)
        assert keys_of(grads.top_free_pairs(graph, 50), graph) == top_of(matrix, graph, 50)


def test_a_rule_that_grows_by_gradient_goes_through_training_steps():
    model = SparseMLP(ns.generators.layered([30, 40, 20], density=0.2, rng=0), 5, rng=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    (x,) = batches_of(30, sizes=(16,))
    for step in range(3):
        optimizer.zero_grad()
        with recorded_gradients(model) as grads:
            torch.nn.functional.cross_entropy(model(x.float()), torch.arange(16) % 5).backward()
        optimizer.step()
        for layer, layer_grads in zip(model.sparse_layers(), grads, strict=True):
            delta = RewiringRule(grow="gradient").propose(layer.graph, layer.edge_weights(), layer_grads, rng=step)
            kept = ns.apply(layer.graph, ns.EdgeDelta(delta.removed))[0]
            matrix = layer_grads.rows(np.arange(kept.n_out))
            grown = np.abs(matrix[delta.added_targets, delta.added_sources])
            least_of_the_best = np.abs(matrix.ravel()[top_of(matrix, kept, delta.n_added)]).min()
            assert delta.n_added == round(0.3 * layer.graph.n_edges)
            assert grown.min() >= least_of_the_best * (1 - 1e-5)
            layer.rewire(*ns.apply(layer.graph, delta), optimizer)


def test_what_is_refused_is_refused_in_one_line():
    graph, other = zoo.GRAPHS["cycle"], zoo.GRAPHS["complete"]
    x, g = torch.ones(5, 2), torch.ones(5, 2)
    grads = PairGradients(graph, [(x, g)])
    refusals = [
        (errors.InvalidGraph, "BipartiteGraph", lambda: PairGradients(None)),
        (errors.InvalidSize, r"\(5, batch\)", lambda: PairGradients(graph, [(x.t(), g)])),
        (errors.InvalidSize, r"\(5, batch\)", lambda: PairGradients(graph, [(x, g[:, :1])])),
        (errors.InvalidSize, r"\(5, 5\)", lambda: PairGradients.from_dense(graph, np.ones((2, 5)))),
        (errors.InvalidOption, "no backward pass", PairGradients(graph).at_edges),
        (errors.InvalidGraph, "5 sources", lambda: grads.at_edges(other)),
        (errors.InvalidGraph, "5 sources", lambda: grads.top_free_pairs(other, 1)),
        (errors.EdgeOutOfRange, r"\(0, 5\)", lambda: grads.at_pairs([0], [5])),
        (errors.EdgeOutOfRange, "-1", lambda: grads.rows([0, -1])),
        (errors.NotEnoughFreePairs, "16 new edges", lambda: grads.top_free_pairs(graph, 16)),
        (errors.InvalidOption, "memory", lambda: grads.top_free_pairs(graph, 1, memory=-1)),
        (errors.InvalidOption, "n_candidates", lambda: grads.sampled_top_free_pairs(graph, 3, 2, rng=0)),
        (errors.InvalidNetwork, "sparse layers", lambda: recorded_gradients(torch.nn.Linear(2, 2)).__enter__()),
        (errors.InvalidNetwork, "sparse layers", lambda: recorded_gradients(None).__enter__()),
    ]
    for kind, words, call in refusals:
        with pytest.raises(kind, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
    x[0, 0] = 3.0
    with pytest.raises(errors.InvalidOption, match="changed in place"):
        grads.at_edges()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_gradients_that_are_no_numbers_are_not_ranked(bad):
    graph = zoo.GRAPHS["cycle"]
    x, g = torch.ones(5, 2), torch.ones(5, 2)
    g[3, 1] = bad
    for reduce in (None, lambda values: values):
        grads = PairGradients(graph, [(x, g)], reduce=reduce)
        with pytest.raises(errors.TrainingDiverged, match="NaN or infinite"):
            grads.top_free_pairs(graph, 2)
        with pytest.raises(errors.TrainingDiverged, match="NaN or infinite"):
            grads.sampled_top_free_pairs(graph, 2, 4, rng=0)


MEASURED = """
    import resource, torch
    import netsparse as ns
    from netsparse.nn.gradients import PairGradients
    torch.set_num_threads(1)
    def search(width):
        graph = ns.generators.erdos_renyi(width, width, density=0.0005, rng=0)
        torch.manual_seed(0)
        grads = PairGradients(graph, [(torch.randn(width, 8).relu(), torch.randn(width, 8))])
        grads.top_free_pairs(graph, 20_000)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = search(600)
    print((search({width}) - before) / 1024)
"""


@pytest.mark.parametrize("width", [8000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_pairs(width):
    program = textwrap.dedent(MEASURED.replace("{width}", str(width)))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=True)
    assert float(done.stdout) < 60.0, f"{done.stdout} MiB more; all pairs in float32 take {width**2 / 2**18:.0f} MiB"
