"""Rewiring rules: from a layer's graph and weights to an `EdgeDelta`."""

from netsparse.rewiring.bayesian import BayesianSampling
from netsparse.rewiring.cannistraci_hebb import CannistraciHebb, CannistraciHebbSoft
from netsparse.rewiring.catalogue import RULES, named_rule
from netsparse.rewiring.constant_fan_in import SRigL
from netsparse.rewiring.deep_r import DeepR
from netsparse.rewiring.degree_preserving import DegreePreserving
from netsparse.rewiring.evolutionary import SET, Static
from netsparse.rewiring.gradient_grown import SNFS, RigL
from netsparse.rewiring.in_time import ITOP
from netsparse.rewiring.memory_economic import MEST
from netsparse.rewiring.parts import needs
from netsparse.rewiring.pruning import GradualMagnitudePruning
from netsparse.rewiring.rule import RewiringRule
from netsparse.rewiring.scores import smallest_magnitude, smallest_sign_wise
from netsparse.rewiring.soft_deep_r import SoftDeepR
from netsparse.rewiring.spectral_growth import SpectralGap
from netsparse.rewiring.state import Kept, LayerState, Moment
from netsparse.rewiring.structured import Structured, StructuredByWeight

__all__ = [
    "ITOP",
    "MEST",
    "RULES",
    "SET",
    "SNFS",
    "BayesianSampling",
    "CannistraciHebb",
    "CannistraciHebbSoft",
    "DeepR",
    "DegreePreserving",
    "GradualMagnitudePruning",
    "Kept",
    "LayerState",
    "Moment",
    "RewiringRule",
    "RigL",
    "SRigL",
    "SoftDeepR",
    "SpectralGap",
    "Static",
    "Structured",
    "StructuredByWeight",
    "named_rule",
    "needs",
    "smallest_magnitude",
    "smallest_sign_wise",
]
