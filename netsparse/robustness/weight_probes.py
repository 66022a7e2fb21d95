"""Probes of the weights on an unchanged topology: sign flips, binarisation, noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.robustness.choices import SCOPES, edge_groups, nested_choice, pooled, split
from netsparse.robustness.perturbation import Perturbed, Probe, check_choice
from netsparse.robustness.wiring import Wiring
from netsparse.typing import EdgeVector

SIGMAS = tuple(k / 10 for k in range(21))
"""0, 0.1, ..., 2: where a standard deviation in units of the weights is the strength."""


@dataclass(frozen=True)
class SignFlip(Probe):
    """Give a random fraction of the edges the opposite sign; every |w| stays.

    Parameters
    ----------
    scope : {"layer", "network"}
        "layer": the fraction of every layer, floor(f E_k + 1/2) of its E_k edges. "network": of all edges pooled.

    Raises
    ------
    InvalidOption
        For another scope.

    Notes
    -----
    Edges of weight 0 are edges: they are chosen as often as others, and stay 0. At strength 1 all signs are flipped,
    which is no noise any more; at 1/2 a sign says nothing. arXiv:2508.05463 names sign flips among its probes; its
    details are not public, this definition is ours.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph, SparseNetwork
    >>> network = SparseNetwork([BipartiteGraph.from_mask([[1, 1, 1, 1]])])
    >>> _, (weights,) = SignFlip().perturb(network, [[1.0, 2.0, -3.0, 4.0]], 0.5, rng=0)
    >>> weights.tolist()
    [-1.0, 2.0, 3.0, 4.0]
    """

    name: ClassVar[str] = "sign_flip"
    meaning: ClassVar[str] = "fraction of the edges whose sign is flipped"
    scope: str = "layer"

    def __post_init__(self) -> None:
        check_choice("scope", self.scope, SCOPES)

    def draw(self, wiring: Wiring, rng: np.random.Generator) -> Perturbed:
        """Draw which edges are flipped first."""
        choose = nested_choice(edge_groups(wiring, self.scope), rng)

        def at(fraction: float) -> Wiring:
            values = pooled(wiring)
            chosen = np.concatenate(choose(fraction))
            values[chosen] = -values[chosen]
            return split(wiring, values)

        return at


@dataclass(frozen=True)
class Binarisation(Probe):
    """Give a random fraction of the edges the weight sign(w) a, where a is the mean |w| of the layer.

    At strength 1 a layer has one magnitude, and its trained topology and signs alone are left. The mean is over the
    layer's edges of a weight other than 0, which makes sign(w) a the best approximation of w in the least squares.

    Parameters
    ----------
    scope : {"layer", "network"}
        "layer": the fraction of every layer, floor(f E_k + 1/2) of its E_k edges. "network": of all edges pooled. The
        scale a is the layer's own in both.

    Raises
    ------
    InvalidOption
        For another scope.

    Notes
    -----
    A weight of 0 has no sign and stays 0. The scale is that of Rastegari, Ordonez, Redmon and Farhadi, XNOR-Net
    (arXiv:1603.05279), who take one per output unit; one per layer and binarising a fraction only are ours.
    arXiv:2508.05463 names binarisation among its probes; its details are not public.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph, SparseNetwork
    >>> network = SparseNetwork([BipartiteGraph.from_mask([[1, 1, 1, 1]])])
    >>> Binarisation().perturb(network, [[1.0, 2.0, -3.0, 0.0]], 1.0, rng=0)[1][0].tolist()
    [2.0, 2.0, -2.0, 0.0]
    """

    name: ClassVar[str] = "binarisation"
    meaning: ClassVar[str] = "fraction of the edges whose weight becomes its sign times the layer's mean |w|"
    scope: str = "layer"

    def __post_init__(self) -> None:
        check_choice("scope", self.scope, SCOPES)

    def draw(self, wiring: Wiring, rng: np.random.Generator) -> Perturbed:
        """Draw which edges are binarised first."""
        choose = nested_choice(edge_groups(wiring, self.scope), rng)
        binary = np.concatenate([_binary(vector) for vector in wiring.probed_weights])

        def at(fraction: float) -> Wiring:
            values = pooled(wiring)
            chosen = np.concatenate(choose(fraction))
            values[chosen] = binary[chosen]
            return split(wiring, values)

        return at


@dataclass(frozen=True)
class MultiplicativeNoise(Probe):
    """Multiply every weight by 1 + sigma xi, xi standard normal: an error in proportion to the weight.

    Notes
    -----
    Within a trial the xi are the same at every sigma. Weights of 0 stay 0; from sigma about 1 on signs flip.
    arXiv:2508.05463 names noise among its probes; its details are not public, this definition is ours.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph, SparseNetwork
    >>> network = SparseNetwork([BipartiteGraph.from_mask([[1, 1, 1]])])
    >>> MultiplicativeNoise().perturb(network, [[1.0, 100.0, 0.0]], 0.1, rng=0)[1][0].round(3).tolist()
    [1.013, 98.679, 0.0]
    """

    name: ClassVar[str] = "multiplicative_noise"
    meaning: ClassVar[str] = "standard deviation of the noise over the weight's own size"
    strengths: ClassVar[tuple[float, ...]] = SIGMAS
    largest: ClassVar[float] = float("inf")

    def draw(self, wiring: Wiring, rng: np.random.Generator) -> Perturbed:
        """Draw the direction of the noise."""
        directions = [vector * rng.standard_normal(len(vector)) for vector in wiring.probed_weights]
        return _along(wiring, directions)


@dataclass(frozen=True)
class AdditiveNoise(Probe):
    """Add sigma s xi to every weight, s the root mean square weight of its layer, xi standard normal.

    Notes
    -----
    Within a trial the xi are the same at every sigma. Edges of weight 0 are edges and get noise. At sigma = 1 a layer's
    noise is as strong as its weights. arXiv:2508.05463 names noise among its probes; its details are not public, this
    definition is ours.

    Examples
    --------
    >>> from netsparse.graph import BipartiteGraph, SparseNetwork
    >>> network = SparseNetwork([BipartiteGraph.from_mask([[1, 1, 1]])])
    >>> AdditiveNoise().perturb(network, [[1.0, 100.0, 0.0]], 0.1, rng=0)[1][0].round(3).tolist()
    [1.726, 99.237, 3.698]
    """

    name: ClassVar[str] = "additive_noise"
    meaning: ClassVar[str] = "standard deviation of the noise over the layer's root mean square weight"
    strengths: ClassVar[tuple[float, ...]] = SIGMAS
    largest: ClassVar[float] = float("inf")

    def draw(self, wiring: Wiring, rng: np.random.Generator) -> Perturbed:
        """Draw the direction of the noise."""
        directions = [_rms(vector) * rng.standard_normal(len(vector)) for vector in wiring.probed_weights]
        return _along(wiring, directions)


def _along(wiring: Wiring, directions: Sequence[EdgeVector]) -> Perturbed:
    """Go from the weights of the wiring into one direction per layer."""

    def at(sigma: float) -> Wiring:
        pairs = zip(wiring.probed_weights, directions, strict=True)
        with np.errstate(over="ignore"):
            noisy = [(vector + sigma * step).astype(vector.dtype) for vector, step in pairs]
        for vector in noisy:
            if not np.isfinite(vector).all():
                expected = f"noise that weights of {vector.dtype} can hold"
                raise InvalidOption("strength", f"{sigma:g}", expected, "strength=1.0")
        return wiring.with_weights(noisy)

    return at


def _binary(vector: EdgeVector) -> EdgeVector:
    magnitudes = np.abs(vector.astype(np.float64))
    n_nonzero = np.count_nonzero(magnitudes)
    scale = magnitudes.sum() / n_nonzero if n_nonzero else 0.0
    return np.where(vector == 0, vector, np.copysign(scale, vector))


def _rms(vector: EdgeVector) -> float:
    return float(np.sqrt(np.mean(np.square(vector, dtype=np.float64)))) if len(vector) else 0.0
