"""`netsparse generate`: every generator by its name, exact counts, the same bytes, one line per mistake."""

import json
import re

import networkx as nx
import numpy as np
import pytest

from netsparse import generators
from netsparse.cli.generate import FOR_PYTHON
from netsparse.cli.parameters import typed_example
from netsparse.generators import GENERATORS, OWN_SIZES, layered
from netsparse.graph import BipartiteGraph
from netsparse.interop import read_graphml, read_npz

CALLS = {
    "gnp": ("--sizes", "40,30,20", "-p", "p=0.2"),
    "tree": ("--sizes", "40,5,25"),
    "configuration_model": ("-p", "fan_out=2,1,1", "-p", "fan_in=3,1"),
    "butterfly": ("-p", "n_units=8"),
    "radix_net": ("-p", "radices=2,3;6", "-p", "widths=1,4,2,1"),
    "stochastic_kronecker": ("-p", "initiator=0.9,0.5;0.5,0.1", "-p", "power=5", "--edges", "100"),
    "projective_plane": ("-p", "q=4"),
    "lubotzky_phillips_sarnak": ("-p", "p=5", "-p", "q=13"),
}
EXPECTED = {
    "gnp": lambda: None,
    "tree": lambda: [generators.tree(40, 5), generators.tree(5, 25)],
    "configuration_model": lambda: None,
    "butterfly": lambda: generators.butterfly(8).layers,
    "radix_net": lambda: generators.radix_net([[2, 3], [6]], widths=[1, 4, 2, 1]).layers,
    "stochastic_kronecker": lambda: None,
    "projective_plane": lambda: [generators.projective_plane(4)],
    "lubotzky_phillips_sarnak": lambda: [generators.lubotzky_phillips_sarnak(5, 13)],
}


@pytest.mark.parametrize("name", [name for name in GENERATORS if name not in FOR_PYTHON])
def test_every_generator_with_a_density_is_what_layered_draws(cli, name):
    density = 1.0 if name == "complete" else 0.25
    code, _, stderr = cli(
        "generate", "--generator", name, "--sizes", "40,40,40", "--density", density, "--seed", 3, "--out", "net.npz"
    )
    assert (code, stderr) == (0, "")
    network, weights = read_npz("net.npz")
    assert weights is None
    assert network == layered([40, 40, 40], density=density, generator=name, rng=3)
    assert [layer.n_edges for layer in network.layers] == [round(density * 1600)] * 2


@pytest.mark.parametrize("name", [name for name in OWN_SIZES if name not in FOR_PYTHON])
def test_every_generator_with_parameters_of_its_own(cli, name):
    code, stdout, stderr = cli("generate", "--generator", name, *CALLS[name], "--out", "net.graphml", "--json")
    assert (code, stderr) == (0, "")
    network, _ = read_graphml("net.graphml")
    expected = EXPECTED[name]()
    if expected is not None:
        assert list(network.layers) == list(expected)
    summary = json.loads(stdout)
    assert summary["sizes"] == list(network.sizes)
    assert summary["edges"] == network.n_edges == sum(layer["edges"] for layer in summary["layers"])


def test_what_chance_draws_keeps_to_its_parameters(cli):
    assert (
        cli("generate", "--generator", "configuration_model", *CALLS["configuration_model"], "--out", "a.npz")[0] == 0
    )
    (layer,) = read_npz("a.npz")[0].layers
    assert (layer.fan_out.tolist(), layer.fan_in.tolist()) == ([2, 1, 1], [3, 1])
    name = "stochastic_kronecker"
    assert cli("generate", "--generator", name, *CALLS[name], "--seed", 5, "--out", "b.npz")[0] == 0
    assert read_npz("b.npz")[0].sizes == (32, 32)
    assert read_npz("b.npz")[0].n_edges == 100
    assert cli("generate", "--generator", "gnp", "--sizes", "200,300,100", "-p", "p=0.2", "--out", "c.npz")[0] == 0
    network = read_npz("c.npz")[0]
    for layer in network.layers:  # binomial, so within 5 standard deviations
        pairs = layer.n_in * layer.n_out
        assert abs(layer.n_edges - 0.2 * pairs) < 5 * np.sqrt(pairs * 0.16)


@pytest.mark.parametrize("name", FOR_PYTHON)
def test_what_takes_graphs_or_data_is_for_python(cli, name, tmp_path):
    code, stdout, stderr = cli("generate", "--generator", name)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert f"in Python: generators.{name}" in stderr
    assert list(tmp_path.iterdir()) == []


