"""`summarize`: the tidy table of a network, and its refusals."""

import re

import numpy as np
import pytest
import zoo

from netsparse import BipartiteGraph, EdgeDelta, errors, generators, metrics
from netsparse.generators.modular import block_diagonal

NETWORK = zoo.NETWORKS["three layers"]
WEIGHTS = [np.random.default_rng(k).normal(size=layer.n_edges) for k, layer in enumerate(NETWORK.layers)]
ALL = {**zoo.GRAPHS, **zoo.NETWORKS}
WIRING = {name: metric for name, metric in metrics.METRICS.items() if metric.of == "wiring"}
FAST = [name for name, metric in WIRING.items() if metric.cost == "fast"]
UNDEFINED = {
    "nearest_neighbour_distance",
    "expected_nearest_neighbour_distance",
    "degree_assortativity",
    "small_worldness",
    "power_law_exponent",
    "power_law_p",
}  # NaN has a meaning
INFINITE = {"log_path_count", "log_path_weight"}  # -inf: no path


def value(table, layer, metric):
    (found,) = table.loc[(table.layer == layer) & (table.metric == metric), "value"]
    return found


def test_one_row_per_layer_and_metric():
    table = metrics.summarize(NETWORK)
    assert table.columns.tolist() == ["layer", "n_in", "n_out", "n_edges", "density", "metric", "value"]
    assert table.layer.unique().tolist() == ["0", "1", "2", "network"]
    assert table.metric.tolist() == 4 * FAST
    assert not table.duplicated(["layer", "metric"]).any()
    assert table.value.dtype == np.float64
    whole = table[table.layer == "network"].iloc[0]
    assert (whole.n_in, whole.n_out, whole.n_edges, whole.density) == (9, 6, NETWORK.n_edges, NETWORK.density)


@pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
def test_every_fast_metric_of_every_graph_is_a_number(graph):
    table = metrics.summarize(graph, weights=_ones(graph))
    assert np.isfinite(table[~table.metric.isin(UNDEFINED | INFINITE)].value).all()
    assert not table[table.metric.isin(INFINITE)].value.isna().any()


def _ones(graph):
    vectors = [np.ones(layer.n_edges) for layer in graph.layers]
    return vectors[0] if isinstance(graph, BipartiteGraph) else vectors


def test_values_are_those_of_the_functions():
    table = metrics.summarize(NETWORK, weights=WEIGHTS)
    layer = NETWORK.layers[1]
    assert value(table, "1", "spectral_gap") == metrics.spectral_gap(layer)
    assert value(table, "1", "spectral_gap_weighted") == metrics.spectral_gap(layer, WEIGHTS[1])
    assert value(table, "1", "isolated_inputs") == metrics.fan_out_statistics(layer).n_isolated
    assert value(table, "network", "n_components") == metrics.n_components(NETWORK)
    assert value(table, "network", "mean_abs_weight") == np.abs(np.concatenate(WEIGHTS)).mean()
    assert value(table, "network", "algebraic_connectivity_giant_normalized") == metrics.algebraic_connectivity(
        NETWORK, component="giant", laplacian="normalized"
    )


def test_the_wirings_metrics_ignore_weights():
    zeros = [np.zeros(layer.n_edges) for layer in NETWORK.layers]
    plain, weighted = metrics.summarize(NETWORK), metrics.summarize(NETWORK, weights=zeros)
    assert weighted[weighted.metric.isin(FAST)].reset_index(drop=True).equals(plain)
    assert value(weighted, "network", "mean_abs_weight") == 0
    assert value(weighted, "0", "spectral_gap_weighted") == 0


def test_a_single_layer_is_a_network_too():
    graph = zoo.GRAPHS["dense random"]
    table = metrics.summarize(graph, weights=np.ones(graph.n_edges), metrics=["density", "mean_abs_weight"])
    assert table.layer.tolist() == ["0", "0", "network", "network"]
    assert table.value.tolist() == [graph.density, 1.0, graph.density, 1.0]


def test_names_and_functions_can_be_chosen():
    assert metrics.summarize(NETWORK, metrics=["giant_component"]).metric.unique().tolist() == ["giant_component"]
    assert metrics.summarize(NETWORK, metrics=[]).empty
    own = {"heaviest": lambda graph, weights: max(abs(w).max() for w in graph.edge_vectors(weights))}
    table = metrics.summarize(NETWORK, weights=WEIGHTS, metrics=own)
    assert value(table, "network", "heaviest") == max(abs(w).max() for w in WEIGHTS)
    gap = metrics.summarize(NETWORK, metrics={"gap": metrics.spectral_gap})
    assert value(gap, "0", "gap") == metrics.spectral_gap(NETWORK.layers[0])


