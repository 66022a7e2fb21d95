"""Simple bipartite graphs with prescribed degrees: stubs paired at random, repeated pairs repaired by swaps."""

from __future__ import annotations

from typing import Any

import numpy as np

from netsparse.errors import InvalidDegree
from netsparse.generators.null_models import degree_preserving
from netsparse.graph import BipartiteGraph, apply
from netsparse.graph.checks import as_count, as_sides, as_unit_ids
from netsparse.graph.pairs import pair_keys
from netsparse.rng import as_rng
from netsparse.typing import Int, Seed

ROUNDS, RESTARTS = 300, 10
PATIENCE = 20  # rounds of repair without progress after which `configuration_model` builds a graph instead


def configuration_model(fan_out: Any, fan_in: Any, *, swaps_per_edge: int = 10, rng: Seed) -> BipartiteGraph:
    """Random simple layer in which every unit has exactly the degree given for it.

    Parameters
    ----------
    fan_out : int array of shape (n_in,)
        Edges out of each source.
    fan_in : int array of shape (n_out,)
        Edges into each target. Both sum to the number of edges.
    swaps_per_edge : int
        Length of the Markov chain that follows the construction, as in `degree_preserving`; 0 leaves it out.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidDegree
        If no simple graph has these degrees; the message says which units ask for too much.
    InvalidSize, InvalidOption, InvalidSeed
        For a side without units, an impossible number of swaps, and for no seed.

    Notes
    -----
    Every pair of sequences that has a simple graph gets one, whatever their tails: those with equal sums and, for all
    k, sum of the k largest fan_in <= sum over sources of min(fan_out, k) (Gale 1957, doi:10.2140/pjm.1957.7.1073;
    Ryser 1957, doi:10.4153/CJM-1957-044-3).

    How close to uniform: the stubs are paired at random (Bollobas 1980, doi:10.1016/S0195-6698(80)80030-8). If no pair
    repeats, every simple graph was equally likely. Repeated pairs are repaired by swaps, and where that does not come
    to an end the graph is built, highest degrees first; neither is uniform. The chain of swaps that follows has the
    uniform distribution as its only stationary one and forgets the start as it runs. Where all graphs can be listed,
    repair alone is off by up to a half of a graph's probability, and three swaps per edge leave no difference that
    hundreds of draws per graph could show; that ten are enough in general is custom (Milo et al.,
    arXiv:cond-mat/0312028), not proven. Raise `swaps_per_edge` where it matters. Graphs with more than half of all
    pairs are drawn as complements. O(edges log edges + swaps).

    Examples
    --------
    >>> graph = configuration_model([2, 2, 1, 1], [3, 2, 1], rng=0)
    >>> graph.fan_out.tolist(), graph.fan_in.tolist()
    ([2, 2, 1, 1], [3, 2, 1])
    """
    fan_out, fan_in = _as_degrees("fan_out", fan_out), _as_degrees("fan_in", fan_in)
    as_sides(len(fan_out), len(fan_in))
    _check_graphical(fan_out, fan_in)
    rng, swaps_per_edge = as_rng(rng), as_count("swaps_per_edge", swaps_per_edge)
    if 2 * fan_in.sum() > len(fan_in) * len(fan_out):
        holes = configuration_model(
            len(fan_in) - fan_out, len(fan_out) - fan_in, swaps_per_edge=swaps_per_edge, rng=rng
        )
        return _complement(holes)
    keys = _paired(fan_in, fan_out, rng, patience=PATIENCE)
    if keys is None:
        from netsparse.generators.highest_first import realization

        keys = np.sort(realization(fan_in, fan_out, rng))
    graph = BipartiteGraph.from_sorted_keys(keys, n_in=len(fan_out), n_out=len(fan_in))
    return apply(graph, degree_preserving(graph, swaps_per_edge=swaps_per_edge, rng=rng))[0]


def simple_graph(
    fan_in: Int[np.ndarray, "n_out"], fan_out: Int[np.ndarray, "n_in"], rng: np.random.Generator
) -> BipartiteGraph:
    """Return a random simple graph whose units have exactly the given degrees.

    The stubs of the bipartite configuration model are paired uniformly at random; then each surplus copy of a repeated
    pair swaps its source with that of a random edge wherever both new pairs are free, until no pair repeats. Not
    exactly uniform over the simple graphs with these degrees: on 4 + 4 units of degree 2 the pairs of 4-cycles come up
    half as often as the 8-cycles do, and at degree 3 on 10 + 10 units there are 3 % fewer 4-cycles than there should
    be; at degree 5 on 100 + 100 units no difference is seen. `degree_preserving` takes the bias away. Graphs with more
    than half of all pairs are drawn as the complement of one with fewer, so that repair stays quick at every density.
    Meant for degrees that differ by at most one on a side; `configuration_model` takes all.

    Raises
    ------
    InvalidDegree
        If no simple graph was found for these degrees.
    """
    n_in, n_out = len(fan_out), len(fan_in)
    if 2 * int(fan_in.sum()) > n_in * n_out:
        return _complement(simple_graph(n_in - fan_in, n_out - fan_out, rng))
    for _ in range(RESTARTS):
        keys = _paired(fan_in, fan_out, rng, patience=ROUNDS)
        if keys is not None:
            return BipartiteGraph.from_sorted_keys(keys, n_in=n_in, n_out=n_out)
    sources, targets = _round_robin(fan_in, fan_out), np.repeat(np.arange(n_out), fan_in)
    keys = np.sort(pair_keys(sources, targets, n_in))
    if not np.array_equal(np.bincount(sources, minlength=n_in), fan_out) or (keys[1:] == keys[:-1]).any():
        given = f"degrees up to {fan_in.max()} in and {fan_out.max()} out"
        raise InvalidDegree("degrees", given, "degrees of some simple bipartite graph", "smaller or more even degrees")
    return BipartiteGraph.from_sorted_keys(keys, n_in=n_in, n_out=n_out)


