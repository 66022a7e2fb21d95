"""Devices by name, refused in one line where they are not there."""

from __future__ import annotations

import torch

from netsparse.errors import InvalidOption


def as_device(device: str | torch.device) -> torch.device:
    """Return a torch device that can be computed on.

    Raises
    ------
    InvalidOption
        If torch does not know the name, or this machine (or this build of torch) does not have the device.

    Examples
    --------
    >>> as_device("cpu")
    device(type='cpu')
    """
    try:
        known = torch.device(device)
        torch.zeros(1, device=known).item()
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        there = "cpu and cuda" if torch.cuda.is_available() else "cpu"
        raise InvalidOption("device", repr(device), f"a device of this machine: {there}", "device='cpu'") from error
    return known
