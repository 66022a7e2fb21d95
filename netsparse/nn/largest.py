"""The largest of values that come block by block: only candidates are held, and the bar they must pass rises."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from netsparse.graph import BipartiteGraph


class Best:
    """The n largest of the values that were offered, ties to the smallest key; every key is offered once at most."""

    def __init__(self, n: int, threshold: float = 0.0) -> None:
        self.n, self.n_held = n, 0
        self.threshold, self.last_key = threshold, np.iinfo(np.int64).max
        self.values: list[Tensor] = []
        self.keys: list[Tensor] = []

    def offer(self, values: Tensor, keys: Tensor) -> None:
        """Take what may still be among the best; `threshold` rises whenever there is twice as much as needed."""
        passes = (values > self.threshold) | ((values == self.threshold) & (keys <= self.last_key))
        self.values.append(values[passes])
        self.keys.append(keys[passes])
        self.n_held += len(self.keys[-1])
        if self.n_held > 2 * self.n:
            self._shrink()

    def sorted_keys(self) -> np.ndarray:
        """Return the keys of the n best, or of all where there are fewer, increasing."""
        if self.n_held > self.n:
            self._shrink()
        return np.sort(torch.cat(self.keys).cpu().numpy()) if self.keys else np.empty(0, dtype=np.int64)

    def _shrink(self) -> None:
        values, keys = torch.cat(self.values), torch.cat(self.keys)
        if self.n:
            cut = torch.kthvalue(values, len(values) - self.n + 1).values
            above, equal = values > cut, torch.sort(keys[values == cut]).values
            equal = equal[: self.n - int(above.sum())]
            self.threshold, self.last_key = cut.item(), int(equal[-1])
            values, keys = torch.cat([values[above], cut.expand(len(equal))]), torch.cat([keys[above], equal])
        self.values, self.keys, self.n_held = [values[: self.n]], [keys[: self.n]], self.n


def places(values: Tensor, threshold: float) -> Tensor:
    """Return where values reach a threshold; on the CPU numpy is faster at finding few among many."""
    if values.device.type == "cpu":  # threads of torch's that share their cores with others cost more than they save
        return torch.from_numpy(np.flatnonzero(values.numpy() >= threshold))
    return (values >= threshold).nonzero().squeeze(1)


def leave_out(kept: BipartiteGraph, first_target: int, first_source: int, block: Tensor) -> None:
    """Write -1, below every absolute value, where a block has edges."""
    height, width = block.shape
    edges = slice(kept.indptr[first_target], kept.indptr[first_target + height])
    columns = kept.indices[edges].astype(np.int64) - first_source
    at = (kept.targets[edges].astype(np.int64) - first_target) * width + columns
    if width < kept.n_in:
        at = at[(columns >= 0) & (columns < width)]
    if block.device.type == "cpu":
        block.view(-1).numpy()[at] = -1.0
    else:
        block.view(-1)[torch.from_numpy(at).to(block.device)] = -1.0
