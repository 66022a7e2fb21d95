"""`Affine`: weighted sums, of a sparse layer, a convolution or a dense head, and what they make of sets of inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from netsparse.graph import BipartiteGraph
from netsparse.nn.conv import SparseConv2d
from netsparse.nn.layer import SparseLayer
from netsparse.nn.linear import SparseLinear
from netsparse.nn.selecting import SelectingLinear
from netsparse.robustness.bounds.rounding import OURS, Rounding, shortened_inputs
from netsparse.robustness.bounds.sets import Ball, Box, over_samples
from netsparse.robustness.bounds.spectral_norm import schur_square, spectral_norm_bound

Product = Callable[[Tensor], Tensor]


class Affine:
    """W x + b: an interval of centre c and radius r becomes one of centre W c + b and radius |W| r.

    Both are products of the layer's own kind, with the weights and with their absolute values, in double precision: for
    a sparse layer on its edges alone. To the radius comes what the model's arithmetic may add, at most gamma(fan-in)
    (|W| (|c| + r) + |b|), see `Rounding`. For inputs within an L2 distance d of a centre the radius is d times the L2
    norm of the weights of an output. Gowal et al., On the effectiveness of interval bound propagation,
    arXiv:1810.12715; Mirman, Gehr, Vechev, Differentiable abstract interpretation, ICML 2018. The terms for rounding
    are ours.

    Parameters
    ----------
    product : callable
        Of a matrix' weights in canonical order, returns the product with them as a function of inputs.
    matrix : scipy csr_array (n_out, n_in)
        The weights in double precision.
    bias : tensor
        In a shape that goes with the outputs, in double precision.
    rounding : Rounding
        The model's.
    inputs : float
        By how much its hardware shortens the factors of a product.
    overlap : int
        Largest number of patches that an input takes part in; 1 where each input is used once.
    """

    def __init__(
        self,
        product: Callable[[np.ndarray], Product],
        matrix: Any,
        bias: Tensor,
        rounding: Rounding,
        *,
        inputs: float = 0.0,
        overlap: int = 1,
    ) -> None:
        self.matrix, self.bias, self.rounding, self.overlap = matrix, bias, rounding, overlap
        self.fan_in = int(np.diff(matrix.indptr).max(initial=0))
        self.gamma = rounding.gamma(self.fan_in, inputs=inputs)
        self.lost = (self.fan_in + 2) * rounding.tiny  # where products underflow
        self.signed, self.absolute = product(matrix.data), product(np.abs(matrix.data))
        self._product = product

    @property
    def lipschitz(self) -> float:
        """The spectral norm of W, bounded from above; of a convolution sqrt(overlap) times that.

        An input stands in at most `overlap` patches, so that the squares of all patches' numbers sum up to at most
        overlap |x|^2, and each patch is multiplied by W. The first of the bounds of Singla and Feizi, Fantastic four,
        arXiv:1911.10258.
        """
        return math.sqrt(self.overlap) * self._spectral_norm * (1.0 + 4 * OURS)

    @cached_property
    def _spectral_norm(self) -> float:
        return spectral_norm_bound(self.matrix)

    @cached_property
    def absolute_lipschitz(self) -> float:
        """The same of |W|, not as close."""
        return math.sqrt(self.overlap * schur_square(self.matrix)) * (1.0 + 4 * OURS)

    @cached_property
    def _squared(self) -> Product:
        return self._product(np.square(self.matrix.data))

    def _row_norms(self, like: Tensor) -> Tensor:
        """Return the L2 norm of the weights of each output, in its shape; at the rim of an image fewer take part."""
        return self._squared(torch.ones_like(like[:1])).sqrt() + self.fan_in * 1e-150  # squares of less underflow

    def errors(self, box: Box) -> Tensor:
        """Return how far the model's outputs are from exact sums of its own inputs at most."""
        return self._outward(self.gamma * self.absolute(box.largest))

    def _outward(self, radius: Tensor) -> Tensor:
        radius = radius * (1.0 + 4 * (self.fan_in + 4) * OURS) + self.gamma * self.bias.abs() + self.lost
        # sums of absolute values below the largest number: no partial sum of the model's overflows
        return torch.where(radius < self.gamma * self.rounding.largest / 4, radius, math.inf)

    def box(self, box: Box) -> Box:
        """Return the intervals of all sums; behind an L2 ball the common part of two bounds."""
        middle, half = box.middle_and_half
        radius = self._outward(self.absolute(half + self.gamma * (middle.abs() + half)))
        centre = self.signed(middle) + self.bias
        lower, upper = centre - radius, centre + radius
        if box.centre is not None and box.distance is not None:
            distance = over_samples(box.distance, box.centre)
            around = self.gamma * self.absolute(box.centre.abs() + distance)
            spread = self._outward(self._row_norms(box.centre) * over_samples(box.distance, centre) + around)
            centre = self.signed(box.centre) + self.bias
            lower, upper = torch.maximum(lower, centre - spread), torch.minimum(upper, centre + spread)
        return Box(lower, upper)

    def ball(self, ball: Ball) -> Ball:
        """Return the sums of the centre, the distances multiplied by the spectral norm."""
        centre = self.signed(ball.centre) + self.bias
        bias = self.bias.expand(centre.shape[1:]).norm()
        added = self.gamma * (self.absolute_lipschitz * ball.norm + bias) + self.lost * math.sqrt(centre[0].numel())
        error = torch.where(
            added < self.gamma * self.rounding.largest / 4, self.lipschitz * ball.error + added, math.inf
        )
        return Ball(centre, self.lipschitz * ball.radius * (1.0 + 4 * OURS), error)

    def differences(self, row: int) -> Affine:
        """Return the sums of W_row - W_j for all j: what one logit is above the others, without its own row's zeros."""
        own = self.matrix[[row]]
        matrix = sp.csr_array(sp.vstack([own] * self.matrix.shape[0], format="csr") - self.matrix)
        matrix.sort_indices()
        bias = self.bias[row] - self.bias
        return Affine(_on_edges(BipartiteGraph.from_scipy(matrix), bias.device), matrix, bias, self.rounding)


