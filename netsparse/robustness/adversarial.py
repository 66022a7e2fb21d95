"""Accuracy under attack over a grid of eps, as one tidy table."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pandas as pd
from torch import nn

from netsparse.datasets import Dataset, load
from netsparse.rng import seeds
from netsparse.robustness.attack_methods import named_method
from netsparse.robustness.attack_options import (
    as_radii,
    as_restarts,
    as_source,
    as_step_size,
    as_steps,
    at_least_one,
    check_fits,
    check_flag,
    first_samples,
)
from netsparse.robustness.attack_setting import Setting
from netsparse.robustness.attacked import Attacked, check_is_model
from netsparse.train.progress import tqdm
from netsparse.typing import Seed


def adversarial(
    model: nn.Module,
    data: str | os.PathLike[str] | Dataset,
    *,
    attack: str = "pgd",
    eps: float | Iterable[float],
    steps: int | None = None,
    step_size: float | None = None,
    restarts: int = 1,
    norm: str = "linf",
    engine: str = "netsparse",
    source: nn.Module | None = None,
    nested: bool = False,
    trials: int = 1,
    n_samples: int | None = None,
    batch_size: int | None = None,
    progress: bool = True,
    data_dir: str | os.PathLike[str] | None = None,
    rng: Seed,
) -> pd.DataFrame:
    """Attack test images within balls of several radii, and measure how many of them a model still gets right.

    An image counts as right if the model is right on the clean image and on the changed one of every restart. Images
    that the model errs on anyway are not attacked, so that true and predicted labels are the same for the attack.

    Parameters
    ----------
    model : nn.Module
        From images in [0, 1], as rows (n, n_features), to logits; a `SparseModel` or any other. Left alone.
    data : str, path or Dataset
        Whose test set is used, see `netsparse.datasets.load`.
    attack : str
        A name from `ATTACKS`: "pgd", "margin" (finds more on models trained with TRADES), "fgsm", "square" (looks at
        logits alone), "transfer" (pgd on `source`, tried on the model), "uniform" and "gaussian" (noise), "auto"
        (AutoAttack, where the package autoattack is installed).
    eps : float or several
        Increasing radii; 0, the clean images, is put in front. At most 1, and sqrt(n_features) for "l2".
    steps : int, optional
        Steps of pgd, margin and transfer (50 where not given), queries of square (1000). The others take none.
    step_size : float, optional
        Length of a step, of pgd, margin and transfer; 2.5 eps / steps where not given.
    restarts : int
        How often the attack is tried, each time from another random start and on the images still right.
    norm : {"linf", "l2"}
        Of the balls: the largest change of a pixel, or the Euclidean length of the change of an image.
    engine : {"netsparse", "foolbox"}
        Who computes pgd or fgsm.
    source : nn.Module, optional
        For "transfer": the model that the images are made on.
    nested : bool
        Whether an image that an attack has broken counts as broken at all larger eps, too, and is not attacked again:
        it lies in the larger balls, and its loss stays what it was. The accuracy then never rises with eps, and the
        table is sooner there. Without, each eps is measured on its own, and its row does not depend on the others.
    trials : int
        How often everything is done, with other random numbers.
    n_samples : int, optional
        Only the first so many test images.
    batch_size : int, optional
        Images attacked at a time; where not given 512, or as many as whose outputs of all layers take 128 MiB for
        each thread (1 GiB on a GPU).
    progress : bool
        Whether to show a progress bar.
    data_dir : path, optional
        Where data sets lie or land.
    rng : int or numpy.random.Generator
        The same seed gives the same table, whatever the number of threads ("netsparse" on the CPU); the radii of one
        trial share what is random, and fewer restarts are the first ones of more.

    Returns
    -------
    DataFrame
        One row per trial and eps: probe ("adversarial"), options, strength (eps), trial, seed, accuracy, loss (mean
        cross-entropy of the images: clean where the model errs on it, else the first that it errs on, else the largest
        of all tried), eps, norm, attack, engine, steps, step_size, restarts, n_samples, clean_accuracy,
        generalization_gap (clean accuracy minus accuracy). At eps 0 accuracy and loss are, bit for bit, those of
        `netsparse.train.evaluate`.

    Raises
    ------
    UnknownName, InvalidOption, InvalidSize, InvalidSeed
        For unknown names and options that do not go together, radii that are none, a model that does not fit the data,
        returns probabilities or answers differently each time, an engine that is not installed, and no seed.
    OutOfMemory
        For a batch that does not fit.

    References
    ----------
    Madry, Makelov, Schmidt, Tsipras, Vladu, arXiv:1706.06083 (pgd); Goodfellow, Shlens, Szegedy, arXiv:1412.6572
    (fgsm); Andriushchenko, Croce, Flammarion, Hein, arXiv:1912.00049 (square); Croce, Hein, arXiv:2003.01690 (auto);
    Rauber, Zimmermann, Bethge, Brendel, Foolbox Native, https://doi.org/10.21105/joss.02607

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> from netsparse.nn import SparseMLP
    >>> model = SparseMLP(layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)
    >>> table = adversarial(model, "digits", eps=[0.1, 0.5], steps=10, n_samples=50, progress=False, rng=0)
    >>> table["eps"].tolist(), table["accuracy"].is_monotonic_decreasing
    ([0.0, 0.1, 0.5], True)
    """
    method, engine, build = named_method(attack, engine, norm)
    steps, restarts = as_steps(attack, method, steps), as_restarts(attack, method, restarts)
    step_size = as_step_size(attack, method, step_size)
    trial_seeds = seeds(rng, at_least_one("trials", trials), purpose="adversarial")
    batch_size = None if batch_size is None else at_least_one("batch_size", batch_size)
    check_flag("nested", nested)
    check_flag("progress", progress)
    check_is_model("model", model)
    dataset = load(data, data_dir=data_dir)
    radii = as_radii(eps, norm, dataset.n_features)
    n_samples = first_samples(n_samples, len(dataset.x_test), "test")
    check_fits(model, dataset.n_features, dataset.n_classes)
    source = as_source(method, source, dataset.n_features, dataset.n_classes)
    attacked = Attacked(model, dataset.x_test[:n_samples], dataset.y_test[:n_samples], dataset.shape, batch_size)
    clean = attacked.clean
    setting = Setting(norm, steps, step_size, dataset.shape, attacked.n_classes, source)
    run = {"norm": norm, "attack": attack, "engine": engine, "steps": steps, "restarts": restarts}
    named = {"step_size": step_size, "nested": nested or None}
    options = ", ".join(f"{name}={value}" for name, value in {**run, **named}.items() if value is not None)
    a_radius = int(clean.right.sum()) * restarts
    rows: list[dict[str, Any]] = []
    with tqdm(
        total=len(trial_seeds) * len(radii[1:]) * a_radius, unit="image", desc=attack, disable=not progress
    ) as bar:
        for trial, seed in enumerate(trial_seeds):
            standing = clean
            for radius in radii:
                if radius > 0.0:
                    done = bar.n
                    standing = attacked.standing_after(
                        build(setting, radius),
                        standing if nested else clean,
                        eps=radius,
                        norm=norm,
                        restarts=restarts,
                        rng=seed,
                        side_by_side=engine == "netsparse",  # others draw from torch's own generator
                        others=() if source is None else (source,),
                        tick=bar.update,
                    )
                    bar.update(done + a_radius - bar.n)  # those that were not tried again
                labels = {"probe": "adversarial", "options": options, "strength": radius, "trial": trial, "seed": seed}
                measured = {"accuracy": standing.accuracy, "loss": standing.loss, "eps": radius}
                length = setting.length(radius) if method.climbs else float("nan")
                gap = {"clean_accuracy": clean.accuracy, "generalization_gap": clean.accuracy - standing.accuracy}
                counted = {"steps": float("nan") if steps is None else steps, "step_size": length}
                rows.append({**labels, **measured, **run, **counted, "n_samples": n_samples, **gap})
    return pd.DataFrame(rows)
