"""The table of probes: what a trained model can be exposed to, by name."""

from __future__ import annotations

from typing import Any

from netsparse.errors import InvalidOption, unknown_name
from netsparse.robustness.perturbation import Probe
from netsparse.robustness.removal_probes import LinkRemoval, MagnitudePruning, UnitRemoval
from netsparse.robustness.shuffle_probe import WeightShuffle
from netsparse.robustness.topology_probes import DegreePreservingRewiring, RandomTopology
from netsparse.robustness.weight_probes import AdditiveNoise, Binarisation, MultiplicativeNoise, SignFlip

PROBES: dict[str, Probe] = {
    probe.name: probe
    for probe in (
        LinkRemoval(),
        UnitRemoval(),
        MagnitudePruning(),
        WeightShuffle(),
        SignFlip(),
        MultiplicativeNoise(),
        AdditiveNoise(),
        Binarisation(),
        DegreePreservingRewiring(),
        RandomTopology(),
    )
}
"""Every probe with its default options, by name."""


def named_probe(name_or_probe: Any) -> Probe:
    """Return the probe of that name from `PROBES`, or the given probe itself.

    Raises
    ------
    UnknownName, InvalidOption
        For another name, and for a class where its instance is meant.

    Examples
    --------
    >>> named_probe("sign_flip")
    SignFlip(scope='layer')
    """
    if isinstance(name_or_probe, Probe):
        return name_or_probe
    if isinstance(name_or_probe, type) and issubclass(name_or_probe, Probe):
        name = name_or_probe.__name__
        raise InvalidOption("probe", f"the class {name}", "a name or an instance", f"{name}()")
    if not isinstance(name_or_probe, str) or name_or_probe not in PROBES:
        raise unknown_name("probe", name_or_probe, PROBES)
    return PROBES[name_or_probe]
