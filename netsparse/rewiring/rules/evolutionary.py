"""`Static` and `SET`."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields
from typing import ClassVar

from netsparse.rewiring.parts import Drop
from netsparse.rewiring.rule import RewiringRule


@dataclass(frozen=True, repr=False)
class Static(RewiringRule):
    """No rewiring: the edges that training starts with are those that it ends with.

    The control of every other rule. It has no options, is never due in a run, and proposes an empty `EdgeDelta`.

    Raises
    ------
    InvalidOption
        For any option.

    Examples
    --------
    >>> import numpy as np
    >>> from netsparse.generators import complete
    >>> Static().propose(complete(2, 2), np.ones(4), rng=0)
    EdgeDelta(0 removed, 0 added)
    """

    fraction: float = 0.0
    _: KW_ONLY
    until: float = 0.0  # not one step lies before it: a run asks for nothing

    fixed: ClassVar[frozenset[str]] = frozenset(option.name for option in fields(RewiringRule))


@dataclass(frozen=True, repr=False)
class SET(RewiringRule):
    """Sparse Evolutionary Training: drop the weakest edges of each sign, grow as many at uniformly random free pairs.

    Once an epoch, 30 % of the edges of each layer. Its authors' codes differ: newborn edges start at 0 in Keras
    (`newborn="zero"`, the default here) and at N(0, 0.1^2) in NumPy (`newborn=0.1`); the later variant drops the
    smallest |w| whatever the sign (`drop="magnitude"`); Keras forgets all momentum at every rewiring
    (`optimizer_state="all_zero"`).

    Parameters
    ----------
    fraction : float
        Share of each layer's edges that is replaced (the paper's zeta).
    drop, grow, newborn, budget, schedule, every, until ...
        The parts of every rule, see `RewiringRule`.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible options.

    Notes
    -----
    The edge count of every layer is constant and exact; the published code drops by threshold and may lose the
    threshold elements too. Places of edges just dropped may be grown again, as published, so that the turnover can be
    smaller than `fraction`.

    References
    ----------
    Mocanu, Mocanu, Stone, Nguyen, Gibescu, Liotta, Nature Communications 9, 2383 (2018),
    doi:10.1038/s41467-018-04316-3.

    Examples
    --------
    >>> import numpy as np
    >>> from netsparse.graph import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 1, 2, 3], [0, 0, 1, 1], n_in=4, n_out=2)
    >>> delta = SET(fraction=0.5).propose(graph, np.array([0.1, 0.9, -0.1, -0.9]), rng=0)
    >>> delta.removed.tolist(), delta.n_added
    ([0, 2], 2)
    """

    _: KW_ONLY
    drop: str | Drop = "sign_wise"
