"""The README's Python runs as printed, and its commands are the ones that exist."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import torch
from torch.nn.utils import prune

from netsparse.train import OBJECTIVES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


BLOCKS = re.findall(r"```(bash|python)\n(.*?)```", README, flags=re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]
COMMANDS = [code for language, code in BLOCKS if language == "bash"]


def run(command, folder):
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_ten_lines_run_and_write_what_they_say(tmp_path):
    assert len([line for line in PYTHON[0].splitlines() if line.strip()]) == 10
    assert "Threshold(" in run([sys.executable, "-c", PYTHON[0]], tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["digits.graphml"]


def test_the_topologies_run_as_printed(tmp_path):
    told = run([sys.executable, "-c", PYTHON[1] + "\nprint(table.columns.tolist(), delta)"], tmp_path)
    assert "CheegerBounds(" in told
    assert "'null_mean', 'null_std', 'z', 'p'" in told


def test_the_percolation_runs_as_printed(tmp_path):
    told = run([sys.executable, "-c", PYTHON[2] + "\nprint(len(table), attack)"], tmp_path)
    assert "'non_backtracking': " in told
    assert "HalfPoint(" in told
    assert "189 PercolationCurve(" in told  # 3 probes, 3 trials, 21 strengths


def test_the_rules_and_tickets_run_as_printed(tmp_path):
    code = "import netsparse as ns\n" + PYTHON[3] + "print(len(result.topology), mixed)\n" + PYTHON[4]
    told = run([sys.executable, "-c", code], tmp_path)
    assert "SET(grow='ch3', newborn=0.1, schedule='cosine', until=0.75)" in told
    assert all(method in told for method in ("snip", "grasp", "synflow", "random"))


def test_the_attacks_and_convolutions_run_as_printed(tmp_path):
    told = run(
        [sys.executable, "-c", PYTHON[5] + "print(attacked['accuracy'].tolist() >= proven['accuracy'].tolist())"],
        tmp_path,
    )
    assert "black_box" in told
    assert "mean over layers" in told
    assert told.rstrip().endswith("True")


def test_the_commands_on_attacks_run_as_printed(tmp_path):
    lines = [shlex.split(line, comments=True) for line in COMMANDS[3].splitlines()]
    told = [run([sys.executable, "-m", *line], tmp_path) for line in lines]
    assert "natural" in told[2]
    assert "robust" in told[2]
    assert all(name in told[3] for name in OBJECTIVES)


def test_the_training_engine_runs_as_printed(tmp_path):
    told = run([sys.executable, "-c", "import netsparse as ns\n" + PYTHON[6]], tmp_path)
    assert "SparseNetwork(64-300-300" in told
    assert told.rstrip().endswith("]))")
    assert {"model.safetensors", "history.csv"} <= {path.name for path in (tmp_path / "runs" / "mine").iterdir()}
    assert len(PYTHON) == 7


def test_the_commands_on_percolation_run_as_printed(tmp_path):
    lines = [shlex.split(line, comments=True) for line in COMMANDS[2].splitlines()]
    told = [run([sys.executable, "-m", *line], tmp_path) for line in lines]
    assert {path.name for path in tmp_path.iterdir()} == {
        "runs",
        "percolation.png",
        "attack.csv",
        "collapse.png",
        "probes.csv",
    }
    assert "non-backtracking" in told[1]
    assert "static" in told[3]


def test_the_commands_on_topologies_run_as_printed(tmp_path):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(20, 30), torch.nn.ReLU(), torch.nn.Linear(30, 5))
    prune.global_unstructured([(model[0], "weight"), (model[2], "weight")], prune.L1Unstructured, amount=0.8)
    torch.save(model.state_dict(), tmp_path / "pruned.pt")
    lines = [shlex.split(line, comments=True) for line in COMMANDS[1].splitlines()]
    told = [run([sys.executable, "-m", *line], tmp_path) for line in lines]
    assert {"small_world.npz", "network.graphml", "pruned.pt"} == {path.name for path in tmp_path.iterdir()}
    assert "normalized_spectral_gap" in told[2]
    assert {row["metric"] for row in json.loads(told[3])} >= {"modularity_weighted", "spectral_gap"}


def test_the_two_commands_and_every_named_option_exist():
    first, second = COMMANDS[0].splitlines()
    assert first.split("#")[0].strip() == "pip install -c constraints.txt . && netsparse run"
    assert second.split("#")[0].strip() == 'pip install -c constraints.txt ".[test]" && pytest'
    assert second.split("#")[0].strip() in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    verbs = ("run", "generate", "measure", "percolate", "robustness", "attack", "train", "bench")
    shown = "".join(run([sys.executable, "-m", "netsparse", verb, "--help"], ROOT) for verb in verbs)
    ours = re.sub(r"`pytest [^`]*`|torchrun --nproc-per-node", "", README)
    for option in set(re.findall(r"--[a-z][a-z-]+", ours)) - {"--help"}:
        assert option in shown, option


def test_every_local_link_and_picture_is_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target
