"""`netsparse attack`: trained models on changed images; one line per mistake, no half results."""

import json
import re
import sys

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from netsparse.cli.attack_figures import attack_figure
from netsparse.cli.attacked import chosen_attacks, parse_eps
from netsparse.datasets import load
from netsparse.errors import InvalidOption
from netsparse.generators import layered
from netsparse.nn import SparseMLP
from netsparse.robustness.adversarial import adversarial
from netsparse.robustness.attack_methods import ATTACKS
from netsparse.robustness.certify import METHODS, certified_accuracy
from netsparse.train import RunFolder, TrainConfig, evaluate, fit, load_model, save_model

QUICK = ("--eps", "0.05,1/10", "--steps", 5, "--n-samples", 100)
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


@pytest.fixture
def other(run, tmp_path):
    """Another model beside it, which has learned nothing."""
    save_model(SparseMLP(layered([64, 20], density=0.2, rng=5), 10, rng=5), tmp_path / "other.safetensors")
    return tmp_path / "other.safetensors"


def test_a_run_is_attacked_as_in_python(cli, run, tmp_path):
    options = ("--restarts", 2, "--step-size", "1/20", "--seed", 3, "--out", "found/first")
    code, stdout, stderr = cli("attack", "run", *QUICK, *options, "--json")
    assert code == 0, stderr
    assert {path.name for path in (tmp_path / "found" / "first").iterdir()} == {
        "attack.csv",
        "attack.json",
        "attack.png",
    }
    table = pd.read_csv(tmp_path / "found" / "first" / "attack.csv")
    how = {"eps": [0.05, 0.1], "steps": 5, "step_size": 0.05, "restarts": 2, "n_samples": 100, "progress": False}
    expected = adversarial(load_model(run / "model.safetensors"), "digits", **how, rng=3)
    pd.testing.assert_frame_equal(table.drop(columns="run"), expected, check_dtype=False)
    assert set(table["run"]) == {"run"}
    records = json.loads(stdout)
    assert [record["accuracy"] for record in records] == expected["accuracy"].tolist()
    assert (records[1]["steps"], records[1]["generalization_gap"]) == (5, expected["generalization_gap"][1])
    kept = json.loads((tmp_path / "found" / "first" / "attack.json").read_text())
    assert kept["seed"] == 3
    assert kept["parameters"]["eps"] == [0.05, 0.1]
    assert kept["parameters"]["runs"] == {"run": "run/model.safetensors"}
    (asked,) = kept["parameters"]["attacks"]
    assert asked == {"attack": "pgd", "engine": "netsparse", "steps": 5, "step_size": 0.05, "restarts": 2}
    assert matplotlib.image.imread(tmp_path / "found" / "first" / "attack.png").std() > 0


def test_the_clean_accuracy_is_that_of_the_test_set(cli, run):
    records = json.loads(cli("attack", "run", "--eps", "0.1", "--steps", 2, "--json")[1])
    data = load("digits")
    clean = evaluate(load_model(run / "model.safetensors"), data.x_test, data.y_test)[1]
    assert [record["eps"] for record in records] == [0.0, 0.1]
    assert records[0]["accuracy"] == records[0]["clean_accuracy"] == clean
    assert records[1]["generalization_gap"] == clean - records[1]["accuracy"] > 0


def test_the_numbers_printed(cli, run, other):
    code, stdout, stderr = cli(
        "attack", "run", "other.safetensors", *QUICK, "--data", "digits", "--certify", "interval"
    )
    assert code == 0, stderr
    assert max(map(len, stdout.splitlines())) <= 100
    records = json.loads(cli("attack", "run", "other.safetensors", *QUICK, "--data", "digits", "--json")[1])
    accuracy = {(record["run"], record["eps"]): record["accuracy"] for record in records}
    name = next(record["run"] for record in records if record["run"] != "run")
    for each in ("run", name):
        (line,) = [line for line in stdout.splitlines() if re.search(rf"│ pgd, {re.escape(each)} ", line)]
        cells = [cell.strip() for cell in line.strip("│ ").split("│")][1:]
        clean, *others = (accuracy[each, eps] for eps in (0.0, 0.05, 0.1))
        assert cells == [f"{value:.4f}" for value in (clean, *others, clean - others[-1])]
    assert "1/10" in stdout
    assert "certified, interval (norm=linf): no image within eps makes the model err, proven; 100 images" in stdout


