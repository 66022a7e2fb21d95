"""Generators: exact, seeded, O(edges) ways to wire a layer or a whole network."""

from netsparse.generators.allocation import ALLOCATIONS, erk, uniform
from netsparse.generators.layered import GENERATORS, OWN_SIZES, layered
from netsparse.generators.null_models import NULL_MODELS, degree_preserving, density_preserving, randomized
from netsparse.generators.random import erdos_renyi
from netsparse.generators.regular import biregular, near_biregular
from netsparse.generators.structured import complete

__all__ = [
    "ALLOCATIONS",
    "GENERATORS",
    "NULL_MODELS",
    "OWN_SIZES",
    "biregular",
    "complete",
    "degree_preserving",
    "density_preserving",
    "erdos_renyi",
    "erk",
    "layered",
    "near_biregular",
    "randomized",
    "uniform",
]
