"""The machine a table was measured on, and the number of threads it was measured with."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from importlib import metadata
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from netsparse.native import keep_freed_memory

PEER = "sparselab"
"""The peer with kernels of its own; everybody else computes with torch."""


def has_peer() -> bool:
    """Return whether the peer with kernels of its own is installed."""
    return importlib.util.find_spec(PEER) is not None


def machine(device: torch.device | str = "cpu") -> dict[str, str | int]:
    """Return what a timing depends on: processor (or GPU), cores, threads, versions, date.

    Examples
    --------
    >>> sorted(machine())
    ['cores', 'date', 'device', 'netsparse', 'sparselab', 'threads', 'torch']
    """
    device = torch.device(device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    return {
        "device": name,
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "netsparse": metadata.version("netsparse"),
        PEER: metadata.version(PEER) if has_peer() else "not installed",
        "date": date.today().isoformat(),
    }


def machine_line(device: torch.device | str = "cpu") -> str:
    """Return `machine` in one line, the header of every table."""
    found = machine(device)
    return (
        f"{found['device']}, {found['cores']} cores, {found['threads']} threads; torch {found['torch']}, "
        f"netsparse {found['netsparse']}, sparselab {found[PEER]}; {found['date']}"
    )


def processor() -> str:
    """Return the name of the processor as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def available_memory() -> int | None:
    """Return the bytes a new process could take without pushing another one out, None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    return found[0] if found else None


@contextmanager
def on_threads(n_threads: int) -> Iterator[None]:
    """Compute on so many threads, torch and the peer alike: its OpenMP runtime is not torch's, each counts alone.

    Freed memory stays with the process, as in `netsparse.train.fit`; all contestants gain by it.
    """
    keep_freed_memory()
    if has_peer():
        importlib.import_module(PEER)  # a runtime that is not loaded yet could not be told
    before = torch.get_num_threads()
    with threadpool_limits(n_threads):
        torch.set_num_threads(n_threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
