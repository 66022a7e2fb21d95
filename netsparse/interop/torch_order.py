"""The order of layers in a file that keeps none: by their numbers, and by the one way in which they fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netsparse.errors import InvalidNetwork, NetsparseError
from netsparse.interop.torch_layers import HeldLayer, meeting

MOST_STEPS = 20_000
"""Pairs of layers to try before giving up: a search that needs more is one among many orders that fit as well."""

FIX = "from_torch(state_dict) with the tensors in the order of the model"
KEEPS_NONE = "one order of the layers, which the file does not keep"

Module = list[tuple[list[str], HeldLayer]]
"""The layers inside one module, each with what is left of its name below it."""

Order = list[HeldLayer]


def in_fitting_order(layers: Sequence[HeldLayer], n_in: int | None) -> Order:
    """Return the layers in the one order in which each fits onto the one below; in any order if there is none.

    Modules whose names differ in their number alone (`fc1` and `fc2`, `features.0` and `features.3`) come in the order
    of the numbers, and what is inside a module stays together.

    Raises
    ------
    InvalidNetwork
        If they fit in several orders, or it takes too long to tell.
    """
    fitting: list[Order] = []
    search = _Search(n_in)
    for order in search.orders([], [(layer.name.split("."), layer) for layer in layers]):
        fitting.append(order)
        if len(fitting) == 2:
            first, second = next(pair for pair in zip(*fitting, strict=True) if pair[0] is not pair[1])
            given = f"layers that fit with {first.name!r} before {second.name!r} and the other way round"
            raise InvalidNetwork("layers", given, KEEPS_NONE, FIX)
    return fitting[0] if fitting else list(layers)


class _Search:
    """Orders of layers, module inside module, cut short where two layers do not fit."""

    def __init__(self, n_in: int | None) -> None:
        self.n_in, self.n_steps = n_in, 0

    def orders(self, below: Order, module: Module) -> Iterator[Order]:
        """Yield `below`, followed by the layers of a module in every order in which they fit."""
        parts: dict[str, dict[int, Module]] = {}
        for names, layer in module:
            if not names:  # the module is a layer itself
                if self._fits(layer, below[-1] if below else None):
                    yield [*below, layer]
                return
            stem, number = _stem(names[0])
            parts.setdefault(stem, {}).setdefault(number, []).append((names[1:], layer))
        stems = {stem: [numbered[number] for number in sorted(numbered)] for stem, numbered in parts.items()}
        yield from self._any(below, stems)

    def _any(self, below: Order, stems: dict[str, list[Module]]) -> Iterator[Order]:
        if not stems:
            yield below
        for stem, modules in stems.items():
            rest = {other: rows for other, rows in stems.items() if other != stem}
            for order in self._one_after_another(below, modules):
                yield from self._any(order, rest)

    def _one_after_another(self, below: Order, modules: list[Module]) -> Iterator[Order]:
        if not modules:
            yield below
            return
        for order in self.orders(below, modules[0]):
            yield from self._one_after_another(order, modules[1:])

    def _fits(self, layer: HeldLayer, below: HeldLayer | None) -> bool:
        self.n_steps += 1
        if self.n_steps > MOST_STEPS:
            raise InvalidNetwork("layers", "too many orders to try", KEEPS_NONE, FIX)
        try:
            meeting(layer, below, self.n_in)
        except NetsparseError:
            return False
        return True


def _stem(name: str) -> tuple[str, int]:
    """Return a name without the number at its end, and the number."""
    stem = name.rstrip("0123456789")
    return stem, int(name[len(stem) :] or -1)
