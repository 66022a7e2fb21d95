"""Scenes of training for `two_processes.py`: the same run on two processes and on one, and runs that go wrong."""

import os
import shutil
import signal
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from netsparse.datasets import load
from netsparse.errors import CheckpointDamaged
from netsparse.generators import layered, vgg
from netsparse.nn import VGG
from netsparse.rewiring import SET
from netsparse.train import Natural, fit
from netsparse.train.digests import graph_digest
from netsparse.train.resume import Checkpoints


def import_what_is_imported_late():
    """Take the seconds that scikit-learn and torch's optimizers need at first use, once for all scenes."""
    load("digits")
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


class GrowsByGradient(SET):
    """Drops as SET does and grows where the gradient is largest, also where it is only asked for single pairs."""

    also_needs = frozenset({"grads"})

    def grown(self, kept, n_grow, rng):
        assert np.isfinite(kept.grads.at_edges()).all()
        return kept.grads.top_free_pairs(kept.graph, n_grow)


@dataclass(frozen=True, repr=False)
class ReadsEverything(GrowsByGradient):
    """Drops the old that have little momentum, grows by the gradients of three steps, and sets weights itself."""

    also_needs = frozenset({"grads", "momentum", "ages"})
    gradient_steps = 3
    gradient_decay = 0.5

    def start(self, states, *, rng):
        return [state.weights * rng.uniform(0.5, 1.5, len(state.weights)) for state in states]

    def dropped(self, state, n_drop, at, rng):
        return np.sort(np.argsort(np.abs(state.momentum) - 1e-9 * state.ages, kind="stable")[:n_drop])

    def after_step(self, states, *, lr, rng):
        return [state.weights + 1e-3 * lr * rng.normal(size=len(state.weights)) for state in states]


class OwnRandomness(SET):
    """The mistake: what grows depends on the process."""

    def grown(self, kept, n_grow, rng):
        return super().grown(kept, n_grow, np.random.default_rng(os.getpid()))


def trained(ranks, rule, *, network=None, precision="float64", epochs=4, batch_size=115, callbacks=(), **options):
    """Train on digits; 1151 images in batches of 115 leave one for the last batch, and for one process alone."""
    network = layered([64, 40, 30], density=0.1, rng=0) if network is None else network
    wirings = []

    def on_rewire(state, changes):
        wirings.append([graph_digest(layer.graph).hex() for layer in state.model.sparse_layers()])

    watch = type("Watch", (), {"on_rewire": staticmethod(on_rewire)})()
    result = fit(
        network, load("digits"), rewiring=rule, epochs=epochs, batch_size=batch_size, precision=precision,
        progress=False, ranks=ranks, rng=3, callbacks=[watch, *callbacks], **options,
    )  # fmt: skip
    return {
        "wirings": wirings,
        "parameters": {name: value.tolist() for name, value in result.last.state.items() if value.is_floating_point()},
        "history": result.history[["loss", "accuracy"]].to_numpy().tolist(),
        "topology": result.topology.to_numpy().tolist() if rule is not None else [],
        "turnover": result.history["turnover"].dropna().tolist() if rule is not None else [],
        "best_epoch": result.best.epoch,
    }


def rule_by_epoch(ranks):
    return trained(ranks, SET(0.3))


def rule_by_gradient(ranks):
    return trained(ranks, GrowsByGradient(0.3))


def rule_of_everything(ranks):
    """Of 1151 images 1 is the last batch, for one process alone, and the gradients of that step count too."""
    return trained(ranks, ReadsEverything(0.1, every=11, optimizer_state="kept"), epochs=3)


def rule_by_step(ranks):
    return trained(ranks, SET(0.02, every=3), epochs=2)


def in_parts(ranks):
    return trained(ranks, SET(0.3), epochs=2, accumulate=3, optimizer="adam")


def one_float32_step(ranks):
    return trained(ranks, None, precision="float32", epochs=1, batch_size=2000, momentum=0.0, weight_decay=0.0)


