"""npz: a network as plain arrays in a file; exact, the same bytes for the same content, nothing unpickled."""

from __future__ import annotations

import errno
import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from netsparse.errors import DiskFull, InvalidEdgeVector, InvalidFile, InvalidNetwork, InvalidOption
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.interop.npz import read_npz, write_npz

NETWORKS = {**{name: SparseNetwork([graph]) for name, graph in zoo.GRAPHS.items()}, **zoo.NETWORKS}
JOINT = zoo.NETWORKS["joint"]


@pytest.mark.parametrize("name", NETWORKS)
def test_round_trip(name, tmp_path, hard_weights, same):
    network, path = NETWORKS[name], tmp_path / "net.npz"
    write_npz(network, path)
    same(read_npz(path), (network, None))
    weights = hard_weights(network)
    write_npz(network, path, weights=weights)
    same(read_npz(path), (network, weights))
    assert list(tmp_path.iterdir()) == [path]


@given(network=zoo.networks(), data=st.data())
def test_round_trip_of_any_network_with_any_finite_weights(network, data, same):
    finite = st.floats(allow_nan=False, allow_infinity=False)
    weights = [np.array(data.draw(st.lists(finite, min_size=g.n_edges, max_size=g.n_edges))) for g in network.layers]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.npz"
        write_npz(network, path, weights=weights)
        same(read_npz(path), (network, weights))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i8", "u4", "?", ">f4"])
def test_weights_keep_their_type(dtype, tmp_path):
    graph = zoo.GRAPHS["complete"]
    weights = np.arange(graph.n_edges).astype(dtype)
    write_npz(graph, tmp_path / "a", weights=weights)
    network, values = read_npz(tmp_path / "a")
    assert network == SparseNetwork([graph])
    assert values[0].dtype == weights.dtype.newbyteorder("=")
    assert values[0].tolist() == weights.tolist()


def test_numpy_reads_it(tmp_path):
    write_npz(JOINT, tmp_path / "a.npz", weights=[np.arange(6.0), np.arange(4.0)])
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert list(arrays) == [
            "netsparse_format", "shapes", "indptr_0", "indices_0", "weights_0", "indptr_1", "indices_1", "joint_0",
            "weights_1",
        ]  # fmt: skip
        assert arrays["shapes"].tolist() == [[3, 2], [6, 2]]
        assert arrays["joint_0"].tolist() == [0, 0, 0, 1, 1, 1]
        assert arrays["weights_1"].tolist() == [0.0, 1.0, 2.0, 3.0]


def test_the_same_content_gives_the_same_bytes(tmp_path, monkeypatch, hard_weights):
    network = zoo.NETWORKS["three layers"]
    weights = hard_weights(network)
    write_npz(network, tmp_path / "a", weights=weights)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    copy = SparseNetwork(
        [
            BipartiteGraph.from_edges(g.sources[::-1], g.targets[::-1], n_in=g.n_in, n_out=g.n_out)
            for g in network.layers
        ]
    )
    write_npz(copy, tmp_path / "b", weights=[values.astype(">f8") for values in weights])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with zipfile.ZipFile(tmp_path / "a") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_what_numpy_writes_of_our_arrays_is_read(tmp_path):
    write_npz(JOINT, tmp_path / "a.npz", weights=[np.arange(6.0), np.arange(4.0)])
    with np.load(tmp_path / "a.npz") as arrays:
        np.savez(tmp_path / "b.npz", note=np.array("further arrays are passed over"), **arrays)
    network, weights = read_npz(tmp_path / "b.npz")
    assert network == JOINT
    assert weights[1].tolist() == [0.0, 1.0, 2.0, 3.0]
    network.layers[0].fan_in  # noqa: B018 - a graph like any other
    with pytest.raises(ValueError, match="read-only"):
        network.layers[0].indices[0] = 1


# files that hold something else --------------------------------------------------------------------------------------


def arrays_of(network, weights):
    with tempfile.TemporaryDirectory() as folder:
        write_npz(network, Path(folder) / "a", weights=weights)
        with np.load(Path(folder) / "a") as arrays:
            return dict(arrays)


