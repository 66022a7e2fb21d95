"""Data-parallel training: shares, sums, agreement and ends, between real processes; digests and what needs no other."""

import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from train import two_processes
from train.played import play
from zoo import GRAPHS, graph_pairs, graphs, graphs_with_delta

from netsparse.errors import InvalidOption, OutOfStep
from netsparse.generators import erdos_renyi
from netsparse.graph import EdgeDelta, apply
from netsparse.train.digests import change_digest, digest, graph_digest, out_of_step
from netsparse.train.last_words import LastWords
from netsparse.train.process_group import Several, buckets
from netsparse.train.processes import world
from netsparse.train.ranks import Alone

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the scenes are forked")
SCENES = [name for name in two_processes.OWN if name not in two_processes.SLOW]
CUT_OFF = "expected an answer from every rank; try the same command with --resume RUN"


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    return play(tmp_path_factory.mktemp("scenes"), SCENES)


# what the processes of torchrun do ----------------------------------------------------------------------------------


def test_summed_gradients_of_shares_are_those_of_the_whole_batch(played):
    found = played.everywhere("gradients")
    for n_batch in (5, 4, 1):
        parameters, x, y = two_processes.regression()
        two_processes.regression_loss(parameters, x[:n_batch], y[:n_batch]).backward()
        for bucket_bytes in (1, 40, 10**6):
            for parameter, values in zip(parameters, found[f"{n_batch} {bucket_bytes}"], strict=True):
                assert (values is None) == (parameter.grad is None), "nobody's gradient stays nobody's"
                if parameter.grad is not None:
                    tolerance = 1e-12 if parameter.dtype == torch.float64 else 1e-5
                    np.testing.assert_allclose(values, parameter.grad, rtol=tolerance, atol=tolerance)
        assert found[f"{n_batch} 1"] == found[f"{n_batch} 1000000"], "buckets round nothing"


def test_gradients_may_have_another_length_at_every_step(played):
    for n, (vector, matrix) in zip((3, 5, 0, 2), played.everywhere("lengths_change"), strict=True):
        assert vector == [2.0 * k + 10.0 for k in range(n)]
        assert matrix == (3 * torch.arange(6.0).reshape(3, 2).t()).tolist()


def test_processes_that_have_parted_meet_again(played):
    assert played.everywhere("met_again") == [2.0] * 3


def test_sums_and_what_is_gathered_are_the_same_everywhere(played):
    first, second = (played.found("sums", rank) for rank in (0, 1))
    assert first["sum"] == second["sum"] == [3, 6, 9]
    assert (first["unchanged"], second["unchanged"]) == ([1, 2, 3], [2, 4, 6])
    assert first["transposed"] == second["transposed"] == (2 * torch.arange(6.0).reshape(2, 3).t()).tolist()
    assert first["gather"] == second["gather"] == [[0, 7], [1, 7]]
    assert first["first_says"] == second["first_says"] == [True, False]
    assert (first["repr"], second["repr"]) == ("Several(rank 0 of 2)", "Several(rank 1 of 2)")
    assert first["device"] == second["device"] == "cpu"


def test_shares_are_a_partition_in_order_even_where_some_are_empty(played):
    shares = [played.found("shares_of_three", rank) for rank in range(3)]
    for n, parts in zip((7, 3, 2, 1, 0), zip(*shares, strict=True), strict=True):
        assert [index for part in parts for index in part] == list(range(n))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_equal_wirings_agree_and_others_are_named_on_every_rank(played):
    found = played.everywhere("agreement")
    wrong = {"other change", "still another after an equal change", "other wiring"}
    assert {name for name, error in found.items() if error} == wrong
    for name in wrong:
        kind, message = found[name]
        assert kind == "OutOfStep"
        assert message.startswith("wiring of layer 1: given another one on rank 1 than on rank 0")


def test_a_start_that_differs_is_refused_and_weights_become_those_of_rank_0(played):
    first, second = (played.found("start", rank) for rank in (0, 1))
    assert first.pop("weights")[0] != second.pop("weights")[0], "drawn from other seeds on purpose"
    assert first == second
    assert first.pop("equal") is None
    begins = {name: message.split(",")[0] for name, (_, message) in first.items()}
    assert begins == {
        "seed": "seed: given 1 on rank 1 but 0 on rank 0",
        "wiring": "wiring of layer 0: given another one on rank 1 than on rank 0",
        "layers": "number of layers: given 1 on rank 1 but 2 on rank 0",
        "shape": "shape of head.weight: given ((11",
    }
    assert {kind for kind, _ in first.values()} == {"OutOfStep"}


