"""What one rewiring costs, rule by rule: proposing, and applying to a model with its optimizer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import nn

from netsparse.bench.peers import N_CLASSES, OPTIMIZER
from netsparse.bench.rewiring import NETWORKS
from netsparse.bench.training import N_INPUTS
from netsparse.generators import layered
from netsparse.graph import EdgeDelta, SparseNetwork, apply
from netsparse.nn import SparseMLP, recorded_gradients
from netsparse.nn.optimizer import momentum_of
from netsparse.rewiring import RULES, GradualMagnitudePruning, LayerState, Moment, RewiringRule
from netsparse.rewiring.rules.signed import SignedRule
from netsparse.rng import as_rng, spawn
from netsparse.train.optimizers import build_optimizer
from netsparse.typing import Seed

SHARE = 0.3
"""Of the edges, which is replaced by rules that would wait for edges to die."""
N_STEPS = 10_000
"""Steps of the run in whose middle, or wherever the rule acts, the rewiring is."""


def rule_table(
    rules: Iterable[str] = tuple(RULES),
    *,
    network: tuple[int, int] = NETWORKS[-1],
    batch: int = 128,
    rounds: int = 3,
    device: str | torch.device = "cpu",
    rng: Seed = 0,
) -> pd.DataFrame:
    """Time one rewiring of 784-W-W-W-10 by every rule with its default options, least of several.

    Each is the first of its model, after a training step whose gradients, momenta and weights the rule reads. Two kinds
    of options are not the defaults, which would leave nothing to do: rules whose edges die by their signs replace the
    30 % of smallest |w|, and gradual pruning leads to half of the edges.

    Parameters
    ----------
    rules : iterable of str
        Names of `RULES`.
    network : (int, int)
        Width W and number of edges.
    batch, rounds, device, rng
        As for `training_table`.

    Returns
    -------
    DataFrame
        Columns rule, n_edges, dropped, grown (edges, of the last round), ms_propose, ms_apply (the merges, weights and
        optimizer state brought along), ms_step (what the rule does to the weights in every step; 0 for most).

    Examples
    --------
    >>> rule_table(["set"], network=(50, 1000), batch=4, rounds=1)[["rule", "dropped", "grown"]].to_dict("records")
    [{'rule': 'set', 'dropped': 300, 'grown': 300}]
    """
    width, n_edges = network
    generator, batches = spawn(rng, 2, purpose="benchmark")
    wiring = layered([N_INPUTS, width, width, width], n_edges=n_edges, rng=generator)
    x = torch.from_numpy(batches.random((batch, N_INPUTS), dtype=np.float32)).to(device)
    y = torch.from_numpy(batches.integers(N_CLASSES, size=batch)).to(device)
    rows = [
        {"rule": name, "n_edges": wiring.n_edges, **_costs(_rule(name, wiring), wiring, x, y, rounds=rounds)}
        for name in rules
    ]
    return pd.DataFrame(rows)


def _rule(name: str, network: SparseNetwork) -> RewiringRule:
    """Return a rule with work to do: in its first step an edge hardly ever dies, and few may be enough already."""
    kind = RULES[name]
    if issubclass(kind, SignedRule) and "drop" in kind.options():
        return kind(SHARE, drop="magnitude")
    return GradualMagnitudePruning(density=network.density / 2) if kind is GradualMagnitudePruning else kind()


def _costs(
    rule: RewiringRule, network: SparseNetwork, x: torch.Tensor, y: torch.Tensor, *, rounds: int
) -> dict[str, float]:
    """Return the least times of several rounds, each with a model that nothing has rewired yet."""
    times, counts = zip(*(_one_round(rule, network, x, y) for _ in range(rounds)), strict=True)
    least = 1e3 * np.min(times, axis=0)
    costs = dict(zip(("ms_propose", "ms_apply", "ms_step"), least.tolist(), strict=True))
    return {"dropped": counts[-1][0], "grown": counts[-1][1], **costs}


def _one_round(
    rule: RewiringRule, network: SparseNetwork, x: torch.Tensor, y: torch.Tensor
) -> tuple[tuple[float, float, float], tuple[int, int]]:
    model = SparseMLP(network, N_CLASSES, rng=0).to(x.device)
    optimizer = build_optimizer("sgd", model.parameters(), **OPTIMIZER)
    rng, lr = as_rng(0), float(optimizer.param_groups[0]["lr"])
    _set(model, rule.start(model.layer_states(), rng=rng))
    step = round(N_STEPS * (rule.since + rule.until) / 2)
    at = Moment(step, N_STEPS, 0, tuple(graph.n_edges for graph in network.layers))
    optimizer.zero_grad(set_to_none=True)
    with recorded_gradients(model) as grads:
        nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
    following = 0.0
    if rule.acts_after_steps:
        following = _timed(x.device, lambda: _set(model, rule.after_step(model.layer_states(), lr=lr, rng=rng)))
    states = [_seen(state, model, optimizer, grads, step) for state in model.layer_states()]
    deltas: list[EdgeDelta] = []
    proposing = _timed(x.device, lambda: deltas.extend(rule.propose_all(states, at=at, rng=rng)))

    def take_over() -> None:
        for layer, delta in zip(model.sparse_layers(), deltas, strict=True):
            layer.rewire(*apply(layer.graph, delta), optimizer, newborn=delta.values)

    applying = _timed(x.device, take_over)
    counts = sum(delta.n_removed for delta in deltas), sum(delta.n_added for delta in deltas)
    return (proposing, applying, following), counts


def _seen(state: LayerState, model: SparseMLP, optimizer: torch.optim.Optimizer, grads: list, step: int) -> LayerState:
    """Return all that a rule may ask for; every edge is as old as the run."""
    momentum = momentum_of(optimizer, model.sparse_layers()[state.index].weight)
    ages = np.full(state.graph.n_edges, step)
    return replace(state, grads=grads[state.index], momentum=momentum, ages=ages)


def _set(model: SparseMLP, weights: object) -> None:
    if isinstance(weights, list | tuple):
        for layer, values in zip(model.sparse_layers(), weights, strict=True):
            if values is not None:
                layer.weight.data.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def _timed(device: torch.device, work: Callable[[], object]) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start
