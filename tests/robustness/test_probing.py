"""The engine of probes: what it measures is the perturbed model, bit for bit the clean one at strength 0."""

import copy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

import netsparse as ns
from netsparse import errors
from netsparse.datasets import load
from netsparse.percolation.simulation import observe
from netsparse.rng import seeds
from netsparse.robustness import on_topology, on_weights
from netsparse.robustness.evaluation import Subject, wiring_of
from netsparse.robustness.link_removal import link_removal
from netsparse.robustness.perturbation import Probe
from netsparse.robustness.probes import PROBES
from netsparse.robustness.probing import MEASURED, STRUCTURE, probe
from netsparse.robustness.removal_probes import LinkRemoval, UnitRemoval
from netsparse.robustness.shuffle_probe import WeightShuffle
from netsparse.train import evaluate, fit

COLUMNS = ["probe", "options", "strength", "trial", "seed", *MEASURED]
KINDS = ["sparse", "no_head", "dense"]


@pytest.fixture(scope="module")
def models():
    networks = {
        "sparse": ns.generators.layered([64, 50, 40], density=0.1, rng=0),
        "no_head": ns.generators.layered([64, 40, 10], density=0.3, rng=0),
        "dense": ns.generators.layered([64, 30, 20], density=1.0, generator="complete", rng=0),
    }
    head = {"no_head": {"head": None}}
    return {
        kind: fit(network, "digits", epochs=4, progress=False, rng=0, **head.get(kind, {})).model
        for kind, network in networks.items()
    }


def images():
    data = load("digits")
    return torch.from_numpy(data.x_test.copy()), torch.from_numpy(data.y_test.copy())


def dense_oracle(model, network, weights):
    """Loss and accuracy of the model with these edges, by dense matrices in double precision."""
    x, y = images()
    x = (x.double() - model.normalize.mean.double()) / model.normalize.std.double()
    biases = [layer.bias for layer in model.sparse_layers()] + ([] if model.head is None else [model.head.bias])
    for k, (graph, values, bias) in enumerate(zip(network.layers, weights, biases, strict=True)):
        matrix = torch.zeros(graph.n_out, graph.n_in, dtype=torch.float64)
        matrix[graph.targets.tolist(), graph.sources.tolist()] = torch.tensor(values, dtype=torch.float64)
        x = x @ matrix.t() + bias.double()
        x = torch.relu(x) if k < len(biases) - 1 else x
    return torch.nn.functional.cross_entropy(x, y).item(), (x.argmax(1) == y).double().mean().item()


def heads(kind):
    return [False] if kind == "no_head" else [False, True]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_strength_0_is_the_clean_model_bit_for_bit(models, kind, n_threads):
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        clean = evaluate(models[kind], *images())
        for include_head in heads(kind):
            options = {"strengths": 0.0, "trials": 2, "include_head": include_head, "rng": 0}
            table = probe(models[kind], "digits", list(PROBES), **options)
            assert len(table) == 2 * len(PROBES)
            assert set(zip(table["loss"], table["accuracy"], strict=True)) == {clean}
        assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PROBES)
def test_measures_the_wiring_that_perturb_returns(models, kind, name):
    model, one = models[kind], PROBES[name]
    x, _ = images()
    for include_head in heads(kind):
        wiring = wiring_of(model, include_head=include_head)
        options = {"strengths": one.strengths[3::7], "trials": 2, "include_head": include_head, "rng": 3}
        table = probe(model, "digits", name, **options)
        assert list(table) == COLUMNS
        for row in table.itertuples():
            given = wiring.network, wiring.weights, row.strength
            network, weights = one.perturb(*given, n_probed=wiring.n_probed, rng=row.seed)
            loss, accuracy = dense_oracle(model, network, weights)
            assert row.loss == pytest.approx(loss, rel=1e-4)
            assert abs(row.accuracy - accuracy) < 1.5 / len(x)  # in single precision a sample may be a tie
            probed = ns.SparseNetwork(network.layers[: wiring.n_probed])
            assert {name: getattr(row, name) for name in STRUCTURE} == observe(probed, STRUCTURE)
            assert row.n_edges == probed.n_edges


@pytest.mark.parametrize("kind", KINDS)
def test_table_does_not_depend_on_workers(models, kind):
    few = ["link_removal", WeightShuffle(keep_signs=True), "degree_preserving_rewiring"]
    tables = [
        probe(models[kind], "digits", few, strengths=[0, 0.3, 1], trials=trials, workers=workers, rng=1)
        for trials, workers in ((3, 1), (3, 2), (3, 7), (1, 1), (1, 2), (1, 50))
    ]
    assert all(tables[0].equals(other) for other in tables[1:3])
    assert all(tables[3].equals(other) for other in tables[4:])
    assert tables[0]["strength"].tolist() == [0, 0.3, 1] * 9
    assert tables[0]["trial"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2] * 3


