"""Slow, obvious twins of losses and attacks in both norms: dense matrices, one image at a time, gradients by hand."""

import math

import numpy as np
from oracles_lottery import logits_of


def softmax(row):
    powers = [math.exp(z - max(row)) for z in row]
    return [power / sum(powers) for power in powers]


def cross_entropy(row, label, smoothing=0.0):
    p, total = softmax(row), 0.0
    for k in range(len(row)):
        target = smoothing / len(row) + (1 - smoothing if k == label else 0.0)
        total -= target * math.log(p[k])
    return total


def kl(row, other):
    return sum(p * math.log(p / q) for p, q in zip(softmax(row), softmax(other), strict=True))


def mixed(clean, attacked, labels, mix, smoothing=0.0):
    losses = [
        (1 - mix) * cross_entropy(z, y, smoothing) + mix * cross_entropy(a, y, smoothing)
        for z, a, y in zip(clean, attacked, labels, strict=True)
    ]
    return sum(losses) / len(losses)


def trades(clean, attacked, labels, beta, smoothing=0.0):
    losses = [cross_entropy(z, y, smoothing) + beta * kl(z, a) for z, a, y in zip(clean, attacked, labels, strict=True)]
    return sum(losses) / len(losses)


def mart(clean, attacked, labels, beta):
    losses = []
    for z, a, y in zip(clean, attacked, labels, strict=True):
        p, q = softmax(z), softmax(a)
        wrong = max([0.0, *(q[k] for k in range(len(q)) if k != y)])
        losses.append(-math.log(q[y]) - math.log(1.0001 - wrong + 1e-12) + beta * kl(z, a) * (1 - p[y]))
    return sum(losses) / len(losses)


def image_gradient(image, target, weights, biases, moments):
    """Gradient of -sum_k target_k log p_k at one image; that of KL(target || p) is the same."""
    hs = [(image - moments[0]) / moments[1]]
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        z = w @ hs[-1] + b
        hs.append(np.maximum(z, 0) if k < len(weights) - 1 else z)
    g = np.array(softmax(hs[-1].tolist())) - target
    for k in range(len(weights) - 1, -1, -1):
        g = weights[k].T @ g
        if k:
            g = g * (hs[k] > 0)
    return g / moments[1]


def projected(at, image, eps, norm):
    if norm == "linf":
        at = np.minimum(np.maximum(at, image - eps), image + eps)
    else:
        away = at - image
        length = math.sqrt(sum(float(a) ** 2 for a in away))
        at = image + away * eps / length if length > eps else at
    return np.minimum(np.maximum(at, 0.0), 1.0)


def attacked(x, starts, targets, eps, step_size, steps, model, norm):
    """Climb image by image; `targets` are rows of probabilities, of a label or of the clean prediction."""
    changed = []
    for image, at, target in zip(x, starts, targets, strict=True):
        for _ in range(steps):
            g = image_gradient(at, target, *model)
            length = math.sqrt(sum(float(part) ** 2 for part in g))
            direction = np.sign(g) if norm == "linf" else g / length if length else g
            at = projected(at + step_size * direction, image, eps, norm)
        changed.append(at)
    return np.array(changed)


def clean_targets(x, y, loss, model):
    """What an attack with these labels, or None for the predicted ones, compares the prediction with."""
    logits = logits_of(x, *model)
    if loss == "kl":
        return np.array([softmax(row) for row in logits.tolist()])
    return np.eye(logits.shape[1])[logits.argmax(1) if y is None else y]
