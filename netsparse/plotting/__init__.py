"""Pictures: functions that take data and an `ax`, draw, and return the `ax`."""

from netsparse.plotting.degrees import degree_distribution
from netsparse.plotting.inputs import input_fan_out
from netsparse.plotting.robustness import structure_and_function
from netsparse.plotting.training import accuracy_history

__all__ = ["accuracy_history", "degree_distribution", "input_fan_out", "structure_and_function"]
