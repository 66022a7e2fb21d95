"""What every probe keeps: strength 0, the seed, float widths, layers that are not probed, the arrays it is given."""

import itertools
from dataclasses import FrozenInstanceError, dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from robustness.probe_cases import VARIANTS, WIRINGS, name_of, same, some_weights, with_head

from netsparse import errors
from netsparse.graph import SparseNetwork
from netsparse.percolation.edge_orders import ByScore, EdgeBetweenness
from netsparse.percolation.order import RemovalOrder
from netsparse.robustness.perturbation import Probe
from netsparse.robustness.probes import PROBES, named_probe
from netsparse.robustness.removal_probes import LinkRemoval, UnitRemoval
from netsparse.robustness.shuffle_probe import WeightShuffle
from netsparse.robustness.topology_probes import DegreePreservingRewiring
from netsparse.robustness.weight_probes import SignFlip
from netsparse.robustness.wiring import Wiring

EVERY = pytest.mark.parametrize("probe", VARIANTS, ids=name_of)
BIG = zoo.NETWORKS["three layers"]


@EVERY
def test_every_wiring_survives_and_the_trial_is_repeated_by_its_seed(probe):
    for name, network in WIRINGS.items():
        weights = some_weights(network)
        trial = probe.start(Wiring.of(network, weights), rng=4)
        for strength in (1.0, 0.3, 0.3):  # in any order, as often as one likes
            after = trial(strength)
            assert same((after.network, after.weights), probe.perturb(network, weights, strength, rng=4)), name
            assert after.network.sizes == network.sizes
            assert [len(vector) for vector in after.weights] == [layer.n_edges for layer in after.network.layers]
            # going through the constructor shows that the arrays are canonical
            rebuilt = [type(g)(g.n_in, g.n_out, g.indptr, g.indices) for g in after.network.layers]
            assert SparseNetwork(rebuilt, network.joints) == after.network


@EVERY
def test_strength_0_is_the_same_object_and_the_same_bits(probe):
    for network in WIRINGS.values():
        weights = some_weights(network)
        after, kept = probe.perturb(network, weights, 0, rng=0)
        assert after is network
        assert [w.tobytes() for w in kept] == [w.tobytes() for w in weights]
        wiring = Wiring.of(network, weights)
        assert probe.start(wiring, rng=0)(0.0) is wiring


@EVERY
@settings(deadline=None, max_examples=10)
@given(network=zoo.networks(), strength=st.floats(0, 1), seed=st.integers(0, 99))
def test_any_network_at_any_strength(probe, network, strength, seed):
    weights = some_weights(network, seed)
    before = [w.tobytes() for w in weights]
    after, changed = probe.perturb(network, weights, strength, rng=seed)
    assert after.sizes == network.sizes
    assert after.n_edges <= network.n_edges
    assert all(np.isfinite(vector).all() for vector in changed)
    assert [w.tobytes() for w in weights] == before
    assert same((after, changed), probe.perturb(network, weights, strength, rng=seed))


@EVERY
def test_floats_keep_their_width(probe):
    for dtype in (np.float16, np.float32, np.float64):
        _, changed = probe.perturb(BIG, some_weights(BIG, dtype=dtype), 0.5, rng=0)
        assert {vector.dtype for vector in changed} == {np.dtype(dtype)}


@EVERY
def test_a_head_that_is_not_included_is_left_alone_and_changes_nothing(probe):
    names, strengths = ["three layers", "joint", "one unit wide", "no edges anywhere"], (0.2, 1.0)
    for name, strength in itertools.product(names, strengths):
        network = WIRINGS[name]
        whole, weights = with_head(network)
        after, changed = probe.perturb(whole, weights, strength, n_probed=len(network.layers), rng=7)
        without = probe.perturb(network, weights[:-1], strength, rng=7)
        assert same((SparseNetwork(after.layers[:-1], network.joints), changed[:-1]), without)
        if not probe.reaches_head:
            assert after.layers[-1] is whole.layers[-1]
            assert changed[-1] is weights[-1]


