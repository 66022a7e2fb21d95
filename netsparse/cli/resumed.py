"""A run that is to go on: its settings from its folder, and options beside them that say something else, refused."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import typer

from netsparse.cli.start import checked
from netsparse.errors import CheckpointDamaged, FileAbsent, InvalidFile, InvalidOption
from netsparse.train import TrainConfig
from netsparse.train.named_options import FAMILIES

WHO = ("software", "machine", "git_commit", "started", "compute")
CONFIG, PROVENANCE = "config.json", "provenance.json"
EXAMPLE = "the folder of a run that 'netsparse train' began"


class Begun(NamedTuple):
    """What the folder of a run says of it: settings, device, place of the data, when it was saved.

    `earlier` tells the software and machines that have worked on it so far, the last ones last.
    """

    config: TrainConfig
    device: str
    data_dir: Path | None
    checkpoints: dict[str, Any]
    earlier: list[dict[str, Any]]


def read_begun(path: Path) -> Begun:
    """Read what config.json and provenance.json say of the run in a folder.

    Raises
    ------
    FileAbsent, InvalidFile
        If there is no such folder, or none that `netsparse train` began.
    """
    if not path.is_dir():
        raise FileAbsent(f"run '{path}'", "no such folder", EXAMPLE, "--resume runs/NAME")
    settings = _read(path / CONFIG)
    if settings is None:
        raise InvalidFile(f"run '{path}'", f"a folder without {CONFIG}", EXAMPLE, "--resume runs/NAME")
    if "compare" in settings:
        raise InvalidFile(f"run '{path}'", "a folder of 'netsparse run'", EXAMPLE, "netsparse train from the start")
    origin = _read(path / PROVENANCE) or {}
    started = origin.get("started", {})
    data_dir = started.get("data_dir")
    return Begun(
        TrainConfig.checked(**settings),
        device=str(started.get("device", "cpu")),
        data_dir=None if data_dir is None else Path(data_dir),
        checkpoints=started.get("checkpoints", {}),
        earlier=[*origin.get("earlier", []), {name: origin[name] for name in WHO if name in origin}],
    )


def check_beside(begun: Begun, given: Mapping[str, Any]) -> None:
    """Compare what was typed beside --resume with the run.

    Parameters
    ----------
    begun : Begun
        The run.
    given : mapping
        Values of the options that were typed, by their Python names.

    Raises
    ------
    InvalidOption
        For the first that says something else than the run does, and for a name of a folder.
    """
    for name in ("out", "name"):
        if name in given:
            raise InvalidOption(
                name, f"'{given[name]}' beside --resume", "a run's folder, once", f"leaving out --{name}"
            )
    stored = {**begun.config.model_dump(), "device": begun.device}
    device = given.get("device", begun.device)
    typed = {name: value for name, value in given.items() if name != "device"}
    for kind, family in FAMILIES.items():
        if f"{kind}_options" in typed:  # some of them may be
            typed[f"{kind}_options"] = {**family.given(stored), **typed[f"{kind}_options"]}
            typed |= {name: None for name in family.settings if name not in given}
    for name in ("model", *FAMILIES):  # other settings would not fit another one, and that would be all one is told
        _check_same(name, typed.get(name, stored[name]), stored[name])
    config = checked(TrainConfig, {**begun.config.model_dump(), **typed})
    for name, value in {**config.model_dump(), "device": device}.items():
        _check_same(name, value, stored[name])


def _check_same(name: str, value: Any, stored: Any) -> None:
    if value != stored:
        option = name.removesuffix("s") if name.endswith("_options") else name
        fix = f"leaving out --{option.replace('_', '-')}"
        raise InvalidOption(name, f"{value!r} beside --resume", f"{stored!r}, as in the run", fix)


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Print warnings as the errors are printed: without the line of code that gave them."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", CheckpointDamaged)
        warnings.showwarning = lambda message, *_, **__: typer.echo(f"netsparse: {message}", err=True)
        yield


def _read(file: Path) -> dict[str, Any] | None:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        given = getattr(error, "strerror", None) or "a file that is not JSON"
        raise InvalidFile(f"file '{file}'", given, "the settings of a run", EXAMPLE) from error
    if not isinstance(values, dict):
        raise InvalidFile(f"file '{file}'", "JSON that is no object", "the settings of a run", EXAMPLE)
    return values
