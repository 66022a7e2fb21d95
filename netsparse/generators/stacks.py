"""Whole networks whose layers are made for each other: butterflies and mixed-radix topologies, without randomness."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from netsparse.errors import InvalidOption, InvalidSize
from netsparse.generators.products import kronecker
from netsparse.generators.structured import complete
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.graph.checks import as_sides, as_size
from netsparse.graph.pairs import pair_keys
from netsparse.typing import Int


def butterfly(n_units: int) -> SparseNetwork:
    """Butterfly network: log2(n) layers of two edges per unit that connect every input with every output once.

    In layer k = 0, 1 .. log2(n) - 1 unit i is connected to units i and i XOR 2^k of the next level, the wiring of the
    fast Fourier transform. Between every input and every output there is exactly one path: an output differs from an
    input in some of the log2(n) binary digits, and layer k alone decides on digit k. 2 n log2(n) edges do the work
    of the n^2 of a complete layer.

    Parameters
    ----------
    n_units : int
        Units on each level, a power of two, at least 2.

    Raises
    ------
    InvalidSize
        If it is no power of two; the message names the nearest ones.

    Notes
    -----
    Cooley and Tukey 1965, doi:10.1090/S0025-5718-1965-0178586-1; as a trained sparse layer: Dao, Gu, Eichhorn, Rudra
    and Re 2019, arXiv:1903.05895.

    Examples
    --------
    >>> butterfly(8)
    SparseNetwork(8-8-8-8, 48 edges, density 0.25)
    """
    whole = isinstance(n_units, int | np.integer) and not isinstance(n_units, bool)
    if not whole or n_units < 2 or int(n_units).bit_count() != 1:
        below = 1 << max(1, int(n_units).bit_length() - 1) if whole and n_units > 0 else 2
        fix = f"n_units={below} or n_units={2 * below}, the nearest ones"
        raise InvalidSize("n_units", repr(n_units), "a power of two, at least 2", fix)
    n_units, _ = as_sides(n_units, n_units)
    units = np.arange(n_units)
    layers = [np.stack([units, units ^ (1 << k)]) for k in range(n_units.bit_length() - 1)]
    return SparseNetwork([_layer(sources) for sources in layers])


def radix_net(radices: Sequence[Any], *, widths: Sequence[int] | None = None) -> SparseNetwork:
    """RadiX-Net: mixed-radix layers in which every input reaches every output by the same number of paths.

    One system of radices (N_1 .. N_m) with the product N' gives m layers between levels of N' units. A unit is
    read as a number with the digits j_1 .. j_m, and layer k changes digit k at will (with a carry): unit j is connected
    to the N_k units

        j + v * N_1 * ... * N_(k-1)  mod N',   v = 0 .. N_k - 1.

    Several systems are put one after the other. Then every unit of level k is replaced by D_k units, and every edge
    by all D_(k-1) x D_k edges between them: the Kronecker product of the layer with a complete one.

    Parameters
    ----------
    radices : sequence of int, or sequence of such sequences
        One system of radices of at least 2, or several; all of them have the same product N', the last one may have
        a divisor of it.
    widths : sequence of int, optional
        D_0 .. D_m, one number per level (one more than there are radices in all); ones where not given.

    Returns
    -------
    SparseNetwork
        Level k has D_k N' units; unit (d, j) is number d N' + j. Layer k has density N_k / N'.

    Raises
    ------
    InvalidOption
        If `radices` are no numbers of at least 2, or the products of several systems do not fit.
    InvalidSize
        If there is not one width of at least 1 per level, or a layer is too large.

    Notes
    -----
    Robinett and Kepner 2019, arXiv:1905.00416. The number of paths from every input to every output is
    D_1 ... D_(m-1) for one system; M systems multiply it by N'^(M-2) and the product of the last. With radices
    (2, 2, ..) and no widths the layers are those of a `butterfly` with a carry in the place of the exclusive or.

    Examples
    --------
    >>> radix_net([2, 3], widths=[1, 4, 2])
    SparseNetwork(6-24-12, 192 edges, density 0.444)
    >>> radix_net([[2, 3], [6], [3]])
    SparseNetwork(6-6-6-6-6, 84 edges, density 0.583)
    """
    systems = _as_systems(radices)
    n_units, _ = as_sides(math.prod(systems[0]), math.prod(systems[0]))
    each = [(step, radix) for system in systems for step, radix in _steps(system)]
    dense = _as_widths(widths, len(each) + 1)
    layers = []
    for (step, radix), (d_in, d_out) in zip(each, itertools.pairwise(dense), strict=True):
        as_sides(d_in * n_units, d_out * n_units)
        # unit j feeds j + v * step, so the sources of a unit are the ones v * step before it
        shifts = np.arange(radix, dtype=np.int64)[:, None] * step
        layers.append(kronecker(complete(d_in, d_out), _layer((np.arange(n_units) - shifts) % n_units)))
    return SparseNetwork(layers)


def _layer(sources: Int[np.ndarray, "degree unit"]) -> BipartiteGraph:
    """Square layer in which unit i reads the units in column i of `sources`."""
    degree, n_units = sources.shape
    keys = pair_keys(sources.ravel(), np.tile(np.arange(n_units), degree), n_units)
    return BipartiteGraph.from_sorted_keys(np.sort(keys), n_in=n_units, n_out=n_units)


def _steps(system: list[int]) -> list[tuple[int, int]]:
    """Return for each radix the step of its digit, the product of the radices before it, and the radix itself."""
    return list(zip(itertools.accumulate([1, *system[:-1]], lambda a, b: a * b), system, strict=True))


def _as_systems(radices: Any) -> list[list[int]]:
    """Return one list of radices per system, checked to fit onto each other."""
    fix = "radices=[2, 3, 4], or radices=[[2, 3, 4], [4, 6]]"
    rows = _as_list(radices) or []
    nested = [_as_list(row) for row in rows]
    systems = [rows] if not rows or None in nested else nested
    if not all(system and all(map(_is_radix, system)) for system in systems):
        raise InvalidOption("radices", repr(radices), "whole numbers of at least 2, or sequences of them", fix)
    checked = [[int(radix) for radix in system] for system in systems]
    products = [math.prod(system) for system in checked]
    for k, product in enumerate(products):
        last = k == len(products) - 1
        if products[0] % product or (product != products[0] and not last):
            also = " or a divisor of it" if last else ""
            expected = f"the product of the first, {products[0]}{also}"
            raise InvalidOption("radices", f"product {product} of system {k}", expected, fix)
    return checked


def _as_list(values: Any) -> Any:
    return list(values) if isinstance(values, Iterable) and not isinstance(values, str) else None


def _is_radix(radix: Any) -> bool:
    return isinstance(radix, int | np.integer) and not isinstance(radix, bool) and int(radix) >= 2


def _as_widths(widths: Any, n_levels: int) -> list[int]:
    if widths is None:
        return [1] * n_levels
    given = _as_list(widths)
    if given is None or len(given) != n_levels:
        found = f"{len(given)} numbers" if given is not None else repr(widths)
        raise InvalidSize("widths", found, f"one number per level ({n_levels})", f"widths={[1] * n_levels}")
    return [as_size("widths", width) for width in given]
