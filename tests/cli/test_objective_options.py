"""Objectives, networks and data on the command line of `netsparse train`: the run's files and its name carry them."""

import json

import pandas as pd
import pytest

from netsparse.cli.named_options import in_words, parse_options
from netsparse.errors import InvalidOption
from netsparse.nn import VGG
from netsparse.train import OBJECTIVES, TrainConfig, load_model
from netsparse.train.trades import TRADES

SMALL = ("--widths", "40,30", "--density", "0.1", "--epochs", "2")
TINY_VGG = ("--model", "vgg11", "--width", "0.125", "--density", "0.1", "--epochs", "1", "--n-train", "300")


def test_quotients_are_numbers():
    texts = ["step_size=1/4", "mix=1", "norm=l2", "random_start=a/b"]
    assert parse_options("objective", "trades", texts) == {
        "step_size": 0.25, "mix": 1, "norm": "l2", "random_start": "a/b",
    }  # fmt: skip


def test_what_to_type_is_what_is_typed_here():
    error = InvalidOption("mix of objective 'mixed'", "2", "a share", "mix=0.5")
    assert in_words(error, "objective", "mixed").fix == "--objective-option mix=0.5"
    # an option that is a setting has its own place
    short = InvalidOption("steps of objective 'trades'", "0", "a number", "attack_steps=10")
    assert in_words(short, "objective", "trades").fix == "attack_steps=10"
    assert in_words(error, "rule", "set") is error


def test_the_list_of_objectives_has_all_of_them_and_their_options(cli):
    code, stdout, stderr = cli("train", "--objective", "list")
    assert (code, stderr) == (0, "")
    assert max(map(len, stdout.splitlines())) <= 80
    blocks = dict(block.split(":", 1) for block in stdout.split("\n\n")[1:])
    assert list(blocks) == list(OBJECTIVES)
    assert "--eps (needed), --beta 6.0, --attack-steps 10, --step-size" in blocks["trades"]
    assert "norm=linf" in blocks["trades"]
    assert "mix=0.5" in blocks["mixed"]
    assert "--eps" not in blocks["natural"]


def test_options_reach_the_objective_the_files_and_the_name(cli, tmp_path):
    options = ("--objective", "trades", "--beta", "3", "--eps", "8/255", "--attack-steps", "2", "--step-size", "2/255")
    more = ("--objective-option", "random_start=uniform", "--objective-option", "label_smoothing=1/10")
    code, stdout, stderr = cli("train", *SMALL, *options, *more, "--json")
    assert code == 0, stderr
    folder = tmp_path / json.loads(stdout)["folder"]
    assert folder.name == (
        "digits-set-40x30-d0.1-e2-trades-eps0.0313725-beta3-steps2-step0.00784314"
        "-label_smoothing0.1-random_startuniform-seed0"
    )
    settings = json.loads((folder / "config.json").read_text())
    assert (settings["objective"], settings["eps"], settings["attack_steps"]) == ("trades", 8 / 255, 2)
    objective = TrainConfig.checked(**settings).loss()
    expected = TRADES(8 / 255, 2, step_size=2 / 255, beta=3.0, random_start="uniform", label_smoothing=0.1)
    assert repr(objective) == repr(expected)
    # options that are typed again are compared, in whatever way they are typed
    for again, right in (
        ((), True),
        (options, True),
        (("--eps", "8/255"), True),
        (("--objective-option", "steps=2"), True),
        (more[:2], True),
        (("--eps", "0.1"), False),
        (("--beta", "6"), False),
        (("--objective-option", "norm=l2"), False),
        (("--objective", "natural"), False),
        (("--model", "vgg11"), False),
        (("--n-train", "100"), False),
    ):
        code, _, stderr = cli("train", "--resume", folder, *again)
        assert (code == 0) == right, (again, stderr)
        assert right or ("beside --resume" in stderr and f"leaving out {again[0]}\n" in stderr), stderr


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_trains(cli, tmp_path, objective):
    eps = () if objective == "natural" else ("--eps", "0.1", "--attack-steps", "1")
    code, _, stderr = cli("train", *SMALL, "--objective", objective, *eps, "--name", "it")
    assert code == 0, stderr
    assert pd.read_csv(tmp_path / "runs" / "it" / "history.csv")["loss"].notna().all()


