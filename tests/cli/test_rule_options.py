"""Rules on the command line: options by name, one line for every mistake, the run's files and its name carry them."""

import json
import math

import pandas as pd
import pytest

from netsparse.cli.named_options import in_words, parse_options
from netsparse.errors import InvalidOption
from netsparse.rewiring import RULES, RigL
from netsparse.train import TrainConfig

SMALL = ("--widths", "40,30", "--density", "0.1", "--epochs", "2")
READ = [
    ("until=0.75", 0.75),
    ("every=7", 7),
    ("noise=1e-6", 1e-6),
    ("end_fraction=-1", -1),
    ("skip_step=true", True),
    ("skip_step=False", False),
    ("every=none", None),
    ("drop=magnitude", "magnitude"),
    ("drop='magnitude'", "magnitude"),
    ("milestones=0.5,0.75", (0.5, 0.75)),
    ("milestones=0.5,", (0.5,)),
    (" until = 0.5 ", 0.5),
    ("drop=a=b", "a=b"),
    ("degree_cap=inf", math.inf),
    ("spares=b'x'", "b'x'"),  # no file of settings would give these back
    ("spares={1,2}", "{1,2}"),
    ("l1=1j", "1j"),
]


@pytest.mark.parametrize(("text", "value"), READ, ids=[text for text, _ in READ])
def test_values_are_read_as_python_reads_them(text, value):
    (name, read), *others = parse_options("rule", "set", [text]).items()
    assert name == text.partition("=")[0].strip()
    assert read == value
    assert type(read) is type(value)
    assert not others


def test_what_to_type_is_what_is_typed_here():
    error = InvalidOption("milestones of rule 'mest'", "0.5", "shares", "milestones=(0.5625, 0.75)")
    assert in_words(error, "rule", "mest").fix == "--rule-option milestones=0.5625,0.75"
    other = InvalidOption("lr", "-1", "a number", "lr=0.1")
    assert in_words(other, "rule", "mest") is other


WRONG = [
    (("--rule-option", "until"), "rule-option: given 'until', expected NAME=VALUE of fraction=0.3, drop=sign_wise"),
    (("--rule-option", "until="), "expected NAME=VALUE"),
    (("--rule-option", "untl=0.5"), "option of rule 'set': given 'untl', expected one of fraction, drop"),
    (("--rule-option", "untl=0.5"), "try --rule-option until=0.5"),
    (("--rule-option", "until=2"), "until of rule 'set': given 2, expected a share of the run in [0, 1]"),
    (("--rule-option", "until=2"), "try --rule-option until=1.0"),
    (("--rule-option", "drop=weakest"), "drop of rule 'set': given 'weakest', expected one of"),
    (("--rule-option", "skip_step=1"), "expected True or False; try --rule-option skip_step=True"),
    (("--rule-option", "until=0.5", "--rule-option", "until=0.6"), "'until' twice"),
    (("--rule", "bayesian_sampling", "--rule-option", "density=7"), "try --rule-option density="),
    (("--fraction", "0.2", "--rule-option", "fraction=0.3"), "fraction: given 0.2 and, as an option of the rule, 0.3"),
    (("--fraction", "2"), "try --fraction 0.3"),
    (("--rule", "static", "--fraction", "0.3"), "given 0.3 with rule 'static', expected a rule that replaces edges"),
    (("--rule", "static", "--rule-option", "until=1"), "try --rule set"),
    (("--rule", "gradual_magnitude_pruning", "--fraction", "0.2"), "replaces edges, or no fraction; try --rule set"),
    (("--rule", "rigged"), "rule: given 'rigged', expected one of"),
    (("--rule", "rigged", "--rule-option", "until"), "see --rule list"),
]


@pytest.mark.parametrize("verb", ["train", "run"])
@pytest.mark.parametrize(
    ("options", "message"), WRONG, ids=[" ".join(options) + message[:9] for options, message in WRONG]
)
def test_a_mistake_is_one_line_and_nothing_is_written(cli, tmp_path, verb, options, message):
    code, stdout, stderr = cli(verb, *SMALL, *options)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert message in stderr
    assert not list(tmp_path.iterdir())


