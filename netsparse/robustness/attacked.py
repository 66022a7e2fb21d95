"""Which images a model still gets right after every attempt of an attack: restarts, batches and threads, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netsparse.errors import InvalidOption
from netsparse.rng import spawn, streams
from netsparse.robustness.attack_setting import Try
from netsparse.train import evaluate
from netsparse.train.attacks import images
from netsparse.train.left_alone import left_alone
from netsparse.train.memory import memory_named
from netsparse.train.objectives import MEMORY, USUAL_BATCH, usual_batch
from netsparse.train.threads import in_threads

SLACK = 1e-5
"""By how much rounding may carry an image out of its ball, as a share of the largest pixel or of the radius; in half
precision the distance of its numbers at 1."""


@dataclass(frozen=True, eq=False)
class Standing:
    """What became of each image so far.

    Attributes
    ----------
    right : bool array of shape (n_images,)
        Whether the model is right on the clean image and on every changed one that was tried.
    losses : float64 array of shape (n_images,)
        Cross-entropy of the first changed image that the model errs on; where it errs on none the largest loss of all
        that were tried, the clean one among them; where it errs on the clean image, of that.
    """

    right: np.ndarray
    losses: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of the images that are still right."""
        return float(self.right.mean())

    @property
    def loss(self) -> float:
        """Mean of the losses."""
        return float(self.losses.mean())


class Attacked:
    """A model and images that attacks are tried on; see `adversarial` for what counts.

    Parameters
    ----------
    model : nn.Module
        From rows (n, n_pixels) in [0, 1] to logits; left alone.
    x, y : arrays of shape (n, n_pixels) and (n,)
        Images and labels.
    shape : tuple of int
        Of an image before it was flattened.
    batch_size : int, optional
        Images attacked at a time; what fits into memory where not given, see `batch_that_fits`.

    Attributes
    ----------
    clean : Standing
        Before any attack.
    n_classes : int
        Number of logits.

    Raises
    ------
    InvalidOption, InvalidSize
        If the model does not take such images, returns probabilities, or another answer for the same images.
    """

    def __init__(
        self, model: Any, x: np.ndarray, y: np.ndarray, shape: tuple[int, ...], batch_size: int | None
    ) -> None:
        check_is_model("model", model)
        self.model, self.shape = model, shape
        with _rows_taken("model", shape):
            self.x, self.y = images(model, x, y)
            self._n_threads = 1 if self.x.is_cuda else torch.get_num_threads()
            self.batch_size = batch_that_fits(model, self.x) if batch_size is None else batch_size
            self.clean, self.n_classes = self._clean()

    def standing_after(
        self,
        attempt: Try,
        before: Standing,
        *,
        eps: float,
        norm: str,
        restarts: int,
        rng: int,
        side_by_side: bool = True,
        others: tuple[nn.Module, ...] = (),
        tick: Callable[[int], Any] = lambda n_images: None,
    ) -> Standing:
        """Return what became of the images after so many attempts on those that are right.

        A further attempt is made on the images that are right after the one before. Batches are worked through side by
        side, each with its own stream of random numbers: the result does not depend on the number of threads.

        Parameters
        ----------
        attempt : callable
            What changes images.
        before : Standing
            Where to begin.
        eps, norm
            The ball that changed images must be in.
        restarts : int
            Number of attempts.
        rng : int
            Seed; fewer restarts of the same seed are the first ones of more.
        side_by_side : bool
            Whether the attempt may be made by several threads.
        others : tuple of nn.Module
            Further models that are to be left alone.
        tick : callable
            Told how many images are done.
        """
        right, losses = before.right.copy(), before.losses.copy()
        n_threads = self._n_threads if side_by_side else 1
        too_much = "a smaller batch (batch_size=32)"
        with ExitStack() as around, memory_named("the attack", too_much):
            for model in (self.model, *others):
                around.enter_context(left_alone(model))  # once, around all threads: inside it changes nothing then
            for child in spawn(rng, restarts, purpose="restarts"):
                batches = np.split(left := np.flatnonzero(right), range(self.batch_size, len(left), self.batch_size))
                children = streams(child, len(batches), purpose="attacks")

                def tried(work: tuple[np.ndarray, np.random.Generator]) -> tuple[np.ndarray, np.ndarray]:
                    found = self._tried(attempt, *work, eps=eps, norm=norm)
                    tick(len(work[0]))
                    return found

                jobs = [job for job in zip(batches, children, strict=True) if len(job[0])]
                for (batch, _), (hits, loss) in zip(jobs, in_threads(tried, jobs, n_threads), strict=True):
                    right[batch] = hits
                    losses[batch] = np.where(hits, np.maximum(losses[batch], loss), loss)
        return Standing(right, losses)

    def zero_gradients(self) -> float:
        """Return the share of the right images for which the gradient of the loss is 0 in every pixel; NaN of none."""
        batches = np.split(left := np.flatnonzero(self.clean.right), range(self.batch_size, len(left), self.batch_size))
        with left_alone(self.model):
            flat = in_threads(self._flat, batches, self._n_threads)
        return float(np.concatenate(flat).mean()) if len(left) else float("nan")

    def _clean(self) -> tuple[Standing, int]:
        size = usual_batch(self.model, self.x)  # that of `evaluate`: the same rounding
        work = list(zip(self.x.split(size), self.y.split(size), strict=True))
        with left_alone(self.model):
            parts = in_threads(lambda batch: _answered(self.model, *batch), work, self._n_threads)
        standing = Standing(*(np.concatenate(each) for each in zip(*(part[:2] for part in parts), strict=True)))
        loss, accuracy = evaluate(self.model, self.x, self.y)
        if (standing.loss, standing.accuracy) != (loss, accuracy):
            given = f"accuracy {standing.accuracy:g} and loss {standing.loss:g}, then {accuracy:g} and {loss:g}"
            expected = "a model in evaluation mode that answers the same images twice alike, with finite logits"
            raise InvalidOption("model", given, expected, "a model without randomness of its own")
        return standing, parts[0][2]

    def _tried(
        self, attempt: Try, batch: np.ndarray, rng: np.random.Generator, *, eps: float, norm: str
    ) -> tuple[np.ndarray, np.ndarray]:
        index = torch.from_numpy(batch).to(self.x.device)
        x, y = self.x[index], self.y[index]
        changed = attempt(self.model, x, y, rng)
        _check_in_ball(x, changed, eps, norm)
        return _answered(self.model, changed, y)[:2]

    def _flat(self, batch: np.ndarray) -> np.ndarray:
        index = torch.from_numpy(batch).to(self.x.device)
        with torch.enable_grad():
            x = self.x[index].requires_grad_(True)
            loss = nn.functional.cross_entropy(self.model(x), self.y[index], reduction="sum")
            (gradient,) = torch.autograd.grad(loss, x)
        return (gradient == 0).all(dim=1).cpu().numpy()


