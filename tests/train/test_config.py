"""Settings of a run: defaults of the main job, one clear line for every impossible value."""

import json
import math

import numpy as np
import pytest

from netsparse import errors
from netsparse.datasets import Dataset
from netsparse.rewiring import RULES, SET, RigL
from netsparse.train import TrainConfig


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
]


@pytest.mark.parametrize(("values", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_input(values, error, message):
    with pytest.raises(error, match=message) as caught:
        TrainConfig.checked(**values)
    assert "\n" not in str(caught.value)
