"""Slow oracles of the theory: every subset of the edges, and messages by plain iteration from nothing."""

import itertools

import numpy as np

from netsparse.graph import BipartiteGraph, SparseNetwork


def subsets(wiring, kept):
    """Yield each subset of the edges as a mask, with its probability."""
    kept = np.broadcast_to(kept, len(wiring.layers))
    p = np.repeat(kept, [layer.n_edges for layer in wiring.layers])
    for there in itertools.product([False, True], repeat=wiring.n_edges):
        mask = np.array(there, dtype=bool)
        yield mask, float(np.where(mask, p, 1 - p).prod())


def component_sizes(wiring, mask):
    """Number of units in the component of each unit."""
    label = list(range(sum(wiring.sizes)))
    for a, b in zip(*(units[mask].tolist() for units in wiring.unit_edges()), strict=True):
        old, new = label[a], label[b]
        label = [new if at == old else at for at in label]
    return np.array([label.count(at) for at in label])


def mean_component_sizes(wiring, kept):
    return sum(p * component_sizes(wiring, mask) for mask, p in subsets(wiring, kept))


def reached(wiring, mask):
    found = np.arange(sum(wiring.sizes)) < wiring.sizes[0]
    for a, b in zip(*(units[mask] for units in wiring.unit_edges()), strict=True):
        found[b] |= found[a]
    return found


def leading(wiring, mask):
    n_units = sum(wiring.sizes)
    found = np.arange(n_units) >= n_units - wiring.sizes[-1]
    for a, b in reversed(list(zip(*(units[mask] for units in wiring.unit_edges()), strict=True))):
        found[a] |= found[b]
    return found


def mean_reach(wiring, kept):
    """Exact probabilities to be reached, to lead on, and to do both."""
    n_units = sum(wiring.sizes)
    totals = np.zeros((3, n_units))
    for mask, p in subsets(wiring, kept):
        forward, backward = reached(wiring, mask), leading(wiring, mask)
        totals += p * np.array([forward, backward, forward & backward])
    return totals


def forest_of(wiring):
    """The same units with those edges alone that join two parts when edges are added in canonical order."""
    label = list(range(sum(wiring.sizes)))
    kept = []
    for a, b in zip(*(units.tolist() for units in wiring.unit_edges()), strict=True):
        old, new = label[a], label[b]
        kept.append(old != new)
        label = [new if at == old else at for at in label]
    layers, first = [], 0
    for layer in wiring.layers:
        stay = np.array(kept[first : first + layer.n_edges], dtype=bool)
        first += layer.n_edges
        pair = layer.sources[stay], layer.targets[stay]
        layers.append(BipartiteGraph.from_edges(*pair, n_in=layer.n_in, n_out=layer.n_out))
    return SparseNetwork(layers, getattr(wiring, "joints", None))


def messages(wiring, kept, most=3000):
    """In-giant probability and mean finite size of each unit, or None where plain iteration does not settle.

    Messages as a dictionary over (edge, arriving unit); products by multiplication of what is there.
    """
    kept = np.repeat(np.broadcast_to(kept, len(wiring.layers)), [layer.n_edges for layer in wiring.layers])
    pairs = list(zip(*(units.tolist() for units in wiring.unit_edges()), strict=True))
    around = {unit: [] for unit in range(sum(wiring.sizes))}
    for edge, (a, b) in enumerate(pairs):
        around[a].append((edge, b))
        around[b].append((edge, a))
    u = {(edge, unit): 0.0 for unit, found in around.items() for edge, _ in found}
    h = dict(u)
    arriving = [(edge, unit, other) for unit, found in around.items() for edge, other in found]
    for values in (u, h):
        for _ in range(most):
            fresh = {}
            for edge, unit, other in arriving:
                ways = [(e, other) for e, _ in around[other] if e != edge]
                product = np.prod([u[way] for way in ways])
                if values is u:
                    fresh[edge, unit] = 1 - kept[edge] * (1 - product)
                else:
                    growth = sum(h[way] * np.prod([u[w] for w in ways if w != way]) for way in ways)
                    fresh[edge, unit] = kept[edge] * (product + growth)
            change = max((abs(fresh[key] - values[key]) / max(1, fresh[key]) for key in values), default=0)
            values.update(fresh)
            if change < 1e-14:
                break
        else:
            return None
    outside = np.array([np.prod([u[e, unit] for e, _ in found]) for unit, found in around.items()])
    total = np.array(
        [
            sum(h[e, unit] * np.prod([u[f, unit] for f, _ in found if f != e]) for e, _ in found)
            for unit, found in around.items()
        ]
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 - outside, 1 + total / outside
