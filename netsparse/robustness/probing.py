"""`probe`: a trained model under perturbations, strength by strength and trial by trial, as one tidy table."""

from __future__ import annotations

import hashlib
import itertools
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import joblib
import numpy as np
import pandas as pd

from netsparse.datasets import Dataset, load
from netsparse.errors import InvalidOption
from netsparse.graph import SparseNetwork
from netsparse.nn import SparseModel
from netsparse.percolation.simulation import observe
from netsparse.rng import seeds
from netsparse.robustness.evaluation import Subject
from netsparse.robustness.perturbation import Perturbed, Probe, Trial
from netsparse.robustness.probes import PROBES, named_probe
from netsparse.robustness.saliency_order import with_saliency
from netsparse.robustness.wiring import Wiring
from netsparse.train.threads import in_threads
from netsparse.typing import Seed

FUNCTION = ("accuracy", "loss")
STRUCTURE = ("giant_component", "second_component", "outputs_reachable", "active_units")
MEASURED = (*FUNCTION, *STRUCTURE, "n_edges")
"""The columns that are measured at each strength of each trial."""


def probe(
    model: SparseModel,
    data: str | os.PathLike[str] | Dataset,
    probes: str | Probe | Iterable[str | Probe],
    *,
    strengths: float | Sequence[float] | None = None,
    trials: int = 10,
    include_head: bool = False,
    workers: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> pd.DataFrame:
    """Perturb a trained model more and more, without training it again, and measure what is left of it.

    Parameters
    ----------
    model : SparseModel
        Left as it is, and not copied either.
    data : str, path or Dataset
        Whose test set is used, see `netsparse.datasets.load`.
    probes : str or Probe, or several
        Names from `PROBES`, or probes with options of their own, such as `WeightShuffle(keep_signs=True)`.
    strengths : float or sequence of float, optional
        Increasing; what they mean is the probe's `meaning`. Each probe's own default where not given.
    trials : int
        Number of trials of each probe. The strengths of one trial share what is random.
    include_head : bool
        Whether the dense head is perturbed too, as one more, complete layer. At 1 % density it holds about a quarter of
        all weights. Without, the structural columns do not see it either.
    workers : int, optional
        Number of threads; the usable CPUs where not given. The table does not depend on it. A model on a CUDA device
        has one.
    data_dir : path, optional
        Where data sets lie or land.
    rng : int or numpy.random.Generator
        The same seed gives the same table.

    Returns
    -------
    DataFrame
        One row per probe, trial and strength: probe, options, strength, trial, seed, accuracy, loss (mean
        cross-entropy), giant_component, second_component, outputs_reachable, active_units (of the layers that may be
        changed, as fractions, see `netsparse.percolation.OBSERVABLES`), n_edges (left in these layers). At strength 0
        accuracy and loss are, bit for bit, those of `netsparse.train.evaluate`.

    Raises
    ------
    UnknownName, InvalidOption, InvalidSize, InvalidSeed
        For unknown probes, options that do not fit, a model that does not fit the data, and no seed.

    Notes
    -----
    `seed` is the seed of the trial, the same one for all probes: `PROBES[name].perturb(network, weights, strength,
    rng=seed)` repeats the perturbation, and `netsparse.percolation.percolate` of the probed layers with the same `rng`
    removes the same edges in the same trial as link removal. A wiring that comes up twice, as in the trials of a probe
    without anything random, is evaluated once.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)
    >>> table = probe(model, "digits", ["sign_flip", "link_removal"], strengths=[0, 0.5, 1], trials=2, rng=0)
    >>> len(table), table.query("probe == 'link_removal' and trial == 0")["n_edges"].tolist()
    (12, [384, 192, 0])
    """
    chosen = _as_probes(probes)
    strengths = list(strengths) if isinstance(strengths, Iterator) else strengths  # each probe goes through them
    points = [each.as_strengths(strengths) for each in chosen]
    trial_seeds = seeds(rng, _at_least_one("trials", trials), purpose="removal")  # as `percolate` names it
    workers = joblib.cpu_count() if workers is None else _at_least_one("workers", workers)
    dataset = load(data, data_dir=data_dir)
    subject = Subject(model, dataset, include_head=include_head)
    chosen = [with_saliency(each, model, dataset, include_head=include_head) for each in chosen]
    cells: list[tuple[_Run, float]] = []
    jobs: list[list[int]] = []
    # fewer trials than threads: the strengths of one are shared out among several
    n_threads = 1 if subject.is_cuda else workers
    parts = -(-n_threads // (len(chosen) * len(trial_seeds)))
    for each, at in zip(chosen, points, strict=True):
        start = each.trials(subject.wiring)
        for trial, seed in enumerate(trial_seeds):
            run = _Run(each, start, trial, seed, len(at))
            places = range(len(cells), len(cells) + len(at))
            cells += [(run, strength) for strength in at]
            jobs += [list(places[part::parts]) for part in range(min(parts, len(at)))]
    ledger = _Ledger(subject)

    def work(job: list[int]) -> list[tuple[int, dict[str, Any]]]:
        return [(place, _row(ledger, *cells[place])) for place in job]

    rows = dict(itertools.chain.from_iterable(in_threads(work, jobs, min(n_threads, len(jobs)))))
    return pd.DataFrame([rows[place] for place in range(len(cells))])


class _Run:
    """One trial of one probe: drawn when its first strength is asked for, let go with its last."""

    def __init__(self, probe: Probe, start: Trial, trial: int, seed: int, n_strengths: int) -> None:
        self.probe, self.trial, self.seed = probe, trial, seed
        self._start, self._n_left, self._turn = start, n_strengths, threading.Lock()
        self._drawn: Perturbed | None = None

    def wiring(self, strength: float) -> Wiring:
        with self._turn:
            at = self._start(self.seed) if self._drawn is None else self._drawn
            self._n_left -= 1
            self._drawn = at if self._n_left else None
        return at(strength)


class _Ledger:
    """What was measured of each wiring."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._function: dict[bytes, tuple[float, float]] = {}
        self._structure: dict[bytes, dict[str, float]] = {}

    def function(self, wiring: Wiring) -> tuple[float, float]:
        key = _digest([_digest_of_graphs(wiring.network), *wiring.weights])
        if key not in self._function:
            self._function[key] = self.subject.measure(wiring)
        return self._function[key]

    def structure(self, wiring: Wiring) -> dict[str, float]:
        probed = wiring.probed
        key = _digest_of_graphs(probed)
        if key not in self._structure:
            self._structure[key] = observe(probed, STRUCTURE)
        return self._structure[key]


def _row(ledger: _Ledger, run: _Run, strength: float) -> dict[str, Any]:
    labels = {"probe": run.probe.name, "options": run.probe.options, "strength": strength}
    wiring = run.wiring(strength)
    loss, accuracy = ledger.function(wiring)
    measured = {"accuracy": accuracy, "loss": loss, **ledger.structure(wiring), "n_edges": wiring.probed.n_edges}
    return {**labels, "trial": run.trial, "seed": run.seed, **measured}


def _digest_of_graphs(network: SparseNetwork) -> bytes:
    return _digest([array for layer in network.layers for array in (layer.indptr, layer.indices)])


def _digest(parts: Iterable[np.ndarray | bytes]) -> bytes:
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        found.update(part if isinstance(part, bytes) else np.ascontiguousarray(part).data)
    return found.digest()


def _as_probes(probes: Any) -> list[Probe]:
    several = isinstance(probes, Iterable) and not isinstance(probes, str)
    chosen = [named_probe(each) for each in (probes if several else [probes])]
    if not chosen:
        raise InvalidOption("probes", repr(probes), "one or more of " + ", ".join(PROBES), "probes=list(PROBES)")
    rows = [(each.name, each.options) for each in chosen]
    if twice := [row for row in rows if rows.count(row) > 1]:
        given = f"{twice[0][0]} ({twice[0][1]}) more than once"
        raise InvalidOption("probes", given, "each probe with its options once", "other options")
    return chosen


def _at_least_one(name: str, value: Any) -> int:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise InvalidOption(name, repr(value), "a whole number of at least 1", f"{name}=2")
    return int(value)