def test_attacks_and_certificates_stand_beside_each_other(cli, run, tmp_path):
    attacks = ("--attack", "pgd,fgsm,square,uniform", "--restarts", 2, "--certify", "interval,lipschitz")
    assert cli("attack", "run", *QUICK, *attacks, "--out", "all")[0] == 0
    table = pd.read_csv(tmp_path / "all" / "attack.csv")
    found = table.groupby(["probe", "options"], sort=False)["eps"].agg(list)
    assert found.map(tuple).tolist() == [(0.0, 0.05, 0.1)] * 6
    attacked = table[table["probe"] == "adversarial"]
    assert attacked["attack"].drop_duplicates().tolist() == ["pgd", "fgsm", "square", "uniform"]
    one = attacked.groupby("attack").first()
    # options go to those that have them
    assert one.loc[["pgd", "fgsm", "square"], "steps"].tolist() == [5, 1, 5]
    assert one.loc[["pgd", "fgsm", "square", "uniform"], "restarts"].tolist() == [2, 1, 2, 2]
    model = load_model(run / "model.safetensors")
    for method in ("interval", "lipschitz"):
        expected = certified_accuracy(model, "digits", eps=[0.05, 0.1], method=method, n_samples=100)
        rows = table[table["method"] == method].reset_index(drop=True)
        np.testing.assert_array_equal(rows["accuracy"], expected["accuracy"])
        strongest = attacked.groupby("eps")["accuracy"].min().to_numpy()
        assert (rows["accuracy"].to_numpy() <= strongest).all()


def test_images_made_on_another_model(cli, run, other, tmp_path):
    transfer = ("--attack", "transfer", "--source", "other.safetensors", "--out", "there")
    assert cli("attack", "run", *QUICK, *transfer)[0] == 0
    source = load_model(other)
    how = {"eps": [0.05, 0.1], "attack": "transfer", "source": source, "steps": 5, "n_samples": 100, "progress": False}
    expected = adversarial(load_model(run / "model.safetensors"), "digits", **how, rng=0)
    np.testing.assert_array_equal(pd.read_csv(tmp_path / "there" / "attack.csv")["accuracy"], expected["accuracy"])


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_foolbox_is_a_second_opinion(cli, run, norm):
    pytest.importorskip("foolbox")
    found = []
    for engine in ("netsparse", "foolbox"):
        options = ("--eps", "0.1" if norm == "linf" else "1", "--steps", 20, "--norm", norm, "--engine", engine)
        code, stdout, stderr = cli("attack", "run", *options, "--json")
        assert code == 0, stderr
        found.append(json.loads(stdout)[1])
    assert [each["engine"] for each in found] == ["netsparse", "foolbox"]
    ours, theirs = (each["accuracy"] for each in found)
    assert ours == pytest.approx(theirs, abs=0.03)  # the same 359 images, other random starts


