"""`percolate`: remove all edges or units one by one, in one or more trials, and record what is left."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.graph.frozen import frozen
from netsparse.percolation.curve import PercolationCurve
from netsparse.percolation.edge_ends import edge_ends
from netsparse.percolation.observables import DEFAULT, OBSERVABLES, observable_names, watch
from netsparse.percolation.order import check_network
from netsparse.percolation.orders import draws
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
        Number of trials that are drawn and run at the same time, in threads. The curve does not depend on it.
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
    to_draw = draws(graph_or_network, order, scope, trials, weights, levels, rng)
    first = next(to_draw)()
    n_removed = recorded_points(first.n_items, points)
    sizes, ends = graph_or_network.sizes, edge_ends(graph_or_network)
    found = {name: np.empty((trials, len(n_removed)), dtype=OBSERVABLES[name].dtype) for name in names}

    def record(trial: int, draw: Callable[[], Removal]) -> None:
        watch(sizes, ends, draw(), n_removed, {name: rows[trial] for name, rows in found.items()})

    _run(record, enumerate(itertools.chain([lambda: first], to_draw)), min(int(workers), int(trials)))
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
    sizes, ends = graph_or_network.sizes, edge_ends(graph_or_network)
    edges, nothing = np.arange(len(ends), dtype=np.int32), np.zeros(1, dtype=np.int64)
    removal = Removal(EDGES, edges[:0], edges, nothing)
    found = {name: np.empty(1, dtype=OBSERVABLES[name].dtype) for name in names}
    watch(sizes, ends, removal, nothing, found)
    return {name: float(row[0] / OBSERVABLES[name].scale(sizes)) for name, row in found.items()}


def _run(record: Callable[..., None], numbered: Iterator[tuple[int, Any]], workers: int) -> None:
    """Hand each numbered trial to `record`, in `workers` threads: the compiled passes run side by side."""
    if workers == 1:
        for trial in numbered:
            record(*trial)
        return
    turn, stopped = threading.Lock(), threading.Event()

    def work() -> None:
        while not stopped.is_set():
            with turn:  # an iterator is asked by one thread at a time; no more trials are drawn than are worked on
                trial = next(numbered, None)
            if trial is None:
                return
            record(*trial)

    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(work) for _ in range(workers)]
        try:
            wait(jobs, return_when=FIRST_EXCEPTION)
        finally:  # after an error or an interrupt nobody waits for the trials that have not begun
            stopped.set()
        for job in jobs:
            job.result()
