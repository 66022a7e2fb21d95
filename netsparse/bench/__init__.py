"""Measuring speed and memory on this machine, with peers side by side: what `netsparse bench` prints."""

from netsparse.bench.compacted import compaction_table, dense_twin, random_compaction_table
from netsparse.bench.convolutions import convolution_table
from netsparse.bench.edges import edge_slope, edge_table
from netsparse.bench.kernels import kernel_table
from netsparse.bench.layer import layer_table
from netsparse.bench.memory import memory_table
from netsparse.bench.peers import CONTESTANTS
from netsparse.bench.rewiring import rewiring_table
from netsparse.bench.rounds import round_robin
from netsparse.bench.rules import rule_table
from netsparse.bench.suite import BENCHMARKS
from netsparse.bench.training import training_table

__all__ = [
    "BENCHMARKS",
    "CONTESTANTS",
    "compaction_table",
    "convolution_table",
    "dense_twin",
    "edge_slope",
    "edge_table",
    "kernel_table",
    "layer_table",
    "memory_table",
    "random_compaction_table",
    "rewiring_table",
    "round_robin",
    "rule_table",
    "training_table",
]
