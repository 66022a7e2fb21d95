"""Images that change at random while a network trains on them."""

import dataclasses

import numpy as np
import pytest

import netsparse as ns
from netsparse import errors
from netsparse.train import AdversarialTraining, Checkpoints, ShiftAndFlip, fit


@pytest.fixture(scope="module")
def small():
    data = ns.datasets.load("digits")
    return dataclasses.replace(data, x_train=data.x_train[:300], y_train=data.y_train[:300])


def trained(data, **options):
    net = ns.generators.layered([64, 40], density=0.2, rng=0)
    return fit(net, data, epochs=2, progress=False, validation=0, rng=3, **options)


def test_the_same_seed_gives_the_same_network_and_another_than_without(small):
    one, again, plain = (trained(small, augment=a) for a in (ShiftAndFlip(), ShiftAndFlip(), None))
    assert one.history.equals(again.history)
    assert not one.history["loss"].equals(plain.history["loss"])
    assert all(np.array_equal(a, b) for a, b in zip(one.weights, again.weights, strict=True))


def test_none_is_what_there_was_before_and_no_change_changes_nothing(small):
    still = trained(small, augment=lambda x, shape, rng: x)
    assert still.history.equals(trained(small).history)


def test_the_images_of_a_step_and_their_shape_are_what_is_handed_over(small):
    seen = []

    def watch(x, shape, rng):
        seen.append((tuple(x.shape), shape, isinstance(rng, np.random.Generator)))
        return x

    trained(small, augment=watch, batch_size=128)
    assert seen == [((n, 64), (8, 8), True) for n in (128, 128, 44)] * 2


def test_a_resumed_run_draws_on(small, tmp_path):
    options = {"augment": ShiftAndFlip(), "objective": AdversarialTraining(0.1, 1)}
    whole = trained(small, **options)

    def stop(state):
        if state.epoch == 2:
            raise KeyboardInterrupt

    net = ns.generators.layered([64, 40], density=0.2, rng=0)
    how = {"epochs": 2, "progress": False, "validation": 0, "rng": 3, "out": tmp_path / "run", **options}
    with pytest.raises(KeyboardInterrupt):
        fit(
            net,
            small,
            checkpoint=Checkpoints(every_epochs=1),
            callbacks=[stop],
            **how,
        )
    resumed = fit(net, small, resume=True, **how)
    assert resumed.history.equals(whole.history)
    assert all(np.array_equal(a, b) for a, b in zip(resumed.weights, whole.weights, strict=True))


@pytest.mark.parametrize("wrong", [ShiftAndFlip, "flip", 3])
def test_what_cannot_change_images_is_named(small, wrong):
    with pytest.raises(errors.InvalidOption, match="ShiftAndFlip"):
        trained(small, augment=wrong)


def test_data_that_are_no_pictures_are_refused_in_a_line(small):
    flat = dataclasses.replace(small, shape=(64,))
    with pytest.raises(errors.InvalidSize):
        trained(flat, augment=ShiftAndFlip())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x, shape, rng: None, "given NoneType"),
        (lambda x, shape, rng: x.numpy(), "given ndarray"),
        (lambda x, shape, rng: x[:3], r"given \(3, 64\)"),
        (lambda x, shape, rng: x.view(-1, *shape), r"given \(128, 8, 8\)"),
        (lambda x, shape, rng: x.double(), "torch.float64"),
        (lambda x, shape, rng: x * 2.0, "values from 0 to 2"),
        (lambda x, shape, rng: x * float("nan"), "values from nan"),
    ],
)
def test_images_that_nothing_could_be_learnt_from_are_refused_at_the_first_step(small, wrong, words):
    with pytest.raises(errors.InvalidOption, match=words) as caught:
        trained(small, augment=wrong)
    assert "\n" not in str(caught.value)


def test_pixels_are_looked_at_in_the_first_step_alone(small):
    calls = []

    def later(x, shape, rng):
        calls.append(len(x))
        return x if len(calls) == 1 else x * 2.0

    trained(small, augment=later, batch_size=128)
    assert calls == [128, 128, 44] * 2
