"""`netsparse robustness`: probes of trained models from the command line; one line per mistake."""

import dataclasses
import io
import json
import re

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import torch

from netsparse.cli.probed import summary
from netsparse.datasets import load
from netsparse.generators import layered
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.interop import write_graphml
from netsparse.nn import SparseMLP
from netsparse.percolation.orders import ORDERS
from netsparse.robustness.averages import area_under_accuracy
from netsparse.robustness.link_removal import link_removal
from netsparse.robustness.probes import PROBES
from netsparse.robustness.probing import probe
from netsparse.train import RunFolder, Splits, TrainConfig, evaluate, fit, load_model, save_model

QUICK = ("--trials", 2, "--strengths", "0.3,0.6,1", "--workers", 1)
SETTINGS = TrainConfig.checked(widths=(40, 30), density=0.1, epochs=5)


@pytest.fixture(scope="module")
def trained():
    """A small model that has learned something."""
    network = layered([64, 40, 30], density=0.1, rng=0)
    return fit(network, "digits", epochs=5, progress=False, rng=0).model


@pytest.fixture
def run(cli, trained, tmp_path):
    """A run folder in the empty folder that the command runs in."""
    folder = RunFolder(tmp_path / "run")
    folder.write_json("config.json", SETTINGS.model_dump(mode="json"))
    save_model(trained, tmp_path / "run" / "model.safetensors")
    return tmp_path / "run"


def read(path):
    return pd.read_csv(path, keep_default_na=False, na_values=["nan", "NaN"], dtype={"options": str})


def test_a_run_is_probed_as_in_python(cli, run):
    code, stdout, stderr = cli("robustness", "run", *QUICK, "--seed", 3, "--out", "table.csv", "--json")
    assert code == 0, stderr
    assert "the table is in table.csv" in stderr
    table = read("table.csv")
    model = load_model(run / "model.safetensors")
    expected = probe(model, "digits", "link_removal", strengths=[0, 0.3, 0.6, 1], trials=2, rng=3)
    pd.testing.assert_frame_equal(table.drop(columns="run"), expected, check_dtype=False)
    assert set(table["run"]) == {"run"}
    (row,) = json.loads(stdout)
    assert row["area"] == pytest.approx(area_under_accuracy(expected))
    assert row["clean_accuracy"] == expected["accuracy"].iloc[0]
    assert 0 < row["half_strength"] < 1


@pytest.mark.parametrize("name", PROBES)
def test_every_probe_at_its_own_strengths(cli, run, name):
    code, stdout, stderr = cli("robustness", "run", "--probe", name, "--trials", 1, "--out", "table.csv", "--json")
    assert code == 0, stderr
    table = read("table.csv")
    assert tuple(table["strength"]) == tuple(sorted({0.0, *PROBES[name].strengths}))
    assert set(table["options"]) == {PROBES[name].options}
    (row,) = json.loads(stdout)
    assert row["half_strength_error"] is None  # one trial


def test_every_probe_at_once(cli, run, tmp_path):
    options = ("--probe", "all", "--strengths", "0.5", "--trials", 2, "--figure", "all.png", "--out", "all.json")
    code, stdout, stderr = cli("robustness", "run", *options)
    assert code == 0, stderr
    assert all(re.search(rf"^{name} ?(\(|:)", stdout, re.MULTILINE) for name in PROBES)
    assert max(map(len, stdout.splitlines())) <= 100
    assert "nan" not in stdout.lower()
    records = json.loads((tmp_path / "all.json").read_text())
    assert {record["probe"] for record in records} == set(PROBES)
    assert matplotlib.image.imread("all.png").std() > 0


def test_the_numbers_printed(cli, run):
    stdout = cli("robustness", "run", *QUICK)[1]
    (row,) = json.loads(cli("robustness", "run", *QUICK, "--json")[1])
    (line,) = [line for line in stdout.splitlines() if "│ run " in line]
    assert f" {row['clean_accuracy']:.4f} " in line
    assert f" {row['half_strength']:.4f} ± {row['half_strength_error']:.4f} " in line
    assert f" {row['area']:.4f} ± {row['area_error']:.4f} " in line


