"""Settings of a run: defaults of the main job, one clear line for every impossible value."""

import json
import math

import numpy as np
import pytest

from netsparse import errors
from netsparse.datasets import Dataset, load
from netsparse.generators import vgg
from netsparse.nn import VGG
from netsparse.rewiring import RULES, SET, RigL
from netsparse.train import OBJECTIVES, TrainConfig
from netsparse.train.augment import ShiftAndFlip
from netsparse.train.trades import TRADES


def images(n_features, n=20):
    x, y = np.zeros((n, n_features), dtype=np.float32), np.arange(n) % 2
    return Dataset.from_arrays(x, y, x, y)


def test_settings_that_do_not_fit_the_data():
    with pytest.raises(errors.InvalidOption, match="0 to 19"):
        TrainConfig.checked(validation=20).network(images(784))
    with pytest.raises(errors.NoEdges, match="4 -> 3"):
        TrainConfig.checked(widths=(3,)).network(images(4))


def test_defaults_are_the_main_job():
    config = TrainConfig.checked()
    network = config.network(images(784))
    assert network.sizes == (784, 1000, 1000, 1000)
    assert network.n_edges == 27_840
    assert config.rewiring() == SET()
    assert TrainConfig.checked(rule="static").rewiring() is None


def test_json_round_trip():
    config = TrainConfig.checked(widths=(10, 20), density=0.5, lr=0.1, validation=0, activation="0.2", every=3)
    assert config.activation == 0.2
    assert TrainConfig.checked(**json.loads(json.dumps(config.model_dump(mode="json")))) == config


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_by_name(rule):
    assert TrainConfig.checked(rule=rule).rewiring() == (None if rule == "static" else RULES[rule]())


def test_options_of_the_rule():
    given = {"drop": "magnitude", "newborn": 0.1, "until": 0.5, "skip_step": True, "every": 7, "fraction": 0.2}
    config = TrainConfig.checked(rule_options=given)
    assert config.rewiring() == SET(**given)
    assert (config.every, config.fraction, sorted(config.rule_options)) == (
        7, 0.2, ["drop", "newborn", "skip_step", "until"],
    )  # fmt: skip
    assert TrainConfig.checked(**json.loads(json.dumps(config.model_dump(mode="json")))) == config
    assert TrainConfig.checked(fraction=0.2, rule_options={"fraction": 0.2}).fraction == 0.2


def test_options_that_are_several_numbers():
    config = TrainConfig.checked(rule="mest", rule_options={"milestones": (0.5, 0.9)})
    assert config.rewiring().milestones == (0.5, 0.9)
    assert TrainConfig.checked(**json.loads(json.dumps(config.model_dump(mode="json")))) == config


def test_epochs_count_where_no_number_of_steps_is_asked_for():
    config = TrainConfig.checked(rule="rigl", rule_options={"every": None, "every_epochs": 2})
    assert config.rewiring() == RigL(every=None, every_epochs=2)
    assert TrainConfig.checked(**json.loads(json.dumps(config.model_dump(mode="json")))) == config


def test_infinity_is_stored():
    config = TrainConfig.checked(rule="spectral_gap", rule_options={"degree_cap": math.inf})
    assert TrainConfig.checked(**json.loads(json.dumps(config.model_dump(mode="json")))) == config


def test_an_option_may_be_given_in_both_places_if_it_is_the_same():
    assert TrainConfig.checked(fraction="0.30", rule_options={"fraction": 0.3}).rewiring() == SET(0.3)


def test_settings_of_a_run_of_before_there_were_options_of_rules():
    assert TrainConfig.checked(rule="static", fraction=0.3, every=None).fraction is None
    assert TrainConfig.checked(rule="set", fraction=0.3, every=None).rewiring() == SET()


