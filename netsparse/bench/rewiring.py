"""What rewiring costs beside training: once an epoch, and at every step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from netsparse.bench.peers import N_CLASSES, OPTIMIZER
from netsparse.bench.rounds import round_robin
from netsparse.bench.training import N_INPUTS
from netsparse.generators import layered
from netsparse.graph import apply
from netsparse.nn import SparseMLP
from netsparse.rewiring import SET, RewiringRule
from netsparse.rng import as_rng, spawn
from netsparse.train.optimizers import build_optimizer
from netsparse.typing import Seed

NETWORKS = ((1000, 27_840), (7000, 1_000_000))
"""Width and edges of the networks that are rewired; the first is 784-1000-1000-1000 at 1 %."""

ONCE_AN_EPOCH, EVERY_STEP = 0.3, 0.001
"""Shares of the edges that SET replaces: its published one, and few at a time as rules of every step do."""

N_IMAGES = 60_000


@dataclass
class Trained:
    """A network under training, and what it takes to rewire it."""

    model: SparseMLP
    optimizer: torch.optim.Optimizer
    x: Tensor
    y: Tensor
    rng: np.random.Generator

    def step(self) -> None:
        """Take one training step."""
        loss = nn.functional.cross_entropy(self.model(self.x), self.y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()

    def step_and_rewire(self, rule: RewiringRule) -> None:
        """Take one training step, and let `rule` change every layer after it."""
        self.step()
        deltas = rule.propose_all(self.model.layer_states(), rng=self.rng)
        for layer, delta in zip(self.model.sparse_layers(), deltas, strict=True):
            graph, edge_map = apply(layer.graph, delta)
            layer.rewire(graph, edge_map, self.optimizer, newborn=delta.values)


def rewiring_table(
    networks: Iterable[tuple[int, int]] = NETWORKS,
    *,
    batch: int = 128,
    rounds: int = 5,
    device: str | torch.device = "cpu",
    rng: Seed = 0,
) -> pd.DataFrame:
    """Time training steps of 784-W-W-W-10 without rewiring, and with one after every step.

    What a rewiring costs is the difference: proposing, merging, carrying weights and momentum, and what the step after
    it does anew.

    Parameters
    ----------
    networks : iterable of (int, int)
        Width W and number of edges of each.
    batch, rounds, device, rng
        As for `training_table`.

    Returns
    -------
    DataFrame
        Columns width, n_edges, batch, rule, replaced (edges), ms_static (a step without rewiring), ms_rewiring (one
        rewiring), ratio (of a step with rewiring to one without), share_of_epoch (one rewiring in an epoch of 60,000
        images).

    Examples
    --------
    >>> rewiring_table([(50, 1000)], batch=4, rounds=1)["replaced"].tolist()
    [300, 1]
    """
    device, networks = torch.device(device), list(networks)
    rows: list[dict[str, object]] = []
    for (width, n_edges), generator in zip(networks, spawn(rng, len(networks), purpose="benchmark"), strict=True):
        network = layered([N_INPUTS, width, width, width], n_edges=n_edges, rng=generator)
        rules = {"static": None, "epoch": SET(ONCE_AN_EPOCH), "step": SET(EVERY_STEP)}
        x = torch.from_numpy(generator.random((batch, N_INPUTS), dtype=np.float32)).to(device)
        y = torch.from_numpy(generator.integers(N_CLASSES, size=batch)).to(device)
        steps = {}
        for name, rule in rules.items():
            model = SparseMLP(network, N_CLASSES, rng=0).to(device)
            trained = Trained(model, build_optimizer("sgd", model.parameters(), **OPTIMIZER), x, y, as_rng(0))
            steps[name] = trained.step if rule is None else lambda t=trained, r=rule: t.step_and_rewire(r)
        least = {name: float(times.min()) for name, times in round_robin(steps, rounds=rounds, device=device).items()}
        n_steps = math.ceil(N_IMAGES / batch)
        for name, rule in rules.items():
            if rule is None:
                continue
            rewiring = max(least[name] - least["static"], 0.0)
            rows.append(
                {
                    "width": width,
                    "n_edges": network.n_edges,
                    "batch": batch,
                    "rule": repr(type(rule)(rule.fraction)).split(",")[0] + ")",
                    "replaced": sum(round(rule.fraction * layer.n_edges) for layer in network.layers),
                    "ms_static": 1e3 * least["static"],
                    "ms_rewiring": 1e3 * rewiring,
                    "ratio": least[name] / least["static"],
                    "share_of_epoch": rewiring / (n_steps * least["static"] + rewiring),
                }
            )
    return pd.DataFrame(rows)