def test_halfway_to_chance_and_area_by_hand():
    rows = [("a", 0, s, a) for s, a in ((0, 0.9), (0.5, 0.5), (1, 0.1))]
    rows += [("a", 1, s, a) for s, a in ((0, 0.9), (0.5, 0.7), (1, 0.1))]
    rows += [("b", 0, s, a) for s, a in ((0, 0.9), (0.5, 0.8), (1, 0.7))]
    table = pd.DataFrame(rows, columns=["run", "trial", "strength", "accuracy"]).assign(probe="p", options="")
    found = summary(table, {"a": 0.1, "b": 0.1}, ["p"]).set_index("run")
    # the middle is 0.5: at 0.5 in one trial, at 0.5 + 0.5 * (0.7 - 0.5) / (0.7 - 0.1) in the other
    assert found.loc["a", "half_strength"] == pytest.approx((0.5 + 2 / 3) / 2)
    assert found.loc["a", "half_strength_error"] == pytest.approx(12.7062 * (1 / 6) / 2, rel=1e-4)
    assert found.loc["a", "area"] == pytest.approx((0.5 + 0.6) / 2)
    assert np.isnan(found.loc["b", "half_strength"])
    assert found.loc["b", "area"] == pytest.approx(0.8)
    partly = summary(table[table["strength"] < 1], {"a": 0.1, "b": 0.1}, ["p"])
    assert partly["area"].isna().all()
    assert summary(table, {"a": 0.1, "b": 0.1}, [])["area"].isna().all()  # strengths that are no fractions
    assert summary(table, {"a": 0.9, "b": 0.95}, [])["half_strength"].isna().all()  # nothing learnt, nothing to lose


def test_several_runs_stand_beside_each_other(cli, run, trained, tmp_path):
    other = RunFolder(tmp_path / "other")
    other.write_json("config.json", SETTINGS.model_dump(mode="json"))
    save_model(
        SparseMLP(layered([64, 40, 30], density=0.1, rng=5), 10, rng=5), tmp_path / "other" / "model.safetensors"
    )
    save_model(trained, tmp_path / "run" / "best.safetensors")
    options = (*QUICK, "--out", "table.csv", "--figure", "figure.png")
    code, stdout, stderr = cli("robustness", "run", "other", "run/best.safetensors", *options)
    assert code == 0, stderr
    table = read("table.csv")
    assert list(dict.fromkeys(table["run"])) == ["run", "other", "run/best"]
    columns = ["strength", "trial", "accuracy", "loss"]
    one, best = (table[table["run"] == name][columns].reset_index(drop=True) for name in ("run", "run/best"))
    pd.testing.assert_frame_equal(one, best)
    alone = cli("robustness", "other", *QUICK, "--out", "alone.csv")[0]
    assert alone == 0
    pd.testing.assert_frame_equal(read("alone.csv"), table[table["run"] == "other"].reset_index(drop=True))
    assert all(name in stdout for name in ("run/best", "other"))


def test_orders_scopes_and_named_options(cli, run):
    removal = ("--order", "random,weight_descending", "--scope", "network", "--out", "a.csv", "--figure", "a.png")
    assert cli("robustness", "run", *QUICK, *removal)[0] == 0
    base = PROBES["link_removal"]
    probes = [dataclasses.replace(base, order=o, scope="network") for o in ("random", "weight_descending")]
    model = load_model(run / "model.safetensors")
    expected = [probe(model, "digits", p, strengths=[0, 0.3, 0.6, 1], trials=2, rng=0) for p in probes]
    pd.testing.assert_frame_equal(
        read("a.csv").drop(columns="run"), pd.concat(expected, ignore_index=True), check_dtype=False
    )
    shuffle = ("--probe", "weight_shuffle,sign_flip", "-p", "keep_signs=true", "-p", "within=network", "--out", "b.csv")
    assert cli("robustness", "run", *QUICK, *shuffle)[0] == 0
    options = set(read("b.csv")["options"])
    assert dataclasses.replace(PROBES["weight_shuffle"], keep_signs=True, within="network").options in options
    assert PROBES["sign_flip"].options in options


def test_scores_that_are_renewed(cli, run):
    every = ("--order", "degree_product", "--recompute-every", "0.5")
    assert cli("robustness", "run", *QUICK, *every, "--out", "a.csv")[0] == 0
    order = dataclasses.replace(ORDERS["degree_product"], recompute_every=0.5)
    one = dataclasses.replace(PROBES["link_removal"], order=order)
    expected = probe(load_model(run / "model.safetensors"), "digits", one, strengths=[0, 0.3, 0.6, 1], trials=2, rng=0)
    np.testing.assert_array_equal(read("a.csv")["accuracy"], expected["accuracy"])


