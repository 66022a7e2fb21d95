"""`summarize`: the tidy table of a network, and its refusals."""

import re

import numpy as np
import pytest
import zoo

from netsparse import errors, metrics

NETWORK = zoo.NETWORKS["three layers"]
WEIGHTS = [np.random.default_rng(k).normal(size=layer.n_edges) for k, layer in enumerate(NETWORK.layers)]
ALL = {**zoo.GRAPHS, **zoo.NETWORKS}


def value(table, layer, metric):
    (found,) = table.loc[(table.layer == layer) & (table.metric == metric), "value"]
    return found


def test_one_row_per_layer_and_metric():
    table = metrics.summarize(NETWORK)
    assert table.columns.tolist() == ["layer", "n_in", "n_out", "n_edges", "metric", "value"]
    assert table.layer.unique().tolist() == ["0", "1", "2", "network"]
    assert len(table) == 4 * len(metrics.METRICS)
    assert not table.duplicated(["layer", "metric"]).any()
    assert table.value.dtype == np.float64
    whole = table[table.layer == "network"].iloc[0]
    assert (whole.n_in, whole.n_out, whole.n_edges) == (9, 6, NETWORK.n_edges)


@pytest.mark.parametrize("graph", ALL.values(), ids=ALL)
def test_every_metric_of_every_graph_is_a_finite_number(graph):
    assert np.isfinite(metrics.summarize(graph).value).all()


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
    assert weighted[weighted.metric.isin(metrics.METRICS)].reset_index(drop=True).equals(plain)
    assert value(weighted, "network", "mean_abs_weight") == 0
    assert value(weighted, "0", "spectral_gap_weighted") == 0


def test_a_single_layer_is_a_network_too():
    graph = zoo.GRAPHS["dense random"]
    table = metrics.summarize(graph, weights=np.ones(graph.n_edges), metrics=["density", "mean_abs_weight"])
    assert table.layer.tolist() == ["0", "0", "network", "network"]
    assert table.value.tolist() == [graph.density, 1.0, graph.density, 1.0]


def test_names_and_functions_can_be_chosen():
    assert metrics.summarize(NETWORK, metrics=["giant_component"]).metric.unique().tolist() == ["giant_component"]
    own = {"heaviest": lambda graph, weights: max(abs(w).max() for w in graph.edge_vectors(weights))}
    table = metrics.summarize(NETWORK, weights=WEIGHTS, metrics=own)
    assert value(table, "network", "heaviest") == max(abs(w).max() for w in WEIGHTS)
    gap = metrics.summarize(NETWORK, metrics={"gap": metrics.spectral_gap})
    assert value(gap, "0", "gap") == metrics.spectral_gap(NETWORK.layers[0])


@pytest.mark.parametrize("name", ["betweenness", ["density"], 5])
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
