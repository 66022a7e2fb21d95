"""`netsparse percolate`: what the library finds, from every file that holds a network; one line per mistake."""

import io
import json
import math
import shutil
from dataclasses import replace

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import zoo

from netsparse.cli.measured import NARROWEST
from netsparse.cli.percolated import READ_FROM, predicted_half_point
from netsparse.generators import layered, tree
from netsparse.graph import SparseNetwork
from netsparse.interop import write_graphml, write_npz
from netsparse.nn import SparseMLP
from netsparse.percolation.observables import OBSERVABLES
from netsparse.percolation.orders import ORDERS
from netsparse.percolation.prediction import predict
from netsparse.percolation.reach import reach_curves
from netsparse.percolation.simulation import percolate
from netsparse.train import load_model, save_model

QUICK = ("--trials", 3, "--points", 10)


@pytest.fixture
def network():
    return layered([30, 20, 10], density=0.2, rng=0)


@pytest.fixture
def weights(network):
    rng = np.random.default_rng(0)
    return [rng.normal(size=layer.n_edges) for layer in network.layers]


def simulated(path):
    return pd.read_csv(path).query("source == 'simulation'").drop(columns="source").reset_index(drop=True)


def test_a_written_network_percolates_as_in_python(cli, network, tmp_path):
    write_graphml(network, "net.graphml")
    code, stdout, stderr = cli("percolate", "net.graphml", *QUICK, "--seed", 4, "--out", "curves.csv", "--json")
    assert (code, stderr) == (0, "the curves are in curves.csv\n")
    curve = percolate(network, observables=READ_FROM, trials=3, rng=4)
    expected = curve.to_frame(points=10)
    pd.testing.assert_frame_equal(simulated("curves.csv"), expected, check_dtype=False)
    theory = pd.read_csv("curves.csv").query("source == 'theory'")
    predicted = predict(network, points=10)
    for name, rows in theory.groupby("observable"):
        wanted = predicted.to_frame()[predicted.to_frame()["observable"] == name]
        np.testing.assert_allclose(rows["mean"], wanted["mean"])
        np.testing.assert_allclose(rows["fraction_removed"], wanted["fraction_removed"])
    assert set(theory["observable"]) == set(READ_FROM) & set(predicted.to_frame()["observable"])
    assert theory[["n_removed", "low", "high"]].isna().all(axis=None)
    found = json.loads(stdout)
    assert (found["n_edges"], found["n_items"], found["removed"], found["trials"]) == (160, 160, "edges", 3)
    assert found["r_index"] == curve.r_index
    by_method = {row["method"]: row for row in found["thresholds"]}
    for method in ("second_component", "susceptibility"):
        assert by_method[method]["fraction_removed"] == curve.threshold(method).fraction_removed
        assert by_method[method]["error"] == curve.threshold(method).error
    assert by_method["non_backtracking"]["fraction_kept"] == predicted.thresholds["non_backtracking"]
    assert by_method["non_backtracking"]["fraction_removed"] == 1 - predicted.thresholds["non_backtracking"]
    simulated_half, predicted_half = found["half_points"]
    assert simulated_half["fraction_removed"] == curve.half_point("outputs_reachable").fraction_removed
    kept = predicted_half["fraction_kept"]
    assert predicted_half["fraction_removed"] == 1 - kept
    np.testing.assert_allclose(
        reach_curves(network, [kept])["outputs_reachable"], predicted.values("outputs_reachable")[0] / 2, atol=1e-5
    )


@pytest.mark.parametrize("name", zoo.NETWORKS)
@pytest.mark.parametrize("of", ["edges", "units"])
def test_the_predicted_half_point_is_on_the_curve_however_coarse(name, of):
    network = zoo.NETWORKS[name]
    coarse, fine = (predict(network, points=points, of=of).half_point() for points in (3, 2000))
    half = predicted_half_point(network, predict(network, points=3, of=of))
    if math.isnan(fine.fraction_removed):
        assert math.isnan(half.fraction_removed)
    else:
        assert half.fraction_removed == pytest.approx(fine.fraction_removed, abs=1e-3)
        assert abs(coarse.fraction_removed - half.fraction_removed) <= 1 / 3