def test_a_vgg_is_trained_gone_on_with_and_taken_by_every_verb(cli, tmp_path):
    adversarial = ("--objective", "trades", "--eps", "0.1", "--attack-steps", "1")
    code, stdout, stderr = cli("train", *TINY_VGG, *adversarial, "--checkpoint-epochs", "1", "--json")
    assert code == 0, stderr
    summary = json.loads(stdout)
    folder = tmp_path / summary["folder"]
    assert folder.name == "digits-set-vgg11x0.125-d0.1-e1-n300-trades-eps0.1-steps1-seed0"
    model = load_model(folder / "model.safetensors")
    assert isinstance(model, VGG)
    assert model.network.n_edges == summary["runs"][0]["edges"]
    settings = json.loads((folder / "config.json").read_text())
    assert (settings["widths"], settings["allocation"], settings["head"]) == ([], "scaled", None)
    history = (folder / "history.csv").read_bytes()
    assert cli("train", "--resume", folder, "--model", "vgg11", "--width", "1/8")[0] == 2  # a factor is typed as such
    assert cli("train", "--resume", folder, "--model", "vgg11", "--width", "0.125", "--n-train", "300")[0] == 0
    assert (folder / "history.csv").read_bytes() == history
    code, stdout, stderr = cli("attack", folder, "--steps", "1", "--n-samples", "20", "--certify", "interval", "--json")
    assert code == 0, stderr
    assert {record["probe"] for record in json.loads(stdout)} == {"adversarial", "certified"}
    for verb, options in (
        ("measure", ("--metrics", "fan_in_mean")),
        ("percolate", ("--trials", "1", "--no-theory")),
        ("robustness", ("--trials", "1", "--strengths", "0.5")),
    ):
        code, _, stderr = cli(verb, folder, *options)
        assert code == 0, stderr


def test_a_published_start_below_its_budget_is_told(cli):
    sixteen = ("--model", "vgg16", "--width", "0.0625", "--density", "0.3", "--n-train", "150", "--batch-size", "40")
    sixteen += ("--epochs", "1")
    known = ("--rule", "bayesian_sampling", "--rule-option", "every=1")
    stderr = cli("train", *sixteen, *known, "--name", "a")[2]
    assert "the published start has " in stderr
    assert "edges of density 0.3: --rule-option density=0.3 adds the others" in stderr
    code, stdout, stderr = cli("train", *sixteen, *known, "--rule-option", "density=0.3", "--name", "b", "--json")
    assert code == 0
    assert "published start" not in stderr
    (row,) = json.loads(stdout)["runs"]
    assert row["sparsity"] == pytest.approx(0.7, abs=1e-3)
    stderr = cli("train", *sixteen, "--rule", "static", "--name", "c")[2]
    assert "--allocation scaled has them all" in stderr
    assert "published" not in cli("train", *sixteen, "--rule", "static", "--allocation", "scaled", "--name", "d")[2]


def test_images_changed_at_random(cli, tmp_path):
    for name, options in (("plain", ()), ("moved", ("--augment", "shift_and_flip"))):
        assert cli("train", *SMALL, *options, "--name", name)[0] == 0
    losses = [pd.read_csv(tmp_path / "runs" / name / "history.csv")["loss"].tolist() for name in ("plain", "moved")]
    assert losses[0] != losses[1]
    assert cli("train", "--resume", "runs/moved", "--augment", "shift_and_flip")[0] == 0
    assert "leaving out --augment" in cli("train", "--resume", "runs/moved", "--augment", "none")[2]


def test_a_sparse_read_out(cli, tmp_path):
    options = ("--widths", "40,10", "--head", "none", "--density", "0.3", "--epochs", "1", "--name", "bare")
    assert cli("train", *options)[0] == 0
    assert load_model(tmp_path / "runs" / "bare" / "model.safetensors").head is None


