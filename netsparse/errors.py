"""Every error netsparse raises on purpose: one line that says what was given, what was expected, what to type."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class NetsparseError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    subject : str
        What is wrong, in a word or two ("density", "GraphML file 'net.graphml'").
    given : str
        What was found there.
    expected : str
        What would have been accepted.
    fix : str
        What to type instead.

    Examples
    --------
    >>> print(InvalidDensity("density", "1.5", "a number in (0, 1]", "density=0.01"))
    density: given 1.5, expected a number in (0, 1]; try density=0.01
    """

    def __init__(self, subject: str, given: str, expected: str, fix: str) -> None:
        super().__init__()  # OSError would read arguments as errno, strerror, filename
        self.args = self.subject, self.given, self.expected, self.fix = subject, given, expected, fix

    def __str__(self) -> str:
        line = f"{self.subject}: given {self.given}, expected {self.expected}; try {self.fix}"
        return " ".join(line.split())

    def __reduce__(self):
        return type(self), (self.subject, self.given, self.expected, self.fix)


class InvalidSize(NetsparseError, ValueError):
    """A number of units is not a whole number of at least one."""


class InvalidDensity(NetsparseError, ValueError):
    """A density lies outside (0, 1]."""


class NoEdges(NetsparseError, ValueError):
    """A density is so small that a layer would be left without edges."""


class InvalidDegree(NetsparseError, ValueError):
    """The requested degrees cannot be realised by a simple bipartite graph."""


class InvalidEdges(NetsparseError, ValueError):
    """Edge arrays have the wrong type or shape."""


class EdgeOutOfRange(NetsparseError, IndexError):
    """A unit or an edge id lies outside the graph."""


class DuplicateEdge(NetsparseError, ValueError):
    """The same pair of units was given twice, or is already an edge."""


class EdgeNotFound(NetsparseError, KeyError):
    """A pair of units is not an edge of the graph."""


class NotEnoughFreePairs(NetsparseError, ValueError):
    """More new edges were asked for than there are free pairs."""


class InvalidGraph(NetsparseError, ValueError):
    """Arrays handed to `BipartiteGraph` are not in canonical order."""


class InvalidNetwork(NetsparseError, ValueError):
    """Layers do not fit onto each other."""


class InvalidEdgeVector(NetsparseError, ValueError):
    """A per-edge array does not have one entry per edge."""


class GraphIsFrozen(NetsparseError, AttributeError):
    """Somebody tried to change a graph in place."""


class UnknownName(NetsparseError, ValueError):
    """A name is not in the table of its family."""


class InvalidOption(NetsparseError, ValueError):
    """An option has an impossible value."""


class InvalidSeed(NetsparseError, TypeError):
    """`rng` is neither a seed nor a numpy Generator."""


class NotConverged(NetsparseError, ArithmeticError):
    """An iterative solver gave up."""


class InvalidFile(NetsparseError, ValueError):
    """A foreign file (GraphML, IDX, npz, checkpoint) does not hold what it should."""


class FileAbsent(InvalidFile, FileNotFoundError):
    """A file, or the folder it should be written to, is not there."""


class DatasetNotFound(NetsparseError, FileNotFoundError):
    """A data set is neither on disk nor downloadable."""


class DatasetCorrupt(NetsparseError, OSError):
    """A data file is truncated, has the wrong checksum or the wrong format."""


class RunExists(NetsparseError, FileExistsError):
    """A run folder is already there."""


class NotWritable(NetsparseError, OSError):
    """A file or folder could not be written."""


class DiskFull(NotWritable):
    """A file could not be written to its end for lack of room."""


class TrainingDiverged(NetsparseError, ArithmeticError):
    """The loss is no longer a finite number."""


class OutOfStep(NetsparseError, RuntimeError):
    """Processes that train one network together do not have the same."""


class RankLost(NetsparseError, ConnectionError):
    """A process that trains together with others has ended, or does not answer."""


class OutOfMemory(NetsparseError, MemoryError):
    """Something does not fit into memory."""


def unknown_name(family: str, name: object, known: Iterable[object]) -> UnknownName:
    """Error for a name that is not in the table `known` of its `family`; suggests the closest, else the first."""
    names = [str(k) for k in known]
    closest = get_close_matches(str(name), names, n=1) or names[:1]
    return UnknownName(family, repr(name), "one of " + ", ".join(sorted(names)), f"{family}={closest[0]!r}")


class SolverFallback(UserWarning):
    """An eigenvalue solver gave up and another one, slower or less accurate, has answered in its place."""


class CheckpointDamaged(UserWarning):
    """A checkpoint is not what was written, and the one before it is used in its place."""


class KernelFallback(UserWarning):
    """The fast kernels of a sparse layer are not there, and a slower one computes in their place."""
