"""`zero_vector_table`: zero vectors of every layer, before and after singleton pruning, against random placement."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from netsparse.errors import InvalidOption
from netsparse.graph import BipartiteGraph
from netsparse.metrics.matrices import Graph, present_layers
from netsparse.metrics.vector_axes import KERNEL_AXES, check_vector_axis, vectors_along
from netsparse.metrics.vector_moments import vector_moments
from netsparse.typing import EdgeMask

QUANTITIES: dict[str, tuple[int, ...]] = {
    "zero_vectors": (0,),
    "singleton_vectors": (1,),
    "zero_vectors_after_pruning": (0, 1),
}
"""Numbers of edges that a vector may hold to be counted."""
COLUMNS = ["layer", "axis", "quantity", "n_vectors", "length", "n_edges", "value", "null_mean", "null_std", "z"]


class _Counted(NamedTuple):
    """Vectors of a layer along one axis: how many there are, and how many count; mean and deviation of a random one."""

    layer: str
    n_edges: int
    n_vectors: int
    length: int
    observed: int
    mean: float
    std: float


def zero_vector_table(
    network: Graph,
    weights: Any = None,
    *,
    axis: str | Iterable[str] = ("out", "in"),
    kernel_sizes: Sequence[tuple[int, int] | None] | tuple[int, int] | None = None,
) -> pd.DataFrame:
    """Zero and singleton vectors of every layer and of the whole network, against uniformly random layers.

    Parameters
    ----------
    network : SparseNetwork or BipartiteGraph
        The wiring.
    weights : one edge vector per layer (a single one for a BipartiteGraph), optional
        Only says which edges are there: those whose weight is exactly 0 are not.
    axis : str or list of str
        What vectors run over, see `vectors_along`: "out", all targets of a source unit; "in", all sources of a target;
        in convolutions also "in_channel", "kernel_row", "kernel_col" and "kernel".
    kernel_sizes : sequence of ((int, int) or None), optional
        (height, width) of each layer that is a convolution, None for the others: `[state.kernel_size for state in
        model.layer_states()]`. For a BipartiteGraph the pair itself. Only the axes of kernels read it, and layers
        without one have no rows of these axes.

    Returns
    -------
    pandas.DataFrame
        One row per layer, axis and quantity. Quantities are the fractions of `zero_vectors` (they hold no edge), of
        `singleton_vectors` (exactly one), and `zero_vectors_after_pruning`, the sum of both: what `singleton_pruning`
        leaves empty. Columns:

        - `layer`: "0", "1", ..., "network" (the vectors of all layers pooled, so that wide layers count for more) and
          "mean over layers" (the mean of the layers' fractions);
        - `n_vectors` and `length` (pairs in each; missing where layers of different lengths are taken together), and
          `n_edges`;
        - `value`, the fraction, in [0, 1];
        - `null_mean` and `null_std`: exact, over all layers of the same sizes and edge counts, see `vector_moments`;
          layers are independent;
        - `z`: (value - null_mean) / null_std; NaN where null_std is 0.

    Raises
    ------
    UnknownName
        For another axis.
    InvalidOption
        For no axis at all, kernel sizes that do not fit the layers, and an axis of kernels where no layer has one.
    InvalidGraph, InvalidEdgeVector
        For something that is no network, and weights that do not fit the edges or are not finite real numbers.

    Notes
    -----
    The thesis that counts zero vectors (Seidel, Structured Adversarial Rewiring, winter term 2022/23) counts along the
    last axis of weights, read here as [height, width, in, out] and so as "out"; how it averages over layers it does not
    say, which is why there are two rows for the whole. The random baseline is ours.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 0, 1], [0, 1, 1], n_in=4, n_out=2)
    >>> table = zero_vector_table(graph, axis="out")
    >>> table[table.layer == "0"][["quantity", "value", "null_mean"]].round(3).to_string(index=False).splitlines()
    ['                  quantity  value  null_mean', '              zero_vectors   0.50      0.357', '         singleton_vectors   0.25      0.536', 'zero_vectors_after_pruning   0.75      0.893']
    """  # noqa: E501
    axes = [axis] if isinstance(axis, str) or not isinstance(axis, Iterable) else list(axis)
    if not axes:
        raise InvalidOption("axis", "none", "one axis or more", "axis=('out', 'in')")
    for name in axes:
        check_vector_axis(name)
    pairs = list(present_layers(network, weights))
    sizes = _kernel_sizes(network, kernel_sizes)
    rows: list[dict[str, Any]] = []
    for name in axes:
        chosen = [k for k in range(len(pairs)) if name not in KERNEL_AXES or sizes[k] is not None]
        if not chosen:
            fix = "kernel_sizes=[state.kernel_size for state in model.layer_states()]"
            raise InvalidOption("kernel_sizes", f"none for axis {name!r}", "the patch of a convolution", fix)
        for quantity, held in QUANTITIES.items():
            counted = [_counted(str(k), *pairs[k], name, sizes[k], held) for k in chosen]
            rows += [_row(name, quantity, part.layer, [part], pooled=True) for part in counted]
            rows.append(_row(name, quantity, "network", counted, pooled=True))
            rows.append(_row(name, quantity, "mean over layers", counted, pooled=False))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"length": "Int64"})


def _counted(
    layer: str,
    graph: BipartiteGraph,
    mask: EdgeMask,
    axis: str,
    kernel_size: tuple[int, int] | None,
    held: tuple[int, ...],
) -> _Counted:
    vectors = vectors_along(graph, axis, kernel_size)
    occupied = np.unique(vectors.of_edge[mask], return_counts=True)[1]  # there may be many more vectors than edges
    observed = int(np.count_nonzero(np.isin(occupied, held)))
    if 0 in held:
        observed += vectors.n_vectors - len(occupied)
    n_edges = int(np.count_nonzero(mask))
    moments = vector_moments(vectors.n_vectors, vectors.length, n_edges, held)
    return _Counted(layer, n_edges, vectors.n_vectors, vectors.length, observed, *moments)


def _row(axis: str, quantity: str, layer: str, parts: Sequence[_Counted], *, pooled: bool) -> dict[str, Any]:
    n_vectors = sum(part.n_vectors for part in parts)
    # how much a vector of each layer counts
    shares = [1 / n_vectors if pooled else 1 / (len(parts) * part.n_vectors) for part in parts]
    value, mean = (
        math.fsum(share * number for share, number in zip(shares, numbers, strict=True))
        for numbers in ([part.observed for part in parts], [part.mean for part in parts])
    )
    std = math.hypot(*(share * part.std for share, part in zip(shares, parts, strict=True)))
    lengths = {part.length for part in parts}
    return {
        "layer": layer,
        "axis": axis,
        "quantity": quantity,
        "n_vectors": n_vectors,
        "length": lengths.pop() if len(lengths) == 1 else pd.NA,
        "n_edges": sum(part.n_edges for part in parts),
        "value": value,
        "null_mean": mean,
        "null_std": std,
        "z": (value - mean) / std if std else math.nan,
    }


def _kernel_sizes(network: Graph, given: Any) -> list[tuple[int, int] | None]:
    n_layers = len(network.layers)
    if given is None:
        return [None] * n_layers
    if isinstance(network, BipartiteGraph):
        return [given]
    sizes = list(given) if isinstance(given, Iterable) else []
    if len(sizes) != n_layers or any(isinstance(size, int) for size in sizes):
        expected = f"one pair or None for each of {n_layers} layers"
        fix = "kernel_sizes=[state.kernel_size for state in model.layer_states()]"
        raise InvalidOption("kernel_sizes", repr(given), expected, fix)
    return sizes
