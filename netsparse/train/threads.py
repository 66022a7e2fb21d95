"""Work on several threads that compute on one torch thread each, so that no result depends on how many there are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
    with _restored_threads():
        if n_threads == 1:
            torch.set_num_threads(1)
            return [function(item) for item in items]
        with ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(function, items))


class _AtWork:
    """How many calls of `in_threads` there are at this moment, and the number of torch threads before the first."""

    lock = threading.Lock()
    n_calls = 0
    n_threads_at_rest = 1


@contextmanager
def _restored_threads() -> Iterator[None]:
    """Give the caller its number of torch threads back, and threads that start later the one they would have had.

    The number is both the thread's own and what new threads begin with. A thread that starts while another one is at
    work here begins with 1 and would hand that on: the last to leave restores what was before the first came.
    """
    before = torch.get_num_threads()
    with _AtWork.lock:
        if not _AtWork.n_calls:
            _AtWork.n_threads_at_rest = before
        _AtWork.n_calls += 1
    try:
        yield
    finally:
        with _AtWork.lock:
            _AtWork.n_calls -= 1
            torch.set_num_threads(before if _AtWork.n_calls else _AtWork.n_threads_at_rest)
