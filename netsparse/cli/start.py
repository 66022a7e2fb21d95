"""The folder of a run, named before anything is written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from netsparse.cli.named_options import in_words
from netsparse.errors import InvalidOption, NetsparseError
from netsparse.train import TrainConfig
from netsparse.train.architectures import usual_settings
from netsparse.train.run_folder import check_free

IN_NAME = {
    "n_train": "n", "augment": "", "head": "head", "generator": "", "allocation": "", "fraction": "f", "every": "every",
    "objective": "", "eps": "eps", "beta": "beta", "attack_steps": "steps", "step_size": "step", "batch_size": "b",
    "accumulate": "acc", "optimizer": "", "lr": "lr", "lr_schedule": "", "weight_decay": "wd", "validation": "v",
    "init": "", "activation": "", "backend": "", "precision": "",
}  # fmt: skip
LONGEST, LONGEST_NAME = 60, 150

Config = TypeVar("Config", bound=TrainConfig)


def checked(kind: type[Config], settings: Mapping[str, Any]) -> Config:
    """Return the configuration; errors about options of rule and objective say what to type on the command line."""
    try:
        return kind.checked(**settings)
    except NetsparseError as error:
        for setting in ("rule", "objective"):
            error = in_words(error, setting, str(settings.get(setting, kind.model_fields[setting].default)))
        raise error from None


def run_path(out: Path, name: str | None, config: TrainConfig, *, is_new: bool = True) -> Path:
    """Return the folder of a run, `out/name` or a name made from the settings; nothing may be there if it `is_new`.

    Raises
    ------
    RunExists
        If something is there that should not be.
    InvalidOption
        If `name` is not a plain folder name.
    """
    if name is not None and (
        re.search(r"[/\\\0]", name) or name.strip() in ("", ".", "..") or len(name) > LONGEST_NAME
    ):
        expected = f"a plain folder name of at most {LONGEST_NAME} characters"
        raise InvalidOption("name", repr(name[:LONGEST_NAME]), expected, "--name second-try")
    path = out / (name or default_name(config))
    if is_new:
        check_free(path)
    return path


def default_name(config: TrainConfig) -> str:
    """Return a readable name: data, rule, network, density, epochs, whatever else is not the default, seed.

    Examples
    --------
    >>> default_name(TrainConfig.checked())
    'digits-set-1000x1000x1000-d0.01-e50-seed0'
    >>> default_name(TrainConfig.checked(optimizer="adam", lr=0.01))
    'digits-set-1000x1000x1000-d0.01-e50-adam-lr0.01-seed0'
    >>> default_name(TrainConfig.checked(rule="rigl", rule_options={"until": 0.5}))
    'digits-rigl-1000x1000x1000-d0.01-e50-until0.5-seed0'
    >>> default_name(TrainConfig.checked(model="vgg11", width=0.25, objective="trades", eps="8/255"))
    'digits-set-vgg11x0.25-d0.01-e50-trades-eps0.0313725-seed0'
    """
    data = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(config.data).stem).strip("-") or "data"
    fields = type(config).model_fields
    usual = {name: fields[name].default for name in IN_NAME} | usual_settings(config.model)
    others = {name: getattr(config, name) for name in IN_NAME if getattr(config, name) != usual[name]}
    changed = "".join(f"-{IN_NAME[name]}{_short(value)}" for name, value in others.items()) + _options_name(config)
    start = f"{data[:LONGEST]}-{config.rule}-{_network_name(config)}-d{config.density:g}-e{config.epochs}"
    return f"{start}{changed}-seed{config.seed}"


def _network_name(config: TrainConfig) -> str:
    if not config.widths:
        return config.model + (f"x{config.width:g}" if config.width != 1.0 else "")
    widths = "x".join(str(width) for width in config.widths)
    return widths if len(widths) <= LONGEST else f"{len(config.widths)}layers"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _options_name(config: TrainConfig) -> str:
    """Return the options of rule and objective as a part of a name, or a digest of them where they are many."""
    options = [*sorted(config.rule_options.items()), *sorted(config.objective_options.items())]
    parts = [f"-{name}{value}" for name, value in options]
    text = re.sub(r"[^A-Za-z0-9_.+-]+", "_", "".join(parts))
    return text if len(text) <= LONGEST else f"-options{hashlib.sha256(repr(parts).encode()).hexdigest()[:8]}"