@pytest.mark.parametrize("name", ORDERS)
def test_every_order(cli, name, network, weights):
    write_npz(network, "net.npz", weights=weights)
    code, _, stderr = cli("percolate", "net.npz", "--order", name, *QUICK, "--out", "curves.csv")
    assert code == 0, stderr
    given = weights if ORDERS[name].needs_weights else None
    curve = percolate(network, order=name, weights=given, observables=READ_FROM, trials=3, rng=0)
    pd.testing.assert_frame_equal(simulated("curves.csv"), curve.to_frame(points=10), check_dtype=False)
    assert ("theory" in set(pd.read_csv("curves.csv")["source"])) == (name in ("random", "random_units"))


def test_help_names_every_order_and_stays_narrow(cli):
    stdout = cli("percolate", "--help")[1]
    assert all(f" {name}" in stdout for name in ORDERS)
    assert max(map(len, stdout.splitlines())) <= 80
    text = stdout.partition("╭")[0].splitlines()
    assert not [line for line in text if 0 < len(line.split()) <= 2 and line.split()[-1][-1] not in ".:"]  # no widows


def test_what_is_printed_is_what_was_found(cli, network):
    write_npz(network, "net.npz")
    code, stdout, stderr = cli("percolate", "net.npz", *QUICK)
    assert (code, stderr) == (0, "")
    curve = percolate(network, observables=READ_FROM, trials=3, rng=0)
    (line,) = [line for line in stdout.splitlines() if "second component" in line]
    found = curve.threshold("second_component")
    assert f" {found.fraction_removed:.4f} ± {found.error:.4f} " in line
    assert f" {found.fraction_kept:.4f} " in line
    assert "crossover" in stdout
    assert f" {curve.r_index:.4g} " in stdout
    assert "predicted" in stdout
    assert "predicted" not in cli("percolate", "net.npz", *QUICK, "--no-theory")[1]
    assert max(map(len, stdout.splitlines())) <= NARROWEST


def test_one_layer_alone_has_the_theory_of_a_layer(cli, network, weights):
    write_npz(network, "net.npz", weights=weights)
    found = json.loads(cli("percolate", "net.npz", "--layer", 1, *QUICK, "--json")[1])
    assert (found["sizes"], found["file"]) == ([20, 10], "layer 1 of net.npz")
    kept = {row["method"]: row["fraction_kept"] for row in found["thresholds"]}
    assert kept["generating_functions"] == predict(network.layers[1]).thresholds["generating_functions"]
    alone = percolate(network.layers[1], observables=READ_FROM, trials=3, rng=0)
    assert found["r_index"] == alone.r_index
    code = cli("percolate", "net.npz", "--layer", 1, "--order", "weight_descending", *QUICK, "--out", "w.csv")[0]
    assert code == 0
    expected = percolate(
        SparseNetwork([network.layers[1]]), order="weight_descending", weights=weights[1:], observables=READ_FROM,
        trials=3, rng=0,
    )  # fmt: skip
    pd.testing.assert_frame_equal(simulated("w.csv"), expected.to_frame(points=10), check_dtype=False)


def test_units_of_some_levels(cli, network):
    write_npz(network, "net.npz")
    found = json.loads(cli("percolate", "net.npz", "--order", "unit_degree", "--levels", "hidden", "--json")[1])
    assert (found["removed"], found["n_items"]) == ("units", 20)
    found = json.loads(cli("percolate", "net.npz", "--order", "random_units", "--levels", "0,2", "--json")[1])
    assert found["n_items"] == 40
    found = json.loads(cli("percolate", "net.npz", "--order", "random_units", "--levels", "all", "--json")[1])
    assert found["n_items"] == 60


def test_options_of_an_order_reach_it(cli, network):
    write_npz(network, "net.npz")
    every = ("--recompute-every", "0.25", "--n-sources", 7)
    assert cli("percolate", "net.npz", "--order", "edge_betweenness", *every, *QUICK, "--out", "a.csv")[0] == 0
    order = replace(ORDERS["edge_betweenness"], recompute_every=0.25, n_sources=7)
    curve = percolate(network, order=order, observables=READ_FROM, trials=3, rng=0)
    pd.testing.assert_frame_equal(simulated("a.csv"), curve.to_frame(points=10), check_dtype=False)


