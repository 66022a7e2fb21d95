"""Shifts and flips: each image beside a slow twin, uniform draws, and what is no picture."""

import numpy as np
import pytest
import torch

from netsparse import errors
from netsparse.train.augment import ShiftAndFlip, picture


def moved(image, down, right, mirrored):
    """The slow twin, pixel by pixel: what is outside is what is at the edge."""
    channels, height, width = image.shape
    out = np.empty_like(image)
    for c in range(channels):
        for i in range(height):
            for j in range(width):
                column = width - 1 - j if mirrored else j
                row = min(max(i - down, 0), height - 1)
                out[c, i, j] = image[c, row, min(max(column - right, 0), width - 1)]
    return out


@pytest.mark.parametrize("shape", [(5, 7), (1, 7, 5), (3, 6, 6)])
def test_every_image_is_a_shifted_and_flipped_one(shape):
    channels, height, width = picture(shape)
    x = torch.arange(40 * channels * height * width, dtype=torch.float64).reshape(40, -1)
    before = x.clone()
    changed = ShiftAndFlip(0.3)(x, shape, 0)
    assert torch.equal(x, before)
    assert (changed.shape, changed.dtype) == (x.shape, x.dtype)
    most = int(0.3 * height), int(0.3 * width)
    seen = set()
    for image, other in zip(x.numpy(), changed.numpy(), strict=True):
        candidates = [
            (down, right, mirrored)
            for down in range(-most[0], most[0] + 1)
            for right in range(-most[1], most[1] + 1)
            for mirrored in (False, True)
        ]
        picture_of = image.reshape(channels, height, width)
        found = [c for c in candidates if np.array_equal(moved(picture_of, *c).ravel(), other)]
        assert len(found) == 1  # all channels together
        seen.add(found[0])
    assert len(seen) > 10


def test_shifts_and_flips_are_uniform_and_independent():
    """A row of 10 pixels moved by -2 to 2, flipped or not: 10 kinds, 500 of each expected."""
    x = torch.arange(10, dtype=torch.float32).expand(5000, 10)
    changed = ShiftAndFlip(0.2)(x, (1, 10), np.random.default_rng(0))
    kinds, counts = np.unique(changed.numpy(), axis=0, return_counts=True)
    assert len(kinds) == 10
    assert ((counts - 500) ** 2 / 500).sum() < 27.9  # chi-squared of 9 degrees of freedom, 0.1 %


def test_the_same_seed_the_same_images_and_nothing_at_zero():
    x = torch.rand(20, 3 * 32 * 32, generator=torch.Generator().manual_seed(0))
    first, again, other = (ShiftAndFlip()(x, (3, 32, 32), seed) for seed in (0, np.random.default_rng(0), 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(ShiftAndFlip(0.0, flip=False)(x, (3, 32, 32), 0), x)
    as_images = ShiftAndFlip()(x.reshape(20, 3, 32, 32), (3, 32, 32), 0)
    assert torch.equal(as_images.reshape(20, -1), first)
    assert ShiftAndFlip()(x[:0], (3, 32, 32), 0).shape == (0, 3072)
    # a tenth of 32 are 3 pixels, and no more
    marked = torch.zeros(200, 1, 32, 32)
    marked[:, :, 16, 16] = 1.0
    rows, columns = ShiftAndFlip(flip=False)(marked, (32, 32), 0).nonzero()[:, 2:].T
    assert {int(row) for row in rows} == {int(column) for column in columns} == set(range(13, 20))
    assert repr(ShiftAndFlip()) == "ShiftAndFlip(shift=0.1, flip=True)"


@pytest.mark.parametrize("shape", [(64,), (3, 1, 2, 2), (), 64, (0, 4), (2.0, 4)])
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(errors.InvalidSize, match="expected pictures") as caught:
        ShiftAndFlip()(torch.rand(2, 64), shape, 0)
    assert "\n" not in str(caught.value)


def test_other_bad_input():
    for shift in (-0.1, 1.0, float("nan"), True, "0.1"):
        with pytest.raises(errors.InvalidOption, match="shift"):
            ShiftAndFlip(shift)
    with pytest.raises(errors.InvalidOption, match="flip"):
        ShiftAndFlip(flip=1)
    with pytest.raises(errors.InvalidSize, match="784 numbers for each image"):
        ShiftAndFlip()(torch.rand(2, 64), (28, 28), 0)
    with pytest.raises(errors.InvalidSeed):
        ShiftAndFlip()(torch.rand(2, 64), (8, 8), None)
