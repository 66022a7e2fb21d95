"""Whether a model is robust, or only hides its gradients: attacks that must not beat each other, side by side."""

from __future__ import annotations

import os
from collections.abc import Iterable
from numbers import Real
from typing import Any

import pandas as pd
from torch import nn

from netsparse.datasets import Dataset, load
from netsparse.errors import InvalidOption
from netsparse.rng import seeds
from netsparse.robustness.adversarial import adversarial
from netsparse.robustness.attack_options import as_radii, at_least_one, first_samples
from netsparse.robustness.attacked import Attacked
from netsparse.train.norms import NORMS
from netsparse.typing import Seed

FEWER = 5
"""How many times fewer steps the attack takes that the one under test must not be weaker than."""


def gradient_masking(
    model: nn.Module,
    data: str | os.PathLike[str] | Dataset,
    *,
    eps: float,
    steps: int = 50,
    restarts: int = 1,
    norm: str = "linf",
    queries: int = 1000,
    source: nn.Module | None = None,
    tolerance: float = 0.01,
    n_samples: int | None = None,
    batch_size: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> pd.DataFrame:
    """Check that pgd is no weaker than attacks that know less, and that nothing withstands a ball that holds grey.

    Robust accuracy is only as good as the attack that it was measured with. What is compared follows the signs of
    masked gradients that Athalye et al. list; which attacks stand for them and how much is tolerated is ours.

    Parameters
    ----------
    model, data, eps, steps, restarts, norm, batch_size, data_dir
        See `adversarial`; one `eps`, above 0.
    queries : int
        Of the black-box attack, see `netsparse.robustness.square.Square`; norm "linf" alone has it.
    source : nn.Module, optional
        Another model, for a transfer attack; without it there is no such row.
    tolerance : float
        Share of the images by which the accuracy under pgd may be above the other one, and above 0.
    n_samples : int, optional
        Only the first so many test images; 1,000 where not given, or all where there are fewer.
    rng : int or numpy.random.Generator
        The same seed gives the same table.

    Returns
    -------
    DataFrame
        One row per check: check, passed (value <= limit), value, limit, meaning.

        - large_eps: accuracy under pgd with the radius from which on every ball holds the image all in grey (0.5, and
          0.5 sqrt(n_features) for "l2"), where no model can tell images apart. One that says the same of every image
          fails, too.
        - larger_eps: accuracy under pgd with twice eps, against eps.
        - fewer_steps: accuracy under pgd, against a fifth of its steps.
        - one_step: accuracy under pgd, against fgsm.
        - noise: accuracy under pgd, against uniform noise of as many restarts.
        - black_box: accuracy under pgd, against the square attack.
        - transfer: accuracy under pgd, against images made on `source`.
        - zero_gradients: share of the right images whose gradient is 0 in every pixel.

    Raises
    ------
    UnknownName, InvalidOption, InvalidSize, InvalidSeed
        As `adversarial`.

    References
    ----------
    Athalye, Carlini, Wagner, Obfuscated gradients give a false sense of security, arXiv:1802.00420, section 3.1;
    Carlini et al., On evaluating adversarial robustness, arXiv:1902.06705

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)
    >>> checks = gradient_masking(model, "digits", eps=0.1, queries=20, n_samples=50, rng=0)
    >>> checks["check"].tolist()[-2:], bool(checks["passed"].all())
    (['black_box', 'zero_gradients'], True)
    """
    if not isinstance(tolerance, Real) or isinstance(tolerance, bool) or not 0.0 <= float(tolerance) < 1.0:
        raise InvalidOption("tolerance", repr(tolerance), "a share in [0, 1)", "tolerance=0.01")
    at_least_one("queries", queries)
    dataset = load(data, data_dir=data_dir)
    n_test = len(dataset.x_test)
    n_samples = first_samples(min(1000, n_test) if n_samples is None else n_samples, n_test, "test")
    if norm in NORMS:
        _check_radius(eps, norm, dataset.n_features)
    of_all: dict[str, Any] = {"norm": norm, "n_samples": n_samples, "batch_size": batch_size, "progress": False}
    for_pgd, for_others = seeds(rng, 2, purpose="masking")

    def accuracy(attack: str, radius: float, seed: int = for_others, **options: Any) -> float:
        table = adversarial(model, dataset, attack=attack, eps=radius, **options, **of_all, rng=seed)
        return float(table["accuracy"].iloc[-1])

    pgd: dict[str, Any] = {"steps": steps, "restarts": restarts, "seed": for_pgd}
    under_pgd = accuracy("pgd", eps, **pgd)
    largest = NORMS[norm].largest(dataset.n_features)
    fewer = {**pgd, "steps": max(1, steps // FEWER)}
    rows = [
        ("large_eps", accuracy("pgd", largest / 2, **pgd), 0.0, f"pgd within {largest / 2:g}, which holds grey"),
        ("larger_eps", accuracy("pgd", min(2 * eps, largest), **pgd), under_pgd, "pgd within 2 eps, or eps"),
        ("fewer_steps", under_pgd, accuracy("pgd", eps, **fewer), f"pgd, or {fewer['steps']} steps of it"),
        ("one_step", under_pgd, accuracy("fgsm", eps), "pgd, or fgsm"),
        ("noise", under_pgd, accuracy("uniform", eps, restarts=restarts), "pgd, or uniform noise"),
    ]
    if norm == "linf":
        rows.append(("black_box", under_pgd, accuracy("square", eps, steps=queries), f"pgd, or {queries} queries"))
    if source is not None:
        made = accuracy("transfer", eps, source=source, steps=steps)
        rows.append(("transfer", under_pgd, made, "pgd, or images made on another model"))
    x, y = dataset.x_test[:n_samples], dataset.y_test[:n_samples]
    flat = Attacked(model, x, y, dataset.shape, batch_size).zero_gradients()
    rows.append(("zero_gradients", flat, 0.0, "images without a gradient"))
    table = pd.DataFrame(rows, columns=["check", "value", "limit", "meaning"])
    table["limit"] += float(tolerance)
    table.insert(1, "passed", table["value"] <= table["limit"])
    return table


def _check_radius(eps: float | Iterable[float], norm: str, n_pixels: int) -> None:
    if len(as_radii(eps, norm, n_pixels)) != 2 or isinstance(eps, Iterable):
        raise InvalidOption("eps", repr(eps), "one radius above 0", "eps=0.1")
