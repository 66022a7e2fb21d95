"""The first of pydantic's complaints about settings, as one of netsparse's lines."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from netsparse.errors import InvalidDensity, InvalidOption, InvalidSize, NetsparseError

EXPECTED = {
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "tuple_type": "a sequence of whole numbers",
    "dict_type": "names and values of options",
    "greater_than_equal": "a number",
    "less_than_equal": "a number",
}
BOUNDS = {"ge": "at least", "le": "at most"}
EXAMPLES = {
    "lr": 0.1, "validation": 0, "every": 100, "fraction": 0.3, "rule_options": "{'until': 0.75}",
    "eps": "8/255", "beta": 6, "attack_steps": 10, "step_size": "2/255",
    "objective_options": "{'label_smoothing': 0.1}", "n_train": 10000, "width": 0.25,
}  # fmt: skip
"""What to type where the value that holds otherwise would show nothing."""


def one_line(error: ValidationError, cls: type[BaseModel]) -> NetsparseError:
    """Return the first complaint about the settings of a class as an error of ours, if it is not one already."""
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, NetsparseError):
        return cause
    name = str(first["loc"][0])
    if name not in cls.model_fields:
        return InvalidOption("setting", repr(name), "one of " + ", ".join(cls.model_fields), "leaving it out")
    field = cls.model_fields[name]
    kind = {"widths": InvalidSize, "density": InvalidDensity}.get(name, InvalidOption)
    limits = [
        (words, getattr(part, key)) for part in field.metadata for key, words in BOUNDS.items() if hasattr(part, key)
    ]
    bounds = "".join(f", {words} {limit:g}" for words, limit in limits)
    expected = "a whole number" if field.annotation in (int, int | None) else EXPECTED.get(first["type"], first["msg"])
    return kind(name, repr(first["input"]), expected + bounds, f"{name}={EXAMPLES.get(name, field.default)}")
