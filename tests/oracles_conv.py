"""Slow, obvious convolutions over a bipartite graph: edge by edge, position by position."""

from __future__ import annotations

import numpy as np
import torch


def convolved(graph, weights, x, kernel_size, stride, padding, bias=None):
    """y (batch, n_out, rows, columns) of x (batch, channels, height, width), as the sum that the docstring writes."""
    kh, kw = kernel_size
    batch, _, height, width = x.shape
    rows = (height + 2 * padding[0] - kh) // stride[0] + 1
    columns = (width + 2 * padding[1] - kw) // stride[1] + 1
    y = np.zeros((batch, graph.n_out, rows, columns))
    if bias is not None:
        y += np.asarray(bias)[None, :, None, None]
    for source, target, weight in zip(graph.sources, graph.targets, weights, strict=True):
        channel, place = divmod(int(source), kh * kw)
        r, q = divmod(place, kw)
        for i in range(rows):
            for j in range(columns):
                row, column = i * stride[0] + r - padding[0], j * stride[1] + q - padding[1]
                if 0 <= row < height and 0 <= column < width:
                    y[:, target, i, j] += weight * x[:, channel, row, column]
    return y


def dense_conv(layer):
    """The nn.Conv2d with a layer's weights, 0 elsewhere; its weight in the layer's dtype."""
    shape = (layer.out_channels, layer.in_channels, *layer.kernel_size)
    conv = torch.nn.Conv2d(shape[1], shape[0], shape[2:], layer.stride, layer.padding, bias=layer.bias is not None).to(
        layer.weight.dtype
    )
    kernel = np.zeros((layer.n_out, layer.n_in))
    for source, target, weight in zip(layer.graph.sources, layer.graph.targets, layer.edge_weights(), strict=True):
        kernel[target, source] = weight
    with torch.no_grad():
        conv.weight.copy_(torch.from_numpy(kernel.reshape(shape)))
        if layer.bias is not None:
            conv.bias.copy_(layer.bias)
    return conv


def at_edges(graph, kernel_gradient):
    """The entries of a dense kernel's gradient at the edges."""
    matrix = kernel_gradient.reshape(graph.n_out, graph.n_in)
    pairs = zip(graph.sources.tolist(), graph.targets.tolist(), strict=True)
    values = [matrix[t, s] for s, t in pairs]
    return torch.stack(values) if values else matrix.new_zeros(0)
