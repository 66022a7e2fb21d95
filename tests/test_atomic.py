"""Files are whole or absent, on a full disk too."""

import errno
import subprocess
import sys

import pytest

from netsparse import errors
from netsparse.atomic import atomic_path, discard_unfinished, write_text
from netsparse.errors import DiskFull


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_finished_file_appears_under_its_name(tmp_path):
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("x")
        assert temporary.parent == tmp_path  # the same file system, so that the rename is one step
        assert not (tmp_path / "a.txt").exists()
    assert names_in(tmp_path) == ["a.txt"]


def test_an_older_file_is_replaced_at_the_end(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with atomic_path(str(tmp_path / "a.txt")) as temporary:
        temporary.write_text("new")
        assert (tmp_path / "a.txt").read_text() == "old"
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names_in(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), errors.InvalidFile("a", "b", "c", "d")])
def test_an_interrupted_write_leaves_the_older_file(tmp_path, error):
    write_text(tmp_path / "a.txt", "old")

    def write_half():
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert names_in(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_gets_one_clear_line(tmp_path, code):
    with (
        pytest.raises(DiskFull, match=r"writing '.*a.txt': given a full disk") as caught,
        atomic_path(tmp_path / "a.txt"),
    ):
        raise OSError(code, "full")
    cause = caught.value.__cause__
    assert isinstance(cause, OSError)
    assert cause.errno == code
    assert names_in(tmp_path) == []


FILLED = """
import resource, signal, sys
from netsparse.atomic import write_text
from netsparse.errors import DiskFull

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then the write fails with EFBIG instead of ending the process
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
write_text(sys.argv[1], "small enough")
try:
    write_text(sys.argv[1], "x" * 1_000_000)
except DiskFull as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE")
def test_a_disk_that_really_is_full(tmp_path):
    found = subprocess.run(
        [sys.executable, "-c", FILLED, str(tmp_path / "a.txt")], capture_output=True, text=True, timeout=60, check=True
    )
    assert "given a full disk" in found.stdout
    assert "try freeing space or writing elsewhere" in found.stdout
    assert names_in(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "small enough"


def test_text_is_utf_8(tmp_path):
    write_text(tmp_path / "a.txt", "Erdős–Rényi λ₂")
    assert (tmp_path / "a.txt").read_bytes().decode() == "Erdős–Rényi λ₂"


def test_a_folder_that_does_not_exist_is_no_full_disk(tmp_path):
    with pytest.raises(errors.NotWritable, match=r"missing.*No such file or directory") as caught:
        write_text(tmp_path / "missing" / "a.txt", "x")
    assert not isinstance(caught.value, errors.DiskFull)


@pytest.mark.parametrize("path", ["", ".", "..", "/", "a\0b", "a/.."])
def test_a_path_that_names_no_file_is_refused_before_the_block(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.NotWritable, match="not the name of a file"), atomic_path(path):
        pytest.fail("the block was entered")
    assert names_in(tmp_path) == []


def test_a_process_that_ends_leaves_no_half_file(tmp_path):
    write_text(tmp_path / "a.txt", "x")

    def interrupted_while_writing():
        with atomic_path(tmp_path / "b.txt") as temporary:
            temporary.write_text("half")
            discard_unfinished()
            assert names_in(tmp_path) == ["a.txt"]

    with pytest.raises(errors.NotWritable):  # there is nothing left to rename
        interrupted_while_writing()
    discard_unfinished()  # nothing is under way any more
    assert names_in(tmp_path) == ["a.txt"]