def test_the_observables_asked_for(cli, network, tmp_path):
    write_npz(network, "net.npz")
    asked = "log_path_count,active_units"
    assert cli("percolate", "net.npz", *QUICK, "--observables", asked, "--out", "a.csv", "--no-theory")[0] == 0
    table = simulated("a.csv")
    assert list(dict.fromkeys(table["observable"])) == asked.split(",")
    curve = percolate(network, observables=asked.split(","), points=10, trials=3, rng=0)
    pd.testing.assert_frame_equal(table, curve.to_frame(), check_dtype=False)
    assert cli("percolate", "net.npz", *QUICK, "--observables", ",".join(OBSERVABLES), "--out", "b.json")[0] == 0

    def refused(constant):
        raise AssertionError(f"{constant} is not JSON")

    records = json.loads((tmp_path / "b.json").read_text(), parse_constant=refused)
    assert {record["observable"] for record in records} == set(OBSERVABLES)


def test_long_theory_says_how_to_do_without(cli, network, monkeypatch):
    write_npz(network, "net.npz")
    monkeypatch.setattr("netsparse.cli.percolate.LONG", 160 * 10 - 1)
    assert "--no-theory" in cli("percolate", "net.npz", *QUICK)[2]
    assert cli("percolate", "net.npz", *QUICK, "--no-theory")[2] == ""


