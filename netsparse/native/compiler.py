"""Compiling the C++ sources beside this file: `python -m netsparse.native.compiler` builds them in place.

Used by the build hook as well, before the package is installed: nothing but the standard library is imported here.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
LEVELS = {4: "x86-64-v4", 3: "x86-64-v3", 0: None}
FLAGS = (
    "-O3",
    "-std=c++17",
    "-ffp-contract=fast",
    "-fPIC",
    "-shared",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-Wall",
    "-fvisibility=hidden",
)


def compiler() -> list[str] | None:
    """Return the command of a C++ compiler (`CXX` in the environment goes first), None where there is none."""
    if sys.platform != "linux":
        return None  # the libraries are only built, and only tested, there
    chosen = os.environ.get("CXX", "")
    for candidate in (chosen, "c++", "g++", "clang++"):
        try:
            words = shlex.split(candidate)  # it may come with options, or be run by another program
        except ValueError:
            words = []
        if words and shutil.which(words[0]):
            return words
        if candidate and candidate == chosen:
            sys.stderr.write(f"CXX={candidate!r} is no command here; another C++ compiler is looked for\n")
    return None


def fingerprint(source: Path) -> str:
    """Return what a library carries of its source, the headers beside it included, to be known again by."""
    digest = hashlib.sha256()
    for path in (source, *sorted(source.parent.glob("*.h"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def compile_all(folder: Path = FOLDER) -> list[Path]:
    """Compile every source into `folder`, one library per variant; return the files, none where there is no compiler.

    A variant that this compiler cannot build is left out. What is there is replaced only by a finished library.
    """
    command = compiler()
    if command is None:
        return []
    built = []
    for source in sorted(FOLDER.glob("*.cpp")):
        for level, march in LEVELS.items():
            if march is not None and platform.machine() not in ("x86_64", "AMD64"):
                continue
            library = folder / f"{source.stem}.{level}.so"
            temporary = library.with_suffix(f".{os.getpid()}.tmp")
            options = [*FLAGS, f'-DNETSPARSE_SOURCE="{fingerprint(source)}"']
            options += ["-fopenmp"] if "#pragma omp" in source.read_text() else []
            options += [] if march is None else [f"-march={march}", "-mprefer-vector-width=512"]
            reason = _run([*command, *options, str(source), "-o", str(temporary)])
            if reason is None and temporary.exists():
                os.replace(temporary, library)
                built.append(library)
            else:
                temporary.unlink(missing_ok=True)
                reason = reason or f"{command[0]} wrote nothing"
                sys.stderr.write(f"{source.name} ({march or 'baseline'}) was not compiled: {reason}\n")
    return built


def _run(command: list[str]) -> str | None:
    """Run a command to its end; return why it failed, None where it did not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        return str(error)
    return None if done.returncode == 0 else done.stderr.strip() or f"{command[0]} ended with {done.returncode}"


if __name__ == "__main__":
    built = "\n".join(str(path) for path in compile_all())
    sys.stdout.write(f"{built or 'nothing was compiled; a C++ compiler is CXX, c++, g++ or clang++'}\n")