BAD = [
    ({"density": 0}, errors.InvalidDensity, r"\(0, 1\]"),
    ({"density": 1.5}, errors.InvalidDensity, "1.5"),
    ({"density": "dense"}, errors.InvalidDensity, "dense"),
    ({"density": float("nan")}, errors.InvalidDensity, "nan"),
    ({"widths": (10, 0)}, errors.InvalidSize, "at least 1"),
    ({"widths": (10, 2.5)}, errors.InvalidSize, "2.5"),
    ({"widths": ()}, errors.InvalidSize, "two levels"),
    ({"rule": "rigged"}, errors.UnknownName, "rigl, .*set, .*static"),
    ({"generator": "ws"}, errors.UnknownName, "erdos_renyi"),
    ({"allocation": "even"}, errors.UnknownName, "erk, uniform"),
    ({"fraction": 1.1}, errors.InvalidOption, "fraction"),
    ({"epochs": 0}, errors.InvalidOption, "epochs=50"),
    ({"batch_size": 0}, errors.InvalidOption, "batch_size=128"),
    ({"lr": -0.1}, errors.InvalidOption, "lr"),
    ({"validation": -1}, errors.InvalidOption, "validation"),
    ({"seed": -1}, errors.InvalidOption, "seed=0"),
    ({"optimizer": "sdg"}, errors.UnknownName, "adam, sgd"),
    ({"precision": "float8"}, errors.UnknownName, "bfloat16, float16, float32, float64"),
    ({"lr_schedule": "sine"}, errors.UnknownName, "constant, cosine"),
    ({"init": "xavier"}, errors.UnknownName, "he_dense, he_sparse"),
    ({"activation": "gelu"}, errors.UnknownName, "all_relu, leaky_relu, relu"),
    ({"activation": float("inf")}, errors.InvalidOption, "a finite slope"),
    ({"activation": True}, errors.InvalidOption, "activation"),
    ({"backend": "cublas"}, errors.UnknownName, "auto, dense"),
    ({"accumulate": 0}, errors.InvalidOption, "accumulate=1"),
    ({"every": 0}, errors.InvalidOption, "a whole number, at least 1; try every=100"),
    ({"every": "often"}, errors.InvalidOption, "a whole number, at least 1; try every=100"),
    ({"every": 3, "rule": "static"}, errors.InvalidOption, "try rule='set'"),
    ({"fraction": 0.3, "rule": "static", "rule_options": {}}, errors.InvalidOption, "0.3 with rule 'static'"),
    ({"rule_options": {"until": 1}, "rule": "static"}, errors.InvalidOption, "no until; try rule='set'"),
    ({"rule_options": {"untl": 0.5}}, errors.InvalidOption, r"given 'untl', expected one of fraction, drop, .*'until'"),
    ({"rule_options": {"colour": 1}}, errors.InvalidOption, "option of rule 'set': given 'colour'.*leaving out colour"),
    ({"rule_options": {"until": 2}}, errors.InvalidOption, "until of rule 'set': given 2"),
    ({"rule_options": {"until": [1]}}, errors.InvalidOption, "until of rule 'set'"),
    (
        {"rule_options": {"skip_step": 1}},
        errors.InvalidOption,
        "skip_step of rule 'set': given 1, expected True or Fal",
    ),
    ({"rule_options": {"drop": "weakest"}}, errors.UnknownName, "drop of rule 'set': given 'weakest', .*magnitude"),
    ({"rule_options": {"fraction": 0.2}, "fraction": 0.3}, errors.InvalidOption, "0.3 and, as an option of the rule"),
    ({"rule_options": {"every": None}, "every": 3}, errors.InvalidOption, "3 and, as an option of the rule, None"),
    ({"rule_options": 3}, errors.InvalidOption, "rule_options: given 3, expected names and values"),
    ({"rule_options": {"fraction": "much"}}, errors.InvalidOption, "fraction: given 'much', expected a number"),
    ({"rule": "gradual_magnitude_pruning", "fraction": 0.1}, errors.InvalidOption, "0.1 with rule .*or no fraction"),
    ({"colour": "red"}, errors.InvalidOption, "colour"),
    ({"objective": "trades"}, errors.InvalidOption, "eps: given none for objective 'trades'.*eps=8/255"),
    ({"objective": "trades", "eps": 1.5}, errors.InvalidOption, "eps of objective 'trades': given 1.5, expected at mo"),
    ({"objective": "trades", "eps": -0.5}, errors.InvalidOption, "eps: given -0.5, expected a number, at least 0"),
    ({"objective": "trades", "eps": "8 / 0"}, errors.InvalidOption, "eps: given '8 / 0', expected a number"),
    ({"objective": "trades", "eps": float("nan")}, errors.InvalidOption, "eps: given nan"),
    ({"objective": "trades", "eps": True}, errors.InvalidOption, "eps: given True"),
    (
        {"objective": "trades", "eps": 0.1, "objective_options": {"eps": 0.2}},
        errors.InvalidOption,
        "0.1 and, as an opt",
    ),
    ({"objective": "trades", "eps": 0.1, "objective_options": {"steps": 0}}, errors.InvalidOption, "attack_steps=10"),
    ({"objective": "trades", "eps": 0.1, "objective_options": {"mix": 1}}, errors.InvalidOption, "given 'mix', expect"),
    ({"objective": "mart", "eps": 0.1, "beta": float("inf")}, errors.InvalidOption, "beta"),
    (
        {"objective": "mixed", "eps": 0.1, "objective_options": {"mix": "much"}},
        errors.InvalidOption,
        "mix of objective",
    ),
    ({"eps": 0.1}, errors.InvalidOption, "0.1 with objective 'natural', expected .*trades.*; try objective='trades'"),
    ({"objective": "mixed", "eps": 0.1, "beta": 6}, errors.InvalidOption, "one of trades, mart, or no beta"),
    ({"objective": "fgsm"}, errors.UnknownName, "adversarial, mart, mixed, natural, trades"),
    ({"model": "resnet"}, errors.UnknownName, "mlp, vgg11, vgg13, vgg16, vgg19"),
    ({"model": "vgg11", "widths": (10,)}, errors.InvalidSize, "10 with model 'vgg11', expected none"),
    ({"model": "vgg11", "head": "dense"}, errors.InvalidOption, "its last layer is sparse"),
    ({"model": "vgg11", "activation": 0.1}, errors.InvalidOption, "expected relu"),
    ({"model": "vgg11", "allocation": "even"}, errors.UnknownName, "erk, published, scaled, uniform"),
    ({"model": "vgg11", "width": 17}, errors.InvalidOption, "at most 16"),
    ({"width": 0.5}, errors.InvalidOption, "0.5 with model 'mlp'"),
    ({"head": "sparse"}, errors.UnknownName, "dense, none"),
    ({"augment": "twist"}, errors.UnknownName, "none, shift, shift_and_flip"),
    ({"augment": True}, errors.InvalidOption, "augment: given True"),
    ({"n_train": 0}, errors.InvalidOption, "n_train=10000"),
]


