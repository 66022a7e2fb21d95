"""Download of one published file: mirrors in turn, checksum first, whole or absent."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from urllib.parse import urlsplit

from netsparse.atomic import atomic_path
from netsparse.datasets.manifest import SourceFile
from netsparse.errors import DatasetNotFound, NetsparseError

CONNECT_SECONDS, READ_SECONDS = 5, 30  # a machine without network must not hang


def fetch(file: SourceFile, folder: Path) -> Path:
    """Download `file` into `folder` and return its path; every mirror is tried once.

    The file appears under its name only when its size and sha256 are right. If no mirror delivers it, nothing is left
    behind, neither a part of it nor a folder that was not there before.

    Raises
    ------
    DatasetNotFound
        When no mirror delivered the file, with the reason for each; also when `folder` cannot be written.
    DiskFull
        When the disk has no room for it.
    """
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _from_mirrors(file, folder)
    except BaseException as error:
        for parent in made:
            with contextlib.suppress(OSError):
                parent.rmdir()
        if isinstance(error, OSError) and not isinstance(error, NetsparseError):
            given = f"'{folder}', which cannot be written ({error.strerror or error})"
            fix = "--data-dir DIR (data_dir= in Python) or NETSPARSE_DATA=DIR"
            raise DatasetNotFound(f"download of {file.name}", given, "a folder to write to", fix) from error
        raise


def _from_mirrors(file: SourceFile, folder: Path) -> Path:
    import pooch
    import requests

    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        chunk_size=1 << 16,
        timeout=(CONNECT_SECONDS, READ_SECONDS),
        # a server that compresses the compressed file once more would spoil the checksum
        headers={"Accept-Encoding": "identity"},
    )
    path, failures = folder / file.name, []
    for url in file.urls:
        try:
            with atomic_path(path) as temporary:
                downloader(url, str(temporary), None)
                _verify(temporary, file, pooch.file_hash(str(temporary), alg="sha256"))
        except requests.HTTPError as error:
            failures.append((url, f"HTTP {error.response.status_code}" if error.response is not None else "HTTP error"))
        except requests.Timeout:
            failures.append((url, "timed out"))
        except requests.ConnectionError:
            failures.append((url, "no connection"))
        except requests.RequestException as error:
            failures.append((url, f"broke off ({type(error).__name__})"))
        except _WrongContent as error:
            failures.append((url, str(error)))
        else:
            return path
    reasons = "; ".join(f"{urlsplit(url).netloc}: {reason}" for url, reason in failures)
    raise DatasetNotFound(
        f"download of {file.name}", reasons or "no mirror", "a mirror that delivers it", "connecting to the network"
    )


class _WrongContent(Exception):
    """A mirror delivered something else."""


def _verify(path: Path, file: SourceFile, sha256: str) -> None:
    size = path.stat().st_size
    if size != file.size:
        raise _WrongContent(f"{size:,} bytes instead of {file.size:,}")
    if sha256 != file.sha256:
        raise _WrongContent(f"wrong checksum (sha256 {sha256[:12]}... instead of {file.sha256[:12]}...)")
