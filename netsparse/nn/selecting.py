"""`SelectingLinear`: a sparse linear layer that reads some of its inputs, as if the others were not there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from netsparse.errors import InvalidOption, InvalidSize
from netsparse.graph import BipartiteGraph
from netsparse.graph.checks import as_unit_ids
from netsparse.nn.inputs import check_kind
from netsparse.nn.linear import SparseLinear


class SelectingLinear(SparseLinear):
    """A `SparseLinear` behind a selection of inputs: y = f(b + W x[inputs]).

    Parameters
    ----------
    graph : BipartiteGraph
        The wiring; source unit s is input `inputs[s]`.
    inputs : int array of shape (n_in,)
        Distinct inputs.
    n_given : int
        How many inputs there are to select from.
    bias, activation, backend, init, rng
        See `SparseLinear`.

    Attributes
    ----------
    n_given : int
        As given.
    inputs : buffer of shape (n_in,)
        As given.

    Raises
    ------
    InvalidOption
        If there is not one distinct input, from 0 to n_given - 1, for each source unit.
    InvalidGraph, UnknownName, InvalidSeed
        See `SparseLinear`.

    Examples
    --------
    >>> graph = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=2, n_out=1)
    >>> layer = SelectingLinear(graph, [1, 3], 4, rng=0)
    >>> bool((layer(torch.tensor([[5.0, 1.0, 7.0, 0.0]])) == layer.weight[0]).all())
    True
    """

    inputs: Tensor

    def __init__(self, graph: BipartiteGraph, inputs: Any, n_given: int, **options: Any) -> None:
        super().__init__(graph, **options)
        ids = as_unit_ids("inputs", inputs).astype(np.int64)
        inside = not len(ids) or (ids.min() >= 0 and ids.max() < n_given)
        if len(ids) != graph.n_in or not inside or len(np.unique(ids)) != len(ids):
            given, expected = f"{len(ids)} ids", f"{graph.n_in} distinct ones from 0 to {n_given - 1}"
            raise InvalidOption("inputs", given, expected, "numpy.arange(graph.n_in)")
        self.n_given = n_given
        self.register_buffer("inputs", torch.tensor(ids, device=self.weight.device))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., n_given) to (..., n_out).

        Raises
        ------
        InvalidSize, InvalidOption
            For another width, dtype or device.
        """
        check_kind(self, x)
        if not x.dim() or x.shape[-1] != self.n_given:
            given, expected = f"shape {tuple(x.shape)}", f"(..., {self.n_given})"
            raise InvalidSize(f"input of {self.name or 'a layer'}", given, expected, f"x.reshape(-1, {self.n_given})")
        if x.dim() != 2:
            return super().forward(x.index_select(-1, self.inputs))
        # feature-major as the layers hand it on: whole rows are copied
        return super().forward(x.t().index_select(0, self.inputs).t())

    def extra_repr(self) -> str:
        """Describe the layer in one line."""
        return f"{super().extra_repr()}, {self.n_in} of {self.n_given} inputs"
