"""Scenes that two real processes play over gloo: `python -m train.two_processes FOLDER SCENE...`.

A start of Python with torch costs seconds. So one process imports everything and, before it has computed anything,
forks the processes of every scene, which meet on a port of their own. Each writes FOLDER/<scene>.<rank>.json (what the
scene returned) and FOLDER/<scene>.<rank>.err (stderr); the exit codes and seconds are in FOLDER/<scene>.ends.json.
"""

import json
import os
import signal
import socket
import sys
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.distributed import TCPStore
from train import training_scenes

from netsparse.errors import InvalidOption, NetsparseError
from netsparse.generators import layered
from netsparse.graph import EdgeDelta, SparseNetwork, apply
from netsparse.nn import SparseMLP
from netsparse.train.processes import world

LONGEST = 60.0  # seconds: what takes longer hangs
SIZES = {"shares_of_three": 3, "killed_of_three": 3} | {
    name: 1 for name in training_scenes.SCENES if name.endswith("_alone")
}


def regression(seed=0):
    """Return parameters of uneven sizes and two dtypes, inputs and targets of a batch of 5."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    parameters = [nn.Parameter(draw(*shape)) for shape in ((3, 4), (7,), (4, 2), (0,), (1,))]
    parameters.append(nn.Parameter(draw(4).float()))
    frozen, unused = nn.Parameter(draw(2), requires_grad=False), nn.Parameter(draw(2))
    return [*parameters, frozen, unused], draw(5, 4), draw(5, 3)


def regression_loss(parameters, x, y):
    first, bias, middle, none, scale, single = parameters[:6]
    hidden = (x * single.double()) @ first.t() + bias[:3] * scale
    return ((hidden - y) ** 2).mean() + (x @ middle).pow(2).mean() + none.sum()


def gradients(ranks):
    """Summed gradients of shares are those of the whole batch: even, uneven, empty shares, any bucket size."""
    found = {}
    for n_batch in (5, 4, 1):
        for bucket_bytes in (1, 40, 10**6):
            ranks.bucket_bytes = bucket_bytes
            parameters, x, y = regression()
            own = ranks.share(torch.arange(n_batch))
            if len(own):
                loss = regression_loss(parameters, x[own], y[own]) * ranks.weight(len(own), n_batch)
                loss.backward()
            ranks.sum_gradients(parameters)
            found[f"{n_batch} {bucket_bytes}"] = [None if p.grad is None else p.grad.tolist() for p in parameters]
    return found


def lengths_change(ranks):
    """Edge vectors of another length at every step, and gradients that are not contiguous."""
    found = []
    for n in (3, 5, 0, 2):
        parameter, matrix = nn.Parameter(torch.zeros(n)), nn.Parameter(torch.zeros(2, 3))
        parameter.grad = torch.arange(n) + 10.0 * ranks.rank
        matrix.grad = (torch.arange(6.0).reshape(3, 2) * (1 + ranks.rank)).t()
        ranks.sum_gradients([parameter, matrix])
        found.append([parameter.grad.tolist(), matrix.grad.tolist()])
    return found


def sums(ranks):
    values = torch.tensor([1, 2, 3]) * (ranks.rank + 1)
    return {
        "sum": ranks.sum(values).tolist(),
        "unchanged": values.tolist(),
        "transposed": ranks.sum(torch.arange(6.0).reshape(2, 3).t()).tolist(),
        "gather": ranks.gather(torch.tensor([ranks.rank, 7])).tolist(),
        "first_says": [ranks.first_says(ranks.rank == 0), ranks.first_says(ranks.rank == 1)],
        "device": str(ranks.device("cpu")),
        "repr": repr(ranks),
    }


def shares_of_three(ranks):
    return [ranks.share(torch.arange(n)).tolist() for n in (7, 3, 2, 1, 0)]


def what_is_raised(function, *arguments):
    try:
        function(*arguments)
    except NetsparseError as error:
        return [type(error).__name__, str(error)]
    return None


def one_edge_moved(network, k, seed):
    """Return the network and the deltas of a change of one edge in layer k."""
    graph, rng = network.layers[k], np.random.default_rng(seed)
    while graph.has_edges([s := int(rng.integers(graph.n_in))], [t := int(rng.integers(graph.n_out))])[0]:
        pass
    delta = EdgeDelta([int(rng.integers(graph.n_edges))], [s], [t])
    deltas = [delta if j == k else EdgeDelta() for j in range(len(network.layers))]
    return network.replace(k, apply(graph, delta)[0]), deltas


def agreement(ranks):
    """Equal wirings pass, others are named, by all edges and by small changes alike."""
    network = layered([20, 40, 30], density=0.2, rng=0)
    found = {"equal": what_is_raised(ranks.agree, network)}
    for step in range(3):
        network, deltas = one_edge_moved(network, step % 2, step)
        found[f"equal change {step}"] = what_is_raised(ranks.agree, network, deltas)
    found["all edges after changes"] = what_is_raised(ranks.agree, network)
    other, deltas = one_edge_moved(network, 1, seed=10 + ranks.rank)
    found["other change"] = what_is_raised(ranks.agree, other, deltas)
    found["still another after an equal change"] = what_is_raised(ranks.agree, *one_edge_moved(other, 0, seed=3))
    found["other wiring"] = what_is_raised(ranks.agree, other)
    found["equal again"] = what_is_raised(ranks.agree, network)
    return found


def start(ranks):
    """Equal settings and wirings pass and parameters become rank 0's; whatever differs is named."""
    network = layered([20, 40, 30], density=0.2, rng=0)
    model = SparseMLP(network, n_classes=10, rng=ranks.rank)
    before = model.weights[1].sum().item()
    found = {"equal": what_is_raised(ranks.same_start, model, network, {"seed": 0})}
    after = torch.cat([parameter.detach().reshape(-1) for parameter in model.parameters()])
    found["weights"] = [before, after.double().sum().item(), after.double().square().sum().item()]
    found["seed"] = what_is_raised(ranks.same_start, model, network, {"epochs": 2, "seed": ranks.rank})
    other = layered([20, 40, 30], density=0.2, rng=ranks.rank)
    found["wiring"] = what_is_raised(ranks.same_start, SparseMLP(other, n_classes=10, rng=0), other, {})
    fewer = SparseNetwork(network.layers[: 2 - ranks.rank])
    found["layers"] = what_is_raised(ranks.same_start, model, fewer, {})
    wider = SparseMLP(network, n_classes=10 + ranks.rank, rng=0)
    found["shape"] = what_is_raised(ranks.same_start, wider, network, {})
    return found


