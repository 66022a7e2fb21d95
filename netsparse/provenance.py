"""What produced a result: versions, parameters, seed, git commit and machine, as a plain dict."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata

PACKAGES = ("netsparse", "torch", "numpy", "scipy", "numba", "pandas", "networkx", "igraph", "scikit-learn")


def provenance(parameters: Mapping[str, object] | None = None, *, seed: int | None = None) -> dict[str, object]:
    """Return a JSON-ready record of where a result comes from.

    Parameters
    ----------
    parameters : mapping, optional
        The settings of the run, stored as they are.
    seed : int, optional
        The seed of the run.

    Returns
    -------
    dict
        Keys `software` (package -> version, `None` where not installed), `parameters`, `seed`,
        `git_commit` (of the working directory, or `None`), `machine`.

    Examples
    --------
    >>> provenance({"density": 0.01}, seed=0)["parameters"]
    {'density': 0.01}
    """
    return {
        "software": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "parameters": dict(parameters or {}),
        "seed": seed,
        "git_commit": _git_commit(),
        "machine": {
            "system": platform.platform(),
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "python": sys.implementation.name,
        },
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None
