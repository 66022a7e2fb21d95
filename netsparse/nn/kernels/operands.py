"""Operands of a product, checked where memory is read by its address: what does not fit is refused in one line."""

from __future__ import annotations

from torch import Tensor

from netsparse.errors import InvalidSize


def readable(values: Tensor, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Return `values` contiguous in memory, as compiled code may read them by their address.

    Raises
    ------
    InvalidSize
        Unless they are of this shape, in the dtype of `like`, and in the memory of the CPU.

    Examples
    --------
    >>> import torch
    >>> readable(torch.rand(2, 3).t(), (3, 2), torch.rand(1)).stride()
    (2, 1)
    """
    if values.shape != shape or values.dtype is not like.dtype or not values.is_cpu:
        raise misfit(values, shape, f" of {like.dtype} on cpu")
    # nearly always it is as it should be, and asking costs less than making sure
    return values if values.is_contiguous() and not values.is_neg() else values.contiguous().resolve_neg()


def misfit(values: Tensor, shape: tuple[int, ...], kind: str = "") -> InvalidSize:
    """Return the error for an operand that should be of this shape, and of this kind where one is said."""
    given = f"shape {tuple(values.shape)}" + (f" of {values.dtype} on {values.device}" if kind else "")
    fix = "SparseLinear(graph), whose weights and biases fit it"
    return InvalidSize("operand of a sparse product", given, f"{tuple(shape)}{kind}", fix)
