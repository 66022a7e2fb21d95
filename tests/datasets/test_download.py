"""The download path, for real, against a server on this machine."""

from __future__ import annotations

import errno
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import requests

import netsparse.datasets.download as download_module
from netsparse.datasets import load
from netsparse.errors import DatasetNotFound, DiskFull


class Server:
    """Answers `GET` from the table `pages` (path -> bytes) and remembers what was asked for."""

    def __init__(self):
        self.pages, self.asked, self.drop = {}, [], 0
        self.silent = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                if outer.silent.is_set():
                    outer.silent.wait()  # until the client has gone
                    while outer.silent.is_set():
                        threading.Event().wait(0.01)
                    return
                body = outer.pages.get(self.path)
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write((body or b"")[: len(body or b"") - outer.drop])

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self):
        self.silent.clear()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    yield server
    server.close()


@pytest.fixture
def dead_mirror():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening: connections are refused
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def offer(server, files, at=""):
    server.pages.update({f"{at}/{name}": data for name, data in files.items()})


def refused(tmp_path, reason):
    with pytest.raises(DatasetNotFound, match=reason) as caught:
        load("mnist", data_dir=tmp_path / "a" / "b")
    line = str(caught.value)
    assert "\n" not in line
    for part in ("train-images-idx3-ubyte.gz", "--data-dir", "NETSPARSE_DATA", "connecting"):
        assert part in line
    assert list(tmp_path.iterdir()) == []  # neither half a file nor an empty folder


def test_a_good_download_lands_loads_and_is_not_repeated(tmp_path, server, small_mnist, arrays):
    packed = small_mnist(server.url)
    offer(server, packed)
    data = load("mnist", data_dir=tmp_path / "a" / "b")
    np.testing.assert_array_equal(data.x_train, arrays["x_train"].reshape(12, 12) / np.float32(255))
    assert {path.name: path.read_bytes() for path in (tmp_path / "a" / "b" / "mnist").iterdir()} == packed
    assert server.asked == [f"/{name}" for name in packed]
    assert load("mnist", data_dir=tmp_path / "a" / "b") == data
    assert len(server.asked) == 4


def test_only_what_is_missing_is_fetched(tmp_path, server, small_mnist):
    packed = small_mnist(server.url)
    offer(server, packed)
    load("mnist", data_dir=tmp_path)
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    server.asked.clear()
    load("mnist", data_dir=tmp_path)
    assert server.asked == ["/t10k-labels-idx1-ubyte.gz"]


def test_mirrors_are_tried_in_turn(tmp_path, server, small_mnist, dead_mirror):
    packed = small_mnist(
        dead_mirror, f"{server.url}/none", f"{server.url}/wrong", f"{server.url}/right", f"{server.url}/unused"
    )
    offer(server, {name: data[:-1] + b"!" for name, data in packed.items()}, "/wrong")
    offer(server, packed, "/right")
    load("mnist", data_dir=tmp_path)
    first = [path.rsplit("/", 1)[0] for path in server.asked if path.endswith("/train-images-idx3-ubyte.gz")]
    assert first == ["/none", "/wrong", "/right"]


def test_an_archive_is_downloaded_and_read_in_place(tmp_path, server, small_cifar):
    _, archive = small_cifar(urls=[f"{server.url}/cifar-10-python.tar.gz"])
    offer(server, {"cifar-10-python.tar.gz": archive})
    assert load("cifar10", data_dir=tmp_path).shape == (3, 2, 2)
    assert [path.name for path in (tmp_path / "cifar10").iterdir()] == ["cifar-10-python.tar.gz"]


def test_no_connection(tmp_path, small_mnist, dead_mirror, server):
    small_mnist(dead_mirror)
    refused(tmp_path, "127.0.0.1:[0-9]+: no connection")


def test_no_such_page(tmp_path, server, small_mnist):
    small_mnist(server.url)
    refused(tmp_path, "HTTP 404")


def test_wrong_checksum(tmp_path, server, small_mnist):
    packed = small_mnist(server.url)
    offer(server, {name: data[:-1] + bytes([data[-1] ^ 1]) for name, data in packed.items()})
    refused(tmp_path, "wrong checksum")


def test_another_length(tmp_path, server, small_mnist):
    packed = small_mnist(server.url)
    offer(server, {name: data + b"!" for name, data in packed.items()})
    refused(tmp_path, "bytes instead of")


def test_a_body_that_breaks_off(tmp_path, server, small_mnist):
    offer(server, small_mnist(server.url))
    server.drop = 5
    refused(tmp_path, "broke off|instead of")


def test_a_mirror_that_never_answers(tmp_path, server, small_mnist, monkeypatch):
    monkeypatch.setattr(download_module, "READ_SECONDS", 0.2)
    server.silent.set()
    small_mnist(server.url)
    refused(tmp_path, "timed out")
    assert len(server.asked) == 1


def test_neither_connecting_nor_reading_waits_for_long(tmp_path, server, small_mnist, monkeypatch):
    offer(server, small_mnist(server.url))
    asked, get = [], requests.get

    def spy(*args, timeout=None, **options):
        asked.append(timeout)
        return get(*args, timeout=timeout, **options)

    monkeypatch.setattr("requests.get", spy)
    load("mnist", data_dir=tmp_path)
    assert asked == [(5, 30)] * 4  # seconds to connect, seconds between two bytes


def test_later_files_keep_earlier_ones(tmp_path, server, small_mnist):
    packed = small_mnist(server.url)
    offer(server, {name: data for name, data in packed.items() if "t10k" not in name})
    with pytest.raises(DatasetNotFound, match=r"no t10k-images-idx3-ubyte\.gz"):
        load("mnist", data_dir=tmp_path)
    names = sorted(path.name for path in (tmp_path / "mnist").iterdir())
    assert names == ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"]


def test_no_download_when_it_is_not_wanted(tmp_path, server, small_mnist):
    offer(server, small_mnist(server.url))
    with pytest.raises(DatasetNotFound, match="download=False"):
        load("mnist", data_dir=tmp_path, download=False)
    assert server.asked == []


def test_a_data_folder_that_cannot_be_written(tmp_path, server, small_mnist):
    offer(server, small_mnist(server.url))
    (tmp_path / "data").write_text("a file")
    with pytest.raises(DatasetNotFound, match="cannot be written"):
        load("mnist", data_dir=tmp_path / "data")


@pytest.mark.parametrize(
    ("trouble", "error"), [(OSError(errno.ENOSPC, "full"), DiskFull), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_a_full_disk_or_an_impatient_user_leaves_no_half_file(tmp_path, small_mnist, monkeypatch, trouble, error):
    small_mnist("http://127.0.0.1:9")

    def interrupted(self, url, output_file, pooch):
        with open(output_file, "wb") as file:
            file.write(b"half")
        raise trouble

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", interrupted)
    with pytest.raises(error):
        load("mnist", data_dir=tmp_path / "data")
    assert list(tmp_path.iterdir()) == []