@pytest.mark.parametrize(("values", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(values, error, message):
    with pytest.raises(error, match=message) as caught:
        TrainConfig.checked(**values)
    assert "\n" not in str(caught.value)


GIVEN = {"objective": "trades", "eps": "8/255", "beta": 3, "attack_steps": 4, "step_size": "2/255"}


def test_options_of_the_objective():
    config = TrainConfig.checked(**GIVEN, objective_options={"norm": "l2", "label_smoothing": "1/10"})
    expected = TRADES(8 / 255, 4, step_size=2 / 255, beta=3.0, norm="l2", label_smoothing=0.1)
    assert repr(config.loss()) == repr(expected)
    assert repr(config.fit_options()["objective"]) == repr(expected)
    assert TrainConfig.checked(**json.loads(json.dumps(config.model_dump(mode="json")))) == config
    # in one place or the other
    named = {"eps": 8 / 255, "steps": 4, "step_size": "2/255", "beta": 3.0}
    assert TrainConfig.checked(objective="trades", objective_options=named) == TrainConfig.checked(**GIVEN)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_by_name(objective):
    eps = {} if objective == "natural" else {"eps": 0.1}
    assert repr(TrainConfig.checked(objective=objective, **eps).loss()) == repr(OBJECTIVES[objective](**eps))


def test_settings_of_a_run_of_before_there_were_objectives_and_convolutions():
    new = {
        "n_train", "model", "width", "head", "objective", "eps", "beta", "attack_steps", "step_size",
        "objective_options", "augment",
    }  # fmt: skip
    config = TrainConfig.checked(widths=(10, 20), density=0.5)
    old = {name: value for name, value in config.model_dump(mode="json").items() if name not in new}
    assert TrainConfig.checked(**old) == config


@pytest.mark.parametrize(("model", "depth"), [("vgg11", 11), ("vgg13", 13), ("vgg16", 16), ("vgg19", 19)])
def test_a_vgg_by_name(model, depth):
    config = TrainConfig.checked(model=model, width=0.125, density=0.3, init="he_dense", seed=3)
    assert (config.widths, config.head) == ((), None)
    assert config.allocation == ("published" if depth == 16 else "scaled")
    assert TrainConfig.checked(**json.loads(json.dumps(config.model_dump(mode="json")))) == config
    data = load("digits")
    network = vgg(depth, density=0.3, width=0.125, shape=(8, 8), n_classes=10, rng=3)
    assert config.network(data) == network
    model = config.built(data)
    x_train = data.x_train[: -(len(data.x_train) // 5)].astype(np.float64)  # what is not held back
    moments = (x_train.mean(), x_train.std(ddof=1))
    expected = VGG(network, shape=(8, 8), init="he_dense", normalization=moments, rng=3)
    for ours, theirs in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (model.normalize.mean, model.normalize.std) == pytest.approx(moments)
    assert {"init", "activation", "backend", "head"}.isdisjoint(config.fit_options())


def test_a_vgg_of_other_allocations_and_generators():
    data = load("digits")
    options = {"allocation": "erk", "generator": "near_biregular"}
    network = TrainConfig.checked(model="vgg11", width=0.125, density=0.3, **options).network(data)
    assert network == vgg(11, density=0.3, width=0.125, shape=(8, 8), n_classes=10, rng=0, **options)


def test_a_vgg_needs_pictures():
    with pytest.raises(errors.InvalidSize, match="height, width"):
        TrainConfig.checked(model="vgg11", density=0.3).network(images(64))


def test_a_part_of_the_training_images():
    data = load("digits")
    some = TrainConfig.checked(n_train=100).chosen(data)
    assert (len(some.x_train), len(some.y_train), len(some.x_test)) == (100, 100, len(data.x_test))
    np.testing.assert_array_equal(some.x_train, data.x_train[:100])
    assert TrainConfig.checked().chosen(data) is data
    assert TrainConfig.checked(n_train=1438).chosen(data) is data
    with pytest.raises(errors.InvalidOption, match="at most the 1438 training images; try n_train=1438"):
        TrainConfig.checked(n_train=1439).chosen(data)


def test_random_changes_of_images():
    assert TrainConfig.checked().fit_options()["augment"] is None
    assert TrainConfig.checked(augment="shift").fit_options()["augment"] == ShiftAndFlip(0.1, flip=False)
    config = TrainConfig.checked(augment="shift_and_flip", density=0.5)
    assert config.fit_options()["augment"] == ShiftAndFlip(0.1, flip=True)
    with pytest.raises(errors.InvalidSize, match="expected pictures"):
        config.network(images(64))


def test_a_sparse_read_out_has_a_unit_for_each_class():
    data = load("digits")
    assert TrainConfig.checked(widths=(20, 10), head=None).fit_options()["head"] is None
    config = TrainConfig.checked(widths=(20, 10), head="none", density=0.5)
    assert config.network(data).sizes == (64, 20, 10)
    with pytest.raises(errors.InvalidSize, match=r"given 30 units .*, expected 10, .*widths=20,10"):
        TrainConfig.checked(widths=(20, 30), head=None).network(data)
