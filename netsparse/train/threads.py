"""Work on several threads that compute on one torch thread each, so that no result depends on how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(function: Callable[[Item], Result], items: Iterable[Item], n_threads: int) -> list[Result]:
    """Return `function` of every item, in the items' order, computed on `n_threads` threads.

    A torch operation that runs on several threads may add in another order, and so round differently, than on one. Here
    each operation runs on one thread and the items run side by side: the results are the same bits for every
    `n_threads` and every `torch.set_num_threads`. The caller's number of torch threads is as before afterwards. Called
    from within such a thread it works there, one item after the other.

    Parameters
    ----------
    function : callable
        Of one item. torch keeps `no_grad` per thread: it belongs inside.
    items : iterable
        What it is called with.
    n_threads : int
        At least 1; one works in the caller's thread.

    Examples
    --------
    >>> in_threads(lambda k: (k, torch.get_num_threads()), range(3), 2)
    [(0, 1), (1, 1), (2, 1)]
    """
    before = torch.get_num_threads()
    try:
        if n_threads == 1:
            torch.set_num_threads(1)
            return [function(item) for item in items]
        with ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(function, items))
    finally:
        torch.set_num_threads(before)  # also what threads that start later begin with
