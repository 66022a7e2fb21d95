"""Critical exponents and thresholds of the same ensembles without theory: scaling collapse, and crossing curves.

    python analysis/percolation_thresholds/exponents.py

One graph per ensemble and size, 50 removal orders each; less than a minute. Power laws are left out: their realised
critical fraction differs from graph to graph by more than the critical window of the larger ones is wide, so that one
p_c cannot put its curves on each other.
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from ensembles import ensembles

from netsparse.percolation import crossing, percolate, scaling_collapse

HERE = Path(__file__).parent
CONFIG = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
SIZES = [3_000, 10_000, 30_000, 100_000, 300_000]
POINTS = 4_000
SHOWN = "biregular 3-3"


def main() -> None:
    """Write exponents.csv (a row per ensemble and observable) and crossings.csv, and draw one collapse."""
    mpl.use("Agg")
    from netsparse.plotting import collapse

    exponents, crossings = [], []
    family = ensembles(CONFIG["mean_degree"], CONFIG["power_laws"])
    for place, (name, ensemble) in enumerate(family.items()):
        if ensemble.critical is None:
            continue
        curves = []
        for n_units in SIZES:
            rng = np.random.default_rng([n_units, place])
            graph = ensemble.draw(n_units, rng)
            curves.append(percolate(graph, trials=CONFIG["trials"], points=POINTS, rng=rng))
        for observable in ("giant_component", "second_component", "susceptibility"):
            for given in (None, ensemble.critical):
                found = scaling_collapse(curves, observable=observable, threshold=given)
                exponents.append(
                    {"ensemble": name, "observable": observable, "threshold_from": "theory" if given else "fit"}
                    | {"theory": ensemble.critical}
                    | {"threshold": found.threshold, "threshold_error": found.threshold_error}
                    | {"width_exponent": found.width_exponent, "width_error": found.width_error}
                    | {"height_exponent": found.height_exponent, "height_error": found.height_error}
                    | {"quality": found.quality}
                )
            if (name, observable) == (SHOWN, "giant_component"):
                collapse(found).figure.savefig(HERE / "collapse.png", dpi=150, bbox_inches="tight")
        largest = curves.pop()
        for smaller in curves:
            met = crossing(smaller, largest)
            crossings.append(
                {"ensemble": name, "n_smaller": sum(smaller.sizes), "n_larger": sum(largest.sizes)}
                | {"theory": ensemble.critical, "threshold": met.fraction_kept, "error": met.error}
            )
    for rows, file in ((exponents, "exponents.csv"), (crossings, "crossings.csv")):
        table = pd.DataFrame(rows).round(6)
        table.to_csv(HERE / file, index=False)
        print(table.to_string())


if __name__ == "__main__":
    main()
