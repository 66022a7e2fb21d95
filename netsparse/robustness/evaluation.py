"""`Subject`: a trained model and a test set, laid out for evaluating the model with many other wirings."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from netsparse.datasets import Dataset
from netsparse.errors import InvalidOption
from netsparse.generators import complete
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.nn import SparseModel
from netsparse.nn.kernels import KERNELS
from netsparse.robustness.wiring import Wiring
from netsparse.train import Splits
from netsparse.train.objectives import loss_and_accuracy, usual_batch
from netsparse.typing import EdgeVector

BATCH_SIZE = 512  # a layer of 1000 units then fits into the second-level cache of a core; also what `evaluate` takes
DENSE_ABOVE = 0.17
"""Density above which the rest of a complete layer is computed as a matrix: both take as long there (1000 x 1000)."""


class Subject:
    """A trained model that is evaluated with other edges and weights on one test set; neither is changed or copied.

    The images are normalised and laid out as the model reads them once, for all wirings. What `measure` returns for the
    model's own wiring is what `netsparse.train.evaluate` returns for the model, bit for bit.

    Parameters
    ----------
    model : SparseModel
        Trained.
    dataset : Dataset
        Whose test set is used.
    include_head : bool
        Whether the layers that may be changed include the dense head.

    Attributes
    ----------
    wiring : Wiring
        The model's own; a dense head is its last, complete layer.
    is_cuda : bool
        Whether the model is on a CUDA device.

    Raises
    ------
    InvalidOption, InvalidSize, InvalidEdgeVector
        If there is no dense head to include, the model does not fit the data, or a weight is not finite.
    """

    def __init__(self, model: SparseModel, dataset: Dataset, *, include_head: bool = False) -> None:
        check_head(model, include_head)
        model.check_data(dataset.n_features, dataset.n_classes)
        device = next(model.parameters()).device
        self.is_cuda = device.type == "cuda"
        self.wiring = wiring_of(model, include_head=include_head)
        self._model = model.with_edges(model.network, model.weights).eval()
        self._model.add_module("normalize", nn.Identity())
        splits = Splits.of(dataset, 0, device)
        x = splits.x_test.to(next(model.parameters()).dtype)
        size = usual_batch(model, x)
        self._labels = splits.y_test.split(size)
        with torch.no_grad():
            self._inputs = [model.laid_out(batch) for batch in x.split(size)]

    def measure(self, wiring: Wiring) -> tuple[float, float]:
        """Return the mean cross-entropy and the accuracy on the test set with the graphs and weights of `wiring`.

        May be called by several threads; computes on the one that calls.
        """
        own = self.wiring
        head = None
        if self._model.head is not None and wiring.weights[-1] is not own.weights[-1]:
            head = _matrix(wiring.network.layers[-1], wiring.weights[-1])
        edges = [
            _computed(layer.kernel, *each)
            for layer, each in zip(
                self._model.sparse_layers(),
                zip(own.network.layers, wiring.network.layers, wiring.weights, strict=True),
                strict=False,  # the head is the one more
            )
        ]
        network = SparseNetwork([graph for graph, _ in edges], self._model.joints)
        model = self._model.with_edges(network, [w for _, w in edges], head)
        return loss_and_accuracy(model, self._inputs, self._labels, n_threads=1)


def wiring_of(model: SparseModel, *, include_head: bool = False) -> Wiring:
    """Return the graphs and weights of a model, its dense head as the last, complete layer.

    Parameters
    ----------
    model : SparseModel
        Its weights are copied.
    include_head : bool
        Whether the head is one of the layers that may be changed.

    Raises
    ------
    InvalidOption, InvalidEdgeVector
        If there is no dense head to include, or a weight is not finite.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> wiring_of(SparseMLP(layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)).network
    SparseNetwork(64-30-10, 684 edges, density 0.308)
    """
    check_head(model, include_head)
    layers, joints, weights = list(model.network.layers), list(model.joints), list(model.weights)
    n_sparse = len(layers)
    if model.head is not None:
        layers.append(complete(model.head.in_features, model.head.out_features))
        joints.append(None)
        weights.append(model.head.weight.detach().cpu().numpy().ravel().copy())  # rows: canonical order
    return Wiring.of(SparseNetwork(layers, joints), weights, n_sparse + (1 if include_head else 0))


def check_head(model: Any, include_head: Any) -> None:
    """Check that this is a model, and that it has a dense head if that is to be included; raises `InvalidOption`."""
    if not isinstance(model, SparseModel):
        fix = "fit(network, data, rng=0).model, or train.load_model(path)"
        raise InvalidOption("model", type(model).__name__, "a trained SparseMLP or VGG", fix)
    if not isinstance(include_head, bool):
        raise InvalidOption("include_head", repr(include_head), "True or False", "include_head=True")
    if include_head and model.head is None:
        given = "True for a model whose head is sparse"
        raise InvalidOption("include_head", given, "False, its last layer is probed anyway", "include_head=False")


def _computed(
    kernel: str, own: BipartiteGraph, graph: BipartiteGraph, weights: EdgeVector
) -> tuple[BipartiteGraph, EdgeVector]:
    """Return the graph and weights by which a layer is computed: its own, or the complete graph with zeros in the gaps.

    A product with the few gaps of what was a complete layer is slower on its edges than as the matrix it was.
    """
    dense = not KERNELS[kernel].is_sparse and own.n_edges == own.n_in * own.n_out
    if not dense or graph is own or graph.density < DENSE_ABOVE:
        return graph, weights
    return own, _matrix(graph, weights).ravel()


def _matrix(graph: BipartiteGraph, weights: EdgeVector) -> np.ndarray:
    """Return the weights as the dense matrix (n_out, n_in) that they are the non-zeros of."""
    matrix = np.zeros((graph.n_out, graph.n_in), dtype=weights.dtype)
    matrix[graph.targets, graph.sources] = weights
    return matrix
