"""Saliency: how much the loss of a trained model depends on each edge, |w * gradient|."""

from __future__ import annotations

import os
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.datasets import Dataset, load
from netsparse.errors import InvalidOption
from netsparse.nn import SparseModel
from netsparse.robustness.evaluation import BATCH_SIZE, check_head
from netsparse.train import Splits
from netsparse.train.objectives import usual_batch
from netsparse.train.threads import in_threads
from netsparse.typing import EdgeVector


def saliency(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset,
    *,
    n_samples: int | None = None,
    split: str = "train",
    include_head: bool = False,
    data_dir: str | os.PathLike[str] | None = None,
) -> tuple[EdgeVector, ...]:
    """Return |w_e dL/dw_e| of every edge, where L is the mean cross-entropy over the samples.

    To first order the change of the loss when the edge is removed, without its sign. It is the connection sensitivity
    of SNIP before its normalisation, taken of a trained model; the removal of edges in its order is ours.

    Parameters
    ----------
    model : SparseModel
        Trained; left as it is.
    data : str, path or Dataset
        See `netsparse.datasets.load`.
    n_samples : int, optional
        Only the first so many samples of the split; all where not given.
    split : {"train", "test"}
        Whose samples: the training images, all of them, or the test images.
    include_head : bool
        Whether the dense head is the last of the layers returned.
    data_dir : path, optional
        Where data sets lie or land.

    Returns
    -------
    tuple of edge vectors
        One per layer, float64, in canonical edge order. Not negative.

    Raises
    ------
    InvalidOption, InvalidSize
        For an impossible number of samples or split, a head that is not there, and a model that does not fit the data.

    References
    ----------
    Lee, Ajanthan and Torr, SNIP: single-shot network pruning based on connection sensitivity, ICLR 2019,
    https://arxiv.org/abs/1810.02340

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)
    >>> [scores.shape for scores in saliency(model, "digits", include_head=True)]
    [(384,), (300,)]
    """
    check_head(model, include_head)
    dataset = load(data, data_dir=data_dir)
    model.check_data(dataset.n_features, dataset.n_classes)
    if split not in ("train", "test"):
        raise InvalidOption("split", repr(split), "'train' or 'test'", "split='train'")
    device = next(model.parameters()).device
    splits = Splits.of(dataset, 0, device)
    x, y = (splits.x_train, splits.y_train) if split == "train" else (splits.x_test, splits.y_test)
    x = x.to(next(model.parameters()).dtype)
    n_samples = len(x) if n_samples is None else n_samples
    if not isinstance(n_samples, int | np.integer) or isinstance(n_samples, bool) or not 1 <= n_samples <= len(x):
        expected = f"a whole number of the {len(x)} samples of the split, at least 1"
        raise InvalidOption("n_samples", repr(n_samples), expected, f"n_samples={min(1000, len(x))}")
    size = min(BATCH_SIZE, usual_batch(model, x))
    batches = list(zip(x[:n_samples].split(size), y[:n_samples].split(size), strict=True))
    weights, twin = _leaves(model, include_head)
    n_threads = 1 if device.type == "cuda" else min(torch.get_num_threads(), len(batches))
    totals = [torch.zeros_like(weight, dtype=torch.float64) for weight in weights]
    # a few batches at a time, since the gradients of all of them are many times the model; added in the batches' order
    for begin in range(0, len(batches), n_threads):
        for gradients in in_threads(partial(_gradients, twin, weights), batches[begin : begin + n_threads], n_threads):
            for total, gradient in zip(totals, gradients, strict=True):
                total += gradient
    return tuple(
        (weight.detach().double() * total / n_samples).abs().cpu().numpy().ravel()
        for weight, total in zip(weights, totals, strict=True)
    )


def _leaves(model: SparseModel, include_head: bool) -> tuple[list[Tensor], SparseModel]:
    """Return the weights to derive by, and the model in evaluation mode that they belong to; shares all else."""
    head = None if model.head is None or not include_head else model.head.weight.detach().cpu().numpy()
    twin = model.with_edges(model.network, model.weights, head).eval()
    weights: list[Tensor] = [layer.weight for layer in twin.sparse_layers()]
    if twin.head is not None and include_head:
        weights.append(twin.head.weight)
    for weight in weights:
        weight.requires_grad_(True)  # frozen ones have a saliency, too
    return weights, twin


def _gradients(model: SparseModel, weights: list[Tensor], batch: tuple[Tensor, Tensor]) -> list[Tensor]:
    """Return the gradients of the summed loss of a batch."""
    with torch.enable_grad():
        x, labels = batch
        loss = nn.functional.cross_entropy(model(x), labels, reduction="sum")
        return list(torch.autograd.grad(loss, weights))
