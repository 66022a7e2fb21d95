"""Runs that are killed at points drawn at random, resumed, and compared with one that nobody killed.

A program of its own: it loads everything once and forks a process for each run, which starts in no time. Prints how
many were killed and what differed, as JSON.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

import netsparse as ns
from netsparse.datasets import load
from netsparse.train import fit
from netsparse.train.resume import Checkpoints

FILES = ("model.safetensors", "best.safetensors", "history.csv")
NETWORK = ns.generators.layered([64, 30, 20], density=0.2, rng=0)
DATA = load("digits")  # in memory before the first fork


def run(folder, options, *, resume):
    """Train in a process of its own; return its number."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        every = options["every"]
        fit(
            NETWORK,
            DATA,
            rewiring=ns.rewiring.SET(fraction=0.3 if every is None else 0.02, every=every),
            optimizer=options["optimizer"],
            epochs=3,
            batch_size=400,
            checkpoint=Checkpoints(every_minutes=0.0, keep=2),
            out=folder,
            resume=resume,
            progress=False,
            rng=1,
        )
        code = 0
    finally:
        os._exit(code)


def ended(process):
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def differing(folder, other):
    return [name for name in FILES if (folder / name).read_bytes() != (other / name).read_bytes()]


def main(folder, scenes, n_points):
    rng = np.random.default_rng(0)
    report = {"killed": 0, "within": 0, "differing": []}
    for scene, options in enumerate(scenes):
        whole = folder / f"whole-{scene}"
        start = time.monotonic()
        if ended(run(whole, options, resume=False)):
            raise SystemExit("the run that nobody kills has failed")
        lasted = time.monotonic() - start
        for point in range(n_points):
            place = folder / f"killed-{scene}-{point}"
            process = run(place, options, resume=False)
            time.sleep(rng.uniform(0.0, 0.95) * lasted)
            os.kill(process, signal.SIGKILL)
            report["killed"] += ended(process) == -signal.SIGKILL
            report["within"] += bool(list(place.glob("checkpoints/.step-*")))
            if ended(run(place, options, resume=True)):
                raise SystemExit(f"resuming {place} has failed")
            report["differing"] += [f"{place.name}/{name}" for name in differing(place, whole)]
            left = [str(path) for path in place.rglob("*") if path.name.startswith(".")]
            report["differing"] += left
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]))
