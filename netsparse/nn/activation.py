"""Activations of sparse layers: one number each, the slope on the negative side, so that kernels can fuse them."""

from __future__ import annotations

import math
from numbers import Real

from netsparse.errors import InvalidOption, unknown_name

ACTIVATIONS: dict[str, tuple[float, ...]] = {
    "relu": (0.0,),
    "leaky_relu": (0.01,),
    "all_relu": (-0.6, 0.6),
}
"""Slope of f on the negative side, f(z) = z for z > 0 and slope z elsewhere; several are taken in turn, layer by layer.

All-ReLU: Curci, Mocanu and Pechenizkiy, Truly sparse neural networks at scale, arXiv:2102.01732, with their slope for
MNIST and Fashion-MNIST.
"""


def slope_of(activation: str | float | None, layer: int = 0) -> float | None:
    """Return the negative slope of an activation in the given layer, None for no activation.

    Parameters
    ----------
    activation : None, str or float
        A name in `ACTIVATIONS`, or the slope itself.
    layer : int
        Which layer of the network, counted from 0.

    Raises
    ------
    UnknownName, InvalidOption
        For another name, or a slope that is not a finite number.

    Examples
    --------
    >>> slope_of("relu"), [slope_of("all_relu", k) for k in range(3)], slope_of(0.2), slope_of(None)
    (0.0, [-0.6, 0.6, -0.6], 0.2, None)
    """
    if activation is None:
        return None
    if isinstance(activation, str):
        if activation not in ACTIVATIONS:
            raise unknown_name("activation", activation, ACTIVATIONS)
        slopes = ACTIVATIONS[activation]
        return slopes[layer % len(slopes)]
    if isinstance(activation, bool) or not isinstance(activation, Real) or not math.isfinite(activation):
        raise InvalidOption("activation", repr(activation), "a name, a finite slope or None", "activation='relu'")
    return float(activation)
