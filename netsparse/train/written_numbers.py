"""Numbers as the field writes them: 0.03, and 8/255."""

from __future__ import annotations

from fractions import Fraction
from typing import Any


def as_number(text: Any) -> Any:
    """Return the quotient that a text like "8/255" says as a float; whatever says none, as it is.

    Examples
    --------
    >>> as_number("8/255") == 8 / 255, as_number("0.5/2"), as_number("0.03"), as_number("8/0"), as_number(3)
    (True, 0.25, '0.03', '8/0', 3)
    """
    if not isinstance(text, str) or text.count("/") != 1:
        return text
    try:
        above, below = (Fraction(part.strip()) for part in text.split("/"))
        return float(above / below)
    except (ValueError, ZeroDivisionError, OverflowError):
        return text
