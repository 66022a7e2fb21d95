"""A trained model under perturbation, without retraining."""

from netsparse.robustness.averages import area_under_accuracy, mean_over_trials
from netsparse.robustness.link_removal import link_removal

__all__ = ["area_under_accuracy", "link_removal", "mean_over_trials"]
