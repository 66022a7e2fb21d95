"""The engine on a GPU: what layers, runs, measures and files give there is what they give on the CPU."""

import numpy as np
import pytest
import torch
import zoo

import netsparse as ns
from netsparse.nn import KERNELS, PairGradients, SparseLinear, SparseMLP, recorded_gradients
from netsparse.nn.conv import SparseConv2d
from netsparse.train import evaluate, fit, load_model, save_model

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
ON_CUDA = [name for name, kernel in KERNELS.items() if kernel.why_not(torch.device("cuda"), torch.float64) is None]


def network():
    return ns.generators.layered([64, 200, 150], density=0.1, rng=0)


def run(device, **options):
    settings = {"epochs": 3, "precision": "float64", "progress": False, "rng": 0, **options}
    return fit(network(), "digits", device=device, **settings)


@pytest.mark.parametrize("backend", ON_CUDA)
@pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
def test_a_layer_and_all_its_gradients(graph, backend):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, graph.n_in, dtype=torch.float64, generator=generator)
    found = []
    for device, kernel in (("cpu", "reference"), ("cuda", backend)):
        layer = SparseLinear(graph, activation="leaky_relu", backend=kernel, rng=0).double().to(device)
        given = x.to(device).requires_grad_()
        y = layer(given)
        torch.sin(y).sum().backward()
        found.append([tensor.cpu() for tensor in (y, given.grad, layer.weight.grad, layer.bias.grad)])
    for ours, theirs in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("backend", ["auto", *ON_CUDA])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_and_all_its_gradients(backend, stride):
    graph = ns.generators.erdos_renyi(27, 8, density=0.3, rng=0)
    x = torch.randn(6, 3, 7, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = []
    for device, kernel in (("cpu", "native_cpu"), ("cuda", backend)):
        layer = (
            SparseConv2d(graph, 3, stride=stride, activation="leaky_relu", backend=kernel, rng=0).double().to(device)
        )
        given = x.to(device).requires_grad_()
        with recorded_gradients(layer) as grads:
            y = layer(given)
            torch.sin(y).sum().backward()
        seen = grads[0].at_pairs(np.tile(np.arange(27), 8), np.repeat(np.arange(8), 27))
        tensors = (y, given.grad, layer.weight.grad, layer.bias.grad)
        found.append([*(tensor.cpu() for tensor in tensors), torch.from_numpy(seen)])
        assert layer.kernel == ("dense" if kernel == "auto" else kernel)
    for ours, theirs in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("backend", ["auto", *ON_CUDA])
@pytest.mark.parametrize("rule", [None, ns.rewiring.SET()], ids=["static", "SET"])
def test_a_run_is_the_run_on_the_cpu(backend, rule):
    here, there = run("cpu", rewiring=rule), run("cuda", rewiring=rule, backend=backend)
    assert there.network == here.network
    for ours, theirs in zip(there.weights, here.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
    assert there.history["edges_grown"].tolist() == here.history["edges_grown"].tolist()
    np.testing.assert_allclose(there.history["loss"], here.history["loss"], rtol=1e-6)


def test_learns_in_single_precision():
    result = run("cuda", precision="float32", rewiring=ns.rewiring.SET(), epochs=30)
    assert result.test_accuracy > 0.93


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_learns_in_mixed_precision(precision):
    assert run("cuda", precision=precision, epochs=30).test_accuracy > 0.93


def test_rewiring_carries_weights_and_momentum_on_the_device():
    model = SparseMLP(network(), 10, rng=0).cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(torch.rand(8, 64, device="cuda")).square().sum().backward()
    optimizer.step()
    layer = model.sparse_layers()[0]
    before, momentum = layer.edge_weights(), optimizer.state[layer.weight]["momentum_buffer"].cpu().numpy()
    delta = ns.rewiring.SET().propose(layer.graph, before, rng=0)
    graph, edge_map = ns.apply(layer.graph, delta)
    layer.rewire(graph, edge_map, optimizer)
    assert layer.weight.is_cuda
    np.testing.assert_array_equal(layer.edge_weights(), ns.graph.carry(before, edge_map))
    carried = optimizer.state[layer.weight]["momentum_buffer"]
    assert carried.is_cuda
    np.testing.assert_array_equal(carried.cpu().numpy(), ns.graph.carry(momentum, edge_map))
    model(torch.rand(8, 64, device="cuda")).square().sum().backward()
    optimizer.step()


def test_a_model_is_measured_and_read_on_another_device(tmp_path):
    trained = run("cuda", epochs=2).model.float()
    x, y = torch.rand(100, 64), torch.arange(100) % 10
    there = evaluate(trained, x.cuda(), y.cuda())
    save_model(trained, tmp_path / "model.safetensors")
    read = load_model(tmp_path / "model.safetensors")
    assert not read.sparse_layers()[0].weight.is_cuda
    assert read.network == trained.network
    assert evaluate(read, x, y) == pytest.approx(there, rel=1e-4)
    back = read.cuda()
    torch.testing.assert_close(back(x.cuda()), trained(x.cuda()))


def test_gradients_of_absent_pairs():
    graph = ns.generators.erdos_renyi(5000, 300, density=0.02, rng=0)
    rng = np.random.default_rng(0)
    x, g = (torch.from_numpy(rng.integers(-2, 3, (size, 6)).astype(np.float64)) for size in graph.sizes)
    here, there = PairGradients(graph, [(x, g)]), PairGradients(graph, [(x.cuda(), g.cuda())])
    for n in (0, 1, 5000):  # whole numbers: sums are exact, and many pairs are equal
        np.testing.assert_array_equal(there.top_free_pairs(graph, n), here.top_free_pairs(graph, n))
    sampled = [grads.sampled_top_free_pairs(graph, 50, 500, rng=0) for grads in (there, here)]
    np.testing.assert_array_equal(*sampled)
    np.testing.assert_array_equal(there.at_edges(), here.at_edges())
    np.testing.assert_array_equal(there.rows([5, 0]), here.rows([5, 0]))
    layer = SparseLinear(graph, rng=0).double().cuda()
    with recorded_gradients(layer, lambda values: values) as (grads,):
        layer(x.t().cuda()).backward(g.t().cuda())
    np.testing.assert_array_equal(grads.at_edges(), here.at_edges())
