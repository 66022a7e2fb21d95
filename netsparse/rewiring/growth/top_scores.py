"""The best of many that come block by block, ranked by a score, ties by lot, or drawn in proportion to it."""

from __future__ import annotations

import numpy as np

from netsparse.typing import Float, Int

Keys = Int[np.ndarray, "key"]
Ranks = Int[np.ndarray, "key"]

GOLDEN, FIRST_MIX, LAST_MIX = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xBF58476D1CE4E5B9),
    np.uint64(0x94D049BB133111EB),
)


def lots(keys: Keys, seed: int) -> Ranks:
    """Return one random number of 64 bits for each key: the same for the same seed, in whichever order they come.

    Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014, doi:10.1145/2660193.2660195.

    Examples
    --------
    >>> lots(np.array([7, 8]), 0)[1] == lots(np.array([8]), 0)[0]
    np.True_
    """
    state = (keys.astype(np.uint64) + np.uint64(1)) * GOLDEN + np.uint64(seed)
    state = (state ^ (state >> np.uint64(30))) * FIRST_MIX
    state = (state ^ (state >> np.uint64(27))) * LAST_MIX
    return state ^ (state >> np.uint64(31))


class Highest:
    """The n keys of highest score among those offered, equal scores (to seven digits) by lot.

    Parameters
    ----------
    n : int
        How many.
    seed : int
        Of the lots.
    """

    def __init__(self, n: int, seed: int) -> None:
        self.n, self.seed, self.n_held = n, seed, 0
        self.least = np.uint64(1)  # the rank that is needed; it rises
        self.ranks: list[Ranks] = []
        self.keys: list[Keys] = []

    def offer(self, scores: Float[np.ndarray, "key"], first_key: int) -> None:
        """Take what may still be among the best of keys `first_key`, `first_key` + 1 ...; only scores above 0 count."""
        if not self.n:
            return
        places, ranks = self._ranked(scores, first_key)
        passes = ranks >= self.least
        self.ranks.append(ranks[passes])
        self.keys.append(places[passes] + first_key)
        self.n_held += len(self.keys[-1])
        if self.n_held > 2 * self.n:
            self._shrink()

    def sorted_keys(self) -> Keys:
        """Return the keys of the n best, or of all where there are fewer, increasing."""
        if self.n_held > self.n:
            self._shrink()
        return np.sort(np.concatenate(self.keys)) if self.keys else np.empty(0, dtype=np.int64)

    def _ranked(self, scores: Float[np.ndarray, "key"], first_key: int) -> tuple[Keys, Ranks]:
        """Return which scores may pass, and their ranks: floats above 0 sort as their bits do."""
        bits = scores.astype(np.float32).view(np.uint32)
        places = np.flatnonzero((bits >= self.least >> np.uint64(32)) & (bits > 0))
        ranks = bits[places].astype(np.uint64) << np.uint64(32)
        return places, ranks | lots(places + first_key, self.seed) >> np.uint64(32)

    def _shrink(self) -> None:
        ranks, keys = np.concatenate(self.ranks), np.concatenate(self.keys)
        self.least = np.partition(ranks, len(ranks) - self.n)[len(ranks) - self.n]
        above, equal = ranks > self.least, np.flatnonzero(ranks == self.least)
        above[np.sort(equal[np.argsort(keys[equal])][: self.n - np.count_nonzero(above)])] = True
        self.ranks, self.keys, self.n_held = [ranks[above]], [keys[above]], self.n


class Drawn(Highest):
    """n keys drawn one after the other without replacement, each time in proportion to the scores that are left.

    An exponential race: the keys of smallest t / score, with t from the standard exponential distribution.
    Efraimidis and Spirakis, Inf. Process. Lett. 97, 181 (2006), doi:10.1016/j.ipl.2005.11.003.
    """

    def _ranked(self, scores: Float[np.ndarray, "key"], first_key: int) -> tuple[Keys, Ranks]:
        places = np.flatnonzero(scores > 0)
        uniform = ((lots(places + first_key, self.seed) >> np.uint64(11)) + 0.5) * 2.0**-53
        return places, (scores[places] / -np.log(uniform)).view(np.uint64)
