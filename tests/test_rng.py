"""Randomness is handed down: seeds repeat, generators move on, nothing is hidden."""

import pickle

import numpy as np
import pytest

from netsparse import errors
from netsparse.rng import as_rng, spawn, streams


@pytest.mark.parametrize("seed", [0, 7, np.int64(7), np.uint8(3), 2**100])
def test_the_same_seed_gives_the_same_numbers(seed):
    assert as_rng(seed).integers(2**60, size=4).tolist() == as_rng(seed).integers(2**60, size=4).tolist()


def test_different_seeds_give_different_numbers():
    assert len({int(as_rng(seed).integers(2**60)) for seed in range(20)}) == 20


def test_a_generator_is_handed_through_and_moves_on():
    rng = np.random.default_rng(0)
    assert as_rng(rng) is rng
    assert rng.integers(2**60) != as_rng(rng).integers(2**60)


def test_a_seed_sequence_is_a_seed():
    sequence = np.random.SeedSequence(5)
    assert as_rng(sequence).integers(2**60) == np.random.default_rng(np.random.SeedSequence(5)).integers(2**60)


@pytest.mark.parametrize("rng", [None, -1, 0.0, "0", True, [1, 2], np.random.RandomState(0)])
def test_anything_else_is_refused(rng):
    with pytest.raises(errors.InvalidSeed, match=r"rng: given .* try rng=0"):
        as_rng(rng)


def test_the_global_state_is_left_alone():
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002
    spawn(as_rng(0), 3, purpose="test")[0].random(10)
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002


def test_spawned_generators_are_independent_and_repeat():
    first, again = spawn(3, 5, purpose="test"), spawn(3, 5, purpose="test")
    numbers = [rng.integers(2**60) for rng in first]
    assert numbers == [rng.integers(2**60) for rng in again]
    assert len(set(numbers)) == 5
    assert spawn(3, 0, purpose="test") == []


def test_spawning_more_does_not_change_the_first_ones():
    assert [r.integers(2**60) for r in spawn(3, 2, purpose="test")] == [
        r.integers(2**60) for r in spawn(3, 9, purpose="test")
    ][:2]


def test_a_generator_spawns_new_ones_each_time():
    rng = np.random.default_rng(0)
    assert spawn(rng, 1, purpose="test")[0].integers(2**60) != spawn(rng, 1, purpose="test")[0].integers(2**60)


def test_purposes_do_not_share_a_stream():
    first, second = (spawn(3, 2, purpose=purpose) for purpose in ("wiring", "training"))
    drawn = [r.integers(2**60) for r in (*first, *second)]
    assert len(set(drawn)) == 4


def test_a_restored_state_spawns_the_same_children():
    rng = np.random.default_rng(5)
    state = rng.bit_generator.state
    children = [r.integers(2**60) for r in spawn(rng, 3, purpose="test")]
    other = np.random.default_rng(0)
    other.bit_generator.state = state
    assert [r.integers(2**60) for r in spawn(other, 3, purpose="test")] == children


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.SFC64, np.random.Philox])
def test_streams_repeat_with_the_state_and_differ_in_everything_else(kind):
    rng, again = np.random.Generator(kind(5)), np.random.Generator(kind(5))
    drawn = [r.integers(2**60) for r in streams(rng, 3, purpose="test")]
    assert drawn == [r.integers(2**60) for r in streams(again, 3, purpose="test")]
    later = [r.integers(2**60) for r in streams(rng, 3, purpose="test")]
    other = [r.integers(2**60) for r in streams(again, 3, purpose="other")]
    assert len({*drawn, *later, *other}) == 9
    assert drawn != [r.integers(2**60) for r in spawn(np.random.Generator(kind(5)), 3, purpose="test")]


def test_neighbouring_streams_are_not_correlated():
    rng = np.random.default_rng(0)
    first = np.array([[r.random() for r in streams(rng, 4, purpose="test")] for _ in range(2000)])
    off_diagonal = np.corrcoef(first.T)[np.triu_indices(4, 1)]
    assert np.abs(off_diagonal).max() < 4 / np.sqrt(2000)
    assert np.abs(np.corrcoef(first[:-1, 0], first[1:, 0])[0, 1]) < 4 / np.sqrt(2000)
    assert np.abs(first.mean(axis=0) - 0.5).max() < 4 * np.sqrt(1 / 12 / 2000)
