"""Training, validation and test images in memory, each as one tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from netsparse.datasets import Dataset
from netsparse.errors import InvalidOption

VALIDATION = 10_000


@dataclass(frozen=True)
class Splits:
    """Images (n, n_features) and labels (n,) of the three splits, on one device; views of the data set on the CPU."""

    x_train: Tensor
    y_train: Tensor
    x_validation: Tensor
    y_validation: Tensor
    x_test: Tensor
    y_test: Tensor

    @classmethod
    def of(
        cls, dataset: Dataset, validation: int | None, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> Splits:
        """Hold back the last training images for validation, see `held_back`; pixels in `dtype`.

        Raises
        ------
        InvalidOption
            If more images are held back than there are, or a pixel is not finite.
        """
        check_finite(dataset)
        x, y = _tensor(dataset.x_train, device).to(dtype), _tensor(dataset.y_train, device)
        cut = len(x) - held_back(len(x), validation)
        test = _tensor(dataset.x_test, device).to(dtype), _tensor(dataset.y_test, device)
        return cls(x[:cut], y[:cut], x[cut:], y[cut:], *test)

    def moments(self) -> tuple[float, float]:
        """Return mean and standard deviation of the training pixels (1 where all pixels are equal)."""
        std, mean = torch.std_mean(self.x_train.double() if self.x_train.numel() < 10**7 else self.x_train)
        return mean.item(), std.item() if std.item() > 0 else 1.0


def check_finite(dataset: Dataset) -> None:
    """Raise `InvalidOption` for the first sample with a value that is not finite: it would poison every weight."""
    for name in ("x_train", "x_test"):
        samples = getattr(dataset, name)
        if not math.isfinite(samples.sum(dtype=np.float64)):  # one pass without a mask; only then the place
            sample, feature = (int(k[0]) for k in np.nonzero(~np.isfinite(samples)))
            given = f"{samples[sample, feature]} at sample {sample}, feature {feature}"
            expected = "finite numbers, pixel values in [0, 1]"
            raise InvalidOption(f"{name} of '{dataset.name}'", given, expected, "numpy.nan_to_num(x)")


def held_back(n_train: int, validation: int | None) -> int:
    """Return how many of `n_train` training images are held back; None means 10,000 or a fifth, whichever is fewer.

    Raises
    ------
    InvalidOption
        If `validation` is not a whole number that leaves at least one image to train on.

    Examples
    --------
    >>> held_back(60_000, None), held_back(1438, None), held_back(60_000, 0)
    (10000, 287, 0)
    """
    default = min(VALIDATION, n_train // 5)
    count = default if validation is None else validation
    if not isinstance(count, int | np.integer) or isinstance(count, bool) or not 0 <= count < n_train:
        expected = f"a whole number of the {n_train} training images, 0 to {n_train - 1}"
        raise InvalidOption("validation", repr(validation), expected, f"validation={default}")
    return int(count)


def first_to_the_end(dataset: Dataset, n: int) -> Dataset:
    """Return the data set with its first `n` training images behind the others, where `fit` holds images back.

    For protocols that validate on the first images of a data set instead of the last. Copies the training images.

    Raises
    ------
    InvalidOption
        If `n` is not a whole number that leaves at least one image to train on.

    Examples
    --------
    >>> x, y = np.eye(4, dtype=np.float32), np.arange(4)
    >>> first_to_the_end(Dataset.from_arrays(x, y, x, y), 1).y_train.tolist()
    [1, 2, 3, 0]
    """
    n = held_back(len(dataset.x_train), n)
    x, y = (np.concatenate([part[n:], part[:n]]) for part in (dataset.x_train, dataset.y_train))
    return replace(dataset, x_train=x, y_train=y)


def _tensor(array: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_dlpack(array).to(device)  # shares the (read-only) array on the CPU
