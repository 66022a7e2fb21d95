"""Slow, dense versions of SRigL, gradual magnitude pruning, SNIP, GraSP and SynFlow, for graphs of a few units."""

from __future__ import annotations

import itertools

import numpy as np
import torch


def srigl(mask, weights, gradient, n_drop, gamma):
    """One rewiring of SRigL on dense matrices (n_out x n_in) without ties: the mask after it."""
    n_out, n_in = mask.shape
    n_edges = int(mask.sum())
    if n_edges == 0:
        return mask.copy()
    size, steep = np.abs(weights), np.abs(gradient)
    edges = sorted(zip(*np.nonzero(mask), strict=True), key=lambda pair: size[pair])
    weakest = set(edges[:n_drop])
    free = [pair for pair in itertools.product(range(n_out), range(n_in)) if not mask[pair] or pair in weakest]
    promising = sorted(free, key=lambda pair: -steep[pair])[:n_drop]
    salient = [0] * n_out
    for unit, _ in [pair for pair in edges if pair not in weakest] + promising:
        salient[unit] += 1
    fan_in = n_edges / sum(1 for unit in range(n_out) if mask[unit].any())
    active = [unit for unit in range(n_out) if salient[unit] >= gamma * fan_in]
    by_salience = sorted(range(n_out), key=lambda unit: (-salient[unit], unit))
    fewest = int(np.ceil(n_edges / n_in))
    if len(active) < fewest:
        active = by_salience[:fewest]
    left = dict.fromkeys(active, n_edges // len(active))
    for unit in [unit for unit in by_salience if unit in left][: n_edges % len(active)]:
        left[unit] += 1
    stay = [pair for pair in edges if pair[0] in left]
    stay = stay[max(n_drop - (n_edges - len(stay)), 0) :]
    after = np.zeros_like(mask)
    for unit, fan_in in left.items():
        own = [pair for pair in stay if pair[0] == unit]
        own = own[max(len(own) - fan_in, 0) :]
        absent = [(unit, source) for source in range(n_in) if (unit, source) not in own]
        own += sorted(absent, key=lambda pair: -steep[pair])[: fan_in - len(own)]
        for pair in own:
            after[pair] = True
    return after


def gradual_densities(first, last, start, end, n_prunings):
    """The densities after each of `n_prunings` prunings, a step apart, by the printed cubic of sparsities."""
    s_i, s_f = 1 - start, 1 - end
    times = first + np.arange(1, n_prunings + 1) * (last - first) / n_prunings
    return [1 - (s_f + (s_i - s_f) * (1 - (t - first) / (last - first)) ** 3) for t in times]


def masked_loss(matrices, masks, biases, slopes, x, y, head, temperature):
    """Mean cross-entropy of a multilayer perceptron of masked dense matrices."""
    level = x
    for matrix, mask, bias, slope in zip(matrices, masks, biases, slopes, strict=True):
        z = level @ (matrix * mask).T
        z = z if bias is None else z + bias
        level = z if slope is None else torch.where(z > 0, z, slope * z)
    logits = level if head is None else level @ head[0].T + head[1]
    return torch.nn.functional.cross_entropy(logits / temperature, y)


def dense_parts(model):
    """Weights and masks as dense matrices, biases, slopes and head of a `SparseMLP`, in float64."""
    layers = model.sparse_layers()
    matrices = [torch.zeros(layer.n_out, layer.n_in, dtype=torch.float64) for layer in layers]
    masks = [torch.zeros_like(matrix) for matrix in matrices]
    for layer, matrix, mask in zip(layers, matrices, masks, strict=True):
        for edge, (s, t) in enumerate(zip(layer.graph.sources, layer.graph.targets, strict=True)):
            matrix[t, s], mask[t, s] = layer.weight[edge].item(), 1.0
        matrix.requires_grad_(True)
    biases = [None if layer.bias is None else layer.bias.detach().double() for layer in layers]
    head = None if model.head is None else (model.head.weight.detach().double(), model.head.bias.detach().double())
    return matrices, masks, biases, [layer.slope for layer in layers], head


def gradients(model, x, y, temperature=1.0, *, create_graph=False):
    """Weights, gradients in them as dense matrices, by autograd."""
    matrices, masks, biases, slopes, head = dense_parts(model)
    loss = masked_loss(matrices, masks, biases, slopes, model.normalize(x.double()), y, head, temperature)
    return matrices, torch.autograd.grad(loss, matrices, create_graph=create_graph)


def snip(model, x, y):
    """|w g| as dense matrices."""
    return [(w * g).abs().detach().numpy() for w, g in zip(*gradients(model, x, y), strict=True)]


def grasp(model, x, y, temperature):
    """w (H g) as dense matrices, the product with the Hessian by differentiating twice."""
    matrices, grads = gradients(model, x, y, temperature, create_graph=True)
    squared = sum((g * g.detach()).sum() for g in grads)
    products = torch.autograd.grad(squared, matrices)
    return [(w * p).detach().numpy() for w, p in zip(matrices, products, strict=True)]


def path_flows(network, weights, head=None):
    """For every edge the sum over all paths through it of the product of |w|, path by path."""
    layers = network.layers
    starts = [{} for _ in layers]
    for graph, into in zip(layers, starts, strict=True):
        for edge, (s, t) in enumerate(zip(graph.sources.tolist(), graph.targets.tolist(), strict=True)):
            into.setdefault(s, []).append((edge, t))
    inputs_of = [
        (lambda unit, joint=joint: [unit] if joint is None else np.flatnonzero(joint == unit).tolist())
        for joint in network.joints
    ]
    flows = [np.zeros(graph.n_edges) for graph in layers]

    def walk(k, unit, path, product):
        if k == len(layers):
            product *= 1.0 if head is None else np.abs(head[:, unit]).sum()
            for layer, edge in enumerate(path):
                flows[layer][edge] += product
            return
        for source in [unit] if k == 0 else inputs_of[k - 1](unit):
            for edge, target in starts[k].get(source, ()):
                walk(k + 1, target, [*path, edge], product * abs(weights[k][edge]))

    for unit in range(layers[0].n_in):
        walk(0, unit, [], 1.0)
    return flows


def synflow(network, weights, n_left, rounds):
    """The kept (layer, source, target) after iterative pruning by path sums of masked dense matrices, without ties."""
    matrices = [np.abs(graph.weight_matrix(w).toarray()) for graph, w in zip(network.layers, weights, strict=True)]
    n_start = network.n_edges
    for k in range(1, rounds + 1):
        scores = {}
        for layer, matrix in enumerate(matrices):
            arriving = np.ones(matrices[0].shape[1])
            for below in matrices[:layer]:
                arriving = below @ arriving
            onwards = np.ones(matrices[-1].shape[0])
            for above in reversed(matrices[layer + 1 :]):
                onwards = onwards @ above
            for t, s in zip(*np.nonzero(matrix), strict=True):
                scores[layer, int(s), int(t)] = matrix[t, s] * arriving[s] * onwards[t]
        left = n_left if k == rounds else round(n_start * (n_left / n_start) ** (k / rounds))
        kept = sorted(scores, key=lambda edge: -scores[edge])[:left]
        for layer, matrix in enumerate(matrices):
            keep = np.zeros_like(matrix)
            for edge in kept:
                if edge[0] == layer:
                    keep[edge[2], edge[1]] = 1.0
            matrices[layer] = matrix * keep
    return set(kept)
