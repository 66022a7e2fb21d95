"""How much each edge of an untrained model matters: SNIP, GraSP, magnitude, chance. The highest scores are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption
from netsparse.nn import SparseModel
from netsparse.train.hessian import BATCH, hessian_times
from netsparse.typing import EdgeVector


def snip(model: SparseModel, x: Tensor, y: Tensor, rng: np.random.Generator) -> list[EdgeVector]:
    """Return |w * dL/dw|, the connection sensitivity: what the loss L changes by, to first order, without the edge.

    L is the mean cross-entropy. SNIP divides by the sum of all, which changes no order.

    References
    ----------
    Lee, Ajanthan, Torr, SNIP: single-shot network pruning based on connection sensitivity, ICLR 2019,
    arXiv:1810.02340.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(layered([4, 3], density=1, generator="complete", rng=0), n_classes=2, rng=0)
    >>> [part.shape for part in snip(model, torch.rand(5, 4), torch.tensor([0, 1, 0, 1, 1]), np.random.default_rng(0))]
    [(12,)]
    """
    twin = _twin(model)
    return [np.abs(w * g) for w, g in zip(model.weights, _arrays(_gradients(twin, x, y)), strict=True)]


@dataclass(frozen=True)
class GraSP:
    """w * (H g) with g = dL/dw and H the Hessian of L: edges that carry the flow of the gradient have high scores.

    Without the edge the squared norm of the gradient changes by -2 w (H g), to first order; the edges whose removal
    would lower it most are kept. The paper writes the score with the opposite sign, -w (H g), and removes the highest.

    H g is exact, see `netsparse.train.hessian.hessian_times`.

    Parameters
    ----------
    temperature : float
        What the logits are divided by; 200 in the authors' code.

    Raises
    ------
    InvalidOption
        If the temperature is not above 0.

    Notes
    -----
    g and H are those of the weights of the sparse layers, on the same images; biases and a dense head are constants.
    Activations are piecewise linear, their second derivative is taken as 0.

    References
    ----------
    Wang, Zhang, Grosse, Picking winning tickets before training by preserving gradient flow, ICLR 2020,
    arXiv:2002.07376, and github.com/alecwangcq/GraSP. Hessian times vector: Pearlmutter, Neural Computation 6, 147
    (1994), doi:10.1162/neco.1994.6.1.147.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(layered([4, 3], density=1, generator="complete", rng=0), n_classes=2, rng=0)
    >>> rng = np.random.default_rng(0)
    >>> [part.shape for part in GraSP()(model, torch.rand(5, 4), torch.tensor([0, 1, 0, 1, 1]), rng)]
    [(12,)]
    """

    temperature: float = 200.0

    def __post_init__(self) -> None:
        t = self.temperature
        if not isinstance(t, Real) or isinstance(t, bool) or not 0.0 < float(t) < float("inf"):
            raise InvalidOption("temperature", repr(t), "a number above 0", "temperature=200.0")

    def __call__(self, model: SparseModel, x: Tensor, y: Tensor, rng: np.random.Generator) -> list[EdgeVector]:
        """Return the scores."""
        twin = _twin(model)
        directions = _gradients(twin, x, y, self.temperature)
        products = hessian_times(twin, directions, x, y, self.temperature)
        return [w * p for w, p in zip(model.weights, _arrays(products), strict=True)]


def magnitude(model: SparseModel, x: Tensor, y: Tensor, rng: np.random.Generator) -> list[EdgeVector]:
    """Return |w|."""
    return [np.abs(weight) for weight in model.weights]


def uniform(model: SparseModel, x: Tensor, y: Tensor, rng: np.random.Generator) -> list[EdgeVector]:
    """Return a uniform random number per edge."""
    return [rng.random(graph.n_edges) for graph in model.network.layers]


def _gradients(model: SparseModel, x: Tensor, y: Tensor, temperature: float = 1.0) -> list[Tensor]:
    """Return the gradient of the mean cross-entropy in the weights of the sparse layers."""
    weights = [layer.weight for layer in model.sparse_layers()]
    totals = [torch.zeros_like(weight) for weight in weights]
    for images, labels in zip(x.split(BATCH), y.split(BATCH), strict=True):
        loss = nn.functional.cross_entropy(model(images) / temperature, labels, reduction="sum") / len(x)
        for total, part in zip(totals, torch.autograd.grad(loss, weights), strict=True):
            total += part
    return totals


def _twin(model: SparseModel) -> SparseModel:
    """Return the model with weights of its own to derive by, frozen in the model or not, and without dropout.

    Batch normalisation, which has learnt nothing yet, takes the images that it is shown, and remembers nothing of them.
    """
    twin = model.with_edges(model.network, model.weights).eval()
    for layer in twin.sparse_layers():
        layer.weight.requires_grad_(True)
    for module in twin.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean = module.running_var = None
    return twin


def _arrays(tensors: Sequence[Tensor]) -> list[EdgeVector]:
    return [tensor.detach().cpu().double().numpy() for tensor in tensors]