class Drawing:
    """Cross-entropy that draws a number per image, and remembers the first of each call."""

    draws = True

    def __init__(self):
        self.drawn = []

    def __call__(self, model, x, y, rng):
        self.drawn.append(rng.random(len(x))[0])
        return Natural()(model, x, y)


def own_noise(ranks):
    objective, ends = Drawing(), []
    trained(ranks, None, epochs=1, objective=objective, callbacks=[lambda state: ends.append(state.noise.random())])
    return {"drawn": objective.drawn, "next": ends[0]}


def convolutions(ranks):
    """Batch normalisation by each process's own images, steps by gradients of all; 1151 in batches of 128 leave 127."""
    network = VGG(vgg(11, density=0.3, width=1 / 32, shape=(8, 8), rng=0), shape=(8, 8), rng=0)
    return trained(ranks, GrowsByGradient(0.3), network=network, epochs=2, batch_size=128)


def one_step_of_convolutions(ranks):
    network = VGG(vgg(11, density=0.3, width=1 / 32, shape=(8, 8), rng=0), shape=(8, 8), rng=0)
    return trained(ranks, None, network=network, epochs=1, batch_size=2000)


TOGETHER_AND_ALONE = [
    rule_by_epoch, rule_by_gradient, rule_of_everything, rule_by_step, in_parts, one_float32_step,
    one_step_of_convolutions,
]  # fmt: skip
OFTEN = Checkpoints(every_minutes=0.0)  # whenever the first rank is asked for the time, every 16 steps


def whole(ranks):
    """A run of 3 epochs of 36 steps with everything a checkpoint holds, uninterrupted."""
    return trained(ranks, SET(0.05, every=5), epochs=3, batch_size=32, out="whole", checkpoint=OFTEN)


def cut_off(ranks):
    """The same run in another folder; rank 1 is killed in the second epoch, between two checkpoints."""

    class Killer:
        @staticmethod
        def on_rewire(state, changes):
            if state.step == 60 and ranks.rank == 1:
                os.kill(os.getpid(), signal.SIGKILL)

    return trained(
        ranks, SET(0.05, every=5), epochs=3, batch_size=32, out="cut", checkpoint=OFTEN, callbacks=[Killer()]
    )


def gone_on_with(ranks):
    saved = sorted(path.name for path in Path("cut/checkpoints").glob("step-*"))
    again = trained(ranks, SET(0.05, every=5), epochs=3, batch_size=32, out="cut", checkpoint=OFTEN, resume=True)
    return {"saved": saved, **again}


def other_checkpoint(ranks):
    """The newest checkpoint is damaged for rank 1 alone, as on a disk of its own."""
    if ranks.rank == 1:
        shutil.copytree("whole", "elsewhere")
        newest = max(Path("elsewhere/checkpoints").glob("step-*"), key=lambda path: int(path.name[5:]))
        (newest / "arrays.npz").unlink()
        warnings.simplefilter("ignore", CheckpointDamaged)
    out = "elsewhere" if ranks.rank == 1 else "whole"
    return trained(ranks, SET(0.05, every=5), epochs=3, batch_size=32, out=out, checkpoint=OFTEN, resume=True)


def own_randomness(ranks):
    return trained(ranks, OwnRandomness(0.3))


def other_seed(ranks):
    network = layered([64, 40, 30], density=0.1, rng=0)
    fit(network, "digits", epochs=1, progress=False, ranks=ranks, rng=ranks.rank)


def diverging(ranks):
    """Both find the loss infinite, at the same time."""
    return trained(ranks, None, lr=1e6, epochs=3)


def killed_in_training(ranks):
    def die(state):
        if state.epoch == 2 and ranks.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    return trained(ranks, SET(0.3), callbacks=[die])


ENDS_EARLY = [own_randomness, other_seed, diverging, killed_in_training]
RESUMED = [whole, cut_off, gone_on_with, other_checkpoint]
SCENES = {scene.__name__: scene for scene in (*TOGETHER_AND_ALONE, convolutions, own_noise, *ENDS_EARLY, *RESUMED)}
SCENES |= {f"{scene.__name__}_alone": scene for scene in TOGETHER_AND_ALONE}
