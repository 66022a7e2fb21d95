"""`world`: which processes train together, read from the environment that `torchrun` sets."""

from __future__ import annotations

import os

from netsparse.errors import InvalidOption
from netsparse.train.ranks import EXAMPLE, Alone, Ranks


def world(*, timeout: float = 600.0) -> Ranks:
    """Return the processes that `torchrun` started together with this one; without it, this one alone.

    Read from the environment variables that torchrun sets (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT), as
    other launchers can too. The processes speak gloo with tensors on the CPU and, where there is one, NCCL on GPUs.
    To be used in a `with` block, at the end of which the connections are closed.

    Parameters
    ----------
    timeout : float
        Seconds after which a process that does not answer counts as lost.

    Raises
    ------
    InvalidOption
        If the variables contradict each other, this torch cannot do it, or torch's process group is in use already.
    RankLost
        If the others do not come within the timeout.

    Examples
    --------
    >>> import torch
    >>> with world() as ranks:
    ...     ranks.size, ranks.share(torch.arange(4)).tolist()
    (1, [0, 1, 2, 3])
    """
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0.0 < timeout < 1e7:
        raise InvalidOption("timeout", repr(timeout), "seconds above 0", "timeout=600.0")
    size = n_processes()
    if size == 1:
        return Alone()
    rank, local_rank = _number("RANK", 0, size - 1), _number("LOCAL_RANK", 0, size - 1, default=0)
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        if not os.environ.get(name):
            raise InvalidOption(name, f"nothing, with WORLD_SIZE={size}", "where rank 0 listens", EXAMPLE)
    # torch.distributed is of no use to a process alone, which shall not wait for its import
    from netsparse.train.process_group import joined

    return joined(rank, size, local_rank, timeout=timeout)


def n_processes() -> int:
    """Return how many processes `torchrun` started, this one among them; 1 without it."""
    return _number("WORLD_SIZE", 1, 10**6, default=1)


def _number(name: str, least: int, most: int, default: int | None = None) -> int:
    given = os.environ.get(name) or ("" if default is None else str(default))
    if not given.isdecimal() or not least <= int(given) <= most:
        raise InvalidOption(name, repr(given), f"a whole number from {least} to {most}", EXAMPLE)
    return int(given)
