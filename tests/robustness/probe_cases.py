"""Every probe with its options, and every nasty wiring, for the tests of probes."""

import numpy as np
import zoo

from netsparse.generators import complete
from netsparse.graph import SparseNetwork
from netsparse.percolation.orders import ORDERS
from netsparse.robustness.probes import PROBES
from netsparse.robustness.removal_probes import LinkRemoval, MagnitudePruning, UnitRemoval
from netsparse.robustness.shuffle_probe import WeightShuffle
from netsparse.robustness.topology_probes import DegreePreservingRewiring
from netsparse.robustness.weight_probes import Binarisation, SignFlip

WIRINGS = zoo.NETWORKS | {name: SparseNetwork([graph]) for name, graph in zoo.GRAPHS.items()}

REMOVALS = [
    *(LinkRemoval(name, scope) for name, o in ORDERS.items() if o.of == "edges" for scope in ("layer", "network")),
    *(UnitRemoval(name, levels=None) for name, order in ORDERS.items() if order.of == "units"),
    UnitRemoval(scope="network", levels="inputs"),
    MagnitudePruning(),
    MagnitudePruning("network"),
]
SHUFFLES = [WeightShuffle(within, signs) for within in ("layer", "network") for signs in (False, True)]
# "hidden" is left to its own test: a single layer has no hidden level
VARIANTS = [
    *REMOVALS,
    *SHUFFLES,
    *(probe for name, probe in PROBES.items() if name not in {"link_removal", "unit_removal", "magnitude_pruning"}),
    SignFlip("network"),
    Binarisation("network"),
    DegreePreservingRewiring(keep_signs=True),
]


def name_of(probe):
    return f"{probe.name}({probe.options})"


def some_weights(network, seed=0, dtype=np.float32):
    """Normal weights with zeros of both signs and equal ones among them, read-only: no probe may write to them."""
    rng, vectors = np.random.default_rng(seed), []
    for layer in network.layers:
        weights = rng.normal(size=layer.n_edges).astype(dtype)
        kind = rng.integers(10, size=layer.n_edges)
        weights[kind == 0], weights[kind == 1], weights[kind == 2] = 0.0, -0.0, 0.5
        weights.setflags(write=False)
        vectors.append(weights)
    return tuple(vectors)


def with_head(network, n_classes=3, dtype=np.float32):
    """The network below a dense head, and weights for both."""
    head = complete(network.sizes[-1], n_classes)
    whole = SparseNetwork([*network.layers, head], [*network.joints, None])
    return whole, some_weights(whole, dtype=dtype)


def same(first, second):
    """Whether two pairs of graphs and weights are equal bit for bit."""
    graphs = first[0] == second[0]
    return graphs and [w.tobytes() for w in first[1]] == [w.tobytes() for w in second[1]]


def weight_at(network, weights):
    """One dictionary per layer: (source, target) -> weight."""
    return [
        {(int(s), int(t)): float(w) for s, t, w in zip(layer.sources, layer.targets, vector, strict=True)}
        for layer, vector in zip(network.layers, weights, strict=True)
    ]
