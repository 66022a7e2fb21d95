"""Trained models of the command line: run folders and model files, each with the data it was trained on."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from netsparse.datasets import Dataset, load
from netsparse.errors import FileAbsent, InvalidFile, InvalidOption
from netsparse.nn import SparseModel, as_device
from netsparse.train import load_model

MODEL, CONFIG = "model.safetensors", "config.json"
EXAMPLE = "what 'netsparse run' or 'netsparse train' wrote"


class Trained(NamedTuple):
    """A model, the data to test it on, what tables call it, and the file."""

    name: str
    model: SparseModel
    dataset: Dataset
    path: Path


def read_runs(paths: Sequence[Path], *, data: str | None, data_dir: Path | None, device: str) -> list[Trained]:
    """Read the models of run folders and model files, and each data set once.

    A run folder stands for its model.safetensors; the config.json beside a model says what it was trained on, unless
    `data` does.

    Raises
    ------
    FileAbsent, InvalidFile
        If nothing is there, or it is no model.
    InvalidOption
        Where nothing says which data, for a model that does not fit the data, and for a run that is given twice.
    """
    place = as_device(device)
    files = [_model_file(path) for path in paths]
    real = [os.path.realpath(file) for file in files]  # one run has many paths
    twice = [path for k, path in enumerate(paths) if real[k] in real[:k]]
    if twice:
        raise InvalidOption("runs", f"'{twice[0]}' twice", "every run once", f"'{twice[0]}' once")
    sources = [_data(file) if data is None else data for file in files]
    sets = {source: load(source, data_dir=data_dir) for source in dict.fromkeys(sources)}
    found = []
    for name, file, source in zip(_names(paths, files), files, sources, strict=True):
        model, dataset = load_model(file).to(place), sets[source]
        _check_fit(file, model, source, dataset)
        found.append(Trained(name, model, dataset, file))
    return found


def read_model(path: Path, *, device: str) -> SparseModel:
    """Read the model of a run folder or a model file; raises `FileAbsent`, `InvalidFile`."""
    place = as_device(device)
    return load_model(_model_file(path)).to(place)


def _check_fit(file: Path, model: SparseModel, source: str, dataset: Dataset) -> None:
    n_in = model.n_features
    if n_in != dataset.n_features or model.n_classes < dataset.n_classes:
        given = f"'{source}', {dataset.n_features} features and {dataset.n_classes} classes"
        expected = f"data for '{file}', a model of {n_in} inputs and {model.n_classes} classes"
        raise InvalidOption("data", given, expected, "--data with what it was trained on")


def _model_file(path: Path) -> Path:
    if not os.path.lexists(path):
        raise FileAbsent(f"run '{path}'", "no such folder or file", "a run folder or a model file", EXAMPLE)
    if not os.path.isdir(path):
        if path.suffix.lower() != ".safetensors":
            expected = "a run folder, or a model that netsparse wrote (.safetensors)"
            raise InvalidFile(f"run '{path}'", f"a file '{path.name}'", expected, EXAMPLE)
        return path
    if not (path / MODEL).exists():
        raise InvalidFile(f"run '{path}'", "a folder without a model", f"a run folder, which holds {MODEL}", EXAMPLE)
    return path / MODEL


def _data(file: Path) -> str:
    """Return the name or path of the data in the config.json beside a model."""
    config = file.parent / CONFIG
    fix = "--data fashion-mnist, or what it was trained on"
    try:
        settings: Any = json.loads(config.read_text(encoding="utf-8"))
        if isinstance(settings, dict) and isinstance(settings.get("data"), str):
            return settings["data"]
        given = "no data in it"
    except FileNotFoundError:
        raise InvalidOption("data", f"none, and no {CONFIG} beside '{file}'", "the data to test on", fix) from None
    except (OSError, ValueError) as error:
        given = getattr(error, "strerror", None) or "a file that is not JSON"
    raise InvalidFile(f"file '{config}'", given, "the settings of a run, which name the data", fix)


def _names(paths: Sequence[Path], files: Sequence[Path]) -> list[str]:
    """Return a short name for each run: its folder's, the file's too where it is not the last model; else the path.

    Examples
    --------
    >>> paths = [Path("runs/set"), Path("runs/static/best.safetensors")]
    >>> _names(paths, [paths[0] / "model.safetensors", paths[1]])
    ['set', 'static/best']
    """
    short = []
    for file in files:
        folder = file.absolute().parent.name
        short.append(folder if file.name == MODEL else f"{folder}/{file.stem}")
    return short if len(set(short)) == len(short) else [str(path) for path in paths]
