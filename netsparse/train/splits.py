"""Training, validation and test images in memory, each as one tensor."""

from __future__ import annotations

from dataclasses import dataclass

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
    def of(cls, dataset: Dataset, validation: int | None, device: torch.device) -> Splits:
        """Hold back the last `validation` training images; None means 10,000 or a fifth, whichever is fewer.

        Raises
        ------
        InvalidOption
            If `validation` is not a whole number that leaves at least one image to train on.
        """
        n = len(dataset.x_train)
        held_back = min(VALIDATION, n // 5) if validation is None else validation
        if not isinstance(held_back, int | np.integer) or isinstance(held_back, bool) or not 0 <= held_back < n:
            expected = f"a whole number of the {n} training images, 0 to {n - 1}"
            raise InvalidOption("validation", repr(validation), expected, f"validation={min(VALIDATION, n // 5)}")
        x, y = _tensor(dataset.x_train, device), _tensor(dataset.y_train, device)
        cut = n - held_back
        test = _tensor(dataset.x_test, device), _tensor(dataset.y_test, device)
        return cls(x[:cut], y[:cut], x[cut:], y[cut:], *test)

    def moments(self) -> tuple[float, float]:
        """Return mean and standard deviation of the training pixels (1 where all pixels are equal)."""
        std, mean = torch.std_mean(self.x_train.double() if self.x_train.numel() < 10**7 else self.x_train)
        return mean.item(), std.item() if std.item() > 0 else 1.0


def _tensor(array: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_dlpack(array).to(device)  # shares the (read-only) array on the CPU
