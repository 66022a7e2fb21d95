"""Bad input across the engine: each is one line that names the place, what was given and what was expected."""

import math
import timeit

import numpy as np
import pytest
import torch

import netsparse as ns
from netsparse import errors
from netsparse.datasets import Dataset, load
from netsparse.nn import SparseLinear, SparseMLP
from netsparse.nn.inputs import check_input, check_kind
from netsparse.train import evaluate, fit
from netsparse.train.objectives import Natural, named_objective


def separable(n=96, n_classes=3, **replaced):
    rng = np.random.default_rng(0)
    y = np.arange(n) % n_classes
    x = np.clip(np.eye(n_classes, 8)[y] * 0.7 + rng.random((n, 8)) * 0.3, 0, 1).astype(np.float32)
    arrays = {"x_train": x, "y_train": y, "x_test": x[::-1].copy(), "y_test": y[::-1].copy(), **replaced}
    return Dataset("separable", **arrays, n_classes=n_classes, shape=(8,))  # unchecked, as given


def network():
    return ns.generators.layered([8, 12, 10], density=0.4, rng=0)


def model():
    return SparseMLP(network(), n_classes=3, rng=0)


def train(data=None, **options):
    settings = {"epochs": 2, "batch_size": 16, "progress": False, "rng": 0, **options}
    return fit(network(), data or separable(), **settings)


def one_line(caught, *parts):
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 300
    for part in parts:
        assert part in line
    return line


LAYER = ns.generators.erdos_renyi(6, 4, density=0.5, rng=0)

WRONG_INPUTS = [
    (lambda: torch.rand(2, 5), errors.InvalidSize, ("shape (2, 5)", "(..., n_in=6)", "x.reshape(-1, 6)")),
    (lambda: torch.tensor(1.0), errors.InvalidSize, ("shape ()", "(..., n_in=6)")),
    (
        lambda: torch.rand(2, 6).double(),
        errors.InvalidOption,
        ("torch.float64", "torch.float32", "x.to(torch.float32)"),
    ),
    (lambda: torch.zeros(2, 6, dtype=torch.uint8), errors.InvalidOption, ("torch.uint8", "x.to(torch.float32) / 255")),
    (lambda: torch.zeros(2, 6, dtype=torch.int64), errors.InvalidOption, ("torch.int64", "torch.float32")),
    (lambda: torch.rand(2, 6, device="meta"), errors.InvalidOption, ("on meta", "expected cpu", "x.to('cpu')")),
    (lambda: np.zeros((2, 6), np.float32), errors.InvalidOption, ("numpy.ndarray", "torch.as_tensor(x, dtype=")),
    (lambda: [[0.0] * 6], errors.InvalidOption, ("given list", "a torch tensor")),
]


@pytest.mark.parametrize(("make", "error", "parts"), WRONG_INPUTS, ids=range(len(WRONG_INPUTS)))
def test_a_layer_names_itself_and_both_values(make, error, parts):
    layer = SparseLinear(LAYER, rng=0)
    with pytest.raises(error) as caught:
        check_input(layer, make())
    one_line(caught, "input of a layer from 6 to 4 units", *parts)
    layer.name = "layer 2"
    with pytest.raises(error) as caught:
        layer(make())
    one_line(caught, "input of layer 2 from 6 to 4 units", *parts)


def test_kind_is_dtype_and_device_whatever_the_shape():
    layer = SparseLinear(LAYER, rng=0)
    check_kind(layer, torch.rand(2, 3, 2))
    for make, error, parts in WRONG_INPUTS:
        if error is errors.InvalidOption:
            with pytest.raises(error) as caught:
                check_kind(layer, make())
            one_line(caught, *parts)


@pytest.mark.parametrize("check", [check_input, check_kind])
def test_what_fits_passes(check):
    layer = SparseLinear(LAYER, rng=0)
    for shape in ((6,), (0, 6), (1, 6), (2, 3, 6)):
        check(layer, torch.rand(shape))
    check(layer.double(), torch.rand(2, 6).double())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        check(layer.float(), torch.rand(2, 6).bfloat16())
        with pytest.raises(errors.InvalidOption, match=r"torch.int64"):
            check(layer, torch.zeros(2, 6, dtype=torch.int64))
    with pytest.raises(errors.InvalidOption, match="bfloat16"):
        check(layer, torch.rand(2, 6).bfloat16())


def test_checking_costs_less_than_the_layer_s_own_python():
    layer, x = SparseLinear(LAYER, rng=0), torch.rand(1, 6)
    check = min(timeit.repeat(lambda: check_input(layer, x), number=500, repeat=20))
    call = min(timeit.repeat(lambda: layer(x), number=500, repeat=5))
    assert check < 0.2 * call


