"""Whom to grow: `(kept, n_grow, rng) -> (sources, targets)`, distinct pairs that are free among the survivors."""

from netsparse.rewiring.growth.fiedler import FiedlerGrowth
from netsparse.rewiring.growth.gradient import SampledGradient, SoftGradient, gradient, momentum, uniform
from netsparse.rewiring.growth.nearest import NearestFree
from netsparse.rewiring.growth.path_growth import PathGrowth
from netsparse.rewiring.growth.preferential import DegreePreferential
from netsparse.rewiring.parts import Grow

GROWTHS: dict[str, Grow] = {
    "uniform": uniform,
    "gradient": gradient,
    "sampled_gradient": SampledGradient(),
    "soft_gradient": SoftGradient(),
    "momentum": momentum,
    "ch3": PathGrowth("ch3_l3n"),
    "ch2": PathGrowth("ch2_l3n"),
    "ch3_soft": PathGrowth("ch3_l3n", soft=True),
    "resource_allocation": PathGrowth("ra_l3p"),
    "nearest": NearestFree(),
    "nearest_by_weight": NearestFree("weight"),
    "degree_preferential": DegreePreferential(),
    "spectral_gap": FiedlerGrowth(),
}

__all__ = [
    "GROWTHS",
    "DegreePreferential",
    "FiedlerGrowth",
    "NearestFree",
    "PathGrowth",
    "SampledGradient",
    "SoftGradient",
]