def batch_that_fits(model: nn.Module, x: Tensor) -> int:
    """Return how many images to attack at a time: 512, or as many as whose outputs of all modules take 128 MiB.

    These are kept for the gradient. 1 GiB on a GPU; on the CPU each thread has a batch.

    Examples
    --------
    >>> batch_that_fits(nn.Linear(4, 2), torch.zeros(3, 4)), batch_that_fits(nn.Linear(4, 2**17), torch.zeros(3, 4))
    (512, 256)
    """
    kept: list[int] = []

    def count(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            kept.append(output.numel() * output.element_size())

    with left_alone(model), torch.no_grad(), ExitStack() as hooks:
        for module in model.modules():
            if not list(module.children()):
                hooks.callback(module.register_forward_hook(count).remove)
        model(x[:1])
    return max(1, min(USUAL_BATCH, MEMORY["cuda" if x.is_cuda else "cpu"] // max(1, sum(kept))))


def check_is_model(subject: str, model: Any) -> None:
    """Raise `InvalidOption` for what is no torch model."""
    if not isinstance(model, nn.Module):
        fix = "fit(network, data, rng=0).model, or train.load_model(path)"
        raise InvalidOption(subject, type(model).__name__, "a trained model, a torch.nn.Module", fix)


@contextmanager
def _rows_taken(subject: str, shape: tuple[int, ...]) -> Iterator[None]:
    """Say what to do about a torch model that does not take images as rows."""
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        if "size" not in text and "shape" not in text and "dimension" not in text:
            raise
        picture = (1, *shape) if len(shape) == 2 else shape
        given = f"'{text.splitlines()[0]}' for images as rows"
        fix = f"torch.nn.Sequential(torch.nn.Unflatten(1, {picture}), model)"
        raise InvalidOption(subject, given, "a model of rows (n, n_pixels)", fix) from error


@torch.no_grad()
def _answered(model: nn.Module, x: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray, int]:
    """Return for each image whether the model is right, and its loss; and the number of logits."""
    logits = model(x)
    losses = nn.functional.cross_entropy(logits, y, reduction="none").double()
    return (logits.argmax(1) == y).cpu().numpy(), losses.cpu().numpy(), logits.shape[1]


def _check_in_ball(x: Tensor, changed: Any, eps: float, norm: str) -> None:
    """Check what an attack returned, whoever wrote it."""
    expected, fix = f"images in [0, 1], at most {eps:g} away ({norm})", "another attack or engine"
    if not isinstance(changed, Tensor) or changed.shape != x.shape:
        given = f"shape {tuple(changed.shape)}" if isinstance(changed, Tensor) else type(changed).__name__
        raise InvalidOption("images of the attack", given, f"shape {tuple(x.shape)}", fix)
    away = changed.detach().to(x.device).double() - x.double()
    distance = (away.abs().amax(1) if norm == "linf" else away.norm(dim=1)).max().item()
    low, high = (value.item() for value in torch.aminmax(changed))
    # comparisons with NaN are false
    slack = max(SLACK, torch.finfo(x.dtype).eps)
    if not (distance <= eps + slack * max(1.0, eps) and low >= 0.0 and high <= 1.0):
        given = f"images up to {distance:g} away, with pixels from {low:g} to {high:g}"
        raise InvalidOption("images of the attack", given, expected, fix)