WRONG = [
    (
        ("--objective", "trades"),
        "eps: given none for objective 'trades', expected how much an attack may change a pixel",
    ),
    (("--objective", "trades"), "try --eps 8/255"),
    (("--objective", "trades", "--eps", "8"), "eps of objective 'trades': given 8.0, expected at most 1"),
    (("--objective", "trades", "--eps", "8"), "try --eps 8/255"),
    (("--objective", "trades", "--eps", "-1"), "eps: given '-1', expected a number, at least 0; try --eps 8/255"),
    (("--objective", "trades", "--eps", ""), "eps: given '', expected a number, at least 0; try --eps 8/255"),
    (("--objective", "trades", "--eps", "8/0"), "eps: given '8/0', expected a number"),
    (("--objective", "mart", "--eps", "0.1", "--attack-steps", "0"), "at least 1; try --attack-steps 10"),
    (("--objective", "mart", "--eps", "0.1", "--step-size", "x"), "step-size: given 'x'"),
    (("--objective", "mart", "--eps", "0.1", "--beta", "-1"), "try --beta 6"),
    (("--objective", "mixed", "--eps", "0.1", "--objective-option", "mix=2"), "try --objective-option mix=0.5"),
    (("--objective", "mixed", "--eps", "0.1", "--objective-option", "mixx=1"), "try --objective-option mix=1"),
    (("--objective", "mixed", "--eps", "0.1", "--objective-option", "mix"), "NAME=VALUE of eps, steps=10"),
    (("--objective", "mixed", "--eps", "0.1", "--objective-option", "eps=0.2"), "eps: given 0.1 and, as an option of"),
    (("--objective", "mixed", "--eps", "0.1", "--objective-option", "norm=l3"), "norm of objective 'mixed'"),
    (("--objective", "trads"), "objective: given 'trads', expected one of adversarial, mart, mixed, natural, trades"),
    (("--objective", "trads", "--objective-option", "x"), "see --objective list"),
    (("--eps", "0.1"), "eps: given 0.1 with objective 'natural', expected one of adversarial, mixed, trades, mart"),
    (("--eps", "0.1"), "or no eps; try --objective trades"),
    (("--objective", "mixed", "--eps", "0.1", "--beta", "6"), "beta: given 6 with objective 'mixed', expected one of"),
    (("--model", "vgg12"), "expected one of mlp, vgg11, vgg13, vgg16, vgg19"),
    (
        ("--model", "vgg11"),
        "widths: given 40,30 with model 'vgg11', expected none, a VGG has its own; try --width 0.25",
    ),
    (("--width", "0.25"), "width: given 0.25 with model 'mlp'"),
    (("--allocation", "published"), "allocation: given 'published', expected one of erk, uniform"),
    (("--head", "sparse"), "try --head dense"),
    (("--head", "none"), "expected 10, one for each class; try --widths 40,10"),
    (("--augment", "twist"), "augment: given 'twist', expected one of none, shift, shift_and_flip"),
    (("--augment", "shift"), "not shifted by a single pixel, expected a side of at least 10; try --augment none"),
    (("--n-train", "0"), "n-train: given '0', expected a whole number, at least 1; try --n-train 10000"),
    (("--n-train", "5000"), "n-train: given 5000, expected at most the 1438 training images; try --n-train 1438"),
]


@pytest.mark.parametrize(("options", "message"), WRONG, ids=[" ".join(each) + text[:9] for each, text in WRONG])
def test_a_mistake_is_one_line_and_nothing_is_written(cli, tmp_path, options, message):
    code, stdout, stderr = cli("train", *SMALL, *options)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert message in stderr
    assert not list(tmp_path.iterdir())


VGG_WRONG = [
    (("--width", "0"), "width: given 0.0, expected a factor above 0, at most 16; try --width 0.25"),
    (("--activation", "0.1"), "activation: given 0.1 with model 'vgg11', expected relu"),
    (("--head", "dense"), "head: given 'dense' with model 'vgg11'"),
    (("--allocation", "even"), "expected one of erk, published, scaled, uniform"),
    (("--density", "0.0001"), "at least one edge in every layer"),
    (("--model", "vgg16", "--density", "0.01"), "a start of"),
]


@pytest.mark.parametrize(("options", "message"), VGG_WRONG, ids=[" ".join(each) for each, _ in VGG_WRONG])
def test_a_mistake_about_a_vgg_is_one_line(cli, tmp_path, options, message):
    code, stdout, stderr = cli("train", *TINY_VGG, *options)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1), stderr
    assert message in stderr
    assert not list(tmp_path.iterdir())
