"""The files of a published data set: found or downloaded, unpacked in memory, verified before anybody reads them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from netsparse.datasets.compressed import read_bytes
from netsparse.datasets.download import fetch
from netsparse.datasets.manifest import Content, Source, SourceFile
from netsparse.errors import DatasetCorrupt, DatasetNotFound, InvalidFile, InvalidOption

FIX = "--data-dir DIR (data_dir= in Python) or NETSPARSE_DATA=DIR with the files inside, or connecting to the network"


def as_path(name: str, value: Any) -> Path:
    """Return the path `value`, `~` expanded; `name` is what errors call the argument.

    Raises
    ------
    InvalidOption
        If it is of no type that a path has.
    DatasetNotFound
        If no file can have this path: an unknown user's home, a name that is too long, a folder nobody may enter.

    Examples
    --------
    >>> as_path("data", "a/b").as_posix()
    'a/b'
    """
    try:
        path = Path(value).expanduser()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path.stat()
    except TypeError as error:
        given = f"an object of type {type(value).__name__}"
        raise InvalidOption(name, given, "a path", f"{name}='data'") from error
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DatasetNotFound(name, f"{ascii(str(value))[:80]} ({reason})", "a path", "a folder that exists") from error
    return path


def data_folder(data_dir: str | os.PathLike[str] | None = None) -> Path:
    """Folder where data sets are looked for: `data_dir`, else the variable NETSPARSE_DATA, else `data`.

    Raises
    ------
    InvalidOption, DatasetNotFound
        If it is no path, or one that no folder can have.

    Examples
    --------
    >>> data_folder("/srv/data").as_posix()
    '/srv/data'
    """
    if data_dir is not None and data_dir != "":
        return as_path("data_dir", data_dir)
    return as_path("NETSPARSE_DATA", os.environ.get("NETSPARSE_DATA") or "data")


def verified_contents(
    source: Source, *, data_dir: str | os.PathLike[str] | None, download: bool
) -> Iterator[tuple[Content, str, bytes]]:
    """Yield every content of a data set, the place it was read from, and its bytes, checked against the manifest.

    All files are at hand before the first is read. Contents of an archive come in the archive's order.

    Raises
    ------
    DatasetNotFound
        If files are neither on disk nor downloadable.
    DatasetCorrupt
        If a file is damaged or has the wrong size or checksum.
    """
    root = data_folder(data_dir)
    places = [_place(source, file, root) or [_obtain(source, file, root, download)] for file in source.files]
    for file, place in zip(source.files, places, strict=True):
        for content, where, path, data in _read(file, place):
            _verify(content, where, path, data)
            yield content, where, data


def _place(source: Source, file: SourceFile, root: Path) -> list[Path] | None:
    """Paths of the unpacked contents, or the path of the archive, or None."""
    for folder in source.folders:
        unpacked = [root / folder / content.name for content in file.contents]
        if all(path.is_file() for path in unpacked):
            return unpacked
        archive = root / folder / file.name
        if archive.is_file():
            return [archive]
    return None


def _read(file: SourceFile, place: list[Path]) -> Iterator[tuple[Content, str, Path, bytes]]:
    if len(place) < len(file.contents):
        archive = place[0]
        for content, data in _tar_members(file, archive):
            yield content, f"{archive}:{content.name}", archive, data
    else:
        # one content per path, gzipped or not: a `.gz` is an archive of one
        for content, path in zip(file.contents, place, strict=True):
            yield content, str(path), path, _whole(content, path)


def _obtain(source: Source, file: SourceFile, root: Path, download: bool) -> Path:
    folders = " or ".join(f"'{root / folder}'" for folder in source.folders)
    subject, absent = f"data set {source.name!r}", f"no {file.name} in {folders}"
    if not download:
        raise DatasetNotFound(subject, f"{absent} (download=False)", "its files on disk", FIX)
    try:
        return fetch(file, root / source.folders[0])
    except DatasetNotFound as error:
        raise DatasetNotFound(subject, f"{absent}; {error.subject}: {error.given}", "its files", FIX) from error


def _whole(content: Content, path: Path) -> bytes:
    try:
        return read_bytes(path, at_most=content.size + 1)
    except InvalidFile as error:
        raise corrupt(str(path), error.given, error.expected, path) from error


def _tar_members(file: SourceFile, path: Path) -> Iterator[tuple[Content, bytes]]:
    """Read the wanted members of a tar by name, as a stream; nothing is extracted to disk."""
    wanted = {content.name: content for content in file.contents}
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isreg() else None
                content = wanted.pop(member.name.removeprefix("./"), None) if stream else None
                if stream is not None and content is not None:
                    yield content, stream.read(content.size + 1)
                if not wanted:
                    return
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise corrupt(str(path), f"a damaged archive ({error})", f"{file.size:,} bytes of tar.gz", path) from error
    raise corrupt(str(path), f"no {', '.join(wanted)} in it", "the published archive", path)


def _verify(content: Content, where: str, path: Path, data: bytes) -> None:
    if len(data) != content.size:
        given = f"{len(data):,} bytes" if len(data) < content.size else f"more than {content.size:,} bytes"
        raise corrupt(where, given, f"{content.size:,} bytes", path)
    if content.md5 is not None:
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if md5 != content.md5:
            raise corrupt(where, f"md5 {md5}", f"md5 {content.md5}, as published", path)
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != content.sha256:
        raise corrupt(where, f"sha256 {sha256}", f"sha256 {content.sha256}", path)


def corrupt(where: str, given: str, expected: str, path: Path | str) -> DatasetCorrupt:
    """Error for a file of a published data set that is not the published one."""
    fix = f"deleting '{path}' and running again, which downloads it anew"
    return DatasetCorrupt(f"data file '{where}'", given, expected, fix)
