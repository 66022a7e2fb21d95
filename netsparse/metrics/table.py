"""`summarize`: named metrics of every layer and of the whole network as one tidy table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from netsparse.errors import InvalidOption, NotConverged, unknown_name
from netsparse.graph import BipartiteGraph
from netsparse.metrics.connectivity import active_inputs, active_outputs, giant_component, n_components
from netsparse.metrics.degree import density, fan_in_statistics, fan_out_statistics
from netsparse.metrics.laplacian import algebraic_connectivity
from netsparse.metrics.matrices import Graph, magnitudes
from netsparse.metrics.spectral import spectral_gap

Metric = Callable[[Any, Any], float]
"""Called as `metric(graph, weights)` for each layer and once for the whole network."""


def _mean_abs_weight(graph: Graph, weights: Any) -> float:
    values = np.concatenate(magnitudes(graph, weights))
    return float(values.mean()) if len(values) else 0.0


METRICS: dict[str, Metric] = {
    "density": lambda graph, _: density(graph),
    "fan_in_mean": lambda graph, _: fan_in_statistics(graph).mean,
    "fan_in_std": lambda graph, _: fan_in_statistics(graph).std,
    "fan_in_min": lambda graph, _: fan_in_statistics(graph).min,
    "fan_in_max": lambda graph, _: fan_in_statistics(graph).max,
    "isolated_outputs": lambda graph, _: fan_in_statistics(graph).n_isolated,
    "fan_out_mean": lambda graph, _: fan_out_statistics(graph).mean,
    "fan_out_std": lambda graph, _: fan_out_statistics(graph).std,
    "fan_out_min": lambda graph, _: fan_out_statistics(graph).min,
    "fan_out_max": lambda graph, _: fan_out_statistics(graph).max,
    "isolated_inputs": lambda graph, _: fan_out_statistics(graph).n_isolated,
    "active_inputs": lambda graph, _: active_inputs(graph),
    "active_outputs": lambda graph, _: active_outputs(graph),
    "n_components": lambda graph, _: n_components(graph),
    "giant_component": lambda graph, _: giant_component(graph),
    "spectral_gap": lambda graph, _: spectral_gap(graph),
    "algebraic_connectivity": lambda graph, _: algebraic_connectivity(graph),
    "algebraic_connectivity_giant": lambda graph, _: algebraic_connectivity(graph, component="giant"),
    "algebraic_connectivity_giant_normalized": lambda graph, _: algebraic_connectivity(
        graph, component="giant", laplacian="normalized"
    ),
}
"""Metrics of the wiring alone, by name."""

WEIGHTED_METRICS: dict[str, Metric] = {
    "mean_abs_weight": _mean_abs_weight,
    "strength_in_mean": lambda graph, weights: fan_in_statistics(graph, weights).mean,
    "strength_in_std": lambda graph, weights: fan_in_statistics(graph, weights).std,
    "giant_component_weighted": giant_component,
    "spectral_gap_weighted": spectral_gap,
    "algebraic_connectivity_giant_weighted": lambda graph, weights: algebraic_connectivity(
        graph, weights, component="giant"
    ),
}
"""Metrics that need weights, by name; edges of weight 0 count as absent."""


def summarize(
    network: Graph,
    *,
    weights: Any = None,
    metrics: Iterable[str] | Mapping[str, Metric] | None = None,
) -> pd.DataFrame:
    """Measure every layer and the whole network; one row per layer and metric.

    Parameters
    ----------
    network : SparseNetwork or BipartiteGraph
        The wiring.
    weights : one edge vector per layer (a single one for a BipartiteGraph), optional
        Adds the metrics of `WEIGHTED_METRICS` where `metrics` is None.
    metrics : list of names, or mapping from name to function, optional
        None takes all of `METRICS`. Functions are called as `metric(graph, weights)`, with weights None where
        none were given.

    Returns
    -------
    pandas.DataFrame
        Columns `layer` ("0", "1", ... and "network", the undirected whole), `n_in`, `n_out`, `n_edges`, `metric`,
        `value` (float; NaN where a solver did not converge). For "network" n_in and n_out are the first and the last
        level.

    Raises
    ------
    UnknownName
        For a name that is in neither table; the message lists those that are.
    InvalidOption
        For something that is no network, metrics that are no list of names, and a weighted metric without weights.
    InvalidEdgeVector
        If the weights are not one edge vector per layer.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> net = layered([6, 4, 3], density=0.5, rng=0)
    >>> table = summarize(net, metrics=["density", "fan_in_mean"])
    >>> table[table.metric == "fan_in_mean"][["layer", "n_in", "n_out", "value"]].to_string(index=False).splitlines()
    ['  layer  n_in  n_out    value', '      0     6      4 3.000000', '      1     4      3 2.000000', 'network     6      3 2.571429']
    """  # noqa: E501
    if not isinstance(network, Graph):
        expected = "a SparseNetwork or a BipartiteGraph"
        raise InvalidOption("network", type(network).__name__, expected, "summarize(result.network)")
    chosen = _chosen(metrics, has_weights=weights is not None)
    # checked once, and gone through once: an iterator of weights has nothing left for a second pass
    vectors = None if weights is None else network.edge_vectors(weights)
    rows = []
    for k, layer in enumerate(network.layers):
        vector = None if vectors is None else vectors[k]
        rows += [_row(str(k), layer, name, _value(metric, layer, vector)) for name, metric in chosen.items()]
    whole = vectors[0] if vectors is not None and isinstance(network, BipartiteGraph) else vectors
    rows += [_row("network", network, name, _value(metric, network, whole)) for name, metric in chosen.items()]
    return pd.DataFrame(rows, columns=["layer", "n_in", "n_out", "n_edges", "metric", "value"])


def _chosen(metrics: Iterable[str] | Mapping[str, Metric] | None, *, has_weights: bool) -> Mapping[str, Metric]:
    if isinstance(metrics, Mapping):
        return metrics
    if metrics is None:
        return METRICS | WEIGHTED_METRICS if has_weights else METRICS
    if isinstance(metrics, str) or not isinstance(metrics, Iterable):
        fix = f"metrics=[{metrics!r}]" if isinstance(metrics, str) else "metrics=['density']"
        raise InvalidOption("metrics", repr(metrics), "a list of names", fix)
    known = METRICS | WEIGHTED_METRICS
    names = list(metrics)
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise unknown_name("metric", name, known)
        if name in WEIGHTED_METRICS and not has_weights:
            raise InvalidOption("metrics", f"{name!r} without weights", "weights beside it", "weights=result.weights")
    return {name: known[name] for name in names}


def _value(metric: Metric, graph: Graph, weights: Any) -> float:
    try:
        return float(metric(graph, weights))
    except NotConverged:
        return float("nan")  # one value that cannot be had must not cost the whole table


def _row(name: str, graph: Graph, metric: str, value: float) -> tuple[str, int, int, int, str, float]:
    return name, graph.sizes[0], graph.sizes[-1], graph.n_edges, metric, float(value)
