"""A whole training step, 784-1000-1000-1000-10 at 1 %, batch 128, SGD with momentum: on edges, and masked dense.

Run with `pytest tests/benchmarks --benchmark-only`; both sides are timed in one run, with torch's own thread count.
"""

import pytest
import torch

import netsparse as ns

SIZES = [784, 1000, 1000, 1000]


def masked_dense(network):
    """The usual simulation of sparsity: dense layers whose weights are multiplied by a mask after every step."""
    layers, masks = [], []
    for graph in network.layers:
        linear = torch.nn.Linear(graph.n_in, graph.n_out)
        mask = torch.zeros(graph.n_out, graph.n_in)
        mask[torch.tensor(graph.targets), torch.tensor(graph.sources)] = 1
        masks.append((linear.weight, mask))
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(network.sizes[-1], 10)), masks


@pytest.mark.parametrize("kind", ["sparse", "masked_dense"])
def test_training_step(benchmark, kind):
    network = ns.generators.layered(SIZES, density=0.01, rng=0)
    sparse = ns.nn.SparseMLP(network, n_classes=10, rng=0)
    model, masks = (sparse, []) if kind == "sparse" else masked_dense(network)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    x, y = torch.rand(128, SIZES[0]), torch.randint(10, (128,))

    def step():
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for weight, mask in masks:
                weight.mul_(mask)

    benchmark.pedantic(step, rounds=60, warmup_rounds=10)