def test_weights_are_rank_0s_after_the_start(played):
    (before_0, *first), (before_1, *second) = (played.found("start", rank)["weights"] for rank in (0, 1))
    assert before_0 != before_1
    assert first == second


def test_rank_0_goes_first(played):
    assert played.everywhere("after_first") is True


def test_an_error_on_all_ranks_is_said_once(played):
    assert played.ends("error_everywhere") == [2, 2]
    assert played.errors("error_everywhere", 0) == "netsparse: density: given 7, expected less; try density=0.1\n"
    assert played.errors("error_everywhere", 1) == ""


def test_an_error_of_rank_0_is_said_once(played):
    assert played.ends("error_on_first") == [2, 2]
    assert played.errors("error_on_first", 0) == "netsparse: name: given 'x', expected another; try --name y\n"
    assert played.errors("error_on_first", 1) == ""


def test_rank_0_says_why_another_one_ended(played):
    assert played.ends("error_on_second") == [2, 1]
    said = "netsparse: rank 1: given an end by ValueError (a mistake of rank 1), "
    assert played.errors("error_on_second", 0).startswith(said + CUT_OFF)
    assert "Traceback" in played.errors("error_on_second", 1), "a mistake is shown where it is"


@pytest.mark.parametrize("scene", ["killed", "killed_of_three"])
def test_who_is_left_when_a_rank_is_killed_ends_with_one_line_and_does_not_hang(played, scene):
    *left, dead = played.ends(scene)
    assert set(left) == {2}
    assert dead == -9
    said = "".join(played.errors(scene, rank) for rank in range(len(left)))
    assert said.startswith(f"netsparse: rank 0 of {len(left) + 1}: given no answer from another rank (")
    assert CUT_OFF in said
    assert played.seconds(scene) < two_processes.LONGEST / 2


def test_the_others_speak_where_rank_0_is_killed(played):
    assert played.ends("killed_first") == [-9, 2]
    assert "netsparse: rank 1 of 2: given no answer from another rank (" in played.errors("killed_first", 1)


@pytest.mark.slow
def test_who_does_not_answer_or_does_not_come_is_lost_after_the_timeout(tmp_path):
    late = play(tmp_path, two_processes.SLOW)
    assert late.ends("stalled") == [2, 2]
    assert "given no answer from another rank (Timed out waiting 1000ms" in late.errors("stalled", 0)
    assert late.ends("absent") == [2]
    assert "expected 2 processes that meet within 1 seconds" in late.errors("absent", 0)
    assert max(late.seconds(scene) for scene in two_processes.SLOW) < two_processes.LONGEST / 2


# what needs no other process ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"])
@pytest.mark.parametrize("value", ["", "-1", "two", "2.0", "9"])
def test_an_environment_that_says_something_else_is_refused(monkeypatch, name, value):
    environment = {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    for variable, usual in environment.items():
        monkeypatch.setenv(variable, value if variable == name else usual)
    if name.startswith("MASTER"):
        monkeypatch.delenv(name)
    elif (name, value) in (("WORLD_SIZE", ""), ("LOCAL_RANK", ""), ("WORLD_SIZE", "9")):
        return  # one process; a local rank of 0; nine processes
    with pytest.raises(InvalidOption, match=rf"^{name}: given .* try torchrun --nproc-per-node 2 -m netsparse train"):
        world()


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan"), float("inf"), True, "10"])
def test_an_impossible_timeout_is_refused(timeout):
    with pytest.raises(InvalidOption, match="timeout"):
        world(timeout=timeout)


@pytest.mark.parametrize("size", [None, "1"])
def test_a_process_without_torchrun_is_alone(monkeypatch, size):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if size:
        monkeypatch.setenv("WORLD_SIZE", size)
    with world() as ranks:
        assert isinstance(ranks, Alone)
    parameter = nn.Parameter(torch.ones(2))
    ranks.sum_gradients([parameter])
    assert parameter.grad is None
    values = torch.arange(3)
    assert ranks.share(values) is ranks.sum(values) is values
    assert ranks.gather(values).tolist() == [[0, 1, 2]]
    assert ranks.weight(5, 5) == 1.0
    assert (ranks.rank, ranks.size, ranks.is_first, ranks.first_says(False)) == (0, 1, True, False)
    assert ranks.after_first(lambda: 7) == 7
    assert str(ranks.device("cpu")) == "cpu"
    with pytest.raises(InvalidOption, match="device"):
        ranks.device("nonsense")


def test_an_error_passes_through_who_is_alone():
    with pytest.raises(ZeroDivisionError), Alone():
        raise ZeroDivisionError


def test_more_processes_than_gpus_are_refused_before_nccl_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    ranks = Several(LastWords(None, 2, 3), 2, 3, 2)  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match="given 3 on one machine, expected at most 2"):
        ranks.device("cuda")


