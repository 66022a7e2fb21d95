"""What a round of a lottery starts from: the state of an earlier moment on the edges that are left, or a new draw."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from netsparse.graph import SparseNetwork, survivors
from netsparse.nn import SparseModel
from netsparse.nn.kinds import drawn_like
from netsparse.rewiring.magnitude_cut import magnitude_cut
from netsparse.train.lottery.result import State, Ticket
from netsparse.train.result import WIRING
from netsparse.typing import Seed

REWINDS = ("init", "early", "round0_final", "random", "continued")


def pruned(ticket: Ticket, rates: Sequence[float], cut: str) -> SparseNetwork:
    """Return the network that is left when a round's trained weights have been cut, layer by layer."""
    layers = [
        survivors(graph, magnitude_cut(weights, rate, cut=cut))[0]
        for graph, weights, rate in zip(ticket.network.layers, ticket.weights, rates, strict=True)
    ]
    return SparseNetwork(layers, ticket.network.joints)


def next_start(
    rewind: str, network: SparseNetwork, first: Ticket, before: Ticket, template: SparseModel, init: str, rng: Seed
) -> State:
    """Return what a round after the first starts from, see `lottery_tickets` for the kinds of `rewind`.

    Parameters
    ----------
    network : SparseNetwork
        The edges that are left.
    first, before : Ticket
        Round 0, and the round before this one.
    template, init, rng
        What "random" draws anew: a model built like `template`, weights by `init`.
    """
    if rewind == "random":
        return _drawn(template, network, init, rng)
    ticket, state = {
        "init": (first, first.start),
        "early": (first, first.rewound),
        "round0_final": (first, first.last.state),
        "continued": (before, before.last.state),
    }[rewind]
    return {} if state is None else on_edges(state, ticket.network, network)


def on_edges(state: State, network: SparseNetwork, part: SparseNetwork) -> State:
    """Return the state of a model over `network` on the edges of `part`, which has no others; the rest is copied."""
    values = {name: tensor.clone() for name, tensor in state.items() if not name.endswith(WIRING)}
    for k, (graph, left) in enumerate(zip(network.layers, part.layers, strict=True)):
        ids = torch.from_numpy(graph.edge_ids(left.sources, left.targets).astype("int64"))
        values[f"layers.{k}.weight"] = state[f"layers.{k}.weight"][ids]
    return {**values, **wiring(part)}


def wiring(network: SparseNetwork) -> State:
    """Return the index arrays of a network as its models' states hold them, copied."""
    return {
        f"layers.{k}.{name}": torch.from_numpy(array.copy())
        for k, graph in enumerate(network.layers)
        for name, array in (("indptr", graph.indptr), ("indices", graph.indices))
    }


def _drawn(template: SparseModel, network: SparseNetwork, init: str, rng: Seed) -> State:
    drawn = drawn_like(template, network, init=init, rng=rng)
    # buffers of a class of one's own are not drawn
    return {name: tensor.detach().clone() for name, tensor in (template.state_dict() | drawn.state_dict()).items()}
