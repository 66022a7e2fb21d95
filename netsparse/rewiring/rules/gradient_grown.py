"""`RigL` and `SNFS`: edges grow where the loss would fall fastest."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from numbers import Real

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.rewiring.parts import Budget, Grow
from netsparse.rewiring.rule import RewiringRule


@dataclass(frozen=True, repr=False)
class RigL(RewiringRule):
    """The Rigged Lottery: drop the smallest |w|, grow the free pairs of largest |dL/dw|.

    Every 100 optimizer steps, until three quarters of the run, a share of each layer's edges that falls as a cosine
    from 30 % to 0. The step that a rewiring falls on is not taken: its gradients decide what grows.

    Parameters
    ----------
    fraction : float
        Share of each layer's edges that is replaced at the start; the authors' code has 0.3 in its script for MNIST and
        0.1 as the default of the class.
    drop, grow, newborn, budget, schedule, every, until ...
        The parts of every rule, see `RewiringRule`.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible options.

    Notes
    -----
    All free pairs may grow, those just dropped included. A pair dropped and grown in one rewiring keeps its weight and
    its momentum, as in the authors' code (`regrown="survivor"`); all other newborn edges start at 0, without momentum.
    The turnover is then smaller than the fraction.

    The number is rounded to the nearest; the code cuts it off. The code tells equal |w| apart by a noise of 1e-5, which
    also swaps edges that are nearly equal; here ties alone are broken at random. The number of edges of every layer is
    exact in both. The script for MNIST ends at step 50,000 of 120,000; three quarters of the run as the paper's choice
    is unverified. `grow="sampled_gradient"` looks at some free pairs instead of all.

    References
    ----------
    Evci, Gale, Menick, Castro, Elsen, Rigging the lottery: making all tickets winners, ICML 2020, arXiv:1911.11134.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph
    >>> from netsparse.nn import PairGradients
    >>> graph = BipartiteGraph.from_edges([0, 1, 2], [0, 0, 1], n_in=3, n_out=2)
    >>> grads = PairGradients.from_dense(graph, [[9.0, 9.0, 1.0], [0.0, -3.0, 9.0]])
    >>> delta = RigL(fraction=1 / 3).propose(graph, np.array([0.5, 0.1, -0.7]), grads, rng=0)
    >>> delta  # the pair (1, 0) goes by its weight and comes back by its gradient
    EdgeDelta(0 removed, 0 added)
    """

    _: KW_ONLY
    grow: str | Grow = "gradient"
    schedule: str = "cosine"
    every: int | None = 100
    until: float = 0.75
    skip_step: bool = True
    regrown: str = "survivor"


@dataclass(frozen=True, repr=False)
class SNFS(RewiringRule):
    """Sparse Networks From Scratch (sparse momentum): edges move to the layers and the pairs of largest momentum.

    Once an epoch the smallest |w| of each layer go, half of its edges at first and 0.5 % at the end, along a cosine.
    All of them are shared out among the layers in proportion to the mean |momentum| of their edges, and grow there at
    the free pairs of largest |momentum|.

    Parameters
    ----------
    fraction : float
        Share of each layer's edges that is dropped at the start.
    gradient_steps : int
        Backward passes before a rewiring from which the momentum of free pairs is estimated.
    gradient_decay : float
        Factor between the gradients of one pass and the next, in (0, 1]: the momentum of the optimizer.
    drop, grow, newborn, budget, schedule, every, until ...
        The parts of every rule, see `RewiringRule`.

    Raises
    ------
    InvalidOption, UnknownName
        For impossible options.

    Notes
    -----
    The authors hold dense momenta. Here the momentum of a free pair is estimated (ours): from the gradients of the last
    `gradient_steps` passes, each `gradient_decay` times the one after it, and of 10 candidates drawn for each edge that
    grows, `SampledGradient`; `grow="gradient"` looks at all free pairs. What a layer gets is read from the optimizer,
    whose momenta of edges are there; an optimizer without any leaves every layer its number of edges.

    From the authors' code are the fraction, its schedule, the mean over the edges before the drop, and that a pair
    dropped and grown in one rewiring keeps its weight. It differs in that Adam's momentum is divided by the root of its
    second moment there, a layer is filled up to 99 % at most, the surplus is shared out equally, a layer more than 80 %
    full and still growing drops less, numbers are rounded up, and newborn edges have the momentum of the dense tensor;
    here they have none, and the number of all edges is exact.

    References
    ----------
    Dettmers and Zettlemoyer, Sparse networks from scratch: faster training without losing performance,
    arXiv:1907.04840.

    Examples
    --------
    >>> from netsparse.generators import erdos_renyi
    >>> from netsparse.rewiring.state import LayerState
    >>> from netsparse.nn import PairGradients
    >>> graphs = [erdos_renyi(20, 20, n_edges=40, rng=k) for k in range(2)]
    >>> rng = np.random.default_rng(0)
    >>> grads = [PairGradients.from_dense(graph, rng.normal(size=(20, 20))) for graph in graphs]
    >>> momenta = np.full(40, 3.0), np.full(40, -1.0)
    >>> states = [LayerState(k, graphs[k], rng.normal(size=40), grads[k], momenta[k]) for k in range(2)]
    >>> [after.n_added - after.n_removed for after in SNFS().propose_all(states, rng=0)]  # 40 go, 3 : 1 come
    [10, -10]
    """

    fraction: float = 0.5
    _: KW_ONLY
    grow: str | Grow = "momentum"
    budget: str | Budget = "momentum"
    schedule: str = "cosine"
    end_fraction: float = 0.005
    regrown: str = "survivor"
    gradient_steps: int = 20  # pyright: ignore[reportIncompatibleVariableOverride] - an option here, a constant above
    gradient_decay: float = 0.9  # pyright: ignore[reportIncompatibleVariableOverride]

    def __post_init__(self) -> None:
        super().__post_init__()
        steps, decay = self.gradient_steps, self.gradient_decay
        if not isinstance(steps, int | np.integer) or isinstance(steps, bool) or steps < 1:
            raise InvalidOption("gradient_steps", repr(steps), "a whole number, at least 1", "gradient_steps=20")
        if not isinstance(decay, Real) or isinstance(decay, bool) or not 0.0 < decay <= 1.0:
            raise InvalidOption("gradient_decay", repr(decay), "a factor in (0, 1]", "gradient_decay=0.9")
        object.__setattr__(self, "gradient_steps", int(steps))  # numpy's numbers would not be equal in a file
        object.__setattr__(self, "gradient_decay", float(decay))
