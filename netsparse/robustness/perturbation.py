"""`Probe`: the skeleton of every perturbation of a trained model - strengths, strength 0, checks - written once."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from netsparse.errors import InvalidEdgeVector, InvalidNetwork, InvalidOption
from netsparse.graph import SparseNetwork
from netsparse.rng import as_rng
from netsparse.robustness.wiring import Wiring
from netsparse.typing import EdgeVector, Seed

Perturbed = Callable[[float], Wiring]
"""One trial: the wiring at each strength."""

Trial = Callable[[Seed], Perturbed]
"""Starts a trial from its seed."""

FRACTIONS = tuple(k / 20 for k in range(21))
"""0, 0.05, ..., 1: where a fraction is the strength."""

MANY = 8  # an option that lists more (a whole removal order) is not written into a table


class Probe(ABC):
    """A perturbation of a trained wiring, of a strength that can be turned up from 0; nothing is trained again.

    A probe supplies `draw`: what it does in one trial. It is a frozen dataclass whose fields are its options, and a
    pure operation: neither the network nor the weights it is given are changed, floats stay of their own width. At
    strength 0 nothing is touched. Within a trial everything random is drawn once, so that its strengths differ by the
    strength alone: the edges removed at 0.2 are among those removed at 0.3, noise keeps its direction.

    Attributes
    ----------
    name : str
        What tables and the command line call it.
    meaning : str
        What its strength is, in a line.
    strengths : tuple of float
        Where it is looked at unless told otherwise.
    largest : float
        Strengths lie in [0, largest].
    reaches_head : bool
        Whether it may touch layers beyond those probed; only the removal of units does.
    """

    name: ClassVar[str]
    meaning: ClassVar[str]
    strengths: ClassVar[tuple[float, ...]] = FRACTIONS
    largest: ClassVar[float] = 1.0
    reaches_head: ClassVar[bool] = False

    @abstractmethod
    def draw(self, wiring: Wiring, rng: np.random.Generator) -> Perturbed:
        """Draw all that is random in one trial and return the perturbed wiring as a function of the strength.

        The function is pure and is never asked for strength 0; layers are drawn one after the other, so that what
        happens to one does not depend on whether more follow.
        """

    def prepare(self, wiring: Wiring) -> Callable[[np.random.Generator], Perturbed]:
        """Do once what all trials share, and return `draw` for this wiring; for probes with something to share."""
        return lambda rng: self.draw(wiring, rng)

    def trials(self, wiring: Wiring) -> Trial:
        """Prepare any number of trials on one wiring.

        Parameters
        ----------
        wiring : Wiring
            What is perturbed; never changed.

        Returns
        -------
        callable
            `trials(rng)` starts a trial: it returns the function from a strength to the wiring at that strength;
            strength 0 is `wiring` itself. Strengths may be asked for in any order; all of it may be called by several
            threads.

        Raises
        ------
        InvalidOption and others
            Where the probe's options do not fit this wiring.
        """
        draw = self.prepare(wiring)

        def start(rng: Seed) -> Perturbed:
            perturbed = draw(as_rng(rng))

            def at(strength: float) -> Wiring:
                strength = self.as_strength(strength)
                return self._checked(wiring, perturbed(strength)) if strength else wiring

            return at

        return start

    def start(self, wiring: Wiring, *, rng: Seed) -> Perturbed:
        """Start one trial: `trials(wiring)(rng)`.

        Raises
        ------
        InvalidSeed, and what `trials` raises.
        """
        return self.trials(wiring)(rng)

    def perturb(
        self,
        network: SparseNetwork,
        weights: Any,
        strength: float,
        *,
        n_probed: int | None = None,
        rng: Seed,
    ) -> tuple[SparseNetwork, tuple[EdgeVector, ...]]:
        """Return the perturbed graphs and weights: one strength of one trial.

        Parameters
        ----------
        network : SparseNetwork
            The wiring.
        weights : sequence of edge vectors
            One per layer.
        strength : float
            How much; see `meaning`.
        n_probed : int, optional
            Layers from this one on are left as they are (a dense head that is not included); all are perturbed where
            not given.
        rng : int or numpy.random.Generator
            The seed of a trial gives what the trial with that seed saw at this strength.

        Returns
        -------
        network : SparseNetwork
            Of the same sizes; the given one where no edge is touched.
        weights : tuple of edge vectors
            One per layer, of the given float types.

        Raises
        ------
        InvalidNetwork, InvalidEdgeVector, InvalidOption, InvalidSeed
            For something else than a network, weights that do not fit it, an impossible strength, and no seed.
        """
        strength = self.as_strength(strength)
        after = self.start(Wiring.of(network, weights, n_probed), rng=rng)(strength)
        return after.network, after.weights

    @property
    def options(self) -> str:
        """The probe's options as a short text for tables, such as "order=random, scope=layer"."""
        return ", ".join(f"{field.name}={_short(getattr(self, field.name))}" for field in fields(self))  # type: ignore[arg-type]  # every probe is a dataclass

    def as_strength(self, strength: Any) -> float:
        """Return a strength as a float.

        Raises
        ------
        InvalidOption
            If it is not a number in [0, largest].
        """
        is_number = isinstance(strength, Real) and not isinstance(strength, bool | np.bool_)
        try:
            value = float(strength) if is_number else float("nan")
        except OverflowError:  # a whole number beyond every float
            value = float("inf")
        if not (0.0 <= value <= self.largest and np.isfinite(value)):
            bound = f"in [0, {self.largest:g}]" if np.isfinite(self.largest) else "of at least 0"
            expected = f"a number {bound}: {self.meaning}"
            raise InvalidOption(f"strength of {self.name}", repr(strength), expected, f"strength={self.strengths[1]}")
        return value

    def as_strengths(self, strengths: Any = None) -> tuple[float, ...]:
        """Return the strengths of a table: increasing numbers; the probe's own where None is given, one as a tuple.

        Raises
        ------
        InvalidOption
            If there is none, one is impossible, or they do not increase.
        """
        if strengths is None:
            return self.strengths
        is_scalar = isinstance(strengths, str | bytes) or (isinstance(strengths, np.ndarray) and not strengths.ndim)
        several = isinstance(strengths, Iterable) and not is_scalar
        given = list(strengths) if several else [strengths]
        checked = tuple(self.as_strength(strength) for strength in given)
        if not checked or any(b <= a for a, b in itertools.pairwise(checked)):
            fix = "strengths=[0.0, 0.1, 0.2]"
            raise InvalidOption(f"strengths of {self.name}", repr(strengths), "one or more, increasing", fix)
        return checked

    def _checked(self, before: Wiring, after: Wiring) -> Wiring:
        """Return `after` if it keeps what every probe has to keep: levels, weights per edge, the layers not probed."""
        fix = f"a {type(self).__name__}.draw that keeps it"
        if after.network.sizes != before.network.sizes or after.n_probed != before.n_probed:
            given = f"sizes {after.network.sizes}, {after.n_probed} layers probed"
            expected = f"{before.network.sizes} and {before.n_probed}, as before"
            raise InvalidNetwork(self.name, given, expected, fix)
        if not self.reaches_head:
            beyond = range(before.n_probed, len(before.weights))
            kept_graphs = all(after.network.layers[k] is before.network.layers[k] for k in beyond)
            if not kept_graphs or any(after.weights[k] is not before.weights[k] for k in beyond):
                given, expected = "a change of a layer that is not probed", "the very same graph and weights there"
                raise InvalidNetwork(self.name, given, expected, fix)
        for k, (layer, old, new) in enumerate(zip(after.network.layers, before.weights, after.weights, strict=True)):
            if new.shape != (layer.n_edges,) or new.dtype != old.dtype:
                given, expected = f"{new.dtype} of shape {new.shape}", f"{old.dtype} of shape ({layer.n_edges},)"
                raise InvalidEdgeVector(f"{self.name}, weights of layer {k}", given, expected, fix)
        return after


def check_choice(name: str, value: Any, known: Sequence[str]) -> None:
    """Check an option that is one of a few words; raises `InvalidOption` that lists them."""
    if not isinstance(value, str) or value not in known:
        expected = " or ".join(repr(word) for word in known)
        raise InvalidOption(name, repr(value), expected, f"{name}={known[0]!r}")


def check_flag(name: str, value: Any) -> None:
    """Check an option that is a truth value; raises `InvalidOption`."""
    if not isinstance(value, bool):
        raise InvalidOption(name, repr(value), "True or False", f"{name}=True")


def _short(value: Any) -> str:
    if type(value).__repr__ is object.__repr__:  # would say where in memory it lies, another place every time
        return type(value).__name__
    if is_dataclass(value):
        inside = ", ".join(f"{field.name}={_short(getattr(value, field.name))}" for field in fields(value))
        return f"{type(value).__name__}({inside})"
    if isinstance(value, np.ndarray | list | tuple):
        few = len(value) <= MANY and all(isinstance(each, str | int | float) for each in value)
        return "+".join(str(each) for each in value) if few else "given"
    return str(value)
