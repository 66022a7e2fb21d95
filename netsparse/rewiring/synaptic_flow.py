"""SynFlow: which edges carry the paths of a network, found from its weights alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from netsparse.errors import InvalidEdgeVector, InvalidSize
from netsparse.graph import EdgeMap, SparseNetwork
from netsparse.graph.checks import as_array
from netsparse.rewiring.one_shot import (
    check_network,
    finite_vectors,
    highest_of_layers,
    kept_counts,
    ladder,
    restricted,
)
from netsparse.rng import as_rng
from netsparse.typing import EdgeVector, Float, NetworkWeights, Seed


def synflow_scores(
    network: SparseNetwork, weights: NetworkWeights, *, head: np.ndarray | None = None
) -> tuple[EdgeVector, ...]:
    """Return the synaptic flow through every edge: the sum over all paths that use it of the product of their |w|.

    With R = 1^T |W_L| ... |W_1| 1 the score of edge e is |w_e| dR/d|w_e|: what arrives at its source, times |w_e|,
    times what its target passes on. The scores of a layer add up to R, the same for all layers; so do those into and
    out of a hidden unit.

    Parameters
    ----------
    network : SparseNetwork
        The wiring.
    weights : sequence of arrays
        One edge vector per layer.
    head : array of shape (n_classes, n_units), optional
        Weights of a dense last layer that is not scored, but that all paths go through.

    Returns
    -------
    tuple of arrays
        One edge vector per layer, float64.

    Raises
    ------
    InvalidNetwork, InvalidEdgeVector, InvalidSize
        If `network` is none, weights do not fit it or are not finite or so large that sums over paths are not, or
        `head` has another width.

    Notes
    -----
    Biases are no edges and take no part; in the authors' code those of the model do, with their absolute values.

    References
    ----------
    Tanaka, Kunin, Yamins, Ganguli, Pruning neural networks without any data by iteratively conserving synaptic flow,
    NeurIPS 2020, arXiv:2006.05467.

    Examples
    --------
    Three paths, of 2 * 5, 3 * 5 and 4 * 6:

    >>> from netsparse.graph import BipartiteGraph
    >>> first = BipartiteGraph.from_edges([0, 1, 1], [0, 0, 1], n_in=2, n_out=2)
    >>> second = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1)
    >>> flows = synflow_scores(SparseNetwork([first, second]), [np.array([2.0, -3.0, 4.0]), np.array([5.0, -6.0])])
    >>> [flow.tolist() for flow in flows]
    [[10.0, 15.0, 24.0], [25.0, 24.0]]
    """
    check_network(network)
    sizes = [np.abs(part) for part in finite_vectors("weights", network, weights)]
    edges = [(graph.sources, graph.targets) for graph in network.layers]
    return _flows(network, edges, sizes, _passed_on(network, head))


def synflow(
    network: SparseNetwork,
    weights: NetworkWeights,
    *,
    density: float | None = None,
    n_edges: int | None = None,
    rounds: int = 100,
    head: np.ndarray | None = None,
    scope: str = "network",
    rng: Seed,
) -> tuple[SparseNetwork, tuple[EdgeMap, ...]]:
    """Prune by synaptic flow, without any data, in rounds: of n_0 edges n_0 (n / n_0)^(k / rounds) are left in round k.

    In every round the flow through the edges that are left is found anew (`synflow_scores`): a layer of few edges then
    has high scores, which is to keep it from losing the last one.

    Parameters
    ----------
    network, weights, head
        See `synflow_scores`.
    density, n_edges, scope
        What is kept in the end, see `keep_highest`.
    rounds : int
        100 in the paper; with 1 a layer may be left without edges.
    rng : int or numpy.random.Generator
        Breaks ties.

    Returns
    -------
    SparseNetwork, tuple of EdgeMap
        As `keep_highest` returns them.

    Raises
    ------
    InvalidNetwork, InvalidEdgeVector, InvalidSize, InvalidDensity, InvalidOption, UnknownName
        As `synflow_scores` and `keep_highest`, and for an impossible number of rounds.

    References
    ----------
    Tanaka, Kunin, Yamins, Ganguli, NeurIPS 2020, arXiv:2006.05467, algorithm 1.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> network = SparseNetwork([complete(20, 20), complete(20, 20)])
    >>> weights = [np.random.default_rng(k).normal(size=400) for k in range(2)]
    >>> [graph.n_edges > 0 for graph in synflow(network, weights, n_edges=2, rng=0)[0].layers]
    [True, True]
    """
    check_network(network)
    sizes = [np.abs(part) for part in finite_vectors("weights", network, weights)]
    ends = kept_counts(network, density=density, n_edges=n_edges, scope=scope)
    starts = [network.n_edges] if scope == "network" else [graph.n_edges for graph in network.layers]
    ladders = [ladder(start, end, rounds) for start, end in zip(starts, ends, strict=True)]
    passed_on, generator = _passed_on(network, head), as_rng(rng)
    alive = [np.arange(graph.n_edges) for graph in network.layers]
    edges = [(graph.sources, graph.targets) for graph in network.layers]
    for counts in zip(*ladders, strict=True):
        flows = _flows(network, edges, sizes, passed_on)
        chosen = highest_of_layers(flows, counts, generator)
        alive = [ids[part] for ids, part in zip(alive, chosen, strict=True)]
        sizes = [values[part] for values, part in zip(sizes, chosen, strict=True)]
        edges = [(sources[part], targets[part]) for (sources, targets), part in zip(edges, chosen, strict=True)]
    return restricted(network, alive)


def _flows(
    network: SparseNetwork,
    edges: Sequence[tuple[np.ndarray, np.ndarray]],
    sizes: Sequence[EdgeVector],
    passed_on: Float[np.ndarray, "unit"],
) -> tuple[EdgeVector, ...]:
    """Return the flow through the given edges of the network; `passed_on` weighs the units of the last level."""
    graphs, joints = network.layers, network.joints
    arriving: list[np.ndarray] = []
    flow = np.ones(network.sizes[0])
    flows: list[np.ndarray] = []
    with np.errstate(over="ignore", invalid="ignore"):
        for k, ((sources, targets), size) in enumerate(zip(edges, sizes, strict=True)):
            joint = joints[k - 1] if k else None
            arriving.append(flow if joint is None else flow[joint])
            flow = np.bincount(targets, weights=size * arriving[k][sources], minlength=graphs[k].n_out)
        for k, ((sources, targets), size) in reversed([*enumerate(zip(edges, sizes, strict=True))]):
            onwards = size * passed_on[targets]
            flows.append(onwards * arriving[k][sources])
            passed_on = np.bincount(sources, weights=onwards, minlength=graphs[k].n_in)
            joint = joints[k - 1] if k else None
            if joint is not None:
                passed_on = np.bincount(joint, weights=passed_on, minlength=graphs[k - 1].n_out)
    if not all(np.isfinite(part).all() for part in flows):
        given, expected = "products along paths that are not finite", "weights whose products along paths are numbers"
        raise InvalidEdgeVector("weights", given, expected, "weights divided by their largest size")
    return tuple(reversed(flows))


def _passed_on(network: SparseNetwork, head: Any) -> Float[np.ndarray, "unit"]:
    n_units = network.sizes[-1]
    if head is None:
        return np.ones(n_units)
    head = as_array("head", head)
    if head.ndim != 2 or head.shape[1] != n_units or head.dtype.kind not in "fiu":
        given, expected = f"{head.dtype} of shape {head.shape}", f"numbers of shape (n_classes, {n_units})"
        raise InvalidSize("head", given, expected, "model.head.weight.detach().numpy()")
    return np.abs(head).sum(axis=0, dtype=np.float64)
