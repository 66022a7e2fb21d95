"""`predict`: what theory says before anything is removed, in the words of the simulated curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph.frozen import Frozen, frozen
from netsparse.metrics.matrices import Graph, check_graph
from netsparse.percolation.critical import generating_function_threshold, non_backtracking_threshold
from netsparse.percolation.half_point import CROSSOVERS, HalfPoint, half_removed, mean_half_point
from netsparse.percolation.kept import Fractions, as_fractions
from netsparse.percolation.message_passing import component_curves
from netsparse.percolation.points import removal_counts
from netsparse.percolation.reach import reach_curves
from netsparse.percolation.removal import EDGES, UNITS


class Prediction(Frozen):
    """What theory says is left of a network while a growing fraction of it is removed at random.

    Parameters
    ----------
    of : {"edges", "units"}
        What is removed.
    fraction_removed : float array of shape (n_points,)
        From 0 to 1, rising.
    values : mapping of str to float array of shape (n_points,)
        Observables by name, as in `PercolationCurve`.
    thresholds : mapping of str to float
        Critical fraction KEPT by each method: "non_backtracking", and "generating_functions" for a single layer. Above
        1, or inf, where the network has no giant component from the start.

    Examples
    --------
    >>> from netsparse.generators import biregular
    >>> prediction = predict(biregular(60, 20, fan_in=9, rng=0), points=10)
    >>> prediction
    Prediction(11 points, edges: critical fraction kept 0.25 by non_backtracking, 0.25 by generating_functions)
    >>> prediction.values("outputs_reachable").round(3).tolist()[-3:]
    [0.866, 0.613, 0.0]
    """

    __slots__ = ("_values", "fraction_removed", "of", "thresholds")
    _change_with = "predict(graph_or_network, ...) again"
    of: str
    fraction_removed: Fractions
    thresholds: Mapping[str, float]
    _values: dict[str, Fractions]

    def __init__(
        self, of: str, fraction_removed: Fractions, values: Mapping[str, Fractions], thresholds: Mapping[str, float]
    ) -> None:
        fix = "predict(graph_or_network)"
        shapes = {np.shape(row) for row in values.values()}
        if of not in (EDGES, UNITS):
            raise InvalidOption("of", repr(of), f'"{EDGES}" or "{UNITS}"', fix)
        if shapes != {np.shape(fraction_removed)} or len(np.shape(fraction_removed)) != 1:
            given = ", ".join(map(str, sorted(shapes))) or "none"
            raise InvalidOption("values", given, f"one row of shape {np.shape(fraction_removed)} or more", fix)
        rows = {name: frozen(np.array(row, dtype=np.float64)) for name, row in values.items()}
        self._fill(of=of, fraction_removed=frozen(np.array(fraction_removed, dtype=np.float64)), _values=rows)
        self._fill(thresholds=MappingProxyType(dict(thresholds)))

    @property
    def observables(self) -> tuple[str, ...]:
        """Names of the observables that are predicted."""
        return tuple(self._values)

    def values(self, observable: str) -> Fractions:
        """Return one read-only curve, indexed as `fraction_removed`; raises `UnknownName` for what is not predicted."""
        if not isinstance(observable, str) or observable not in self._values:
            raise unknown_name("observable", observable, self._values)
        return self._values[observable]

    def to_frame(self) -> pd.DataFrame:
        """Return the curves as a tidy table with columns observable, fraction_removed, mean."""
        frames = [
            pd.DataFrame({"observable": name, "fraction_removed": self.fraction_removed, "mean": row})
            for name, row in self._values.items()
        ]
        return pd.concat(frames, ignore_index=True)

    def half_point(self, observable: str = "outputs_reachable") -> HalfPoint:
        """Return where an observable of directed paths has fallen to half, linear between points; it has no error.

        Raises
        ------
        UnknownName
            For other observables, which have a threshold.

        Examples
        --------
        >>> from netsparse import BipartiteGraph
        >>> predict(BipartiteGraph.from_mask(np.eye(4))).half_point().fraction_kept
        0.5
        """
        if not isinstance(observable, str) or observable not in CROSSOVERS:
            raise unknown_name("observable", observable, CROSSOVERS)
        points = np.arange(len(self.fraction_removed))
        place = half_removed(self.values(observable), points)
        removed = np.interp(place, points, self.fraction_removed)
        return mean_half_point(np.atleast_1d(removed), 1, observable)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Prediction):
            return NotImplemented
        same_words = (self.of, self.observables, dict(self.thresholds))
        return (
            same_words == (other.of, other.observables, dict(other.thresholds))
            and np.array_equal(self.fraction_removed, other.fraction_removed)
            and all(np.array_equal(row, other.values(name)) for name, row in self._values.items())
        )

    def __hash__(self) -> int:
        return hash((self.of, self.observables, tuple(self.thresholds.items()), len(self.fraction_removed)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Prediction, (self.of, self.fraction_removed, self._values, dict(self.thresholds))

    def __repr__(self) -> str:
        found = ", ".join(f"{kept:.4g} by {name}" for name, kept in self.thresholds.items())
        return f"Prediction({len(self.fraction_removed)} points, {self.of}: critical fraction kept {found})"

    def _repr_html_(self) -> str:
        picks = np.unique(np.linspace(0, len(self.fraction_removed) - 1, 5).round().astype(int))
        head = "".join(f"<th>{fraction:.0%}</th>" for fraction in self.fraction_removed[picks])
        rows = "".join(
            f"<tr><th>{name}</th>{''.join(f'<td>{value:.4g}</td>' for value in row[picks])}</tr>"
            for name, row in self._values.items()
        )
        return f"<table><caption>{self!r}, by {self.of} removed</caption><tr><th></th>{head}</tr>{rows}</table>"


def predict(graph_or_network: Graph, *, points: Any = 100, of: str = EDGES) -> Prediction:
    r"""Predict the curves and the threshold that `percolate` finds for random removal.

    Parameters
    ----------
    graph_or_network : BipartiteGraph or SparseNetwork
        A network is taken as one graph of all its units; for one layer of it, `predict(network.layers[k])`.
    points : int or float sequence
        Number of steps from nothing removed to everything, or the fractions removed themselves, to which 0 and 1 are
        added.
    of : {"edges", "units"}
        What is removed at random, from all layers (levels) alike.

    Returns
    -------
    Prediction
        With "giant_component", "susceptibility", "outputs_reachable", "inputs_connected", "units_reachable" and
        "active_units" as defined for `percolate`, and the thresholds.

    Raises
    ------
    InvalidGraph, InvalidOption
        For what is no graph, and for points that are none.
    NotConverged
        As `expected_components` and `non_backtracking_threshold`.

    Notes
    -----
    Theory keeps each edge with probability 1 - f, a trial removes exactly round(f n): the two agree as networks grow.
    What differs from a simulation of a finite network:

    - giant_component is the part in unbounded components, and 0 below the threshold, where a simulation finds the
      largest component however small; with few edges removed, theory counts components with a cycle alone. On trees
      it is 0 throughout.
    - susceptibility is the mean size of a unit's component given that it is not in the giant one. A simulation leaves
      out the largest component below the threshold too, rounds the peak, and gives 0 where nothing is left outside
      the largest component; compare where more than a few units are.
    - the observables of directed paths are upper bounds for every network, exact where paths share no edges
      (`reach_probabilities`).

    Removal of units: the messages are the same, and every fraction is 1 - f times what it is for edges: a unit has to
    be present itself. Thresholds and susceptibility are unchanged.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> network = layered([784, 1000, 1000, 1000], density=0.01, rng=0)
    >>> prediction = predict(network, points=20)
    >>> {name: round(kept, 3) for name, kept in prediction.thresholds.items()}
    {'non_backtracking': 0.064}
    >>> prediction.half_point().fraction_kept > 2 * prediction.thresholds["non_backtracking"]
    True
    """
    check_graph(graph_or_network)
    if of not in (EDGES, UNITS):
        raise InvalidOption("of", repr(of), f'"{EDGES}" or "{UNITS}"', f'of="{EDGES}"')
    removed = _fractions_removed(points)
    curves = component_curves(graph_or_network, 1 - removed) | reach_curves(graph_or_network, 1 - removed)
    if of == UNITS:
        curves = {name: row if name == "susceptibility" else (1 - removed) * row for name, row in curves.items()}
    thresholds = {"non_backtracking": non_backtracking_threshold(graph_or_network)}
    if len(graph_or_network.layers) == 1:
        thresholds["generating_functions"] = generating_function_threshold(graph_or_network)
    return Prediction(of, removed, curves, thresholds)


def _fractions_removed(points: Any) -> Fractions:
    if not isinstance(points, Sequence) and np.ndim(points) == 0:
        return removal_counts(points, points) / points
    return np.union1d(as_fractions("points", points), [0.0, 1.0])
