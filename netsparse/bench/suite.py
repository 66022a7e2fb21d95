"""The benchmarks by name: what each measures, how it is asked for quickly, and what its table leaves to be said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from netsparse.bench.compacted import random_compaction_table
from netsparse.bench.convolutions import convolution_table
from netsparse.bench.edges import DENSITY, EDGES, edge_slope, edge_table
from netsparse.bench.kernels import kernel_table
from netsparse.bench.layer import layer_table
from netsparse.bench.machine import has_peer
from netsparse.bench.memory import NETWORKS, memory_table
from netsparse.bench.rewiring import rewiring_table
from netsparse.bench.rules import N_STEPS, rule_table
from netsparse.bench.training import training_table


@dataclass(frozen=True)
class Benchmark:
    """A table that can be measured.

    Parameters
    ----------
    title : str
        What it shows, in a line.
    measure : function
        Returns the table; takes `device`, and `rounds` where `has_rounds`.
    quick : mapping
        Arguments of `measure` that finish in well under a minute.
    notes : function
        What the table does not say by itself, as lines.
    on_gpu, has_rounds : bool
        Whether it can be measured on a GPU, and takes turns.
    """

    title: str
    measure: Callable[..., pd.DataFrame]
    quick: Mapping[str, Any]
    notes: Callable[[pd.DataFrame], list[str]] = field(default=lambda table: [])
    on_gpu: bool = True
    has_rounds: bool = True


def _peer_notes(table: pd.DataFrame) -> list[str]:
    lines = ["speedup: over masked dense, by the minima; contestants take turns in one process"]
    if not has_peer():
        lines.append("sparselab is not installed; pip install --no-deps sparselab==0.2.2 adds it")
    return lines


def _layer_notes(table: pd.DataFrame) -> list[str]:
    return [*_peer_notes(table), "speedup_dense: over the dense product alone, without any mask"]


def _kernel_notes(table: pd.DataFrame) -> list[str]:
    if table.empty:
        return []
    points = table.groupby(["n", "density", "batch"], sort=False)
    least = points["microseconds"].min()
    chosen = table[table["auto"]].set_index(["n", "density", "batch"])["microseconds"]
    loss = (chosen / least).dropna()
    worst = f"; at worst {loss.max():.2f} times as slow as the fastest" if len(loss) else ""
    return [f"auto chooses the fastest kernel at {int((loss == 1).sum())} of {len(least)} points{worst}"]


def _edge_notes(table: pd.DataFrame) -> list[str]:
    lines = [f"784-W-W-W-10 at density {DENSITY}: W grows as the square root of the edges"]
    if len(table) > 1:
        lines.append(f"time ~ edges^{edge_slope(table):.2f}, least squares on logarithms; 1 is linear")
    missing = [f"{count:,}" for count in EDGES if count > 1.01 * table["n_edges"].max()] if len(table) else []
    return lines + ([f"not measured, for lack of time or of free memory: {', '.join(missing)} edges"] * bool(missing))


def _memory_notes(table: pd.DataFrame) -> list[str]:
    done = set(zip(table["units"], table["edges"], strict=True)) if len(table) else set()
    missing = [f"{units:,} units" for units, edges, _ in NETWORKS if (units, edges) not in done]
    lines = ["peak of the whole process in GiB, by stage; all layers sparse, the read-out too"]
    return lines + ([f"not measured, for lack of time or of free memory: {', '.join(missing)}"] * bool(missing))


def _convolution_notes(table: pd.DataFrame) -> list[str]:
    if table.empty:
        return []
    points = table[table["contestant"].isin(["scattered", "edges"])].groupby(["channels", "n_out", "side", "density"])
    fastest = points["ms_min"].idxmin()
    right = int(table.loc[fastest, "auto"].sum())
    return [
        "128 images; speedup: over torch's own convolution; attack: forward and the gradient of the images alone",
        "scattered and conv2d are dense compute; edges and unrolled compute on the edges alone",
        f"auto chooses the faster of scattered and edges at {right} of {len(fastest)} points",
    ]


def _rule_notes(table: pd.DataFrame) -> list[str]:
    return [
        f"one rewiring in the middle of the time in which the rule acts, of {N_STEPS:,} steps",
        "default options, but: 30 % of the edges by |w| where they would die by their signs; pruning to half of them",
        "propose: the change of all layers; apply: merging it, weights and momentum brought along",
        "step: what the rule does to the weights after every step",
    ]


BENCHMARKS: dict[str, Benchmark] = {
    "train": Benchmark(
        "a training step, 784-W-W-W-10, SGD with momentum",
        training_table,
        {"sizes": ((1000, 0.01), (2000, 0.01)), "rounds": 3},
        _peer_notes,
    ),
    "layer": Benchmark(
        "a layer n -> n, forward and all gradients",
        layer_table,
        {"sizes": ((1000, 0.01), (2000, 0.01)), "rounds": 3},
        _layer_notes,
    ),
    "kernels": Benchmark(
        "every kernel, a layer n -> n with ReLU, forward and all gradients",
        kernel_table,
        {"units": (300, 1000), "densities": (0.01, 0.1), "batches": (32, 128), "rounds": 2},
        _kernel_notes,
    ),
    "convolutions": Benchmark(
        "convolutions of a VGG, 3 x 3, forward and all gradients",
        convolution_table,
        {"layers": ((3, 64, 32), (64, 128, 16), (512, 512, 2)), "widths": (0.125,), "densities": (0.01, 0.1)},
        _convolution_notes,
    ),
    "compaction": Benchmark(
        "forward passes of random networks 784-W-W-W-10, whole and compacted",
        random_compaction_table,
        {"networks": ((1000, 0.001), (1000, 0.005)), "rounds": 2},
        lambda table: [
            "dense_share: weights of the compact model stored densely, over those of the whole one",
            "speedup: on the edges; speedup_dense: with every layer a dense matrix; the outputs are the same",
        ],
    ),
    "edges": Benchmark(
        "a training step against the number of edges",
        edge_table,
        {"n_edges": (10_000, 100_000, 1_000_000), "rounds": 2},
        _edge_notes,
    ),
    "rewiring": Benchmark(
        "rewiring once an epoch and at every step, 784-W-W-W-10",
        rewiring_table,
        {"networks": ((1000, 27_840),), "rounds": 3},
        lambda table: ["ratio: a step with a rewiring over one without; share_of_epoch: one rewiring in 60,000 images"],
    ),
    "rules": Benchmark(
        "one rewiring, rule by rule, 784-W-W-W-10",
        rule_table,
        {"network": (1000, 27_840), "rounds": 2},
        _rule_notes,
    ),
    "memory": Benchmark(
        "networks of millions of units in a process of their own",
        memory_table,
        {"networks": ((100_000, 2_000_000, 32),), "steps": 2},
        _memory_notes,
        on_gpu=False,
        has_rounds=False,
    ),
}
"""What `netsparse bench` knows; a benchmark is added by adding its row."""
