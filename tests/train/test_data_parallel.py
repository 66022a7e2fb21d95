"""Training on two processes: the same network as on one, one clear end where something goes wrong, resumption."""

import os

import numpy as np
import pytest
from train import training_scenes
from train.played import play

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the scenes are forked")
SAME = ["rule_by_epoch", "rule_by_gradient", "rule_of_everything", "rule_by_step", "in_parts"]
RESUME = "try the same command with --resume RUN, which goes on from the last checkpoint\n"


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    return play(tmp_path_factory.mktemp("scenes"), list(training_scenes.SCENES))


def together_and_alone(played, scene):
    return played.everywhere(scene), played.found(f"{scene}_alone", 0)


@pytest.mark.parametrize("scene", SAME)
def test_two_processes_train_the_network_that_one_trains(played, scene):
    together, alone = together_and_alone(played, scene)
    assert together["wirings"] == alone["wirings"]
    assert len(alone["wirings"]) >= {"rule_by_step": 6, "rule_of_everything": 2, "in_parts": 1}.get(scene, 3)
    assert len({tuple(wiring) for wiring in alone["wirings"]}) == len(alone["wirings"]), "the rule did something"
    for name, values in alone["parameters"].items():
        np.testing.assert_allclose(together["parameters"][name], values, rtol=0, atol=1e-9, err_msg=name)
    np.testing.assert_allclose(together["history"], alone["history"], rtol=0, atol=1e-9)
    assert together["turnover"] == alone["turnover"]
    assert together["topology"] == alone["topology"]
    assert together["best_epoch"] == alone["best_epoch"]


def test_gradients_in_float32_are_those_of_one_process_to_rounding(played):
    together, alone = together_and_alone(played, "one_float32_step")
    largest = max(np.abs(np.array(values)).max() for values in alone["parameters"].values())
    for name, values in alone["parameters"].items():
        np.testing.assert_allclose(together["parameters"][name], values, rtol=1e-5, atol=1e-6 * largest, err_msg=name)


def test_processes_agree_on_what_batch_normalisation_has_learnt(played):
    together = played.everywhere("convolutions")  # parameters, running means and losses, to the last bit
    assert len(together["wirings"]) == 1
    step, alone = together_and_alone(played, "one_step_of_convolutions")
    means, whole = (found["parameters"]["norms.0.running_mean"] for found in (step, alone))
    np.testing.assert_allclose(means, whole, rtol=1e-12, atol=1e-15)  # of the same weights: the whole batch's mean
    spread, whole = (found["parameters"]["norms.0.running_var"] for found in (step, alone))
    np.testing.assert_allclose(spread, whole, rtol=1e-5)  # without the spread between the shares


def test_each_process_draws_its_own_noise_from_a_generator_that_stays_the_same(played):
    first, second = (played.found("own_noise", rank) for rank in (0, 1))
    assert [len(first["drawn"]), len(second["drawn"])] == [11, 10]  # the last batch is of one image
    assert len({*first["drawn"], *second["drawn"]}) == 21
    assert first["next"] == second["next"]


def test_a_rule_that_draws_from_the_processes_own_state_is_found_out_at_once(played):
    assert played.ends("own_randomness") == [2, 2]
    said = played.errors("own_randomness", 0)
    assert said.startswith(
        "netsparse: wiring of layer 0: given another one on rank 1 than on rank 0, expected the same"
    )
    assert said.count("\n") == 1
    assert played.errors("own_randomness", 1) == ""


def test_different_seeds_are_found_out_before_the_first_step(played):
    assert played.ends("other_seed") == [2, 2]
    assert played.errors("other_seed", 0).startswith("netsparse: seed: given another one on rank 1 than on rank 0, ")
    assert played.errors("other_seed", 1) == ""


def test_a_loss_that_is_no_number_ends_all_processes_with_one_line(played):
    assert played.ends("diverging") == [2, 2]
    assert played.errors("diverging", 0).startswith("netsparse: training: given train loss")
    assert played.errors("diverging", 1) == ""


def test_a_process_killed_in_training_ends_the_other_with_one_line(played):
    assert played.ends("killed_in_training") == [2, -9]
    said = played.errors("killed_in_training", 0)
    assert said.startswith("netsparse: rank 0 of 2: given no answer from another rank (")
    assert said.endswith(RESUME)
    assert said.count("\n") == 1


def test_a_run_that_lost_a_process_goes_on_bit_for_bit(played):
    assert played.ends("cut_off") == [2, -9]
    whole, resumed = played.everywhere("whole"), played.everywhere("gone_on_with")
    assert resumed["saved"] == ["step-36", "step-48"], "it was cut off within an epoch that began at step 36"
    assert resumed["parameters"] == whole["parameters"]
    assert resumed["wirings"] == whole["wirings"][-len(resumed["wirings"]) :]
    assert resumed["history"] == whole["history"]
    for name in ("model.safetensors", "best.safetensors", "history.csv", "topology.csv"):
        assert (played.folder / "cut" / name).read_bytes() == (played.folder / "whole" / name).read_bytes(), name


def test_processes_that_would_go_on_from_different_checkpoints_are_stopped(played):
    assert played.ends("other_checkpoint") == [2, 2]
    said = played.errors("other_checkpoint", 0)
    assert said.startswith("netsparse: checkpoint: given 96 on rank 1 but 108 on rank 0, expected the same on every")
    assert played.errors("other_checkpoint", 1) == ""