@pytest.mark.parametrize("name", ["centrality", ["density"], 5])
def test_unknown_names_list_the_known_ones(name):
    with pytest.raises(errors.UnknownName, match=rf"{re.escape(repr(name))}.*spectral_gap_weighted"):
        metrics.summarize(NETWORK, metrics=[name])


@pytest.mark.parametrize("given", [5, None, np.eye(3)])
def test_something_that_is_no_network_is_named(given):
    with pytest.raises(errors.InvalidOption, match=rf"network: given {type(given).__name__}"):
        metrics.summarize(given)


def test_metrics_that_are_no_list_are_refused():
    with pytest.raises(errors.InvalidOption, match="metrics: given 5, expected a list of names"):
        metrics.summarize(NETWORK, metrics=5)


def test_weights_may_come_one_after_the_other():
    assert metrics.summarize(NETWORK, weights=iter(WEIGHTS)).equals(metrics.summarize(NETWORK, weights=WEIGHTS))


def test_a_weighted_metric_needs_weights():
    with pytest.raises(errors.InvalidOption, match="'mean_abs_weight' without weights"):
        metrics.summarize(NETWORK, metrics=["mean_abs_weight"])


def test_a_bare_name_is_not_a_list_of_letters():
    with pytest.raises(errors.InvalidOption, match=r"metrics=\['density'\]"):
        metrics.summarize(NETWORK, metrics="density")


def test_empty_layers_have_a_mean_weight():
    network = zoo.NETWORKS["no edges anywhere"]
    table = metrics.summarize(network, weights=[np.empty(0), np.empty(0)])
    assert value(table, "network", "mean_abs_weight") == 0


def test_a_solver_that_gives_up_costs_one_value_and_not_the_table():
    def hopeless(graph, weights):
        raise errors.NotConverged("eigenvalue", "no digits", "some", "another graph")

    network = zoo.NETWORKS["three layers"]
    table = metrics.summarize(network, metrics={"hopeless": hopeless, "edges": lambda graph, _: graph.n_edges})
    assert table[table.metric == "hopeless"]["value"].isna().all()
    expected = [*(layer.n_edges for layer in network.layers), network.n_edges]
    assert table[table.metric == "edges"]["value"].tolist() == expected


# which metrics, and what stands beside them --------------------------------------------------------------------------


def test_all_is_everything_and_the_default_is_fast():
    table = metrics.summarize(zoo.GRAPHS["dense random"], metrics="all", rng=0)
    assert set(table.metric) == set(WIRING)
    weighted = metrics.summarize(NETWORK, weights=WEIGHTS, metrics="all", rng=0)
    assert set(weighted.metric) == set(metrics.METRICS)
    assert {"spectral_gap", "log_path_count", "degree_assortativity"} <= set(FAST)
    assert not {"betweenness_max", "modularity"} & set(FAST)


@pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
def test_every_metric_is_defined_everywhere(graph):
    table = metrics.summarize(graph, weights=_ones(graph), metrics="all", rng=0)
    assert np.isfinite(table[~table.metric.isin(UNDEFINED | INFINITE)].value).all()


@pytest.mark.parametrize("name", metrics.METRICS)
def test_relabelling_units_changes_nothing_but_the_place_of_edges(name):
    metric = metrics.METRICS[name]
    if any(part in name for part in ("block_occupancy", "nearest", "join_counts", "morans", "power_law", "modularity")):
        pytest.skip("depends on the order of the units, or on a search")
    graph = zoo.GRAPHS["sparse random"]
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(graph.n_in), rng.permutation(graph.n_out)
    other = BipartiteGraph.from_edges(rows[graph.sources], columns[graph.targets], n_in=graph.n_in, n_out=graph.n_out)
    weights = rng.normal(size=graph.n_edges)
    moved = np.empty_like(weights)
    moved[other.edge_ids(rows[graph.sources], columns[graph.targets])] = weights
    if metric.random and name not in ("power_law_exponent", "power_law_p"):
        pytest.skip("an estimate")
    options = {"rng": 5} if metric.random else {}
    pair = [
        metric.function(g, w if metric.of == "weights" else None, **options)
        for g, w in ((graph, weights), (other, moved))
    ]
    # a sweep over sets finds one bound or another
    tolerance = 0.02 if name == "mixing_discrepancy_found" else 1e-6
    assert pair[0] == pytest.approx(pair[1], rel=tolerance)