@pytest.mark.parametrize("x", [np.zeros((2, 8), np.float32), [[0.0] * 8], None])
def test_a_model_takes_tensors_only(x):
    with pytest.raises(errors.InvalidOption, match="expected a torch tensor"):
        SparseMLP(network(), n_classes=3, rng=0)(x)


def test_a_model_in_float64_says_so_of_inputs_in_float32():
    with pytest.raises(errors.InvalidOption) as caught:
        model().double()(torch.rand(2, 8))
    one_line(caught, "from 8 to 12 units", "torch.float32", "torch.float64", "x.to(torch.float64)")


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("options", [{}, {"head": None}, {"activation": "all_relu"}, {"bias": False}], ids=range(4))
def test_batches_of_none_and_of_one_go_forward_and_back(n, options):
    classes = {} if options.get("head", "dense") is None else {"n_classes": 3}
    made = SparseMLP(network(), rng=0, **classes, **options)
    x = torch.rand(n, 8, requires_grad=True)
    logits = made(x)
    assert logits.shape == (n, made.n_classes)
    logits.sum().backward()
    assert x.grad.shape == (n, 8)
    gradients = [parameter.grad for parameter in made.parameters()]
    assert all(gradient.shape == p.shape for gradient, p in zip(gradients, made.parameters(), strict=True))
    if n == 0:
        assert all((gradient == 0).all() for gradient in gradients)
    else:
        torch.testing.assert_close(logits, made(torch.cat([x, x]))[:1])


@pytest.mark.parametrize("batch_size", [1, 95, 10_000])
def test_batches_of_one_and_larger_than_the_data_train(batch_size):
    assert math.isfinite(train(batch_size=batch_size, epochs=1, lr=0.01).history["loss"].iloc[0])


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("split", ["x_train", "x_test"])
def test_inputs_that_are_not_finite_stop_at_the_door_of_fit(value, split):
    x = getattr(separable(), split).copy()
    x[3, 2] = value
    with pytest.raises(errors.InvalidOption) as caught:
        train(separable(**{split: x}))
    one_line(caught, split, str(value))


@pytest.mark.parametrize("backend", ["auto", "reference", "torch_csr"])
def test_nan_goes_through_a_model_and_stays_in_its_row(backend):
    made = SparseMLP(network(), n_classes=3, activation="relu", backend=backend, rng=0)
    source = int(made.network.layers[0].sources[0])
    x = torch.rand(3, 8)
    clean = made(x)
    x[1, source] = math.nan
    logits = made(x)
    assert logits[1].isnan().any()
    torch.testing.assert_close(logits[[0, 2]], clean[[0, 2]])


def test_a_loss_that_is_no_number_ends_the_run():
    class Poisoned(Natural):
        def __call__(self, model, x, y):
            loss, logits = super().__call__(model, x, y)
            return loss * math.nan, logits

    with pytest.raises(errors.TrainingDiverged) as caught:
        train(objective=Poisoned())
    one_line(caught, "nan", "epoch 1", "lr=0.01")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"lr": math.inf}, ("lr", "inf", "a finite number")),
        ({"momentum": math.nan}, ("momentum", "nan")),
        ({"weight_decay": -math.inf}, ("weight_decay", "-inf")),
        ({"optimizer": "adam", "lr": "0.1"}, ("lr", "'0.1'")),
        ({"precision": "float16"}, ("precision", "cpu", "CUDA")),
        ({"precision": 16}, ("precision", "16")),
        ({"lr_schedule": 0.5}, ("lr_schedule", "0.5")),
        ({"accumulate": 0}, ("accumulate", "at least 1")),
        ({"accumulate": 2.0}, ("accumulate", "2.0")),
    ],
)
def test_options_that_cannot_be(options, parts):
    with pytest.raises(errors.InvalidOption) as caught:
        train(**options)
    one_line(caught, *parts)


def returns(result):
    return lambda model, x, y: result(model(x), y)


def mean_loss(logits, y):
    return torch.nn.functional.cross_entropy(logits, y)


