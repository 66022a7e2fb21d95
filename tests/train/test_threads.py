"""Work on threads: results in order, one torch thread each, the caller's number of threads as it was."""

import os
import threading
import time

import pytest
import torch

import netsparse as ns
from netsparse.nn import KERNELS
from netsparse.train import evaluate
from netsparse.train.threads import in_threads

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 3])
def torch_threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def in_a_new_thread(function):
    """Return what the function returns in a thread that starts now."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def threads_here_and_in_a_new_one():
    return torch.get_num_threads(), in_a_new_thread(torch.get_num_threads)


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_results_keep_their_order_and_threads_are_restored(torch_threads, n_threads):
    def slow_first(k):
        time.sleep(0.02 if k == 0 else 0.0)
        return k, torch.get_num_threads()

    assert in_threads(slow_first, range(7), n_threads) == [(k, 1) for k in range(7)]
    assert threads_here_and_in_a_new_one() == (torch_threads, torch_threads)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_an_exception_comes_through_and_threads_are_restored(torch_threads, n_threads):
    started = []

    def breaks(k):
        started.append(k)
        time.sleep(0.01)
        if k == 1:
            raise ZeroDivisionError(k)

    with pytest.raises(ZeroDivisionError):
        in_threads(breaks, range(100), n_threads)
    assert threads_here_and_in_a_new_one() == (torch_threads, torch_threads)
    assert len(started) < 50  # what had not begun was called off


def test_a_model_that_breaks_leaves_threads_and_mode(torch_threads):
    class Breaks(torch.nn.Module):
        def forward(self, x):
            raise ZeroDivisionError

    model = Breaks()
    with pytest.raises(ZeroDivisionError):
        evaluate(model, torch.zeros(2000, 3), torch.zeros(2000, dtype=torch.int64))
    assert model.training
    assert threads_here_and_in_a_new_one() == (torch_threads, torch_threads)


def test_callers_that_overlap_leave_the_number_of_threads_as_it_was(torch_threads):
    entered, leave = [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]

    def stays(k):
        entered[k].set()
        assert leave[k].wait(10)

    callers = [threading.Thread(target=in_threads, args=(stays, [k], 2)) for k in range(2)]
    for k in range(2):  # the second begins while the first is at work, and ends after it
        callers[k].start()
        assert entered[k].wait(10)
    for k in range(2):
        leave[k].set()
        callers[k].join()
    assert threads_here_and_in_a_new_one() == (torch_threads, torch_threads)


def test_within_a_thread_it_works_there():
    def nested(k):
        own = threading.get_ident()
        return in_threads(lambda j: (10 * k + j, threading.get_ident() == own), range(2), torch.get_num_threads())

    assert in_threads(nested, range(3), 2) == [[(10 * k, True), (10 * k + 1, True)] for k in range(3)]


def test_evaluate_is_the_same_bits_on_any_number_of_threads():
    x, y = torch.rand(3001, 40), torch.randint(10, (3001,))
    model, before, found = torch.nn.Linear(40, 10), torch.get_num_threads(), set()
    try:
        for n_threads in (1, 2, 4):
            torch.set_num_threads(n_threads)
            found.add(evaluate(model, x, y))
    finally:
        torch.set_num_threads(before)
    assert len(found) == 1
    loss, accuracy = found.pop()
    assert loss == pytest.approx(torch.nn.functional.cross_entropy(model(x), y).item(), rel=1e-5)
    assert accuracy == (model(x).argmax(1) == y).double().mean().item()


def tasks():
    """Return how many threads the operating system runs for this process."""
    return len(os.listdir("/proc/self/task"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads as Linux shows them")
@pytest.mark.parametrize("backend", [name for name in KERNELS if KERNELS[name].why_not(CPU, torch.float32) is None])
def test_kernels_start_no_threads_of_their_own_inside(torch_threads, backend):
    # large enough for every kernel to share its rows between threads where it may: each of ours would bring a team
    graph = ns.generators.erdos_renyi(500, 500, density=0.05, rng=0)
    layer, x = ns.nn.SparseLinear(graph, activation="relu", backend=backend, rng=0), torch.rand(128, 500)

    def step(k):
        loss = layer(x).sum()
        gradient = torch.autograd.grad(loss, layer.weight)[0]
        return gradient, tasks()

    expected, _ = step(0)  # here every pool that a process keeps is made
    at_rest = tasks()
    found = in_threads(step, range(8), 2)
    assert max(count for _, count in found) <= at_rest + 2
    for gradient, _ in found:
        torch.testing.assert_close(gradient, expected)
