"""The settings of a run as one checked value: what the command line fills in and config.json stores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from netsparse.datasets import Dataset
from netsparse.errors import InvalidOption, InvalidSize, unknown_name
from netsparse.generators import GENERATORS, layered, vgg
from netsparse.generators.budget import as_density, as_sizes
from netsparse.generators.convolutional import as_width
from netsparse.graph import SparseNetwork
from netsparse.nn import KERNELS, VGG
from netsparse.nn.activation import ACTIVATIONS, slope_of
from netsparse.nn.init import INITS
from netsparse.rewiring import RULES, RewiringRule
from netsparse.train.architectures import MLP, MODELS, WIDTHS, allocations, usual_settings
from netsparse.train.augment import ShiftAndFlip, picture
from netsparse.train.named_options import FAMILIES, OBJECTIVE, RULE
from netsparse.train.objectives import OBJECTIVES, Objective
from netsparse.train.optimizers import OPTIMIZERS
from netsparse.train.precision import PRECISIONS
from netsparse.train.schedules import SCHEDULES
from netsparse.train.setting_errors import one_line
from netsparse.train.splits import Splits, held_back
from netsparse.train.written_numbers import as_number

AUGMENTS: dict[str, ShiftAndFlip | None] = {
    "none": None,
    "shift": ShiftAndFlip(flip=False),
    "shift_and_flip": ShiftAndFlip(),
}
"""Random changes of training images, by name."""

NAMES: dict[str, Mapping[str, Any]] = {
    "model": MODELS,
    "generator": GENERATORS,
    "rule": RULES,
    "objective": OBJECTIVES,
    "augment": AUGMENTS,
    "optimizer": OPTIMIZERS,
    "lr_schedule": SCHEDULES,
    "precision": PRECISIONS,
    "init": INITS,
    "backend": {"auto": None, **KERNELS},
}
"""What the settings that are names may say; `allocation` depends on the model."""


class TrainConfig(BaseModel):
    """Everything that determines a training run, given the data.

    Build it with `TrainConfig.checked(**values)`, whose errors are netsparse's one-liners. `fraction` and `every` are
    options of the rule like those in `rule_options`, of which any may be given; without them the rule's own defaults
    hold. So are `eps`, `beta`, `attack_steps` and `step_size` of the objective, beside `objective_options`; numbers
    may be written as "8/255".

    A `model` of "mlp" has sparse layers of so many `widths` and, unless `head` is None, a dense read-out; a VGG has its
    own layers, all of them sparse, whose `width` is a factor, and shares the density in its own ways, see
    `netsparse.generators.vgg`.

    Examples
    --------
    >>> TrainConfig.checked(density=0.02).widths
    (1000, 1000, 1000)
    >>> TrainConfig.checked(rule="rigl", fraction=0.2, rule_options={"until": 0.5}).rewiring()
    RigL(fraction=0.2, until=0.5)
    >>> config = TrainConfig.checked(model="vgg16", objective="trades", eps="8/255", beta=3)
    >>> config.allocation, config.loss().beta
    ('published', 3.0)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants", protected_namespaces=())

    data: str = "digits"
    n_train: int | None = Field(default=None, ge=1)
    augment: str = "none"
    model: str = MLP
    widths: tuple[int, ...] = WIDTHS
    width: float = 1.0
    head: str | None = "dense"
    density: float = 0.01
    generator: str = "erdos_renyi"
    allocation: str = "uniform"
    rule: str = "set"
    fraction: float | None = Field(default=None, ge=0.0, le=1.0)
    every: int | None = Field(default=None, ge=1)
    rule_options: dict[str, Any] = Field(default_factory=dict)
    objective: str = "natural"
    eps: float | None = Field(default=None, ge=0.0, allow_inf_nan=False)
    beta: float | None = Field(default=None, ge=0.0, allow_inf_nan=False)
    attack_steps: int | None = Field(default=None, ge=1)
    step_size: float | None = Field(default=None, ge=0.0, allow_inf_nan=False)
    objective_options: dict[str, Any] = Field(default_factory=dict)
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
        """Fill in what depends on the model, and move options that have a setting of their own there."""
        if not isinstance(values, dict):
            return values
        values = {**usual_settings(str(values.get("model", MLP))), **values}
        if "rule_options" not in values and values.get("rule") == "static" and values.get("fraction") == FRACTION_ONCE:
            values["fraction"] = None  # of a file of before there were any
        for family in FAMILIES.values():
            values = family.moved(values)
        return values

    @model_validator(mode="after")
    def _used(self) -> Self:
        for family in FAMILIES.values():
            family.made(vars(self))
        if self.model == MLP:
            if self.width != 1.0:
                given = f"{self.width:g} with model '{MLP}'"
                raise InvalidOption("width", given, "a VGG, whose width is a factor", "widths=250,250,250")
        elif self.activation != "relu":
            given = f"{self.activation!r} with model '{self.model}'"
            raise InvalidOption("activation", given, "relu, as a VGG has it", "activation='relu'")
        return self

    @field_validator("widths")
    @classmethod
    def _sizes(cls, widths: tuple[int, ...], info: Any) -> tuple[int, ...]:
        model = info.data.get("model", MLP)
        if model == MLP:
            return tuple(as_sizes([1, *widths])[1:])
        if widths:
            given = f"{','.join(map(str, widths))} with model '{model}'"
            raise InvalidSize("widths", given, "none, a VGG has its own", "width=0.25, a factor on all of them")
        return ()

    @field_validator("width")
    @classmethod
    def _factor(cls, width: float) -> float:
        return as_width(width)

    @field_validator("head")
    @classmethod
    def _read_out(cls, head: str | None, info: Any) -> str | None:
        head, model = None if head == "none" else head, info.data.get("model", MLP)
        if head not in ("dense", None):
            raise unknown_name("head", head, ("dense", "none"))
        if head is not None and model != MLP:
            raise InvalidOption("head", f"'{head}' with model '{model}'", "none, its last layer is sparse", "head=none")
        return head

    @field_validator("density")
    @classmethod
    def _density(cls, density: float) -> float:
        return as_density(density)

    @field_validator("allocation")
    @classmethod
    def _shared(cls, allocation: str, info: Any) -> str:
        known = allocations(info.data.get("model", MLP))
        if allocation not in known:
            raise unknown_name("allocation", allocation, known)
        return allocation

    @field_validator("eps", "beta", "step_size", mode="before")
    @classmethod
    def _quotient(cls, number: Any) -> Any:
        return as_number(number)

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
            raise one_line(error, cls) from None

    def chosen(self, dataset: Dataset) -> Dataset:
        """Return the data set with its first `n_train` training images alone; as it is where there is no such number.

        Raises
        ------
        InvalidOption
            If it has fewer.
        """
        n = len(dataset.x_train)
        if self.n_train is None or self.n_train == n:
            return dataset
        if self.n_train > n:
            raise InvalidOption("n_train", str(self.n_train), f"at most the {n} training images", f"n_train={n}")
        return replace(dataset, x_train=dataset.x_train[: self.n_train], y_train=dataset.y_train[: self.n_train])

    def network(self, dataset: Dataset) -> SparseNetwork:
        """Draw the network for a data set, once it is clear that the settings fit it.

        Raises
        ------
        InvalidOption
            If more images are held back for validation than there are, or images are too small to be shifted.
        InvalidSize
            If a last layer without a dense head has not one unit for each class; if the data are no images, for a VGG
            and for random changes of them.
        InvalidDensity, NoEdges, InvalidDegree
            What `netsparse.generators.layered` and, for a VGG, `netsparse.generators.vgg` raise.
        """
        held_back(len(dataset.x_train), self.validation)
        self._check_augment(dataset.shape)
        options: dict[str, Any] = {"generator": self.generator, "allocation": self.allocation, "rng": self.seed}
        depth = MODELS[self.model]
        if depth is None:
            self._check_last(dataset.n_classes)
            return layered([dataset.n_features, *self.widths], density=self.density, **options)
        options |= {"width": self.width, "shape": dataset.shape, "n_classes": dataset.n_classes}
        return vgg(depth, density=self.density, **options)

    def _check_augment(self, shape: tuple[int, ...]) -> None:
        change = AUGMENTS[self.augment]
        if change is None:
            return
        _, height, width = picture(shape)
        if not change.flip and change.shift * max(height, width) < 1.0:
            given = f"'{self.augment}' for images of {height} x {width}, which are not shifted by a single pixel"
            raise InvalidOption("augment", given, f"a side of at least {math.ceil(1 / change.shift)}", "augment='none'")

    def _check_last(self, n_classes: int) -> None:
        if self.head is None and self.widths[-1] != n_classes:
            fix = "widths=" + ",".join(map(str, (*self.widths[:-1], n_classes)))
            given = f"{self.widths[-1]} units in the last layer of a network without a dense head"
            raise InvalidSize("widths", given, f"{n_classes}, one for each class", fix)

    def built(self, dataset: Dataset) -> SparseNetwork | VGG:
        """Return what `netsparse.train.fit` takes: the wiring of an MLP, or a VGG with its first weights.

        A VGG normalises its inputs by the mean and the standard deviation of the pixels that it is trained on, as `fit`
        makes an MLP do.

        Raises
        ------
        as `network`
        """
        network = self.network(dataset)
        if MODELS[self.model] is None:
            return network
        moments = Splits.of(dataset, self.validation, torch.device("cpu")).moments()
        options: dict[str, Any] = {"init": self.init, "backend": self.backend, "rng": self.seed}
        return VGG(network, shape=dataset.shape, normalization=moments, **options)

    def rewiring(self) -> RewiringRule | None:
        """Return the rule, or None for a network that stays as it is."""
        return None if self.rule == "static" else RULE.made(vars(self))

    def loss(self) -> Objective:
        """Return the objective that is minimised."""
        return OBJECTIVE.made(vars(self))

    def fit_options(self) -> Mapping[str, Any]:
        """Return the keyword arguments for `netsparse.train.fit` beside what `built` makes, data and rewiring."""
        names = (
            "epochs", "batch_size", "accumulate", "optimizer", "lr", "lr_schedule", "weight_decay", "validation",
            "precision",
        )  # fmt: skip
        building = ("head", "init", "activation", "backend") if self.model == MLP else ()
        given = {name: getattr(self, name) for name in (*names, *building)}
        return given | {"augment": AUGMENTS[self.augment], "objective": self.loss(), "rng": self.seed}


FRACTION_ONCE = 0.3
"""What `fraction` said where it said nothing, before it was left to the rule."""
