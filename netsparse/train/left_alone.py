"""`left_alone`: gradients of a model's inputs that leave no trace in the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch import nn

from netsparse.nn.layer import SparseLayer


@contextmanager
def left_alone(model: nn.Module) -> Iterator[None]:
    """Let gradients of a model's inputs be taken in a block, and nothing else: everything is as before afterwards.

    Inside, all modules are in evaluation mode (batch norms take their running statistics, and leave them as they are),
    no parameter asks for a gradient (so none is computed), and the sparse layers tell no one of backward passes:
    `recorded_gradients` around it sees the training step alone. All of it is undone when the block ends, by an error,
    too.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.Dropout()).train()
    >>> with left_alone(model):
    ...     print(model.training, model[1].training, model[0].weight.requires_grad)
    False False False
    >>> model.training, model[1].training, model[0].weight.requires_grad
    (True, True, True)
    """
    modules = list(model.modules())
    modes = [module.training for module in modules]
    asking = [parameter for parameter in model.parameters() if parameter.requires_grad]
    watched = [module for module in modules if isinstance(module, SparseLayer) and module.watch is not None]
    with ExitStack() as undo:
        for module, mode in zip(modules, modes, strict=True):
            if mode:
                undo.callback(setattr, module, "training", mode)
                module.training = False
        for parameter in asking:
            undo.callback(parameter.requires_grad_, True)
            parameter.requires_grad_(False)
        for layer in watched:
            undo.callback(setattr, layer, "watch", layer.watch)
            layer.watch = None
        yield
