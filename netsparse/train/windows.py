"""`GradientWindow`: the gradients of pairs over the last steps before a rewiring, as one `PairGradients` per layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor

from netsparse.nn import PairGradients, SparseModel
from netsparse.nn.gradients import Reduce

Pass = list[tuple[Tensor, Tensor]]
"""What one layer saw in the backward passes of one step: its inputs, and the gradients of W x + b."""


class GradientWindow:
    """What the sparse layers saw in the backward passes of the last steps, the gradients of any pair made of it.

    The gradient of a window is the weighted mean of those of its steps, with weights decay^a for the step a steps
    before the last one, divided by their sum: the plain mean for a decay of 1, the exponential mean without a bias
    towards 0 below it. Inputs and gradients of all steps are kept until the rewiring, batch * (n_in + n_out) numbers
    per layer and step.

    Parameters
    ----------
    decay : float
        Factor between a step and the one after it.
    reduce : callable, optional
        Sums a tensor over processes, see `PairGradients`.
    """

    def __init__(self, decay: float = 1.0, reduce: Reduce | None = None) -> None:
        self.decay, self.reduce = decay, reduce
        self._steps: list[tuple[list[Pass], float]] = []

    def __len__(self) -> int:
        return len(self._steps)

    @contextmanager
    def recording(self, model: SparseModel, scale: float = 1.0) -> Iterator[None]:
        """Add a step: what the layers see in the backward passes inside; the loss is multiplied by `scale` there."""
        layers = model.sparse_layers()
        passes: list[Pass] = [[] for _ in layers]
        if self.reduce is not None:
            for layer, seen in zip(layers, passes, strict=True):  # a process may have no samples in a step
                none = layer.weight.detach()
                seen.append((none.new_empty(layer.n_in, 0), none.new_empty(layer.n_out, 0)))
        before = [layer.watch for layer in layers]
        is_open = [True]

        def watch(seen: Pass, outer: Callable[[Tensor, Tensor], object] | None) -> Callable[[Tensor, Tensor], None]:
            def see(x: Tensor, g: Tensor) -> None:
                if is_open:  # an autograd graph made inside may be used again later
                    seen.append((x.detach(), g.detach()))
                if outer is not None:
                    outer(x, g)

            return see

        try:
            for layer, seen, outer in zip(layers, passes, before, strict=True):
                layer.watch = watch(seen, outer)
            yield
            self._steps.append((passes, scale))
        finally:
            is_open.clear()
            for layer, outer in zip(layers, before, strict=True):
                layer.watch = outer

    def gradients(self, model: SparseModel) -> list[PairGradients]:
        """Return the mean gradients of all steps, one per layer, and forget the steps."""
        steps, self._steps = self._steps, []
        ages = range(len(steps) - 1, -1, -1)
        whole = sum(self.decay**age for age in ages)
        means = []
        for k, layer in enumerate(model.sparse_layers()):
            mean = PairGradients(layer.graph, reduce=self.reduce)
            for (passes, scale), age in zip(steps, ages, strict=True):
                weight = self.decay**age / (whole * scale)
                for x, g in passes[k]:
                    mean.add(x, g if weight == 1.0 else g * weight)
            means.append(mean)
        return means
