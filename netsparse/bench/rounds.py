"""Timing steps against each other: contestants take turns in one process, so that all meet the same machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

Step = Callable[[], Any]

PAUSE = 0.01
"""Seconds between turns: threads of the contestant before, which spin for a while, have gone to sleep by then."""


def round_robin(
    steps: Mapping[str, Step],
    *,
    rounds: int = 5,
    burst: float = 0.1,
    longest: int = 30,
    device: torch.device | str = "cpu",
) -> dict[str, np.ndarray]:
    """Time every step in turn, `rounds` times round.

    A turn begins with a step that does not count, three in the first round unless they are slow, and goes on for about
    `burst` seconds. On a GPU, where steps run behind the program's back, the steps of a turn are timed together and
    share their time.

    Parameters
    ----------
    steps : mapping from name to function
        What each contestant does, without arguments.
    rounds : int
        Turns of each contestant.
    burst : float
        Seconds after which a turn ends; every turn times one step at least.
    longest : int
        Steps after which it ends too.
    device : torch.device or str
        Where the steps compute.

    Returns
    -------
    dict
        Seconds of each timed step, by contestant.

    Examples
    --------
    >>> times = round_robin({"nothing": lambda: None, "sleep": lambda: time.sleep(0.001)}, rounds=2, burst=0.01)
    >>> bool(times["nothing"].min() < times["sleep"].min())
    True
    """
    on_gpu = torch.device(device).type == "cuda"
    turn = _gpu_turn if on_gpu else _cpu_turn
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds):
        for name, step in steps.items():
            _warm_up(step, 1 if number else 3, burst)
            times[name] += turn(step, burst, longest)
            time.sleep(PAUSE)
    return {name: np.array(seconds) for name, seconds in times.items()}


def _warm_up(step: Step, n_steps: int, burst: float) -> None:
    start = time.perf_counter()
    for _ in range(n_steps):
        step()
        if time.perf_counter() - start > 10 * burst:
            return


def _cpu_turn(step: Step, burst: float, longest: int) -> list[float]:
    times: list[float] = []
    start = time.perf_counter()
    while not times or (len(times) < longest and time.perf_counter() - start < burst):
        before = time.perf_counter()
        step()
        times.append(time.perf_counter() - before)
    return times


def _gpu_turn(step: Step, burst: float, longest: int) -> list[float]:
    torch.cuda.synchronize()
    before = time.perf_counter()
    step()
    torch.cuda.synchronize()
    n_steps = min(longest, max(1, int(burst / (time.perf_counter() - before))))
    before = time.perf_counter()
    for _ in range(n_steps):
        step()
    torch.cuda.synchronize()
    return [(time.perf_counter() - before) / n_steps]