@EVERY
def test_an_included_head_is_probed_too(probe):
    whole, weights = with_head(BIG)
    after, changed = probe.perturb(whole, weights, 1.0, rng=7)
    if isinstance(probe, UnitRemoval) and probe.levels == "inputs":
        assert after.layers[1:] == whole.layers[1:]
    elif isinstance(probe, DegreePreservingRewiring):
        assert after.layers[-1] == whole.layers[-1]  # nothing can be swapped in a complete layer
    else:
        assert after.layers[-1] != whole.layers[-1] or changed[-1].tobytes() != weights[-1].tobytes()


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_trials_differ_where_something_is_drawn(probe):
    weights = [np.random.default_rng(k).normal(size=layer.n_edges) for k, layer in enumerate(BIG.layers)]
    first, second = (probe.perturb(BIG, weights, 0.5, rng=seed) for seed in (0, 1))
    assert same(first, second) == (probe.name == "magnitude_pruning")


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_a_generator_is_used_up_and_a_seed_is_needed(probe):
    rng = np.random.default_rng(3)
    weights = some_weights(BIG)
    assert same(probe.perturb(BIG, weights, 0.5, rng=rng), probe.perturb(BIG, weights, 0.5, rng=3))
    assert rng.bit_generator.state != np.random.default_rng(3).bit_generator.state
    with pytest.raises(errors.InvalidSeed):
        probe.perturb(BIG, weights, 0.5, rng=None)


@pytest.mark.parametrize("name", PROBES)
def test_the_table(name):
    probe = PROBES[name]
    assert probe.name == name
    assert named_probe(name) is probe
    assert named_probe(probe) is probe
    assert probe.strengths == probe.as_strengths()
    assert probe.strengths[0] == 0.0
    assert len(probe.meaning) > 10
    assert probe == type(probe)()
    with pytest.raises((FrozenInstanceError, AttributeError)):
        probe.name = "other"


def test_probes_are_named_in_one_line():
    with pytest.raises(errors.UnknownName, match=r"probe: given 'sign_flips', .*; try probe='sign_flip'"):
        named_probe("sign_flips")
    with pytest.raises(errors.UnknownName, match="probe: given 3"):
        named_probe(3)
    with pytest.raises(errors.InvalidOption, match=r"the class SignFlip, expected .* try SignFlip\(\)"):
        named_probe(SignFlip)


class Nameless(RemovalOrder):
    """An order of one's own that does not say how it is written."""

    definition = "any"

    def score(self, state, rng):
        return None


def test_options_are_short_texts():
    assert LinkRemoval().options == "order=random, scope=layer"
    assert WeightShuffle().options == "within=layer, keep_signs=False"
    assert UnitRemoval(levels=[1, 2]).options == "order=random_units, scope=layer, levels=1+2"
    assert LinkRemoval(np.arange(100)).options == "order=given, scope=layer"
    sampled = LinkRemoval(EdgeBetweenness(n_sources=8))
    assert sampled.options == "order=EdgeBetweenness(n_sources=8, recompute_every=None), scope=layer"
    scored = LinkRemoval(ByScore([np.arange(3.0), np.arange(9.0)]))
    assert scored.options == "order=ByScore(scores=given, highest_first=True), scope=layer"
    assert PROBES["random_topology"].options == ""
    assert LinkRemoval(Nameless()).options == "order=Nameless, scope=layer"


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan"), float("inf"), True, "half", None])
def test_impossible_fractions_are_one_line(strength):
    with pytest.raises(errors.InvalidOption, match=r"strength of sign_flip: given .*, expected a number in \[0, 1\]: "):
        SignFlip().perturb(BIG, some_weights(BIG), strength, rng=0)


@pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["additive_noise", "multiplicative_noise", "degree_preserving_rewiring"])
def test_other_strengths_have_no_upper_bound(name, strength):
    probe = PROBES[name]
    probe.perturb(BIG, some_weights(BIG), 7.5, rng=0)
    with pytest.raises(errors.InvalidOption, match=r"expected a number of at least 0: "):
        probe.perturb(BIG, some_weights(BIG), strength, rng=0)


