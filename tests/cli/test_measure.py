"""`netsparse measure`: what the library measures, from every file that holds a network; one line per bad one."""

import io
import json
import math
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
import zoo
from torch.nn.utils import prune

from netsparse.cli.measured import NARROWEST, as_csv, as_json, print_pretty
from netsparse.generators import layered
from netsparse.graph import SparseNetwork
from netsparse.interop import write_graphml, write_npz
from netsparse.metrics import METRICS, summarize
from netsparse.nn import SparseMLP
from netsparse.train import load_model, save_model

WRITERS = {".graphml": write_graphml, ".npz": write_npz}


@pytest.fixture
def network():
    return layered([30, 20, 10], density=0.2, rng=0)


@pytest.fixture
def weights(network):
    rng = np.random.default_rng(0)
    return [rng.normal(size=layer.n_edges) for layer in network.layers]


def pruned(seed=0):
    """An MLP of torch whose first layer has 60 of 300 weights left."""
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(20, 15), torch.nn.ReLU(), torch.nn.Linear(15, 4))
    prune.random_unstructured(model[0], "weight", amount=240)
    return model


def table_of(stdout):
    return pd.read_csv(io.StringIO(stdout), dtype={"layer": str})


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("weighted", [True, False])
def test_a_written_network_is_measured_as_in_python(cli, suffix, weighted, network, weights):
    vectors = weights if weighted else None
    WRITERS[suffix](network, f"net{suffix}", weights=vectors)
    code, stdout, stderr = cli("measure", f"net{suffix}", "--format", "csv")
    assert (code, stderr) == (0, "")
    pd.testing.assert_frame_equal(table_of(stdout), summarize(network, weights=vectors, rng=0))
    assert ("mean_abs_weight" in stdout) == weighted
    unweighted = table_of(cli("measure", f"net{suffix}", "--format", "csv", "--unweighted")[1])
    pd.testing.assert_frame_equal(unweighted, summarize(network, rng=0))


@pytest.mark.parametrize("suffix", WRITERS)
def test_generate_and_measure(cli, suffix):
    file = f"net{suffix}"
    assert cli("generate", "--generator", "projective_plane", "-p", "q=4", "--out", file)[0] == 0
    code, stdout, _ = cli("measure", file, "--json", "--metrics", "spectral_gap,four_cycles")
    assert code == 0
    found = {(row["layer"], row["metric"]): row["value"] for row in json.loads(stdout)}
    assert found["0", "spectral_gap"] == pytest.approx(5 - 2)
    assert found["0", "normalized_spectral_gap"] == pytest.approx(1 - 2 / 5)
    assert found["network", "four_cycles"] == 0
    assert found["0", "density"] == pytest.approx(5 / 21)  # stands beside the spectral number unasked


@pytest.mark.parametrize("null", ["density", "degree"])
def test_null_models(cli, null, network, weights):
    write_npz(network, "net.npz", weights=weights)
    options = ("--null", null, "--n-null", 4, "--metrics", "four_cycles,strength_in_std", "--seed", 3)
    code, stdout, stderr = cli("measure", "net.npz", *options, "--format", "csv")
    assert code == 0
    assert stderr.count("\n") == 1
    assert "4 randomised copies" in stderr
    given = {"metrics": ["four_cycles", "strength_in_std"], "null_model": null, "n_null": 4}
    expected = summarize(network, weights=weights, rng=3, **given)
    pd.testing.assert_frame_equal(table_of(stdout), expected)
    assert cli("measure", "net.npz", *options, "--format", "csv")[1] == stdout  # the same seed, the same bytes
    assert cli("measure", "net.npz", *options[:-1], 4, "--format", "csv")[1] != stdout
    pretty = cli("measure", "net.npz", *options)[1]
    assert [line.split(",")[0] for line in pretty.splitlines() if "edges, density" in line][1:] == [
        "layer 0",
        "layer 1",
        "network",
    ]
    z = expected.loc[expected["metric"] == "four_cycles", "z"].iloc[0]
    (row, *_) = [line for line in pretty.splitlines() if "four_cycles" in line]
    assert f" {z:.2f} " in row
    assert max(map(len, pretty.splitlines())) <= NARROWEST