def test_seeds_are_those_of_percolate_and_the_same_for_every_probe(models):
    table = probe(models["sparse"], "digits", ["sign_flip", "link_removal"], strengths=0.5, trials=4, rng=8)
    assert table["seed"].tolist() == seeds(8, 4, purpose="removal") * 2
    again = probe(models["sparse"], "digits", ["sign_flip", "link_removal"], strengths=0.5, trials=4, rng=8)
    assert table.equals(again)
    assert set(probe(models["sparse"], "digits", "sign_flip", trials=4, rng=9)["seed"]).isdisjoint(table["seed"])


def test_a_model_in_double_precision(models):
    model = copy.deepcopy(models["sparse"]).double()
    x, y = images()
    table = probe(model, "digits", "sign_flip", strengths=[0, 0.3], trials=1, rng=0)
    assert (table["loss"][0], table["accuracy"][0]) == evaluate(model, x.double(), y)
    single = probe(models["sparse"], "digits", "sign_flip", strengths=[0, 0.3], trials=1, rng=0)
    np.testing.assert_allclose(table["loss"], single["loss"], rtol=1e-5)


def test_every_probe_goes_through_strengths_that_come_one_by_one(models):
    options = {"trials": 1, "rng": 0}
    table = probe(models["sparse"], "digits", ["sign_flip", "link_removal"], strengths=iter([0, 1]), **options)
    assert table["strength"].tolist() == [0, 1, 0, 1]


def test_model_is_left_alone(models):
    model = models["sparse"]
    before, modes = copy.deepcopy(model.state_dict()), [module.training for module in model.modules()]
    probe(model, "digits", list(PROBES), strengths=[0, 0.5], trials=1, include_head=True, rng=0)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert modes == [module.training for module in model.modules()]
    assert isinstance(model.normalize, ns.nn.Normalize)


def test_without_the_head_it_stays_and_is_not_in_the_structure(models):
    model = models["sparse"]
    own, both = (
        probe(model, "digits", "link_removal", strengths=[0, 1], trials=1, include_head=head, rng=0)
        for head in (False, True)
    )
    assert own["n_edges"].tolist() == [model.network.n_edges, 0]
    assert both["n_edges"].tolist() == [model.network.n_edges + 400, 0]
    assert own["loss"][0] == both["loss"][0]
    # without edges in front of it the head still weighs the biases
    assert own["loss"][1] != both["loss"][1]
    assert both["outputs_reachable"][0] == 1


def test_removed_units_are_silent_though_the_head_is_not_probed(models):
    table = probe(models["sparse"], "digits", UnitRemoval(levels=[2]), strengths=[1], trials=1, rng=0)
    nothing = models["sparse"].head.bias.detach().double()
    _, y = images()
    assert table["loss"].item() == pytest.approx(torch.nn.functional.cross_entropy(nothing.repeat(len(y), 1), y).item())


@dataclass(frozen=True)
class Counted(Probe):
    """Scales the weights, and counts how often it is asked."""

    name: ClassVar[str] = "counted"
    meaning: ClassVar[str] = "how much smaller"
    strengths: ClassVar[tuple[float, ...]] = (0.0, 0.5, 1.0)
    drawn: ClassVar[list[int]] = []

    def draw(self, wiring, rng):
        self.drawn.append(int(rng.integers(100)))
        return lambda strength: wiring.with_weights([w * np.float32(1 - strength) for w in wiring.probed_weights])


def test_a_probe_of_ones_own_is_drawn_once_a_trial_and_evaluated_once_a_wiring(models, monkeypatch):
    Counted.drawn.clear()
    measured = []
    measure = Subject.measure
    monkeypatch.setattr(Subject, "measure", lambda self, wiring: measured.append(1) or measure(self, wiring))
    table = probe(models["sparse"], "digits", Counted(), trials=3, workers=1, rng=0)
    assert len(Counted.drawn) == 3
    assert len(measured) == 3  # nothing random: three strengths, whatever the trial
    assert table["options"].tolist() == [""] * 9
    assert (table.groupby("strength")["loss"].nunique() == 1).all()
    probe(models["sparse"], "digits", Counted(), trials=1, workers=3, rng=0)
    assert len(Counted.drawn) == 4


def test_wirings_that_differ_in_the_last_weights_alone_are_not_taken_for_one_another():
    model = ns.nn.SparseMLP(ns.generators.layered([64, 10], density=0.5, rng=0), head=None, rng=0)
    table = probe(model, "digits", "sign_flip", strengths=[0, 0.3, 0.6], trials=2, rng=0)
    assert table["loss"].nunique() == 5  # strength 0 is the same in both trials


FUNCTIONS = {
    "link_removal": link_removal,
    **{name: getattr(on_topology, name) for name in PROBES if hasattr(on_topology, name)},
    **{name: getattr(on_weights, name) for name in PROBES if hasattr(on_weights, name)},
}


@pytest.mark.parametrize("name", PROBES)
def test_functions_are_the_engine_with_the_probes_own_defaults(models, name):
    options = {"trials": 1, "include_head": True, "rng": 4}
    table = FUNCTIONS[name](models["sparse"], "digits", **options)
    assert table.equals(probe(models["sparse"], "digits", name, **options))


