"""Rewiring rules: from a layer's graph and weights to an `EdgeDelta`."""

from netsparse.rewiring.rule import LayerState, RewiringRule
from netsparse.rewiring.rules import RULES, SET, named_rule
from netsparse.rewiring.scores import smallest_magnitude, smallest_sign_wise

__all__ = ["RULES", "SET", "LayerState", "RewiringRule", "named_rule", "smallest_magnitude", "smallest_sign_wise"]
