"""`prune_at_start`: SNIP, GraSP, SynFlow, magnitude and random pruning of a model that has not been trained yet."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.datasets import Dataset, load
from netsparse.errors import InvalidNetwork, InvalidOption, TrainingDiverged, unknown_name
from netsparse.graph import SparseNetwork, carry
from netsparse.graph.edge_map import EdgeMap
from netsparse.nn import SparseLayer, SparseModel
from netsparse.rewiring.one_shot import highest_of_layers, kept_counts, ladder, restricted
from netsparse.rewiring.synaptic_flow import synflow
from netsparse.rng import spawn
from netsparse.train.scores_at_start import GraSP, magnitude, snip, uniform
from netsparse.train.splits import Splits
from netsparse.typing import EdgeVector, Seed

Scores = Callable[[SparseModel, Tensor, Tensor, np.random.Generator], Sequence[EdgeVector]]
"""`(model, x, y, rng) -> scores`: one edge vector per sparse layer; the highest are kept. The model stays as it is."""

SYNFLOW = "synflow"
SCORES: dict[str, Scores] = {"snip": snip, "grasp": GraSP(), "magnitude": magnitude, "random": uniform}
METHODS = (*SCORES, SYNFLOW)
DATA_FREE = frozenset({"magnitude", "random", SYNFLOW})
PER_CLASS = 10


def prune_at_start(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset | None = None,
    *,
    density: float | None = None,
    n_edges: int | None = None,
    method: str | Scores = "snip",
    scope: str = "network",
    rounds: int | None = None,
    n_samples: int | None = None,
    validation: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> SparseModel:
    """Return a model over the edges of `model` that score highest, with their weights, ready to be trained.

    Only the sparse layers are pruned: a dense head stays as it is. Exactly as many edges are kept as are asked for.

    Parameters
    ----------
    model : SparseModel
        Untrained, mostly over complete layers (`generators.layered(sizes, density=1, ...)`); left as it is.
    data : str, path or Dataset, optional
        Whose training images the scores are found on, see `netsparse.datasets.load`; not needed by "synflow",
        "magnitude" and "random".
    density, n_edges : float or int
        What is kept: round(density * pairs) edges, or so many. Give one of the two.
    method : str or function
        "snip": |w * dL/dw|; "grasp": w * (H dL/dw), see `GraSP`; "synflow": the flow along all paths, see
        `netsparse.rewiring.synaptic_flow`; "magnitude": |w|; "random"; or `(model, x, y, rng) -> scores`.
    scope : {"network", "layer"}
        Whether all edges are compared with one another, as published, or every layer keeps the same density.
    rounds : int, optional
        In how many rounds, with new scores in each of them, the edges go, each keeping the same share; default 100 for
        "synflow" and 1 for the others, as published.
    n_samples : int, optional
        How many training images, drawn at random, of every class as many as can be; default 10 per class.
    validation : int, optional
        Training images that `fit` will hold back and that are not drawn from, see `netsparse.train.fit`.
    data_dir : path, optional
        Where data sets lie or land.
    rng : int or numpy.random.Generator
        Draws the images and breaks ties.

    Returns
    -------
    a model of the same class
        Shares no parameter and no running mean with `model`.

    Raises
    ------
    InvalidNetwork, InvalidDensity, InvalidOption, InvalidSize, UnknownName
        For something else than a model, options that do not fit, and data that do not fit the model.
    DatasetNotFound, DatasetCorrupt
        See `netsparse.datasets.load`.
    TrainingDiverged
        If a score is NaN or infinite.

    Notes
    -----
    Class-balanced images are GraSP's; SNIP's code takes the first mini-batch. Several rounds of SNIP or GraSP are not
    those papers' (they are de Jorge et al., arXiv:2006.09081; unverified). That the head is not pruned is ours. Batch
    normalisation takes the mean and spread of the images that it is shown, 512 at a time; by "synflow" it is passed
    over, and the flow along a path of a convolution is counted once for each place of a patch (ours).

    Weights are carried as they are, as under a mask: at a density d the signal of weights drawn for a dense layer
    shrinks by sqrt(d) per layer where "random" chooses. For the same edges with weights by their own fan-in build
    `SparseMLP(sparse.network, ..., init="he_sparse")`.

    References
    ----------
    SNIP: Lee, Ajanthan, Torr, ICLR 2019, arXiv:1810.02340. GraSP: Wang, Zhang, Grosse, ICLR 2020, arXiv:2002.07376.
    SynFlow: Tanaka, Kunin, Yamins, Ganguli, NeurIPS 2020, arXiv:2006.05467.

    Examples
    --------
    >>> import netsparse as ns
    >>> net = ns.generators.layered([64, 50, 50], density=1, generator="complete", rng=0)
    >>> dense = ns.nn.SparseMLP(net, n_classes=10, rng=0)
    >>> sparse = prune_at_start(dense, "digits", density=0.05, rng=0)
    >>> sparse.network.n_edges, dense.network.n_edges
    (285, 5700)
    """
    if not isinstance(model, SparseModel):
        raise InvalidNetwork(
            "model", type(model).__name__, "a SparseMLP or VGG", "SparseMLP(network, n_classes=10, rng=0)"
        )
    score = _named(method)
    counts = kept_counts(model.network, density=density, n_edges=n_edges, scope=scope)
    images, choices = spawn(rng, 2, purpose="pruning at the start")
    if score is None:
        head = None if model.head is None else model.head.weight.detach().cpu().double().numpy()
        weights = [weight.astype(np.float64) for weight in model.weights]
        network, maps = synflow(
            model.network, weights, density=density, n_edges=n_edges, scope=scope, head=head,
            rounds=100 if rounds is None else rounds, rng=choices,
        )  # fmt: skip
        return _on_its_own(_pruned(model, network, maps))
    if data is None and not (isinstance(method, str) and method in DATA_FREE):
        raise InvalidOption("data", "None", f"images, which {method!r} is found on", "data='digits'")
    x, y = _drawn(model, data, n_samples, validation, data_dir, images)
    graphs = model.network.layers
    starts = [model.network.n_edges] if len(counts) < len(graphs) else [graph.n_edges for graph in graphs]
    ladders = [ladder(start, end, 1 if rounds is None else rounds) for start, end in zip(starts, counts, strict=True)]
    pruned = model.with_edges(model.network, model.weights)
    for left in zip(*ladders, strict=True):
        scores = _finite(method, pruned.network.edge_vectors(score(pruned, x, y, choices)))
        pruned = _pruned(pruned, *restricted(pruned.network, highest_of_layers(scores, left, choices)))
    return _on_its_own(pruned)


def _named(method: str | Scores) -> Scores | None:
    """Return what scores, None for SynFlow."""
    if not isinstance(method, str):
        if isinstance(method, type) or not callable(method):
            expected = f"one of {', '.join(METHODS)}, or a function of one's own"
            raise InvalidOption("method", repr(method), expected, "method='snip'")
        return method
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    return SCORES.get(method)


def _drawn(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset | None,
    n_samples: int | None,
    validation: int | None,
    data_dir: str | os.PathLike[str] | None,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Return images and labels, of every class as many as can be; none without data."""
    like = next(model.parameters())
    if data is None:
        return like.new_empty(0, model.n_features), like.new_empty(0, dtype=torch.int64)
    dataset = load(data, data_dir=data_dir)
    model.check_data(dataset.n_features, dataset.n_classes)
    splits = Splits.of(dataset, validation, like.device, like.dtype)
    n_images = len(splits.x_train)
    n_samples = min(PER_CLASS * dataset.n_classes, n_images) if n_samples is None else n_samples
    if not isinstance(n_samples, int | np.integer) or isinstance(n_samples, bool) or not 1 <= n_samples <= n_images:
        expected = f"a whole number of the {n_images} training images, at least 1"
        raise InvalidOption("n_samples", repr(n_samples), expected, f"n_samples={min(100, n_images)}")
    order = rng.permutation(n_images)
    labels = splits.y_train.cpu().numpy()[order]
    turns = np.empty(n_images, dtype=np.int64)  # the how-manieth image of its class each of them is
    for label in np.unique(labels):
        turns[labels == label] = np.arange(np.count_nonzero(labels == label))
    chosen = torch.from_numpy(np.sort(order[np.argsort(turns, kind="stable")[:n_samples]])).to(like.device)
    return splits.x_train[chosen], splits.y_train[chosen].long()


def _finite(method: str | Scores, scores: Sequence[EdgeVector]) -> Sequence[EdgeVector]:
    if all(np.isfinite(part).all() for part in scores):
        return scores
    subject = f"scores of {method!r}"
    raise TrainingDiverged(subject, "NaN or infinite values", "finite scores", "smaller weights, or float64")


def _pruned(model: SparseModel, network: SparseNetwork, maps: Sequence[EdgeMap]) -> SparseModel:
    return model.with_edges(network, [carry(*pair) for pair in zip(model.weights, maps, strict=True)])


def _on_its_own(model: SparseModel) -> SparseModel:
    """Give a model that `with_edges` made parameters and running means of its own: to train it changes no other."""
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            setattr(module, name, nn.Parameter(parameter.detach().clone(), requires_grad=parameter.requires_grad))
        if not isinstance(module, SparseLayer):  # whose buffers are its wiring, which never changes in place
            for name, buffer in module.named_buffers(recurse=False):
                setattr(module, name, buffer.clone())
    return model