def test_every_metric_at_once(cli, network, weights):
    write_npz(network, "net.npz", weights=weights)
    code, stdout, _ = cli("measure", "net.npz", "--metrics", "all", "--json")
    assert code == 0
    assert {row["metric"] for row in json.loads(stdout)} == set(METRICS)
    stdout = cli("measure", "net.npz", "--metrics", "all", "--unweighted", "--json")[1]
    assert {row["metric"] for row in json.loads(stdout)} == {n for n, m in METRICS.items() if m.of == "wiring"}


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_nasty_networks_come_out_as_valid_json_and_a_narrow_table(cli, name):
    network = zoo.NETWORKS[name]
    write_npz(network, "net.npz")

    def refused(constant):
        raise AssertionError(f"{constant} is not JSON")

    code, stdout, _ = cli("measure", "net.npz", "--json")
    assert code == 0
    values = [row["value"] for row in json.loads(stdout, parse_constant=refused)]
    for value, expected in zip(values, summarize(network, rng=0)["value"], strict=True):
        if math.isnan(expected):
            assert value is None
        else:
            assert float(value) == expected  # "-Infinity" too
    code, stdout, _ = cli("measure", "net.npz", "--null", "degree", "--n-null", 2)
    assert code == 0
    assert "nan" not in stdout.lower()
    assert max(map(len, stdout.splitlines())) <= NARROWEST
    code, stdout, _ = cli("measure", "net.npz")
    assert code == 0
    assert "nan" not in stdout.lower()
    assert max(map(len, stdout.splitlines()[1:])) <= NARROWEST


def test_density_stands_on_top_and_many_layers_are_split_over_tables(cli):
    network = layered([50] * 12, density=0.1, rng=0)
    write_npz(network, "net.npz")
    lines = cli("measure", "net.npz")[1].splitlines()
    assert max(map(len, lines)) <= NARROWEST
    tops = [k for k, line in enumerate(lines) if line.startswith("┃ layer")]
    assert len(tops) > 1
    shown = [name for k in tops for name in re.findall(r"\w+", lines[k])[1:]]
    assert shown == [*map(str, range(11)), "network"]
    assert all(lines[k + 4].split()[1] == "density" for k in tops)
    rows = [line for line in lines if line.startswith("│ spectral_gap ")]
    printed = [float(value) for row in rows for value in re.findall(r"[\d.]+", row)]
    gaps = summarize(network, metrics=["spectral_gap"]).query("metric == 'spectral_gap'")["value"]
    assert printed == pytest.approx(gaps.tolist(), rel=1e-3)


def test_some_layers(cli, network):
    write_npz(network, "net.npz")
    stdout = cli("measure", "net.npz", "--layers", "0,network", "--format", "csv", "--metrics", "density")[1]
    assert table_of(stdout)["layer"].tolist() == ["0", "network"]
    stdout = cli("measure", "net.npz", "--layers", "network")[1]
    assert "network" in stdout.splitlines()[2]
    assert " 0 " not in stdout.splitlines()[2]


def test_the_table_is_written_too(cli, network, tmp_path):
    write_npz(network, "net.npz")
    for suffix in (".csv", ".json"):
        code, stdout, stderr = cli("measure", "net.npz", "--out", f"table{suffix}", "--format", suffix[1:])
        assert code == 0
        assert stdout == (tmp_path / f"table{suffix}").read_text()
        assert f"table{suffix}" in stderr
    before = (tmp_path / "table.csv").read_bytes()
    code, stdout, stderr = cli("measure", "net.npz", "--out", "table.csv", "--layers", "network")
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert "--out FILE" in stderr
    assert (tmp_path / "table.csv").read_bytes() == before