def test_functions_hand_on_their_options(models):
    model, options = models["sparse"], {"trials": 1, "rng": 4}
    cases = [
        (on_topology.unit_removal, {"order": "unit_degree", "scope": "network", "levels": "inputs"}),
        (on_topology.magnitude_pruning, {"scope": "network"}),
        (on_topology.degree_preserving_rewiring, {"keep_signs": True}),
        (on_weights.weight_shuffle, {"within": "network", "keep_signs": True}),
        (on_weights.sign_flip, {"scope": "network"}),
        (on_weights.binarisation, {"scope": "network"}),
        (link_removal, {"order": "degree_product", "scope": "network"}),
    ]
    for function, own in cases:
        name = "strengths" if function is on_topology.degree_preserving_rewiring else "fractions"
        table = function(model, "digits", **own, **{name: [0.5]}, **options)
        assert set(table["options"]) == {", ".join(f"{k}={v}" for k, v in own.items())}
        assert table["strength"].tolist() == [0.5]


BAD = [
    ({"probes": "sign_flop"}, errors.UnknownName, "sign_flip"),
    ({"probes": []}, errors.InvalidOption, "weight_shuffle"),
    ({"probes": ["sign_flip", "sign_flip"]}, errors.InvalidOption, "once"),
    ({"probes": LinkRemoval}, errors.InvalidOption, r"LinkRemoval\(\)"),
    ({"probes": 3}, errors.UnknownName, "sign_flip"),
    ({"strengths": []}, errors.InvalidOption, "strengths"),
    ({"strengths": [0.5, 0.1]}, errors.InvalidOption, "increasing"),
    ({"strengths": [0.5, 1.5]}, errors.InvalidOption, r"\[0, 1\]"),
    ({"strengths": "all"}, errors.InvalidOption, "all"),
    ({"strengths": np.array(0.5)}, errors.InvalidOption, "array"),
    ({"strengths": 10**400, "probes": "additive_noise"}, errors.InvalidOption, "of at least 0"),
    ({"strengths": 1e300, "probes": "additive_noise"}, errors.InvalidOption, "float32 can hold"),
    ({"strengths": 1e39, "probes": "multiplicative_noise"}, errors.InvalidOption, "float32 can hold"),
    ({"trials": 0}, errors.InvalidOption, "trials"),
    ({"trials": 1.0}, errors.InvalidOption, "trials"),
    ({"workers": 0}, errors.InvalidOption, "workers"),
    ({"workers": True}, errors.InvalidOption, "workers"),
    ({"include_head": "yes"}, errors.InvalidOption, "True or False"),
    ({"data": "digit"}, errors.UnknownName, "digits"),
    ({"rng": None}, errors.InvalidSeed, "rng=0"),
    ({"model": None}, errors.InvalidOption, "SparseMLP"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input_is_one_line(models, options, error, message):
    given = {"model": models["sparse"], "data": "digits", "probes": "sign_flip", "rng": 0, **options}
    with pytest.raises(error, match=message) as caught:
        probe(**given)
    assert "\n" not in str(caught.value)


def test_models_that_do_not_fit():
    few = ns.nn.SparseMLP(ns.generators.layered([64, 10], density=0.5, rng=0), n_classes=4, rng=0)
    with pytest.raises(errors.InvalidOption, match="n_classes=10"):
        probe(few, "digits", "sign_flip", rng=0)
    narrow = ns.nn.SparseMLP(ns.generators.layered([32, 10], density=0.5, rng=0), n_classes=10, rng=0)
    with pytest.raises(errors.InvalidSize, match="64"):
        probe(narrow, "digits", "sign_flip", rng=0)
    headless = ns.nn.SparseMLP(ns.generators.layered([64, 10], density=0.5, rng=0), head=None, rng=0)
    with pytest.raises(errors.InvalidOption, match="include_head=False"):
        probe(headless, "digits", "sign_flip", include_head=True, rng=0)
    headless.layers[0].weight.data[3] = float("nan")
    with pytest.raises(errors.InvalidEdgeVector, match="finite"):
        probe(headless, "digits", "sign_flip", rng=0)


@pytest.mark.gpu
def test_on_a_cuda_device_it_is_the_model_there(models):
    model = copy.deepcopy(models["sparse"]).cuda()
    x, y = (tensor.cuda() for tensor in images())
    table = probe(model, "digits", "sign_flip", strengths=[0, 0.2], trials=2, include_head=True, rng=0)
    clean = evaluate(model, x, y)
    assert set(zip(table.query("strength == 0")["loss"], table.query("strength == 0")["accuracy"], strict=True)) == {
        clean
    }
    there = probe(models["sparse"], "digits", "sign_flip", strengths=[0, 0.2], trials=2, include_head=True, rng=0)
    np.testing.assert_allclose(table["loss"], there["loss"], rtol=1e-4)
