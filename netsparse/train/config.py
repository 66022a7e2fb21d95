"""The settings of a run as one checked value: what the command line fills in and config.json stores."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from netsparse.datasets import Dataset
from netsparse.errors import InvalidDensity, InvalidOption, InvalidSize, NetsparseError, unknown_name
from netsparse.generators import ALLOCATIONS, GENERATORS, layered
from netsparse.generators.budget import as_density, as_sizes
from netsparse.graph import SparseNetwork
from netsparse.nn import KERNELS
from netsparse.nn.activation import ACTIVATIONS, slope_of
from netsparse.nn.init import INITS
from netsparse.rewiring import RULES, RewiringRule
from netsparse.train.optimizers import OPTIMIZERS
from netsparse.train.precision import PRECISIONS
from netsparse.train.schedules import SCHEDULES
from netsparse.train.splits import held_back

NAMES: dict[str, Mapping[str, Any]] = {
    "generator": GENERATORS,
    "allocation": ALLOCATIONS,
    "rule": RULES,
    "optimizer": OPTIMIZERS,
    "lr_schedule": SCHEDULES,
    "precision": PRECISIONS,
    "init": INITS,
    "backend": {"auto": None, **KERNELS},
}
"""What the settings that are names may say."""

SHORT = ("fraction", "every")
"""Options of rules that are settings of their own."""


class TrainConfig(BaseModel):
    """Everything that determines a training run, given the data.

    Build it with `TrainConfig.checked(**values)`, whose errors are netsparse's one-liners. `fraction` and `every` are
    options of the rule like those in `rule_options`, of which any may be given; without them the rule's own defaults
    hold.

    Examples
    --------
    >>> TrainConfig.checked(density=0.02).widths
    (1000, 1000, 1000)
    >>> TrainConfig.checked(rule="rigl", fraction=0.2, rule_options={"until": 0.5}).rewiring()
    RigL(fraction=0.2, until=0.5)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    data: str = "digits"
    widths: tuple[int, ...] = (1000, 1000, 1000)
    density: float = 0.01
    generator: str = "erdos_renyi"
    allocation: str = "uniform"
    rule: str = "set"
    fraction: float | None = Field(default=None, ge=0.0, le=1.0)
    every: int | None = Field(default=None, ge=1)
    rule_options: dict[str, Any] = Field(default_factory=dict)
    epochs: int = Field(default=50, ge=1)
    batch_size: int = Field(default=128, ge=1)
    accumulate: int = Field(default=1, ge=1)
    optimizer: str = "sgd"
    lr: float | None = Field(default=None, ge=0.0, allow_inf_nan=False)
    lr_schedule: str = "linear"
    weight_decay: float = Field(default=5e-4, ge=0.0, allow_inf_nan=False)
    validation: int | None = Field(default=None, ge=0)
    init: str = "he_sparse"
    activation: str | float = "relu"
    backend: str = "auto"
    precision: str = "float32"
    threads: int = Field(default=1, ge=1, le=1024)
    seed: int = Field(default=0, ge=0)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_values(cls, value: Any) -> Any:
        if any(isinstance(part, bool) for part in (value if isinstance(value, list | tuple) else [value])):
            raise PydanticCustomError("truth_value", "a number or a name")
        return value

    @model_validator(mode="before")
    @classmethod
    def _one_place(cls, values: Any) -> Any:
        """Move what has a setting of its own out of `rule_options`."""
        if not isinstance(values, dict):
            return values
        if "rule_options" not in values and values.get("rule") == "static" and values.get("fraction") == FRACTION_ONCE:
            return {**values, "fraction": None}  # of a file of before there were any
        options = values.get("rule_options")
        if not isinstance(options, Mapping):
            return values
        values = {**values, "rule_options": {name: _plain(value) for name, value in options.items()}}
        for name in SHORT:
            if name not in options:
                continue
            if values.get(name) is not None and not _is_same(values[name], options[name]):
                given = f"{values[name]} and, as an option of the rule, {options[name]}"
                raise InvalidOption(name, given, "one of them", f"{name}={values[name]}")
            if options[name] is not None:  # None would say nothing there: here it is an option, epochs count
                values[name] = values["rule_options"].pop(name)
        return values

    @model_validator(mode="after")
    def _used(self) -> Self:
        self._rule()
        return self

    @field_validator("widths")
    @classmethod
    def _sizes(cls, widths: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(as_sizes([1, *widths])[1:])

    @field_validator("density")
    @classmethod
    def _density(cls, density: float) -> float:
        return as_density(density)

    @field_validator("activation", mode="before")
    @classmethod
    def _activation(cls, activation: Any) -> Any:
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            try:
                activation = float(activation)
            except ValueError:
                raise unknown_name("activation", activation, ACTIVATIONS) from None
        slope_of(activation)
        return activation

    @field_validator(*NAMES)
    @classmethod
    def _known(cls, name: str, info: Any) -> str:
        if name not in NAMES[info.field_name]:
            raise unknown_name(info.field_name, name, NAMES[info.field_name])
        return name

    @classmethod
    def checked(cls, **values: Any) -> Self:
        """Build the configuration.

        Raises
        ------
        InvalidSize, InvalidDensity, UnknownName, InvalidOption
            For the first value that is not possible.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            raise _one_line(error, cls) from None

    def network(self, dataset: Dataset) -> SparseNetwork:
        """Draw the network for a data set, once it is clear that the settings fit it.

        Raises
        ------
        InvalidOption
            If more images are held back for validation than there are.
        InvalidDensity, NoEdges, InvalidDegree
            What `netsparse.generators.layered` raises.
        """
        held_back(len(dataset.x_train), self.validation)
        sizes = [dataset.n_features, *self.widths]
        options: dict[str, Any] = {"generator": self.generator, "allocation": self.allocation}
        return layered(sizes, density=self.density, rng=self.seed, **options)

    def rewiring(self) -> RewiringRule | None:
        """Return the rule, or None for a network that stays as it is."""
        return None if self.rule == "static" else self._rule()

    def _rule(self) -> RewiringRule:
        """Return the rule; raises `InvalidOption`, `UnknownName` for options that it does not have or take."""
        short = {name: getattr(self, name) for name in SHORT if getattr(self, name) is not None}
        given, known = {**short, **self.rule_options}, RULES[self.rule].options()
        for name in given:
            if name not in known:
                raise self._no_such_option(name, given[name], known)
            if isinstance(known[name], bool) and not isinstance(given[name], bool):
                fix = f"rule_options={{'{name}': {not known[name]}}}"
                raise InvalidOption(f"{name} of rule '{self.rule}'", repr(given[name]), "True or False", fix)
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(known[name], tuple) and isinstance(value, list) else value
            for name, value in given.items()
        }
        try:
            return RULES[self.rule](**values)
        except NetsparseError as error:
            raise type(error)(
                f"{error.subject} of rule '{self.rule}'", error.given, error.expected, error.fix
            ) from None
        except (TypeError, ValueError) as error:
            fix = f"leaving out {', '.join(given)}"
            raise InvalidOption(f"options of rule '{self.rule}'", repr(given), f"others ({error})", fix) from None

    def _no_such_option(self, name: str, value: Any, known: Mapping[str, Any]) -> InvalidOption:
        near = get_close_matches(name, known, n=1)
        fix = f"rule_options={{'{near[0]}': {value!r}}}" if near else f"leaving out {name}"
        if not known:
            expected = f"a rule that replaces edges, or no {name}"
            return InvalidOption(name, f"{value} with rule '{self.rule}'", expected, "rule='set'")
        return InvalidOption(f"option of rule '{self.rule}'", repr(name), f"one of {', '.join(known)}", fix)

    def fit_options(self) -> Mapping[str, Any]:
        """Return the keyword arguments for `netsparse.train.fit` beside network, data and rewiring."""
        names = (
            "epochs", "batch_size", "accumulate", "optimizer", "lr", "lr_schedule", "weight_decay", "validation",
            "init", "activation", "backend", "precision",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names} | {"rng": self.seed}


FRACTION_ONCE = 0.3
"""What `fraction` said where it said nothing, before it was left to the rule."""


def _plain(value: Any) -> Any:
    """Return an option as JSON would give it back."""
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value


def _is_same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same number, as text or not, or the same text."""
    try:
        return float(one) == float(other)
    except (TypeError, ValueError):
        return str(one) == str(other)


def _one_line(error: ValidationError, cls: type[BaseModel]) -> NetsparseError:
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, NetsparseError):
        return cause
    name = str(first["loc"][0])
    if name not in cls.model_fields:
        return InvalidOption("setting", repr(name), "one of " + ", ".join(cls.model_fields), "leaving it out")
    field = cls.model_fields[name]
    kind = {"widths": InvalidSize, "density": InvalidDensity}.get(name, InvalidOption)
    limits = [
        (words, getattr(part, key)) for part in field.metadata for key, words in BOUNDS.items() if hasattr(part, key)
    ]
    bounds = "".join(f", {words} {limit:g}" for words, limit in limits)
    expected = "a whole number" if field.annotation in (int, int | None) else EXPECTED.get(first["type"], first["msg"])
    return kind(name, repr(first["input"]), expected + bounds, f"{name}={EXAMPLES.get(name, field.default)}")


EXPECTED = {
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "tuple_type": "a sequence of whole numbers",
    "dict_type": "names and values of options",
    "greater_than_equal": "a number",
    "less_than_equal": "a number",
}
BOUNDS = {"ge": "at least", "le": "at most"}
EXAMPLES = {"lr": 0.1, "validation": 0, "every": 100, "fraction": FRACTION_ONCE, "rule_options": "{'until': 0.75}"}
