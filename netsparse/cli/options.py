"""The options that several verbs share, each said once.

Numbers arrive as text: `TrainConfig` reads them, and its errors say what was given in one line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netsparse.cli.lists import list_objectives, list_rules
from netsparse.errors import InvalidOption, InvalidSize

Data = Annotated[
    str,
    typer.Option(
        help="digits, mnist, fashion-mnist, cifar10, or a path to an .npz file or a folder of IDX or numpy files."
    ),
]
TrainingImages = Annotated[
    str | None,
    typer.Option("--n-train", metavar="NUMBER", help="Train on the first so many images alone; default all of them."),
]
Augment = Annotated[
    str,
    typer.Option(
        help="Random changes of the images of a step: none, shift (by up to a tenth of a side), or shift_and_flip (and "
        "half of them mirrored)."
    ),
]
Model = Annotated[
    str, typer.Option(help="mlp, or a VGG for images: vgg11, vgg13, vgg16, vgg19, all of whose layers are sparse.")
]
Widths = Annotated[str, typer.Option(help="Units of the sparse hidden layers of an MLP, separated by commas.")]
Width = Annotated[str, typer.Option(metavar="NUMBER", help="Factor on all widths of a VGG, as in 0.25.")]
Head = Annotated[
    str,
    typer.Option(
        help="Read-out of an MLP: dense, or none: the last of --widths is the number of classes then. A VGG has none."
    ),
]
Density = Annotated[
    str, typer.Option(metavar="NUMBER", help="Fraction of all pairs that are edges, in (0, 1]; 0.01 is 99 % sparse.")
]
Generator = Annotated[
    str,
    typer.Option(
        help="How each layer is wired: erdos_renyi, near_biregular, complete or another; an unknown name lists them."
    ),
]
Allocation = Annotated[
    str,
    typer.Option(
        help="How the density is shared between layers: uniform, erk; of a VGG also published (usual for vgg16) and "
        "scaled (usual for others)."
    ),
]
Rule = Annotated[
    str,
    typer.Option(
        callback=list_rules,
        is_eager=True,
        help="How the topology adapts: static (not at all), set, rigl, deep_r, cannistraci_hebb or another; "
        "list shows all, with their options.",
    ),
]
RuleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--rule-option",
        metavar="NAME=VALUE",
        help="An option of the rule, as until=0.75; repeatable. '--rule list' shows them.",
    ),
]
Fraction = Annotated[
    str | None,
    typer.Option(metavar="NUMBER", help="Share of each layer's edges that the rule replaces; default the rule's own."),
]
ObjectiveName = Annotated[
    str,
    typer.Option(
        "--objective",
        callback=list_objectives,
        is_eager=True,
        help="What is minimised: natural (cross-entropy), adversarial, mixed, trades, mart; list shows all, with their "
        "options.",
    ),
]
ObjectiveOption = Annotated[
    list[str] | None,
    typer.Option(
        "--objective-option",
        metavar="NAME=VALUE",
        help="An option of the objective, as norm=l2; repeatable. '--objective list' shows them.",
    ),
]
Eps = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER", help="Most that an attack in training changes a pixel by, in [0, 1], as in 8/255 or 0.1."
    ),
]
Beta = Annotated[str | None, typer.Option(metavar="NUMBER", help="Weight of robustness in trades and mart; default 6.")]
AttackSteps = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Steps of an attack in training; default the objective's own.")
]
StepSize = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Length of such a step, as in 2/255; default 2.5 eps / steps.")
]
Epochs = Annotated[str, typer.Option(metavar="NUMBER", help="Passes over the training images.")]
BatchSize = Annotated[str, typer.Option(metavar="NUMBER", help="Images per step.")]
Optimizer = Annotated[str, typer.Option(help="sgd (momentum 0.9), sgdw (its decay apart from the rate) or adam.")]
LearningRate = Annotated[
    str | None, typer.Option("--lr", metavar="NUMBER", help="First learning rate; default 0.1 (sgd), 0.001 (adam).")
]
WeightDecay = Annotated[str, typer.Option(metavar="NUMBER", help="Weight decay, as torch's optimizers define it.")]
Validation = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER",
        help="Training images held back for validation; default the last 10,000 or a fifth, 0 trains on all.",
    ),
]
Accumulate = Annotated[
    str, typer.Option(metavar="NUMBER", help="Parts in which a batch is worked through, for less memory.")
]
Precision = Annotated[str, typer.Option(help="float32, float64, bfloat16 or, on cuda, float16.")]
LearningRateSchedule = Annotated[
    str,
    typer.Option("--lr-schedule", help="How the learning rate goes: linear, constant, cosine, warmup_cosine, ..."),
]
Every = Annotated[
    str | None,
    typer.Option(metavar="NUMBER", help="Optimizer steps between two rewirings; default the rule's own."),
]
Init = Annotated[str, typer.Option(help="How weights start: he_sparse, he_dense.")]
Activation = Annotated[str, typer.Option(help="relu, leaky_relu, all_relu, or a slope for the negative side.")]
Backend = Annotated[str, typer.Option(help="What computes a layer: auto, or a kernel; an unknown name lists them.")]
Resume = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN", help="Go on with the run in this folder, which was cut off; its settings are the run's own."
    ),
]
CheckpointMinutes = Annotated[
    str, typer.Option(metavar="NUMBER", help="Minutes between two checkpoints, or none: only epochs count.")
]
CheckpointEpochs = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Epochs between two checkpoints, too; default: only minutes count.")
]
Keep = Annotated[str, typer.Option(metavar="NUMBER", help="How many checkpoints to keep.")]
Board = Annotated[
    bool, typer.Option("--tensorboard", help="Also write TensorBoard's files into the run folder, epoch by epoch.")
]
LostAfter = Annotated[
    str,
    typer.Option(metavar="NUMBER", help="Minutes after which a silent process of torchrun counts as lost, or none."),
]
Device = Annotated[str, typer.Option(help="Where to compute: cpu or cuda.")]
Threads = Annotated[
    str,
    typer.Option(
        metavar="NUMBER",
        help="CPU threads of torch. 1 gives the same bytes on any number of cores; more pay for wide or dense layers.",
    ),
]
Seed = Annotated[str, typer.Option(metavar="NUMBER", help="Seed of everything random.")]
Out = Annotated[Path, typer.Option(help="Folder that holds the run folders.")]
Name = Annotated[str | None, typer.Option(help="Name of the run folder; default made from the settings.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Where data sets lie or are downloaded to; default $NETSPARSE_DATA, else data/.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON instead of a table.")]


def parse_widths(text: str, name: str = "widths", example: str = "1000,1000,1000") -> tuple[int, ...]:
    """Return "1000,1000,1000" as numbers; raises `InvalidSize`."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        expected = "whole numbers of units, separated by commas"
        raise InvalidSize(name, repr(text), expected, f"--{name} {example}") from None


def parse_whole(name: str, text: str, *, least: int, example: int, most: int | None = None) -> int:
    """Return a whole number of at least `least` and, where there is a limit, at most `most`; raises `InvalidOption`."""
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least or (most is not None and number > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise InvalidOption(name, repr(text), f"a whole number, {bounds}", f"--{name} {example}")
    return number


def parse_minutes(name: str, text: str, *, example: float) -> float | None:
    """Return a finite number of minutes, at least 0; None for "none"; raises `InvalidOption`."""
    if text.strip() == "none":
        return None
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    if not 0.0 <= minutes < float("inf"):
        raise InvalidOption(name, repr(text), "minutes, at least 0, or none", f"--{name} {example:g}")
    return minutes
