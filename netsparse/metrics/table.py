"""`summarize`: named metrics of every layer and of the whole network as one tidy table, against a null model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from netsparse.errors import InvalidOption, InvalidSeed, NotConverged, unknown_name
from netsparse.generators.null_models import NullModel, randomized
from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_count
from netsparse.metrics.catalogue import METRICS, Metric
from netsparse.metrics.matrices import Graph
from netsparse.rng import as_rng, spawn
from netsparse.typing import Seed

COLUMNS = ["layer", "n_in", "n_out", "n_edges", "density", "metric", "value"]
NULL_COLUMNS = ["null_mean", "null_std", "z", "p"]
NOISE = 1e-9  # differences this small, relative to the values, are rounding errors of a solver


def summarize(
    network: Graph,
    *,
    weights: Any = None,
    metrics: str | Iterable[str] | Mapping[str, Any] | None = None,
    null_model: str | NullModel | None = None,
    n_null: int = 20,
    rng: Seed | None = None,
) -> pd.DataFrame:
    """Measure every layer and the whole network, and compare with randomised copies; one row per layer and metric.

    Parameters
    ----------
    network : SparseNetwork or BipartiteGraph
        The wiring.
    weights : one edge vector per layer (a single one for a BipartiteGraph), optional
        Adds the metrics of the weights where `metrics` is None or "all".
    metrics : "all", list of names, or mapping from name to function, optional
        None takes the fast ones of `METRICS`, "all" every one. A name brings those along without which its value
        misleads, such as the normalized gap and the Ramanujan excess with the spectral gap. Functions of your own are
        called as `metric(graph, weights)`, with weights None where none were given.
    null_model : {"density", "degree"} or callable, optional
        What randomised copies of each layer keep: the edge count, or every degree; see
        `netsparse.generators.randomized`. Weights travel along with their edges.
    n_null : int
        Number of randomised copies, at least 2.
    rng : int or numpy.random.Generator, optional
        Needed for a null model and for metrics that are estimated by drawing.

    Returns
    -------
    pandas.DataFrame
        Columns `layer` ("0", "1", ... and "network", the undirected whole), `n_in`, `n_out`, `n_edges`, `density` (of
        the wiring), `metric`, `value` (float; NaN where a solver did not converge, and where a metric is not
        defined). For "network" n_in and n_out are the first and the last level. With a null model also

        - `null_mean`, `null_std`: over the randomised copies, the latter with n - 1 in the denominator;
        - `z`: (value - null_mean) / null_std; NaN where null_std is 0, as for every degree under "degree";
        - `p`: empirical and two-sided, min(1, 2 (1 + m) / (n + 1)), where m of n copies lie on the rarer side of the
          value, or at it. With 20 copies it cannot fall below 0.095.

        Copies whose value is NaN are left out. An infinite value (-inf, the logarithm of no path) counts in `p`; it
        leaves `z` NaN, and among the copies `null_mean` infinite and `null_std` NaN.

    Raises
    ------
    UnknownName
        For a name that is not in the table; the message lists those that are.
    InvalidOption
        For something that is no network, metrics that are no list of names, a weighted metric without weights, and a
        metric of your own that is no function or gives no number.
    InvalidEdgeVector
        If the weights are not one edge vector per layer.
    InvalidSeed
        If something has to be drawn and `rng` is None.

    Notes
    -----
    The raw spectral gap grows with density and with hubs, so no spectral number of `METRICS` stands in the table
    without the density, the normalized gap and the Ramanujan excess beside it, and z-scores say what is left of it once
    the degrees are given. North, Curtis and Sham, Am. J. Hum. Genet. 71, 439 (2002), doi:10.1086/341527 for the 1 in
    the p-value.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> net = layered([6, 4, 3], density=0.5, rng=0)
    >>> table = summarize(net, metrics=["density", "fan_in_mean"])
    >>> table[table.metric == "fan_in_mean"][["layer", "n_in", "n_out", "value"]].to_string(index=False).splitlines()
    ['  layer  n_in  n_out    value', '      0     6      4 3.000000', '      1     4      3 2.000000', 'network     6      3 2.571429']
    >>> against = summarize(net, metrics=["spectral_gap"], null_model="degree", rng=0)
    >>> list(against.columns[-4:])
    ['null_mean', 'null_std', 'z', 'p']
    """  # noqa: E501
    if not isinstance(network, Graph):
        expected = "a SparseNetwork or a BipartiteGraph"
        raise InvalidOption("network", type(network).__name__, expected, "summarize(result.network)")
    chosen = _chosen(metrics, has_weights=weights is not None)
    if rng is None and (null_model is not None or any(metric.random for metric in chosen.values())):
        drawn = "null models" if null_model is not None else next(n for n, m in chosen.items() if m.random)
        raise InvalidSeed("rng", f"None with {drawn}", "a non-negative int or a numpy Generator", "rng=0")
    n_null = as_count("n_null", n_null)
    if null_model is not None and n_null < 2:
        raise InvalidOption("n_null", str(n_null), "at least 2 randomised copies", "n_null=20")
    # checked once, and gone through once: an iterator of weights has nothing left for a second pass
    vectors = None if weights is None else network.edge_vectors(weights)
    streams = {name: spawn(as_rng(rng), 1, purpose=name)[0] for name in chosen if chosen[name].random}  # type: ignore[arg-type]
    table = pd.DataFrame(_rows(network, chosen), columns=COLUMNS[:-1])
    table["value"] = _values(network, vectors, chosen, streams)
    if null_model is None:
        return table
    copies = []
    for child in spawn(rng, n_null, purpose="null models"):  # type: ignore[arg-type] - checked above
        copy, moved = randomized(network, null_model, weights=_whole(network, vectors), rng=child)
        copies.append(_values(copy, None if moved is None else copy.edge_vectors(moved), chosen, streams))
    return table.assign(**_against(table["value"].to_numpy(), np.array(copies)))


def _chosen(metrics: Any, *, has_weights: bool) -> dict[str, Metric]:
    if isinstance(metrics, Mapping):
        for name, function in metrics.items():
            if not callable(function):
                fix = "metrics={'edges': lambda graph, weights: graph.n_edges}"
                raise InvalidOption("metrics", f"{function!r} for {name!r}", "a function of graph and weights", fix)
        return {name: Metric(_number(name, function), of="weights") for name, function in metrics.items()}
    if metrics is None or (isinstance(metrics, str) and metrics == "all"):
        known = {name: metric for name, metric in METRICS.items() if has_weights or metric.of == "wiring"}
        return known if metrics else {name: metric for name, metric in known.items() if metric.cost == "fast"}
    if isinstance(metrics, str) or not isinstance(metrics, Iterable):
        fix = f"metrics=[{metrics!r}]" if isinstance(metrics, str) else "metrics=['density']"
        raise InvalidOption("metrics", repr(metrics), "a list of names", fix)
    names = list(metrics)
    for name in names:
        if not isinstance(name, str) or name not in METRICS:
            raise unknown_name("metric", name, METRICS)
        if METRICS[name].of == "weights" and not has_weights:
            raise InvalidOption("metrics", f"{name!r} without weights", "weights beside it", "weights=result.weights")
    beside = [other for name in names for other in METRICS[name].beside]
    return {name: METRICS[name] for name in [*names, *beside]}


def _number(name: Any, function: Callable[..., Any]) -> Callable[[Graph, Any], float]:
    """Return a metric of the caller's own with its value checked."""

    def checked(graph: Graph, weights: Any) -> float:
        value = np.asarray(function(graph, weights))
        if value.ndim or value.dtype.kind not in "fiub":
            given = f"{value.dtype} of shape {value.shape} from {name!r}"
            raise InvalidOption(
                "metrics", given, "one real number", "metrics={'edges': lambda graph, _: graph.n_edges}"
            )
        return float(value)

    return checked