WHOLE = arrays_of(JOINT, [np.arange(6.0), np.arange(4.0)])
CHANGED = {
    "no format": ({"netsparse_format": None}, "no array 'netsparse_format', another kind of npz"),
    "a later format": ({"netsparse_format": 2}, "given format 2, expected format 1; try a newer netsparse"),
    "no version": ({"netsparse_format": [1]}, r"given format \[1\]"),
    "no shapes": ({"shapes": None}, "no array 'shapes'"),
    "flat shapes": ({"shapes": [3, 2]}, r"'shapes' of shape \(2,\)"),
    "no layers": ({"shapes": np.zeros((0, 2), int)}, r"'shapes' of shape \(0, 2\)"),
    "sizes below one": ({"shapes": [[0, 2], [6, 2]]}, "n_in with 0"),
    "sizes beyond measure": ({"shapes": [[2**62, 2**62], [6, 2]]}, r"fewer than 2\^63 pairs"),
    "fractional sizes": ({"shapes": [[3.0, 2.0], [6.0, 2.0]]}, "type float64"),
    "no indices": ({"indices_1": None}, "no array 'indices_1'"),
    "fewer layers than arrays": ({"shapes": [[3, 2]]}, "'indices_1' for 1 layers"),
    "more layers than arrays": ({"shapes": [[3, 2], [6, 2], [2, 2]]}, "no array 'indptr_2'"),
    "joints without layers": ({"joint_1": [0, 0]}, "'joint_1' for 2 layers"),
    "unsorted": ({"indices_0": [1, 0, 2, 0, 1, 2]}, "a row that is not strictly increasing"),
    "a pair twice": ({"indices_0": [0, 0, 2, 0, 1, 2]}, "a row that is not strictly increasing"),
    "a unit too far": ({"indices_0": [0, 1, 3, 0, 1, 2]}, "units 0 to 3"),
    "a negative unit": ({"indices_0": [-1, 1, 2, 0, 1, 2]}, "units -1 to 2"),
    "a short indptr": ({"indptr_0": [0, 6]}, "2 entries for n_out=2"),
    "falling indptr": ({"indptr_0": [0, 7, 6]}, "non-decreasing"),
    "wrapping indptr": ({"indptr_0": np.array([0, 2**63, 6], dtype=np.uint64)}, "non-decreasing"),
    "fractional indices": ({"indices_0": np.arange(6.0)}, "indices with float64"),
    "a matrix of indices": ({"indices_0": np.zeros((2, 3), int)}, r"shape \(2, 3\)"),
    "no joint": ({"joint_0": None}, "2 outputs below 6 inputs"),
    "a short joint": ({"joint_0": [0, 1]}, "2 entries, expected 6 units"),
    "a joint too far": ({"joint_0": [0, 0, 0, 1, 1, 2]}, "unit 2, expected 6 units, each below 2"),
    "half the weights": ({"weights_1": None}, "weights for 1 of 2 layers"),
    "short weights": ({"weights_1": [1.0]}, r"weights\[1\] with an array of shape \(1,\)"),
    "weights that are NaN": ({"weights_1": [1.0, np.nan, 0.0, 0.0]}, "nan at edge 1"),
    "complex weights": ({"weights_1": np.ones(4, complex)}, "entries of type complex128 in 'weights_1'"),
    "texts": ({"weights_1": np.array(["a"] * 4)}, "entries of type <U1"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_arrays_that_are_no_network(name, tmp_path):
    changes, words = CHANGED[name]
    arrays = {key: value for key, value in (WHOLE | changes).items() if value is not None}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InvalidFile, match=words) as caught:
        read_npz(tmp_path / "a.npz")
    assert str(caught.value).startswith(f"npz file '{tmp_path / 'a.npz'}': given")
    assert "\n" not in str(caught.value)


class Bomb:
    """What runs code when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return exec, (f"open({str(self.path)!r}, 'w').close()",)


def test_nothing_is_unpickled(tmp_path):
    mark = tmp_path / "ran"
    for name in ("weights_1", "netsparse_format", "shapes"):
        np.savez(tmp_path / "a.npz", allow_pickle=True, **WHOLE | {name: np.array([Bomb(mark)] * 4, dtype=object)})
        with pytest.raises(InvalidFile, match=f"Python objects in '{name}'"):
            read_npz(tmp_path / "a.npz")
    assert not mark.exists()


def test_compressed_files_are_refused_and_so_are_headers_that_promise_more(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **WHOLE)
    with pytest.raises(InvalidFile, match="a compressed array 'netsparse_format', expected stored arrays"):
        read_npz(path)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (2**50,)})
    for shape_of, content in (("weights_0", header.getvalue() + bytes(48)), ("shapes", header.getvalue())):
        np.savez(path, **{key: value for key, value in WHOLE.items() if key != shape_of})
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(f"{shape_of}.npy", content)
        with pytest.raises(InvalidFile, match=f"bytes for '{shape_of}' of shape"):
            read_npz(path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("shapes.npy", b"again")
    with pytest.raises(InvalidFile, match="two arrays of the same name"):
        read_npz(path)


def test_one_block_of_bytes_is_no_many_arrays(tmp_path):
    path = tmp_path / "a.npz"
    write_npz(zoo.GRAPHS["complete"], path, weights=np.zeros(12))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        archive.infolist()
        start = archive.start_dir
    place = content.index(b"weights_0.npy", start) - 46
    for offset in (20, 24):  # both sizes in the directory: a member longer than the file
        content[place + offset : place + offset + 4] = (10**9).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(InvalidFile, match="members of more than the file's"):
        read_npz(path)


def test_truncated_and_damaged_files(tmp_path):
    path = tmp_path / "a.npz"
    write_npz(JOINT, path, weights=[np.arange(6.0), np.arange(4.0)])
    content = path.read_bytes()
    for end in range(0, len(content), 37):
        path.write_bytes(content[:end])
        with pytest.raises(InvalidFile, match="damaged or foreign") as caught:
            read_npz(path)
        assert "\n" not in str(caught.value)
    whole = (JOINT, [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 1.0, 2.0, 3.0]])
    for place in range(0, len(content), 11):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            network, weights = read_npz(path)
        except InvalidFile as error:
            assert "\n" not in str(error)  # noqa: PT017 - most places are checked, but not times and attributes
        else:
            assert (network, [row.tolist() for row in weights or ()]) in (whole, (JOINT, []))


def test_other_files(tmp_path):
    with pytest.raises(InvalidFile, match="no such file") as caught:
        read_npz(tmp_path / "absent.npz")
    assert isinstance(caught.value, FileNotFoundError)
    with pytest.raises(InvalidFile, match="given a folder"):
        read_npz(tmp_path)
    np.save(tmp_path / "a.npy", np.eye(2))
    with pytest.raises(InvalidFile, match="damaged or foreign"):
        read_npz(tmp_path / "a.npy")
    np.savez(tmp_path / "b.npz", x_train=np.eye(2))
    with pytest.raises(InvalidFile, match="another kind of npz"):
        read_npz(tmp_path / "b.npz")
    for path in (5, "a\0b"):
        with pytest.raises(InvalidFile, match="no file"):
            read_npz(path)


# writing where it cannot be done -------------------------------------------------------------------------------------


def test_an_older_file_survives(tmp_path, monkeypatch):
    path = tmp_path / "net.npz"
    write_npz(JOINT, path)
    before = path.read_bytes()
    with pytest.raises(InvalidEdgeVector, match="finite"):
        write_npz(JOINT, path, weights=[np.ones(6), np.full(4, np.inf)])
    with pytest.raises(InvalidEdgeVector, match="one edge vector per layer"):
        write_npz(JOINT, path, weights=[np.ones(6)])
    with pytest.raises(InvalidEdgeVector, match="real numbers"):
        write_npz(JOINT, path, weights=[np.ones(6), np.ones(4, complex)])
    with pytest.raises(InvalidNetwork, match="given int"):
        write_npz(5, path)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("netsparse.interop.npz.npy.write_array", full)
    with pytest.raises(DiskFull, match="a full disk"):
        write_npz(JOINT, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_paths_that_are_none(tmp_path):
    with pytest.raises(InvalidFile, match="no folder") as caught:
        write_npz(JOINT, tmp_path / "nowhere" / "a.npz")
    assert isinstance(caught.value, FileNotFoundError)
    with pytest.raises(InvalidOption, match=r"path: given int, expected a path; try 'net\.npz'"):
        write_npz(JOINT, 5)
