"""Slow, obvious bounds: dense matrices in numpy, one corner of the ball after the other, no rounding terms."""

import itertools

import numpy as np
from oracles import dense_of


def activated(z, slope):
    return z if slope is None else np.where(z > 0, z, slope * z)


def range_of_activation(low, high, slope):
    """Least and largest value of f on an interval, by its ends and, where 0 is inside, f(0)."""
    points = [activated(low, slope), activated(high, slope)]
    inside = (low < 0) & (high > 0)
    points.append(np.where(inside, 0.0, points[0]))
    return np.minimum.reduce(points), np.maximum.reduce(points)


def dense_layers(model):
    """(W, b, slope) of every layer and of the dense head, in double precision."""
    layers = []
    for layer in model.sparse_layers():
        bias = np.zeros(layer.n_out) if layer.bias is None else layer.bias.detach().double().numpy()
        layers.append((dense_of(layer.graph, layer.edge_weights()).astype(np.float64), bias, layer.slope))
    if model.head is not None:
        head = model.head
        layers.append((head.weight.detach().double().numpy(), head.bias.detach().double().numpy(), None))
    return layers


def normalized(model, x):
    return (x - model.normalize.mean.item()) / model.normalize.std.item()


def intervals(model, x, eps):
    """Bounds of the logits of one image x (n_in,) over its L-inf ball in [0, 1], unit by unit and edge by edge."""
    low, high = (normalized(model, np.clip(x + side, 0, 1)) for side in (-eps, eps))
    for matrix, bias, slope in dense_layers(model):
        below, above = bias.copy(), bias.copy()
        for unit, source in itertools.product(*map(range, matrix.shape)):
            ends = sorted((matrix[unit, source] * low[source], matrix[unit, source] * high[source]))
            below[unit] += ends[0]
            above[unit] += ends[1]
        low, high = (below, above) if slope is None else range_of_activation(below, above, slope)
    return low, high


def smallest_margin_at_corners(model, x, y, eps):
    """Smallest z_y - z_j over all j and all corners of the ball: exact for a model that is one affine map."""
    ends = [sorted({max(value - eps, 0.0), min(value + eps, 1.0)}) for value in x]
    z = normalized(model, np.array(list(itertools.product(*ends))).T)
    for matrix, bias, slope in dense_layers(model):
        z = activated(matrix @ z + bias[:, None], slope)
    return (z[y] - np.delete(z, y, axis=0)).min()


def conv_matrix(layer, height, width):
    """The matrix (n_out * positions, channels * height * width) of a sparse convolution, entry by entry."""
    (kh, kw), (sh, sw), (ph, pw) = layer.kernel_size, layer.stride, layer.padding
    rows, columns = (height + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    matrix = np.zeros((layer.n_out, rows, columns, layer.in_channels, height, width))
    for source, target, weight in zip(layer.graph.sources, layer.graph.targets, layer.edge_weights(), strict=True):
        channel, r, q = source // (kh * kw), source // kw % kh, source % kw
        for i, j in itertools.product(range(rows), range(columns)):
            row, column = i * sh + r - ph, j * sw + q - pw
            if 0 <= row < height and 0 <= column < width:
                matrix[target, i, j, channel, row, column] += weight
    return matrix.reshape(layer.n_out * rows * columns, -1)
