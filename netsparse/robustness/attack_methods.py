"""The table of attacks on images: what each one takes, and who computes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from torch import nn

from netsparse.errors import InvalidOption, unknown_name
from netsparse.robustness.attack_setting import Setting, Try
from netsparse.robustness.autoattack_engine import auto_attack
from netsparse.robustness.foolbox_engine import foolbox_fgsm, foolbox_pgd
from netsparse.robustness.image_noise import gaussian_noise, uniform_noise
from netsparse.robustness.square import Square
from netsparse.train.attack import Attack
from netsparse.train.norms import NORMS

Build = Callable[[Setting, float], Try]


def _fgsm(setting: Setting, eps: float) -> Try:
    return Attack(eps, steps=1, step_size=eps, norm=setting.norm, random_start=False)


def _pgd(setting: Setting, eps: float) -> Try:
    return Attack(eps, steps=setting.steps or 1, step_size=setting.length(eps), norm=setting.norm)


def _margin(setting: Setting, eps: float) -> Try:
    length = setting.length(eps)
    return Attack(eps, steps=setting.steps or 1, step_size=length, norm=setting.norm, loss="margin")


def _transfer(setting: Setting, eps: float) -> Try:
    made, source = _pgd(setting, eps), cast(nn.Module, setting.source)
    return lambda model, x, y, rng: made(source, x, y, rng)


def _square(setting: Setting, eps: float) -> Try:
    return Square(eps, queries=setting.steps or 1, shape=setting.shape)


def _uniform(setting: Setting, eps: float) -> Try:
    return lambda model, x, y, rng: uniform_noise(x, eps, setting.norm, rng)


def _gaussian(setting: Setting, eps: float) -> Try:
    return lambda model, x, y, rng: gaussian_noise(x, eps, setting.norm, rng)


@dataclass(frozen=True)
class Method:
    """An attack of the table `ATTACKS`.

    Attributes
    ----------
    meaning : str
        In a few words.
    engines : dict of str to callable
        Who computes it -> what builds one attempt from a setting and eps.
    steps : int or None
        How many steps (or queries) where the caller says nothing; None: it counts none.
    fixed_steps, climbs, draws : bool
        Whether that number is the only one, it goes up a gradient by steps of some length, and restarts differ.
    norms : tuple of str
        Of the balls it knows.
    takes_source : bool
        Whether it needs a second model.
    """

    meaning: str
    engines: dict[str, Build]
    steps: int | None
    fixed_steps: bool = True
    climbs: bool = False
    draws: bool = True
    norms: tuple[str, ...] = tuple(NORMS)
    takes_source: bool = False


ATTACKS: dict[str, Method] = {
    "fgsm": Method(
        "one step up the gradient", {"netsparse": _fgsm, "foolbox": foolbox_fgsm}, 1, climbs=True, draws=False
    ),
    "pgd": Method(
        "projected gradient ascent from random starts",
        {"netsparse": _pgd, "foolbox": foolbox_pgd},
        50,
        fixed_steps=False,
        climbs=True,
    ),
    "margin": Method(
        "pgd on the largest other logit minus the label's",
        {"netsparse": _margin},
        50,
        fixed_steps=False,
        climbs=True,
    ),
    "square": Method("random squares, no gradient", {"netsparse": _square}, 1000, fixed_steps=False, norms=("linf",)),
    "transfer": Method(
        "pgd on another model, tried on this one",
        {"netsparse": _transfer},
        50,
        fixed_steps=False,
        climbs=True,
        takes_source=True,
    ),
    "uniform": Method("noise, uniform in the ball", {"netsparse": _uniform}, None),
    "gaussian": Method("normal noise, cut off at the ball", {"netsparse": _gaussian}, None),
    "auto": Method("AutoAttack, of the package autoattack", {"autoattack": auto_attack}, None, draws=False),
}
"""Every attack on images by name; steps of "square" are queries."""

ENGINES = ("netsparse", "foolbox")
"""Who may be asked for by name; "auto" has an engine of its own whatever was asked for."""


def named_method(attack: Any, engine: Any, norm: Any) -> tuple[Method, str, Build]:
    """Return the attack of that name, its engine, and what builds it.

    Raises
    ------
    UnknownName, InvalidOption
        For another attack, engine or norm, and those that do not go together.

    Examples
    --------
    >>> named_method("pgd", "netsparse", "l2")[0].steps
    50
    """
    if not isinstance(attack, str) or attack not in ATTACKS:
        raise unknown_name("attack", attack, ATTACKS)
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    method = ATTACKS[attack]
    if norm not in method.norms:
        expected = f"{method.norms[0]!r}, the norm that {attack!r} is written for here"
        raise InvalidOption("norm", repr(norm), expected, "attack='pgd', or norm='linf'")
    if len(method.engines) == 1 and engine == ENGINES[0]:
        engine = next(iter(method.engines))
    if engine not in method.engines:
        expected = "one of " + ", ".join(method.engines) + f", which know the attack {attack!r}"
        raise InvalidOption("engine", repr(engine), expected, "engine='netsparse'")
    return method, engine, method.engines[engine]
