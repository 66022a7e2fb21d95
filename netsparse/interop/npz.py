"""npz: a network with its weights as plain numpy arrays in one file; nothing is ever pickled or unpickled."""

from __future__ import annotations

import math
import os
import re
import zipfile
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from netsparse.atomic import atomic_path
from netsparse.errors import InvalidFile, NetsparseError
from netsparse.graph import BipartiteGraph, SparseNetwork
from netsparse.interop.assembly import Origin, Weights
from netsparse.interop.columns import as_network, finite_weights
from netsparse.interop.files import checked_target, opened

FORMAT = 1
EXPECTED = "a whole file written by netsparse.interop.write_npz"
OURS = re.compile(r"(indptr|indices|joint|weights)_[0-9]+")
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip archive knows: every member has it, so that the same content gives the same bytes."""


def write_npz(network: SparseNetwork | BipartiteGraph, path: str | os.PathLike[str], *, weights: Any = None) -> None:
    """Write a network as an `.npz` file of plain arrays, whole or not at all; the exact and fast format of ours.

    The arrays, which `numpy.load` opens too:

    - `netsparse_format`, the number 1;
    - `shapes` (n_layers x 2, int64), n_in and n_out of every layer;
    - `indptr_k` and `indices_k` for layer k, the CSR arrays of its weight matrix (n_out x n_in);
    - `joint_k` where a joint lies between layers k and k + 1;
    - `weights_k` for layer k, if weights are given, dtype kept.

    Members are stored without compression, little-endian and with a fixed time: the same content gives the same
    bytes, on every machine.

    Parameters
    ----------
    network : SparseNetwork or BipartiteGraph
        What to write; a BipartiteGraph is a network of one layer.
    path : path
        Usually ends in `.npz` (nothing is appended); an older file is replaced.
    weights : sequence of arrays, optional
        One edge vector per layer; the edge vector itself for a BipartiteGraph.

    Raises
    ------
    InvalidNetwork, InvalidEdgeVector, InvalidOption
        For another type of network, weights that do not fit or are not finite real numbers, a path that is none.
    InvalidFile, DiskFull
        If there is no such folder (also a FileNotFoundError), and if the disk is full.

    Notes
    -----
    The layout is ours; the container is numpy's (NEP 1).

    Examples
    --------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "net.npz")
    >>> layer = BipartiteGraph.from_edges([0, 1], [0, 0], n_in=3, n_out=1)
    >>> write_npz(layer, path, weights=[0.5, -2.0])
    >>> network, weights = read_npz(path)
    >>> network, weights[0].tolist()
    (SparseNetwork(3-1, 2 edges, density 0.667), [0.5, -2.0])
    """
    whole = as_network(network)
    vectors = finite_weights(network, weights)
    checked_target(path, "net.npz")
    arrays: dict[str, np.ndarray] = {
        "netsparse_format": np.array(FORMAT, dtype=np.int64),
        "shapes": np.array([graph.sizes for graph in whole.layers], dtype=np.int64),
    }
    for k, graph in enumerate(whole.layers):
        arrays |= {f"indptr_{k}": graph.indptr, f"indices_{k}": graph.indices}
        if k and (joint := whole.joints[k - 1]) is not None:
            arrays[f"joint_{k - 1}"] = joint
        if vectors is not None:
            arrays[f"weights_{k}"] = vectors[k]
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            member.create_system, member.external_attr = 3, 0o644 << 16  # otherwise the operating system shows
            little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)
            with archive.open(member, "w", force_zip64=True) as file:
                npy.write_array(file, little, version=(1, 0), allow_pickle=False)


def read_npz(path: str | os.PathLike[str]) -> tuple[SparseNetwork, Weights | None]:
    """Read a network from a file that `write_npz` wrote.

    Arrays of other names are passed over. A header is believed only where the bytes it promises are there, and
    compressed members are refused, so that reading takes no more memory than a few times the size of the file.

    Returns
    -------
    network : SparseNetwork
    weights : tuple of arrays, or None
        One edge vector per layer, with the dtype in which it was written; None where the file has no weights.

    Raises
    ------
    InvalidFile
        If the file is absent (also a FileNotFoundError), truncated or damaged, is not of our format or of a later
        version, holds Python objects, arrays that do not fit together or are not in canonical order, weights for
        some layers only or weights that are not finite.

    Examples
    --------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "net.npz")
    >>> write_npz(BipartiteGraph.from_edges([2], [0], n_in=3, n_out=1), path)
    >>> read_npz(path)
    (SparseNetwork(3-1, 1 edges, density 0.333), None)
    """
    origin = Origin(f"npz file '{path}'", InvalidFile, "a file from netsparse.interop.write_npz")
    with opened(origin, path, EXPECTED) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                arrays = _Arrays(origin, archive, os.fstat(file.fileno()).st_size)
                return _network(origin, arrays)
        except InvalidFile:
            raise
        except NetsparseError as error:  # the graph floor's own checks: canonical order, joints, weights
            raise origin.bad(f"{error.subject} with {error.given}", error.expected) from error
        except Exception as error:  # zip and npy readers fail in every way on a file made or damaged by chance
            reason = str(error) or type(error).__name__
            raise origin.bad(f"a damaged or foreign file ({reason})", EXPECTED) from error


class _Arrays:
    """The arrays of an archive, each checked against its place in the file before it is read."""

    def __init__(self, origin: Origin, archive: zipfile.ZipFile, n_bytes: int) -> None:
        self.origin, self.archive = origin, archive
        members = archive.infolist()
        if sum(member.file_size for member in members if member.compress_type == zipfile.ZIP_STORED) > n_bytes:
            raise origin.bad(f"members of more than the file's {n_bytes:,} bytes", EXPECTED)
        self.members = {member.filename.removesuffix(".npy"): member for member in members}
        if len(self.members) < len(members):
            raise origin.bad("two arrays of the same name", EXPECTED)
        if "netsparse_format" not in self.members:
            raise origin.bad("no array 'netsparse_format', another kind of npz", EXPECTED)

    def __getitem__(self, name: str) -> np.ndarray:
        member = self.members.get(name)
        if member is None:
            raise self.origin.bad(f"no array '{name}'", EXPECTED)
        if member.compress_type != zipfile.ZIP_STORED:
            raise self.origin.bad(f"a compressed array '{name}'", "stored arrays", "numpy.savez in place of its twin")
        with self.archive.open(member) as file:
            return self._read(name, file, member.file_size)

    def _read(self, name: str, file: IO[bytes], n_bytes: int) -> np.ndarray:
        version = npy.read_magic(file)
        if version not in HEADERS:
            raise self.origin.bad(f"array '{name}' in npy version {version}", EXPECTED)
        shape, _, dtype = HEADERS[version](file)
        if dtype.kind not in "biuf":
            given = "Python objects" if dtype.hasobject else f"entries of type {dtype}"
            raise self.origin.bad(f"{given} in '{name}'", "arrays of real numbers")
        promised, held = math.prod(shape) * dtype.itemsize, n_bytes - file.tell()
        if min(shape, default=0) < 0 or promised != held:
            raise self.origin.bad(f"{held:,} bytes for '{name}' of shape {shape} and type {dtype}", EXPECTED)
        file.seek(0)
        array = npy.read_array(file, allow_pickle=False)
        return array.astype(dtype.newbyteorder("="), copy=False)


def _network(origin: Origin, arrays: _Arrays) -> tuple[SparseNetwork, Weights | None]:
    version = arrays["netsparse_format"]
    if version.shape != () or version.dtype.kind not in "iu" or version != FORMAT:
        fix = "a newer netsparse" if version.shape == () and version > FORMAT else None
        raise origin.bad(f"format {version.tolist()}", f"format {FORMAT}", fix)
    shapes = arrays["shapes"]
    if shapes.dtype.kind not in "iu" or shapes.ndim != 2 or shapes.shape[1] != 2 or not len(shapes):
        raise origin.bad(f"'shapes' of shape {shapes.shape} and type {shapes.dtype}", "n_in and n_out of every layer")
    n_layers = len(shapes)
    found = {name for name in arrays.members if OURS.fullmatch(name)}
    names = {f"{what}_{k}" for what in ("indptr", "indices", "weights") for k in range(n_layers)}
    beyond = sorted(found - names - {f"joint_{k}" for k in range(n_layers - 1)})
    if beyond:
        raise origin.bad(f"an array '{beyond[0]}' for {n_layers} layers", EXPECTED)
    layers = [
        BipartiteGraph(n_in, n_out, arrays[f"indptr_{k}"], arrays[f"indices_{k}"])
        for k, (n_in, n_out) in enumerate(shapes.tolist())
    ]
    joints = [arrays[f"joint_{k}"] if f"joint_{k}" in found else None for k in range(n_layers - 1)]
    network = SparseNetwork(layers, joints)
    weighted = [k for k in range(n_layers) if f"weights_{k}" in found]
    if not weighted:
        return network, None
    if len(weighted) < n_layers:
        raise origin.bad(f"weights for {len(weighted)} of {n_layers} layers", "weights for every layer, or for none")
    return network, finite_weights(network, [arrays[f"weights_{k}"] for k in range(n_layers)])
