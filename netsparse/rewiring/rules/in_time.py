"""`ITOP`: rewire seldom enough that edges learn, and often enough that most pairs have once been one."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from netsparse.rewiring.rule import RewiringRule


@dataclass(frozen=True, repr=False)
class ITOP(RewiringRule):
    """In-Time Over-Parameterisation: SET or RigL at a slow pace, so that many pairs are tried, each for long enough.

    Every 1500 optimizer steps the smallest |w| of each layer go, half of its edges at first and 0.5 % at the end of the
    run, along a cosine. `ITOP()` is SET-ITOP, which grows at random; `ITOP(grow="gradient", every=4000)` is RigL-ITOP.
    How much of a layer has ever been an edge, the paper's rate R_s, is part of a run's history.

    Parameters
    ----------
    fraction : float
        Share of each layer's edges that is replaced at the start (the code's death rate).
    every : int
        Optimizer steps between two rewirings: 1500 for growth at random, 4000 by gradient.
    drop, grow, newborn, budget, schedule, until ...
        The parts of every rule, see `RewiringRule`.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible options.

    Notes
    -----
    Schedule, intervals and drop are those of the authors' code, and that a pair dropped and grown in one rewiring keeps
    its weight (masks alone change there). The step before a rewiring is taken. The code grows every free pair with
    the probability that is right on average, so that the number of edges drifts: `budget="bernoulli"` does too, the
    default is exact. The code also drops all edges that equal the largest weight dropped, and rounds up.

    References
    ----------
    Liu, Yin, Mocanu, Pechenizkiy, Do we actually need dense over-parameterization? In-time over-parameterization in
    sparse training, ICML 2021, arXiv:2102.02887.

    Examples
    --------
    >>> from netsparse.rewiring.state import Moment
    >>> [round(ITOP().fraction_at(Moment(step, 6000)), 4) for step in (1500, 3000, 4500)]
    [0.4275, 0.2525, 0.0775]
    """

    fraction: float = 0.5
    _: KW_ONLY
    schedule: str = "cosine"
    end_fraction: float = 0.005
    every: int | None = 1500
    regrown: str = "survivor"
