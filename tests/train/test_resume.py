"""A run that is cut off goes on bit for bit; a damaged checkpoint is found out; two processes never write one run."""

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import netsparse as ns
from netsparse import errors
from netsparse.cli.main import main
from netsparse.nn import SparseMLP
from netsparse.rewiring import RewiringRule
from netsparse.train import fit, state_files
from netsparse.train.lock import LOCK, only_writer
from netsparse.train.resume import Checkpoints
from netsparse.train.state_files import ARRAYS, MANIFEST, TENSORS, Contents, Damaged, read_state, write_state

FILES = ("model.safetensors", "best.safetensors", "history.csv", "topology.csv")
EVERY_STEP, EVERY_EPOCH = Checkpoints(every_minutes=0.0), Checkpoints(every_epochs=1, every_minutes=None)
STEPS = 5  # of an epoch


@pytest.fixture(autouse=True)
def synchronised(monkeypatch):
    """Waits for no disk: only a loss of power needs it, and it takes most of a checkpoint's time."""
    seen = []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append(os.readlink(f"/proc/self/fd/{handle}")))
    return seen


def network():
    return ns.generators.layered([64, 30, 20], density=0.2, rng=0)


def cut_before(step):
    """Return an objective that ends the run before that step, counted from 1; all of them are called the same."""
    steps = iter(range(1, 10**6))

    def objective(model, x, y):
        if next(steps) == step:
            raise KeyboardInterrupt("from the outside")
        logits = model(x)
        return torch.nn.functional.cross_entropy(logits, y), logits

    return objective


def train(folder, *, cut=0, **options):
    usual = {"rewiring": ns.rewiring.SET(), "epochs": 3, "batch_size": 256, "lr": 0.3, "progress": False, "rng": 0}
    usual |= {"network": network(), "data": "digits", "objective": cut_before(cut), "checkpoint": EVERY_STEP}
    return fit(**{**usual, **options}, out=folder)


def interrupted(folder, step, **options):
    with pytest.raises(KeyboardInterrupt, match="from the outside"):
        train(folder, cut=step, **options)


def contents(folder):
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}


def steps_of(folder):
    return sorted(int(path.name.removeprefix("step-")) for path in (folder / "checkpoints").glob("step-*"))


def assert_same_state(a, b):
    assert list(a) == list(b)
    assert all(torch.equal(a[name], b[name]) for name in a)


def rmsprop(parameters):
    return torch.optim.RMSprop(parameters, lr=0.002, momentum=0.5)


def two_phases(optimizer):
    first, then = torch.optim.lr_scheduler.LinearLR(optimizer), torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    return torch.optim.lr_scheduler.SequentialLR(optimizer, [first, then], [STEPS])