WRONG_RESULTS = [
    (lambda logits, y: mean_loss(logits, y), "a result of Tensor"),
    (lambda logits, y: None, "a result of NoneType"),
    (lambda logits, y: (mean_loss(logits, y).item(), logits), "a result of float, Tensor"),
    (lambda logits, y: (mean_loss(logits, y), logits, y), "a result of Tensor, Tensor, Tensor"),
    (lambda logits, y: (logits.sum(1), logits), "a loss of shape (16,)"),
    (lambda logits, y: (mean_loss(logits, y).detach(), logits), "a loss without gradient"),
    (lambda logits, y: (mean_loss(logits, y), logits.argmax(1)), "logits of shape (16,)"),
    (lambda logits, y: (mean_loss(logits, y), logits[:, :2]), "logits of shape (16, 2)"),
    (lambda logits, y: (mean_loss(logits, y), logits[:1]), "logits of shape (1, 3)"),
]


@pytest.mark.parametrize(("result", "part"), WRONG_RESULTS, ids=range(len(WRONG_RESULTS)))
def test_an_objective_that_returns_something_else(result, part):
    with pytest.raises(errors.InvalidOption) as caught:
        train(objective=returns(result))
    one_line(caught, "objective", part, "cross_entropy")


def test_an_objective_is_looked_at_once_and_shows_itself():
    checked, made = named_objective(Natural(0.1)), model()
    assert repr(checked) == "Natural(label_smoothing=0.1)"
    x, y = torch.rand(4, 8), torch.arange(4) % 3
    loss = checked(made, x, y)[0]
    assert torch.equal(loss, Natural(0.1)(made, x, y)[0])
    with torch.no_grad():  # a first result without gradient would be refused
        checked(made, x, y)
        with pytest.raises(errors.InvalidOption, match="without gradient"):
            named_objective("natural")(made, x, y)


def test_evaluate_takes_arrays_of_any_layout():
    made, data = model(), separable()
    x, y = torch.from_numpy(data.x_test.copy()), torch.from_numpy(data.y_test.copy())
    expected = evaluate(made, x, y)
    assert evaluate(made, data.x_test, data.y_test) == expected
    assert evaluate(made, np.asfortranarray(data.x_test), data.y_test.astype(np.uint8)) == expected
    assert evaluate(made, data.x_test[::-1], data.y_test[::-1].astype(">i4")) == pytest.approx(expected)
    assert evaluate(made, data.x_test.astype(np.float64), y.int()) == expected
    assert evaluate(made.double(), data.x_test, data.y_test) == pytest.approx(expected, rel=1e-5)
    assert all(math.isnan(value) for value in evaluate(made, data.x_test[:0], data.y_test[:0]))
    images = load("digits")
    larger = SparseMLP(ns.generators.layered([64, 30], density=0.2, rng=0), n_classes=10, rng=0)
    assert 0 <= evaluate(larger, images.x_test, images.y_test)[1] <= 1


WRONG_SAMPLES = [
    (lambda x, y: (x.astype(np.uint8), y), errors.InvalidOption, ("x", "uint8", "x / 255")),
    (lambda x, y: (x > 0.5, y), errors.InvalidOption, ("x", "bool")),
    (lambda x, y: (torch.zeros(96, 8, dtype=torch.uint8), y), errors.InvalidOption, ("torch.uint8", "x.float() / 255")),
    (lambda x, y: (x, y.astype(float)), errors.InvalidOption, ("y", "float64", "whole numbers")),
    (lambda x, y: (x, torch.zeros(96)), errors.InvalidOption, ("y", "torch.float32", "y.long()")),
    (lambda x, y: (x, y[:-1]), errors.InvalidSize, ("shape (95,)", "(96, 8)")),
    (lambda x, y: (x, y[:, None]), errors.InvalidSize, ("shape (96, 1)", "y.reshape(-1)")),
    (lambda x, y: (x, y + 1), errors.InvalidOption, ("labels from 1 to 3", "0 to 2")),
    (lambda x, y: (x, y - 100), errors.InvalidOption, ("labels from -100 to -98",)),
    (lambda x, y: (x[:, :7], y), errors.InvalidSize, ("7", "8")),
    (lambda x, y: (torch.from_numpy(x.copy()).double(), y), errors.InvalidOption, ("torch.float64", "torch.float32")),
]


@pytest.mark.parametrize(("make", "error", "parts"), WRONG_SAMPLES, ids=range(len(WRONG_SAMPLES)))
def test_evaluate_says_what_does_not_fit(make, error, parts):
    data, made = separable(), model()
    with pytest.raises(error) as caught:
        evaluate(made, *make(data.x_test, data.y_test))
    one_line(caught, *parts)
    assert made.training


def test_labels_of_a_model_that_does_not_say_its_classes_start_at_0():
    with pytest.raises(errors.InvalidOption, match="expected at least 0"):
        evaluate(torch.nn.Linear(8, 3), np.zeros((4, 8)), np.array([0, 1, -1, 2]))