def _as_degrees(name: str, degrees: Any) -> Int[np.ndarray, "unit"]:
    degrees = as_unit_ids(name, degrees)
    if len(degrees) and degrees.min() < 0:
        unit = int(np.argmin(degrees))
        given = f"{degrees[unit]} for unit {unit}"
        raise InvalidDegree(name, given, "degrees of at least 0", f"numpy.maximum({name}, 0)")
    return degrees


def _check_graphical(fan_out: Int[np.ndarray, "n_in"], fan_in: Int[np.ndarray, "n_out"]) -> None:
    """Refuse degrees that no simple bipartite graph has."""
    fix = "smaller or more even degrees"
    sides = (
        ("fan_out", fan_out, "source", fan_in, "n_out", "target"),
        ("fan_in", fan_in, "target", fan_out, "n_in", "source"),
    )
    for name, degrees, unit, others, size, other in sides:
        worst = int(np.argmax(degrees))
        if degrees[worst] > len(others):
            given, expected = (
                f"{degrees[worst]} for {unit} {worst}",
                f"at most {size} = {len(others)}, one edge per {other}",
            )
            raise InvalidDegree(name, given, expected, fix)
    if fan_out.sum() != fan_in.sum():
        given = f"{fan_out.sum()} edges out of the sources and {fan_in.sum()} into the targets"
        raise InvalidDegree("fan_out, fan_in", given, "equal sums", "one end on each side for every edge")
    wanted = np.cumsum(np.sort(fan_in)[::-1])
    n_of_degree = np.bincount(fan_out, minlength=len(fan_in) + 1)
    # sum over sources of min(fan_out, k): a source counts once for each i = 1 .. k that its degree reaches
    on_offer = np.cumsum(len(fan_out) - np.cumsum(n_of_degree)[:-1])
    short = np.flatnonzero(wanted > on_offer)
    if len(short):
        k = int(short[0])
        given = f"{wanted[k]} edges for the {k + 1} targets of largest fan_in"
        raise InvalidDegree("fan_out, fan_in", given, f"at most {on_offer[k]}, all that the sources can give them", fix)


def _complement(graph: BipartiteGraph) -> BipartiteGraph:
    """Return the graph of the free pairs, of a graph that has less than half of all pairs: linear in the result."""
    present = np.ones(graph.n_in * graph.n_out, dtype=bool)
    present[pair_keys(graph.sources, graph.targets, graph.n_in)] = False
    return BipartiteGraph.from_sorted_keys(np.flatnonzero(present), n_in=graph.n_in, n_out=graph.n_out)


def _paired(
    fan_in: Int[np.ndarray, "n_out"], fan_out: Int[np.ndarray, "n_in"], rng: np.random.Generator, *, patience: int
) -> Int[np.ndarray, "edge"] | None:
    """Pair stubs and repair; return the sorted pair keys, or None where pairs still repeat when patience ends."""
    targets = np.repeat(np.arange(len(fan_in)), fan_in)
    sources = rng.permutation(np.repeat(np.arange(len(fan_out)), fan_out))
    fewest, waited = len(targets) + 1, 0
    for _ in range(ROUNDS):
        n_surplus = _repair(sources, targets, len(fan_out), rng)
        if not n_surplus:
            return np.sort(pair_keys(sources, targets, len(fan_out)))
        waited = 0 if n_surplus < fewest else waited + 1
        fewest = min(fewest, n_surplus)
        if waited >= patience:
            break
    return None


def _repair(sources: np.ndarray, targets: np.ndarray, n_in: int, rng: np.random.Generator) -> int:
    """Swap the sources of surplus copies with those of random edges, in place; return how many copies there were."""
    keys = pair_keys(sources, targets, n_in)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    surplus = order[1:][ordered[1:] == ordered[:-1]]
    if not len(surplus):
        return 0
    partner = rng.integers(len(keys), size=len(surplus))
    new = np.concatenate([targets[surplus] * n_in + sources[partner], targets[partner] * n_in + sources[surplus]])
    found = np.minimum(np.searchsorted(ordered, new), len(ordered) - 1)
    free = ((ordered[found] != new) & _occurs_once(new)).reshape(2, -1).all(axis=0)
    free &= _occurs_once(np.concatenate([surplus, partner])).reshape(2, -1).all(axis=0)
    a, b = surplus[free], partner[free]
    sources[a], sources[b] = sources[b], sources[a]
    return len(surplus)


def _occurs_once(values: np.ndarray) -> np.ndarray:
    order = np.argsort(values)
    repeats = values[order][1:] == values[order][:-1]
    once = np.empty(len(values), dtype=bool)
    once[order] = ~(np.append(repeats, False) | np.insert(repeats, 0, False))
    return once


def _round_robin(fan_in: np.ndarray, fan_out: np.ndarray) -> np.ndarray:
    """Deal the sources out in turn, the ones of highest degree first: simple whenever degrees differ by at most one."""
    by_degree = np.argsort(-fan_out, kind="stable")
    return by_degree[np.arange(int(fan_in.sum())) % len(fan_out)]