def test_options_of_an_order_are_called_as_they_are_typed(cli, run):
    options = ("--order", "edge_betweenness,random", "--n-sources", 3, "--trials", 1, "--strengths", "0.5")
    code, stdout, stderr = cli("robustness", "run", *options)
    assert code == 0
    assert "order=edge_betweenness (n_sources=3)" in stdout
    assert "order=edge_betweenness (n_sources=3)" in stderr
    assert "EdgeBetweenness" not in stdout + stderr


def test_a_network_without_edges(cli, tmp_path):
    nothing = SparseNetwork([BipartiteGraph.from_edges([], [], n_in=64, n_out=30)])
    save_model(SparseMLP(nothing, 10, rng=0), tmp_path / "none.safetensors")
    options = (
        "--data",
        "digits",
        "--trials",
        2,
        "--strengths",
        "0.5,1",
        "--figure",
        "a.png",
        "--distributions",
        "b.png",
    )
    code, stdout, stderr = cli("robustness", "none.safetensors", *options)
    assert code == 0, stderr
    assert "nan" not in stdout


def test_a_sparse_head_cannot_be_included_on_top(cli, tmp_path):
    save_model(SparseMLP(layered([64, 20, 10], density=0.2, rng=0), head=None, rng=0), tmp_path / "sparse.safetensors")
    code, _, stderr = cli("robustness", "sparse.safetensors", "--data", "digits", *QUICK, "--include-head")
    assert code == 2
    assert "netsparse: include-head: given" in stderr
    assert "try leaving out --include-head" in stderr


@pytest.mark.parametrize("order", ["saliency_descending", "saliency_ascending"])
def test_removal_by_saliency(cli, run, order):
    code, _, stderr = cli("robustness", "run", *QUICK, "--order", order, "--out", "a.csv", "--figure", "a.png")
    assert code == 0, stderr
    model = load_model(run / "model.safetensors")
    expected = link_removal(model, "digits", order=order, fractions=[0, 0.3, 0.6, 1], trials=2, rng=0)
    np.testing.assert_array_equal(read("a.csv")["accuracy"], expected["accuracy"])


def test_the_head_is_included_where_asked(cli, run):
    assert cli("robustness", "run", *QUICK, "--include-head", "--out", "a.csv", "--figure", "a.png")[0] == 0
    table = read("a.csv")
    model = load_model(run / "model.safetensors")
    assert table["n_edges"].max() == model.network.n_edges + 300
    splits = Splits.of(load("digits"), 0, torch.device("cpu"))
    clean = evaluate(model, splits.x_test, splits.y_test)[1]
    assert table.loc[table["strength"] == 0, "accuracy"].tolist() == [clean, clean]


def test_data_by_name_where_nothing_says_it(cli, run, tmp_path):
    (run / "config.json").unlink()
    code, stdout, stderr = cli("robustness", "run", *QUICK)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert "no config.json" in stderr
    assert "--data" in stderr
    assert cli("robustness", "run", *QUICK, "--data", "digits")[0] == 0


def test_same_seed_same_bytes(cli, run, tmp_path):
    for name, seed, workers in (("a", 1, 1), ("b", 1, 2), ("c", 2, 1)):
        files = ("--out", f"{name}.csv", "--figure", f"{name}.svg")
        options = ("--trials", 2, "--strengths", "0.4", "--seed", seed, "--workers", workers)
        assert cli("robustness", "run", *options, *files)[0] == 0
    for suffix in ("csv", "svg"):
        first, again, other = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in "abc")
        assert first == again != other


@pytest.mark.parametrize("name", ["link_removal", "degree_preserving_rewiring", "weight_shuffle", "unit_removal"])
def test_degrees_and_weights_before_and_after(cli, run, name):
    options = ("--probe", name, "--trials", 1, "--distributions", "spread.png", "--figure", "curves.png")
    code, _, stderr = cli("robustness", "run", *options)
    assert code == 0, stderr
    assert "degrees and weights are in spread.png" in stderr
    for file in ("spread.png", "curves.png"):
        assert matplotlib.image.imread(file).std() > 0


