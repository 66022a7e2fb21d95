"""`PercolationCurve`: what was seen on the way while all edges or units of a network went, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph.checks import as_array
from netsparse.graph.frozen import INT32_MAX, Frozen, frozen
from netsparse.percolation.half_point import CROSSOVERS, HalfPoint, half_removed, mean_half_point
from netsparse.percolation.interval import PerPoint, mean_interval
from netsparse.percolation.observables import OBSERVABLES, observable_names
from netsparse.percolation.points import RemovalCounts, as_counts, removal_counts
from netsparse.percolation.removal import EDGES, UNITS
from netsparse.percolation.threshold import CROSSING, METHODS, Threshold, mean_threshold, peak
from netsparse.typing import Float, Int

TrialCounts = Int[np.ndarray, "trial point"] | Float[np.ndarray, "trial point"]
"""A number of units (or components), or a real number, for each trial and point."""

TrialValues = Float[np.ndarray, "trial point"]
"""An observable for each trial and point."""

FIX = "percolate(graph_or_network, rng=0)"


class PercolationCurve(Frozen):
    """What is left of a network while its edges, or its units, are removed one by one, in one or more trials.

    Every array along the curve is indexed by its recorded points: numbers of REMOVED items, `n_removed`, which begin
    with 0 and end with all items that go. A network without edges has a curve of one point.

    Parameters
    ----------
    sizes : tuple of int
        Number of units on each level of the network.
    counts : mapping of str to array of shape (n_trials, n_points)
        Per observable, what was counted, before any division: int32, or float64 for an observable that is a real
        number. Copied unless already a read-only array of its own.
    of : {"edges", "units"}
        What is removed.
    n_removed : int array of shape (n_points,), optional
        The recorded points, increasing from 0; 0, 1, 2, ... where not given.

    Attributes
    ----------
    n_items : int
        Number of edges (or units) that go, the last recorded point.
    n_trials : int
        Number of trials.

    Raises
    ------
    UnknownName, InvalidOption
        For an unknown observable, levels that are not whole numbers of at least 1, counts that are not numbers of the
        right kind, arrays of different shapes, and points that do not fit them.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph
    >>> from netsparse.percolation import percolate
    >>> curve = percolate(BipartiteGraph.from_mask([[1, 1, 1]]), observables="giant_component", trials=2, rng=0)
    >>> curve
    PercolationCurve(3 edges, 2 trials: giant_component)
    >>> curve.r_index
    0.625
    """

    __slots__ = ("_counts", "_points", "n_items", "n_trials", "of", "sizes")
    _change_with = "percolate(graph_or_network, ...) again"
    sizes: tuple[int, ...]
    of: str
    n_items: int
    n_trials: int
    _counts: dict[str, np.ndarray]
    _points: RemovalCounts | None

    def __init__(
        self,
        sizes: tuple[int, ...],
        counts: Mapping[str, np.ndarray],
        *,
        of: str = EDGES,
        n_removed: RemovalCounts | None = None,
    ) -> None:
        if not isinstance(sizes, tuple) or not sizes or not all(_is_size(size) for size in sizes):
            raise InvalidOption("sizes", repr(sizes), "a tuple with the number of units of each level", FIX)
        if of not in (EDGES, UNITS):
            raise unknown_name("of", of, (EDGES, UNITS))
        if not isinstance(counts, Mapping):
            raise InvalidOption("counts", type(counts).__name__, "a mapping from observables to arrays", FIX)
        rows = {name: as_array(name, counts[name]) for name in observable_names(counts)}
        shapes = {array.shape for array in rows.values()}
        shape = next(iter(shapes))
        fits = all(np.can_cast(array.dtype, OBSERVABLES[name].dtype, "same_kind") for name, array in rows.items())
        is_number = all(array.dtype.kind in "iuf" for array in rows.values())
        if not fits or not is_number or len(shapes) > 1 or len(shape) != 2 or 0 in shape:
            given = ", ".join(f"{array.dtype} of shape {array.shape}" for array in rows.values())
            expected = "numbers of one shape (n_trials, n_points) for all, whole ones for what is counted"
            raise InvalidOption("counts", given, expected, FIX)
        points = None if n_removed is None else _points(n_removed, shape[1])
        n_items = shape[1] - 1 if points is None else int(points[-1])
        self._fill(sizes=sizes, of=of, n_trials=shape[0], n_items=n_items, _points=points)
        self._fill(_counts={name: _own(name, array, OBSERVABLES[name].dtype) for name, array in rows.items()})

    @property
    def observables(self) -> tuple[str, ...]:
        """Names of the observables on record."""
        return tuple(self._counts)

    @property
    def n_removed(self) -> RemovalCounts:
        """Number of removed items at each recorded point, 0 to n_items."""
        return np.arange(self.n_items + 1) if self._points is None else self._points

    @property
    def fraction_removed(self) -> PerPoint:
        """Fraction of all items removed at each recorded point, 0 to 1; the single point 0 where nothing can go."""
        return self.n_removed / max(self.n_items, 1)

    def counts(self, observable: str) -> TrialCounts:
        """Return one observable before any division, read-only: int32, or float64 where it is a real number.

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
        """Return all observables at the given numbers of removed items.

        Parameters
        ----------
        n_removed : int array of shape (n_points,)
            Each on record, in any order; `removal_counts(curve.n_items, 20)` gives evenly spaced ones.

        Returns
        -------
        dict of str to float array of shape (n_trials, n_points)

        Raises
        ------
        InvalidOption
            For fractions (which count is meant is the caller's decision), and for counts that are outside the curve or
            were not recorded.

        Examples
        --------
        >>> from netsparse.graph import BipartiteGraph
        >>> from netsparse.percolation import percolate
        >>> curve = percolate(BipartiteGraph.from_mask([[1, 1, 1]]), order=[0, 1, 2], observables="giant_component")
        >>> curve.at([0, 3])
        {'giant_component': array([[1.  , 0.25]])}
        """
        wanted = as_counts("n_removed", n_removed, self.n_items, "removal_counts(curve.n_items, 20)")
        recorded = self.n_removed
        picks = np.searchsorted(recorded, wanted)
        absent = wanted[recorded[picks] != wanted]
        if len(absent):
            expected = f"one of the {len(recorded):,} recorded points"
            raise InvalidOption("n_removed", str(absent[0]), expected, "percolate(..., points=None)")
        return {name: array[:, picks] / self._scale(name) for name, array in self._counts.items()}

    def to_frame(self, points: int | None = None) -> pd.DataFrame:
        """Return the curve as a tidy table, mean over trials with its 95 % interval.

        Parameters
        ----------
        points : int, optional
            `points + 1` evenly spaced numbers of removed items, 0 and n_items included, or the recorded points nearest
            to them; None gives all recorded points.

        Returns
        -------
        pandas.DataFrame
            Columns observable, n_removed, fraction_removed, mean, low, high. The interval is Student's t for the mean
            over trials, not clipped to [0, 1]; NaN with one trial, and where a trial has no path at all
            (`log_path_count`, whose mean is -inf there).

        Raises
        ------
        InvalidOption
            If `points` is not a whole number of at least 1.
        """
        picks = slice(None) if points is None else self._nearest(removal_counts(self.n_items, points))
        removed = self.n_removed[picks]
        frames: list[pd.DataFrame] = []
        for name, array in self._counts.items():
            mean, half_width = mean_interval(array[:, picks])
            mean, half_width = mean / self._scale(name), half_width / self._scale(name)
            columns = {
                "observable": name,
                "n_removed": removed,
                "fraction_removed": removed / max(self.n_items, 1),
                "mean": mean,
                "low": mean - half_width,
                "high": mean + half_width,
            }
            frames.append(pd.DataFrame(columns))
        return pd.concat(frames, ignore_index=True)

    @property
    def r_index(self) -> float:
        r"""Area under the mean giant-component curve against the fraction of removed items, 0 to 1.

        R = sum over recorded points of (S(m) + S(m')) (m' - m) / (2 M), the trapezoid over the M items. Published as
        a sum over removed units, which differs by 1 / (2 M); as an area, and for edges, it is ours. Where nothing can
        be removed the curve is one point and R its height.

        Raises
        ------
        UnknownName
            If "giant_component" was not observed.

        References
        ----------
        C. M. Schneider et al., Mitigation of malicious attacks on networks, PNAS 108, 3838 (2011),
        https://doi.org/10.1073/pnas.1009440108
        """
        giant = self.counts("giant_component").sum(axis=0, dtype=np.int64)
        scale = self._scale("giant_component") * self.n_trials
        if self.n_items == 0:
            return float(giant.sum()) / scale
        # sums of integers are exact, so that the area does not depend on the order of the additions
        twice = ((giant[1:] + giant[:-1]) * np.diff(self.n_removed)).sum()
        return float(twice) / (2 * self.n_items * scale)

    def threshold(self, method: str = "second_component", *, beside: PercolationCurve | None = None) -> Threshold:
        """Return the percolation threshold, found in each trial and averaged over them.

        Parameters
        ----------
        method : {"second_component", "susceptibility", "finite_size_crossing"}
            The number of removed items at which the second largest component, or the mean component size without the
            largest, is largest; the middle one where several are tied. There is no threshold (NaN) where a trial has no
            such peak: no edges, no component with an edge beside the largest, or one that is at its maximum before
            anything is removed. Or where this curve meets the one of a network of another size, see
            `netsparse.percolation.crossing`.
        beside : PercolationCurve
            The other curve of "finite_size_crossing", of a smaller or a larger network; for no other method.

        Returns
        -------
        Threshold
            `error` is the half-width of the 95 % interval over trials, NaN with one trial.

        Raises
        ------
        UnknownName
            For another method, or if its observable was not observed.
        InvalidOption
            For an observable of directed paths, which has a half point and no threshold (see `HalfPoint`), for a
            crossing without another curve, and for another curve without a crossing.

        Examples
        --------
        >>> from netsparse.graph import BipartiteGraph
        >>> from netsparse.percolation import percolate
        >>> path = BipartiteGraph.from_edges([0, 1, 1, 2], [0, 0, 1, 1], n_in=3, n_out=2)
        >>> percolate(path, order=[1, 0, 2, 3]).threshold().fraction_removed
        0.25
        """
        if isinstance(method, str) and method in CROSSOVERS:
            expected = f"one of {', '.join(METHODS)}, as paths of a fixed number of layers have no critical fraction"
            raise InvalidOption("method", repr(method), expected, f"curve.half_point({method!r})")
        if not isinstance(method, str) or method not in METHODS:
            raise unknown_name("method", method, METHODS)
        if (method == CROSSING) != isinstance(beside, PercolationCurve):
            given = f"{type(beside).__name__} for method={method!r}"
            expected = f"a PercolationCurve for {CROSSING!r} and None for the others"
            raise InvalidOption("beside", given, expected, f"method={CROSSING!r}, beside=larger_curve")
        if isinstance(beside, PercolationCurve):
            from netsparse.percolation.crossing import crossing  # which itself knows curves

            smaller, larger = sorted((self, beside), key=lambda curve: sum(curve.sizes))
            return crossing(smaller, larger)
        n_removed = self.n_removed
        peaks = np.array([peak(row, n_removed) for row in self.counts(method)])
        return mean_threshold(peaks, self.n_items, method)

    def half_point(self, observable: str = "outputs_reachable") -> HalfPoint:
        """Return where an observable of directed paths has fallen to half of its value with nothing removed.

        Found in each trial, linear between recorded points, and averaged. The middle of a crossover and not a critical
        fraction; `HalfPoint` says why.

        Parameters
        ----------
        observable : {"outputs_reachable", "inputs_connected", "units_reachable", "active_units"}
            Must have been observed.

        Raises
        ------
        UnknownName
            For another observable, or one that was not observed.

        Examples
        --------
        >>> from netsparse.graph import BipartiteGraph
        >>> from netsparse.percolation import percolate
        >>> matching = BipartiteGraph.from_mask(np.eye(4))
        >>> percolate(matching, rng=0).half_point().fraction_kept
        0.5
        """
        if not isinstance(observable, str) or observable not in CROSSOVERS:
            raise unknown_name("observable", observable, CROSSOVERS)
        n_removed = self.n_removed
        halves = np.array([half_removed(row, n_removed) for row in self.counts(observable)])
        return mean_half_point(halves, self.n_items, observable)

    def _scale(self, observable: str) -> int:
        return OBSERVABLES[observable].scale(self.sizes)

    def _nearest(self, wanted: RemovalCounts) -> np.ndarray:
        recorded = self.n_removed
        above = np.searchsorted(recorded, wanted)
        below = np.maximum(above - 1, 0)
        is_below = wanted - recorded[below] < recorded[above] - wanted
        return np.unique(np.where(is_below, below, above))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PercolationCurve):
            return NotImplemented
        same_record = (self.sizes, self.of, self.observables) == (other.sizes, other.of, other.observables)
        if not same_record or not np.array_equal(self.n_removed, other.n_removed):
            return False
        return all(np.array_equal(array, other.counts(name)) for name, array in self._counts.items())

    def __hash__(self) -> int:
        return hash((self.sizes, self.of, self.observables, self.n_trials, self.n_items))

    def __reduce__(self) -> tuple[Any, ...]:
        # an unpickled array would be writable again; going through the constructor freezes it
        return _unpickled, (self.sizes, self._counts, self.of, self._points)

    def __repr__(self) -> str:
        trials = "1 trial" if self.n_trials == 1 else f"{self.n_trials} trials"
        items = self.of.removesuffix("s") if self.n_items == 1 else self.of
        return f"PercolationCurve({self.n_items:,} {items}, {trials}: {', '.join(self.observables)})"

    def _repr_html_(self) -> str:
        table = self.to_frame(points=4).pivot(index="observable", columns="fraction_removed", values="mean")
        head = "".join(f"<th>{fraction:.0%}</th>" for fraction in table.columns)
        rows = "".join(
            f"<tr><th>{name}</th>{''.join(f'<td>{value:.4g}</td>' for value in table.loc[name])}</tr>"
            for name in self.observables
        )
        return f"<table><caption>{self!r}, mean by {self.of} removed</caption><tr><th></th>{head}</tr>{rows}</table>"


