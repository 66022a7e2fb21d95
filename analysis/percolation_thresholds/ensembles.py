"""The five random bipartite ensembles of the study: how one network is drawn, and where theory puts its threshold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from netsparse import BipartiteGraph, generators


class Ensemble(NamedTuple):
    """A way to draw a graph of about `n_units` units.

    `critical` is the critical fraction kept of the whole ensemble; None where it depends on the degrees that a graph
    happens to get.
    """

    draw: Callable[[int, np.random.Generator], BipartiteGraph]
    critical: float | None


def power_law_degrees(n_units: int, exponent: float, least: int, rng: np.random.Generator) -> np.ndarray:
    """Draw degrees of at least `least` with tail P(k) ~ k^(-exponent): a Pareto variable, rounded."""
    pareto = (least - 0.5) * rng.random(n_units) ** (-1 / (exponent - 1))
    return np.floor(pareto + 0.5).astype(np.int64)


def power_law_graph(n_units: int, exponent: float, least: int, rng: np.random.Generator) -> BipartiteGraph:
    """Draw both degree sequences, give the side with fewer edges one more on random units, and wire at random.

    No chain of swaps follows: of a million edges a handful is repaired, too few to shift a threshold.
    """
    half = n_units // 2
    sides = sorted((power_law_degrees(half, exponent, least, rng) for _ in range(2)), key=np.sum)
    lacking = int(sides[1].sum() - sides[0].sum())
    sides[0][rng.choice(half, lacking, replace=False)] += 1
    return generators.configuration_model(*sides, swaps_per_edge=0, rng=rng)


def ensembles(mean_degree: int, power_laws: Sequence[Mapping[str, Any]]) -> dict[str, Ensemble]:
    """Return the ensembles by name, those with power laws (of "exponent" and "least_degree") last."""

    def erdos_renyi(n_units: int, rng: np.random.Generator) -> BipartiteGraph:
        half = n_units // 2
        return generators.erdos_renyi(half, half, n_edges=mean_degree * half, rng=rng)

    def biregular(n_units: int, rng: np.random.Generator) -> BipartiteGraph:
        return generators.biregular(n_units // 2, n_units // 2, fan_in=3, rng=rng)

    def unequal(n_units: int, rng: np.random.Generator) -> BipartiteGraph:
        return generators.biregular(2 * (n_units // 3), n_units // 3, fan_in=6, rng=rng)

    def power_law(exponent: float, least: int) -> Ensemble:
        return Ensemble(lambda n_units, rng: power_law_graph(n_units, exponent, least, rng), None)

    return {
        f"Erdos-Renyi, mean degree {mean_degree}": Ensemble(erdos_renyi, 1 / mean_degree),
        "biregular 3-3": Ensemble(biregular, 1 / 2),
        "biregular 3-6": Ensemble(unequal, 1 / 10**0.5),
    } | {f"power law {law['exponent']:g}": power_law(law["exponent"], law["least_degree"]) for law in power_laws}
