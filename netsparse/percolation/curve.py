"""`PercolationCurve`: what was seen on the way while all edges of a network went, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph.frozen import Frozen, frozen
from netsparse.percolation.interval import PerPoint, mean_interval
from netsparse.percolation.observables import OBSERVABLES, observable_names
from netsparse.percolation.threshold import METHODS, Threshold, mean_threshold
from netsparse.typing import Float, Int

RemovalCounts = Int[np.ndarray, "point"]
"""Number of removed edges at each point of a curve."""

TrialCounts = Int[np.ndarray, "trial point"]
"""A number of units (or components) for each trial and point."""

TrialValues = Float[np.ndarray, "trial point"]
"""An observable for each trial and point."""


def removal_counts(n_edges: int, points: int) -> RemovalCounts:
    """Return `points + 1` evenly spaced numbers of removed edges, 0 and n_edges included, halves rounded up.

    Where there are fewer edges than points, counts that would repeat are left out.

    Raises
    ------
    InvalidOption
        If `points` is not a whole number of at least 1.

    Examples
    --------
    >>> removal_counts(10, 4).tolist()
    [0, 3, 5, 8, 10]
    """
    if not isinstance(points, int | np.integer) or isinstance(points, bool) or points < 1:
        raise InvalidOption("points", repr(points), "a whole number of at least 1, or None for all", "points=100")
    return np.unique((2 * n_edges * np.arange(points + 1, dtype=np.int64) + points) // (2 * points))


class PercolationCurve(Frozen):
    """What is left of a network while its edges are removed one by one, in one or more trials.

    Every array along the curve is indexed by the number of edges REMOVED, 0 to n_edges. A network without edges has a
    curve of one point.

    Parameters
    ----------
    sizes : tuple of int
        Number of units on each level of the network.
    counts : mapping of str to int array of shape (n_trials, n_edges + 1)
        Per observable, the number of units (or components), before any division. Kept as int32, and copied unless
        already a read-only int32 array of its own.

    Raises
    ------
    UnknownName, InvalidOption
        For an unknown observable, levels that are not whole numbers of at least 1, counts that are not integers, and
        arrays of different shapes.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph
    >>> from netsparse.percolation import percolate
    >>> curve = percolate(BipartiteGraph.from_mask([[1, 1, 1]]), trials=2, rng=0)
    >>> curve
    PercolationCurve(3 edges, 2 trials: giant_component, second_component, outputs_reachable)
    >>> curve.r_index
    0.625
    """

    __slots__ = ("_counts", "n_edges", "n_trials", "sizes")
    _change_with = "percolate(graph_or_network, ...) again"
    sizes: tuple[int, ...]
    n_edges: int
    n_trials: int
    _counts: dict[str, np.ndarray]

    def __init__(self, sizes: tuple[int, ...], counts: Mapping[str, np.ndarray]) -> None:
        fix = "percolate(graph_or_network, rng=0)"
        if not isinstance(sizes, tuple) or not sizes or not all(_is_size(size) for size in sizes):
            raise InvalidOption("sizes", repr(sizes), "a tuple with the number of units of each level", fix)
        if not isinstance(counts, Mapping):
            raise InvalidOption("counts", type(counts).__name__, "a mapping from observables to arrays", fix)
        rows = {name: np.asarray(counts[name]) for name in observable_names(counts)}
        shapes = {array.shape for array in rows.values()}
        shape = next(iter(shapes))
        are_integers = all(array.dtype.kind in "iu" for array in rows.values())
        if not are_integers or len(shapes) > 1 or len(shape) != 2 or 0 in shape:
            given = ", ".join(f"{array.dtype} of shape {array.shape}" for array in rows.values())
            raise InvalidOption("counts", given, "integers of one shape (n_trials, n_edges + 1) for all", fix)
        self._fill(sizes=sizes, n_trials=shape[0], n_edges=shape[1] - 1)
        self._fill(_counts={name: _own(array) for name, array in rows.items()})

    @property
    def observables(self) -> tuple[str, ...]:
        """Names of the observables on record."""
        return tuple(self._counts)

    @property
    def n_removed(self) -> RemovalCounts:
        """Number of removed edges at each point of the curve: 0, 1, ..., n_edges."""
        return np.arange(self.n_edges + 1)

    @property
    def fraction_removed(self) -> PerPoint:
        """Fraction of all edges removed at each point of the curve, 0 to 1; the single point 0 without edges."""
        return self.n_removed / max(self.n_edges, 1)

    def counts(self, observable: str) -> TrialCounts:
        """Return the read-only int32 counts of one observable before any division.

        Raises
        ------
        UnknownName
            If it is not on record; the message lists those that are.
        """
        if not isinstance(observable, str) or observable not in self._counts:
            raise unknown_name("observable", observable, self._counts)
        return self._counts[observable]

    def values(self, observable: str) -> TrialValues:
        """Return one observable, one row per trial, as a new float array; raises `UnknownName`."""
        return self.counts(observable) / self._scale(observable)

    def at(self, n_removed: Any) -> dict[str, TrialValues]:
        """Return all observables at the given numbers of removed edges.

        Parameters
        ----------
        n_removed : int array of shape (n_points,)
            Each from 0 to n_edges, in any order; `removal_counts(curve.n_edges, 20)` gives evenly spaced ones.

        Returns
        -------
        dict of str to float array of shape (n_trials, n_points)

        Raises
        ------
        InvalidOption
            For fractions (which count is meant is the caller's decision) and for counts outside the curve.

        Examples
        --------
        >>> from netsparse.graph import BipartiteGraph
        >>> from netsparse.percolation import percolate
        >>> curve = percolate(BipartiteGraph.from_mask([[1, 1, 1]]), order=[0, 1, 2], observables="giant_component")
        >>> curve.at([0, 3])
        {'giant_component': array([[1.  , 0.25]])}
        """
        picks = np.atleast_1d(np.asarray(n_removed))
        expected = f"whole numbers from 0 to n_edges = {self.n_edges}"
        fix = "removal_counts(curve.n_edges, 20)"
        if picks.ndim != 1 or picks.dtype.kind not in "iu":
            raise InvalidOption("n_removed", f"{picks.dtype} of shape {picks.shape}", expected, fix)
        outside = picks[(picks < 0) | (picks > self.n_edges)]
        if len(outside):
            raise InvalidOption("n_removed", str(outside[0]), expected, fix)
        return {name: array[:, picks] / self._scale(name) for name, array in self._counts.items()}

    def to_frame(self, points: int | None = None) -> pd.DataFrame:
        """Return the curve as a tidy table, mean over trials with its 95 % interval.

        Parameters
        ----------
        points : int, optional
            `points + 1` evenly spaced numbers of removed edges, 0 and n_edges included; None gives all of them.

        Returns
        -------
        pandas.DataFrame
            Columns observable, n_removed, fraction_removed, mean, low, high. The interval is Student's t for the mean
            over trials, not clipped to [0, 1]; NaN with one trial.

        Raises
        ------
        InvalidOption
            If `points` is not a whole number of at least 1.
        """
        picks = self.n_removed if points is None else removal_counts(self.n_edges, points)
        frames: list[pd.DataFrame] = []
        for name, array in self._counts.items():
            mean, half_width = mean_interval(array if points is None else array[:, picks])
            mean, half_width = mean / self._scale(name), half_width / self._scale(name)
            columns = {
                "observable": name,
                "n_removed": picks,
                "fraction_removed": picks / max(self.n_edges, 1),
                "mean": mean,
                "low": mean - half_width,
                "high": mean + half_width,
            }
            frames.append(pd.DataFrame(columns))
        return pd.concat(frames, ignore_index=True)

    @property
    def r_index(self) -> float:
        r"""Area under the mean giant-component curve against the fraction of removed edges, 0 to 1.

        R = sum over m of (S(m) + S(m + 1)) / (2 M), the trapezoid over the M edges. Published as a sum over removed
        units; the version for edges, as an area, is ours. Without edges the curve is one point and R its height.

        Raises
        ------
        UnknownName
            If "giant_component" was not observed.

        References
        ----------
        C. M. Schneider et al., Mitigation of malicious attacks on networks, PNAS 108, 3838 (2011),
        https://doi.org/10.1073/pnas.1009440108
        """
        giant = self.counts("giant_component")
        scale = self._scale("giant_component") * self.n_trials
        if self.n_edges == 0:
            return float(giant.sum()) / scale
        # sums of integers are exact, so that the area does not depend on the order of the additions
        twice = 2 * giant.sum(dtype=np.int64) - giant[:, 0].sum(dtype=np.int64) - giant[:, -1].sum(dtype=np.int64)
        return float(twice) / (2 * self.n_edges * scale)

    def threshold(self, method: str = "second_component") -> Threshold:
        """Return the percolation threshold, found in each trial and averaged over them.

        Parameters
        ----------
        method : {"second_component"}
            The number of removed edges at which the second largest component is largest; the middle one where several
            are tied. There is no threshold (NaN) where a trial has no such peak: no edges, a second component that
            never has an edge, or one that is at its maximum before anything is removed.

        Returns
        -------
        Threshold
            `error` is the half-width of the 95 % interval over trials, NaN with one trial.

        Raises
        ------
        UnknownName
            For another method, or if its observable was not observed.

        Examples
        --------
        >>> from netsparse.graph import BipartiteGraph
        >>> from netsparse.percolation import percolate
        >>> path = BipartiteGraph.from_edges([0, 1, 1, 2], [0, 0, 1, 1], n_in=3, n_out=2)
        >>> percolate(path, order=[1, 0, 2, 3]).threshold().fraction_removed
        0.25
        """
        if not isinstance(method, str) or method not in METHODS:
            raise unknown_name("method", method, METHODS)
        observable, peak = METHODS[method]
        positions = np.array([peak(row) for row in self.counts(observable)])
        return mean_threshold(positions, self.n_edges, method)

    def _scale(self, observable: str) -> int:
        return OBSERVABLES[observable].scale(self.sizes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PercolationCurve):
            return NotImplemented
        same_record = (self.sizes, self.observables) == (other.sizes, other.observables)
        return same_record and all(np.array_equal(array, other.counts(name)) for name, array in self._counts.items())

    def __hash__(self) -> int:
        return hash((self.sizes, self.observables, self.n_trials, self.n_edges))

    def __reduce__(self) -> tuple[Any, ...]:
        # an unpickled array would be writable again; going through the constructor freezes it
        return PercolationCurve, (self.sizes, self._counts)

    def __repr__(self) -> str:
        trials = "1 trial" if self.n_trials == 1 else f"{self.n_trials} trials"
        return f"PercolationCurve({self.n_edges:,} edges, {trials}: {', '.join(self.observables)})"

    def _repr_html_(self) -> str:
        table = self.to_frame(points=4).pivot(index="observable", columns="fraction_removed", values="mean")
        head = "".join(f"<th>{fraction:.0%}</th>" for fraction in table.columns)
        rows = "".join(
            f"<tr><th>{name}</th>{''.join(f'<td>{value:.4g}</td>' for value in table.loc[name])}</tr>"
            for name in self.observables
        )
        return f"<table><caption>{self!r}, mean by edges removed</caption><tr><th></th>{head}</tr>{rows}</table>"


def _is_size(size: object) -> bool:
    return isinstance(size, int | np.integer) and not isinstance(size, bool) and int(size) >= 1


def _own(array: np.ndarray) -> TrialCounts:
    """Return the counts as a read-only int32 array that nobody else can write to."""
    if array.dtype == np.int32 and array.flags.owndata and not array.flags.writeable:
        return array
    return frozen(array.astype(np.int32))