def test_same_seed_same_bytes(cli, network, tmp_path):
    write_npz(network, "net.npz")
    for name, seed, workers in (("a", 1, 1), ("b", 1, 2), ("c", 2, 1)):
        files = ("--out", f"{name}.csv", "--figure", f"{name}.svg")
        assert cli("percolate", "net.npz", *QUICK, "--seed", seed, "--workers", workers, *files)[0] == 0
    for suffix in ("csv", "svg"):
        first, again, other = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in "abc")
        assert first == again != other


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_the_figure(cli, network, suffix, tmp_path):
    write_npz(network, "net.npz")
    code, _, stderr = cli("percolate", "net.npz", *QUICK, "--figure", f"figure{suffix}")
    assert (code, stderr) == (0, f"the figure is in figure{suffix}\n")
    content = (tmp_path / f"figure{suffix}").read_bytes()
    assert content.startswith({".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}[suffix])
    if suffix == ".png":
        assert matplotlib.image.imread("figure.png").std() > 0
    before = content
    code, stdout, stderr = cli("percolate", "net.npz", *QUICK, "--figure", f"figure{suffix}")
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert "--figure FILE" in stderr
    assert (tmp_path / f"figure{suffix}").read_bytes() == before


def test_models_and_run_folders(cli, network, tmp_path):
    model = SparseMLP(network, 10, rng=0)
    (tmp_path / "run").mkdir()
    save_model(model, "run/model.safetensors")
    code, stdout, stderr = cli("percolate", "run", "--order", "weight_ascending", *QUICK, "--json")
    assert code == 0
    assert "dense head is left out" in stderr
    assert json.loads(stdout)["n_edges"] == 160
    back = load_model("run/model.safetensors")
    curve = percolate(network, order="weight_ascending", weights=back.weights, observables=READ_FROM, trials=3, rng=0)
    assert json.loads(stdout)["r_index"] == curve.r_index
    found = json.loads(cli("percolate", "run/model.safetensors", "--include-head", *QUICK, "--json")[1])
    assert found["sizes"] == [30, 20, 10, 10]
    assert found["n_edges"] == 260


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_nasty_networks(cli, name):
    write_npz(zoo.NETWORKS[name], "net.npz")

    def refused(constant):
        raise AssertionError(f"{constant} is not JSON")

    code, stdout, _ = cli("percolate", "net.npz", "--trials", 2, "--json")
    assert code == 0
    json.loads(stdout, parse_constant=refused)
    code, stdout, _ = cli("percolate", "net.npz", "--trials", 2, "--figure", "net.png")
    assert code == 0
    assert "nan" not in stdout.lower()
    assert max(map(len, stdout.splitlines()[1:])) <= NARROWEST


def test_a_forest_has_no_threshold_to_predict(cli):
    write_npz(SparseNetwork([tree(20, 5)]), "tree.npz")
    found = json.loads(cli("percolate", "tree.npz", *QUICK, "--json")[1])
    (row,) = [row for row in found["thresholds"] if row["method"] == "non_backtracking"]
    assert row["fraction_removed"] is row["fraction_kept"] is None
    assert math.isfinite(found["r_index"])


MISTAKES = [
    (("--order", "weigth_ascending"), "order: given 'weigth_ascending', expected one of adaptive_"),
    (("--order", "weigth_ascending"), "try --order weight_ascending"),
    (("--order", "weight_ascending"), "for a file without weights, expected weights to go by"),
    (("--scope", "layers"), "one of layer, network; try --scope layer"),
    (("--trials", "0"), "--trials 10"),
    (("--points", "x"), "--points 200"),
    (("--points", "1000000000000"), "from 1 to 1000000; try --points 200"),
    (("--trials", "99999999999"), "from 1 to 10000; try --trials 10"),
    (("--out", ".csv"), "try --out csv.csv"),
    (("--seed", "-1"), "seed"),
    (("--workers", "0"), "--workers 2"),
    (("--layer", "2"), "from 0 to 1; try --layer 0"),
    (("--layer", "first"), "--layer 0"),
    (("--levels", "hidden"), "--order random_units"),
    (("--order", "random_units", "--levels", "middle"), "try --levels"),
    (("--order", "random_units", "--levels", "3"), "from 0 (the inputs) to 2 (the outputs)"),
    (("--order", "unit_degree", "--theory"), "try --no-theory"),
    (("--recompute-every", "5"), "recompute-every: given it with --order random"),
    (("--order", "degree_product", "--recompute-every", "0"), "--recompute-every 0.01"),
    (("--order", "degree_product", "--recompute-every", "nan"), "--recompute-every 0.01"),
    (("--order", "degree_product", "--n-sources", "5"), "n-sources: given it with --order degree_product"),
    (("--observables", "giant"), "giant_component"),
    (("--observables", ","), "giant_component"),
    (("--include-head",), "trained weights"),
    (("--n-in", "5"), "trained weights"),
    (("--out", "curves.txt"), "ends in .csv or .json; try --out curves.csv"),
    (("--out", "net.csv"), "a file that exists"),
    (("--out", "no/such/curves.csv"), "a folder"),
    (("--figure", "curves.jpg"), "try --figure curves.png"),
    (("--colour", "red"), "colour"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES, ids=[" ".join(each[0])[:50] for each in MISTAKES])
def test_a_mistake_is_one_line_and_leaves_nothing(cli, network, tmp_path, options, message):
    write_graphml(network, "net.graphml")
    shutil.copy("net.graphml", "net.csv")
    code, stdout, stderr = cli("percolate", "net.graphml", *options)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert message in stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.csv", "net.graphml"]


@pytest.mark.parametrize(
    ("file", "message"), [("absent.npz", "no such file"), ("words.txt", "one of .graphml"), ("empty", "run folder")]
)
def test_a_file_without_a_network(cli, tmp_path, file, message):
    (tmp_path / "words.txt").write_text("words")
    (tmp_path / "empty").mkdir()
    code, stdout, stderr = cli("percolate", file)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert message in stderr


def test_weights_that_diverged(cli, network):
    model = SparseMLP(network, 10, rng=0)
    model.sparse_layers()[1].weight.data[3] = math.nan
    save_model(model, "nan.safetensors")
    code, stdout, stderr = cli("percolate", "nan.safetensors", "--order", "weight_ascending")
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert "layer 1 that are not finite" in stderr
    assert cli("percolate", "nan.safetensors", *QUICK)[0] == 0


def test_json_alone_on_stdout_reads_back(cli, network):
    write_npz(network, "net.npz")
    stdout = cli("percolate", "net.npz", *QUICK, "--json")[1]
    assert pd.read_json(io.StringIO(json.dumps(json.loads(stdout)["thresholds"])))["source"].tolist()[:1] == [
        "simulation"
    ]
