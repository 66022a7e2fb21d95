"""Files, checkpoints, pruning at the start and lotteries of convolutional networks."""

import json

import numpy as np
import pytest
import torch
from oracles_vgg import few_digits, n_edges, same_states
from oracles_vgg import small_vgg as model
from safetensors.torch import save_file
from torch import nn

from netsparse import errors, interop
from netsparse.generators import layered
from netsparse.nn import VGG, SparseMLP, SparseModel
from netsparse.rewiring import RULES
from netsparse.train import fit, load_model, lottery_tickets, prune_at_start, save_model
from netsparse.train.hessian import hessian_times
from netsparse.train.pruned_start import METHODS
from netsparse.train.resume import Checkpoints

FEW = few_digits()
QUICK = {"epochs": 2, "batch_size": 64, "progress": False, "rng": 0}


@pytest.fixture(scope="module")
def trained():
    return fit(model(normalization=(0.3, 0.4)), FEW, **QUICK, lr=0.02).model


def test_a_saved_model_is_the_model(tmp_path, trained):
    save_model(trained, tmp_path / "one.safetensors")
    again = load_model(tmp_path / "one.safetensors")
    assert type(again) is VGG
    assert (again.shape, again.depth) == (trained.shape, 11)
    assert again.network == trained.network
    assert same_states(again.state_dict(), trained.state_dict())
    x = torch.rand(5, 64)
    assert torch.equal(again.eval()(x), trained.eval()(x))
    save_model(again, tmp_path / "two.safetensors")
    assert (tmp_path / "one.safetensors").read_bytes() == (tmp_path / "two.safetensors").read_bytes()


