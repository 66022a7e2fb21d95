"""Singleton pruning of a trained model, and what it costs: accuracy before and after, without any retraining."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd
import torch

from netsparse.datasets import Dataset, load
from netsparse.errors import InvalidOption
from netsparse.graph import SparseNetwork, apply, carry
from netsparse.metrics.blocks import check_axis, singleton_pruning, zero_vectors
from netsparse.nn import SparseModel
from netsparse.rng import as_rng, seeds
from netsparse.train.attack import Attack
from netsparse.train.attacks import images
from netsparse.train.objectives import evaluate
from netsparse.typing import Seed

BATCH_SIZE = 512
COLUMNS = ["moment", "attack", "accuracy", "loss", "n_samples", "n_edges", "density", "zero_vectors"]


def singleton_pruned(model: SparseModel, *, axis: str = "out") -> SparseModel:
    """Return a model without the edges that are alone in their vector; it shares every other tensor with this one.

    Every layer by itself, see `netsparse.metrics.singleton_pruning`; edges whose weight is exactly 0 do not count, and
    a dense head stays as it is.

    Parameters
    ----------
    model : SparseModel
        Trained, left as it is.
    axis : {"out", "in"}
        What the vectors run over: "out", all targets of one source unit; "in", all sources of one target.

    Returns
    -------
    SparseModel
        Of the same class, see `SparseModel.with_edges`.

    Raises
    ------
    InvalidOption, UnknownName
        For something that is no SparseModel, and another axis.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(layered([64, 100], density=0.02, rng=0), n_classes=10, rng=0)
    >>> pruned = singleton_pruned(model)
    >>> int((model.network.layers[0].fan_out == 1).sum()), model.network.n_edges - pruned.network.n_edges
    (20, 20)
    """
    check_axis(axis)
    _check_model(model)
    network, weights = model.network, model.weights
    pruned = [
        apply(layer, singleton_pruning(layer, vector, axis=axis))
        for layer, vector in zip(network.layers, weights, strict=True)
    ]
    left = [carry(vector, edge_map) for vector, (_, edge_map) in zip(weights, pruned, strict=True)]
    return model.with_edges(SparseNetwork([layer for layer, _ in pruned], network.joints), left)


def accuracy_after_singleton_pruning(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset,
    *,
    axis: str = "out",
    attack: Attack | None = None,
    n_samples: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed | None = None,
) -> pd.DataFrame:
    """Measure a model on the test set before and after singleton pruning, and its zero vectors.

    Parameters
    ----------
    model : SparseModel
        Trained, left as it is.
    data : str, path or Dataset
        Whose test set is used.
    axis : {"out", "in"}
        See `singleton_pruned`.
    attack : Attack, optional
        Measures also the images that it changes; each of the two models is attacked by itself, from the same starts.
    n_samples : int, optional
        How many images of the test set, from its first on; None: all.
    data_dir : path, optional
        Where data sets lie or land, see `netsparse.datasets.load`.
    rng : int or numpy.random.Generator, optional
        Source of an attack's random starts; needed for them alone.

    Returns
    -------
    pandas.DataFrame
        Two rows, or four with an attack: `moment` ("before", "after"), `attack` ("none", or what it is made with),
        `accuracy`, `loss` (mean cross-entropy), `n_samples`, `n_edges`, `density` (of the sparse layers) and
        `zero_vectors` (the fraction along `axis`, the vectors of all layers pooled; edges of weight 0 do not count).

    Raises
    ------
    InvalidOption, InvalidSize, UnknownName
        For something that is no SparseModel or no Attack, images that do not fit the model, a random start without
        `rng`, and another axis.
    DatasetNotFound, DatasetCorrupt
        See `netsparse.datasets.load`.

    Notes
    -----
    Without retraining, as in the thesis (Seidel, Structured Adversarial Rewiring, winter term 2022/23), whose table
    2 prints what it costs. Compare with the rule `PruneAware`, which trains for it.

    Examples
    --------
    >>> import netsparse as ns
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(ns.generators.layered([64, 100], density=0.02, rng=0), n_classes=10, rng=0)
    >>> table = accuracy_after_singleton_pruning(model, "digits")
    >>> table[["moment", "n_edges", "zero_vectors"]].round(3).values.tolist()
    [['before', 128, 0.156], ['after', 108, 0.469]]
    """
    check_axis(axis)
    _check_model(model)
    if attack is not None and not isinstance(attack, Attack):
        raise InvalidOption("attack", type(attack).__name__, "an Attack, or None", "attack=Attack(8 / 255, steps=10)")
    dataset = load(data, data_dir=data_dir)
    model.check_data(dataset.n_features, dataset.n_classes)
    n = _count(n_samples, len(dataset.x_test))
    x, y = dataset.x_test[:n], dataset.y_test[:n]
    seed = None
    if attack is not None:
        if attack.random_start and rng is None:
            fix = "rng=numpy.random.default_rng(0)"
            raise InvalidOption("rng", "None for an attack with a random start", "a seed or a numpy Generator", fix)
        seed = None if rng is None else seeds(rng, 1, purpose="attack")[0]
    rows: list[dict[str, Any]] = []
    for moment, each in (("before", model), ("after", singleton_pruned(model, axis=axis))):
        network = each.network
        about = {
            "n_samples": n,
            "n_edges": network.n_edges,
            "density": network.density,
            "zero_vectors": zero_vectors(network, each.weights, axis=axis),
        }
        measured = [("none", *evaluate(each, x, y))]
        if attack is not None:
            measured.append((repr(attack), *_under_attack(each, x, y, attack, seed)))
        rows += [
            {"moment": moment, "attack": name, "accuracy": hits, "loss": loss, **about} for name, loss, hits in measured
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _under_attack(
    model: SparseModel, x: np.ndarray, y: np.ndarray, attack: Attack, seed: int | None
) -> tuple[float, float]:
    """Return mean loss and accuracy on the images that an attack makes, batch by batch."""
    images_in, labels = images(model, x, y)
    rng = None if seed is None else as_rng(seed)
    pairs = zip(images_in.split(BATCH_SIZE), labels.split(BATCH_SIZE), strict=True)
    changed = torch.cat([attack(model, part, known, rng) for part, known in pairs])
    return evaluate(model, changed, labels)


def _check_model(model: Any) -> None:
    if not isinstance(model, SparseModel):
        raise InvalidOption("model", type(model).__name__, "an SparseMLP, a VGG or another SparseModel", "result.model")


def _count(n_samples: int | None, n_test: int) -> int:
    if n_samples is None:
        return n_test
    if not isinstance(n_samples, int | np.integer) or isinstance(n_samples, bool) or not 1 <= n_samples <= n_test:
        expected = f"a whole number from 1 to {n_test}, the images of the test set"
        raise InvalidOption("n_samples", repr(n_samples), expected, f"n_samples={min(1000, n_test)}")
    return int(n_samples)
