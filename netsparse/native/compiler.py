"""Compiling the C++ sources beside this file: `python -m netsparse.native.compiler` builds them in place.

Used by the build hook as well, before the package is installed: nothing but the standard library is imported here.
"""

from __future__ import annotations

import os
import platform
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


def compiler() -> str | None:
    """Return the command of a C++ compiler (`CXX` in the environment goes first), None where there is none."""
    if sys.platform != "linux":
        return None  # the libraries are only built, and only tested, there
    candidates = [os.environ.get("CXX", ""), "c++", "g++", "clang++"]
    return next((found for name in candidates if name and (found := shutil.which(name))), None)


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
            options = [*FLAGS, *(["-fopenmp"] if "#pragma omp" in source.read_text() else [])]
            options += [] if march is None else [f"-march={march}", "-mprefer-vector-width=512"]
            done = subprocess.run(
                [command, *options, str(source), "-o", str(temporary)], capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                os.replace(temporary, library)
                built.append(library)
            else:
                temporary.unlink(missing_ok=True)
                sys.stderr.write(f"{source.name} ({march or 'baseline'}) was not compiled: {done.stderr.strip()}\n")
    return built


if __name__ == "__main__":
    built = "\n".join(str(path) for path in compile_all())
    sys.stdout.write(f"{built or 'no C++ compiler found (CXX, c++, g++, clang++)'}\n")
