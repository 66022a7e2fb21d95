"""Projective planes and the graphs of Lubotzky, Phillips and Sarnak: closed forms, slow twins, clear errors."""

import itertools
import math
import re

import numpy as np
import pytest

import netsparse as ns
from netsparse import errors
from netsparse.generators.finite_field import finite_field
from netsparse.generators.ramanujan import lubotzky_phillips_sarnak, projective_plane
from netsparse.metrics import n_components, singular_values, spectral_gap

PLANES = [2, 3, 4, 5, 7, 8, 9, 11, 13, 16]
# p no square modulo q: the two halves of PGL_2; p a square: the double cover of PSL_2
LPS = [(5, 13), (37, 13), (41, 13), (5, 17), (17, 13), (29, 13), (13, 17), (53, 17)]


def is_simple(graph):
    rebuilt = ns.BipartiteGraph.from_edges(graph.sources, graph.targets, n_in=graph.n_in, n_out=graph.n_out)
    return rebuilt == graph


def common_neighbours(graph):
    shared = (graph.biadjacency() @ graph.weight_matrix()).toarray()
    return shared[~np.eye(graph.n_in, dtype=bool)]


@pytest.mark.parametrize("q", PLANES)
def test_two_points_share_one_line_and_two_lines_one_point(q):
    plane = projective_plane(q)
    assert plane.sizes == (q * q + q + 1,) * 2
    assert set(plane.fan_in.tolist()) == set(plane.fan_out.tolist()) == {q + 1}
    assert is_simple(plane)
    assert (common_neighbours(plane) == 1).all()
    assert (common_neighbours(plane.reverse()[0]) == 1).all()


@pytest.mark.parametrize("q", PLANES)
def test_all_singular_values_of_a_plane_but_the_first_are_the_root_of_q(q):
    values = np.linalg.svd(projective_plane(q).biadjacency().toarray(), compute_uv=False)
    assert values[0] == pytest.approx(q + 1, abs=1e-9)
    assert values[1:] == pytest.approx(np.full(q * q + q, math.sqrt(q)), abs=1e-9)


def test_the_gap_of_a_large_plane_by_the_iterative_solver():
    plane = projective_plane(27)
    assert plane.n_in == 757
    assert spectral_gap(plane) == pytest.approx(28 - math.sqrt(27), abs=1e-9)


@pytest.mark.parametrize("q", [4, 5, 9])
def test_units_of_a_plane_are_numbered_as_documented(q):
    field, edges = finite_field(q), []
    for m, b, x in itertools.product(range(q), repeat=3):
        y = field.add(field.multiply(np.array(m), np.array(x)), np.array(b))
        edges.append((x * q + int(y), m * q + b))
    for m, b in itertools.product(range(q), repeat=2):
        edges.append((q * q + m, m * q + b))  # parallels meet at infinity
        edges.append((m * q + b, q * q + m))  # the vertical line x = m
    edges += [(q * q + q, q * q + c) for c in range(q + 1)]
    edges += [(q * q + m, q * q + q) for m in range(q)]
    sources, targets = zip(*edges, strict=True)
    n = q * q + q + 1
    assert projective_plane(q) == ns.BipartiteGraph.from_edges(sources, targets, n_in=n, n_out=n)


def slow_lps(p, q):
    """The same layer from the definition: all solutions, all matrices, one product at a time."""
    reach = range(-math.isqrt(p), math.isqrt(p) + 1)
    solutions = [
        s
        for s in itertools.product(reach, repeat=4)
        if sum(x * x for x in s) == p and s[0] > 0 and s[0] % 2 == 1 and not any(x % 2 for x in s[1:])
    ]
    assert len(solutions) == p + 1
    i = next(x for x in range(q) if x * x % q == q - 1)
    squares = {x * x % q for x in range(1, q)}
    matrices = [m for m in itertools.product((0, 1), range(q), range(q), range(q)) if m[0] == 1 or m[1] == 1]
    halves = {True: {}, False: {}}
    for a, b, c, d in matrices:
        if (a * d - b * c) % q:
            half = halves[(a * d - b * c) % q in squares]
            half[a, b, c, d] = len(half)
    sources, targets = halves[True], halves[p % q in squares]
    edges = set()
    for (a, b, c, d), source in sources.items():
        for w, x, y, z in solutions:
            e, f, g, h = w + i * x, y + i * z, -y + i * z, w - i * x
            product = [v % q for v in (a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h)]
            factor = pow(next(v for v in product if v), -1, q)
            edges.add((source, targets[tuple(v * factor % q for v in product)]))
    ends, starts = zip(*((t, s) for s, t in edges), strict=True)
    return ns.BipartiteGraph.from_edges(starts, ends, n_in=len(sources), n_out=len(targets))


