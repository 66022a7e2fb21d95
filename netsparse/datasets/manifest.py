"""What is known of each published data set: licence, citation, mirrors, sizes and checksums (`manifest.json`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Content:
    """One uncompressed file: what is verified before it is read.

    Parameters
    ----------
    name : str
        Its path below the data set's folder, and inside its archive.
    role : str
        Which part of the data set it holds.
    size : int
        Bytes.
    sha256 : str
        Checksum of its bytes.
    md5 : str, optional
        The checksum published by the authors.
    """

    name: str
    role: str
    size: int
    sha256: str
    md5: str | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file as it is downloaded, a `.gz` or a `.tar.gz`, and the contents packed in it.

    Parameters
    ----------
    name : str
        File name.
    urls : tuple of str
        Mirrors, tried in turn.
    size : int
        Bytes of the compressed file.
    sha256 : str
        Checksum of the compressed file.
    contents : tuple of Content
        What it holds.
    md5 : str, optional
        The checksum published by the authors.
    """

    name: str
    urls: tuple[str, ...]
    size: int
    sha256: str
    contents: tuple[Content, ...]
    md5: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A published data set.

    Parameters
    ----------
    name : str
        What `load` calls it.
    title, licence, citation, homepage : str
        For people.
    shape : tuple of int
        Shape of one sample.
    n_classes : int
        Number of classes.
    folders : tuple of str
        Where its files may lie below the data folder; downloads land in the first.
    files : tuple of SourceFile
        Empty for a data set that comes with a package.

    Examples
    --------
    >>> SOURCES["fashion-mnist"].licence, SOURCES["cifar10"].shape
    ('MIT', (3, 32, 32))
    """

    name: str
    title: str
    licence: str
    citation: str
    homepage: str
    shape: tuple[int, ...]
    n_classes: int
    folders: tuple[str, ...]
    files: tuple[SourceFile, ...]


def _source(name: str, entry: dict[str, Any]) -> Source:
    files = tuple(
        SourceFile(**{**file, "urls": tuple(file["urls"]), "contents": tuple(Content(**c) for c in file["contents"])})
        for file in entry["files"]
    )
    tuples = {"shape": tuple(entry["shape"]), "folders": tuple(entry["folders"]), "files": files}
    return Source(name=name, **{**entry, **tuples})


def _sources() -> dict[str, Source]:
    text = resources.files("netsparse.datasets").joinpath("manifest.json").read_text(encoding="utf-8")
    return {name: _source(name, entry) for name, entry in json.loads(text).items()}


SOURCES = _sources()
"""Every data set that has a name, with its files."""