def test_a_spectral_number_never_comes_alone():
    table = metrics.summarize(NETWORK, metrics=["spectral_gap"])
    assert table.metric.unique().tolist() == ["spectral_gap", "density", "normalized_spectral_gap", "ramanujan_excess"]
    assert table[table.layer == "1"].density.unique().tolist() == [NETWORK.layers[1].density]
    assert "giant_component" in set(metrics.summarize(NETWORK, metrics=["algebraic_connectivity"]).metric)


SPECTRAL = ("gap", "connectivity", "ramanujan", "non_backtracking", "spectral", "cheeger", "mixing")


@pytest.mark.parametrize("name", [name for name in metrics.METRICS if any(word in name for word in SPECTRAL)])
def test_a_spectral_number_has_density_normalized_gap_and_ramanujan_excess_beside_it(name):
    kind = "_weighted" if metrics.METRICS[name].of == "weights" else ""
    shown = set(metrics.summarize(NETWORK, weights=WEIGHTS, metrics=[name], rng=0).metric)
    assert shown >= {name, "density", f"normalized_spectral_gap{kind}", "ramanujan_excess"}


def test_companions_are_known_and_need_no_more_than_the_metric():
    for metric in metrics.METRICS.values():
        for other in metric.beside:
            assert metrics.METRICS[other].of == "wiring" or metric.of == "weights"
            assert metric.random or not metrics.METRICS[other].random


# null models ---------------------------------------------------------------------------------------------------------


def test_the_null_columns_are_the_statistics_of_the_copies():
    seen = []

    def probe(graph, weights):
        value = float(graph.layers[0].sources[0] + 10 * graph.layers[0].targets[-1])
        seen.append((graph.n_edges, value))
        return value

    graph = zoo.GRAPHS["sparse random"]
    table = metrics.summarize(graph, metrics={"probe": probe}, null_model="density", n_null=7, rng=0)
    assert table.columns.tolist()[-4:] == ["null_mean", "null_std", "z", "p"]
    row, null = table.iloc[1], np.array([value for _, value in seen[3::2]])  # measured, then layer, network, layer ...
    assert len(seen) == 2 + 2 * 7
    assert {count for count, _ in seen} == {graph.n_edges}
    assert row.null_mean == pytest.approx(null.mean())
    assert row.null_std == pytest.approx(null.std(ddof=1))
    assert row.z == pytest.approx((row.value - null.mean()) / null.std(ddof=1))
    rarer = min((null >= row.value).sum(), (null <= row.value).sum())
    assert row.p == pytest.approx(min(1, 2 * (1 + rarer) / 8))


def test_what_a_null_model_keeps_has_no_z():
    table = metrics.summarize(NETWORK, null_model="degree", n_null=4, rng=0).set_index("metric")
    kept = table.loc[["density", "fan_in_std", "fan_out_max", "fan_out_gini"]]
    assert kept.null_mean.to_numpy() == pytest.approx(kept.value.to_numpy(), rel=1e-12)
    assert (kept.null_std == 0).all()
    assert kept.z.isna().all()
    assert (kept.p == 1).all()
    assert table.loc["spectral_gap"].z.notna().any()


def test_two_blocks_are_told_from_a_random_graph_with_the_same_degrees():
    graph = block_diagonal(60, 60, n_edges=600, n_blocks=2, bridges=10, rng=0)
    table = metrics.summarize(graph, metrics=["normalized_spectral_gap"], null_model="degree", n_null=39, rng=0)
    row = table[table.metric == "normalized_spectral_gap"].iloc[0]
    assert row.z < -5
    assert row.p == pytest.approx(2 / 40)


def test_a_random_graph_is_no_surprise_to_its_null_model():
    # p is valid: under the null model it falls to 0.1 or below at most a tenth of the time, up to chance
    low = 0
    for seed in range(60):
        graph = generators.erdos_renyi(20, 20, n_edges=80, rng=seed)
        table = metrics.summarize(graph, metrics=["spectral_gap"], null_model="density", n_null=19, rng=seed + 1000)
        low += table[table.metric == "spectral_gap"].p.iloc[0] <= 0.1
    assert low <= 14  # 60 x 0.1 = 6 expected, standard deviation 2.3