@given(n=st.integers(0, 40), size=st.integers(1, 9))
def test_weights_of_shares_add_up_to_one(n, size):
    ranks = [Several(LastWords(None, rank, size), rank, size, 0) for rank in range(size)]  # type: ignore[arg-type]
    shares = [one.share(torch.arange(n)) for one in ranks]
    assert torch.cat(shares).tolist() == list(range(n))
    if n:
        assert sum(one.weight(len(own), n) for one, own in zip(ranks, shares, strict=True)) == pytest.approx(1.0)


@given(
    sizes=st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.booleans()), max_size=12), limit=st.integers(1, 99)
)
def test_buckets_hold_every_parameter_once_in_order_one_kind_each_and_no_more_than_the_limit(sizes, limit):
    kinds = {True: torch.float32, False: torch.float64}
    parameters = [nn.Parameter(torch.zeros(n, dtype=kinds[k]), requires_grad=wanted) for n, k, wanted in sizes]
    filled = buckets(parameters, limit)
    for dtype in kinds.values():
        expected = [id(p) for p in parameters if p.requires_grad and p.dtype == dtype]
        assert [id(p) for bucket in filled for p in bucket if p.dtype == dtype] == expected
    for bucket in filled:
        assert len({parameter.dtype for parameter in bucket}) == 1
        assert len(bucket) == 1 or sum(p.numel() * p.element_size() for p in bucket) <= limit
    assert sum(map(len, filled)) == sum(wanted for *_, wanted in sizes)


@given(pair=graph_pairs())
def test_digests_are_equal_exactly_where_graphs_are(pair):
    first, second = pair
    assert (graph_digest(first) == graph_digest(second)) == (first == second)


def test_all_graphs_of_the_zoo_have_digests_of_their_own():
    assert len({graph_digest(graph) for graph in GRAPHS.values()}) == len(GRAPHS)


def test_parts_of_a_digest_do_not_run_together():
    assert len({digest(b"ab", b"c"), digest(b"a", b"bc"), digest(b"abc"), digest(b"abc", b"")}) == 4
    assert digest(np.arange(3, dtype=np.uint8)) == digest(bytes(range(3)))
    assert digest(np.arange(6)[::2]) == digest(np.array([0, 2, 4]))


@pytest.mark.parametrize("share", [0.001, 0.01, 0.2])
@pytest.mark.parametrize("seed", range(3))
def test_digests_of_changes_tell_changes_apart_and_forgive_their_order(share, seed):
    rng = np.random.default_rng(seed)
    graph = erdos_renyi(60, 80, n_edges=2000, rng=rng)
    n = int(share * graph.n_edges)
    free = np.flatnonzero(~graph.has_edges(*np.divmod(np.arange(60 * 80), 80)))
    removed = rng.choice(graph.n_edges, n + 1, replace=False)
    sources, targets = np.divmod(rng.choice(free, n + 1, replace=False), 80)

    def changed(ids, pairs, start=b"start"):
        delta = EdgeDelta(removed[ids], sources[pairs], targets[pairs])
        after, _ = apply(graph, delta)
        return change_digest(start, after, delta), after

    first, after = changed(np.arange(n), np.arange(n))
    assert changed(rng.permutation(n), rng.permutation(n))[0] == first
    assert changed(np.arange(1, n + 1), np.arange(n))[0] != first
    assert changed(np.arange(n), np.arange(1, n + 1))[0] != first
    if share < 0.1:
        assert changed(np.arange(n), np.arange(n), b"other start")[0] != first, "what came before counts"
    else:
        assert first == graph_digest(after), "a large change is not sorted: all edges are cheaper"


@given(data=graphs_with_delta())
@settings(max_examples=50)
def test_small_graphs_change_too_much_for_anything_but_all_edges(data):
    graph, delta = data
    after, _ = apply(graph, delta)
    if delta.n_removed + delta.n_added:
        assert change_digest(b"", after, delta) == graph_digest(after)


@given(graph=graphs())
def test_no_change_is_a_change_of_the_digest_all_ranks_make(graph):
    assert change_digest(b"a", graph, EdgeDelta()) != change_digest(b"b", graph, EdgeDelta())


def test_many_ranks_that_differ_are_listed_but_not_all():
    error = out_of_step([{"a": b"1", "b": b"2"}, *[{"a": b"1", "b": b"3"}] * 20])
    assert isinstance(error, OutOfStep)
    assert str(error).startswith("b: given another one on ranks 1, 2, 3, 4, 5, 6, 7, 8 than on rank 0, expected")
