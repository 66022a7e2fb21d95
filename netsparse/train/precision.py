"""In which numbers a run computes: `Precision` objects by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from netsparse.errors import InvalidOption, unknown_name


class Precision(ABC):
    """The numbers of a run: of weights and data, inside a training step, and how the loss goes backward.

    A step is `with precision.context():` around the objective, then `precision.backward(loss)` and
    `precision.step(optimizer)`. Losses and accuracies between epochs are measured outside the context, in `dtype`.

    Attributes
    ----------
    name : str
        Under which `PRECISIONS` knows it.
    dtype : torch.dtype
        Of weights, optimizer state and data.
    """

    name: str
    dtype: torch.dtype = torch.float32

    @abstractmethod
    def context(self) -> AbstractContextManager[Any]:
        """Return the context in which the objective is computed."""

    def backward(self, loss: Tensor) -> None:
        """Add the loss's gradients to those of the parameters."""
        loss.backward()

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Let the optimizer take its step."""
        optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint has to keep, as JSON can."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - most have no state
        """Take up what `state_dict` returned."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"


class Full(Precision):
    """One dtype for everything: float32, or float64 for comparisons that rounding must not blur.

    Parameters
    ----------
    dtype : torch.dtype
        `torch.float32` or `torch.float64`.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype, self.name = dtype, str(dtype).removeprefix("torch.")

    def context(self) -> AbstractContextManager[Any]:
        """Return a context that does nothing."""
        return nullcontext()


class Autocast(Precision):
    """bfloat16 where it is safe: stored activations and dense products; weights and every sum on the edges in float32.

    Parameters
    ----------
    device : torch.device
        Where the run computes.
    """

    name = "bfloat16"

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def context(self) -> AbstractContextManager[Any]:
        """Return torch's autocast."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


class Scaled(Precision):
    """float16 where bfloat16 would be, on CUDA: the loss is scaled so that its gradients do not vanish.

    A step whose scaled gradients are not finite is left out and the scale halved, as `torch.amp.GradScaler` does.
    Gradients read between `backward` and `step` are `scale` times the loss's.

    Parameters
    ----------
    device : torch.device
        A CUDA device.

    Raises
    ------
    InvalidOption
        For another device: only CUDA computes with float16 fast enough to be worth its narrow range.
    """

    name = "float16"

    def __init__(self, device: torch.device) -> None:
        if device.type != "cuda":
            raise InvalidOption("precision", f"'float16' on {device.type}", "a CUDA device", "precision='bfloat16'")
        self.device, self.scaler = device, torch.amp.GradScaler(device.type)

    def context(self) -> AbstractContextManager[Any]:
        """Return torch's autocast."""
        return torch.autocast(self.device.type, dtype=torch.float16)

    @property
    def scale(self) -> float:
        """By what the loss is multiplied at present."""
        return self.scaler.get_scale()

    def backward(self, loss: Tensor) -> None:
        """Add the scaled loss's gradients to those of the parameters."""
        self.scaler.scale(loss).backward()

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Divide the scale out of the gradients and step, unless one is not finite; then set the next scale."""
        self.scaler.step(optimizer)
        self.scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """Return the scale and how long it has held."""
        return self.scaler.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up the scale."""
        self.scaler.load_state_dict(dict(state))


PRECISIONS: dict[str, Callable[[torch.device], Precision]] = {
    "float32": lambda device: Full(torch.float32),
    "float64": lambda device: Full(torch.float64),
    "bfloat16": Autocast,
    "float16": Scaled,
}
"""How to make the precision of a name for the device that a run computes on."""


def named_precision(precision: str | Precision, device: torch.device) -> Precision:
    """Return the precision itself, or the one of that name for a device.

    Raises
    ------
    UnknownName, InvalidOption
        For another name or something else, or one that the device is not for.

    Examples
    --------
    >>> named_precision("float64", torch.device("cpu")).dtype
    torch.float64
    """
    if isinstance(precision, Precision):
        return precision
    if not isinstance(precision, str):
        raise InvalidOption("precision", repr(precision), "a name or a Precision", "precision='float32'")
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    return PRECISIONS[precision](device)
