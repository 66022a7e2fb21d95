"""How a network falls apart as its edges are removed: giant component, reachability, threshold."""

from netsparse.percolation.curve import PercolationCurve, removal_counts
from netsparse.percolation.observables import OBSERVABLES
from netsparse.percolation.orders import ORDERS, random_order, removal_orders
from netsparse.percolation.simulation import percolate
from netsparse.percolation.threshold import Threshold

__all__ = [
    "OBSERVABLES",
    "ORDERS",
    "PercolationCurve",
    "Threshold",
    "percolate",
    "random_order",
    "removal_counts",
    "removal_orders",
]
