"""Rewiring rules: from a layer's graph and weights to an `EdgeDelta`."""

from netsparse.rewiring.catalogue import RULES, named_rule
from netsparse.rewiring.magnitude_cut import magnitude_cut
from netsparse.rewiring.one_shot import keep_highest
from netsparse.rewiring.parts import needs
from netsparse.rewiring.rule import RewiringRule
from netsparse.rewiring.rules.bayesian import BayesianSampling
from netsparse.rewiring.rules.cannistraci_hebb import CannistraciHebb, CannistraciHebbSoft
from netsparse.rewiring.rules.constant_fan_in import SRigL
from netsparse.rewiring.rules.deep_r import DeepR
from netsparse.rewiring.rules.degree_preserving import DegreePreserving
from netsparse.rewiring.rules.evolutionary import SET, Static
from netsparse.rewiring.rules.gradient_grown import SNFS, RigL
from netsparse.rewiring.rules.in_time import ITOP
from netsparse.rewiring.rules.memory_economic import MEST
from netsparse.rewiring.rules.prune_aware import PruneAware
from netsparse.rewiring.rules.pruning import GradualMagnitudePruning
from netsparse.rewiring.rules.soft_deep_r import SoftDeepR
from netsparse.rewiring.rules.spectral_gap import SpectralGap
from netsparse.rewiring.rules.structured import Structured, StructuredByWeight
from netsparse.rewiring.scores import smallest_magnitude, smallest_sign_wise
from netsparse.rewiring.state import Kept, LayerState, Moment
from netsparse.rewiring.synaptic_flow import synflow, synflow_scores

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
    "PruneAware",
    "RewiringRule",
    "RigL",
    "SRigL",
    "SoftDeepR",
    "SpectralGap",
    "Static",
    "Structured",
    "StructuredByWeight",
    "keep_highest",
    "magnitude_cut",
    "named_rule",
    "needs",
    "smallest_magnitude",
    "smallest_sign_wise",
    "synflow",
    "synflow_scores",
]