def _parts(network: Graph, vectors: Any) -> list[tuple[str, Graph, Any]]:
    """Return (name, wiring, weights) of each layer and of the whole."""
    given = [None] * len(network.layers) if vectors is None else vectors
    layers = [(str(k), layer, vector) for k, (layer, vector) in enumerate(zip(network.layers, given, strict=True))]
    return [*layers, ("network", network, _whole(network, vectors))]


def _whole(network: Graph, vectors: Any) -> Any:
    """Return checked edge vectors in the form that this kind of network takes them."""
    return vectors[0] if vectors is not None and isinstance(network, BipartiteGraph) else vectors


def _rows(network: Graph, chosen: Mapping[str, Metric]) -> list[tuple[str, int, int, int, float, str]]:
    return [
        (name, graph.sizes[0], graph.sizes[-1], graph.n_edges, graph.density, metric)
        for name, graph, _ in _parts(network, None)
        for metric in chosen
    ]


def _values(
    network: Graph, vectors: Any, chosen: Mapping[str, Metric], streams: Mapping[str, np.random.Generator]
) -> list[float]:
    return [
        _value(metric, graph, vector, streams.get(name))
        for _, graph, vector in _parts(network, vectors)
        for name, metric in chosen.items()
    ]


def _value(metric: Metric, graph: Graph, weights: Any, stream: np.random.Generator | None) -> float:
    drawing = {} if stream is None else {"rng": stream}
    try:
        return float(metric.function(graph, weights if metric.of == "weights" else None, **drawing))
    except NotConverged:
        return float("nan")  # one value that cannot be had must not cost the whole table


def _against(values: np.ndarray, copies: np.ndarray) -> dict[str, np.ndarray]:
    """Return the null columns; `copies` is (randomised copy, row). Copies whose value is NaN are left out of a row."""
    columns = np.full((len(NULL_COLUMNS), len(values)), np.nan)
    for row, (value, null) in enumerate(zip(values, copies.T, strict=True)):
        null = null[~np.isnan(null)]
        if len(null) and not (np.isposinf(null).any() and np.isneginf(null).any()):
            columns[0, row] = null.mean()
        if len(null) < 2 or np.isnan(value):
            continue
        # an infinite value, such as the logarithm of no path, has its place in an order but no deviation
        sized = np.abs(np.append(null, value))
        noise = NOISE * float(sized[np.isfinite(sized)].max(initial=0.0))
        rarer = min(np.count_nonzero(null >= value - noise), np.count_nonzero(null <= value + noise))
        columns[3, row] = min(1.0, 2 * (1 + rarer) / (len(null) + 1))
        if np.isfinite(null).all():
            std = float(null.std(ddof=1))
            columns[1, row] = std = std if std > noise else 0.0
            columns[2, row] = (value - columns[0, row]) / std if std and np.isfinite(value) else np.nan
    return dict(zip(NULL_COLUMNS, columns, strict=True))
