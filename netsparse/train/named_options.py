"""What a run chooses by name, rules and objectives, and the options that each of them has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from netsparse.errors import InvalidOption, NetsparseError
from netsparse.rewiring import RULES, RewiringRule
from netsparse.train.objectives import OBJECTIVES, Objective, objective_of, objective_options
from netsparse.train.written_numbers import as_number

FEW = 5
"""So many names fit into an error."""


@dataclass(frozen=True)
class Family:
    """Things that a setting names, each with options of its own; some of these are settings, too.

    Attributes
    ----------
    kind : str
        The setting that holds the name; another one, `<kind>_options`, holds options by name.
    names : mapping of str to type
        What there is.
    settings : mapping of str to str
        Setting -> the option that it is.
    options : callable
        Name -> its options and their values where nothing is said.
    make : callable
        Name and options -> the object.
    having : str
        What has the options that are settings, in words.
    instead : str
        A name of one that has them.
    """

    kind: str
    names: Mapping[str, type]
    settings: Mapping[str, str]
    options: Callable[[str], Mapping[str, Any]]
    make: Callable[[str, dict[str, Any]], Any]
    having: str
    instead: str

    def moved(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return settings with what has a setting of its own moved there, out of `<kind>_options`.

        Raises
        ------
        InvalidOption
            For an option that is given in both places, with two values.
        """
        own = f"{self.kind}_options"
        options = values.get(own)
        if not isinstance(options, Mapping):
            return values
        values = {**values, own: {name: _plain(value) for name, value in options.items()}}
        for setting, option in self.settings.items():
            if option not in options:
                continue
            if values.get(setting) is not None and not _is_same(values[setting], options[option]):
                given = f"{values[setting]} and, as an option of the {self.kind}, {options[option]}"
                raise InvalidOption(setting, given, "one of them", f"{setting}={values[setting]}")
            if options[option] is not None:  # None would say nothing there: here it is an option, epochs count
                values[setting] = values[own].pop(option)
        return values

    def given(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options that are given, wherever they are."""
        short = {option: settings[name] for name, option in self.settings.items() if settings[name] is not None}
        return {**short, **settings[f"{self.kind}_options"]}

    def made(self, settings: Mapping[str, Any]) -> Any:
        """Return the object that settings ask for.

        Raises
        ------
        InvalidOption, UnknownName
            For options that it does not have or take.
        """
        name, given = settings[self.kind], self.given(settings)
        known, this = self.options(name), f"{self.kind} '{name}'"
        for option, value in given.items():
            if option not in known:
                raise self._no_such_option(name, option, value)
        try:
            return self.make(name, given)
        except NetsparseError as error:
            if this in error.given or this in error.subject:
                raise
            raise type(error)(
                f"{error.subject} of {this}", error.given, error.expected, self._in_settings(error.fix)
            ) from None
        except (TypeError, ValueError) as error:
            fix = f"leaving out {', '.join(given)}"
            raise InvalidOption(f"options of {this}", repr(given), f"others ({error})", fix) from None

    def _no_such_option(self, name: str, option: str, value: Any) -> InvalidOption:
        known, this = self.options(name), f"{self.kind} '{name}'"
        settings = {its: setting for setting, its in self.settings.items()}
        if option in settings or not known:
            setting, having = (
                settings.get(option, option),
                [each for each in self.names if option in self.options(each)],
            )
            those = f"one of {', '.join(having)}" if 0 < len(having) < FEW else self.having
            instead = self.instead if self.instead in having or not having else having[0]
            given = f"{value:.4g}" if isinstance(value, float) else value
            return InvalidOption(
                setting, f"{given} with {this}", f"{those}, or no {setting}", f"{self.kind}='{instead}'"
            )
        near = get_close_matches(option, known, n=1)
        fix = f"{self.kind}_options={{'{near[0]}': {value!r}}}" if near else f"leaving out {option}"
        return InvalidOption(f"option of {this}", repr(option), f"one of {', '.join(known)}", fix)

    def _in_settings(self, fix: str) -> str:
        """Return what to type with options called as their settings are."""
        for setting, option in self.settings.items():
            fix = re.sub(rf"\b{option}=", f"{setting}=", fix) if setting != option else fix
        return fix


def _rule(name: str, given: dict[str, Any]) -> RewiringRule:
    known = RULES[name].options()
    for option, value in given.items():
        if isinstance(known[option], bool) and not isinstance(value, bool):
            fix = f"rule_options={{'{option}': {not known[option]}}}"
            raise InvalidOption(option, repr(value), "True or False", fix)
    values: dict[str, Any] = {
        option: tuple(value) if isinstance(known[option], tuple) and isinstance(value, list) else value
        for option, value in given.items()
    }
    return RULES[name](**values)


def _objective(name: str, given: dict[str, Any]) -> Objective:
    return objective_of(name, {option: as_number(value) for option, value in given.items()})


RULE = Family(
    "rule",
    RULES,
    {"fraction": "fraction", "every": "every"},
    options=lambda name: RULES[name].options(),
    make=_rule,
    having="a rule that replaces edges",
    instead="set",
)
OBJECTIVE = Family(
    "objective",
    OBJECTIVES,
    {"eps": "eps", "beta": "beta", "attack_steps": "steps", "step_size": "step_size"},
    options=objective_options,
    make=_objective,
    having="an objective that has it",
    instead="trades",
)
FAMILIES = {family.kind: family for family in (RULE, OBJECTIVE)}
"""Settings that are names of things with options of their own."""


def _plain(value: Any) -> Any:
    """Return an option as JSON would give it back."""
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value


def _is_same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same number, as text or not, or the same text."""
    try:
        return float(as_number(one)) == float(as_number(other))
    except (TypeError, ValueError):
        return str(one) == str(other)