def test_the_interval_is_over_trials(cli, run):
    out = ("--trials", 4, "--strengths", "0.2,0.4,0.6,0.8,1", "--json")
    (row,) = json.loads(cli("robustness", "run", *out)[1])
    assert row["trials"] == 4
    assert 0 < row["half_strength_error"] < 1
    assert pd.read_json(io.StringIO(json.dumps([row])))["probe"].tolist() == ["link_removal"]


MISTAKES = [
    (("--probe", "weight_shufle"), "try --probe weight_shuffle"),
    (("--probe", ","), "link_removal"),
    (("--order", "randm"), "try --order"),
    (("--order", "degree_product", "--probe", "sign_flip"), "order: given it with --probe sign_flip"),
    (("--scope", "layers"), "one of layer, network; try --scope layer"),
    (("--probe", "weight_shuffle", "-p", "keep_sign=true"), "try -p keep_signs=true"),
    (("--probe", "weight_shuffle", "-p", "keep_signs=maybe"), "-p keep_signs="),
    (("-p", "order=random"), "try --order random"),
    (("-p", "keep_signs"), "NAME=VALUE"),
    (("--recompute-every", "5"), "--order degree_product"),
    (("--strengths", "a,b"), "--strengths 0.1,0.2,0.5"),
    (("--strengths", "0.5,1.5"), "[0, 1]"),
    (("--strengths", "nan"), "[0, 1]"),
    (("--trials", "0"), "--trials 10"),
    (("--workers", "none"), "--workers 2"),
    (("--seed", "-1"), "seed"),
    (("--device", "tpu9"), "try --device cpu"),
    (("--data", "mnits"), "mnist"),
    (("--data", "wide.npz"), "64"),
    (("--out", "table.txt"), "ends in .csv or .json"),
    (("--out", "taken.csv"), "a file that exists"),
    (("--figure", "taken.csv"), "ends in .png"),
    (("--figure", "a.png", "--distributions", "a.png"), "a file for each"),
    (("--distributions", "a.png", "--probe", "all"), "one run and one probe"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES, ids=[" ".join(each[0])[:50] for each in MISTAKES])
def test_a_mistake_is_one_line_and_leaves_nothing(cli, run, tmp_path, options, message):
    (tmp_path / "taken.csv").write_text("")
    x, y = np.zeros((4, 9)), np.array([0, 1, 0, 1])
    np.savez("wide.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    before = sorted(tmp_path.rglob("*"))
    code, stdout, stderr = cli("robustness", "run", *options)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1), stderr
    assert message in stderr
    assert sorted(tmp_path.rglob("*")) == before


BAD_RUNS = {
    ("absent",): "no such folder or file",
    ("empty",): "a folder without a model",
    ("net.graphml",): "a model that netsparse wrote (.safetensors)",
    ("run", "run/model.safetensors"): "every run once",
    ("run", "../{here}/run"): "every run once",
    ("cut.safetensors",): "model file 'cut.safetensors'",
    ("run/config.json",): "a model that netsparse wrote",
}


@pytest.mark.parametrize("runs", BAD_RUNS)
def test_what_is_no_run(cli, run, tmp_path, runs):
    (tmp_path / "empty").mkdir()
    write_graphml(layered([4, 3], density=0.5, rng=0), "net.graphml")
    (tmp_path / "cut.safetensors").write_bytes((run / "model.safetensors").read_bytes()[:500])
    data = ("--data", "digits") if runs == ("cut.safetensors",) else ()
    code, stdout, stderr = cli("robustness", *(run.format(here=tmp_path.name) for run in runs), *data)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert BAD_RUNS[runs] in stderr


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"data": 3}'])
def test_settings_that_do_not_name_the_data(cli, run, text):
    (run / "config.json").write_text(text)
    code, stdout, stderr = cli("robustness", "run")
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert "config.json" in stderr


def test_help_names_every_probe_and_stays_narrow(cli):
    stdout = cli("robustness", "--help")[1]
    assert all(f" {name}" in stdout for name in PROBES)
    own = {(each.name, name) for name, one in PROBES.items() for each in dataclasses.fields(one)}
    for option, name in own - {(named, name) for named in ("order", "scope") for name in PROBES}:
        assert [line for line in stdout.splitlines() if f"-p {option}=" in line and name in line]
    assert max(map(len, stdout.splitlines())) <= 80
