"""The rounds of a lottery on disk: one folder each, whole or absent, checked before it is believed."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from netsparse.atomic import write_text
from netsparse.errors import CheckpointDamaged, FileAbsent
from netsparse.generators.convolutional import in_a_row
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.nn import SparseModel
from netsparse.train.checkpoint import load_model, save_model
from netsparse.train.lottery.result import LotteryResult, State, Ticket
from netsparse.train.lottery.rewind import wiring
from netsparse.train.result import WIRING, Snapshot
from netsparse.train.settings import check_same
from netsparse.train.state_files import Contents, Damaged, read_state, write_state
from netsparse.train.tables import write_table

INITIAL, SETTINGS = "initial.safetensors", "lottery.json"
ACCURACIES = ("validation_accuracy", "test_accuracy")


def begin(folder: Path, template: SparseModel, origin: Mapping[str, Any]) -> None:
    """Write what all rounds begin with: the model before round 0, what was asked for, and tables without rows.

    From here on the folder holds a run, which is not begun again unasked.
    """
    write_tables(folder, LotteryResult((), template))
    save_model(template, folder / INITIAL)
    text = json.dumps(origin, indent=2, sort_keys=True)
    write_text(folder / SETTINGS, text + "\n")


def write_ticket(folder: Path, ticket: Ticket, origin: Mapping[str, Any]) -> None:
    """Write one round as `round-00`, `round-01` ..., with the provenance of the lottery and its settings in it.

    Raises
    ------
    DiskFull, NotWritable
        If it cannot be written; nothing is left then.
    """
    arrays = {
        f"{name}_{k}": array
        for k, graph in enumerate(ticket.network.layers)
        for name, array in (("indptr", graph.indptr), ("indices", graph.indices))
    }
    states = {"start": ticket.start, "last": ticket.last.state}
    if ticket.early_stop is not None:
        states["early_stop"] = ticket.early_stop.state
    if ticket.rewound is not None:
        states["rewound"] = ticket.rewound
    tensors = {
        f"{moment}.{name}": tensor
        for moment, state in states.items()
        for name, tensor in state.items()
        if not name.endswith(WIRING)
    }
    facts = {
        "provenance": dict(origin),
        "round": ticket.round,
        "sizes": list(ticket.network.sizes),
        "inputs": [graph.n_in for graph in ticket.network.layers],
        "last": _numbers(ticket.last),
        "early_stop": _numbers(ticket.early_stop),
        "rows": list(ticket.rows),
        "history": list(ticket.history),
        "seconds": dict(ticket.seconds),
    }
    write_state(_place(folder, ticket.round), Contents(tensors, arrays, facts))


def read_ticket(folder: Path, number: int, settings: Mapping[str, Any] | None = None) -> Ticket | None:
    """Read one round; None if it is not there, or damaged.

    Warns
    -----
    CheckpointDamaged
        If it is damaged.

    Raises
    ------
    InvalidOption
        If it belongs to other settings than those given.
    InvalidFile
        If it is of another format.
    """
    place = _place(folder, number)
    if not place.exists():
        return None
    try:
        tensors, arrays, facts = read_state(place)
    except Damaged as error:
        warnings.warn(f"round '{place}' is damaged ({error}); it is played again", CheckpointDamaged, 4)
        return None
    if settings is not None:
        check_same(settings, facts["provenance"]["parameters"], str(folder))
    sizes = facts["sizes"]
    inputs = facts.get("inputs", sizes[:-1])  # those written before there were convolutions have no joints
    layers = [
        BipartiteGraph(n_in, n_out, arrays[f"indptr_{k}"], arrays[f"indices_{k}"])
        for k, (n_in, n_out) in enumerate(zip(inputs, sizes[1:], strict=True))
    ]
    network = SparseNetwork(layers, [in_a_row(below.n_out, above.n_in) for below, above in pairwise(layers)])

    def state(moment: str) -> State | None:
        found = {
            name.removeprefix(f"{moment}."): tensor.clone()  # what was read may lie in the file
            for name, tensor in tensors.items()
            if name.startswith(f"{moment}.")
        }
        return {**found, **wiring(network)} if found else None

    return Ticket(
        facts["round"],
        network,
        state("start") or {},
        Snapshot(network=network, state=dict(state("last") or {}), **facts["last"]),
        Snapshot(network=network, state=dict(state("early_stop") or {}), **facts["early_stop"])
        if facts["early_stop"]
        else None,
        state("rewound"),
        facts["rows"],
        facts["history"],
        facts["seconds"],
    )


def read_tickets(folder: str | os.PathLike[str]) -> LotteryResult:
    """Read the rounds that `netsparse.train.lottery_tickets` wrote into its folder `out`, up to the first gap.

    Raises
    ------
    FileAbsent, InvalidFile
        If there is no round, or one of a format that this version does not read.

    Warns
    -----
    CheckpointDamaged
        If a round is damaged: the rounds before it are returned.
    """
    place, tickets = Path(folder), []
    while (ticket := read_ticket(place, len(tickets))) is not None:
        tickets.append(ticket)
    if not tickets:
        expected, fix = "a folder of a lottery, with a whole round 0", "the `out` of lottery_tickets"
        raise FileAbsent(f"folder '{place}'", "no rounds", expected, fix)
    return LotteryResult(tuple(tickets), load_model(place / INITIAL))


def write_tables(folder: Path, result: LotteryResult) -> None:
    """Write tickets.csv, history.csv, layers.csv and timing.csv anew."""
    for name, table in (
        ("tickets.csv", result.table),
        ("history.csv", result.history),
        ("layers.csv", result.layers),
        ("timing.csv", result.timing),
    ):
        write_table(table, folder / name)


def _place(folder: Path, number: int) -> Path:
    return folder / f"round-{number:02d}"


def _numbers(snapshot: Snapshot | None) -> dict[str, Any] | None:
    return None if snapshot is None else {name: getattr(snapshot, name) for name in ("epoch", *ACCURACIES)}
