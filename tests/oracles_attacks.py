"""Slow twins of attacks: closed forms for linear models, images one by one, and every edge removed in turn."""

import math

import numpy as np
import torch


def worst_margin(weight, bias, x, y, eps, norm):
    """The least margin of a linear model of two classes within the ball, the cube [0, 1] left aside for "l2"."""
    margins = []
    for image, label in zip(x, y, strict=True):
        direction = weight[label] - weight[1 - label]
        offset = bias[label] - bias[1 - label]
        if norm == "linf":
            worst = [min(max(p - eps * np.sign(d), 0.0), 1.0) for p, d in zip(image, direction, strict=True)]
            margins.append(float(np.dot(direction, worst) + offset))
        else:
            margins.append(float(np.dot(direction, image) + offset - eps * math.sqrt(np.dot(direction, direction))))
    return np.array(margins)


def still_right(model, x, y, attempts):
    """Whether the model is right on the clean image and on all attempts, and the loss that counts; image by image."""
    right, losses = [], []
    for k in range(len(x)):
        tried = []
        for images in (x, *attempts):
            with torch.no_grad():
                logits = model(images[k : k + 1].double())[0]
            loss = float(torch.logsumexp(logits, 0) - logits[y[k]])
            tried.append((int(logits.argmax()) == int(y[k]), loss))
            if not tried[-1][0]:
                break
        right.append(all(hit for hit, _ in tried))
        losses.append(max(loss for _, loss in tried) if right[-1] else tried[-1][1])
    return np.array(right), np.array(losses)


def cross_entropy(matrices, biases, x, y):
    """Mean cross-entropy of ReLU layers given as dense matrices (n_out, n_in)."""
    for k, (matrix, bias) in enumerate(zip(matrices, biases, strict=True)):
        x = x @ matrix.T + bias
        x = np.maximum(x, 0.0) if k < len(matrices) - 1 else x
    highest = x.max(axis=1)
    return float((highest + np.log(np.exp(x - highest[:, None]).sum(axis=1)) - x[np.arange(len(x)), y]).mean())


def rises(graphs, weights, biases, x, y):
    """By how much the loss rises when each edge is removed alone, layer by layer in canonical order."""
    matrices = [np.zeros((graph.n_out, graph.n_in)) for graph in graphs]
    for matrix, graph, values in zip(matrices, graphs, weights, strict=True):
        matrix[graph.targets, graph.sources] = values
    before, found = cross_entropy(matrices, biases, x, y), []
    for matrix, graph in zip(matrices, graphs, strict=True):
        for source, target in zip(graph.sources, graph.targets, strict=True):
            kept, matrix[target, source] = matrix[target, source], 0.0
            found.append(cross_entropy(matrices, biases, x, y) - before)
            matrix[target, source] = kept
    return np.array(found)