def test_the_state_of_a_pruned_torch_model(cli):
    model = pruned()
    torch.save(model.state_dict(), "pruned.pt")
    shown = ("--format", "csv", "--metrics", "density,mean_abs_weight")
    code, stdout, stderr = cli("measure", "pruned.pt", *shown)
    assert code == 0
    assert "dense head is left out" in stderr
    table = table_of(stdout).set_index(["layer", "metric"])
    assert table.loc[("0", "density"), "n_edges"] == 60
    left = model[0].weight.detach().numpy()
    assert table.loc[("0", "mean_abs_weight"), "value"] == pytest.approx(np.abs(left[left != 0]).mean())
    assert set(table_of(stdout)["layer"]) == {"0", "network"}
    code, stdout, stderr = cli("measure", "pruned.pt", *shown, "--include-head")
    assert (code, stderr) == (0, "")
    assert table_of(stdout).query("metric == 'density'")["n_edges"].tolist() == [60, 60, 120]


def test_a_sparse_last_layer_and_an_only_layer_are_no_heads(cli):
    model = pruned()
    prune.random_unstructured(model[2], "weight", amount=10)
    torch.save(model.state_dict(), "both.pth")
    code, stdout, stderr = cli("measure", "both.pth", "--format", "csv", "--metrics", "density")
    assert (code, stderr) == (0, "")
    assert table_of(stdout)["n_edges"].tolist() == [60, 50, 110]
    torch.save(torch.nn.Linear(3, 2).state_dict(), "one.pt")
    code, stdout, stderr = cli("measure", "one.pt", "--format", "csv", "--metrics", "density")
    assert (code, stderr) == (0, "")
    assert table_of(stdout)["n_edges"].tolist() == [6, 6]


def test_a_complete_convolution_at_the_end_is_no_head(cli):
    torch.save(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Conv2d(2, 3, 3)).state_dict(), "conv.pt")
    code, stdout, stderr = cli("measure", "conv.pt", "--format", "csv", "--metrics", "density")
    assert (code, stderr) == (0, "")
    assert table_of(stdout)["n_edges"].tolist() == [18, 54, 72]


@pytest.mark.parametrize("head", ["dense", None])
def test_a_model_of_netsparse(cli, head, network):
    model = SparseMLP(network, 10, head=head, rng=0)
    if head is not None:
        model.head.weight.data[0, 0] = 0  # a head that happens to hold a zero is still the head
    save_model(model, "model.safetensors")
    code, stdout, stderr = cli("measure", "model.safetensors", "--format", "csv")
    assert code == 0
    assert ("left out" in stderr) == (head is not None)
    back = load_model("model.safetensors")
    expected = summarize(back.network, weights=back.weights, rng=0)
    pd.testing.assert_frame_equal(table_of(stdout), expected, rtol=1e-5)
    stdout = cli("measure", "model.safetensors", "--include-head", "--format", "csv", "--metrics", "density")[1]
    n_edges = [120, 40, 99, 259] if head is not None else [120, 40, 160]
    assert table_of(stdout)["n_edges"].tolist() == n_edges


def test_a_state_that_does_not_say_its_inputs(cli, network):
    torch.save(SparseMLP(network, 10, rng=0).state_dict(), "state.pt")
    code, stdout, stderr = cli("measure", "state.pt")
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert "--n-in 784" in stderr
    stdout = cli("measure", "state.pt", "--n-in", 30, "--format", "csv", "--metrics", "density")[1]
    assert table_of(stdout)["n_in"].tolist() == [30, 20, 30]


def test_weights_that_diverged(cli):
    torch.save({"fc.weight": torch.tensor([[1.0, math.nan], [0.0, 2.0]])}, "nan.pt")
    code, stdout, stderr = cli("measure", "nan.pt")
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert "layer 0 that are not finite" in stderr
    stdout = cli("measure", "nan.pt", "--unweighted", "--format", "csv", "--metrics", "density")[1]
    assert table_of(stdout)["n_edges"].tolist() == [3, 3]