@pytest.mark.parametrize(("p", "q"), [(5, 13), (17, 13), (29, 13), (13, 17)])
def test_lps_equals_its_slow_twin(p, q):
    assert lubotzky_phillips_sarnak(p, q) == slow_lps(p, q)


@pytest.mark.parametrize(("p", "q"), LPS)
def test_lps_is_regular_simple_connected_and_ramanujan(p, q):
    layer = lubotzky_phillips_sarnak(p, q)
    assert layer.sizes == (q * (q * q - 1) // 2,) * 2
    assert set(layer.fan_in.tolist()) == set(layer.fan_out.tolist()) == {p + 1}
    assert is_simple(layer)
    assert n_components(layer) == 1
    first, second = singular_values(layer, k=2)
    assert first == pytest.approx(p + 1, abs=1e-9)
    assert second <= 2 * math.sqrt(p) + 1e-9


def test_both_cases_of_the_legendre_symbol_are_among_the_tested():
    assert {pow(p, (q - 1) // 2, q) == 1 for p, q in LPS} == {True, False}


@pytest.mark.parametrize(("p", "q"), [(5, 13), (5, 17)])
def test_lps_has_no_short_cycles(p, q):
    # p no square: the girth is at least 4 log_p q - log_p 4, here more than 4; two units share at most one neighbour
    assert 4 * math.log(q, p) - math.log(4, p) > 4
    assert common_neighbours(lubotzky_phillips_sarnak(p, q)).max() == 1


def test_the_double_cover_of_a_square_p_is_that_of_an_undirected_graph():
    layer = lubotzky_phillips_sarnak(17, 13)
    assert layer == layer.reverse()[0]
    assert lubotzky_phillips_sarnak(5, 13).sizes == layer.sizes


@pytest.mark.parametrize("kind", [np.uint8, np.int16])
def test_numpy_numbers_do_not_overflow(kind):
    assert projective_plane(kind(16)) == projective_plane(16)
    assert lubotzky_phillips_sarnak(kind(5), kind(13)) == lubotzky_phillips_sarnak(5, 13)


BAD_PLANES = [
    (6, 5),
    (10, 9),
    (12, 11),
    (1, 2),
    (-7, 2),
    (2.0, 2),
    ("4", 2),
    (True, 2),
    (None, 2),
    (np.uint8(200), 199),
]
BAD_LPS = [
    (5, 7, "q=13"),
    (5, 5, "q=13"),
    (13, 12, "q=13"),
    (5, 15, "q=13"),
    (5, 21, "q=17"),
    (5, 28, "q=29"),
    (5, 13.0, "q=13"),
    (5, True, "q=13"),
    (5, None, "q=13"),
    (5, -13, "q=13"),
    (7, 13, "p=5"),
    (9, 13, "p=5"),
    (13, 13, "p=17"),
    (53, 13, "p=41"),
    (1, 13, "p=5"),
    (-5, 13, "p=5"),
    (10**40 + 1, 13, "p=41"),
    (5.0, 13, "p=5"),
    ("5", 13, "p=5"),
]


@pytest.mark.parametrize(("q", "nearest"), BAD_PLANES)
def test_no_plane_of_such_an_order(q, nearest):
    with pytest.raises(errors.InvalidOption, match="a prime power") as caught:
        projective_plane(q)
    assert re.search(rf"q={nearest}, which has {nearest**2 + nearest + 1} units", str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("p", "q", "fix"), BAD_LPS)
def test_no_lps_graph_of_such_primes(p, q, fix):
    with pytest.raises(errors.InvalidOption, match=f"try {fix}, which") as caught:
        lubotzky_phillips_sarnak(p, q)
    assert "\n" not in str(caught.value)
    advised = {"p": p, "q": q, fix[0]: int(fix[2:])}
    if advised["q"] < 20 and advised["p"] == 5:
        assert lubotzky_phillips_sarnak(**advised).n_edges


@pytest.mark.parametrize("call", [lambda: projective_plane(2**61 - 1), lambda: lubotzky_phillips_sarnak(5, 10**30 + 1)])
def test_sizes_that_cannot_be_numbered_end_at_once(call):
    with pytest.raises(errors.InvalidSize, match="fewer than 2\\^63 pairs"):
        call()
