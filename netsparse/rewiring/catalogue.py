"""The published rules by name."""

from __future__ import annotations

from netsparse.errors import unknown_name
from netsparse.rewiring.evolutionary import SET
from netsparse.rewiring.rule import RewiringRule

RULES: dict[str, type[RewiringRule]] = {"set": SET}


def named_rule(rule: str | RewiringRule) -> RewiringRule:
    """Return the rule itself, or the one of that name with its default options; raises `UnknownName`."""
    if isinstance(rule, RewiringRule):
        return rule
    if not isinstance(rule, str) or rule not in RULES:
        raise unknown_name("rule", rule, RULES)
    return RULES[rule]()
