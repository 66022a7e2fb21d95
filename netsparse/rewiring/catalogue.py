"""The published rules, and ours, by name."""

from __future__ import annotations

from netsparse.errors import unknown_name
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

RULES: dict[str, type[RewiringRule]] = {
    "static": Static,
    "set": SET,
    "rigl": RigL,
    "itop": ITOP,
    "snfs": SNFS,
    "mest": MEST,
    "srigl": SRigL,
    "deep_r": DeepR,
    "soft_deep_r": SoftDeepR,
    "bayesian_sampling": BayesianSampling,
    "structured": Structured,
    "structured_by_weight": StructuredByWeight,
    "prune_aware": PruneAware,
    "cannistraci_hebb": CannistraciHebb,
    "cannistraci_hebb_soft": CannistraciHebbSoft,
    "degree_preserving": DegreePreserving,
    "spectral_gap": SpectralGap,
    "gradual_magnitude_pruning": GradualMagnitudePruning,
}


def named_rule(rule: str | RewiringRule) -> RewiringRule:
    """Return the rule itself, or the one of that name with its default options; raises `UnknownName`."""
    if isinstance(rule, RewiringRule):
        return rule
    if not isinstance(rule, str) or rule not in RULES:
        raise unknown_name("rule", rule, RULES)
    return RULES[rule]()
