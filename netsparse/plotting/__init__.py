"""Pictures: functions that take data and an `ax`, draw, and return the `ax`."""

from netsparse.plotting.biadjacency import biadjacency
from netsparse.plotting.degrees import degree_distribution, degree_histogram
from netsparse.plotting.inputs import input_fan_out
from netsparse.plotting.null_models import null_comparison
from netsparse.plotting.robustness import structure_and_function
from netsparse.plotting.spectrum import singular_spectrum
from netsparse.plotting.training import accuracy_history

__all__ = [
    "accuracy_history",
    "biadjacency",
    "degree_distribution",
    "degree_histogram",
    "input_fan_out",
    "null_comparison",
    "singular_spectrum",
    "structure_and_function",
]
