"""Array shapes in the annotations of the percolation room hold at run time."""

import os
import subprocess
import sys
from pathlib import Path

CALLS = """
from jaxtyping import install_import_hook

with install_import_hook("netsparse.percolation", "beartype.beartype"):
    from netsparse.percolation import OBSERVABLES, percolate
    from netsparse.percolation.simulation import observe
import zoo

for wiring in (*zoo.GRAPHS.values(), *zoo.NETWORKS.values()):
    for scope in ("layer", "network"):
        curve = percolate(wiring, scope=scope, observables=tuple(OBSERVABLES), trials=2, rng=0)
        curve.to_frame(), curve.to_frame(5), curve.at([0]), curve.values("n_components"), curve.half_point()
        curve.threshold(), curve.threshold("susceptibility")
    percolate(wiring, order=list(range(wiring.n_edges)), points=3)
    percolate(wiring, order="random_units", observables=tuple(OBSERVABLES), points=[1], rng=0)
    observe(wiring, tuple(OBSERVABLES))
print("all shapes hold")
"""


def test_annotated_shapes_hold_on_every_wiring():
    # the hook decorates compiled kernels too, which numba's cache cannot pickle: they run as plain Python here
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": paths}
    run = subprocess.run([sys.executable, "-c", CALLS], env=environment, capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "all shapes hold", run.stderr