def test_a_file_of_another_network_is_one_line(tmp_path, trained):
    save_model(trained, tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    for old, new in ((b"VGG", b"XGG"), (b"[1, 8, 8]", b"[2, 8, 8]"), (b'"sizes": [9', b'"sizes": [8')):
        assert old in content.replace(b"\\", b"")
        escaped = old.replace(b'"', b'\\"'), new.replace(b'"', b'\\"')
        (tmp_path / "other").write_bytes(content.replace(*escaped))
        if new.startswith(b'"sizes'):  # what a file says of its inputs twice, the wiring knows itself
            assert load_model(tmp_path / "other").network == trained.network
            continue
        with pytest.raises(errors.InvalidFile, match="other") as caught:
            load_model(tmp_path / "other")
        assert "\n" not in str(caught.value)


class Unknown(VGG):
    """Somebody's own network, based on ours: written as the class that it is based on."""


def test_a_class_of_ones_own_is_written_as_what_it_is_based_on(tmp_path):
    net = Unknown(model().network, shape=(8, 8), rng=0)
    save_model(net, tmp_path / "own")
    assert type(load_model(tmp_path / "own")) is VGG


class Alien(SparseModel):
    """Based on nothing that a file can name; trains like any other."""

    head = None

    def __init__(self):
        super().__init__()
        self.inner = model()
        self.layers, self.joints, self.normalize = self.inner.layers, self.inner.joints, self.inner.normalize
        self.n_features, self.n_classes = 64, 10

    def forward(self, x):
        return self.inner(x)


def test_a_model_that_no_file_can_hold_trains_without_files(tmp_path):
    assert np.isfinite(fit(Alien(), FEW, **QUICK).history["loss"]).all()
    with pytest.raises(errors.InvalidOption, match="model: given Alien, expected a SparseMLP or a VGG"):
        fit(Alien(), FEW, out=tmp_path / "run", **QUICK)
    assert not (tmp_path / "run").exists()


def test_files_of_the_first_format_are_read(tmp_path):
    net = SparseMLP(layered([6, 5, 4], density=0.5, rng=0), 3, bias=False, activation=0.1, rng=0)
    written = {
        "format": 1, "sizes": [6, 5, 4], "n_classes": 3, "head": "dense", "bias": False, "activation": 0.1,
        "backends": ["auto", "auto"],
    }  # fmt: skip
    save_file(net.state_dict(), tmp_path / "old.safetensors", metadata={"netsparse": json.dumps(written)})
    again = load_model(tmp_path / "old.safetensors")
    assert again.options() == net.options()
    assert again.network == net.network
    assert same_states(again.state_dict(), net.state_dict())
    assert interop.read_torch(tmp_path / "old.safetensors")[0] == interop.from_torch(net)[0]


class CutOff(Exception):
    """Ends a run from within."""


@pytest.mark.parametrize("rule", [None, "rigl"])
def test_a_run_that_was_cut_off_goes_on_bit_for_bit(rule, tmp_path):
    def run(name, *, resume=False, last=None):
        seen = []

        def objective(net, x, y):
            seen.append(1)
            if len(seen) == last:
                raise CutOff
            logits = net(x)
            return nn.functional.cross_entropy(logits, y), logits

        return fit(
            model(), FEW, rewiring=None if rule is None else RULES[rule](every=2, fraction=0.1), objective=objective,
            out=tmp_path / name, checkpoint=Checkpoints(every_minutes=0.0), resume=resume,
            epochs=3, batch_size=64, validation=0, progress=False, rng=0,
        )  # fmt: skip

    whole = run("whole")
    with pytest.raises(CutOff):
        run("cut", last=7)
    resumed = run("cut", resume=True)
    assert same_states(resumed.last.state, whole.last.state)
    assert resumed.best.network == whole.best.network
    assert resumed.initial == whole.initial == model().network
    for file in ("model.safetensors", "history.csv", *(["topology.csv"] if rule else [])):
        assert (tmp_path / "cut" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file
    ended = run("cut", resume=True)
    assert same_states(ended.last.state, whole.last.state)
    assert ended.last.network == whole.last.network
    with pytest.raises(errors.InvalidOption, match='network: given "VGG of 9-1-'):
        fit(model(width=1 / 64), FEW, out=tmp_path / "cut", resume=True, **QUICK)


# before training, and lotteries --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scope", ["network", "layer"])
def test_pruning_at_the_start_keeps_exactly_what_is_asked_for(method, scope):
    dense = model(density=0.9)
    before = {name: tensor.clone() for name, tensor in dense.state_dict().items()}
    sparse = prune_at_start(dense, FEW, density=0.3, method=method, scope=scope, rng=0)
    assert type(sparse) is VGG
    pairs = [layer.n_in * layer.n_out for layer in dense.network.layers]
    if scope == "network":
        assert sparse.network.n_edges == round(0.3 * sum(pairs))
    else:
        assert n_edges(sparse.network) == [round(0.3 * n) for n in pairs]
    for layer, full in zip(sparse.network.layers, dense.network.layers, strict=True):
        assert full.has_edges(layer.sources, layer.targets).all()
    assert same_states(before, dense.state_dict()), "running means included"
    fit(sparse, FEW, **{**QUICK, "epochs": 1})
    assert same_states(before, dense.state_dict()), "nothing is shared"


def test_magnitude_before_training_keeps_the_largest():
    dense = model(density=0.9)
    sparse = prune_at_start(dense, n_edges=500, method="magnitude", rng=0)
    smallest = min(np.abs(w).min() for w in sparse.weights if len(w))
    assert sum(int((np.abs(w) >= smallest).sum()) for w in dense.weights) == 500


def test_hessian_times_a_direction_equals_differences_of_gradients():
    torch.manual_seed(0)
    net = model(density=0.4, shape=(16, 16)).double().eval()
    for norm in net.norms:  # as pruning at the start sees it
        norm.running_mean = norm.running_var = None
    x, y = torch.rand(6, 256, dtype=torch.float64), torch.arange(6) % 10
    weights = [layer.weight for layer in net.sparse_layers()]
    directions = [torch.randn_like(weight) for weight in weights]

    def gradient(step):
        twin = net.with_edges(net.network, [
            (weight + step * direction).detach().numpy() for weight, direction in zip(weights, directions, strict=True)
        ])  # fmt: skip
        loss = nn.functional.cross_entropy(twin(x) / 2.0, y)
        return torch.autograd.grad(loss, [layer.weight for layer in twin.sparse_layers()])

    products = hessian_times(net, directions, x, y, temperature=2.0)
    step = 1e-7
    for found, up, down in zip(products, gradient(step), gradient(-step), strict=True):
        expected = (up - down) / (2 * step)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())


@pytest.mark.parametrize("rewind", ["init", "early", "round0_final", "random", "continued"])
def test_lottery_tickets(rewind, tmp_path):
    options = {
        "rounds": 2, "rates": 0.5, "cut": "exact", "rewind": rewind, "epochs": 1, "batch_size": 64,
        "early_step": 2 if rewind == "early" else None, "validation": 0, "progress": False, "rng": 0,
        "out": tmp_path / "tickets",
    }  # fmt: skip
    start = model()
    result = lottery_tickets(start, FEW, **options)
    n = n_edges(start.network)
    assert result.layers["n_edges"].tolist() == [*n, *(k - round(k / 2) for k in n), *result.layers["n_edges"][22:]]
    assert type(result.model(2)) is VGG
    assert result.model(2).network.joints[0].tolist() == start.network.joints[0].tolist()
    begun = result.model(1, "start")
    means = torch.cat([norm.running_mean for norm in begun.norms])
    assert (means == 0).all() == (rewind in ("init", "random")), "running means are rewound with the weights"
    again = lottery_tickets(model(), FEW, **options, resume=True)
    for one, other in zip(result.tickets, again.tickets, strict=True):
        assert one.network == other.network
        assert same_states(one.last.state, other.last.state)
        assert all(np.array_equal(a, b) for a, b in zip(one.start_weights, other.start_weights, strict=True))
