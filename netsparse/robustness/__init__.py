"""A trained model under perturbation, without training it again: probes, their strengths, what is left."""

from netsparse.robustness.adversarial import adversarial
from netsparse.robustness.adversarial_removal import adversarial_link_removal, loss_order
from netsparse.robustness.attack_methods import ATTACKS, ENGINES
from netsparse.robustness.averages import area_under_accuracy, mean_over_models, mean_over_trials
from netsparse.robustness.certify import certified, certified_accuracy
from netsparse.robustness.gradient_masking import gradient_masking
from netsparse.robustness.interval_bounds import interval_bounds
from netsparse.robustness.link_removal import link_removal
from netsparse.robustness.lipschitz import lipschitz_bound
from netsparse.robustness.on_topology import (
    degree_preserving_rewiring,
    magnitude_pruning,
    random_topology,
    unit_removal,
)
from netsparse.robustness.on_weights import (
    additive_noise,
    binarisation,
    multiplicative_noise,
    sign_flip,
    weight_shuffle,
)
from netsparse.robustness.perturbation import Probe
from netsparse.robustness.probes import PROBES, named_probe
from netsparse.robustness.probing import probe
from netsparse.robustness.removal_probes import LinkRemoval, MagnitudePruning, UnitRemoval
from netsparse.robustness.saliency import saliency
from netsparse.robustness.saliency_order import BySaliency
from netsparse.robustness.shuffle_probe import WeightShuffle
from netsparse.robustness.topology_probes import DegreePreservingRewiring, RandomTopology
from netsparse.robustness.weight_probes import AdditiveNoise, Binarisation, MultiplicativeNoise, SignFlip
from netsparse.robustness.wiring import Wiring

__all__ = [
    "ATTACKS",
    "ENGINES",
    "PROBES",
    "AdditiveNoise",
    "Binarisation",
    "BySaliency",
    "DegreePreservingRewiring",
    "LinkRemoval",
    "MagnitudePruning",
    "MultiplicativeNoise",
    "Probe",
    "RandomTopology",
    "SignFlip",
    "UnitRemoval",
    "WeightShuffle",
    "Wiring",
    "additive_noise",
    "adversarial",
    "adversarial_link_removal",
    "area_under_accuracy",
    "binarisation",
    "certified",
    "certified_accuracy",
    "degree_preserving_rewiring",
    "gradient_masking",
    "interval_bounds",
    "link_removal",
    "lipschitz_bound",
    "loss_order",
    "magnitude_pruning",
    "mean_over_models",
    "mean_over_trials",
    "multiplicative_noise",
    "named_probe",
    "probe",
    "random_topology",
    "saliency",
    "sign_flip",
    "unit_removal",
    "weight_shuffle",
]
