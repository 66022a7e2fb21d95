"""The processes that train one network together, as one of them sees them: a single one has nobody to ask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self, TypeVar, final

import torch
from torch import Tensor, nn

from netsparse.graph import EdgeDelta, SparseNetwork
from netsparse.nn import as_device

Result = TypeVar("Result")
EXAMPLE = "torchrun --nproc-per-node 2 -m netsparse train"


class Ranks(ABC):
    """The processes of a run, numbered from 0, as one of them sees them; `world` finds out who they are.

    Every process trains the whole network on its share of each batch. Gradients are added up before each optimizer
    step, so that all take the same step; a rewiring rule draws from generators that are the same everywhere, and after
    each rewiring the processes compare what they have. Used in a `with` block.

    Attributes
    ----------
    rank, size : int
        Number of this process, and how many there are.
    """

    rank: int
    size: int

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes files and talks."""
        return self.rank == 0

    @abstractmethod
    def device(self, requested: str | torch.device) -> torch.device:
        """Return the device this process computes on; raises `InvalidOption` where it is not there."""

    def share(self, batch: Tensor) -> Tensor:
        """Return this process's part of the indices of one batch; with fewer indices than processes, some get none."""
        return batch.tensor_split(self.size)[self.rank]

    def weight(self, n_own: int, n_batch: int) -> float:
        """Return the factor on the mean loss of `n_own` samples that makes the gradients add up to the batch's."""
        return n_own / n_batch

    @abstractmethod
    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by the sum over all processes.

        Parameters
        ----------
        parameters : iterable of Parameter
            The same ones everywhere, in the same order; their lengths may differ from those of the last call. No
            gradient counts as zeros; where nobody has one, nobody gets one.

        Raises
        ------
        RankLost
            If another process has ended or does not answer.
        """

    @abstractmethod
    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over all processes, the same bits on each; raises `RankLost`."""

    @abstractmethod
    def gather(self, values: Tensor) -> Tensor:
        """Return everybody's values, of equal shape, stacked along a new first axis; raises `RankLost`."""

    @abstractmethod
    def same(self, values: Mapping[str, object]) -> None:
        """Compare values that must not differ between processes.

        Parameters
        ----------
        values : mapping
            By name; bytes, or anything whose `repr` says all there is to know.

        Raises
        ------
        OutOfStep
            On every process, for the first value that differs; the message names it and who differs from rank 0.
        RankLost
            If another process has ended or does not answer.
        """

    @abstractmethod
    def agree(self, network: SparseNetwork, deltas: Sequence[EdgeDelta] | None = None) -> None:
        """Compare the wiring, after every rewiring.

        Parameters
        ----------
        network : SparseNetwork
            As it is now.
        deltas : sequence of EdgeDelta, optional
            The one change of each layer since the last call. Where it is small, only the change is compared: equal
            networks that change equally stay equal. Without deltas all edges are hashed, 2 ms per million.

        Raises
        ------
        OutOfStep, RankLost
            As `same`, naming the layer.
        """

    @abstractmethod
    def same_start(self, model: nn.Module, network: SparseNetwork, values: Mapping[str, object]) -> None:
        """Make sure that all begin with the same: compare values and wiring, hand out rank 0's parameters.

        Parameters
        ----------
        model : nn.Module
            Its parameters and real-valued buffers become rank 0's, in place.
        network : SparseNetwork
            Its wiring, compared.
        values : mapping
            What else must be equal, see `same`: settings, states of generators.

        Raises
        ------
        OutOfStep, RankLost
            As `same`.
        """

    @abstractmethod
    def after_first(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns, done by rank 0 alone first and by the others then: downloads, folders."""

    @abstractmethod
    def first_says(self, value: bool) -> bool:
        """Return rank 0's value: what depends on its clock or its disk is decided there."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(rank {self.rank} of {self.size})"


@final
class Alone(Ranks):
    """One process: it has all of every batch, and agrees with itself.

    Examples
    --------
    >>> Alone().share(torch.arange(3)).tolist(), Alone().is_first
    ([0, 1, 2], True)
    """

    rank, size = 0, 1

    def device(self, requested: str | torch.device) -> torch.device:
        """Return the requested device."""
        return as_device(requested)

    def share(self, batch: Tensor) -> Tensor:
        """Return the batch."""
        return batch

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Leave the gradients as they are."""

    def sum(self, values: Tensor) -> Tensor:
        """Return the values."""
        return values

    def gather(self, values: Tensor) -> Tensor:
        """Return the values under a first axis of length 1."""
        return values[None]

    def same(self, values: Mapping[str, object]) -> None:
        """Compare nothing."""

    def agree(self, network: SparseNetwork, deltas: Sequence[EdgeDelta] | None = None) -> None:
        """Compare nothing."""

    def same_start(self, model: nn.Module, network: SparseNetwork, values: Mapping[str, object]) -> None:
        """Compare nothing."""

    def after_first(self, work: Callable[[], Result]) -> Result:
        """Do the work."""
        return work()

    def first_says(self, value: bool) -> bool:
        """Return the value."""
        return value
