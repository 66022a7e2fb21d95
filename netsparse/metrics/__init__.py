"""Metrics: pure functions of a graph or a network, and of its weights where given."""

from netsparse.metrics.connectivity import (
    active_inputs,
    active_outputs,
    component_labels,
    component_sizes,
    giant_component,
    n_components,
)
from netsparse.metrics.degree import DegreeStatistics, density, fan_in_statistics, fan_out_statistics, sparsity
from netsparse.metrics.laplacian import algebraic_connectivity
from netsparse.metrics.spectral import singular_values, spectral_gap
from netsparse.metrics.table import METRICS, WEIGHTED_METRICS, summarize

__all__ = [
    "METRICS",
    "WEIGHTED_METRICS",
    "DegreeStatistics",
    "active_inputs",
    "active_outputs",
    "algebraic_connectivity",
    "component_labels",
    "component_sizes",
    "density",
    "fan_in_statistics",
    "fan_out_statistics",
    "giant_component",
    "n_components",
    "singular_values",
    "sparsity",
    "spectral_gap",
    "summarize",
]
