"""Published data sets on disk: layouts that are found, files that are refused. The files are small ones of our own."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

import netsparse.datasets.manifest as manifest
from netsparse.datasets import SOURCES, load
from netsparse.datasets.compressed import read_bytes
from netsparse.errors import DatasetCorrupt, DatasetNotFound, InvalidFile


def put(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def check(data, arrays):
    assert (data.name, data.shape, data.n_classes) == ("mnist", (4, 3), 3)
    np.testing.assert_array_equal(data.x_train, arrays["x_train"].reshape(12, 12) / np.float32(255))
    np.testing.assert_array_equal(data.x_test, arrays["x_test"].reshape(6, 12) / np.float32(255))
    np.testing.assert_array_equal(data.y_train, arrays["y_train"])
    np.testing.assert_array_equal(data.y_test, arrays["y_test"])


@pytest.mark.parametrize("folder", ["mnist", "MNIST/raw"])
@pytest.mark.parametrize("zipped", [True, False])
def test_layouts(tmp_path, small_mnist, idx_files, arrays, folder, zipped):
    packed = small_mnist()
    put(tmp_path / folder, packed if zipped else idx_files)
    check(load("mnist", data_dir=tmp_path, download=False), arrays)


def test_the_folder_may_come_from_the_environment_or_be_the_default(tmp_path, small_mnist, arrays, monkeypatch):
    put(tmp_path / "data" / "mnist", small_mnist())
    monkeypatch.setenv("NETSPARSE_DATA", str(tmp_path / "data"))
    check(load("mnist", download=False), arrays)
    monkeypatch.delenv("NETSPARSE_DATA")
    monkeypatch.chdir(tmp_path)
    check(load("mnist", download=False), arrays)


def test_another_compression_of_the_same_bytes_and_a_gz_that_is_none(tmp_path, small_mnist, idx_files, arrays):
    small_mnist()
    put(tmp_path / "mnist", {f"{name}.gz": gzip.compress(data, compresslevel=1) for name, data in idx_files.items()})
    check(load("mnist", data_dir=tmp_path, download=False), arrays)
    put(tmp_path / "mnist", {f"{name}.gz": data for name, data in idx_files.items()})  # as some browsers store them
    check(load("mnist", data_dir=tmp_path, download=False), arrays)


def test_absent_files_are_named_with_the_places_looked_at(tmp_path, small_mnist):
    packed = small_mnist()
    packed.pop("t10k-labels-idx1-ubyte.gz")
    put(tmp_path / "mnist", packed)
    with pytest.raises(DatasetNotFound) as caught:
        load("mnist", data_dir=tmp_path, download=False)
    line = str(caught.value)
    for part in ("'mnist'", "t10k-labels-idx1-ubyte.gz", str(tmp_path / "mnist"), "--data-dir", "NETSPARSE_DATA"):
        assert part in line
    assert "\n" not in line
    assert isinstance(caught.value, FileNotFoundError)


def broken(name):
    def flipped(data):
        return data[:-1] + bytes([data[-1] ^ 1])

    return {
        "truncated gzip": lambda data: gzip.compress(data)[:-9],
        "damaged gzip": lambda data: flipped(gzip.compress(data)),
        "truncated": lambda data: data[:-1],
        "longer": lambda data: data + b"\0",
        "one bit": flipped,
        "empty": lambda data: b"",
    }[name]


@pytest.mark.parametrize("case", ["truncated gzip", "damaged gzip", "truncated", "longer", "one bit", "empty"])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_file_that_is_not_the_published_one(tmp_path, small_mnist, idx_files, name, case):
    small_mnist()
    put(tmp_path / "mnist", {**idx_files, name: broken(case)(idx_files[name])})
    with pytest.raises(DatasetCorrupt) as caught:
        load("mnist", data_dir=tmp_path)
    line = str(caught.value)
    assert str(tmp_path / "mnist" / name) in line
    assert "deleting" in line
    assert "\n" not in line
    assert (tmp_path / "mnist" / name).exists()  # refused, not repaired behind the user's back


def test_a_file_that_grows_while_it_unpacks_is_not_unpacked_to_its_end(tmp_path, small_mnist, packed_files):
    small_mnist()
    put(tmp_path / "mnist", {**packed_files, "train-labels-idx1-ubyte.gz": gzip.compress(bytes(10**7))})
    with pytest.raises(DatasetCorrupt, match="more than 20 bytes"):
        load("mnist", data_dir=tmp_path)
    assert len(read_bytes(tmp_path / "mnist" / "train-labels-idx1-ubyte.gz", at_most=21)) == 21


def test_no_more_is_unpacked_than_one_byte_beyond_what_was_published(tmp_path, small_mnist, idx_files, monkeypatch):
    put(tmp_path / "mnist", small_mnist())
    limits = []

    def spy(path, *, at_most=None):
        limits.append(at_most)
        return read_bytes(path, at_most=at_most)

    monkeypatch.setattr("netsparse.datasets.locate.read_bytes", spy)
    load("mnist", data_dir=tmp_path, download=False)
    assert limits == [len(data) + 1 for data in idx_files.values()]


def test_labels_outside_the_classes_of_the_source(tmp_path, small_mnist):
    put(tmp_path / "mnist", small_mnist(n_classes=2))
    with pytest.raises(InvalidFile, match=r"train-labels-idx1-ubyte\.gz': given labels from 0 to 2"):
        load("mnist", data_dir=tmp_path)


def test_the_manifest_is_complete():
    for name, source in SOURCES.items():
        assert source.name == name
        assert source.title
        assert source.licence
        assert source.citation
        assert bool(source.files) == bool(source.folders)
        for file in source.files:
            assert file.urls
            assert all(url.endswith("/" + file.name) for url in file.urls)
            assert file.size > 0
            assert len(file.sha256) == 64
            assert all(len(c.sha256) == 64 and c.size > 0 for c in file.contents)
    assert [len(SOURCES[name].files) for name in ("digits", "mnist", "fashion-mnist", "cifar10")] == [0, 4, 4, 1]
    assert all(content.md5 for content in SOURCES["cifar10"].files[0].contents)


def test_the_data_folder_shows_the_same_manifest():
    data = Path(__file__).parents[2] / "data"
    if not (data / "manifest.json").exists():
        pytest.skip("a source distribution has no data folder")
    inside = Path(manifest.__file__).with_name("manifest.json")
    assert json.loads((data / "manifest.json").read_text("utf-8")) == json.loads(inside.read_text("utf-8"))
    readme = (data / "README.md").read_text("utf-8")
    for name, source in SOURCES.items():
        assert f"`{name}`" in readme
        assert source.licence in readme
        assert all(folder == "." or f"`{folder}/`" in readme for folder in source.folders)
