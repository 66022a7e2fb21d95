"""Probes of the weights as functions: shuffled, flipped, noisy, binarised."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pandas as pd

from netsparse.datasets import Dataset
from netsparse.nn import SparseModel
from netsparse.robustness.fractions import as_fractions
from netsparse.robustness.probing import probe
from netsparse.robustness.shuffle_probe import WeightShuffle
from netsparse.robustness.weight_probes import AdditiveNoise, Binarisation, MultiplicativeNoise, SignFlip
from netsparse.typing import Seed


def weight_shuffle(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset,
    *,
    within: str = "layer",
    keep_signs: bool = False,
    fractions: int | Sequence[float] = 20,
    trials: int = 10,
    include_head: bool = False,
    workers: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> pd.DataFrame:
    """Permute more and more weights of a trained model over its edges, and measure its accuracy.

    `probe` with `WeightShuffle`, which defines it.

    Parameters
    ----------
    model, data, trials, include_head, workers, data_dir, rng
        See `probe`.
    within, keep_signs
        See `WeightShuffle`.
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
    >>> table = weight_shuffle(model, "digits", keep_signs=True, fractions=2, trials=2, rng=0)
    >>> table["strength"].tolist()
    [0.0, 0.5, 1.0, 0.0, 0.5, 1.0]
    """
    return probe(
        model,
        data,
        WeightShuffle(within, keep_signs),
        strengths=as_fractions(fractions),
        trials=trials,
        include_head=include_head,
        workers=workers,
        data_dir=data_dir,
        rng=rng,
    )


def sign_flip(
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
    """Flip the signs of more and more weights of a trained model, and measure its accuracy.

    `probe` with `SignFlip`, which defines it.

    Parameters
    ----------
    model, data, trials, include_head, workers, data_dir, rng
        See `probe`.
    scope
        See `SignFlip`.
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
    >>> table = sign_flip(model, "digits", fractions=[0.1], trials=2, rng=0)
    >>> table["strength"].tolist()
    [0.1, 0.1]
    """
    return probe(
        model,
        data,
        SignFlip(scope),
        strengths=as_fractions(fractions),
        trials=trials,
        include_head=include_head,
        workers=workers,
        data_dir=data_dir,
        rng=rng,
    )


def multiplicative_noise(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset,
    *,
    strengths: float | Sequence[float] | None = None,
    trials: int = 10,
    include_head: bool = False,
    workers: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> pd.DataFrame:
    """Multiply the weights of a trained model by ever stronger noise, and measure its accuracy.

    `probe` with `MultiplicativeNoise`, which defines it.

    Parameters
    ----------
    model, data, trials, include_head, workers, data_dir, rng
        See `probe`.
    strengths : float or sequence of float, optional
        Standard deviations relative to each weight, increasing; the probe's own default where not given.

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
    >>> table = multiplicative_noise(model, "digits", strengths=0.5, trials=2, rng=0)
    >>> table["strength"].tolist()
    [0.5, 0.5]
    """
    return probe(
        model,
        data,
        MultiplicativeNoise(),
        strengths=strengths,
        trials=trials,
        include_head=include_head,
        workers=workers,
        data_dir=data_dir,
        rng=rng,
    )


def additive_noise(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset,
    *,
    strengths: float | Sequence[float] | None = None,
    trials: int = 10,
    include_head: bool = False,
    workers: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> pd.DataFrame:
    """Add ever stronger noise to the weights of a trained model, and measure its accuracy.

    `probe` with `AdditiveNoise`, which defines it.

    Parameters
    ----------
    model, data, trials, include_head, workers, data_dir, rng
        See `probe`.
    strengths : float or sequence of float, optional
        Standard deviations relative to the layer's root mean square weight, increasing; the probe's own default where
        not given.

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
    >>> table = additive_noise(model, "digits", strengths=0.5, trials=2, rng=0)
    >>> table["strength"].tolist()
    [0.5, 0.5]
    """
    return probe(
        model,
        data,
        AdditiveNoise(),
        strengths=strengths,
        trials=trials,
        include_head=include_head,
        workers=workers,
        data_dir=data_dir,
        rng=rng,
    )


def binarisation(
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
    """Give more and more weights of a trained model one magnitude per layer, and measure its accuracy.

    `probe` with `Binarisation`, which defines it.

    Parameters
    ----------
    model, data, trials, include_head, workers, data_dir, rng
        See `probe`.
    scope
        See `Binarisation`.
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
    >>> table = binarisation(model, "digits", fractions=1, trials=1, rng=0)
    >>> table["n_edges"].tolist()
    [384, 384]
    """
    return probe(
        model,
        data,
        Binarisation(scope),
        strengths=as_fractions(fractions),
        trials=trials,
        include_head=include_head,
        workers=workers,
        data_dir=data_dir,
        rng=rng,
    )