def test_run_folders(cli, tmp_path):
    small = ("--widths", "40,30", "--density", "0.1", "--epochs", "1")
    assert cli("train", *small, "--name", "t")[0] == 0
    code, stdout, _ = cli("measure", "runs/t", "--format", "csv")
    assert code == 0
    trained = load_model("runs/t/model.safetensors")
    pd.testing.assert_frame_equal(
        table_of(stdout), summarize(trained.network, weights=trained.weights, rng=0), rtol=1e-5
    )
    assert cli("measure", "runs/t/model.safetensors", "--format", "csv")[1] == stdout
    write_graphml(trained.network, "runs/t/network.graphml", weights=trained.weights)
    assert cli("measure", "runs/t/", "--format", "csv")[1] == stdout
    (tmp_path / "runs" / "t" / "model.safetensors").unlink()
    by_graphml = table_of(cli("measure", "runs/t", "--format", "csv")[1])
    pd.testing.assert_frame_equal(by_graphml, table_of(stdout), rtol=1e-5)


def damaged(tmp_path):
    network = layered([30, 20, 10], density=0.2, rng=0)
    for suffix, write in WRITERS.items():
        write(network, tmp_path / f"whole{suffix}")
        content = (tmp_path / f"whole{suffix}").read_bytes()
        (tmp_path / f"cut{suffix}").write_bytes(content[: len(content) // 2])
    save_model(SparseMLP(network, 10, rng=0), tmp_path / "whole.safetensors")
    content = (tmp_path / "whole.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(content[: len(content) // 2])
    torch.save(pruned().state_dict(), tmp_path / "whole.pt")
    content = (tmp_path / "whole.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(content[: len(content) // 2])
    torch.save(torch.nn.Linear(3, 2), tmp_path / "module.pt")
    np.savez(tmp_path / "images.npz", x_train=np.zeros((3, 2)), y_train=np.zeros(3))
    shutil.copy(tmp_path / "whole.npz", tmp_path / "lies.graphml")
    shutil.copy(tmp_path / "whole.npz", tmp_path / "lies.pt")
    shutil.copy(tmp_path / "whole.graphml", tmp_path / "lies.safetensors")
    shutil.copy(tmp_path / "whole.graphml", tmp_path / "lies.txt")
    shutil.copy(tmp_path / "whole.graphml", tmp_path / "lies")
    for name in ("empty.npz", "empty.pt", "empty.graphml", "empty.safetensors"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "history.csv").write_text("epoch\n")
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "dangling.npz").symlink_to(tmp_path / "nowhere")


BAD_FILES = {
    "absent.npz": "no such file",
    "absent": "no such file",
    "no/such/folder/net.graphml": "no such file",
    "dangling.npz": "no such file",
    "n" * 300: "no such file",
    "cut.graphml": "truncated",
    "cut.npz": "npz file 'cut.npz'",
    "cut.safetensors": "damaged",
    "cut.pt": "damaged",
    "module.pt": "would run code of the file",
    "images.npz": "another kind of npz, expected a network in .npz",
    "lies.graphml": "GraphML file 'lies.graphml'",
    "lies.pt": "torch file 'lies.pt'",
    "lies.safetensors": "damaged or foreign",
    "lies.txt": "the suffix '.txt', expected one of .graphml, .npz, .safetensors",
    "lies": "without a suffix",
    "empty.npz": "npz file",
    "empty.pt": "torch file",
    "empty.graphml": "GraphML file",
    "empty.safetensors": "torch file",
    "folder": "a run folder, which holds model.safetensors or network.graphml",
    "folder.npz": "a folder without a network",
}


@pytest.mark.parametrize("name", BAD_FILES, ids=[name[:30] for name in BAD_FILES])
def test_a_bad_file_is_one_line(cli, tmp_path, name):
    damaged(tmp_path)
    code, stdout, stderr = cli("measure", name, "--out", "table.csv")
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert stderr.startswith("netsparse: ")
    assert BAD_FILES[name] in stderr
    assert not (tmp_path / "table.csv").exists()


MISTAKES = [
    ("--metrics densty", "metrics: given 'densty', expected one of active_inputs", "try --metrics density"),
    ("--metrics ,", "metrics: given ','", "try --metrics "),
    ("--metrics strength_in_mean", "for a file without weights", "a file with weights"),
    ("--metrics strength_in_mean --unweighted", "with --unweighted", "leaving out --unweighted"),
    ("--null degrees", "null: given 'degrees', expected one of degree, density, none", "try --null degree"),
    ("--n-null 5", "n-null: given 5 without a null model", "try --null degree"),
    ("--null degree --n-null 1", "n-null: given '1'", "try --n-null 20"),
    ("--null degree --n-null few", "n-null: given 'few'", "try --n-null 20"),
    (
        "--layers 2",
        "layers: given '2', expected all, network, or numbers of layers from 0 to 1",
        "try --layers network",
    ),
    ("--layers one", "layers: given 'one'", "try --layers network"),
    ("--seed -1", "seed: given '-1'", "try --seed 0"),
    ("--seed x", "seed: given 'x'", "try --seed 0"),
    ("--format yaml", "one of csv, json, pretty", "try --format"),
    ("--format csv --json", "csv beside --json", "--format csv alone"),
    ("--include-head", "include-head: given a .npz file, expected trained weights", "leaving it out"),
    ("--n-in 30", "n-in: given a .npz file, expected trained weights", "leaving it out"),
    ("--n-in none", "n-in: given 'none'", "try --n-in 784"),
    ("--out table.txt", ".csv or .json", "try --out table.csv"),
    ("--out nowhere/table.csv", "no folder", "creating it first"),
    ("--colour red", "colour", "measure --help"),
]


@pytest.mark.parametrize(("options", "message", "fix"), MISTAKES, ids=[mistake[0] for mistake in MISTAKES])
def test_a_mistake_is_one_line_in_options(cli, tmp_path, network, options, message, fix):
    write_npz(network, "net.npz")
    code, stdout, stderr = cli("measure", "net.npz", *options.split())
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert stderr.startswith("netsparse: ")
    assert message.lower() in stderr.lower()
    assert fix in stderr
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]


def test_without_a_file_is_one_line(cli):
    code, stdout, stderr = cli("measure")
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert "measure --help" in stderr


def test_values_that_are_no_numbers(capsys):
    values = {"finite": 1.5, "nothing": math.nan, "below": -math.inf, "above": math.inf}
    rows = [("0", 3, 2, 4, 2 / 3, name, value) for name, value in values.items()]
    table = pd.DataFrame(rows, columns=["layer", "n_in", "n_out", "n_edges", "density", "metric", "value"])
    assert [row["value"] for row in json.loads(as_json(table))] == [1.5, None, "-Infinity", "Infinity"]
    assert [line.rpartition(",")[2] for line in as_csv(table).splitlines()[1:]] == ["1.5", "", "-inf", "inf"]
    print_pretty(table, "[red]heading")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[red]heading"
    cells = {words[1]: words[3] for line in lines if len(words := line.split()) > 4}
    assert {name: cells[name] for name in values} == {"finite": "1.5", "nothing": "-", "below": "-inf", "above": "inf"}


def test_a_wide_terminal_is_used(cli, monkeypatch):
    write_npz(SparseNetwork(layered([50] * 12, density=0.1, rng=0).layers), "net.npz")
    monkeypatch.setenv("COLUMNS", "250")
    lines = cli("measure", "net.npz")[1].splitlines()
    assert sum(line.startswith("┃ layer") for line in lines) == 1


def test_json_goes_to_stdout_alone_in_a_real_process(tmp_path):
    write_npz(layered([30, 20], density=0.2, rng=0), tmp_path / "net.npz")
    command = [sys.executable, "-m", "netsparse", "measure", "net.npz", "--null", "degree", "--n-null", "2", "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert {"z", "p"} <= set(json.loads(done.stdout)[0])
    assert done.stderr.count("\n") == 1
