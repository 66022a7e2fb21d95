"""Generators: exact, seeded, O(edges) ways to wire a layer or a whole network, and null models of a given one."""

from netsparse.generators.allocation import ALLOCATIONS, erk, uniform
from netsparse.generators.configuration import configuration_model
from netsparse.generators.convolutional import VGG_ALLOCATIONS, vgg
from netsparse.generators.correlated import feature_correlation
from netsparse.generators.expander import permutation_union, random_lift
from netsparse.generators.layered import GENERATORS, OWN_SIZES, layered
from netsparse.generators.modular import block_diagonal, stochastic_block_model
from netsparse.generators.null_models import NULL_MODELS, degree_preserving, density_preserving, randomized
from netsparse.generators.products import kronecker, kronecker_power
from netsparse.generators.ramanujan import lubotzky_phillips_sarnak, projective_plane
from netsparse.generators.random import erdos_renyi, gnp
from netsparse.generators.regular import biregular, constant_fan_in, constant_fan_out, near_biregular
from netsparse.generators.scale_free import chung_lu, preferential_attachment
from netsparse.generators.self_similar import stochastic_kronecker
from netsparse.generators.small_world import watts_strogatz
from netsparse.generators.stacks import butterfly, radix_net
from netsparse.generators.structured import banded, circulant, complete, tree

__all__ = [
    "ALLOCATIONS",
    "GENERATORS",
    "NULL_MODELS",
    "OWN_SIZES",
    "VGG_ALLOCATIONS",
    "banded",
    "biregular",
    "block_diagonal",
    "butterfly",
    "chung_lu",
    "circulant",
    "complete",
    "configuration_model",
    "constant_fan_in",
    "constant_fan_out",
    "degree_preserving",
    "density_preserving",
    "erdos_renyi",
    "erk",
    "feature_correlation",
    "gnp",
    "kronecker",
    "kronecker_power",
    "layered",
    "lubotzky_phillips_sarnak",
    "near_biregular",
    "permutation_union",
    "preferential_attachment",
    "projective_plane",
    "radix_net",
    "random_lift",
    "randomized",
    "stochastic_block_model",
    "stochastic_kronecker",
    "tree",
    "uniform",
    "vgg",
    "watts_strogatz",
]
