"""`torchrun -m netsparse train` from end to end: one voice, one folder, the same bytes again, deaths and resumption."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

SETTINGS = ["--widths", "60,50", "--density", "0.1", "--epochs", "4", "--batch-size", "64", "--seed", "5"]
SETTINGS += ["--precision", "float64"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d"]
TORCHRUN += ["--rdzv-endpoint", "localhost:0", "--local-addr", "127.0.0.1"]
FILES = ("model.safetensors", "best.safetensors", "history.csv")


def environment():
    hidden = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    return {name: value for name, value in os.environ.items() if name not in hidden} | {"OMP_NUM_THREADS": "1"}


def train(folder, *arguments, processes=2):
    start = TORCHRUN if processes > 1 else [sys.executable]
    command = [*start, "-m", "netsparse", "train", *arguments]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the folder and the ended processes of one run of two processes."""
    folder = tmp_path_factory.mktemp("torchrun")
    return folder, train(folder, *SETTINGS, "--name", "two", "--json")


def test_two_processes_leave_one_run_and_one_summary(trained):
    folder, ended = trained
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["runs"][0]["run"] == "set", "JSON, once"
    assert ended.stderr.count("digits:   0%") == 1, "one bar"
    assert "Error" not in ended.stderr
    assert "Warning" not in ended.stderr
    assert {path.name for path in (folder / "runs" / "two").iterdir()} >= {*FILES, "config.json", "provenance.json"}
    assert [path.name for path in (folder / "runs").iterdir()] == ["two"]
    assert json.loads((folder / "runs" / "two" / "provenance.json").read_text())["started"]["processes"] == 2


@pytest.mark.slow
def test_the_model_is_the_one_that_one_process_trains(trained):
    folder, _ = trained
    assert train(folder, *SETTINGS, "--name", "one", processes=1).returncode == 0
    one, two = (load_file(folder / "runs" / name / "model.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, values in one.items():
        if name.endswith(("indptr", "indices")):
            np.testing.assert_array_equal(two[name], values, err_msg=name)
        np.testing.assert_allclose(two[name], values, rtol=0, atol=1e-9, err_msg=name)


@pytest.mark.slow
def test_the_same_command_gives_the_same_bytes(trained):
    folder, _ = trained
    assert train(folder, *SETTINGS, "--name", "again").returncode == 0
    for name in FILES:
        assert (folder / "runs" / "again" / name).read_bytes() == (folder / "runs" / "two" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--density", "7"], "netsparse: density: given 7"),
        (["--keep", "none"], "netsparse: keep: given 'none'"),
        (["--name", "two"], "netsparse: run folder 'runs/two': given a folder that exists"),
        (["--data", "nothing-of-the-kind"], "netsparse: "),
        (["--lr", "1e9"], "netsparse: training: given train loss"),
    ],
)
def test_an_error_is_said_once(trained, arguments, message):
    folder, _ = trained
    ended = train(folder, *SETTINGS, *(["--name", "wrong"] if "--name" not in arguments else []), *arguments)
    assert ended.returncode != 0
    assert ended.stderr.count("netsparse: ") == 1
    assert message in ended.stderr
    assert ended.stdout == ""


def workers(torchrun):
    """Return the ids of the processes that torchrun has started, by rank."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == torchrun.pid:
                variables = dict(part.split("=", 1) for part in (entry / "environ").read_text().split("\0") if part)
                found[int(variables["RANK"])] = int(entry.name)
        except (OSError, KeyError):
            continue
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found in /proc")
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_is_killed_ends_all_and_the_run_is_resumed_to_the_same_bytes(trained, tmp_path, rank):
    folder, _ = trained
    options = [*SETTINGS, "--name", "cut", "--checkpoint-minutes", "0"]
    command = [*TORCHRUN, "-m", "netsparse", "train", *options]
    torchrun = subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True)
    saved = tmp_path / "runs" / "cut" / "checkpoints"
    while not any(saved.glob("step-*")):
        assert torchrun.poll() is None, torchrun.stderr.read()
        time.sleep(0.005)
    os.kill(workers(torchrun)[rank], signal.SIGKILL)
    began = time.monotonic()
    _, said = torchrun.communicate(timeout=60)
    assert torchrun.returncode != 0
    assert time.monotonic() - began < 30.0
    assert "exitcode  : -9" in said, "torchrun names the one that was killed"
    ours = [line for line in said.splitlines() if "netsparse: " in line]
    assert all(f"netsparse: rank {1 - rank} of 2: given no answer from another rank (" in line for line in ours)
    assert len(ours) <= 1, "unless torchrun has ended it before"
    resumed = train(tmp_path, "--resume", "runs/cut")
    assert resumed.returncode == 0, resumed.stderr
    for name in FILES:
        assert (tmp_path / "runs" / "cut" / name).read_bytes() == (folder / "runs" / "two" / name).read_bytes()
