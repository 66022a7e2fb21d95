"""The networks that a run can be asked for by name, and the settings that depend on which one it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsparse.generators import ALLOCATIONS, VGG_ALLOCATIONS
from netsparse.generators.convolutional import BLOCKS

MLP = "mlp"
WIDTHS = (1000, 1000, 1000)

MODELS: dict[str, int | None] = {MLP: None, **{f"vgg{depth}": depth for depth in BLOCKS}}
"""Names of networks: a multilayer perceptron, and the VGG networks with their numbers of layers."""


def usual_settings(model: str) -> dict[str, Any]:
    """Return the settings of a network where nothing is said: widths, head and allocation.

    Examples
    --------
    >>> usual_settings("mlp")
    {'widths': (1000, 1000, 1000), 'head': 'dense', 'allocation': 'uniform'}
    >>> usual_settings("vgg11")
    {'widths': (), 'head': None, 'allocation': 'scaled'}
    """
    if model == MLP or model not in MODELS:
        return {"widths": WIDTHS, "head": "dense", "allocation": "uniform"}
    # the densities of a VGG are published for 16 layers alone, see `netsparse.generators.vgg`
    return {"widths": (), "head": None, "allocation": "published" if MODELS[model] == 16 else "scaled"}


def allocations(model: str) -> Mapping[str, Any]:
    """Return how the density of a network can be shared between its layers, by name."""
    return ALLOCATIONS if MODELS.get(model) is None else VGG_ALLOCATIONS
