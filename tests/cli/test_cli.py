"""The command line as a user meets it: a real process, real files, one line per mistake."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time

import igraph
import networkx as nx
import numpy as np
import pandas as pd
import pytest

import netsparse as ns
from netsparse.cli import main as cli_main
from netsparse.cli.main import OPTIONS, VERBS, main
from netsparse.cli.wording import in_options
from netsparse.errors import InvalidOption
from netsparse.generators import layered
from netsparse.interop import write_npz
from netsparse.nn import SparseMLP
from netsparse.percolation.critical import non_backtracking_threshold
from netsparse.train import load_model, save_model

SMALL = ("--widths", "40,30", "--density", "0.1", "--epochs", "3", "--trials", "3")
TRAIN_SMALL = SMALL[:-2]


def no_network(host, *rest, **options):
    raise socket.gaierror(f"no test asks for {host}")


def netsparse(*arguments, cwd, **options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **options.pop("env", {})}
    command = [sys.executable, "-m", "netsparse", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One run with both comparisons."""
    folder = tmp_path_factory.mktemp("cli")
    done = netsparse("run", *SMALL, "--compare", "static,dense", "--name", "first", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "runs" / "first", done


def test_run_folder_is_complete(finished):
    run, done = finished
    tables = {"history.csv", "timing.csv", "metrics.csv", "percolation.csv", "link_removal.csv"}
    models = {"model.safetensors", "best.safetensors", "config.json", "provenance.json"}
    whole = tables | models | {"summary.csv", "network.graphml", "figures", "compare"}
    assert {p.name for p in run.iterdir()} == whole | {"topology.csv"}
    assert {p.name for p in (run / "figures").iterdir()} == {
        "training.png",
        "robustness.png",
        "degrees.png",
        "inputs.png",
    }
    for name in ("static", "dense"):
        assert {p.name for p in (run / "compare" / name).iterdir()} == tables | models
    assert all(p.read_bytes()[:4] == b"\x89PNG" for p in (run / "figures").iterdir())
    assert "everything is in runs/first" in done.stdout
    assert not list(run.rglob("*.tmp"))


def test_tables_say_what_happened(finished):
    run, _ = finished
    history = pd.read_csv(run / "history.csv")
    assert history["epoch"].max() == 3
    assert history.query("epoch < 3 and split == 'train'")["edges_dropped"].tolist() == [113, 113]
    topology = pd.read_csv(run / "topology.csv")
    assert topology["dropped"].tolist() == [77, 36, 77, 36]
    removal = pd.read_csv(run / "link_removal.csv")
    assert removal.groupby("trial").size().tolist() == [21, 21, 21]
    metrics = pd.read_csv(run / "metrics.csv")
    assert set(metrics["stage"]) == {"initial", "trained"}
    curve = pd.read_csv(run / "percolation.csv")
    assert set(curve["observable"]) == {"giant_component", "second_component", "susceptibility", "outputs_reachable"}
    summary = pd.read_csv(run / "summary.csv").set_index("run")
    assert summary.index.tolist() == ["set", "static", "dense"]
    assert summary.loc["set", "edges"] == summary.loc["static", "edges"] == 376
    assert summary.loc["dense", "edges"] == 64 * 40 + 40 * 30
    last_test = history.query("epoch == 3 and split == 'test'")["accuracy"].item()
    assert summary.loc["set", "test_accuracy"] == last_test
    kept = non_backtracking_threshold(load_model(run / "model.safetensors").network)
    assert summary.loc["set", "predicted_threshold"] == pytest.approx(1 - kept)
    assert summary.loc["dense", "predicted_threshold"] > summary.loc["set", "predicted_threshold"]


def test_the_tables_of_a_run_are_those_of_the_verbs(finished, tmp_path):
    run, _ = finished
    runs = (run, run / "compare" / "static")
    done = netsparse("robustness", *runs, "--trials", 3, "--out", "table.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "table.csv")
    for name, folder in zip(("first", "static"), runs, strict=True):
        rows = table[table["run"] == name].drop(columns="run").reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, pd.read_csv(folder / "link_removal.csv"))
    done = netsparse("percolate", run, "--trials", 3, "--no-theory", "--out", "curves.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    curves = pd.read_csv(tmp_path / "curves.csv").drop(columns="source").set_index(["observable", "n_removed"])
    pd.testing.assert_frame_equal(curves, pd.read_csv(run / "percolation.csv").set_index(["observable", "n_removed"]))


def test_static_starts_as_the_same_network(finished):
    run, _ = finished
    tables = [pd.read_csv(folder / "metrics.csv") for folder in (run, run / "compare" / "static")]
    initial = [table.query("stage == 'initial'") for table in tables]
    pd.testing.assert_frame_equal(*initial)


def test_config_and_provenance(finished):
    run, _ = finished
    config = json.loads((run / "config.json").read_text())
    assert (config["widths"], config["density"], config["seed"]) == ([40, 30], 0.1, 0)
    assert (config["compare"], config["trials"]) == (["static", "dense"], 3)
    provenance = json.loads((run / "provenance.json").read_text())
    assert provenance["parameters"] == config
    assert provenance["compute"]["truly_sparse"] == [True, True]
    assert provenance["compute"]["threads"] == 1
    dense = json.loads((run / "compare" / "dense" / "provenance.json").read_text())
    assert dense["compute"]["truly_sparse"] == [False, False]


def test_graphml_equals_the_model_in_networkx_igraph_and_our_reader(finished):
    run, _ = finished
    model = load_model(run / "model.safetensors")
    network, weights = ns.interop.read_graphml(run / "network.graphml")
    assert network == model.network
    for read, trained in zip(weights, model.weights, strict=True):
        np.testing.assert_array_equal(read, trained.astype(np.float64))
    expected = {
        (f"L{k}N{s}", f"L{k + 1}N{t}"): float(w)
        for k, (graph, values) in enumerate(zip(model.network.layers, model.weights, strict=True))
        for s, t, w in zip(graph.sources, graph.targets, values, strict=True)
    }
    by_networkx = nx.read_graphml(run / "network.graphml")
    assert {(u, v): w for u, v, w in by_networkx.edges(data="weight")} == expected
    assert by_networkx.number_of_nodes() == sum(network.sizes)
    by_igraph = igraph.Graph.Read_GraphML(str(run / "network.graphml"))
    names = by_igraph.vs["id"]
    assert {(names[e.source], names[e.target]): e["weight"] for e in by_igraph.es} == expected


def test_same_seed_same_bytes(finished, tmp_path):
    run, _ = finished
    assert netsparse("run", *SMALL, "--compare", "none", "--name", "again", cwd=tmp_path).returncode == 0
    for file in (
        "history.csv",
        "topology.csv",
        "model.safetensors",
        "best.safetensors",
        "link_removal.csv",
        "percolation.csv",
        "metrics.csv",
    ):
        assert (tmp_path / "runs" / "again" / file).read_bytes() == (run / file).read_bytes(), file
    assert not (tmp_path / "runs" / "again" / "compare").exists()


def test_json_goes_to_stdout_alone(tmp_path):
    done = netsparse("train", *TRAIN_SMALL, "--json", cwd=tmp_path)
    summary = json.loads(done.stdout)
    assert summary["folder"] == "runs/digits-set-40x30-d0.1-e3-seed0"
    assert summary["runs"][0]["edges"] == 376


def test_without_validation_nothing_is_called_best(tmp_path):
    done = netsparse("train", *TRAIN_SMALL, "--validation", "0", "--json", cwd=tmp_path)
    (row,) = json.loads(done.stdout)["runs"]
    assert row["test_accuracy_at_best_validation"] is None
    assert row["best_validation_epoch"] is None


def test_train_writes_what_fit_gives(tmp_path):
    assert netsparse("train", *TRAIN_SMALL, "--rule", "static", "--name", "t", cwd=tmp_path).returncode == 0
    net = ns.generators.layered([64, 40, 30], density=0.1, rng=0)
    result = ns.train.fit(net, "digits", epochs=3, progress=False, rng=0)
    back = pd.read_csv(tmp_path / "runs" / "t" / "history.csv")
    np.testing.assert_allclose(back["accuracy"], result.history["accuracy"])


def test_own_data_from_a_file(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=120)
    x = np.eye(3, 9)[y] * 0.8 + rng.random((120, 9)) * 0.2
    np.savez(tmp_path / "mine.npz", x_train=x[:80], y_train=y[:80], x_test=x[80:], y_test=y[80:])
    done = netsparse("run", "--data", "mine.npz", *SMALL, "--density", "0.5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "mine-set-40x30-d0.5-e3-seed0" / "figures" / "inputs.png").exists()


MISTAKES = [
    (("--density", "0"), "density: given 0.0, expected a number in (0, 1]; try --density 0.01"),
    (("--density", "1.5"), "density: given 1.5"),
    (("--density", "nan"), "density: given nan"),
    (("--density", "much"), "density: given 'much', expected a number; try --density 0.01"),
    (("--widths", "1000,0"), "at least 1"),
    (("--widths", "10,x"), "--widths 1000,1000,1000"),
    (("--widths", "10,2.5"), "whole numbers"),
    (("--widths", "3", "--density", "0.001"), "without edges"),
    (("--widths", "10", "--density", "0.0001"), "try --density 0.0"),
    (("--data", "mnits"), "mnist"),
    (("--data", "mnist"), "--data-dir"),
    (("--rule", "rigll"), "rigl, set, snfs"),
    (("--compare", "statc"), "dense, none, static; try --compare static"),
    (("--generator", "ER"), "try --generator erdos_renyi"),
    (("--rule", "static", "--fraction", "0.2"), "try --rule set"),
    (("--fraction", "1.5"), "fraction: given '1.5', expected a number, at least 0, at most 1; try --fraction 0.3"),
    (("--data", "minst"), "try --data mnist"),
    (("--epochs", "0"), "epochs: given '0', expected a whole number, at least 1; try --epochs 50"),
    (("--epochs", "many"), "epochs: given 'many', expected a whole number, at least 1; try --epochs 50"),
    (("--lr", "fast"), "lr: given 'fast', expected a number, at least 0; try --lr 0.1"),
    (("--batch-size", "0"), "at least 1; try --batch-size 128"),
    (("--widths", "1000," * 200 + "1000", "--density", "2"), "--density 0.01"),
    (("--name", "n" * 300), "at most 150 characters; try --name second-try"),
    (("--trials", "99999999999"), "at most 10000"),
    (("--fraction", "2"), "fraction"),
    (("--trials", "0"), "--trials 10"),
    (("--seed", "-1"), "seed"),
    (("--validation", "5000"), "validation"),
    (("--name", "a/b"), "plain folder name"),
    (("--optimizer", "sdg"), "adam, sgd"),
    (("--device", "tpu9"), "try --device cpu"),
    (("--colour", "red"), "colour"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES, ids=[" ".join(options)[:40] for options, _ in MISTAKES])
def test_a_mistake_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NETSPARSE_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr(sys, "argv", ["netsparse", "run", *SMALL, *options])
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    with pytest.raises(SystemExit) as left:
        main()
    stdout, stderr = capsys.readouterr()
    assert left.value.code == 2
    assert stdout == ""
    assert stderr.count("\n") == 1
    assert stderr.startswith("netsparse: ")
    assert message in stderr
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_in_a_real_process(tmp_path):
    done = netsparse("run", "--density", "1.5", cwd=tmp_path)
    expected = "netsparse: density: given 1.5, expected a number in (0, 1]; try --density 0.01\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)
    assert list(tmp_path.iterdir()) == []


def test_truncated_data_is_one_line(tmp_path):
    (tmp_path / "mnist").mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / "mnist" / f"{name}-ubyte.gz").write_bytes(b"\x1f\x8b\x08\x00")
    done = netsparse("run", *SMALL, "--data", "mnist", "--data-dir", tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "train-images-idx3-ubyte.gz" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_an_existing_folder_is_refused_and_left_alone(finished):
    run, _ = finished
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*")}
    done = netsparse("run", *SMALL, "--name", "first", cwd=run.parent.parent)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--name" in done.stderr
    assert before == {p: p.stat().st_mtime_ns for p in run.rglob("*")}


def test_diverged_training_is_one_line_and_keeps_the_folder(tmp_path):
    done = netsparse("train", *TRAIN_SMALL, "--lr", "1e30", "--name", "hot", cwd=tmp_path)
    assert done.returncode == 2
    assert "smaller learning rate" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert {p.name for p in (tmp_path / "runs" / "hot").iterdir()} == {"config.json", "provenance.json"}


def test_full_disk_is_one_line_and_no_half_file(tmp_path):
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))  # the model file is larger

    done = netsparse("train", *TRAIN_SMALL, "--name", "full", cwd=tmp_path, preexec_fn=small_files)
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("netsparse: writing")
    assert "full disk" in last
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.tmp"))
    assert not (tmp_path / "runs" / "full" / "model.safetensors").exists()


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_killed_run_keeps_its_folder_with_whole_files(tmp_path, how, code):
    command = [sys.executable, "-m", "netsparse", "train", *TRAIN_SMALL[:-1], "100000", "--name", "killed"]
    run = tmp_path / "runs" / "killed"
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not (run / "history.csv").exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(how)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in stderr
    assert (how == signal.SIGKILL) == ("interrupted; the run folder keeps" not in stderr)
    assert json.loads((run / "config.json").read_text())["epochs"] == 100000
    assert len(pd.read_csv(run / "history.csv")) >= 3
    load_model(run / "model.safetensors")


def test_help_is_quick_to_load_and_names_every_option(tmp_path):
    done = netsparse("run", "--help", cwd=tmp_path)
    assert done.returncode == 0
    wanted = ("--data", "--widths", "--density", "--rule", "--epochs", "--seed", "--out", "--compare", "--json")
    assert all(option in done.stdout for option in wanted)
    heavy = "{'torch', 'matplotlib', 'igraph', 'numba', 'pandas', 'scipy', 'numpy'}"
    code = f"import sys, netsparse.cli.main; print(sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
    assert netsparse("--version", cwd=tmp_path).stdout.strip() == f"netsparse {ns.__version__}"
    assert netsparse("fly", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("verb", [verb.__name__ for verb in VERBS])
def test_every_verb_has_seed_out_and_json_and_a_help_that_fits(cli, verb):
    code, stdout, _ = cli(verb, "--help")
    assert code == 0
    assert all(option in stdout for option in ("--seed", "--out", "--json"))
    assert max(map(len, stdout.splitlines())) <= 80
    assert f" {verb} " in cli("--help")[1]


HINTS = [
    ("rng", "rng=0", "seed", "--seed 0"),
    ("null_model", "null_model='degree'", "null", "--null degree"),
    ("n_null", "n_null=20", "n-null", "--n-null 20"),
    ("include_head", "include_head=False", "include-head", "leaving out --include-head"),
    ("include_head", "include_head=True", "include-head", "--include-head"),
    ("n_edges", "n_edges=10_000", "edges", "--edges 10000"),
    ("density, n_edges", "density=0.01", "density, edges", "--density 0.01"),
    ("metric", "metric='density'", "metrics", "--metrics density"),
    ("sizes", "sizes=[784, 1000, 1000]", "sizes", "--sizes 784,1000,1000"),
    ("generator", "generator='erdos_renyi'", "generator", "--generator erdos_renyi"),
    ("batch", "batch_size=128, rule='set'", "batch", "--batch-size 128, --rule set"),
    ("density", "density=0.5 or wider layers", "density", "--density 0.5 or wider layers"),
    ("q", "-p fraction=3 (or density=0.1).", "q", "-p fraction=3 (or --density 0.1)."),
    ("rows", "-p 'widths=1,2;3' alone", "rows", "-p 'widths=1,2;3' alone"),
    ("model", "from_torch(model)", "model", "from_torch(model)"),
]


@pytest.mark.parametrize(("subject", "fix", "in_words", "typed"), HINTS, ids=[hint[1] for hint in HINTS])
def test_hints_are_what_to_type_here(subject, fix, in_words, typed):
    error = in_options(InvalidOption(subject, "x", "y", fix), OPTIONS)
    assert isinstance(error, InvalidOption)
    assert str(error) == f"{in_words}: given x, expected y; try {typed}"


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("run", "the run folder keeps what was finished"),
        ("measure", "nothing was written"),
        ("percolate", "a file that was announced is whole, none is written halfway"),
    ],
)
def test_an_interrupt_says_what_is_left(cli, monkeypatch, verb, words):
    def interrupted(**options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_main, "app", interrupted)
    assert cli(verb) == (130, "", f"netsparse: interrupted; {words}\n")


def test_an_error_of_the_system_that_is_no_interrupt_is_not_hidden(monkeypatch):
    def broken(**options):
        raise SystemError("out of luck")

    monkeypatch.setattr(cli_main, "app", broken)
    with pytest.raises(SystemError, match="out of luck"):
        cli_main.main()


@pytest.mark.parametrize("seconds", [0.0, 0.4, 1.5])
@pytest.mark.parametrize("compiled", [True, False], ids=["compiled before", "compiled anew"])
def test_an_interrupt_in_the_middle_of_a_removal(tmp_path, seconds, compiled):
    """Raised inside the compiler or in what it made, a KeyboardInterrupt would end the process in a crash."""
    folder = tmp_path / "here"
    folder.mkdir()
    save_model(SparseMLP(layered([400, 400, 400], density=0.05, rng=0), 10, rng=0), folder / "net.safetensors")
    order = ["--order", "adaptive_edge_betweenness", "--trials", "1000", "--workers", "1", "--out", "curves.csv"]
    command = [sys.executable, "-m", "netsparse", "percolate", "net.safetensors", *order]
    environment = os.environ | ({} if compiled else {"NUMBA_CACHE_DIR": str(tmp_path / "cache")})
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=folder, env=environment, **pipes) as process:
        assert process.stderr is not None
        assert "dense head is left out" in process.stderr.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, "")
    words = "a file that was announced is whole, none is written halfway"
    assert stderr == f"netsparse: interrupted; {words}\n"
    assert [path.name for path in folder.iterdir()] == ["net.safetensors"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_no_room_for_what_is_printed(tmp_path):
    write_npz(layered([4, 3], density=0.5, rng=0), tmp_path / "net.npz")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "netsparse", "percolate", "net.npz", "--json"],
            cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.stderr.startswith("netsparse: standard output: "), done.stderr
    assert done.stderr.count("\n") == 1
    assert done.returncode == 2


@pytest.mark.slow
def test_default_run_reaches_95_percent_within_a_minute(tmp_path):
    accuracies = []
    for seed in range(3):
        start = time.monotonic()
        done = netsparse("run", "--seed", seed, "--json", cwd=tmp_path, env={"OMP_NUM_THREADS": "2"})
        assert time.monotonic() - start < 60
        (main, static) = json.loads(done.stdout)["runs"]
        assert (main["run"], static["run"]) == ("set", "static")
        assert main["sparsity"] == pytest.approx(0.99)
        accuracies.append(main["test_accuracy"])
    assert np.mean(accuracies) >= 0.95
