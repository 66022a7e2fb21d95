"""Slow, obvious twins of attacks and lotteries: dense matrices, numpy, gradients written out by hand."""

import numpy as np


def dense_cut(matrix, mask, rate, *, exact=False):
    """The mask after one round: the live weights sorted, the one at round(rate n) is the cut-off and goes too."""
    live = sorted((abs(matrix[t, s]), t, s) for t, s in zip(*np.nonzero(mask), strict=True))
    after, n = mask.copy(), round(rate * len(live))
    if rate == 0:
        return after
    for k, (size, t, s) in enumerate(live):
        if (k < n) if exact else (n == len(live) or size <= live[n][0]):
            after[t, s] = False
    return after


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def logits_of(x, weights, biases=None, moments=(0.0, 1.0)):
    h = (x - moments[0]) / moments[1]
    for k, w in enumerate(weights):
        h = h @ w.T + (0 if biases is None else biases[k])
        if k < len(weights) - 1:
            h = np.maximum(h, 0)
    return h


def loss_of(x, y, weights, biases=None, moments=(0.0, 1.0), smoothing=0.0):
    p = softmax(logits_of(x, weights, biases, moments))
    target = (1 - smoothing) * np.eye(p.shape[1])[y] + smoothing / p.shape[1]
    return float(-(target * np.log(p)).sum(1).mean())


def gradients(x, y, weights, biases=None, moments=(0.0, 1.0), smoothing=0.0):
    """Gradients of the mean cross-entropy: of each matrix, of each bias, and of the images."""
    hs = [(x - moments[0]) / moments[1]]
    for k, w in enumerate(weights):
        z = hs[-1] @ w.T + (0 if biases is None else biases[k])
        hs.append(np.maximum(z, 0) if k < len(weights) - 1 else z)
    p = softmax(hs[-1])
    g = (p - (1 - smoothing) * np.eye(p.shape[1])[y] - smoothing / p.shape[1]) / len(x)
    of_weights, of_biases = [], []
    for k in range(len(weights) - 1, -1, -1):
        of_weights.insert(0, g.T @ hs[k])
        of_biases.insert(0, g.sum(0))
        g = g @ weights[k]
        if k:
            g = g * (hs[k] > 0)
    return of_weights, of_biases, g / moments[1]


def attack(x, y, eps, step_size, steps, weights, biases=None, moments=(0.0, 1.0), start=None):
    """Ascend image by image; y None: the model's own predictions for the clean images."""
    y = logits_of(x, weights, biases, moments).argmax(1) if y is None else y
    changed = []
    for k in range(len(x)):
        image = x[k : k + 1]
        at = image if start is None else start[k : k + 1]
        for _ in range(steps):
            g = gradients(at, y[k : k + 1], weights, biases, moments)[2]
            at = at + step_size * np.sign(g)
            at = np.minimum(np.maximum(at, image - eps), image + eps)  # the ball
            at = np.minimum(np.maximum(at, 0.0), 1.0)  # then the cube
        changed.append(at)
    return np.concatenate(changed)


def adam(values, grads, memory, t, lr, betas=(0.9, 0.999), eps=1e-8):
    """One step of Kingma and Ba's algorithm 1, each matrix in its own memory."""
    after = []
    for value, g, (m, v) in zip(values, grads, memory, strict=True):
        m[:] = betas[0] * m + (1 - betas[0]) * g
        v[:] = betas[1] * v + (1 - betas[1]) * g**2
        after.append(value - lr * (m / (1 - betas[0] ** t)) / (np.sqrt(v / (1 - betas[1] ** t)) + eps))
    return after


def lottery(theta0, masks, train, validation, *, rounds, rates, rewind, epochs, lr, early=None, starts=None, loss=None):
    """The whole procedure on matrices without biases, one step of Adam on all images per epoch.

    Returns, for each round, masks, start, trained weights, and the epoch of lowest validation loss. `starts` are the
    fresh draws of rewind="random"; `loss(x, y, weights)` returns the gradients of another objective.
    """
    gradient_of = loss or (lambda x, y, weights: gradients(x, y, weights)[0])
    played, weights, final0, early0 = [], None, None, None
    for r in range(rounds + 1):
        if r:
            masks = [dense_cut(w, m, rate) for w, m, rate in zip(weights, masks, rates, strict=True)]
        source = {
            "init": theta0,
            "early": early0,
            "round0_final": final0,
            "random": starts[r] if starts else None,
            "continued": weights,
        }[rewind]
        source = theta0 if r == 0 else source
        weights = [w * m for w, m in zip(source, masks, strict=True)]
        start, memory = weights, [(np.zeros_like(w), np.zeros_like(w)) for w in weights]
        best = (np.inf, 0)
        for epoch in range(1, epochs + 1):
            if r == 0 and early == epoch - 1:
                early0 = weights
            grads = [g * m for g, m in zip(gradient_of(*train, weights), masks, strict=True)]
            weights = adam(weights, grads, memory, epoch, lr)
            best = min(best, (loss_of(*validation, weights), epoch))
        if r == 0:
            final0, early0 = weights, early0 if early0 is not None else weights
        played.append((masks, start, weights, best[1]))
    return played
