"""Metrics: pure functions of a graph or a network, and of its weights where given."""

from netsparse.metrics.assortativity import degree_assortativity
from netsparse.metrics.betweenness import betweenness, edge_betweenness
from netsparse.metrics.block_baselines import (
    expected_block_occupancy,
    expected_singleton_vectors,
    expected_zero_vectors,
)
from netsparse.metrics.blocks import block_occupancy, singleton_pruning, singleton_vectors, zero_vectors
from netsparse.metrics.catalogue import METRICS, Metric
from netsparse.metrics.chains import Compressed, chain_removal, compressed
from netsparse.metrics.connectivity import (
    active_inputs,
    active_outputs,
    active_units,
    component_labels,
    component_sizes,
    dead_inputs,
    giant_component,
    n_components,
    path_units,
    reached_units,
    unreached_units,
    unused_units,
    used_units,
)
from netsparse.metrics.cuts import MinCut, articulation_points, bridges, min_cut
from netsparse.metrics.degree import (
    DegreeDistribution,
    DegreeStatistics,
    degree_distribution,
    degree_gini,
    degrees,
    density,
    fan_in_statistics,
    fan_out_statistics,
    sparsity,
)
from netsparse.metrics.distance import degree_distance, jaccard_distance, spectral_distance
from netsparse.metrics.entropy import spectral_entropy
from netsparse.metrics.estimate import Estimate
from netsparse.metrics.expansion import (
    CheegerBounds,
    MixingDiscrepancy,
    cheeger_bounds,
    mixing_discrepancy,
    normalized_spectral_gap,
    ramanujan_excess,
)
from netsparse.metrics.joins import JoinCounts, join_counts, morans_i
from netsparse.metrics.laplacian import algebraic_connectivity
from netsparse.metrics.matching import matched_distance
from netsparse.metrics.modularity import barber_modularity, communities, modularity
from netsparse.metrics.nearest import expected_nearest_neighbour_distance, nearest_neighbour_distance
from netsparse.metrics.nestedness import Nestedness, nestedness
from netsparse.metrics.non_backtracking import non_backtracking_eigenvalue, non_backtracking_excess
from netsparse.metrics.paths import (
    effective_depth,
    log_path_count,
    log_path_counts_between,
    log_path_weight,
    mean_path_length,
)
from netsparse.metrics.power_law import PowerLawFit, power_law_fit
from netsparse.metrics.resistance import effective_resistance
from netsparse.metrics.small_world import SmallWorldStatistics, small_world_statistics, small_worldness
from netsparse.metrics.spectral import singular_values, spectral_gap
from netsparse.metrics.structure import bipartite_clustering, four_cycles, local_clustering
from netsparse.metrics.table import summarize
from netsparse.metrics.vector_moments import vector_moments
from netsparse.metrics.vector_table import zero_vector_table

__all__ = [
    "METRICS",
    "CheegerBounds",
    "Compressed",
    "DegreeDistribution",
    "DegreeStatistics",
    "Estimate",
    "JoinCounts",
    "Metric",
    "MinCut",
    "MixingDiscrepancy",
    "Nestedness",
    "PowerLawFit",
    "SmallWorldStatistics",
    "active_inputs",
    "active_outputs",
    "active_units",
    "algebraic_connectivity",
    "articulation_points",
    "barber_modularity",
    "betweenness",
    "bipartite_clustering",
    "block_occupancy",
    "bridges",
    "chain_removal",
    "cheeger_bounds",
    "communities",
    "component_labels",
    "component_sizes",
    "compressed",
    "dead_inputs",
    "degree_assortativity",
    "degree_distance",
    "degree_distribution",
    "degree_gini",
    "degrees",
    "density",
    "edge_betweenness",
    "effective_depth",
    "effective_resistance",
    "expected_block_occupancy",
    "expected_nearest_neighbour_distance",
    "expected_singleton_vectors",
    "expected_zero_vectors",
    "fan_in_statistics",
    "fan_out_statistics",
    "four_cycles",
    "giant_component",
    "jaccard_distance",
    "join_counts",
    "local_clustering",
    "log_path_count",
    "log_path_counts_between",
    "log_path_weight",
    "matched_distance",
    "mean_path_length",
    "min_cut",
    "mixing_discrepancy",
    "modularity",
    "morans_i",
    "n_components",
    "nearest_neighbour_distance",
    "nestedness",
    "non_backtracking_eigenvalue",
    "non_backtracking_excess",
    "normalized_spectral_gap",
    "path_units",
    "power_law_fit",
    "ramanujan_excess",
    "reached_units",
    "singleton_pruning",
    "singleton_vectors",
    "singular_values",
    "small_world_statistics",
    "small_worldness",
    "sparsity",
    "spectral_distance",
    "spectral_entropy",
    "spectral_gap",
    "summarize",
    "unreached_units",
    "unused_units",
    "used_units",
    "vector_moments",
    "zero_vector_table",
    "zero_vectors",
]