CASES = {
    "set": {},
    "per step, adam": {"rewiring": ns.rewiring.SET(0.02, every=1), "optimizer": "adam", "lr": None},
    "no validation, own optimizer": {"validation": 0, "optimizer": rmsprop, "lr": None, "lr_schedule": "one_cycle"},
    "adafactor, a schedule of two": {"optimizer": torch.optim.Adafactor, "lr": None, "lr_schedule": two_phases},
    "float64, in parts": {"precision": "float64", "accumulate": 3, "rewiring": ns.rewiring.SET(every=3)},
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_a_run_that_was_cut_off_goes_on_bit_for_bit(tmp_path, options):
    whole = train(tmp_path / "whole", **options)
    for step in (2, STEPS + 1, 2 * STEPS + 3):
        folder = tmp_path / str(step)
        parts = options.get("accumulate", 1)
        interrupted(folder, parts * (step - 1) + 1, **options)
        assert steps_of(folder)[-1] == step - 1
        resumed = train(folder, resume=True, **options)
        assert contents(folder) == contents(tmp_path / "whole")
        pd.testing.assert_frame_equal(resumed.history, whole.history, check_exact=True)
        assert (resumed.initial, resumed.network) == (whole.initial, whole.network)
        for one, other in ((resumed.last, whole.last), (resumed.best, whole.best)):
            assert one.epoch == other.epoch
            assert_same_state(one.state, other.state)
        assert (resumed.best is resumed.last) == (whole.best is whole.last)


@dataclass(frozen=True, repr=False)
class Everything(RewiringRule):
    """Reads all there is, noises and remembers: old edges of little momentum go, the largest mean gradients grow."""

    _: KW_ONLY
    fraction: float = 0.1
    grow: str = "gradient"
    newborn: float = 0.1
    every: int | None = 4
    skip_step: bool = True
    optimizer_state: str = "kept"
    noted: dict = field(init=False, default_factory=dict, compare=False)
    also_needs = frozenset({"grads", "momentum", "ages"})
    gradient_steps = 2
    gradient_decay = 0.5

    def start(self, states, *, rng):
        self.noted.clear()
        self.noted["drift"] = np.zeros(2)
        return [np.sign(state.weights) * 0.2 for state in states]

    def dropped(self, state, n_drop, at, rng):
        scores = np.abs(state.momentum) / (1.0 + state.ages) + 1e-6 * self.noted["drift"][state.index]
        return np.sort(np.argsort(scores, kind="stable")[:n_drop])

    def after_step(self, states, *, lr, rng):
        self.noted["drift"] += 1.0
        assert self.noted["drift"].sum() < 1e6
        return [state.weights + lr * 1e-3 * rng.normal(size=len(state.weights)) for state in states]

    def memory(self):
        return dict(self.noted)

    def remember(self, memory):
        self.noted.clear()
        self.noted.update({name: array.copy() for name, array in memory.items()})


def test_a_rule_that_reads_and_remembers_everything_goes_on_bit_for_bit(tmp_path):
    rule = Everything()
    whole = train(tmp_path / "whole", rewiring=rule)
    kept = rule.memory()["drift"].tolist()
    assert kept == [3 * STEPS - 3] * 2  # every step but those left out for the rewirings after steps 4, 8 and 12
    assert len(whole.topology) == 2 * 3
    # no checkpoint falls between the steps of a window, 3 and 4, 7 and 8, 11 and 12
    for step, newest in ((2, 1), (4, 2), (5, 4), (STEPS + 2, STEPS + 1), (8, 6), (9, 8), (2 * STEPS + 2, 2 * STEPS)):
        folder = tmp_path / str(step)
        interrupted(folder, step, rewiring=Everything())
        assert steps_of(folder)[-1] == newest
        again = Everything()
        resumed = train(folder, resume=True, rewiring=again)
        assert contents(folder) == contents(tmp_path / "whole")
        for name in ("history", "topology", "degrees", "ages"):
            pd.testing.assert_frame_equal(getattr(resumed, name), getattr(whole, name), check_exact=True)
        assert_same_state(resumed.last.state, whole.last.state)
        assert again.memory()["drift"].tolist() == kept


def test_the_end_of_an_epoch_within_a_window_is_saved_after_it(tmp_path):
    interrupted(tmp_path, STEPS + 4, rewiring=Everything(every=7), checkpoint=EVERY_EPOCH)
    assert steps_of(tmp_path) == [5]  # the window of step 7 opens with step 6
    interrupted(tmp_path / "other", STEPS + 2, rewiring=Everything(every=6), checkpoint=EVERY_EPOCH)
    assert steps_of(tmp_path / "other") == [6]


class Forgetful(Everything):
    """Remembers what no checkpoint keeps."""

    def memory(self):
        return {"names": np.array(["a", None], dtype=object)}


def test_a_memory_that_cannot_be_kept_is_said(tmp_path):
    with pytest.raises(errors.InvalidOption, match=r"memory of the rule, 'names': given dtype object"):
        train(tmp_path, rewiring=Forgetful())


def test_a_run_that_has_ended_is_returned_at_once(tmp_path):
    whole = train(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = train(tmp_path, resume=True, cut=1)
    pd.testing.assert_frame_equal(again.summary(), whole.summary())
    pd.testing.assert_frame_equal(again.history, whole.history, check_exact=True)
    assert_same_state(again.model.state_dict(), whole.model.state_dict())
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_run_without_a_checkpoint_starts_again_and_so_does_a_new_one(tmp_path):
    train(tmp_path / "whole")
    interrupted(tmp_path / "cut", 1)
    assert list((tmp_path / "cut").iterdir()) == []
    for name in ("cut", "new"):
        train(tmp_path / name, resume=True)
        assert contents(tmp_path / name) == contents(tmp_path / "whole")


def test_all_of_a_checkpoint_is_on_the_disk_before_it_gets_its_name(tmp_path, synchronised):
    train(tmp_path, checkpoint=Checkpoints(), epochs=1)
    names = [Path(path).name for path in synchronised]
    assert set(names[:5]) == {*FILES, "timing.csv"}  # nobody writes them again
    assert names[5:9] == [tmp_path.name, TENSORS, ARRAYS, MANIFEST]
    assert names[9].startswith(".step-5")
    assert names[10:] == ["checkpoints"]


def test_a_run_that_was_interrupted_before_its_first_checkpoint_starts_again(tmp_path):
    train(tmp_path / "whole", checkpoint=Checkpoints())
    interrupted(tmp_path / "cut", STEPS + 3, checkpoint=Checkpoints())
    assert steps_of(tmp_path / "cut") == []
    assert "history.csv" in contents(tmp_path / "cut")  # of an epoch that has ended
    train(tmp_path / "cut", checkpoint=Checkpoints(), resume=True)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


class WithDropout(SparseMLP):
    """Draws from torch's own generator in every step."""

    def forward(self, x):
        return super().forward(torch.dropout(x, 0.3, self.training))


def test_what_draws_from_torch_s_generator_goes_on_where_it_was(tmp_path):
    def model():
        return WithDropout(network(), n_classes=10, rng=0)

    with torch.random.fork_rng():
        torch.manual_seed(7)
        train(tmp_path / "whole", network=model())
        torch.manual_seed(7)
        interrupted(tmp_path / "cut", 8, network=model())
        torch.manual_seed(8)
        train(tmp_path / "cut", network=model(), resume=True)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


class Noisy:
    """An objective that draws from the generator it is given, beside the usual."""

    draws = True

    def __init__(self, cut):
        self.usual = cut_before(cut)

    def __call__(self, model, x, y, rng):
        noise = torch.from_numpy(rng.normal(size=x.shape).astype(np.float32))
        return self.usual(model, x + 0.1 * noise, y)


def test_what_an_objective_draws_goes_on_where_it_was(tmp_path):
    train(tmp_path / "whole", objective=Noisy(0))
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", objective=Noisy(8))
    train(tmp_path / "cut", objective=Noisy(0), resume=True)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


@dataclass
class Seen:
    """A callback with every method, which remembers what it is told."""

    moments: list

    def on_train_begin(self, state):
        self.moments.append(("begin", state.epoch, state.step))

    def on_rewire(self, state, changes):
        assert all(delta.n_added for _, delta in changes)
        self.moments.append(("rewire", state.epoch, state.step))

    def on_epoch_end(self, state):
        self.moments.append(("epoch", state.epoch, state.step))

    def on_train_end(self, state):
        self.moments.append(("end", state.epoch, state.step))


@dataclass
class Begun:
    """Keeps the best model that a run has begun with, as it was read."""

    best: list

    def on_train_begin(self, state):
        self.best.append(state.best.state)


def test_a_resumed_run_tells_its_callbacks_where_it_is(tmp_path):
    whole, first, second = [], [], []
    train(tmp_path / "whole", callbacks=[Seen(whole)])
    interrupted(tmp_path / "cut", 8, callbacks=[Seen(first)])
    train(tmp_path / "cut", callbacks=[Seen(second)], resume=True)
    assert whole[:3] == [("begin", 0, 0), ("epoch", 1, 5), ("rewire", 1, 5)]
    assert second[0] == ("begin", 2, 7)
    assert first + second[1:] == whole
    assert whole[-1] == ("end", 3, 15)


@pytest.mark.parametrize(
    ("policy", "steps"),
    [
        (EVERY_STEP, [14, 15]),
        (Checkpoints(every_epochs=1, every_minutes=None, keep=1), [15]),
        (Checkpoints(every_epochs=2, every_minutes=None, keep=9), [10, 15]),
        (Checkpoints(every_epochs=None, every_minutes=None), [15]),
        (Checkpoints(), [15]),
        (None, []),
    ],
)
def test_as_many_are_kept_as_the_policy_says(tmp_path, policy, steps):
    train(tmp_path, checkpoint=policy)
    assert (steps_of(tmp_path) if policy else [path.name for path in tmp_path.glob("check*")]) == steps
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("options", [{"every_epochs": 0}, {"every_minutes": -1.0}, {"every_minutes": "1"}, {"keep": 0}])
def test_impossible_policies(options):
    with pytest.raises(errors.InvalidOption, match="at least"):
        Checkpoints(**options)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A run that has ended with two checkpoints, after its second and after its last epoch."""
    folder = tmp_path_factory.mktemp("two") / "run"
    train(folder, checkpoint=EVERY_EPOCH)
    assert steps_of(folder) == [10, 15]
    return folder


def flip(where):
    def damage(path):
        data = bytearray(path.read_bytes())
        data[int(where * (len(data) - 1))] ^= 0x10
        path.write_bytes(bytes(data))

    return damage


DAMAGES = {
    "first byte": flip(0.0),
    "a byte": flip(0.4),
    "last byte but one": lambda path: path.write_bytes(path.read_bytes()[:-2] + b"\x01" + path.read_bytes()[-1:]),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "empty": lambda path: path.write_bytes(b""),
    "gone": Path.unlink,
}


@pytest.mark.parametrize("file", [TENSORS, ARRAYS, MANIFEST])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_found_out_and_the_one_before_is_used(tmp_path, two, file, damage):
    folder = shutil.copytree(two, tmp_path / "run")
    damage(folder / "checkpoints" / "step-15" / file)
    with pytest.warns(errors.CheckpointDamaged, match=rf"step-15' is damaged \(.*{file}") as warned:
        train(folder, checkpoint=EVERY_EPOCH, resume=True)
    assert len(warned) == 1
    assert "\n" not in str(warned[0].message)
    assert contents(folder) == contents(two)
    assert steps_of(folder) == [10, 15]
    train(folder, checkpoint=EVERY_EPOCH, resume=True, cut=1)  # whole again


def test_with_all_of_them_damaged_the_run_starts_again(tmp_path, two):
    folder = shutil.copytree(two, tmp_path / "run")
    for step in (10, 15):
        flip(0.5)(folder / "checkpoints" / f"step-{step}" / ARRAYS)
    with pytest.warns(errors.CheckpointDamaged) as warned:
        train(folder, checkpoint=EVERY_EPOCH, resume=True)
    assert ["step-15" in str(w.message) for w in warned] == [True, False]
    assert ["the run starts again" in str(w.message) for w in warned] == [False, True]
    assert contents(folder) == contents(two)


def test_no_flipped_byte_goes_unnoticed(tmp_path, two):
    place = shutil.copytree(two / "checkpoints" / "step-15", tmp_path / "step-15")
    facts = read_state(place).facts
    rng = np.random.default_rng(0)
    for file in (TENSORS, ARRAYS, MANIFEST):
        whole = (place / file).read_bytes()
        for position in rng.integers(len(whole), size=60):
            changed = bytearray(whole)
            changed[position] ^= 1 << int(rng.integers(8))
            (place / file).write_bytes(bytes(changed))
            try:
                assert read_state(place).facts == facts  # a blank of the manifest's, say
                assert file == MANIFEST
            except Damaged:
                pass
        (place / file).write_bytes(whole)


def test_a_damaged_newer_one_does_not_count_among_those_kept(tmp_path, two):
    folder = shutil.copytree(two, tmp_path / "run")
    (folder / "checkpoints" / "step-15").rename(folder / "checkpoints" / "step-999")
    (folder / "checkpoints" / ".step-14.1.tmp").mkdir()  # of a process that was killed
    (folder / ".history.csv.1.tmp").write_text("half of it")
    flip(0.5)(folder / "checkpoints" / "step-999" / ARRAYS)
    with pytest.warns(errors.CheckpointDamaged, match="step-999"):
        train(folder, checkpoint=EVERY_EPOCH, resume=True)
    assert steps_of(folder) == [10, 15]
    assert not list(folder.rglob(".*"))


def test_a_newer_format_is_said_and_nothing_is_touched(tmp_path, two):
    folder = shutil.copytree(two, tmp_path / "run")
    place = folder / "checkpoints" / "step-15"
    manifest = json.loads((place / MANIFEST).read_text())
    manifest["format"] = 2
    manifest["checksum"] = state_files._checksum({k: v for k, v in manifest.items() if k != "checksum"})
    (place / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(errors.InvalidFile, match=r"step-15': given format 2, expected format 1") as caught:
        train(folder, checkpoint=EVERY_EPOCH, resume=True)
    assert "\n" not in str(caught.value)
    assert steps_of(folder) == [10, 15]


OTHERS = [
    ({"epochs": 4}, "epochs: given 4, expected 3, as in the run"),
    ({"batch_size": 128}, "batch_size: given 128, expected 256"),
    ({"lr": 0.2}, "optimizer: given .*0.2.* expected .*0.3"),
    ({"rewiring": ns.rewiring.SET(0.2)}, "rewiring: .*fraction=0.2"),
    ({"rewiring": None}, "rewiring: given None"),
    ({"rng": 1}, "rng: given 1, expected 0"),
    ({"network": ns.generators.layered([64, 30, 20], density=0.2, rng=1)}, "network: "),
    ({"validation": 10}, "validation: given 10"),
    ({"objective": "natural"}, "objective: .*Natural"),
    ({"activation": "leaky_relu"}, "activation: given 'leaky_relu'"),
]


@pytest.mark.parametrize(("options", "message"), OTHERS, ids=[next(iter(options)) for options, _ in OTHERS])
def test_a_run_goes_on_only_as_it_began(two, options, message):
    with pytest.raises(errors.InvalidOption, match=message) as caught:
        train(two, checkpoint=EVERY_EPOCH, resume=True, **options)
    assert "\n" not in str(caught.value)


def two_rates(second):
    def optimizer(parameters):
        first, *others = parameters
        return torch.optim.Adam([{"params": [first]}, {"params": others, "lr": second}], lr=0.001)

    return optimizer


def test_long_settings_are_shown_where_they_differ(tmp_path):
    train(tmp_path, optimizer=two_rates(0.002), lr=None, epochs=1)
    with pytest.raises(errors.InvalidOption, match=r"given .*'lr': 0\.003.*expected .*'lr': 0\.002") as caught:
        train(tmp_path, optimizer=two_rates(0.003), lr=None, epochs=1, resume=True)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("options", [{"activation": "all_relu"}, {"bias": False}, {"backend": "reference"}], ids=str)
def test_a_given_model_is_built_as_it_was(tmp_path, options):
    train(tmp_path, network=SparseMLP(network(), 10, rng=0), epochs=1)
    with pytest.raises(errors.InvalidOption, match=r"network: given .*SparseMLP of 64-30-20"):
        train(tmp_path, network=SparseMLP(network(), 10, rng=0, **options), epochs=1, resume=True)


def test_other_settings_are_refused_where_nothing_was_saved_too(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    seen = []
    train(
        tmp_path / "run",
        objective=lambda m, x, y: (seen.append((tmp_path / "run").rglob("settings.json")), cut_before(0)(m, x, y))[1],
        epochs=1,
    )
    assert list(seen[0])  # before the first step
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "step-5")
    with pytest.raises(errors.InvalidOption, match="epochs: given 2, expected 1"):
        train(tmp_path / "run", epochs=2, resume=True)


def test_nothing_of_a_resumed_run_lies_in_a_file(tmp_path):
    interrupted(tmp_path, STEPS + 2)
    best = []
    train(tmp_path, resume=True, callbacks=[Begun(best)], epochs=3)
    assert [bool(state) for state in best] == [True]
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()


def test_folders_that_cannot_be_gone_on_with(tmp_path, two):
    with pytest.raises(errors.RunExists, match="resume=True"):
        train(two)
    with pytest.raises(errors.InvalidOption, match="out='runs/first'"):
        train(None, resume=True)
    train(tmp_path, checkpoint=None, epochs=1)
    with pytest.raises(errors.RunExists, match="a run without checkpoints"):
        train(tmp_path, resume=True)


def test_a_run_is_written_by_one_process_alone(tmp_path):
    with only_writer(tmp_path):
        with pytest.raises(errors.RunExists, match="another process is writing"):
            train(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == [LOCK]
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_is_written_all_the_same(tmp_path, monkeypatch):
    def without(handle, operation):
        raise OSError(errno.ENOSYS, "Function not implemented")  # Lustre, as most clusters mount it

    monkeypatch.setattr(fcntl, "flock", without)
    with only_writer(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_dead_process_is_none(tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from netsparse.train.lock import only_writer
with only_writer(Path({str(tmp_path)!r})):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert (tmp_path / LOCK).exists()
    with only_writer(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_one_before(tmp_path, monkeypatch):
    interrupted(tmp_path, 8)

    def full(path, tensors):
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(state_files, "_write_tensors", full)
        with pytest.raises(errors.DiskFull, match="step-8"):
            train(tmp_path, resume=True)
    assert steps_of(tmp_path) == [6, 7]
    assert not list(tmp_path.rglob(".*"))
    train(tmp_path, resume=True)


def test_layouts_shared_memory_and_every_dtype_come_back(tmp_path):
    matrix = torch.arange(6.0).reshape(2, 3)
    tensors = {"a": matrix, "b": matrix, "t": matrix.t(), "none": torch.empty(0), "one": torch.tensor(3.5)}
    tensors |= {str(dtype): torch.ones(5, dtype=dtype) for dtype in state_files.DTYPES}
    write_state(tmp_path / "step-1", Contents(tensors, {"order": np.arange(3)}, {"epoch": 1}))
    back = read_state(tmp_path / "step-1")
    assert set(back.tensors) == set(tensors)
    assert all(torch.equal(back.tensors[name], tensor) for name, tensor in tensors.items())
    assert all(back.tensors[name].dtype == tensor.dtype for name, tensor in tensors.items())
    assert back.tensors["a"].data_ptr() == back.tensors["b"].data_ptr()
    assert back.arrays["order"].tolist() == [0, 1, 2]
    assert back.facts["epoch"] == 1


class Listing(torch.optim.SGD):
    """Keeps something that no checkpoint can."""

    def step(self, closure=None):
        super().step(closure)
        self.state[self.param_groups[0]["params"][0]]["past"] = [1, 2]


def test_optimizer_state_that_cannot_be_kept_is_said(tmp_path):
    with pytest.raises(errors.InvalidOption, match=r"optimizer state: given list 'past'.*checkpoint=None"):
        train(
            tmp_path,
            optimizer=lambda parameters: Listing(parameters, lr=0.1),
            lr=None,
            checkpoint=Checkpoints(),
            objective=cut_before(2),  # after the first step, not when there is much to lose
        )


def kill_and_compare(folder, scenes, n_points):
    command = [sys.executable, Path(__file__).with_name("killed_runs.py"), folder, json.dumps(scenes), str(n_points)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


SCENES = [{"every": every, "optimizer": optimizer} for every in (None, 1) for optimizer in ("sgd", "adam")]


def test_killed_runs_end_as_if_nobody_had_killed_them(tmp_path):
    report = kill_and_compare(tmp_path, SCENES[1:3], 2)
    assert (report["killed"], report["differing"]) == (4, [])


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_killed_at_twenty_points(tmp_path, scene):
    report = kill_and_compare(tmp_path, [scene], 20)
    assert (report["killed"], report["differing"]) == (20, [])
    assert report["within"] >= 5  # in the middle of writing a checkpoint


def cli(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["netsparse", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    stdout, stderr = capsys.readouterr()
    return left.value.code, stdout, stderr


SMALL = ("--widths", "40,30", "--density", "0.1", "--epochs", "20", "--every", "7", "--out", "runs")


def test_the_command_line_resumes_what_was_killed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    killed = tmp_path / "runs" / "killed"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    often = ("--checkpoint-epochs", "1", "--keep", "9")
    command = [sys.executable, "-m", "netsparse", "train", *SMALL, "--name", "killed", *often]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not list(killed.glob("checkpoints/step-*")) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    before = json.loads((killed / "provenance.json").read_text())
    assert before["compute"]["truly_sparse"] == [True, True]
    for options, message in (
        (("--epochs", "41"), "epochs: given 41 beside --resume, expected 20, as in the run; try leaving out --epochs"),
        (("--device", "meta"), "device: given 'meta' beside --resume"),
        (("--name", "other"), "try leaving out --name"),
        (("--density", "2"), "density: given 2.0"),
    ):
        code, _, stderr = cli(monkeypatch, capsys, "train", "--resume", killed, *options)
        assert (code, stderr.count("\n")) == (2, 1)
        assert message in stderr
    newest = max(killed.glob("checkpoints/step-*"), key=lambda path: int(path.name.split("-")[1]))
    flip(0.3)(newest / TENSORS)
    code, _, stderr = cli(monkeypatch, capsys, "train", "--resume", killed, "--epochs", "20")
    assert code == 0
    assert f"netsparse: checkpoint '{newest}' is damaged" in stderr
    assert len(steps_of(killed)) == 9  # as it was asked for when it began
    after = json.loads((killed / "provenance.json").read_text())
    assert after["earlier"] == [{name: before[name] for name in after["earlier"][0]}]
    assert after["earlier"][0]["software"] == after["software"]
    assert cli(monkeypatch, capsys, "train", *SMALL, "--name", "whole")[0] == 0
    assert contents(killed) == contents(tmp_path / "runs" / "whole")
    assert (killed / "config.json").read_bytes() == (tmp_path / "runs" / "whole" / "config.json").read_bytes()


def test_data_that_lies_elsewhere_now_is_the_same_data(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        data = {f"x_{part}": rng.random((90, 20), dtype=np.float32) for part in ("train", "test")}
        np.savez(tmp_path / place / "own.npz", **data, y_train=np.arange(90) % 3, y_test=np.arange(90) % 3)
    monkeypatch.chdir(tmp_path)
    options = ("--widths", "20", "--density", "0.2", "--epochs", "1", "--name", "run")
    assert cli(monkeypatch, capsys, "train", "--data", "here/own.npz", *options)[0] == 0
    (tmp_path / "here").rename("moved")
    code, _, stderr = cli(monkeypatch, capsys, "train", "--resume", "runs/run", "--data", "there/own.npz")
    assert (code, stderr.count("\n")) == (2, 1)
    assert "data: given" in stderr
    assert "as in the run to be resumed" in stderr
    assert cli(monkeypatch, capsys, "train", "--resume", "runs/run", "--data", "moved/own.npz")[0] == 0


def test_folders_that_the_command_line_cannot_resume(tmp_path, monkeypatch, capsys):
    (tmp_path / "empty").mkdir()
    for name, text in (
        ("broken", "{"),
        ("list", "[1]"),
        ("study", '{"compare": ["static"]}'),
        ("odd", '{"colour": 1}'),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(text)
    for name, message in (
        ("absent", "no such folder"),
        ("empty", "without config.json"),
        ("broken", "not JSON"),
        ("list", "JSON that is no object"),
        ("study", "a folder of 'netsparse run'"),
        ("odd", "colour"),
    ):
        code, stdout, stderr = cli(monkeypatch, capsys, "train", "--resume", tmp_path / name)
        assert (code, stdout, stderr.count("\n")) == (2, "", 1)
        assert message in stderr
