"""What grows with training, against what is promised: rewiring, edges, memory.

Run with `pytest tests/benchmarks/test_training_costs.py --benchmark-only -s`; the numbers are those of `netsparse bench
rewiring`, `edges` and `memory`.
"""

import pytest

from netsparse.bench.edges import EDGES, edge_slope, edge_table
from netsparse.bench.machine import available_memory, on_threads
from netsparse.bench.memory import memory_table, needed
from netsparse.bench.rewiring import NETWORKS, rewiring_table

MEMORY = {(1_000_000, 20_000_000, 32): 3.0, (50_000_000, 100_000_000, 16): 20.0}
"""Hidden units, edges and batch of a network, and the GB (10^9 bytes) below which it trains."""


def measured(benchmark, measure):
    def on_two_threads():
        with on_threads(2):
            return measure()

    table = benchmark.pedantic(on_two_threads, rounds=1, warmup_rounds=0)
    print(f"\n{table.to_string()}")
    return table


@pytest.mark.parametrize("network", NETWORKS)
def test_rewiring(benchmark, network):
    once, every_step = measured(benchmark, lambda: rewiring_table([network], rounds=7)).to_dict("records")
    benchmark.extra_info.update(share_of_epoch=once["share_of_epoch"], ratio=every_step["ratio"])
    assert once["share_of_epoch"] < 0.02
    assert every_step["ratio"] < 2


def test_time_grows_linearly_in_the_edges(benchmark):
    # at ten thousand edges Python is most of a step, and would hide how the rest grows
    table = measured(benchmark, lambda: edge_table(EDGES[1:4]))
    slope = edge_slope(table)
    benchmark.extra_info.update(slope=slope)
    assert 0.8 < slope < 1.2


@pytest.mark.parametrize("network", MEMORY)
def test_memory(benchmark, network):
    free = available_memory()
    if free is None or needed(*network) > free:
        pytest.skip(f"{needed(*network) / 1e9:.0f} GB may be needed, which are not free")
    row = measured(benchmark, lambda: memory_table([network])).iloc[0]
    benchmark.extra_info.update(row.to_dict())
    assert row["gib_peak"] * 2**30 / 1e9 < MEMORY[network]
