"""Finite fields: the axioms over all elements, and one line where there is no such field."""

import numpy as np
import pytest

from netsparse import errors
from netsparse.generators.finite_field import finite_field, is_prime, prime_power

ORDERS = [2, 3, 4, 5, 7, 8, 9, 11, 16, 25, 27, 32]


@pytest.fixture(scope="module", params=ORDERS)
def field(request):
    return finite_field(request.param)


def test_the_axioms_of_a_field(field):
    a, b, c = np.ogrid[: field.order, : field.order, : field.order]
    add, multiply = field.add, field.multiply
    x = np.arange(field.order)
    assert np.array_equal(add(add(a, b), c), add(a, add(b, c)))
    assert np.array_equal(multiply(multiply(a, b), c), multiply(a, multiply(b, c)))
    assert np.array_equal(multiply(a, add(b, c)), add(multiply(a, b), multiply(a, c)))
    for table in (add(x[:, None], x), multiply(x[:, None], x)):
        assert np.array_equal(table, table.T)
    # every row of either table holds every element once: there are negatives and inverses
    assert (np.sort(add(x[:, None], x), axis=1) == x).all()
    assert (np.sort(multiply(x[1:, None], x[1:]), axis=1) == x[1:]).all()
    assert np.array_equal(add(x, 0 * x), x)
    assert np.array_equal(multiply(x, 0 * x + 1), x)


def test_the_characteristic_times_one_is_zero(field):
    x, total = np.arange(field.order), np.zeros(field.order, dtype=int)
    for _ in range(field.characteristic):
        total = field.add(total, x)
    assert not total.any()
    assert field.characteristic**field.degree == field.order


def test_inverses_and_squares(field):
    x = np.arange(1, field.order)
    assert (field.multiply(x, field.inverse(x)) == 1).all()
    assert set(x[field.is_square(x)].tolist()) == set(field.multiply(x, x).tolist())


def test_powers_and_logarithms_undo_each_other(field):
    assert sorted(field.powers.tolist()) == list(range(1, field.order))
    assert np.array_equal(field.powers[field.logarithms[1:]], np.arange(1, field.order))
    assert field.logarithms[0] == -1
    steps = field.multiply(field.powers, np.full(field.order - 1, field.powers[1 % (field.order - 1)]))
    assert np.array_equal(steps, np.roll(field.powers, -1))


@pytest.mark.parametrize("order", [2, 3, 5, 7, 11, 13])
def test_prime_order_is_arithmetic_modulo_a_prime(order):
    x = np.arange(order)
    field = finite_field(np.int16(order))
    assert np.array_equal(field.add(x[:, None], x), (x[:, None] + x) % order)
    assert np.array_equal(field.multiply(x[:, None], x), x[:, None] * x % order)


def test_prime_powers_against_all_products():
    powers = {p**k: (p, k) for p in range(2, 400) if all(p % d for d in range(2, p)) for k in range(1, 9)}
    assert [prime_power(n) for n in range(-3, 400)] == [powers.get(n) for n in range(-3, 400)]
    assert [n for n in range(400) if is_prime(n)] == sorted(n for n, (_, k) in powers.items() if k == 1 and n < 400)


@pytest.mark.parametrize("order", [0, 1, 6, 12, -4, 2.0, "4", True, None])
def test_no_field_of_such_an_order(order):
    with pytest.raises(errors.InvalidOption, match="a prime power") as caught:
        finite_field(order)
    assert "\n" not in str(caught.value)
