"""pandas: a network as a tidy table of edges, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netsparse.errors import InvalidEdges, InvalidSize
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.graph.checks import as_size
from netsparse.interop.assembly import (
    EdgeColumns,
    Origin,
    Weights,
    check_type,
    network_from_columns,
    parse_joints,
    real_column,
    whole_column,
)
from netsparse.interop.columns import as_network, finite_weights

if TYPE_CHECKING:
    import pandas as pd

ORIGIN = Origin("edge table", InvalidEdges, "the columns and values that to_pandas writes")


def to_pandas(network: SparseNetwork | BipartiteGraph, weights: Any = None) -> pd.DataFrame:
    """Return a tidy table with one row per edge, layer by layer in canonical order.

    Columns: `layer` (0 is the first one), `source` (unit of level `layer`), `target` (unit of level `layer + 1`),
    `input` (only if the network has joints: the input of the layer that the edge leaves from) and `weight` (only if
    weights are given; their dtype is kept). Isolated units are not in the table: `network.sizes` knows them.

    Parameters
    ----------
    network : SparseNetwork or BipartiteGraph
        What to convert.
    weights : sequence of arrays, optional
        One edge vector per layer; the edge vector itself for a BipartiteGraph.

    Raises
    ------
    InvalidNetwork, InvalidEdgeVector
        For another type of network, and for weights that do not fit or are not finite.

    Examples
    --------
    >>> layer = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=3, n_out=1)
    >>> print(to_pandas(layer, [0.5, -2.0]).to_string(index=False))
     layer  source  target  weight
         0       0       0     0.5
         0       1       0    -2.0
    """
    import pandas as pd

    whole = as_network(network)
    vectors = finite_weights(network, weights)
    joints = (None, *whole.joints)
    pairs = list(zip(whole.layers, joints, strict=True))
    columns = {
        "layer": np.repeat(np.arange(len(pairs)), [graph.n_edges for graph in whole.layers]),
        "source": np.concatenate([g.sources if joint is None else joint[g.sources] for g, joint in pairs]),
        "target": np.concatenate([graph.targets for graph in whole.layers]),
    }
    if any(joint is not None for joint in joints):
        columns["input"] = np.concatenate([graph.sources for graph in whole.layers])
    if vectors is not None:
        columns["weight"] = np.concatenate(vectors)
    return pd.DataFrame(columns)


def from_pandas(
    frame: pd.DataFrame, *, sizes: Sequence[int], joints: Sequence[Any] | None = None
) -> tuple[SparseNetwork, Weights | None]:
    """Read a network from a tidy table of edges.

    Parameters
    ----------
    frame : pandas.DataFrame
        With the columns `layer`, `source` and `target`, in any order of rows; `weight` is optional, further columns
        are ignored.
    sizes : sequence of int
        Number of units on each level, inputs first: a table of edges does not know isolated units.
    joints : sequence of (None or int array), optional
        As for `SparseNetwork`; the table then needs the column `input`.

    Returns
    -------
    network : SparseNetwork
    weights : tuple of arrays, or None
        One float64 edge vector per layer; None where there is no `weight`. NaN counts as missing, as
        everywhere in pandas.

    Raises
    ------
    InvalidEdges, InvalidSize
        If `frame` is no table, columns are missing or of the wrong type, units lie outside `sizes`, or edges repeat.

    Examples
    --------
    >>> import pandas as pd
    >>> from_pandas(pd.DataFrame({"layer": [0], "source": [2], "target": [0]}), sizes=[3, 1])
    (SparseNetwork(3-1, 1 edges, density 0.333), None)
    """
    import pandas as pd

    check_type(ORIGIN, frame, pd.DataFrame)
    if not isinstance(sizes, Iterable):
        raise InvalidSize("sizes", repr(sizes), "one size per level, inputs first", "sizes=network.sizes")
    sizes = [as_size(f"sizes[{level}]", size) for level, size in enumerate(sizes)]
    missing = [name for name in ("layer", "source", "target") if name not in frame.columns]
    if missing:
        given = f"columns {', '.join(map(str, frame.columns)) or 'none'}"
        raise ORIGIN.bad(given, "layer, source, target", f"frame.rename(columns=...) to get {missing[0]}")
    layer, source, target = (
        whole_column(ORIGIN, what, frame[what].to_numpy(), lambda row: f"row {row}")
        for what in ("layer", "source", "target")
    )
    limits = np.array([*sizes, 0])
    for what, units, limit in (
        ("layer", layer, np.full(len(layer), len(sizes) - 1)),
        ("source", source, limits[np.minimum(layer, len(sizes))]),
        ("target", target, limits[np.minimum(layer + 1, len(sizes))]),
    ):
        outside = np.flatnonzero(units >= limit)
        if len(outside):
            row = outside[0]
            expected = f"a {what} below {limit[row]}"
            raise ORIGIN.bad(f"{what} {units[row]} in row {row}", expected, "larger sizes")
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    levels = np.repeat(np.arange(len(sizes)), sizes)
    weights, inputs = (
        real_column(ORIGIN, what, frame[what].to_numpy(), lambda row: f"row {row}") if what in frame.columns else None
        for what in ("weight", "input")
    )
    edges = EdgeColumns(offsets[layer] + source, offsets[layer + 1] + target, weights=weights, inputs=inputs)
    indices = np.arange(len(levels)) - offsets[levels]
    return network_from_columns(ORIGIN, levels, indices, edges, parse_joints(ORIGIN, joints))
