"""Layers with hubs: expected degrees given (Chung and Lu), or degrees that grow by attraction (Barabasi and Albert)."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption, NotEnoughFreePairs
from netsparse.generators.budget import edge_count
from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_sides
from netsparse.graph.free_pairs import sample_free_keys
from netsparse.graph.pairs import pair_keys
from netsparse.rng import as_rng
from netsparse.typing import Float, Seed

LEAST = 1e-100
"""Smallest positive propensity, over the largest of its side: products of two are still numbers."""


def chung_lu(
    n_in: int,
    n_out: int,
    *,
    density: float | None = None,
    n_edges: int | None = None,
    weights_in: Any = None,
    weights_out: Any = None,
    exponent: float = 2.5,
    rng: Seed,
) -> BipartiteGraph:
    """Layer in which units have edges in proportion to given propensities: the Chung-Lu model with an exact count.

    Pairs are drawn one after the other, pair (s, t) with probability proportional to a_s * b_t among those not drawn
    yet, until there are `n_edges`. While no pair is likely to be an edge, the expected degree of a unit is
    proportional to its propensity; pairs of hubs fill up first, and a complete layer is complete.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    density, n_edges : float or int
        Exactly one of them; a density means round(density * n_in * n_out) edges, always exactly.
    weights_in, weights_out : array of shape (n_in,) and (n_out,), optional
        Propensities a of the sources and b of the targets: finite numbers of at least 0, in any unit. A unit of
        propensity 0 gets no edge. Where not given they follow a power law.
    exponent : float
        Of the power law, above 1: the propensities i ** (-1 / (exponent - 1)), i = 1, 2, .., are dealt out to the units
        in random order, and degrees k have a tail k ** -exponent.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidOption
        For propensities that are no such numbers or whose positive ones span a factor of more than 1e100, and for an
        impossible exponent.
    NotEnoughFreePairs
        If more edges are asked for than there are pairs of positive propensities.
    InvalidSize, InvalidDensity, NoEdges, InvalidSeed
        For impossible sizes, edge counts or seeds.

    Notes
    -----
    Chung and Lu 2002, doi:10.1007/PL00012580; power-law propensities as in the static model of Goh, Kahng and Kim
    2001, doi:10.1103/PhysRevLett.87.278701. In the original pairs are independent, their number varies, and products
    above 1 have to be cut. Ours: successive sampling, which has an exact count and needs no cut. It is drawn as a race
    in which pair (s, t) arrives at an exponential time of rate a_s * b_t and the first `n_edges` win: exact, and quick
    at every density, O((units + edges) log edges).

    Examples
    --------
    >>> graph = chung_lu(784, 1000, density=0.01, rng=0)
    >>> graph.n_edges, int(np.median(graph.fan_in)), int(graph.fan_in.max())
    (7840, 5, 204)
    >>> chung_lu(3, 4, n_edges=6, weights_in=[1, 0, 2], weights_out=[1, 0, 5, 1], rng=0).fan_out.tolist()
    [3, 0, 3]
    """
    n_in, n_out = as_sides(n_in, n_out)
    count, rng = edge_count(n_in, n_out, density=density, n_edges=n_edges), as_rng(rng)
    drawn = [
        _power_law(size, exponent, rng) if weights is None else _as_weights(name, weights, size)
        for name, weights, size in (("weights_in", weights_in, n_in), ("weights_out", weights_out, n_out))
    ]
    # the largest first, those without any left out: what the race runs on
    sources, targets = (np.argsort(-each, kind="stable")[: np.count_nonzero(each)] for each in drawn)
    n_pairs = len(sources) * len(targets)
    if count > n_pairs:
        given, expected = f"{count} edges", f"at most the {n_pairs} pairs of units with positive propensities"
        raise NotEnoughFreePairs("n_edges", given, expected, f"n_edges={n_pairs}, or positive weights for more units")
    if count == n_pairs or count == 0:
        places = np.arange(count)
    else:
        from netsparse.generators.race import first_arrivals

        places = first_arrivals(drawn[0][sources], drawn[1][targets], count, rng)
    rows, columns = np.divmod(places, max(len(sources), 1))
    keys = np.sort(pair_keys(sources[columns], targets[rows], n_in))
    return BipartiteGraph.from_sorted_keys(keys, n_in=n_in, n_out=n_out)


def preferential_attachment(
    n_in: int,
    n_out: int,
    *,
    density: float | None = None,
    n_edges: int | None = None,
    attractiveness: float = 0.5,
    rng: Seed,
) -> BipartiteGraph:
    """Scale-free layer by growth: units arrive one by one and prefer partners that have many edges already.

    The units of both sides arrive in one random order, and m = n_edges / (n_in + n_out) edges per arrival are due:
    after the k-th one, floor(k * m) edges should be there. The arriving unit brings what is missing, to distinct units
    of the other side, each drawn among those it has not chosen yet with probability proportional to

        degree + attractiveness * m.

    Where too few units of the other side are there it takes all of them, and the edges it could not place fall to the
    next arrival: the first units form a complete core. Edges that the last arrival could not place go to random free
    pairs, all equally likely.

    Parameters
    ----------
    n_in, n_out : int
        Units on either side.
    density, n_edges : float or int
        Exactly one of them; a density means round(density * n_in * n_out) edges, always exactly.
    attractiveness : float
        Of a unit without edges, above 0, as a multiple of m. Large values make partners uniform and leave an
        exponential tail.
    rng : int or numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InvalidSize, InvalidDensity, NoEdges, NotEnoughFreePairs, InvalidOption, InvalidSeed
        For impossible sizes or edge counts, for an attractiveness that is no positive number, and for no seed.

    Notes
    -----
    Growth and preference are those of Barabasi and Albert 1999, doi:10.1126/science.286.5439.509, with the initial
    attractiveness of Dorogovtsev, Mendes and Samukhin 2000, doi:10.1103/PhysRevLett.85.4633; Guillaume and Latapy
    2006, doi:10.1016/j.physa.2006.04.047, grow bipartite graphs, from one side. Ours: that both sides arrive and
    choose, the core, and the exact count. A mean-field argument gives the degrees of a side with a fraction f of all
    units the tail k ** -gamma, gamma = 1 + (1 + attractiveness * f) / (1 - f), up to what the number of units cuts off:
    3 + attractiveness for equal sides, and a heavier tail on the smaller side. The core holds about a fraction
    `density` of the units of either side, and of the edges: at high density the layer is mostly core. Partners are
    drawn as ends of random edges; a unit whose draws keep hitting the same hubs looks at all partners once instead.
    O(edges log edges + units) where that is rare, as in all sizes measured.

    Examples
    --------
    >>> graph = preferential_attachment(784, 1000, density=0.01, rng=0)
    >>> graph.n_edges, int(np.median(graph.fan_in)), int(graph.fan_in.max())
    (7840, 6, 67)
    """
    n_in, n_out = as_sides(n_in, n_out)
    count = edge_count(n_in, n_out, density=density, n_edges=n_edges)
    number = isinstance(attractiveness, Real) and not isinstance(attractiveness, bool)
    if not number or not 0 < float(attractiveness) < math.inf:
        expected = "a finite number above 0"
        raise InvalidOption("attractiveness", repr(attractiveness), expected, "attractiveness=0.5")
    from netsparse.generators.attachment import grow

    rng = as_rng(rng)
    # beyond 1e100 no digit of a degree is left, and sums stay finite
    isolated = min(float(attractiveness), 1e100) * count / (n_in + n_out)
    sources, targets = grow(rng.permutation(n_in + n_out), n_in, count, isolated, rng)
    keys = np.sort(pair_keys(sources, targets, n_in))
    extra = sample_free_keys(keys, n_in * n_out, count - len(keys), rng)
    return BipartiteGraph.from_sorted_keys(np.sort(np.concatenate([keys, extra])), n_in=n_in, n_out=n_out)


def _power_law(n_units: int, exponent: Any, rng: np.random.Generator) -> Float[np.ndarray, "unit"]:
    fix = "exponent=2.5"
    if not isinstance(exponent, Real) or isinstance(exponent, bool) or not float(exponent) > 1:
        raise InvalidOption("exponent", repr(exponent), "a number above 1", fix)
    power = -1 / (float(exponent) - 1)
    if power * math.log(n_units) < math.log(LEAST):
        expected = f"an exponent at which the propensities of {n_units} units span a factor of at most {1 / LEAST:.0e}"
        raise InvalidOption("exponent", repr(exponent), expected, fix)
    return rng.permutation(np.arange(1, n_units + 1, dtype=np.float64) ** power)


def _as_weights(name: str, weights: Any, n_units: int) -> Float[np.ndarray, "unit"]:
    """Return propensities as float64, the largest one 1."""
    expected, fix = f"{n_units} finite numbers of at least 0, one per unit", f"{name}=numpy.ones({n_units})"
    try:
        array = np.asarray(weights)
    except ValueError as error:
        raise InvalidOption(name, "rows of unequal length", expected, fix) from error
    if array.shape != (n_units,) or array.dtype.kind not in "fiub":
        raise InvalidOption(name, f"{array.dtype} of shape {array.shape}", expected, fix)
    array = array.astype(np.float64)
    bad = ~np.isfinite(array) | (array < 0)
    if bad.any():
        unit = int(np.argmax(bad))
        raise InvalidOption(name, f"{array[unit]} for unit {unit}", expected, fix)
    if not array.any():
        return array
    with np.errstate(under="ignore"):
        scaled = array / array.max()
    small = (array > 0) & (scaled < LEAST)
    if small.any():
        unit = int(np.argmax(small))
        given = f"{array[unit]} for unit {unit} beside {array.max()}"
        raise InvalidOption(name, given, f"positive numbers within a factor of {1 / LEAST:.0e}, or 0", fix)
    return scaled
