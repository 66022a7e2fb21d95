"""`Margins`: how far the logit of a class is above every other one, at least."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from netsparse.robustness.bounds.affine import Affine
from netsparse.robustness.bounds.rounding import OURS
from netsparse.robustness.bounds.sets import Ball, Box, Part, through_balls, through_boxes

SLACK = 1.0 + 16 * OURS


class Margins:
    """Lower bounds of z_y - z_j for the logits z of a model, true class y and every other class j.

    Where the last part are sums, z_y - z_j = (w_y - w_j) x + b_y - b_j is bounded as one sum (elision of the last
    layer, arXiv:1810.12715), which is closer than the difference of two bounds, as both see the same x; what rounding
    may add to each logit is taken off. Behind any other last part the bounds of the logits are subtracted.

    Parameters
    ----------
    parts : sequence of Part
        All of the model.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        last = parts[-1] if parts else None
        self.last = last if isinstance(last, Affine) else None
        self.before = list(parts) if self.last is None else list(parts[:-1])
        self._differences: dict[int, Affine] = {}

    def of_boxes(self, box: Box, labels: Tensor) -> Tensor:
        """Return the margins (batch, n_classes) for a box of inputs of the model, inf for the class itself."""
        box = through_boxes(self.before, box)
        if self.last is None:
            own = box.lower.gather(1, labels[:, None])
            return _without_own(own - box.upper, labels)
        middle, half = box.middle_and_half
        errors = self.last.errors(box)
        margins = torch.empty_like(errors)
        for label, rows in _by_label(labels):
            difference = self._difference(self.last, label)
            error = errors[rows, label, None] + errors[rows]
            apart = difference.signed(middle[rows]) + difference.bias
            margins[rows] = apart - (difference.absolute(half[rows]) + error) * SLACK
            if box.centre is not None and box.distance is not None:  # nothing has mixed the L2 ball before
                apart = difference.signed(box.centre[rows]) + difference.bias
                spread = _row_norms(difference) * box.distance[rows, None]
                margins[rows] = torch.maximum(margins[rows], apart - (spread + error) * SLACK)
        return _without_own(margins, labels)

    def of_balls(self, ball: Ball, labels: Tensor) -> Tensor:
        """Return the margins (batch, n_classes) for a ball of inputs of the model, inf for the class itself."""
        ball = through_balls(self.before, ball)
        distance = (ball.radius + ball.error)[:, None]
        if self.last is None:
            own = ball.centre.gather(1, labels[:, None])
            # |z_y - z_j| of a change d of all logits is at most sqrt(2) |d|
            return _without_own(own - ball.centre - math.sqrt(2.0) * distance * SLACK, labels)
        last = self.last
        bias = last.bias.abs().expand(last.matrix.shape[0])
        size = _row_norms(last) * ball.norm[:, None] + bias
        errors = torch.where(size < last.rounding.largest / 4, last.gamma * size + last.lost, math.inf)
        margins = torch.empty_like(errors)
        for label, rows in _by_label(labels):
            difference = self._difference(last, label)
            apart = difference.signed(ball.centre[rows]) + difference.bias
            error = errors[rows, label, None] + errors[rows]
            margins[rows] = apart - (_row_norms(difference) * distance[rows] + error) * SLACK
        return _without_own(margins, labels)

    def _difference(self, last: Affine, label: int) -> Affine:
        if label not in self._differences:
            self._differences[label] = last.differences(label)
        return self._differences[label]


def _by_label(labels: Tensor) -> list[tuple[int, Tensor]]:
    return [(int(label), torch.nonzero(labels == label)[:, 0]) for label in labels.unique()]


def _row_norms(sums: Affine) -> Tensor:
    matrix = sums.matrix
    squares = np.zeros(matrix.shape[0])
    np.add.at(squares, np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), np.square(matrix.data))
    norms = np.sqrt(squares) * (1.0 + 4 * (sums.fan_in + 4) * OURS) + sums.fan_in * 1e-150
    return torch.from_numpy(norms).to(sums.bias.device)


def _without_own(margins: Tensor, labels: Tensor) -> Tensor:
    return margins.scatter(1, labels[:, None], math.inf)
