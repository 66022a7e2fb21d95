"""The table of metrics by name: what `summarize` and the command line can measure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np

from netsparse.errors import InvalidDegree
from netsparse.metrics.assortativity import degree_assortativity
from netsparse.metrics.betweenness import betweenness, edge_betweenness
from netsparse.metrics.block_baselines import (
    expected_block_occupancy,
    expected_singleton_vectors,
    expected_zero_vectors,
)
from netsparse.metrics.blocks import block_occupancy, singleton_vectors, zero_vectors
from netsparse.metrics.connectivity import (
    active_inputs,
    active_outputs,
    active_units,
    giant_component,
    n_components,
    unreached_units,
    unused_units,
)
from netsparse.metrics.cuts import articulation_points, bridges, min_cut
from netsparse.metrics.degree import degree_gini, density, fan_in_statistics, fan_out_statistics
from netsparse.metrics.entropy import spectral_entropy
from netsparse.metrics.expansion import cheeger_bounds, mixing_discrepancy, normalized_spectral_gap, ramanujan_excess
from netsparse.metrics.joins import join_counts, morans_i
from netsparse.metrics.laplacian import algebraic_connectivity
from netsparse.metrics.matrices import Graph, magnitudes
from netsparse.metrics.modularity import modularity
from netsparse.metrics.nearest import expected_nearest_neighbour_distance, nearest_neighbour_distance
from netsparse.metrics.nestedness import nestedness
from netsparse.metrics.non_backtracking import non_backtracking_eigenvalue, non_backtracking_excess
from netsparse.metrics.paths import effective_depth, log_path_count, log_path_weight, mean_path_length
from netsparse.metrics.power_law import power_law_fit
from netsparse.metrics.resistance import effective_resistance
from netsparse.metrics.small_world import small_worldness
from netsparse.metrics.spectral import spectral_gap
from netsparse.metrics.structure import bipartite_clustering, four_cycles


class Metric(NamedTuple):
    """One member of the family: what to call, and what it needs.

    Parameters
    ----------
    function : callable
        Called as `function(graph, weights)`, with `weights` None where the metric is one of the wiring; `rng=` is
        added where it is random. Returns a number, NaN where the metric is not defined.
    of : {"wiring", "weights"}
        Whether it looks at |w|.
    cost : {"fast", "slow"}
        Fast ones are in the default set of `summarize`.
    random : bool
        Whether it estimates by drawing.
    beside : tuple of str
        Metrics without which its value misleads; they are measured along with it.
    """

    function: Callable[..., Any]
    of: Literal["wiring", "weights"] = "wiring"
    cost: Literal["fast", "slow"] = "fast"
    random: bool = False
    beside: tuple[str, ...] = ()


def _mean_abs_weight(graph: Graph, weights: Any) -> float:
    values = np.concatenate(magnitudes(graph, weights))
    return float(values.mean()) if len(values) else 0.0


def _field(function: Callable[..., Any], name: str) -> Callable[..., float]:
    """Return the metric that is one field of what `function` gives."""
    return lambda graph, weights, **options: float(getattr(function(graph, weights, **options), name))


def _count(function: Callable[..., Any]) -> Callable[[Graph, Any], float]:
    """Return the metric that counts the units which `function` lists."""
    return lambda graph, weights: float(len(function(graph, weights)))


def _n_bridges(graph: Graph, weights: Any) -> float:
    return float(sum(int(mask.sum()) for mask in bridges(graph, weights)))


def _largest(function: Callable[..., Any]) -> Callable[[Graph, Any], float]:
    """Return the metric that is the largest value of an array, or of one array per layer."""
    return lambda graph, weights: float(max((np.max(v) for v in function(graph, weights) if np.size(v)), default=0.0))


def _power_law(name: str) -> Callable[..., float]:
    """Return one field of the power law fitted to the fan-out; NaN where there are too few different degrees."""

    def fitted(graph: Graph, weights: Any, *, rng: Any) -> float:
        fan_out = np.concatenate([layer.fan_out for layer in graph.layers])
        n_bootstrap = 100 if name == "p_value" else 0
        try:
            return float(getattr(power_law_fit(fan_out, alternatives=(), n_bootstrap=n_bootstrap, rng=rng), name))
        except InvalidDegree:
            return float("nan")

    return fitted


GAP = ("density", "normalized_spectral_gap", "ramanujan_excess")  # no spectral number goes without them
GAP_WEIGHTED = ("density", "normalized_spectral_gap_weighted", "ramanujan_excess")
CONNECTIVITY = (*GAP, "giant_component", *(f"algebraic_connectivity{k}" for k in ("_giant", "_giant_normalized")))
RESISTANCE = ("density", "giant_component")
SQUARE = (4, 4)  # rows and columns of the blocks whose occupancy is tabulated
giant = partial(algebraic_connectivity, component="giant")

METRICS: dict[str, Metric] = {
    "density": Metric(density),
    "fan_in_mean": Metric(_field(fan_in_statistics, "mean")),
    "fan_in_std": Metric(_field(fan_in_statistics, "std")),
    "fan_in_min": Metric(_field(fan_in_statistics, "min")),
    "fan_in_max": Metric(_field(fan_in_statistics, "max")),
    "fan_in_gini": Metric(partial(degree_gini, side="in")),
    "isolated_outputs": Metric(_field(fan_in_statistics, "n_isolated")),
    "fan_out_mean": Metric(_field(fan_out_statistics, "mean")),
    "fan_out_std": Metric(_field(fan_out_statistics, "std")),
    "fan_out_min": Metric(_field(fan_out_statistics, "min")),
    "fan_out_max": Metric(_field(fan_out_statistics, "max")),
    "fan_out_gini": Metric(partial(degree_gini, side="out")),
    "isolated_inputs": Metric(_field(fan_out_statistics, "n_isolated")),
    "degree_assortativity": Metric(degree_assortativity),
    "active_inputs": Metric(active_inputs),
    "active_outputs": Metric(active_outputs),
    "active_units": Metric(active_units),
    "n_components": Metric(n_components),
    "giant_component": Metric(giant_component),
    "spectral_gap": Metric(spectral_gap, beside=GAP),
    "normalized_spectral_gap": Metric(normalized_spectral_gap, beside=GAP),
    "ramanujan_excess": Metric(lambda graph, _: ramanujan_excess(graph), beside=GAP),
    "algebraic_connectivity": Metric(algebraic_connectivity, beside=CONNECTIVITY),
    "algebraic_connectivity_giant": Metric(giant, beside=CONNECTIVITY),
    "algebraic_connectivity_giant_normalized": Metric(partial(giant, laplacian="normalized"), beside=CONNECTIVITY),
    "non_backtracking_eigenvalue": Metric(lambda graph, _: non_backtracking_eigenvalue(graph), beside=GAP),
    "log_path_count": Metric(log_path_count),
    "effective_depth": Metric(effective_depth),
    # weights
    "mean_abs_weight": Metric(_mean_abs_weight, of="weights"),
    "strength_in_mean": Metric(_field(fan_in_statistics, "mean"), of="weights"),
    "strength_in_std": Metric(_field(fan_in_statistics, "std"), of="weights"),
    "giant_component_weighted": Metric(giant_component, of="weights"),
    "spectral_gap_weighted": Metric(spectral_gap, of="weights", beside=GAP_WEIGHTED),
    "normalized_spectral_gap_weighted": Metric(normalized_spectral_gap, of="weights", beside=GAP_WEIGHTED),
    "algebraic_connectivity_giant_weighted": Metric(
        giant, of="weights", beside=(*GAP_WEIGHTED, "giant_component_weighted")
    ),
    "log_path_weight": Metric(log_path_weight, of="weights"),
    "effective_depth_weighted": Metric(effective_depth, of="weights"),
    # what takes longer
    "unreached_units": Metric(_count(unreached_units), cost="slow"),
    "unused_units": Metric(_count(unused_units), cost="slow"),
    "bridges": Metric(_n_bridges, cost="slow"),
    "articulation_points": Metric(_count(articulation_points), cost="slow"),
    "min_cut": Metric(_field(min_cut, "value"), cost="slow"),
    "min_cut_weighted": Metric(_field(min_cut, "value"), of="weights", cost="slow"),
    "power_law_exponent": Metric(_power_law("exponent"), cost="slow", random=True, beside=("power_law_p",)),
    "power_law_p": Metric(_power_law("p_value"), cost="slow", random=True),
    "non_backtracking_excess": Metric(
        lambda graph, _: non_backtracking_excess(graph),
        cost="slow",
        beside=(*GAP, "non_backtracking_eigenvalue"),
    ),
    "spectral_entropy": Metric(_field(spectral_entropy, "value"), cost="slow", random=True, beside=GAP),
    "spectral_entropy_weighted": Metric(
        _field(spectral_entropy, "value"), of="weights", cost="slow", random=True, beside=GAP_WEIGHTED
    ),
    "effective_resistance": Metric(_field(effective_resistance, "value"), cost="slow", random=True, beside=RESISTANCE),
    "effective_resistance_weighted": Metric(
        _field(effective_resistance, "value"), of="weights", cost="slow", random=True, beside=RESISTANCE
    ),
    "cheeger_low": Metric(_field(cheeger_bounds, "low"), cost="slow", beside=(*GAP, "cheeger_high")),
    "cheeger_high": Metric(_field(cheeger_bounds, "high"), cost="slow", beside=(*GAP, "cheeger_low")),
    "mixing_discrepancy_found": Metric(_field(mixing_discrepancy, "found"), cost="slow", beside=GAP),
    "mixing_discrepancy_bound": Metric(_field(mixing_discrepancy, "bound"), cost="slow", beside=GAP),
    "mean_path_length": Metric(mean_path_length, cost="slow", beside=("giant_component",)),
    "small_worldness": Metric(small_worldness, cost="slow", random=True),
    "betweenness_max": Metric(_largest(lambda graph, weights: [betweenness(graph, weights)]), cost="slow"),
    "edge_betweenness_max": Metric(_largest(edge_betweenness), cost="slow"),
    "four_cycles": Metric(four_cycles, cost="slow"),
    "bipartite_clustering": Metric(bipartite_clustering, cost="slow"),
    "nestedness": Metric(_field(nestedness, "total"), cost="slow"),
    "modularity": Metric(modularity, cost="slow", random=True),
    "modularity_weighted": Metric(modularity, of="weights", cost="slow", random=True),
    "zero_vectors_in": Metric(partial(zero_vectors, axis="in"), cost="slow", beside=("expected_zero_vectors_in",)),
    "expected_zero_vectors_in": Metric(partial(expected_zero_vectors, axis="in"), cost="slow"),
    "zero_vectors_out": Metric(partial(zero_vectors, axis="out"), cost="slow", beside=("expected_zero_vectors_out",)),
    "expected_zero_vectors_out": Metric(partial(expected_zero_vectors, axis="out"), cost="slow"),
    "singleton_vectors_in": Metric(
        partial(singleton_vectors, axis="in"), cost="slow", beside=("expected_singleton_vectors_in",)
    ),
    "expected_singleton_vectors_in": Metric(partial(expected_singleton_vectors, axis="in"), cost="slow"),
    "singleton_vectors_out": Metric(
        partial(singleton_vectors, axis="out"), cost="slow", beside=("expected_singleton_vectors_out",)
    ),
    "expected_singleton_vectors_out": Metric(partial(expected_singleton_vectors, axis="out"), cost="slow"),
    "block_occupancy_4x4": Metric(
        partial(block_occupancy, block_shape=SQUARE), cost="slow", beside=("expected_block_occupancy_4x4",)
    ),
    "expected_block_occupancy_4x4": Metric(partial(expected_block_occupancy, block_shape=SQUARE), cost="slow"),
    "nearest_neighbour_distance": Metric(
        nearest_neighbour_distance, cost="slow", beside=("expected_nearest_neighbour_distance",)
    ),
    "expected_nearest_neighbour_distance": Metric(expected_nearest_neighbour_distance, cost="slow"),
    "join_counts_z": Metric(_field(join_counts, "z_score"), cost="slow"),
    "morans_i": Metric(morans_i, cost="slow"),
}
"""All metrics by name. Those of the weights end in `_weighted` where the wiring has the same; edges of weight 0 count
as absent in them."""
