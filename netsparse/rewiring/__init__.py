"""Rewiring rules: from a layer's graph and weights to an `EdgeDelta`."""

from netsparse.rewiring.catalogue import RULES, named_rule
from netsparse.rewiring.evolutionary import SET
from netsparse.rewiring.rule import RewiringRule
from netsparse.rewiring.scores import smallest_magnitude, smallest_sign_wise
from netsparse.rewiring.state import Kept, LayerState, Moment

__all__ = [
    "RULES",
    "SET",
    "Kept",
    "LayerState",
    "Moment",
    "RewiringRule",
    "named_rule",
    "smallest_magnitude",
    "smallest_sign_wise",
]
