"""Small worlds: more clustered than chance and yet no wider, against a null model."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.generators.null_models import NullModel, randomized
from netsparse.graph import BipartiteGraph, SparseNetwork, subgraph
from netsparse.graph.checks import as_count
from netsparse.metrics.matrices import Graph, present_layers
from netsparse.metrics.paths import mean_path_length
from netsparse.metrics.structure import bipartite_clustering
from netsparse.rng import spawn
from netsparse.typing import Seed


class SmallWorldStatistics(NamedTuple):
    """Small-worldness sigma, and what it is made of; the null model's values are means over its graphs."""

    sigma: float
    clustering: float
    path_length: float
    null_clustering: float
    null_path_length: float


def small_worldness(
    graph: Graph,
    weights: Any = None,
    *,
    null_model: str | NullModel = "degree",
    n_null: int = 10,
    n_sources: int | None = None,
    rng: Seed,
) -> float:
    """Small-worldness sigma = (C / C_null) / (L / L_null): above 1 for more clustering at about the same distances.

    C is the bipartite clustering coefficient (`bipartite_clustering`), L the mean distance in the giant component
    (`mean_path_length`), both of the wiring; C_null and L_null are their means over randomised graphs.

    Parameters
    ----------
    graph : BipartiteGraph or SparseNetwork
        The wiring; for a network C and L are those of the undirected whole, and every layer is randomised.
    weights : edge vector, or one per layer, optional
        Only says which edges are there: those whose weight is exactly 0 are not.
    null_model : {"degree", "density"} or callable
        What `netsparse.generators.randomized` takes. "degree" keeps the degree of every unit, so that hubs alone make
        no small world; "density" is the random graph of the original definition.
    n_null : int
        Number of randomised graphs, at least 1.
    n_sources : int, optional
        Sample the distances from this many units, in every graph; exact where not given.
    rng : int or numpy.random.Generator
        Source of randomness; each randomised graph draws from a child generator.

    Returns
    -------
    float
        NaN where it is not defined: no edges at all, or no randomised graph with a 4-cycle (C_null = 0).

    Raises
    ------
    InvalidOption, UnknownName, InvalidSeed
        For an impossible number of graphs or sources, an unknown null model, and for no seed.
    InvalidEdgeVector
        If the weights do not fit the edges or are not finite real numbers.

    Notes
    -----
    Humphries and Gurney, PLoS ONE 3, e0002051 (2008), doi:10.1371/journal.pone.0002051, with the clustering of Robins
    and Alexander (2004), doi:10.1023/B:CMOT.0000032580.12184.c0, because a bipartite graph has no triangles. Degree
    preservation as the default is ours. sigma grows with the number of units for graphs of the same kind: compare
    graphs of equal size.

    Examples
    --------
    >>> ring = BipartiteGraph.from_edges(np.arange(40).repeat(4), (np.arange(160) // 4 + np.arange(160) % 4) % 40,
    ...                                  n_in=40, n_out=40)
    >>> small_worldness(ring, rng=0) > 1.5
    True
    """
    options = {"null_model": null_model, "n_null": n_null, "n_sources": n_sources}
    return small_world_statistics(graph, weights, **options, rng=rng).sigma


def small_world_statistics(
    graph: Graph,
    weights: Any = None,
    *,
    null_model: str | NullModel = "degree",
    n_null: int = 10,
    n_sources: int | None = None,
    rng: Seed,
) -> SmallWorldStatistics:
    """Small-worldness with its parts: clustering and mean path length, of the graph and of the null model.

    Parameters
    ----------
    graph, weights, null_model, n_null, n_sources, rng
        As `small_worldness`.

    Returns
    -------
    SmallWorldStatistics
        `sigma` as `small_worldness`, `clustering` C and `path_length` L of the graph, `null_clustering` and
        `null_path_length` the means over the randomised graphs. Clustering in [0, 1], lengths in edges.

    Raises
    ------
    InvalidOption, UnknownName, InvalidSeed, InvalidEdgeVector
        As `small_worldness`.

    Examples
    --------
    >>> from netsparse.generators import complete
    >>> small_world_statistics(complete(3, 3), rng=0).sigma
    1.0
    """
    if as_count("n_null", n_null) == 0:
        raise InvalidOption("n_null", "0", "at least 1", "n_null=10")
    wiring = _present_part(graph, weights)
    own, *children = spawn(rng, 1 + n_null, purpose="small-worldness")
    clustering = bipartite_clustering(wiring)
    length = mean_path_length(wiring, n_sources=n_sources, rng=own)
    null_clustering, null_length = np.zeros(n_null), np.zeros(n_null)
    for i, child in enumerate(children):
        null, _ = randomized(wiring, null_model, rng=child)
        null_clustering[i] = bipartite_clustering(null)
        null_length[i] = mean_path_length(null, n_sources=n_sources, rng=child)
    chance, chance_length = float(null_clustering.mean()), float(null_length.mean())
    sigma = (clustering / chance) / (length / chance_length) if chance > 0 and length > 0 else math.nan
    return SmallWorldStatistics(sigma, clustering, length, chance, chance_length)


def _present_part(graph: Graph, weights: Any) -> Graph:
    """Return the graph of the edges that count as present; a null model would move edges of weight 0 too."""
    if weights is None:
        return graph
    layers = [subgraph(layer, mask)[0] for layer, mask in present_layers(graph, weights)]
    return layers[0] if isinstance(graph, BipartiteGraph) else SparseNetwork(layers, graph.joints)
