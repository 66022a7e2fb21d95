"""The Hessian of the loss in the weights of the sparse layers, times a direction, without the Hessian."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netsparse.nn import SparseConv2d, SparseLayer, SparseLinear, SparseMLP, SparseModel
from netsparse.nn.layer import shallow_copy

BATCH = 512
"""Images that go through a model at a time."""


def hessian_times(
    model: SparseModel, directions: Sequence[Tensor], x: Tensor, y: Tensor, temperature: float = 1.0
) -> list[Tensor]:
    """Return H v: the Hessian of the mean cross-entropy in the weights of the sparse layers, times `directions`.

    Of a `SparseMLP` by passes through the sparse layers' own kernels: with dz_k = W_k dx_k + V_k x_k and
    dx_(k+1) = f'(z_k) dz_k the slope of the loss along v is sum (softmax - onehot) dlogits / n, and its gradient is
    H v. This way to compute it is ours. Of any other model by differentiating the gradient once more, with every
    sparse layer computed as the dense matrix or kernel that it is part of, n_in x n_out numbers each.

    Parameters
    ----------
    model : SparseModel
        Its weights must require gradients.
    directions : sequence of tensors
        v, one entry per edge of each sparse layer.
    x, y : tensors of shape (n, n_in), (n,)
        Images and labels.
    temperature : float
        What the logits are divided by.

    Notes
    -----
    Activations are piecewise linear, their second derivative is taken as 0.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> model = SparseMLP(layered([4, 3], density=1, generator="complete", rng=0), n_classes=2, rng=0)
    >>> x, y = torch.rand(5, 4), torch.tensor([0, 1, 0, 1, 1])
    >>> [product.shape for product in hessian_times(model, [torch.ones(12)], x, y)]
    [torch.Size([12])]
    """
    slope = _slope_of_mlp if isinstance(model, SparseMLP) else _slope
    weights = [layer.weight for layer in model.sparse_layers()]
    products = [torch.zeros_like(weight) for weight in weights]
    for images, labels in zip(x.split(BATCH), y.split(BATCH), strict=True):
        steepness = slope(model, directions, images, labels, temperature) / len(x)  # type: ignore[arg-type]
        for product, part in zip(products, torch.autograd.grad(steepness, weights), strict=True):
            product += part
    return products


def _slope_of_mlp(
    model: SparseMLP, directions: Sequence[Tensor], images: Tensor, labels: Tensor, temperature: float
) -> Tensor:
    """Return the slope along v of the summed loss, by a pass that carries the change of every level along."""
    level = tangent = model.normalize(images)
    for k, (layer, direction) in enumerate(zip(model.sparse_layers(), directions, strict=True)):
        along = _without_activation(layer, bias=False)
        along.weight = nn.Parameter(direction.detach().clone(), requires_grad=False)
        # the same weights: W x + b, without f
        z, dz = _without_activation(layer, bias=True)(level), along(level)
        if k:  # the images themselves do not move
            dz = dz + _without_activation(layer, bias=False)(tangent)
        if layer.slope is None:
            level, tangent = z, dz
        else:
            slope = torch.where(z > 0, z.new_tensor(1.0), z.new_tensor(layer.slope))
            level, tangent = z * slope, dz * slope
    if model.head is not None:
        level, tangent = model.head(level), nn.functional.linear(tangent, model.head.weight)
    errors = torch.softmax(level / temperature, 1) - nn.functional.one_hot(labels, level.shape[1])
    return (errors * tangent).sum() / temperature


def _slope(
    model: SparseModel, directions: Sequence[Tensor], images: Tensor, labels: Tensor, temperature: float
) -> Tensor:
    """Return the slope along v of the summed loss, the gradient times v, which can be differentiated again."""
    twin, layers = shallow_copy(model), model.sparse_layers()
    twin.layers = nn.ModuleList(_Dense(layer) for layer in layers)
    loss = nn.functional.cross_entropy(twin(images) / temperature, labels, reduction="sum")
    weights = [layer.weight for layer in layers]
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    return sum(
        ((gradient * direction).sum() for gradient, direction in zip(gradients, directions, strict=True)),
        start=loss.new_zeros(()),
    )


class _Dense(nn.Module):
    """A sparse layer computed as the dense one that it is part of: whatever torch can differentiate twice."""

    def __init__(self, layer: SparseLayer) -> None:
        super().__init__()
        self.layer, self.weight, self.graph = [layer], layer.weight, layer.graph  # in a list: no part of this module

    def forward(self, x: Tensor) -> Tensor:
        (layer,), graph = self.layer, self.graph
        targets, sources = (
            torch.from_numpy(ids.astype("int64")).to(x.device) for ids in (graph.targets, graph.sources)
        )
        matrix = self.weight.new_zeros(graph.n_out, graph.n_in).index_put((targets, sources), self.weight)
        if isinstance(layer, SparseConv2d):
            kernel = matrix.view(graph.n_out, layer.in_channels, *layer.kernel_size)
            z = nn.functional.conv2d(x, kernel, layer.bias, layer.stride, layer.padding)
        else:
            z = nn.functional.linear(x, matrix, layer.bias)
        return z if layer.slope is None else torch.where(z > 0, z, layer.slope * z)


def _without_activation(layer: SparseLayer, *, bias: bool) -> SparseLinear:
    """Return the layer without its activation, and without its bias unless it is asked for; the weights are shared."""
    plain = shallow_copy(layer)
    plain.slope = None
    if not bias:
        plain.bias = None
    return plain  # type: ignore[return-value]  # of a SparseMLP