def test_the_list_of_rules_has_all_of_them_and_their_options(cli):
    code, stdout, stderr = cli("train", "--rule", "list")
    assert (code, stderr) == (0, "")
    assert max(map(len, stdout.splitlines())) <= 80
    for name, kind in RULES.items():
        assert f"\n{name}: " in stdout
        for option in kind.options():
            assert f"{option}=" in stdout.replace("\n", " ")
    assert cli("run", "--rule", "list")[1] == stdout


def test_options_reach_the_rule_the_files_and_the_name(cli, tmp_path):
    options = ("--rule", "rigl", "--every", "4", "--rule-option", "until=0.5", "--rule-option", "newborn=0.1")
    code, stdout, stderr = cli("train", *SMALL, "--epochs", "3", *options, "--json")
    assert code == 0, stderr
    folder = tmp_path / json.loads(stdout)["folder"]
    assert folder.name == "digits-rigl-40x30-d0.1-e3-every4-newborn0.1-until0.5-seed0"
    settings = json.loads((folder / "config.json").read_text())
    assert (settings["every"], settings["fraction"]) == (4, None)
    assert settings["rule_options"] == {"until": 0.5, "newborn": 0.1}
    assert TrainConfig.checked(**settings).rewiring() == RigL(every=4, until=0.5, newborn=0.1)
    topology = pd.read_csv(folder / "topology.csv")
    assert topology["step"].unique().tolist() == [4, 8, 12]  # of 27 steps, the first half
    # options that are typed again are compared, in whatever way they are typed
    for again, right in (
        ((), True),
        (("--rule-option", "until=0.5"), True),
        (("--rule-option", "every=4"), True),
        (options, True),
        (("--rule-option", "until=0.6"), False),
        (("--rule-option", "drop=random"), False),
        (("--every", "5"), False),
        (("--rule", "set"), False),
    ):
        code, _, stderr = cli("train", "--resume", folder, *again)
        assert (code == 0) == right, (again, stderr)
        assert right or ("beside --resume" in stderr and "leaving out --" in stderr)
    assert "leaving out --rule-option\n" in cli("train", "--resume", folder, "--rule-option", "until=0.6")[2]


def test_many_options_make_a_short_name(cli, tmp_path):
    several = ("until=0.5", "since=0.25", "newborn=he_uniform", "regrown=survivor", "optimizer_state=all_zero")
    options = [word for option in several for word in ("--rule-option", option)]
    assert cli("train", *SMALL, *options)[0] == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("digits-set-40x30-d0.1-e2-options")
    assert len(folder.name) < 60


def test_a_comparison_is_static_whatever_the_options_of_the_rule(cli, tmp_path):
    options = ("--fraction", "0.2", "--rule-option", "until=0.5", "--trials", "1", "--name", "both")
    code, _, stderr = cli("run", *SMALL, *options)
    assert code == 0, stderr
    run = tmp_path / "runs" / "both"
    settings = json.loads((run / "compare" / "static" / "config.json").read_text())
    assert (settings["rule"], settings["rule_options"], settings["fraction"]) == ("static", {}, None)
    assert not (run / "compare" / "static" / "topology.csv").exists()
    assert json.loads((run / "config.json").read_text())["rule_options"] == {"until": 0.5}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--rule", "rigl"),
            "it is due every 100 steps, from 0 to 0.75 of the run, before its end; try another --every",
        ),
        (("--rule", "set", "--epochs", "1"), "it is due every 1 epochs, from 0 to 1 of the run"),
        (("--rule", "gradual_magnitude_pruning", "--rule-option", "density=0.9", "--every", "2"), "in 6 rewirings"),
        (("--rule", "rigl", "--every", "5"), None),
        (("--rule", "static"), None),
    ],
)
def test_a_rule_that_has_changed_nothing_is_told(cli, options, message):
    code, _, stderr = cli("train", *SMALL, *options)
    assert code == 0
    assert ("has changed nothing" in stderr) == (message is not None)
    assert message is None or message in stderr
