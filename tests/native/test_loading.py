"""Compiled libraries that are stale, foreign or damaged are not called, and no compiler can break an installation."""

import ctypes
import shutil

import pytest

from netsparse.errors import KernelFallback
from netsparse.native import compiler, loading

needs_compiled_code = pytest.mark.skipif(loading.native_library("products") is None, reason="no compiled code here")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for path in [*loading.FOLDER.glob("products.*"), *loading.FOLDER.glob("*.h")]:
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(loading, "FOLDER", tmp_path)
    return tmp_path


def load():
    return loading._load.__wrapped__("products")


@needs_compiled_code
def test_a_library_is_loaded_where_its_source_is_as_it_was_or_is_not_there(folder):
    assert isinstance(load(), ctypes.CDLL)
    (folder / "products.cpp").unlink()
    assert isinstance(load(), ctypes.CDLL)


@needs_compiled_code
@pytest.mark.parametrize("changed", ["products.cpp", "lanes.h"])
def test_a_library_of_another_source_is_not_called(folder, changed):
    with (folder / changed).open("a") as file:
        file.write("// one argument more\n")
    with pytest.warns(KernelFallback, match=r"compiled from another products\.cpp.*compiles it anew"):
        assert "another products.cpp" in load()


@needs_compiled_code
@pytest.mark.parametrize("content", [b"", b"no library at all" * 1000])
def test_what_is_no_library_is_not_loaded(folder, content):
    (folder / "products.0.so").write_bytes(content)
    with pytest.warns(KernelFallback, match="could not be loaded"):
        assert isinstance(load(), str)


@needs_compiled_code
def test_a_variant_that_cannot_be_loaded_is_passed_over(folder):
    for level in (4, 3):
        (folder / f"products.{level}.so").write_bytes(b"left by another compiler")
    assert load()._name == str(folder / "products.0.so")


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """One small source with a header."""
    shutil.copy(compiler.FOLDER / "processor.h", tmp_path)
    (tmp_path / "small.cpp").write_text('#include "processor.h"\n')
    monkeypatch.setattr(compiler, "FOLDER", tmp_path)
    return tmp_path


@pytest.mark.skipif(compiler.compiler() is None, reason="no C++ compiler here")
@pytest.mark.parametrize("chosen", ["", "no-such-c++", "'half a quote", "env LC_ALL=C c++ -DMORE"])
def test_a_compiler_is_found_whatever_cxx_says(sources, monkeypatch, chosen):
    monkeypatch.setenv("CXX", chosen)
    assert {path.name for path in compiler.compile_all(sources)} >= {"small.0.so"}
    loaded = ctypes.CDLL(str(sources / "small.0.so"))
    loaded.netsparse_source.restype = ctypes.c_char_p
    assert loaded.netsparse_source().decode() == compiler.fingerprint(sources / "small.cpp")


@pytest.mark.skipif(compiler.sys.platform != "linux", reason="nothing is compiled elsewhere")
@pytest.mark.parametrize("chosen", ["true", "false", "./no-program"])
def test_a_command_that_compiles_nothing_leaves_nothing_behind(sources, monkeypatch, capsys, chosen):
    (sources / "no-program").write_text("neither binary nor script")
    (sources / "no-program").chmod(0o755)
    monkeypatch.chdir(sources)
    monkeypatch.setenv("CXX", chosen)
    assert compiler.compile_all(sources) == []
    assert "small.cpp (baseline) was not compiled: " in capsys.readouterr().err
    assert not [path for path in sources.iterdir() if path.suffix in (".so", ".tmp")]


@pytest.mark.skipif(compiler.compiler() is None, reason="no C++ compiler here")
def test_a_folder_that_cannot_be_written_to_is_said(sources, capsys):
    assert compiler.compile_all(sources / "no such folder") == []
    assert "was not compiled" in capsys.readouterr().err
