"""Whole training steps, 784-W-W-W-10, batch 128, SGD with momentum, against what is promised on two cores.

Run with `pytest tests/benchmarks/test_training_step.py --benchmark-only -s`; contestants take turns in one process, the
numbers are those of `netsparse bench train` and `netsparse bench layer`.
"""

import pytest

from netsparse.bench.layer import layer_table
from netsparse.bench.machine import has_peer, machine_line, on_threads
from netsparse.bench.training import training_table

STEPS = {  # width and density: at least so many times faster than masked dense, and than sparselab where promised
    (1000, 0.01): (15.0, 2.5),
    (4000, 0.01): (35.0, 1.8),
    (1000, 0.1): (1.0, None),
    (4000, 0.1): (1.0, None),
}
LAYERS = {(1000, 0.01): 29.0, (4000, 0.01): 38.0}


def measured(benchmark, table, size, contestants):
    def measure():
        with on_threads(2):
            print(f"\n{machine_line()}")
            return table([size], rounds=7, contestants=contestants)

    found = benchmark.pedantic(measure, rounds=1, warmup_rounds=0)
    print(found.to_string())
    times = found.set_index("contestant")["ms_min"]
    benchmark.extra_info.update(times.to_dict())
    return times


@pytest.mark.parametrize("size", STEPS)
def test_step_beside_masked_dense(benchmark, size):
    times = measured(benchmark, training_table, size, ["masked_dense", "torch_csr", "netsparse"])
    assert times["masked_dense"] / times["netsparse"] >= STEPS[size][0]


@pytest.mark.skipif(not has_peer(), reason="sparselab is not installed: pip install --no-deps sparselab==0.2.2")
@pytest.mark.parametrize("size", [size for size, (_, ratio) in STEPS.items() if ratio is not None])
def test_step_beside_sparselab(benchmark, size):
    times = measured(benchmark, training_table, size, ["sparselab", "netsparse"])
    assert times["sparselab"] / times["netsparse"] >= STEPS[size][1]


@pytest.mark.parametrize("size", LAYERS)
def test_layer_beside_masked_dense(benchmark, size):
    times = measured(benchmark, layer_table, size, ["masked_dense", "dense", "torch_csr", "netsparse"])
    assert times["masked_dense"] / times["netsparse"] >= LAYERS[size]