def after_first(ranks):
    """Rank 0 is through before the others begin."""
    mark = FOLDER / "first_was_here"

    def work():
        if ranks.is_first:
            time.sleep(0.1)
            mark.touch()
        return mark.exists()

    return ranks.after_first(work)


def error_everywhere(ranks):
    ranks.sum(torch.ones(1))
    if ranks.rank == 0:
        time.sleep(0.2)
    raise InvalidOption("density", "7", "less", "density=0.1")


def error_on_second(ranks):
    if ranks.rank == 1:
        raise ValueError("a mistake of rank 1")
    ranks.sum(torch.ones(1))


def error_on_first(ranks):
    if ranks.is_first:
        raise InvalidOption("name", "'x'", "another", "--name y")
    ranks.sum(torch.ones(1))


def killed(ranks):
    """The last rank dies without a word in the middle of a run."""
    parameter = nn.Parameter(torch.zeros(1000))
    for step in range(1000):
        parameter.grad = torch.ones(1000)
        if step == 5 and ranks.rank == ranks.size - 1:
            os.kill(os.getpid(), signal.SIGKILL)
        ranks.sum_gradients([parameter])


def killed_first(ranks):
    ranks.sum(torch.ones(1))
    if ranks.is_first:
        os.kill(os.getpid(), signal.SIGKILL)
    ranks.sum(torch.ones(1))


killed_of_three = killed


def met_again(ranks):
    return ranks.sum(torch.ones(3)).tolist()


def stalled(ranks):
    """Rank 1 is alive but does not answer within the timeout of 1 second."""
    if ranks.rank == 1:
        time.sleep(3.0)
    ranks.sum(torch.ones(1))


def absent(ranks):
    raise AssertionError("rank 0 alone has met two")


SLOW = ["stalled", "absent"]
TIMEOUTS = {"stalled": 1.0, "absent": 1.0}
MEETINGS = {"met_again": 8}  # in a store that outlives them, as that of torchrun does
OWN = {
    scene.__name__: scene
    for scene in (
        gradients, lengths_change, sums, shares_of_three, agreement, start, after_first, error_everywhere,
        error_on_second, error_on_first, killed, killed_first, met_again, stalled, absent,
    )
} | {"killed_of_three": killed}  # fmt: skip
SCENES = OWN | training_scenes.SCENES
FOLDER = Path(sys.argv[1]).resolve() if __name__ == "__main__" else Path()


def play(scene, rank, size, port):
    """Play one rank's part and return the exit code, as the command line does it: an error of ours is one line."""
    sys.stderr = (FOLDER / f"{scene}.{rank}.err").open("w", buffering=1)
    os.dup2(sys.stderr.fileno(), 2)
    environment = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": rank, "MASTER_ADDR": "127.0.0.1"}
    os.environ.update({name: str(value) for name, value in {**environment, "MASTER_PORT": port}.items()})
    os.environ["TORCHELASTIC_USE_AGENT_STORE"] = str(scene in MEETINGS)
    warnings.simplefilter("error")
    os.chdir(FOLDER)
    try:
        for _ in range(MEETINGS.get(scene, 1)):
            with world(timeout=TIMEOUTS.get(scene, 30.0)) as ranks:
                found = SCENES[scene](ranks)
        (FOLDER / f"{scene}.{rank}.json").write_text(json.dumps(found))
    except NetsparseError as error:
        print(f"netsparse: {error}", file=sys.stderr)
        return 2
    except SystemExit as end:
        return end.code
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def both(scene):
    """Fork the processes of a scene and wait for their ends; who hangs is killed, and its end is None."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = TCPStore("127.0.0.1", port, is_master=True, wait_for_workers=False) if scene in MEETINGS else None
    size, children, began = SIZES.get(scene, 2), {}, time.monotonic()
    for rank in range(size if scene != "absent" else 1):
        child = os.fork()
        if not child:
            code = play(scene, rank, size, port)
            sys.stderr.flush()
            os._exit(code)
        children[child] = rank
    ends = dict.fromkeys(children.values())
    while children and time.monotonic() < began + LONGEST:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child:
            ends[children.pop(child)] = os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    seconds = time.monotonic() - began
    del kept
    (FOLDER / f"{scene}.ends.json").write_text(json.dumps({"codes": list(ends.values()), "seconds": seconds}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    if training_scenes.SCENES.keys() & set(sys.argv[2:]):
        training_scenes.import_what_is_imported_late()
    for scene in sys.argv[2:]:
        both(scene)
