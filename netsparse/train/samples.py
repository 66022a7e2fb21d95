"""Samples and labels that a model is asked for, as tensors, checked at the door."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption, InvalidSize
from netsparse.train.left_alone import left_alone

PROBED = 8
"""Images whose logits are looked at before an attack: a model that returns probabilities returns no others."""


def labelled_samples(model: nn.Module, x: Tensor | np.ndarray, y: Tensor | np.ndarray) -> tuple[Tensor, Tensor]:
    """Return samples and labels as tensors on one device; arrays of samples in the model's dtype and on its device.

    Parameters
    ----------
    model : nn.Module
        What will be asked; its parameters say dtype and device, its `n_classes`, if it has any, the range of labels.
    x : tensor or array of shape (n, ...)
        Floating-point numbers. A tensor is taken as it is.
    y : tensor or array of shape (n,)
        Class labels, whole numbers from 0.

    Raises
    ------
    InvalidSize, InvalidOption
        For other types and shapes, different numbers of samples and labels, and labels that are no classes.

    Examples
    --------
    >>> x, y = labelled_samples(nn.Linear(3, 2), np.zeros((4, 3)), np.zeros(4, dtype=np.uint8))
    >>> x.dtype, y.dtype
    (torch.float32, torch.int64)
    """
    x = x if isinstance(x, Tensor) else _samples(model, np.asarray(x))
    if not x.is_floating_point():
        scaled = "x.float() / 255" if x.dtype is torch.uint8 else "x.float()"
        raise InvalidOption("x", f"dtype {x.dtype}", "floating-point numbers, images in [0, 1]", scaled)
    y = y if isinstance(y, Tensor) else torch.from_dlpack(_whole(np.asarray(y)))
    if y.is_floating_point() or y.is_complex() or y.dtype is torch.bool:
        raise InvalidOption("y", f"dtype {y.dtype}", "whole numbers, the classes of the samples", "y.long()")
    if x.dim() == 0 or y.shape != x.shape[:1]:
        given, n_samples = f"shape {tuple(y.shape)} for x of shape {tuple(x.shape)}", len(x) if x.dim() else "n"
        raise InvalidSize("y", given, f"one label per sample, ({n_samples},)", "y.reshape(-1)")
    _check_range(y, getattr(model, "n_classes", None))
    return x, y.to(x.device, torch.int64)


def check_logits(model: nn.Module, x: Tensor, y: Tensor) -> None:
    """Look at what a model returns for a few images, and leave it alone.

    Probabilities are told by rows that are nowhere negative and sum to 1, for a few of the images and for a black one.
    The cross-entropy of a softmax of a softmax has next to no gradient where the model is sure: attacks on it fail, and
    the model would seem robust.

    Parameters
    ----------
    model : nn.Module
        What is to be attacked.
    x, y : tensors of shape (n, ...) and (n,)
        Images and labels, see `labelled_samples`.

    Raises
    ------
    InvalidOption
        If it returns something else than one row of logits for each image, numbers that are not finite, or
        probabilities; and for labels beyond its classes.

    Examples
    --------
    >>> try:
    ...     check_logits(nn.Sequential(nn.Linear(3, 2), nn.Softmax(1)), torch.rand(4, 3), torch.zeros(4))
    ... except InvalidOption as error:
    ...     print(error.given)
    rows of numbers in [0, 1] that sum to 1, probabilities
    """
    few = torch.cat([x[:PROBED], torch.zeros_like(x[:1])])
    with left_alone(model), torch.no_grad():
        logits = model(few)
    if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != len(few):
        given = f"a result of shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
        raise InvalidOption("model", f"{given} for {len(few)} images", "logits (n, n_classes)", "logits.flatten(1)")
    if not torch.isfinite(logits).all():
        raise InvalidOption("model", "logits that are not finite", "finite numbers", "a model whose weights are finite")
    rounding = 1e-2 if logits.dtype in (torch.float16, torch.bfloat16) else 1e-4
    sums = logits.double().sum(1)
    if logits.shape[1] > 1 and (logits >= 0).all() and ((sums - 1.0).abs() < rounding).all():
        given = "rows of numbers in [0, 1] that sum to 1, probabilities"
        raise InvalidOption("model", given, "logits, what goes into the softmax", "the model without its softmax")
    _check_range(y, logits.shape[1])


def _samples(model: nn.Module, array: np.ndarray) -> Tensor:
    if array.dtype.kind != "f":
        scaled = "x / 255" if array.dtype == np.uint8 else "x.astype(numpy.float32)"
        raise InvalidOption("x", f"dtype {array.dtype}", "floating-point numbers, images in [0, 1]", scaled)
    parameter = next(model.parameters(), None)
    wide = parameter is not None and parameter.dtype is torch.float64
    # from_dlpack shares a read-only array, where from_numpy would warn
    tensor = torch.from_dlpack(np.ascontiguousarray(array, dtype=np.float64 if wide else np.float32))
    return tensor if parameter is None else tensor.to(parameter.device, parameter.dtype)


def _whole(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "iu":
        raise InvalidOption("y", f"dtype {array.dtype}", "whole numbers, the classes of the samples", "y.astype(int)")
    return np.ascontiguousarray(array, dtype=np.int64)


def _check_range(y: Tensor, n_classes: Any) -> None:
    if not len(y):
        return
    low, high = (value.item() for value in torch.aminmax(y))
    if low < 0 or (isinstance(n_classes, int) and high >= n_classes):
        classes = f"0 to {n_classes - 1}, the classes of the model" if n_classes else "at least 0"
        fix = "numpy.unique(labels, return_inverse=True)[1], or a model of more classes"
        raise InvalidOption("y", f"labels from {low} to {high}", classes, fix)