def test_same_seed_same_bytes(cli, run, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert cli("attack", "run", *QUICK, "--attack", "square", "--seed", seed, "--out", name)[0] == 0
    for file in ("attack.csv", "attack.png"):
        first, again, another = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert first == again
        assert file != "attack.csv" or first != another


def test_many_eps_are_thinned_when_printed_and_whole_in_the_table(cli, run):
    eps = ",".join(f"{k}/100" for k in range(1, 21))
    options = ("--attack", "uniform", "--eps", eps, "--n-samples", 20)
    stdout = cli("attack", "run", *options)[1]
    assert "some of the eps" in stdout
    shown = [f"{k}/100" for k in range(1, 21) if f" {k}/100 " in stdout]
    assert shown == ["1/100", "5/100", "9/100", "12/100", "16/100", "20/100"]
    assert len(json.loads(cli("attack", "run", *options, "--json")[1])) == 21


def test_eps_as_they_are_typed():
    assert parse_eps(" 8/255, 0.01,8/255") == {0.01: "0.01", 8 / 255: "8/255"}
    for text in ("", ",", "8/0", "much", "0.1,", "nan", "1/2/3"):
        with pytest.raises(InvalidOption, match="numbers separated by commas"):
            parse_eps(text)


def test_options_that_none_of_the_attacks_has_are_refused():
    rest = {"norm": "linf", "engine": "netsparse", "step_size": None, "restarts": "1", "source": None}
    assert chosen_attacks("uniform,pgd", steps="7", **rest)[0] == {
        "attack": "uniform",
        "engine": "netsparse",
        "restarts": 1,
    }
    with pytest.raises(InvalidOption, match="steps: given 7, expected 1"):
        chosen_attacks("fgsm", steps="7", **rest)


MISTAKES = [
    (("--eps", "-0.1"), "eps: given -0.1, expected a number from 0 to 1, because pixels are in [0, 1]; try --eps 0.1,"),
    (("--eps", "8"), "eps: given 8.0, expected a number from 0 to 1"),
    (("--eps", ""), "eps: given '', expected numbers separated by commas; try --eps 0.1,0.2"),
    (("--eps", "a,b"), "try --eps 0.1,0.2 or --eps 2/255,8/255"),
    (("--eps", "9", "--norm", "l2"), "expected a number from 0 to 8"),
    (("--steps", "0"), "steps: given '0', expected a whole number, at least 1; try --steps 50"),
    (("--steps", "5", "--attack", "uniform"), "steps"),
    (("--steps", "5", "--attack", "fgsm"), "attack pgd"),
    (("--step-size", "0"), "step-size: given '0', expected a finite number above 0; try --step-size 2/255"),
    (("--step-size", "2/255", "--attack", "square"), "leaving out"),
    (("--restarts", "0"), "--restarts 10"),
    (("--restarts", "3", "--attack", "fgsm"), "restarts: given 3, expected 1"),
    (("--attack", "pdg"), "attack: given 'pdg', expected one of auto, fgsm, gaussian, margin, pgd"),
    (("--attack", ","), "expected one of auto"),
    (("--norm", "l3"), "expected one of l2, linf"),
    (("--norm", "l2", "--attack", "square"), "norm"),
    (("--engine", "clever"), "engine: given 'clever', expected one of foolbox, netsparse"),
    (("--engine", "foolbox", "--attack", "square"), "try --engine netsparse"),
    (("--certify", "luck"), "certify: given 'luck', expected one of best, interval, lipschitz; try --certify"),
    (("--attack", "transfer"), "source: given none for the attack transfer"),
    (("--source", "run"), "with --attack pgd, expected it with transfer; try --attack transfer"),
    (("--attack", "transfer", "--source", "absent"), "run 'absent': given no such folder or file"),
    (("--n-samples", "0"), "--n-samples 1000"),
    (("--n-samples", "5000"), "n-samples: given 5000, expected a whole number of the 359 samples"),
    (("--seed", "-1"), "seed"),
    (("--data", "mnits"), "mnist"),
    (("--device", "tpu9"), "try --device cpu"),
    (("--out", "run"), "run folder 'run': given a folder that exists"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES, ids=[" ".join(each[0])[:50] for each in MISTAKES])
def test_a_mistake_is_one_line_and_leaves_nothing(cli, run, tmp_path, options, message):
    before = sorted(tmp_path.rglob("*"))
    code, stdout, stderr = cli("attack", "run", "--out", "new", *options)
    assert (code, stdout) == (2, ""), stderr
    assert message in stderr.splitlines()[-1]
    said = [line for line in stderr.splitlines()[:-1] if not line.startswith("run: ")]
    assert said == []
    assert sorted(tmp_path.rglob("*")) == before


def test_a_package_that_is_not_there_is_told_before_the_work(cli, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "foolbox", None)
    monkeypatch.setitem(sys.modules, "autoattack", None)
    for options, words in (
        (("--engine", "foolbox"), "pip install 'netsparse[attacks]'"),
        (("--attack", "pgd,auto"), "autoattack is not installed"),
    ):
        code, stdout, stderr = cli("attack", "run", *QUICK, *options)
        assert (code, stdout, stderr.count("\n")) == (2, "", 1), stderr
        assert words in stderr


@pytest.mark.parametrize("made", ["absent", "empty"])
def test_what_is_no_run_is_one_line(cli, run, tmp_path, made):
    (tmp_path / "empty").mkdir()
    code, stdout, stderr = cli("attack", "run", made)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert stderr.startswith(f"netsparse: run '{made}'")


def test_an_interrupt_leaves_no_folder(cli, run, tmp_path, monkeypatch):
    def interrupted(*given, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("netsparse.cli.attacked.adversarial", interrupted)
    code, stdout, stderr = cli("attack", "run", *QUICK, "--out", "new")
    assert (code, stdout) == (130, "")
    assert stderr.endswith("interrupted; a file that was announced is whole, none is written halfway\n")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("what", [("pgd", "interval"), ("pgd,fgsm", "interval,best"), ("fgsm", None)])
def test_figures_of_two_runs(cli, run, other, tmp_path, what):
    attack, certify = what
    options = ("--attack", attack, "--data", "digits", "--eps", "0.05,0.1", "--n-samples", 30, "--out", "new")
    proofs = () if certify is None else ("--certify", certify)
    code, _, stderr = cli("attack", "run", "other.safetensors", *options, *proofs)
    assert code == 0, stderr
    table = pd.read_csv(tmp_path / "new" / "attack.csv")
    axes = attack_figure(table, {0.1}).axes[0]
    lines = [tuple(line.get_ydata()) for line in axes.lines]
    for _, part in table.groupby(["run", "options"]):
        assert tuple(part["accuracy"]) in lines
    assert matplotlib.image.imread(tmp_path / "new" / "attack.png").std() > 0


def test_help_names_every_attack_and_stays_narrow(cli):
    stdout = cli("attack", "--help")[1]
    assert all(f" {name}" in stdout for name in (*ATTACKS, *METHODS))
    assert max(map(len, stdout.splitlines())) <= 80
