"""A result says where it comes from, in plain JSON."""

import json
import platform
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest

from netsparse.provenance import PACKAGES, provenance


def test_the_record_is_plain_json():
    record = provenance({"density": 0.01, "widths": [10, 10]}, seed=3)
    assert json.loads(json.dumps(record)) == record
    assert record["parameters"] == {"density": 0.01, "widths": [10, 10]}
    assert record["seed"] == 3
    assert set(record) == {"software", "parameters", "seed", "git_commit", "machine"}


def test_versions_are_those_that_run():
    software: Any = provenance()["software"]
    assert set(software) == {"python", *PACKAGES}
    assert software["python"] == platform.python_version()
    assert software["numpy"] == np.__version__
    assert provenance()["parameters"] == {}
    assert provenance()["seed"] is None


def test_a_package_that_is_not_installed_is_none(monkeypatch):
    monkeypatch.setattr("netsparse.provenance.PACKAGES", ("no-such-package-anywhere",))
    software: Any = provenance()["software"]
    assert software == {"python": platform.python_version(), "no-such-package-anywhere": None}


def test_the_callers_parameters_are_not_shared():
    parameters = {"density": 0.01}
    record = provenance(parameters)
    parameters["density"] = 1
    assert record["parameters"] == {"density": 0.01}


def test_no_commit_outside_a_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance()["git_commit"] is None


def test_no_commit_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance()["git_commit"] is None


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_commit_of_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], [*who, "commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *command], check=True, timeout=30)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=30, check=True)
    assert provenance()["git_commit"] == head.stdout.strip()
    assert len(head.stdout.strip()) == 40
