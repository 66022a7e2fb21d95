"""`percolate`: remove all edges or units one by one, in one or more trials, and record what is left."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.graph.frozen import frozen, index_dtype
from netsparse.percolation.curve import PercolationCurve
from netsparse.percolation.newman_ziff import EdgeEnds
from netsparse.percolation.observables import DEFAULT, OBSERVABLES, observable_names, watch
from netsparse.percolation.order import check_network
from netsparse.percolation.orders import removals
from netsparse.percolation.points import recorded_points
from netsparse.percolation.removal import EDGES, Removal
from netsparse.typing import Seed


def percolate(
    graph_or_network: BipartiteGraph | SparseNetwork,
    *,
    order: Any = "random",
    scope: str = "layer",
    observables: str | Iterable[str] = DEFAULT,
    trials: int = 1,
    points: int | Sequence[int] | np.ndarray | None = None,
    weights: Any = None,
    levels: Any = None,
    workers: int = 1,
    rng: Seed | None = None,
) -> PercolationCurve:
    """Remove all edges, or units, one by one and watch what is left, at every number of removed ones.

    Parameters
    ----------
    graph_or_network : BipartiteGraph or SparseNetwork
        A network is taken as one graph of all its units; inputs behind a joint are contracted onto the units that feed
        them.
    order, scope, weights, levels
        What goes first; see `netsparse.percolation.removals`. A name from `ORDERS`, an order object, or a permutation
        of the edge ids, first removed first.
    observables : str or iterable of str
        Names from `OBSERVABLES`: "giant_component", "second_component", "susceptibility", "n_components",
        "units_reachable", "outputs_reachable", "inputs_connected", "active_units", "log_path_count". Fractions are of
        all units there were at the start (of the last level's, of the first level's), isolated ones included;
        "n_components" is a count, "susceptibility" a mean number of units. The definitions are ours where the
        literature leaves a choice.
    trials : int
        Number of independent removals. The curve keeps 4 bytes (8 for real numbers) per observable, trial and point: 20
        bytes a point for the default observables, 560 MB for ten trials of 2.8 million edges.
    points : int, or int sequence, optional
        Where the curve is recorded: at every number of removed items (None), at `points + 1` evenly spaced ones, or at
        the given ones and at both ends. Costs nothing but memory, except for "log_path_count", which is recomputed at
        every point.
    workers : int
        Number of trials that run at the same time, in threads. The curve does not depend on it.
    rng : int or numpy Generator
        Same seed, same curve. Not needed for an order given as an array.

    Returns
    -------
    PercolationCurve

    Raises
    ------
    UnknownName, InvalidOption, InvalidEdgeVector, InvalidSeed
        For unknown names, an order that is not a permutation, trials or workers below 1, points that are none or too
        many for "log_path_count", weights or levels that do not fit, and a random order without a seed.

    Notes
    -----
    Components cost one union-find pass per trial, whatever the number of points (Newman and Ziff, 2001,
    https://doi.org/10.1103/PhysRevE.64.016706), input-output reachability one pass over the edges.

    Examples
    --------
    >>> graph = BipartiteGraph.from_mask([[1, 1, 1]])
    >>> curve = percolate(graph, trials=5, rng=0)
    >>> curve.values("giant_component")[0].tolist()
    [1.0, 0.75, 0.5, 0.25]
    >>> curve.to_frame(points=1).query("observable == 'outputs_reachable'")["mean"].tolist()
    [1.0, 0.0]
    """
    names = observable_names(observables)
    if not isinstance(workers, int | np.integer) or isinstance(workers, bool) or workers < 1:
        raise InvalidOption("workers", repr(workers), "a whole number of at least 1", "workers=2")
    drawn = removals(graph_or_network, order=order, scope=scope, trials=trials, weights=weights, levels=levels, rng=rng)
    first = next(drawn)
    n_removed = recorded_points(first.n_items, points)
    sizes, ends = graph_or_network.sizes, _ends(graph_or_network)
    found = {name: np.empty((trials, len(n_removed)), dtype=OBSERVABLES[name].dtype) for name in names}

    def record(trial: int, removal: Removal) -> None:
        watch(sizes, ends, removal, n_removed, {name: rows[trial] for name, rows in found.items()})

    _run(record, enumerate(itertools.chain([first], drawn)), min(int(workers), int(trials)))
    # read-only arrays are taken over as they are: no second copy of all trials
    rows = {name: frozen(array) for name, array in found.items()}
    return PercolationCurve(sizes, rows, of=first.of, n_removed=None if points is None else n_removed)


def observe(
    graph_or_network: BipartiteGraph | SparseNetwork, observables: str | Iterable[str] = DEFAULT
) -> dict[str, float]:
    """Return observables of a network as it is, with nothing removed.

    Parameters
    ----------
    graph_or_network : BipartiteGraph or SparseNetwork
        What is looked at.
    observables : str or iterable of str
        Names from `OBSERVABLES`, defined and normalised as along a curve of `percolate`.

    Returns
    -------
    dict of str to float
        In the order asked for.

    Raises
    ------
    UnknownName, InvalidOption
        For unknown names, and for what is neither a graph nor a network.

    Examples
    --------
    >>> observe(BipartiteGraph.from_mask([[1, 1, 0]]), ["giant_component", "inputs_connected"])
    {'giant_component': 0.75, 'inputs_connected': 0.6666666666666666}
    """
    check_network(graph_or_network)
    names = observable_names(observables)
    sizes, ends = graph_or_network.sizes, _ends(graph_or_network)
    edges, nothing = np.arange(len(ends), dtype=np.int32), np.zeros(1, dtype=np.int64)
    removal = Removal(EDGES, edges[:0], edges, nothing)
    found = {name: np.empty(1, dtype=OBSERVABLES[name].dtype) for name in names}
    watch(sizes, ends, removal, nothing, found)
    return {name: float(row[0] / OBSERVABLES[name].scale(sizes)) for name, row in found.items()}


def _ends(graph_or_network: BipartiteGraph | SparseNetwork) -> EdgeEnds:
    """Return the pairs of `unit_edges()` side by side, in the smallest type and without arrays in between."""
    sizes, joints = graph_or_network.sizes, (None, *getattr(graph_or_network, "joints", ()))
    ends = np.empty((graph_or_network.n_edges, 2), dtype=index_dtype(sum(sizes)))
    edge = unit = 0
    for layer, joint, size in zip(graph_or_network.layers, joints, sizes, strict=False):
        here = ends[edge : edge + layer.n_edges]
        np.add(layer.sources if joint is None else joint[layer.sources], unit, out=here[:, 0], casting="same_kind")
        np.add(layer.targets, unit + size, out=here[:, 1], casting="same_kind")
        edge, unit = edge + layer.n_edges, unit + size
    return ends


def _run(record: Any, numbered: Iterator[tuple[int, Removal]], workers: int) -> None:
    """Hand each numbered removal to `record`, in `workers` threads: the compiled passes run side by side."""
    if workers == 1:
        for trial, removal in numbered:
            record(trial, removal)
        return
    turn = threading.Lock()

    def work() -> None:
        while True:
            with turn:  # removals are drawn one after the other, and no more are drawn than are being worked on
                drawn = next(numbered, None)
            if drawn is None:
                return
            record(*drawn)

    with ThreadPoolExecutor(workers) as pool:
        for job in [pool.submit(work) for _ in range(workers)]:
            job.result()
