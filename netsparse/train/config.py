"""The settings of a run as one checked value: what the command line fills in and config.json stores."""

from __future__ import annotations

from collections.abc import Mapping
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
    "rule": {"static": None, **RULES},
    "optimizer": OPTIMIZERS,
    "lr_schedule": SCHEDULES,
    "precision": PRECISIONS,
    "init": INITS,
    "backend": {"auto": None, **KERNELS},
}
"""What the settings that are names may say."""


class TrainConfig(BaseModel):
    """Everything that determines a training run, given the data.

    Build it with `TrainConfig.checked(**values)`, whose errors are netsparse's one-liners.

    Examples
    --------
    >>> TrainConfig.checked(density=0.02).widths
    (1000, 1000, 1000)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = "digits"
    widths: tuple[int, ...] = (1000, 1000, 1000)
    density: float = 0.01
    generator: str = "erdos_renyi"
    allocation: str = "uniform"
    rule: str = "set"
    fraction: float = Field(default=0.3, ge=0.0, le=1.0)
    every: int | None = Field(default=None, ge=1)
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

    @model_validator(mode="after")
    def _used(self) -> Self:
        for name in ("fraction", "every"):
            value = getattr(self, name)
            if self.rule == "static" and value != type(self).model_fields[name].default:
                expected = f"a rule that replaces edges, or no {name}"
                raise InvalidOption(name, f"{value} with rule 'static'", expected, "rule='set'")
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
        return None if self.rule == "static" else RULES[self.rule](fraction=self.fraction, every=self.every)

    def fit_options(self) -> Mapping[str, Any]:
        """Return the keyword arguments for `netsparse.train.fit` beside network, data and rewiring."""
        names = (
            "epochs", "batch_size", "accumulate", "optimizer", "lr", "lr_schedule", "weight_decay", "validation",
            "init", "activation", "backend", "precision",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names} | {"rng": self.seed}


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
    "greater_than_equal": "a number",
    "less_than_equal": "a number",
}
BOUNDS = {"ge": "at least", "le": "at most"}
EXAMPLES = {"lr": 0.1, "validation": 0, "every": 100}