def test_help_names_every_generator_and_its_examples_run(cli):
    code, stdout, _ = cli("generate", "--help")
    words = set(re.findall(r"[a-z_]+", stdout))
    assert code == 0
    assert {*GENERATORS, *OWN_SIZES} <= words
    shown = [line.split("(")[0].split() for line in stdout.splitlines() if re.match(r" [a-z_]+ -p ", line)]
    assert len(shown) >= 6
    for k, (name, *options) in enumerate(shown):
        typed = [option.strip("',") for option in options]
        typed = typed[: typed.index("constant_fan_out")] if "constant_fan_out" in typed else typed
        assert cli("generate", "--generator", name, *typed, "--out", f"{k}.npz")[0] == 0, shown


@pytest.mark.parametrize("name", [name for name in OWN_SIZES if name not in FOR_PYTHON and name != "tree"])
def test_a_parameter_that_is_missing_is_named_with_an_example(cli, name):
    code, _, stderr = cli("generate", "--generator", name)
    assert (code, stderr.count("\n")) == (2, 1)
    assert f"which {name} needs; try -p " in stderr


def test_examples_of_the_library_as_options():
    assert typed_example(generators.radix_net, OWN_SIZES["radix_net"]) == "-p radices=4,4,4"
    expected = "-p 'initiator=0.9,0.5;0.5,0.1' -p power=10 --edges 10000"
    assert typed_example(generators.stochastic_kronecker, OWN_SIZES["stochastic_kronecker"]) == expected


def test_budgets_and_parameters(cli):
    def layers(*options):
        cli.n += 1
        code, _, stderr = cli("generate", "--sizes", "40,50,60", *options, "--out", f"{cli.n}.npz")
        assert code == 0, stderr
        return read_npz(f"{cli.n}.npz")[0].layers

    cli.n = 0
    assert sum(layer.n_edges for layer in layers("--edges", 777)) == 777
    assert [layer.n_edges for layer in layers("--edges", "100,200")] == [100, 200]
    assert [layer.n_edges for layer in layers("--density", "0.5,0.1")] == [1000, 300]
    assert [layer.n_edges for layer in layers()] == [20, 30]
    erk = layered([40, 50, 60], density=0.05, allocation="erk", rng=0).layers
    assert layers("--density", 0.05, "--allocation", "erk") == erk
    mixed = layers("--generator", "erdos_renyi,complete", "--density", "0.1,1")
    assert [layer.density for layer in mixed] == [0.1, 1.0]
    assert [layer.density for layer in layers("--generator", "complete")] == [1.0, 1.0]
    assert all((layer.fan_in == 7).all() for layer in layers("--generator", "constant_fan_in", "-p", "fan_in=7"))
    blocks = layers("--generator", "block_diagonal", "--density", 0.1, "-p", "n_blocks=5", "-p", "bridges=4")
    given = {"generator": "block_diagonal", "n_blocks": 5, "bridges": 4}
    assert blocks == layered([40, 50, 60], density=0.1, rng=0, **given).layers


def test_the_same_seed_gives_the_same_bytes(cli, tmp_path):
    for suffix in (".npz", ".graphml"):
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            assert cli("generate", "--sizes", "30,20", "--density", 0.2, "--seed", seed, "--out", name + suffix)[0] == 0
        a, b, c = ((tmp_path / (name + suffix)).read_bytes() for name in "abc")
        assert a == b != c


def test_defaults_table_and_a_file_others_can_read(cli):
    code, stdout, stderr = cli("generate")
    assert (code, stderr) == (0, "")
    assert "27,840" in stdout
    assert "netsparse measure network.graphml" in stdout
    assert all(len(line) <= 100 for line in stdout.splitlines())
    assert nx.read_graphml("network.graphml").number_of_edges() == 27_840


def test_a_file_that_exists_is_refused_and_left_alone(cli, tmp_path):
    (tmp_path / "network.graphml").write_text("mine")
    code, _, stderr = cli("generate")
    assert (code, stderr.count("\n")) == (2, 1)
    assert "--out FILE" in stderr
    (tmp_path / "link.npz").symlink_to(tmp_path / "nowhere")
    assert cli("generate", "--out", "link.npz")[0] == 2
    assert (tmp_path / "network.graphml").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2


