"""Slow, obvious versions of VGG: its plan written out by hand, its layers as dense ones, its paths one by one.

And the small one that tests share: images of digits, a quarter of a second for two epochs.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import nn

from netsparse.datasets import Dataset, load
from netsparse.generators import vgg
from netsparse.nn import VGG

PLANS = {
    11: "64 M 128 M 256 256 M 512 512 M 512 512",
    13: "64 64 M 128 128 M 256 256 M 512 512 M 512 512",
    16: "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512",
    19: "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512",
}
"""Channels, and M for a halving of the image."""


def sides(depth, width=1.0, shape=(3, 32, 32), n_classes=10):
    """n_in and n_out of every layer, by walking through the plan."""
    channels, height, across = shape
    found = []
    for word in PLANS[depth].split():
        if word == "M":
            if min(height, across) > 1:
                height, across = height // 2, across // 2
        else:
            n_out = max(1, round(width * int(word)))
            found.append((channels * 9, n_out))
            channels = n_out
    hidden = max(1, round(width * 256))
    return [*found, (channels * height * across, hidden), (hidden, hidden), (hidden, n_classes)]


def dense_twin(model):
    """torch's own layers in the order of the plan, with the weights of `model` at the places of its edges."""
    plan, (channels, height, width) = PLANS[model.depth].split(), model.shape
    layers, parts = iter(model.sparse_layers()), []
    norms = iter(model.norms)
    for word in plan:
        if word == "M":
            if min(height, width) > 1:
                parts.append(nn.MaxPool2d(2))
                height, width = height // 2, width // 2
            continue
        layer, norm = next(layers), next(norms)
        convolution = nn.Conv2d(channels, layer.n_out, 3, padding=1, bias=False)
        kernel = np.zeros((layer.n_out, channels, 3, 3))
        for s, t, w in zip(layer.graph.sources, layer.graph.targets, layer.edge_weights(), strict=True):
            kernel[t, s // 9, s % 9 // 3, s % 3] = w
        convolution.weight.data = torch.tensor(kernel)
        twin = nn.BatchNorm2d(layer.n_out, eps=1e-5, momentum=0.1).double()
        twin.load_state_dict(norm.state_dict())
        parts += [convolution, twin, nn.ReLU()]
        channels = layer.n_out
    parts.append(nn.Flatten())
    for k, layer in enumerate(layers):
        linear = nn.Linear(layer.n_in, layer.n_out)
        matrix = np.zeros((layer.n_out, layer.n_in))
        for s, t, w in zip(layer.graph.sources, layer.graph.targets, layer.edge_weights(), strict=True):
            matrix[t, s] = w
        linear.weight.data, linear.bias.data = torch.tensor(matrix), layer.bias.detach().clone()
        parts += [linear, nn.ReLU()] if k < 2 else [linear]
    return nn.Sequential(*parts).double()


def unit_pairs(network):
    """Every edge as the names of two units, level and number; a joint names the unit behind an input."""
    pairs = []
    for k, layer in enumerate(network.layers):
        for s, t in zip(layer.sources.tolist(), layer.targets.tolist(), strict=True):
            unit = s if k == 0 or network.joints[k - 1] is None else int(network.joints[k - 1][s])
            pairs.append(((k, unit), (k + 1, t)))
    return pairs


def n_paths(network):
    """How many paths of edges lead from an input to an output, parallel edges apart."""
    arriving = {(0, unit): 1 for unit in range(network.sizes[0])}
    for source, target in unit_pairs(network):  # layer by layer
        arriving[target] = arriving.get(target, 0) + arriving.get(source, 0)
    last = len(network.layers)
    return sum(n for (level, _), n in arriving.items() if level == last)


def components(network):
    """Sizes of the connected components of all units, largest first, by walking from each unit."""
    neighbours = {(level, unit): set() for level, n in enumerate(network.sizes) for unit in range(n)}
    for one, other in unit_pairs(network):
        neighbours[one].add(other)
        neighbours[other].add(one)
    seen, sizes = set(), []
    for start in neighbours:
        if start in seen:
            continue
        reached, edge = {start}, [start]
        while edge:
            edge = [unit for at in edge for unit in neighbours[at] if unit not in reached and not reached.add(unit)]
        seen |= reached
        sizes.append(len(reached))
    return sorted(sizes, reverse=True)


def on_whole_paths(network):
    """Which edges, layer by layer, lie on a path from the first level to the last."""
    alive = [set(range(layer.n_edges)) for layer in network.layers]
    pairs = unit_pairs(network)
    starts = np.cumsum([0, *(layer.n_edges for layer in network.layers)])
    of = [[pairs[e] for e in range(begin, end)] for begin, end in itertools.pairwise(starts)]
    last = len(network.layers) - 1
    while True:
        before = sum(map(len, alive))
        for k in range(last + 1):
            entered = {of[k - 1][e][1] for e in alive[k - 1]} if k else None
            left = {of[k + 1][e][0] for e in alive[k + 1]} if k < last else None
            alive[k] = {
                e
                for e in alive[k]
                if (entered is None or of[k][e][0] in entered) and (left is None or of[k][e][1] in left)
            }
        if sum(map(len, alive)) == before:
            return [sorted(edges) for edges in alive]


def small_vgg(seed=0, density=0.3, width=1 / 32, shape=(8, 8), **options):
    network = vgg(11, density=density, width=width, shape=shape, allocation="scaled", rng=seed)
    return VGG(network, shape=shape, rng=seed, **options)


def few_digits():
    """256 images to train on and 100 to test."""
    digits = load("digits")
    images = (digits.x_train[:256].reshape(-1, 8, 8), digits.y_train[:256])
    tested = (digits.x_test[:100].reshape(-1, 8, 8), digits.y_test[:100])
    return Dataset.from_arrays(*images, *tested, name="few")


def same_states(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def n_edges(network):
    return [layer.n_edges for layer in network.layers]