def _unpickled(sizes: tuple[int, ...], counts: Any, of: str, n_removed: RemovalCounts | None) -> PercolationCurve:
    return PercolationCurve(sizes, counts, of=of, n_removed=n_removed)


def _is_size(size: object) -> bool:
    return isinstance(size, int | np.integer) and not isinstance(size, bool) and int(size) >= 1


def _points(n_removed: Any, n_points: int) -> RemovalCounts:
    """Return the recorded points, checked, as a read-only array that nobody else holds."""
    array = as_array("n_removed", n_removed)
    if array.shape != (n_points,) or array.dtype.kind not in "iu" or array[0] != 0 or not (np.diff(array) > 0).all():
        given = f"{array.dtype} of shape {array.shape}, {array.ravel()[:3].tolist()} first"
        raise InvalidOption("n_removed", given, f"{n_points} increasing whole numbers from 0 on", FIX)
    return frozen(array.astype(np.int64))


def _own(name: str, array: np.ndarray, dtype: type) -> TrialCounts:
    """Return the counts as a read-only array of this type that nobody else can write to."""
    if array.dtype == dtype and array.flags.owndata and not array.flags.writeable:
        return array
    if dtype is np.int32 and not np.can_cast(array.dtype, dtype) and not 0 <= array.min() <= array.max() <= INT32_MAX:
        given = f"{name} from {array.min()} to {array.max()}"
        raise InvalidOption("counts", given, f"whole numbers from 0 to {INT32_MAX}", FIX)
    return frozen(array.astype(dtype))