MISTAKES = [
    ("--sizes 10,x", "sizes: given '10,x'", "--sizes 784,1000,1000,1000"),
    ("--sizes 10", "two levels", "--sizes 784,1000,1000,1000"),
    ("--sizes 10,0", "at least 1", "--sizes 1000"),
    ("--sizes 3,3 --edges 100", "edges: given 100 edges", "try --edges 9"),
    ("--sizes 3,3 --edges 0", "edges: given 0", "try --density 0.111"),
    ("--edges 1.5", "edges: given '1.5'", "try --edges 10000"),
    ("--edges -5", "edges: given -5", "try --edges 100"),
    ("--density 1.5", "density: given 1.5", "try --density 0.01"),
    ("--density nan", "density: given nan", "try --density 0.01"),
    ("--density much", "density: given 'much'", "try --density 0.01"),
    ("--density 0.1 --edges 10", "given both", "try --edges 10 alone"),
    ("--density 0.1,0.2", "one per layer (3)", "try --density 0.01"),
    ("--generator bannded", "projective_plane", "try --generator banded"),
    ("--generator banded,banded", "one per layer (3)", "try --generator erdos_renyi"),
    ("--generator banded,tree", "'tree' among others", "try --generator tree"),
    ("--allocation rek", "one of erk, uniform", "try --allocation erk"),
    ("--seed -1", "seed: given '-1'", "try --seed 0"),
    ("--seed 1e3", "seed: given '1e3'", "try --seed 0"),
    ("-p beta", "NAME=VALUE", "try -p "),
    ("-p =3", "NAME=VALUE", "try -p "),
    ("-p beta=1 -p beta=2", "'beta' twice", "alone"),
    ("-p beta=1", "parameter: given 'beta'", "leaving it out"),
    ("-p density=0.1", "parameter: given 'density'", "try --density instead"),
    ("-p rng=1", "parameter: given 'rng'", "try --seed instead"),
    ("--generator block_diagonal -p n_block=8", "n_blocks, bridges", "try -p n_blocks=8"),
    ("--generator block_diagonal -p n_blocks=abc", "n_blocks: given 'abc'", "try -p n_blocks=4"),
    ("--generator block_diagonal -p n_blocks=1.5", "n_blocks: given 1.5", "try -p n_blocks=4"),
    ("--generator block_diagonal -p n_blocks=2,3", "n_blocks: given [2, 3]", "try -p n_blocks=4"),
    ("--generator stochastic_block_model -p affinity=foo", "affinity", "try -p 'affinity=4,1;1,4'"),
    ("--generator projective_plane -p q=6", "q: given 6", "try -p q=5"),
    ("--generator projective_plane -p q=six", "q: given 'six'", "try -p q="),
    ("--generator projective_plane -p q=5 --sizes 3,3", "sizes: given 3,3", "leaving it out"),
    ("--generator projective_plane -p q=5 --density 0.1", "density: given 0.1", "leaving it out"),
    ("--generator projective_plane -p q=5 --allocation erk", "allocation: given erk", "leaving it out"),
    ("--generator constant_fan_in -p fan_in=5 --edges 7", "edges: given 7", "leaving it out"),
    ("--generator butterfly -p n_units=100", "power of two", "try -p n_units=64 or -p n_units=128"),
    ("--generator radix_net -p radices=1", "radices: given 1", "try -p radices=2,3,4, or -p 'radices=2,3,4;4,6'"),
    ("--generator configuration_model", "none named 'fan_out'", "try -p fan_out=2,1,1 -p fan_in=3,1"),
    ("--generator configuration_model -p fan_out=a,b -p fan_in=1,1", "1-D array of integers", "try -p fan_out=2,1,1"),
    ("--generator configuration_model -p fan_out=0, -p fan_in=,", "n_out: given 0", "try -p fan_out=2,1,1"),
    ("--generator gnp -p p=5", "p: given 5", "try -p p=0.01"),
    ("--generator biregular --sizes 784,1000 --edges 5", "edges: given 5", "-p fan_in="),
    ("--out net.txt", ".graphml or .npz", "try --out net.graphml"),
    ("--out net", ".graphml or .npz", "try --out net.graphml"),
    ("--out nowhere/net.npz", "no folder", "creating it first"),
    (f"--out {'n' * 300}.npz", "name too long", "--out"),
    ("--colour red", "colour", "generate --help"),
]


@pytest.mark.parametrize(("options", "message", "fix"), MISTAKES, ids=[mistake[0][:50] for mistake in MISTAKES])
def test_a_mistake_is_one_line_in_options_and_leaves_nothing(cli, tmp_path, options, message, fix):
    code, stdout, stderr = cli("generate", *options.split())
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert stderr.startswith("netsparse: ")
    assert message.lower() in stderr.lower()
    assert fix in stderr
    assert not re.search(r"(?<!-p )(?<!-p ')\b[a-z_]+=\S", stderr.partition("; try ")[2])  # no Python in a hint
    assert list(tmp_path.iterdir()) == []


def test_too_large_for_memory_is_one_line(cli, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise MemoryError("Unable to allocate 800. TiB")

    monkeypatch.setattr(BipartiteGraph, "from_sorted_keys", full)
    code, stdout, stderr = cli("generate", "--sizes", "10,10", "--density", 0.5)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert "out of memory (Unable to allocate 800. TiB)" in stderr
    assert list(tmp_path.iterdir()) == []
