"""Arithmetic of the finite fields GF(p^k) on whole arrays: what the algebraic generators stand on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from netsparse.errors import InvalidOption
from netsparse.typing import Int

Elements = Int[np.ndarray, "..."]
"""Elements of a field as numbers from 0 to order - 1."""


@dataclass(frozen=True, slots=True, eq=False)
class FiniteField:
    """The field GF(order), with its elements numbered 0 .. order - 1; made by `finite_field`.

    The digits of an element's number in base `characteristic` are the coefficients of a polynomial, the constant term
    last: 0 and 1 are the zero and the one, and in a field of prime order the number is the residue itself.

    Attributes
    ----------
    order, characteristic, degree : int
        order = characteristic ** degree.
    powers : int array of shape (order - 1,)
        The powers g^0 = 1, g, g^2 ... of a primitive element g: every element but 0, once.
    logarithms : int array of shape (order,)
        The exponent of each element, `powers[logarithms[a]] == a`; -1 for 0, which has none.
    """

    order: int
    characteristic: int
    degree: int
    powers: Elements
    logarithms: Elements

    def add(self, a: Elements, b: Elements) -> Elements:
        """Return a + b, element by element: polynomials are added coefficient by coefficient."""
        total = np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b)), dtype=np.int64)
        for place in self.characteristic ** np.arange(self.degree):
            total += (a // place + b // place) % self.characteristic * place
        return total

    def multiply(self, a: Elements, b: Elements) -> Elements:
        """Return a * b, element by element: exponents are added."""
        exponents = (self.logarithms[a] + self.logarithms[b]) % (self.order - 1)
        return np.where((a == 0) | (b == 0), 0, self.powers[exponents])

    def inverse(self, a: Elements) -> Elements:
        """Return 1 / a, element by element; `a` holds no zero."""
        return self.powers[-self.logarithms[a] % (self.order - 1)]

    def is_square(self, a: Elements) -> Elements:
        """Tell which elements other than 0 are squares: those with an even exponent; in characteristic 2 all."""
        return (self.logarithms[a] % 2 == 0) | (self.characteristic == 2)


def finite_field(order: int) -> FiniteField:
    """Build the field with `order` elements.

    Parameters
    ----------
    order : int
        A prime power p^k.

    Raises
    ------
    InvalidOption
        If it is not one: there is no such field.

    Notes
    -----
    Monic polynomials f of degree k with a constant term other than 0, over the integers modulo p, are tried in turn
    until the powers of x modulo f, which come back to 1, take p^k - 1 values before they do. These are then all
    residues but 0, each has an inverse among them, and the ring of polynomials modulo f is a field; x is a primitive
    element of it. Such an f exists because the multiplicative group of a finite field is cyclic (Lidl and
    Niederreiter, Finite Fields, 1997, chapters 2 and 3).

    Examples
    --------
    >>> field = finite_field(4)
    >>> field.multiply(np.array([2, 2, 3]), np.array([2, 3, 3])).tolist()
    [3, 1, 2]
    >>> field.add(np.array([2, 3]), np.array([3, 3])).tolist()
    [1, 0]
    """
    whole = isinstance(order, int | np.integer) and not isinstance(order, bool)
    found = prime_power(int(order)) if whole else None
    if found is None:
        raise InvalidOption("order of a finite field", repr(order), "a prime power", "order=9")
    prime, degree = found
    order = prime**degree
    # f without its leading 1, its coefficients read as the digits of a number
    tried = (_powers_of_x(low, prime, degree) for low in range(1, order) if low % prime)
    powers = np.array(next(powers for powers in tried if len(powers) == order - 1))
    logarithms = np.full(order, -1)
    logarithms[powers] = np.arange(order - 1)
    return FiniteField(order, prime, degree, powers, logarithms)


def prime_power(number: int) -> tuple[int, int] | None:
    """Return the prime p and the exponent k with number = p^k, or None where there are none.

    Examples
    --------
    >>> prime_power(27), prime_power(12), prime_power(1)
    ((3, 3), None, None)
    """
    if number < 2:
        return None
    prime = next((d for d in range(2, math.isqrt(number) + 1) if number % d == 0), number)
    exponent = 0
    while number % prime == 0:
        number, exponent = number // prime, exponent + 1
    return (prime, exponent) if number == 1 else None


def is_prime(number: int) -> bool:
    """Tell whether `number` is a prime, by trial division.

    Examples
    --------
    >>> [number for number in range(20) if is_prime(number)]
    [2, 3, 5, 7, 11, 13, 17, 19]
    """
    found = prime_power(number)
    return found is not None and found[1] == 1


def _powers_of_x(low: int, prime: int, degree: int) -> list[int]:
    """List 1, x, x^2 ... modulo x^degree + low(x) as numbers, up to the last before 1 comes again.

    It does: the constant term of low is not 0, so that x has an inverse and its powers form a cycle.
    """
    coefficients = [low // prime**i % prime for i in range(degree)]
    element = one = [1] + [0] * (degree - 1)
    powers: list[int] = []
    while not powers or element != one:
        powers.append(sum(digit * prime**i for i, digit in enumerate(element)))
        # times x: every digit moves up, and x^degree is -low(x)
        top, shifted = element[-1], [0, *element[:-1]]
        element = [(digit - top * c) % prime for digit, c in zip(shifted, coefficients, strict=True)]
    return powers
