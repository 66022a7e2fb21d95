"""Pictures: functions that take data and an `ax`, draw, and return the `ax`."""

from netsparse.plotting.adversarial import accuracy_under_attack, clean_and_robust
from netsparse.plotting.biadjacency import biadjacency
from netsparse.plotting.certified import certified_and_attacked
from netsparse.plotting.degrees import degree_distribution, degree_histogram
from netsparse.plotting.inputs import input_fan_out
from netsparse.plotting.null_models import null_comparison
from netsparse.plotting.percolation import percolation, susceptibility
from netsparse.plotting.probes import probe_curves, probe_grid
from netsparse.plotting.rewiring import rewired, topology_history
from netsparse.plotting.robustness import structure_and_function
from netsparse.plotting.scaling import collapse, finite_size
from netsparse.plotting.spectrum import singular_spectrum
from netsparse.plotting.training import accuracy_history
from netsparse.plotting.vectors import zero_vector_fractions, zero_vector_matrices
from netsparse.plotting.weights import before_and_after, weight_distribution

__all__ = [
    "accuracy_history",
    "accuracy_under_attack",
    "before_and_after",
    "biadjacency",
    "certified_and_attacked",
    "clean_and_robust",
    "collapse",
    "degree_distribution",
    "degree_histogram",
    "finite_size",
    "input_fan_out",
    "null_comparison",
    "percolation",
    "probe_curves",
    "probe_grid",
    "rewired",
    "singular_spectrum",
    "structure_and_function",
    "susceptibility",
    "topology_history",
    "weight_distribution",
    "zero_vector_fractions",
    "zero_vector_matrices",
]
