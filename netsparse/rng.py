"""Randomness: the only place that makes numpy generators. There is no default seed and no global state."""

from __future__ import annotations

import zlib
from typing import Any, cast

import numpy as np
from numpy.random.bit_generator import ISeedSequence

from netsparse.errors import InvalidSeed

FIX = "rng=0 or rng=numpy.random.default_rng(0)"


def as_rng(rng: int | np.random.Generator | np.random.SeedSequence) -> np.random.Generator:
    """Return the numpy Generator behind `rng`.

    Parameters
    ----------
    rng : int, numpy.random.SeedSequence or numpy.random.Generator
        A non-negative seed gives a fresh generator; a Generator is handed through, so that its state advances.

    Raises
    ------
    InvalidSeed
        For anything else, `None` included: netsparse has no hidden default seed.

    Examples
    --------
    >>> int(as_rng(0).integers(100)) == int(as_rng(0).integers(100))
    True
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, np.random.SeedSequence):
        return np.random.default_rng(rng)
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0:
        return np.random.default_rng(int(rng))
    raise InvalidSeed("rng", repr(rng), "a non-negative int or a numpy Generator", FIX)


def spawn(
    rng: int | np.random.Generator | np.random.SeedSequence, n: int, *, purpose: str
) -> list[np.random.Generator]:
    """Return `n` independent generators derived from `rng`, the same ones for the same seed and purpose.

    Two functions that are given the same seed for different purposes get independent streams. The children are seeded
    by numbers drawn from `rng`, so that a generator whose state is saved and restored has the same children again.

    Parameters
    ----------
    rng : int, numpy.random.SeedSequence or numpy.random.Generator
        As for `as_rng`; a Generator's state advances.
    n : int
        Number of children.
    purpose : str
        What they are for.

    Raises
    ------
    InvalidSeed
        As `as_rng`.

    Examples
    --------
    >>> a, b = (spawn(0, 1, purpose=purpose)[0].integers(10**9) for purpose in ("wiring", "training"))
    >>> bool(a == b), bool(a == spawn(0, 1, purpose="wiring")[0].integers(10**9))
    (False, True)
    """
    drawn = as_rng(rng).integers(2**32, size=4).tolist()
    root = np.random.SeedSequence([*drawn, zlib.crc32(purpose.encode())])
    return [np.random.default_rng(child) for child in root.spawn(n)]


class _Words(ISeedSequence):
    """Words that a seed sequence has mixed already."""

    def __init__(self, words: np.ndarray) -> None:
        self.words = words

    def generate_state(self, n_words: int, dtype: object = np.uint32) -> np.ndarray:
        return self.words


def streams(
    rng: int | np.random.Generator | np.random.SeedSequence, n: int, *, purpose: str
) -> list[np.random.Generator]:
    """Return `n` independent generators as `spawn` does, in half the time, but not those of `spawn`.

    One seed sequence supplies the words that all of them start from, instead of one sequence each. For what is asked
    for at every step.

    Parameters
    ----------
    rng, n, purpose
        As for `spawn`.

    Raises
    ------
    InvalidSeed
        As `as_rng`.

    Examples
    --------
    >>> a, b = streams(0, 2, purpose="rewiring")
    >>> bool(a.integers(10**9) == b.integers(10**9))
    False
    """
    drawn = as_rng(rng).bit_generator.random_raw(5)
    drawn[4] = zlib.crc32(purpose.encode())
    words = np.random.SeedSequence(drawn.view(np.uint32)).generate_state(4 * n, np.uint64).reshape(n, 4)
    return [np.random.Generator(np.random.PCG64(cast(Any, _Words(own)))) for own in words]


def seeds(rng: int | np.random.Generator | np.random.SeedSequence, n: int, *, purpose: str) -> list[int]:
    """Return `n` seeds derived from `rng`, the same ones for the same seed and purpose.

    Where `spawn` hands out generators, these are numbers that a table can keep: whoever passes one of them as `rng`
    repeats that one trial.

    Parameters
    ----------
    rng, n, purpose
        As for `spawn`.

    Returns
    -------
    list of int
        Below 2**53, so that they survive JSON and floats.

    Raises
    ------
    InvalidSeed
        As `as_rng`.

    Examples
    --------
    >>> seeds(0, 2, purpose="trials") == seeds(0, 2, purpose="trials")
    True
    """
    return [int(child.integers(2**53)) for child in spawn(rng, n, purpose=purpose)]
