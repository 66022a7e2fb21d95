"""Have the scenes of `two_processes.py` played, and read what their processes leave behind."""

import json
import os
import subprocess
import sys
from pathlib import Path


class Played:
    """What the processes of all scenes left behind, by scene and rank."""

    def __init__(self, folder):
        self.folder = folder

    def found(self, scene, rank):
        assert self.errors(scene, rank) == "", "nothing is said where all is well, no warning either"
        return json.loads((self.folder / f"{scene}.{rank}.json").read_text())

    def everywhere(self, scene):
        """Return what rank 0 has found, once it is clear that rank 1 has found the same."""
        assert self.found(scene, 0) == self.found(scene, 1)
        return self.found(scene, 0)

    def errors(self, scene, rank):
        return (self.folder / f"{scene}.{rank}.err").read_text()

    def ends(self, scene):
        return json.loads((self.folder / f"{scene}.ends.json").read_text())["codes"]

    def seconds(self, scene):
        return json.loads((self.folder / f"{scene}.ends.json").read_text())["seconds"]


def play(folder, scenes):
    environment = {name: value for name, value in os.environ.items() if name not in ("WORLD_SIZE", "RANK")}
    command = [sys.executable, "-m", "train.two_processes", str(folder), *scenes]
    tests = Path(__file__).parents[1]
    subprocess.run(command, cwd=tests, env=environment | {"OMP_NUM_THREADS": "1"}, check=True, timeout=400)
    return Played(folder)