def test_weights_travel_into_the_copies():
    table = metrics.summarize(NETWORK, weights=WEIGHTS, null_model="degree", n_null=3, rng=0)
    mean = table[table.metric == "mean_abs_weight"]
    assert mean.null_mean.to_numpy() == pytest.approx(mean.value.to_numpy())
    layer = zoo.GRAPHS["dense random"]
    single = metrics.summarize(layer, weights=np.arange(layer.n_edges), null_model="density", n_null=3, rng=0)
    assert value(single, "0", "mean_abs_weight") == (layer.n_edges - 1) / 2


def test_the_same_seed_gives_the_same_table():
    options = {"metrics": ["modularity", "spectral_gap"], "null_model": "degree", "n_null": 3}
    assert metrics.summarize(NETWORK, rng=1, **options).equals(metrics.summarize(NETWORK, rng=1, **options))
    alone = metrics.summarize(NETWORK, rng=1, metrics=["modularity"])
    both = metrics.summarize(NETWORK, rng=1, metrics=["spectral_gap", "modularity"])
    assert value(alone, "0", "modularity") == value(both, "0", "modularity")


def test_a_null_model_of_ones_own():
    def same(graph, *, weights, rng):
        return EdgeDelta()

    table = metrics.summarize(NETWORK, null_model=same, n_null=2, rng=0)
    assert (table.null_std == 0).all()
    assert table.z.isna().all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"null_model": "degree"}, errors.InvalidSeed, "rng: given None with null models"),
        ({"metrics": ["modularity"]}, errors.InvalidSeed, "None with modularity"),
        ({"null_model": "degrees", "rng": 0}, errors.UnknownName, "null_model='degree'"),
        ({"null_model": "degree", "rng": 0, "n_null": 1}, errors.InvalidOption, "n_null: given 1"),
        ({"null_model": "degree", "rng": 0, "n_null": 2.5}, errors.InvalidOption, "n_null: given 2.5"),
        ({"metrics": "every"}, errors.InvalidOption, r"metrics=\['every'\]"),
    ],
)
def test_bad_null_options_are_one_line(options, error, message):
    with pytest.raises(error, match=message):
        metrics.summarize(NETWORK, **options)


def _fixed(values):
    """A metric of nothing: the given values in turn, each for the layer and for the whole."""
    turn = iter(np.repeat(values, 2))
    return lambda graph, weights: next(turn)


@pytest.mark.parametrize(
    ("values", "mean", "std", "z", "p"),
    [
        # 3 of 5 copies have no path: a value above all of them is no rarer than they are
        ([5.0, -np.inf, -np.inf, -np.inf, 6.0, 4.0], -np.inf, np.nan, np.nan, 2 * 2 / 6),
        # all copies have paths and the network has none: the rarest there is
        ([-np.inf, 1.0, 2.0, 3.0], 2.0, 1.0, np.nan, 2 * 1 / 4),
        ([-np.inf, -np.inf, -np.inf, 3.0], -np.inf, np.nan, np.nan, 1.0),
        # copies without a value are left out
        ([9.0, np.nan, 2.0, 4.0], 3.0, 2**0.5, 6 / 2**0.5, 2 * 1 / 3),
        ([np.nan, 1.0, 2.0, 3.0], 2.0, np.nan, np.nan, np.nan),
        ([0.0, np.inf, -np.inf, 1.0], np.nan, np.nan, np.nan, 1.0),
    ],
)
def test_infinite_and_missing_values(values, mean, std, z, p):
    graph = zoo.GRAPHS["sparse random"]
    n_null = len(values) - 1
    table = metrics.summarize(graph, metrics={"own": _fixed(values)}, null_model="density", n_null=n_null, rng=0)
    found = table.loc[0, ["null_mean", "null_std", "z", "p"]].to_numpy(dtype=float)
    assert found == pytest.approx([mean, std, z, p], nan_ok=True)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (3, "metrics: given 3 for 'own', expected a function"),
        (lambda graph, weights: None, r"metrics: given object of shape \(\) from 'own', expected one real number"),
        (lambda graph, weights: "7", r"metrics: given <U1 of shape \(\) from 'own', expected one real number"),
        (
            lambda graph, weights: np.ones(2),
            r"metrics: given float64 of shape \(2,\) from 'own', expected one real number",
        ),
    ],
)
def test_a_metric_of_ones_own_that_is_none_is_one_line(own, message):
    with pytest.raises(errors.InvalidOption, match=message) as caught:
        metrics.summarize(NETWORK, metrics={"own": own})
    assert "\n" not in str(caught.value)
