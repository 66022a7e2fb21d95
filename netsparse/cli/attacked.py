"""What `netsparse attack` asks for, checked before the work; the work; and its numbers for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from torch import nn

from netsparse.cli.measured import NARROWEST, as_json
from netsparse.cli.options import parse_whole
from netsparse.cli.removing import parse_names
from netsparse.cli.show import say
from netsparse.cli.trained import Trained
from netsparse.errors import InvalidOption
from netsparse.provenance import provenance
from netsparse.robustness.adversarial import adversarial
from netsparse.robustness.attack_methods import ATTACKS, named_method
from netsparse.robustness.attack_options import as_radii, as_restarts, as_step_size, as_steps
from netsparse.robustness.attack_setting import Setting
from netsparse.robustness.certify import METHODS, certified_accuracy
from netsparse.train.written_numbers import as_number

WHOLE = ("seed", "steps", "restarts")
MOST = 6
"""So many eps beside each other in the printed table; --json has all of them."""


def parse_eps(text: str) -> dict[float, str]:
    """Return "2/255,0.1" as numbers, increasing, each once, with what was typed; raises `InvalidOption`.

    Examples
    --------
    >>> parse_eps("0.5,1/4")
    {0.25: '1/4', 0.5: '0.5'}
    """
    found: dict[float, str] = {}
    for part in (part.strip() for part in text.split(",")):
        value = as_number(part)
        try:
            value = float(value)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            raise InvalidOption("eps", repr(text), "numbers separated by commas", "--eps 0.1,0.2 or --eps 2/255,8/255")
        found[value] = part
    return dict(sorted(found.items()))


def chosen_attacks(
    names: str,
    *,
    norm: str,
    engine: str,
    steps: str | None,
    step_size: str | None,
    restarts: str,
    source: Path | None,
) -> list[dict[str, Any]]:
    """Return the options of each attack of "fgsm,pgd" for `adversarial`: those that were given to those that have them.

    Raises
    ------
    UnknownName, InvalidOption
        For unknown names, impossible numbers, options that none of the attacks has, and a source that is missing.
    """
    chosen = parse_names("attack", names, ATTACKS)
    given: dict[str, Any] = {"restarts": parse_whole("restarts", restarts, least=1, example=10)}
    if steps is not None:
        given["steps"] = parse_whole("steps", steps, least=1, example=50)
    if step_size is not None:
        given["step_size"] = _length(step_size)
    if source is None and any(ATTACKS[name].takes_source for name in chosen):
        expected = "the run whose model the images are made on"
        raise InvalidOption("source", "none for the attack transfer", expected, "--source RUN")
    if source is not None and not any(ATTACKS[name].takes_source for name in chosen):
        raise InvalidOption("source", f"'{source}' with --attack {names}", "it with transfer", "--attack transfer")
    having = {option: [name for name in chosen if _has(name, option)] for option in given}
    attacks = []
    for name in chosen:
        method, *_ = named_method(name, engine, norm)
        own = {option: value for option, value in given.items() if name in having[option] or not having[option]}
        as_steps(name, method, own.get("steps"))
        as_step_size(name, method, own.get("step_size"))
        as_restarts(name, method, own.get("restarts", 1))
        attacks.append({"attack": name, "engine": engine, **own})
    return attacks


def chosen_certificates(names: str | None) -> list[str]:
    """Return the methods of "interval,lipschitz"; raises `UnknownName`."""
    return [] if names is None else parse_names("certify", names, METHODS)


def attacked(
    runs: Sequence[Trained],
    attacks: Sequence[Mapping[str, Any]],
    methods: Sequence[str],
    radii: Mapping[float, str],
    *,
    norm: str,
    n_samples: int | None,
    source: nn.Module | None,
    seed: int,
) -> pd.DataFrame:
    """Return the tables of all attacks and certificates of all runs, one above the other.

    What is proven comes first in time, because it is sooner done and refuses what it cannot do, and last in the table.
    """
    for run in runs:
        for asked in attacks:
            _check_can_start(run, asked, list(radii), norm, source)
    shared: dict[str, Any] = {"eps": list(radii), "norm": norm, "n_samples": n_samples}
    proven: list[pd.DataFrame] = []
    for run in runs:
        for method in methods:
            say(f"{run.name}: certified by {method}, {_counted(radii)}")
            table = certified_accuracy(run.model, run.dataset, method=method, **shared)
            gap = table["clean_accuracy"] - table["accuracy"]
            proven.append(table.assign(run=run.name, generalization_gap=gap))
    found = []
    for run in runs:
        for asked in attacks:
            say(f"{run.name}: {asked['attack']}, {_counted(radii)}")
            with_source = {"source": source} if ATTACKS[asked["attack"]].takes_source else {}
            table = adversarial(run.model, run.dataset, rng=seed, **asked, **with_source, **shared)
            # whole numbers stay whole beside what has none of them
            found.append(table.assign(run=run.name).astype(dict.fromkeys(WHOLE, "Int64")))
    whole = pd.concat([*found, *proven], ignore_index=True)
    return whole[["run", *whole.columns.drop("run")]]


def _check_can_start(
    run: Trained, asked: Mapping[str, Any], radii: list[float], norm: str, source: nn.Module | None
) -> None:
    """Raise what an attack would only raise when the ones before it are done: a package that is not there, say."""
    method, _, build = named_method(asked["attack"], asked["engine"], norm)
    steps = as_steps(asked["attack"], method, asked.get("steps"))
    dataset, eps = run.dataset, max(as_radii(radii, norm, run.dataset.n_features))
    build(Setting(norm, steps, asked.get("step_size"), dataset.shape, run.model.n_classes, source), eps)


def labelled(table: pd.DataFrame) -> pd.Series:
    """Return what each row is: the name of the attack, or how it is certified.

    Examples
    --------
    >>> rows = {"probe": ["adversarial", "certified"], "attack": ["pgd", None], "method": [None, "interval"]}
    >>> labelled(pd.DataFrame(rows)).tolist()
    ['pgd', 'certified, interval']
    """
    if "method" not in table:
        return table["attack"]
    return table["attack"].where(table["probe"] != "certified", "certified, " + table["method"].astype(str))


def print_attacked(table: pd.DataFrame, radii: Mapping[float, str]) -> None:
    """Print the accuracies, a line for each run and attack."""
    console = Console()
    if not console.is_terminal and console.width < NARROWEST:
        console = Console(width=NARROWEST)
    table = table.assign(what=labelled(table))
    for (what, options), part in table.groupby(["what", "options"], sort=False):
        meaning = ATTACKS[str(what)].meaning if what in ATTACKS else "no image within eps makes the model err, proven"
        rest = ", ".join(each for each in str(options).split(", ") if not each.startswith(("attack=", "method=")))
        n = int(part["n_samples"].max())
        console.print(f"{what} ({rest}): {meaning}; {n:,} images", highlight=False, markup=False)
    shown = _thinned([at for at in radii if at != 0.0])
    labels = [name for name in ("what", "run") if table[name].nunique() > 1] or ["run"]
    printed = Table(header_style="bold")
    printed.add_column(", ".join({"what": "attack"}.get(name, name) for name in labels), overflow="fold")
    for header in ("clean", *(f"eps\n{radii[at]}" for at in shown), "gap"):
        printed.add_column(header, justify="right", no_wrap=True)
    for _, part in table.groupby(["what", "run"], sort=False):
        accuracy = part.set_index("eps")["accuracy"]
        last = part.iloc[-1]
        cells = [f"{value:.4f}" for value in (last["clean_accuracy"], *(accuracy[at] for at in shown))]
        printed.add_row(", ".join(str(last[name]) for name in labels), *cells, f"{last['generalization_gap']:.4f}")
    console.print(printed)
    if len(shown) < sum(at != 0.0 for at in radii):
        console.print("some of the eps; all of them with --json or --out", style="dim", highlight=False)


def as_records(table: pd.DataFrame) -> str:
    """Return the table as JSON, null where a row has no such number."""
    return as_json(table.astype(object).where(table.notna(), None))


def record(asked: Mapping[str, Any], *, seed: int) -> dict[str, Any]:
    """Return what attack.json holds: what was asked for, and where the result comes from."""
    return provenance(asked, seed=seed)


def _has(name: str, option: str) -> bool:
    method = ATTACKS[name]
    return {"steps": not method.fixed_steps, "step_size": method.climbs and not method.fixed_steps,
            "restarts": method.draws}[option]  # fmt: skip


def _length(text: str) -> float:
    try:
        length = float(as_number(text))
    except ValueError:
        length = math.nan
    if not 0.0 < length < math.inf:
        raise InvalidOption("step-size", repr(text), "a finite number above 0", "--step-size 2/255")
    return length


def _thinned(radii: Sequence[float]) -> list[float]:
    """Return at most `MOST` of the radii, spread over all of them, the last one among them.

    Examples
    --------
    >>> _thinned([1, 2, 3]), _thinned(list(range(1, 21)))
    ([1, 2, 3], [1, 5, 9, 12, 16, 20])
    """
    n = len(radii)
    return list(radii) if n <= MOST else [radii[round(k * (n - 1) / (MOST - 1))] for k in range(MOST)]


def _counted(radii: Mapping[float, str]) -> str:
    n = sum(at != 0.0 for at in radii)
    return "1 eps" if n == 1 else f"{n} eps"
