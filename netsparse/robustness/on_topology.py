"""Probes of the topology as functions: units or weak edges removed, edges rewired or moved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pandas as pd

from netsparse.datasets import Dataset
from netsparse.nn import SparseModel
from netsparse.robustness.fractions import as_fractions
from netsparse.robustness.probing import probe
from netsparse.robustness.removal_probes import MagnitudePruning, UnitRemoval
from netsparse.robustness.topology_probes import DegreePreservingRewiring, RandomTopology
from netsparse.typing import Seed


def unit_removal(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset,
    *,
    order: Any = "random_units",
    scope: str = "layer",
    levels: Any = "hidden",
    fractions: int | Sequence[float] = 20,
    trials: int = 10,
    include_head: bool = False,
    workers: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> pd.DataFrame:
    """Remove more and more units of a trained model, each with all its edges, and measure its accuracy.

    `probe` with `UnitRemoval`, which defines it.

    Parameters
    ----------
    model, data, trials, include_head, workers, data_dir, rng
        See `probe`.
    order, scope, levels
        See `UnitRemoval`.
    fractions : int or sequence of float
        k means the k + 1 fractions 0, 1/k, ..., 1; or the fractions themselves, in [0, 1].

    Returns
    -------
    DataFrame
        The table of `probe`.

    Raises
    ------
    InvalidOption, InvalidSize, InvalidSeed
        As `probe`.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)
    >>> table = unit_removal(model, "digits", fractions=2, trials=1, rng=0)
    >>> table["strength"].tolist(), table["active_units"].tolist()[-1]
    ([0.0, 0.5, 1.0], 0.0)
    """
    return probe(
        model,
        data,
        UnitRemoval(order, scope, levels),
        strengths=as_fractions(fractions),
        trials=trials,
        include_head=include_head,
        workers=workers,
        data_dir=data_dir,
        rng=rng,
    )


def magnitude_pruning(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset,
    *,
    scope: str = "layer",
    fractions: int | Sequence[float] = 20,
    trials: int = 10,
    include_head: bool = False,
    workers: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> pd.DataFrame:
    """Remove more and more edges of a trained model, smallest |w| first, and measure its accuracy.

    `probe` with `MagnitudePruning`, which defines it.

    Parameters
    ----------
    model, data, trials, include_head, workers, data_dir, rng
        See `probe`.
    scope
        See `MagnitudePruning`.
    fractions : int or sequence of float
        k means the k + 1 fractions 0, 1/k, ..., 1; or the fractions themselves, in [0, 1].

    Returns
    -------
    DataFrame
        The table of `probe`.

    Raises
    ------
    InvalidOption, InvalidSize, InvalidSeed
        As `probe`.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)
    >>> table = magnitude_pruning(model, "digits", fractions=2, trials=1, rng=0)
    >>> table["n_edges"].tolist()
    [384, 192, 0]
    """
    return probe(
        model,
        data,
        MagnitudePruning(scope),
        strengths=as_fractions(fractions),
        trials=trials,
        include_head=include_head,
        workers=workers,
        data_dir=data_dir,
        rng=rng,
    )


def degree_preserving_rewiring(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset,
    *,
    keep_signs: bool = False,
    strengths: float | Sequence[float] | None = None,
    trials: int = 10,
    include_head: bool = False,
    workers: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> pd.DataFrame:
    """Swap the edges of a trained model at kept degrees more and more often, and measure its accuracy.

    `probe` with `DegreePreservingRewiring`, which defines it.

    Parameters
    ----------
    model, data, trials, include_head, workers, data_dir, rng
        See `probe`.
    keep_signs
        See `DegreePreservingRewiring`.
    strengths : float or sequence of float, optional
        Proposed swaps per edge, increasing; the probe's own default where not given.

    Returns
    -------
    DataFrame
        The table of `probe`.

    Raises
    ------
    InvalidOption, InvalidSize, InvalidSeed
        As `probe`.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)
    >>> table = degree_preserving_rewiring(model, "digits", strengths=[0, 1], trials=1, rng=0)
    >>> table["n_edges"].tolist()
    [384, 384]
    """
    return probe(
        model,
        data,
        DegreePreservingRewiring(keep_signs),
        strengths=strengths,
        trials=trials,
        include_head=include_head,
        workers=workers,
        data_dir=data_dir,
        rng=rng,
    )


def random_topology(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset,
    *,
    fractions: int | Sequence[float] = 20,
    trials: int = 10,
    include_head: bool = False,
    workers: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> pd.DataFrame:
    """Move more and more edges of a trained model to random pairs of units, and measure its accuracy.

    `probe` with `RandomTopology`, which defines it.

    Parameters
    ----------
    model, data, trials, include_head, workers, data_dir, rng
        See `probe`.
    fractions : int or sequence of float
        k means the k + 1 fractions 0, 1/k, ..., 1; or the fractions themselves, in [0, 1].

    Returns
    -------
    DataFrame
        The table of `probe`.

    Raises
    ------
    InvalidOption, InvalidSize, InvalidSeed
        As `probe`.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)
    >>> table = random_topology(model, "digits", fractions=2, trials=1, rng=0)
    >>> table["n_edges"].tolist()
    [384, 384, 384]
    """
    return probe(
        model,
        data,
        RandomTopology(),
        strengths=as_fractions(fractions),
        trials=trials,
        include_head=include_head,
        workers=workers,
        data_dir=data_dir,
        rng=rng,
    )
