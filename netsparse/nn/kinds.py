"""The kinds of whole models by name, and how one of a kind is built again: over another network, or from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsparse.errors import InvalidOption, unknown_name
from netsparse.graph import SparseNetwork
from netsparse.nn.model import SparseModel
from netsparse.nn.models import SparseMLP
from netsparse.nn.vgg import VGG
from netsparse.typing import Seed

MODELS: dict[str, type[SparseModel]] = {"SparseMLP": SparseMLP, "VGG": VGG}
"""Whole models by the name that files know them by."""


def kind_of(model: SparseModel) -> str:
    """Return the name in `MODELS` of the class that a model is of; of a class of one's own, of the one it is based on.

    Raises
    ------
    InvalidOption
        If it is based on none of them: a file could not say how to build it again.

    Examples
    --------
    >>> from netsparse.generators import vgg
    >>> kind_of(VGG(vgg(11, density=0.05, width=0.125, rng=0), rng=0))
    'VGG'
    """
    for kind in type(model).__mro__:
        if MODELS.get(kind.__name__) is kind:
            return kind.__name__
    given, expected = type(model).__name__, f"a {' or a '.join(MODELS)}, or a class based on one"
    raise InvalidOption("model", given, expected, "class Own(netsparse.nn.SparseMLP)")


def built(kind: str, network: SparseNetwork, options: Mapping[str, Any], **more: Any) -> SparseModel:
    """Return a model of a kind over a network, with the `options` of another one of that kind.

    Parameters
    ----------
    kind : str
        In `MODELS`.
    network : SparseNetwork
        Its wiring.
    options : mapping
        See `SparseModel.options`.
    **more
        What all kinds take: `init`, `backend`, `normalization`, `rng`.

    Raises
    ------
    UnknownName
        For another kind; for the rest what the class says.
    """
    if kind not in MODELS:
        raise unknown_name("kind of model", kind, MODELS)
    return MODELS[kind](network, **options, **more)  # type: ignore[call-arg]  # what every kind takes


def drawn_like(model: SparseModel, network: SparseNetwork, *, init: str, rng: Seed) -> SparseModel:
    """Return a model built like `model`, with its normalisation and its dtype, with weights of its own.

    Parameters
    ----------
    model : SparseModel
        What it is like.
    network : SparseNetwork
        Its wiring, of the same sizes.
    init : str
        How its weights are drawn, see `netsparse.nn.init`.
    rng : int or numpy.random.Generator
        Source of its weights.
    """
    moments = (model.normalize.mean.item(), model.normalize.std.item())
    drawn = built(kind_of(model), network, model.options(), init=init, normalization=moments, rng=rng)
    return drawn.to(next(model.parameters()).dtype)
