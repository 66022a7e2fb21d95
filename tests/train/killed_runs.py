"""Runs that are killed at points drawn at random, resumed, and compared with one that nobody killed.

All that a SIGKILL leaves is files, so that all moments between two operations on files are one: the points are these
operations (opening, synchronising, renaming, removing) and the steps of training, counted, whatever the clock says.

A program of its own: it loads everything once and forks a process for each run, which starts in no time. Prints how
many were killed, how many of them while a checkpoint was written, and what differed, as JSON.
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch

import netsparse as ns
from netsparse.datasets import load
from netsparse.nn import SparseMLP
from netsparse.train import evaluate, fit
from netsparse.train.history import History
from netsparse.train.resume import Checkpoints

FILES = ("model.safetensors", "best.safetensors", "history.csv", "topology.csv")
OPERATIONS = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"}
NETWORK = ns.generators.layered([64, 30, 20], density=0.2, rng=0)
DATA = load("digits")


def loaded():
    """Load and compile before the first fork what every process would otherwise load for itself."""
    history = History()
    history.add(1, "train", 0.0, 0.0)
    history.add_layers(NETWORK.layers)
    model = SparseMLP(NETWORK, n_classes=10, rng=0)
    evaluate(model, DATA.x_test, DATA.y_test)
    torch.optim.Adam(model.parameters())
    ns.rewiring.SET().propose(NETWORK.layers[0], model.weights[0], rng=0)


class Points:
    """Counts the points that a process passes, and kills it before the given one."""

    def __init__(self, last):
        self.passed, self.last = 0, last

    def __call__(self):
        self.passed += 1
        if self.passed == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def cross_entropy_passing(point):
    def objective(model, x, y):
        point()
        logits = model(x)
        return torch.nn.functional.cross_entropy(logits, y), logits

    return objective


def run(folder, options, *, resume, last=0):
    """Train in a process of its own, which ends before point `last`; return its exit code and the points it passed."""
    reader, writer = os.pipe()
    process = os.fork()
    if not process:
        code = 1
        try:
            point = Points(last)
            sys.addaudithook(lambda event, arguments: point() if event in OPERATIONS else None)
            os.fsync = lambda handle: point()  # what a process has written outlives it
            every = options["every"]
            fit(
                NETWORK,
                DATA,
                rewiring=ns.rewiring.SET(fraction=0.3 if every is None else 0.02, every=every),
                objective=cross_entropy_passing(point),
                optimizer=options["optimizer"],
                epochs=3,
                batch_size=400,
                checkpoint=Checkpoints(every_minutes=0.0, keep=2),
                out=folder,
                resume=resume,
                progress=False,
                rng=1,
            )
            os.write(writer, str(point.passed).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as said:
        passed = int(said.read() or 0)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if code not in (0, -signal.SIGKILL):
        raise SystemExit(f"a run in {folder} has failed")
    return code, passed


def main(folder, scenes, n_points):
    loaded()
    rng = np.random.default_rng(0)
    report = {"killed": 0, "within": 0, "differing": []}
    for scene, options in enumerate(scenes):
        whole = folder / f"whole-{scene}"
        n_passed = run(whole, options, resume=False)[1]
        for k in range(n_points):
            place = folder / f"killed-{scene}-{k}"
            code, _ = run(place, options, resume=False, last=int(rng.integers(1, n_passed + 1)))
            report["killed"] += code == -signal.SIGKILL
            report["within"] += bool(list(place.glob("checkpoints/.step-*")))
            if rng.random() < 0.5:  # and once more on the way
                run(place, options, resume=True, last=int(rng.integers(1, n_passed + 1)))
            if run(place, options, resume=True)[0]:
                raise SystemExit(f"{place} was killed by somebody else")
            report["differing"] += [
                f"{place.name}/{name}" for name in FILES if (place / name).read_bytes() != (whole / name).read_bytes()
            ]
            report["differing"] += [str(path) for path in place.rglob(".*")]
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]))