def sparse_sums(layer: SparseLayer, rounding: Rounding) -> Affine:
    """Return what a `SparseLinear`, a `SelectingLinear` or a `SparseConv2d` does before its activation."""
    on_cuda, is_convolution = layer.weight.is_cuda, isinstance(layer, SparseConv2d)
    weights = layer.edge_weights().astype(np.float64)
    bias = _double(layer.bias, layer.weight)
    overlap = 1
    if isinstance(layer, SparseConv2d):
        bias = bias.view(-1, 1, 1)
        sides = zip(layer.kernel_size, layer.stride, strict=True)
        overlap = math.prod(-(-side // step) for side, step in sides)
    return Affine(
        lambda values: _bare(layer, values),
        _matrix(layer, weights),
        bias,
        rounding,
        inputs=shortened_inputs(is_convolution=is_convolution, on_cuda=on_cuda),
        overlap=overlap,
    )


def _matrix(layer: SparseLayer, weights: np.ndarray) -> Any:
    if not isinstance(layer, SelectingLinear):
        return layer.graph.weight_matrix(weights)
    # as wide as what it selects from, its entries in the order of its edges
    columns, shape = layer.inputs.numpy(force=True)[layer.graph.indices], (layer.n_out, layer.n_given)
    return sp.csr_array((weights, columns, layer.graph.indptr), shape=shape)


def dense_sums(layer: nn.Linear, rounding: Rounding) -> Affine:
    """Return what an `nn.Linear` does: a dense head."""
    weight = layer.weight.detach().double()
    n_out, n_in = weight.shape
    every = np.tile(np.arange(n_in), n_out), np.arange(n_out + 1) * n_in  # zeros included: entries as they lie
    matrix = sp.csr_array((weight.cpu().numpy().ravel(), *every), shape=(n_out, n_in))

    def product(values: np.ndarray) -> Product:
        dense = torch.from_numpy(values.reshape(n_out, n_in)).to(weight.device)
        return lambda x: nn.functional.linear(x, dense)

    inputs = shortened_inputs(is_convolution=False, on_cuda=weight.is_cuda)
    return Affine(product, matrix, _double(layer.bias, layer.weight), rounding, inputs=inputs)


def _double(bias: Tensor | None, weight: Tensor) -> Tensor:
    return torch.zeros((), dtype=torch.float64, device=weight.device) if bias is None else bias.detach().double()


def _bare(layer: SparseLayer, values: np.ndarray) -> Product:
    """Return a layer's product with other weights, in double precision, without bias and activation."""
    copy = layer.with_edges(layer.graph, layer.edge_weights())
    copy.bias, copy.slope, copy.watch, copy.backend = None, None, None, "auto"
    copy = copy.double()  # its weight and index alone: the bias was shared
    with torch.no_grad():
        copy.weight.copy_(torch.from_numpy(values))
    return copy.requires_grad_(False)


def _on_edges(graph: BipartiteGraph, device: torch.device) -> Callable[[np.ndarray], Product]:
    return lambda values: _bare(SparseLinear(graph, bias=False, rng=0).to(device), values)
