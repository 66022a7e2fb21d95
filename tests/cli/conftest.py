"""The command line in this process: quick enough for one call per test."""

import sys

import pytest

from netsparse.cli.main import main


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Return a function that runs `netsparse ...` in an empty folder and gives its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["netsparse", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        stdout, stderr = capsys.readouterr()
        return left.value.code, stdout, stderr

    return call
