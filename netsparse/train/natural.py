"""`Natural`: the objective of training on images as they are."""

from __future__ import annotations

from numbers import Real

from torch import Tensor, nn

from netsparse.errors import InvalidOption


class Natural:
    """Cross-entropy on the images as they are.

    Parameters
    ----------
    label_smoothing : float
        Share of the probability spread over all classes, in [0, 1).

    Raises
    ------
    InvalidOption
        If `label_smoothing` is outside [0, 1).
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        if not isinstance(label_smoothing, Real) or not 0.0 <= label_smoothing < 1.0:
            raise InvalidOption("label_smoothing", repr(label_smoothing), "a share in [0, 1)", "label_smoothing=0.1")
        self.label_smoothing = label_smoothing

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean cross-entropy and the logits."""
        logits = model(x)
        return nn.functional.cross_entropy(logits, y, label_smoothing=self.label_smoothing), logits

    def __repr__(self) -> str:
        return f"Natural(label_smoothing={self.label_smoothing})"
