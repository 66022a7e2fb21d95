"""Generators: exact, seeded, O(edges) ways to wire a layer or a whole network."""

from netsparse.generators.allocation import ALLOCATIONS, GENERATORS, erk, layered, uniform
from netsparse.generators.random import erdos_renyi
from netsparse.generators.regular import biregular, near_biregular
from netsparse.generators.structured import complete

__all__ = [
    "ALLOCATIONS",
    "GENERATORS",
    "biregular",
    "complete",
    "erdos_renyi",
    "erk",
    "layered",
    "near_biregular",
    "uniform",
]
