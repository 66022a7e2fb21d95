"""How a network falls apart as its edges or units are removed: simulation, theory, thresholds, finite sizes."""

from netsparse.percolation.collapse import Collapse, scaling_collapse
from netsparse.percolation.critical import generating_function_threshold, non_backtracking_threshold
from netsparse.percolation.crossing import crossing
from netsparse.percolation.curve import PercolationCurve
from netsparse.percolation.edge_orders import ByScore, ByWeight, DegreeProduct, EdgeBetweenness, Random
from netsparse.percolation.finite_size import FiniteSizeFit, ensemble_thresholds, finite_size_fit
from netsparse.percolation.half_point import HalfPoint
from netsparse.percolation.message_passing import ExpectedComponents, component_curves, expected_components
from netsparse.percolation.observables import OBSERVABLES
from netsparse.percolation.order import RemovalOrder, RemovalState
from netsparse.percolation.orders import ORDERS, random_order, removals
from netsparse.percolation.points import removal_counts
from netsparse.percolation.prediction import Prediction, predict
from netsparse.percolation.reach import lead_probabilities, reach_curves, reach_probabilities
from netsparse.percolation.removal import Removal
from netsparse.percolation.simulation import observe, percolate
from netsparse.percolation.threshold import METHODS, Threshold
from netsparse.percolation.unit_orders import RandomUnits, UnitDegree

__all__ = [
    "METHODS",
    "OBSERVABLES",
    "ORDERS",
    "ByScore",
    "ByWeight",
    "Collapse",
    "DegreeProduct",
    "EdgeBetweenness",
    "ExpectedComponents",
    "FiniteSizeFit",
    "HalfPoint",
    "PercolationCurve",
    "Prediction",
    "Random",
    "RandomUnits",
    "Removal",
    "RemovalOrder",
    "RemovalState",
    "Threshold",
    "UnitDegree",
    "component_curves",
    "crossing",
    "ensemble_thresholds",
    "expected_components",
    "finite_size_fit",
    "generating_function_threshold",
    "lead_probabilities",
    "non_backtracking_threshold",
    "observe",
    "percolate",
    "predict",
    "random_order",
    "reach_curves",
    "reach_probabilities",
    "removal_counts",
    "removals",
    "scaling_collapse",
]
