"""`netsparse bench`: tables for people and for programs, one line for every mistake."""

import dataclasses
import io
import json

import pandas as pd
import pytest

from netsparse.bench.suite import BENCHMARKS
from netsparse.cli.benched import print_table, records
from netsparse.rewiring import RULES

TINY = {
    "train": {"sizes": ((20, 0.1),), "batch": 4},
    "layer": {"sizes": ((20, 0.1),), "batch": 4},
    "kernels": {"units": (20,), "densities": (0.1,), "batches": (4,)},
    "convolutions": {"layers": ((3, 8, 4),), "widths": (1.0,), "densities": (0.5,), "batch": 2},
    "compaction": {"networks": ((20, 0.1),), "batch": 2},
    "edges": {"n_edges": (9600, 19_200), "batch": 4},
    "rewiring": {"networks": ((20, 400),), "batch": 4},
    "rules": {"rules": ("static", "set"), "network": (20, 400), "batch": 4},
    "memory": {"networks": ((300, 3000, 2),), "steps": 1},
}
FAST = ("--quick", "--rounds", "1", "--threads", "1")


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    assert set(TINY) == set(BENCHMARKS)
    for name, arguments in TINY.items():
        monkeypatch.setitem(BENCHMARKS, name, dataclasses.replace(BENCHMARKS[name], quick=arguments))


def test_the_table_stands_under_its_machine(cli):
    code, stdout, stderr = cli("bench", *FAST)
    assert code == 0
    lines = stdout.splitlines()
    assert lines[0] == f"train: {BENCHMARKS['train'].title}"
    assert "1 threads; torch " in lines[1]
    assert "│ netsparse " in stdout
    assert "│ masked_dense " in stdout
    assert stderr == f"measuring train: {BENCHMARKS['train'].title}\n"


def test_all_prints_every_table(cli):
    code, stdout, _ = cli("bench", "all", *FAST, "--json")
    assert code == 0
    tables = json.loads(stdout)
    assert [table["benchmark"] for table in tables] == list(BENCHMARKS)
    assert all(table["rows"] and table["machine"]["threads"] == 1 for table in tables)
    notes = {table["benchmark"]: " ".join(table["notes"]) for table in tables}
    assert "time ~ edges^" in notes["edges"]
    assert "auto chooses the fastest kernel at " in notes["kernels"]
    assert "100,000,000 edges" in notes["edges"]
    assert "50,000,000 units" in notes["memory"]


def test_the_table_of_rules_has_a_line_for_each(cli):
    code, stdout, _ = cli("bench", "rules", *FAST)
    assert code == 0
    assert stdout.startswith(f"rules: {BENCHMARKS['rules'].title}\n")
    lines = {line.split()[1]: line.split() for line in stdout.splitlines() if line.startswith("│")}
    assert list(lines) == ["static", "set"]
    assert [lines[rule][3:8:2] for rule in lines] == [["400", "0", "0"], ["400", "120", "120"]]


def test_the_longest_name_of_a_rule_fits_beside_a_million_edges(capsys):
    row = {"rule": max(RULES, key=len), "n_edges": 10**6, "dropped": 10**6, "grown": 10**6}
    row |= {"ms_propose": 12345.0, "ms_apply": 12345.0, "ms_step": 123.0}
    print_table("rules", "machine", pd.DataFrame([row] * 5), [])
    assert "…" not in capsys.readouterr().out


def test_a_file_holds_what_is_printed(cli, tmp_path):
    code, stdout, stderr = cli("bench", "layer", *FAST, "--json", "--out", "layer.csv")
    assert code == 0
    assert stderr.endswith("the table is in layer.csv\n")
    written = pd.read_csv(tmp_path / "layer.csv")
    printed = pd.DataFrame(json.loads(stdout)["rows"])
    pd.testing.assert_frame_equal(written, printed)
    assert cli("bench", "layer", *FAST, "--out", "layer.json")[0] == 0
    assert json.loads((tmp_path / "layer.json").read_text())["benchmark"] == "layer"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["trian"], "benchmark: given 'trian', expected one of all, compaction, convolutions, edges, kernels, layer, "
                    "memory, rewiring, rules, train; try netsparse bench train"),
        (["all", "--out", "all.csv"], "out: given 'all.csv' for all tables, expected one table for a file"),
        (["--out", "table.txt"], "table.txt"),
        (["--threads", "0"], "threads: given '0', expected a whole number, at least 1; try --threads 2"),
        (["--rounds", "many"], "rounds: given 'many', expected a whole number, at least 1; try --rounds 5"),
        (["--device", "tpu"], "device: given 'tpu'"),
        (["memory", "--device", "meta"], "device: given 'meta'"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(cli, arguments, told):
    code, stdout, stderr = cli("bench", *arguments)
    assert (code, stdout) == (2, "")
    assert told in stderr
    assert len(stderr.splitlines()) == 1


def test_cells_and_records(capsys):
    table = pd.DataFrame(
        {
            "n": [1000, 1000, 4000],
            "batch": [1, 1, 1],
            "density": [0.01, 0.01, 0.2],
            "kernel": ["a", "b", "a"],
            "microseconds": [1234.5, float("nan"), 0.001],
            "fastest": [True, False, True],
            "share_of_epoch": [0.0123, 0.0, 1.0],
        }
    )
    print_table("title", "machine", table, ["a [note]"])
    printed = capsys.readouterr().out
    assert "a [note]" in printed
    assert "1.23 %" in printed
    assert "1,000" in printed
    assert printed.count("├") == 1  # between the group of two rows and the group of one
    found = records("kernels", table, {"threads": 2}, [])
    assert found["rows"][1]["microseconds"] is None
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_csv_is_read_as_written(cli, tmp_path):
    assert cli("bench", "kernels", *FAST, "--out", "kernels.csv")[0] == 0
    table = pd.read_csv(io.StringIO((tmp_path / "kernels.csv").read_text()))
    assert table["fastest"].sum() == table["auto"].sum() == 1


def test_a_table_too_wide_for_the_terminal_is_printed_with_a_line_per_number(capsys):
    columns = {f"a_rather_long_name_{k}": [1.5, 2.5] for k in range(9)}
    print_table("wide", "machine", pd.DataFrame({"units": [50_000_000, 7], **columns}), [])
    shown = capsys.readouterr().out
    assert "50,000,000" in shown
    assert "a rather long name 8" in shown
    assert "…" not in shown
