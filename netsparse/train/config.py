"""The settings of a run as one checked value: what the command line fills in and config.json stores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from netsparse.errors import InvalidDensity, InvalidOption, InvalidSize, unknown_name
from netsparse.generators import ALLOCATIONS, GENERATORS, layered
from netsparse.generators.budget import as_density, as_sizes
from netsparse.graph import SparseNetwork
from netsparse.rewiring import RULES, RewiringRule


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
    epochs: int = Field(default=50, ge=1)
    batch_size: int = Field(default=128, ge=1)
    optimizer: str = "sgd"
    lr: float | None = Field(default=None, ge=0.0, allow_inf_nan=False)
    weight_decay: float = Field(default=5e-4, ge=0.0, allow_inf_nan=False)
    validation: int | None = Field(default=None, ge=0)
    seed: int = Field(default=0, ge=0)

    @field_validator("generator", "allocation", "rule")
    @classmethod
    def _known(cls, name: str, info: Any) -> str:
        known = {"generator": GENERATORS, "allocation": ALLOCATIONS, "rule": {"static": None, **RULES}}[info.field_name]
        if name not in known:
            raise unknown_name(info.field_name, name, known)
        return name

    @classmethod
    def checked(cls, **values: Any) -> TrainConfig:
        """Build the configuration.

        Raises
        ------
        InvalidSize, InvalidDensity, UnknownName, InvalidOption
            For the first value that is not possible.
        """
        try:
            config = cls(**values)
        except ValidationError as error:
            raise _one_line(error, cls) from None
        as_sizes([1, *config.widths])
        as_density(config.density)
        return config

    def network(self, n_in: int) -> SparseNetwork:
        """Draw the network for data with `n_in` features; raises what `netsparse.generators.layered` raises."""
        sizes = [n_in, *self.widths]
        options = {"generator": self.generator, "allocation": self.allocation}
        return layered(sizes, density=self.density, rng=self.seed, **options)

    def rewiring(self) -> RewiringRule | None:
        """Return the rule, or None for a network that stays as it is."""
        return None if self.rule == "static" else RULES[self.rule](fraction=self.fraction)

    def fit_options(self) -> Mapping[str, Any]:
        """Return the keyword arguments for `netsparse.train.fit` beside network, data and rewiring."""
        names = ("epochs", "batch_size", "optimizer", "lr", "weight_decay", "validation")
        return {name: getattr(self, name) for name in names} | {"rng": self.seed}


def _one_line(error: ValidationError, cls: type[BaseModel]) -> InvalidOption | InvalidSize | InvalidDensity:
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InvalidOption | InvalidSize | InvalidDensity):
        return cause
    if isinstance(cause, Exception):
        raise cause
    name = str(first["loc"][0])
    kind = {"widths": InvalidSize, "density": InvalidDensity}.get(name, InvalidOption)
    default = cls.model_fields[name].default if name in cls.model_fields else None
    expected = first["msg"][0].lower() + first["msg"][1:]
    return kind(name, repr(first["input"]), expected, f"{name}={default!r}")
