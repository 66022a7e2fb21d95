"""Training images that are changed a little at random, so that the model does not learn where things are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netsparse.errors import InvalidOption, InvalidSize
from netsparse.rng import as_rng
from netsparse.typing import Seed


@dataclass(frozen=True)
class ShiftAndFlip:
    """Shifts each image by whole pixels, up and down, left and right, and mirrors every other one.

    Both shifts are uniform over the whole numbers from -k to k, with k = floor(shift * side), and independent. What is
    pulled in from outside repeats the pixels of the edge. (Ours: the Keras generator of Ozdenizci and Legenstein, with
    the same two options, draws fractions of pixels and interpolates.)

    Parameters
    ----------
    shift : float
        Most that an image is shifted by, in widths and heights, in [0, 1).
    flip : bool
        Whether an image is mirrored, left to right, with a probability of a half. Digits and letters are other ones
        then.

    Raises
    ------
    InvalidOption
        For a shift outside [0, 1), or a flip that is neither True nor False.

    References
    ----------
    Ozdenizci, Legenstein, Training adversarially robust sparse networks via Bayesian connectivity sampling, ICML 2021.

    Examples
    --------
    >>> x = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    >>> ShiftAndFlip(0.5, flip=False)(x, (1, 4), 0)
    tensor([[1., 1., 1., 2.]])
    """

    shift: float = 0.1
    flip: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.shift, Real) or isinstance(self.shift, bool) or not 0.0 <= self.shift < 1.0:
            raise InvalidOption("shift", repr(self.shift), "a share of width and height, in [0, 1)", "shift=0.1")
        if not isinstance(self.flip, bool):
            raise InvalidOption("flip", repr(self.flip), "True or False", "flip=False")
        object.__setattr__(self, "shift", float(self.shift))

    def __call__(self, x: Tensor, shape: Sequence[int], rng: Seed) -> Tensor:
        """Return the changed images, of the shape, dtype and device of `x`; their pixels are pixels of the given ones.

        Parameters
        ----------
        x : Tensor of shape (batch, ...)
            Images, flattened or not; left as they are.
        shape : (height, width) or (channels, height, width)
            Of an image, as a data set says it.
        rng : int or numpy.random.Generator
            Source of the shifts and flips.

        Raises
        ------
        InvalidSize
            For data that are no pictures, or have another number of pixels.
        """
        channels, height, width = picture(shape)
        n, n_pixels = len(x), height * width
        if x[:1].numel() != channels * n_pixels and n:
            expected = f"{channels * n_pixels} numbers for each image of shape {tuple(shape)}"
            raise InvalidSize("x", f"shape {tuple(x.shape)}", expected, "the shape of the data set")
        rng = as_rng(rng)
        rows = _shifted(height, self.shift, n, rng)
        columns = _shifted(width, self.shift, n, rng)
        if self.flip:
            mirrored = rng.random(n) < 0.5
            columns = np.where(mirrored[:, None], columns[:, ::-1], columns)
        sources = rows[:, :, None] * width + columns[:, None, :]
        index = torch.from_numpy(sources.reshape(n, 1, n_pixels)).to(x.device)
        return x.reshape(n, channels, n_pixels).gather(2, index.expand(n, channels, n_pixels)).reshape(x.shape)


def check_changed(changed: Any, x: Tensor, *, look: bool) -> None:
    """Check what an augmentation made of images; pixels, which a GPU would have to be waited for, where told to look.

    Parameters
    ----------
    changed : anything
        What it returned.
    x : Tensor of shape (batch, ...)
        What it was given.
    look : bool
        Whether the pixels are looked at: attacks would clip those outside [0, 1], and training would not.

    Raises
    ------
    InvalidOption
        For no images, or others than were given: of another number, size, dtype or device, or outside [0, 1].
    """
    expected, fix = f"{tuple(x.shape)} of {x.dtype} on {x.device}, as it was given", "augment=ShiftAndFlip()"
    if not isinstance(changed, Tensor):
        raise InvalidOption("images of augment", type(changed).__name__, expected, fix)
    if (changed.shape, changed.dtype, changed.device) != (x.shape, x.dtype, x.device):
        given = f"{tuple(changed.shape)} of {changed.dtype} on {changed.device}"
        raise InvalidOption("images of augment", given, expected, fix)
    if look and changed.numel():
        low, high = (value.item() for value in torch.aminmax(changed))
        if not (low >= 0.0 and high <= 1.0):  # comparisons with NaN are false
            given = f"values from {low:g} to {high:g}"
            raise InvalidOption("images of augment", given, "images in [0, 1]", "changed.clamp(0.0, 1.0)")


def picture(shape: Any) -> tuple[int, int, int]:
    """Return channels, height and width of data of this shape.

    Raises
    ------
    InvalidSize
        For data that are no pictures.

    Examples
    --------
    >>> picture((28, 28)), picture((3, 32, 32))
    ((1, 28, 28), (3, 32, 32))
    """
    sides: tuple[Any, ...] = tuple(shape) if isinstance(shape, Sequence) else (shape,)
    whole = all(isinstance(side, int | np.integer) and not isinstance(side, bool) and side > 0 for side in sides)
    if len(sides) not in (2, 3) or not whole:
        expected = "pictures, (height, width) or (channels, height, width)"
        raise InvalidSize("shape of the data", repr(shape), expected, "augment=None, or data with shape=(28, 28)")
    channels = sides[0] if len(sides) == 3 else 1
    return int(channels), int(sides[-2]), int(sides[-1])


def _shifted(side: int, share: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a shift for each image, and return where each of its rows or columns comes from, (n, side)."""
    most = int(share * side + 1e-9)  # 0.1 of 30 are 3, whatever the rounding
    shifts = rng.integers(-most, most, size=n, endpoint=True)
    return np.clip(np.arange(side) - shifts[:, None], 0, side - 1)