def test_strengths_of_a_table():
    probe = SignFlip()
    assert probe.as_strengths(None) == tuple(k / 20 for k in range(21))
    assert probe.as_strengths(0.5) == (0.5,)
    assert probe.as_strengths(np.linspace(0, 1, 3)) == (0.0, 0.5, 1.0)
    assert probe.as_strengths(np.float32(0.25)) == (0.25,)
    for wrong in ([], [0.5, 0.5], [0.5, 0.2]):
        with pytest.raises(errors.InvalidOption, match="one or more, increasing"):
            probe.as_strengths(wrong)
    with pytest.raises(errors.InvalidOption, match="given 2"):
        probe.as_strengths([0.5, 2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SignFlip("net"), "scope: given 'net', expected 'layer' or 'network'; try scope='layer'"),
        (lambda: WeightShuffle(within=3), "within: given 3"),
        (lambda: WeightShuffle(keep_signs="yes"), "keep_signs: given 'yes', expected True or False"),
        (lambda: DegreePreservingRewiring(keep_signs=1), "keep_signs: given 1"),
    ],
)
def test_impossible_options_are_one_line(make, message):
    with pytest.raises(errors.InvalidOption, match=message):
        make()


def test_a_wiring_is_checked_at_the_door():
    weights = some_weights(BIG)
    wiring = Wiring.of(BIG, weights, 2)
    assert wiring.probed == SparseNetwork(BIG.layers[:2])
    assert wiring.probed_weights == weights[:2]
    assert Wiring.of(BIG, [np.ones(layer.n_edges, dtype=int) for layer in BIG.layers]).weights[0].dtype == np.float64
    with pytest.raises(errors.InvalidNetwork, match="network: given a BipartiteGraph"):
        Wiring.of(BIG.layers[0], weights)
    with pytest.raises(errors.InvalidEdgeVector, match=r"weights: given 2 arrays, expected one edge vector per layer"):
        Wiring.of(BIG, weights[:2])
    with pytest.raises(errors.InvalidEdgeVector, match=r"weights\[1\]: given an array of shape"):
        Wiring.of(BIG, [weights[0], weights[0], weights[2]])
    with pytest.raises(errors.InvalidEdgeVector, match=r"weights\[0\]: given dtype complex128"):
        Wiring.of(BIG, [w.astype(complex) for w in weights])
    broken = weights[2].copy()
    broken[1] = np.nan
    with pytest.raises(errors.InvalidEdgeVector, match=r"weights\[2\]: given nan at edge 1, expected finite numbers"):
        Wiring.of(BIG, [*weights[:2], broken])
    for n_probed in (0, 4, True, 1.0):
        with pytest.raises(errors.InvalidOption, match=r"n_probed: given .* 1 to 3; try n_probed=3"):
            Wiring.of(BIG, weights, n_probed)


@dataclass(frozen=True)
class Careless(Probe):
    """Breaks one promise or the other."""

    name: ClassVar[str] = "careless"
    meaning: ClassVar[str] = "nothing"
    breaks: str = "head"

    def draw(self, wiring, rng):
        if self.breaks == "head":
            return lambda strength: replace(wiring, weights=tuple(w + 1 for w in wiring.weights))
        if self.breaks == "sizes":
            return lambda strength: Wiring.of(zoo.NETWORKS["one layer"], some_weights(zoo.NETWORKS["one layer"]))
        if self.breaks == "width":
            return lambda strength: wiring.with_weights([w.astype(np.float64) for w in wiring.probed_weights])
        return lambda strength: wiring.with_weights([w[1:] for w in wiring.probed_weights])


@pytest.mark.parametrize(
    ("breaks", "message"),
    [
        ("head", "a change of a layer that is not probed"),
        ("sizes", "careless: given sizes"),
        ("width", "careless, weights of layer 0: given float64"),
        ("length", r"careless, weights of layer 0: given float32 of shape \("),
    ],
)
def test_the_skeleton_sees_a_broken_promise(breaks, message):
    whole, weights = with_head(BIG)
    with pytest.raises((errors.InvalidNetwork, errors.InvalidEdgeVector), match=message):
        Careless(breaks).perturb(whole, weights, 0.5, n_probed=3, rng=0)
