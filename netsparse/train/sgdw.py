"""Momentum SGD with decoupled weight decay, which is not multiplied by the learning rate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim.sgd import sgd

from netsparse.errors import InvalidOption


class SGDW(torch.optim.Optimizer):
    """theta <- (1 - d) theta, then v <- momentum v + gradient and theta <- theta - lr v, for all parameters alike.

    The decay goes by steps and not by lr: 5e-4 halves what no gradient holds up in 1,400 steps. At lr = 0.1 that is a
    weight decay of 5e-3 in `torch.optim.SGD` without momentum, and of 5e-4 with a momentum of 0.9, which adds each
    gradient up tenfold. Its drops follow those of the learning rate: d = weight_decay lr / lr_0, with lr_0 the rate
    that the optimizer was made with. That is how Ozdenizci and Legenstein use it; in the paper that named it a schedule
    multiplies both.

    Velocities are in units of gradients, as torch's are; where they are in units of steps (TensorFlow) a drop of the
    rate acts on what is under way only as it fades.

    Parameters
    ----------
    params : iterable
        Parameters, or groups of them.
    lr, momentum, weight_decay : float
        At least 0.
    follows_lr : bool
        Whether the decay falls and rises with the learning rate; False: d = weight_decay at every step.
    fused : bool, optional
        Whether to take torch's fused step, in one pass over all parameters.

    Raises
    ------
    InvalidOption
        For a number that is negative or not finite.

    References
    ----------
    Loshchilov, Hutter, Decoupled weight decay regularization, arXiv:1711.05101, algorithm 1.

    Examples
    --------
    >>> theta = torch.nn.Parameter(torch.tensor([1.0]))
    >>> theta.grad = torch.tensor([2.0])
    >>> SGDW([theta], lr=0.5, weight_decay=0.1).step()  # 0.9 * 1 - 0.5 * 2
    >>> round(theta.item(), 6)
    -0.1
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.1,
        momentum: float = 0.9,
        weight_decay: float = 5e-4,
        *,
        follows_lr: bool = True,
        fused: bool | None = None,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        for name, value in options.items():
            if not 0.0 <= value < float("inf"):
                raise InvalidOption(name, repr(value), "a finite number, at least 0", f"{name}=0.1")
        super().__init__(params, {**options, "follows_lr": bool(follows_lr), "fused": fused})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters; the rate they are added with is the one that their decay refers to."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        group.setdefault("first_lr", group["lr"])

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take one step; parameters without a gradient stay as they are.

        Parameters
        ----------
        closure : callable, optional
            Evaluates the loss again and returns it.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if parameters:
                self._step_group(group, parameters)
        return loss

    def _step_group(self, group: dict[str, Any], parameters: list[torch.Tensor]) -> None:
        decay = group["weight_decay"]
        if group["follows_lr"] and group["first_lr"]:
            decay *= group["lr"] / group["first_lr"]
        if decay:
            torch._foreach_mul_(parameters, 1.0 - decay)  # pyright: ignore[reportPrivateImportUsage]
        velocities: list[torch.Tensor | None] = [None] * len(parameters)
        if group["momentum"]:
            for k, parameter in enumerate(parameters):
                state = self.state[parameter]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(parameter)
                velocities[k] = state["momentum_buffer"]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        sgd(
            parameters,
            gradients,
            velocities,
            fused=group["fused"],
            weight_decay=0.0,
            momentum=group["momentum"],
            lr=group["lr"],
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
