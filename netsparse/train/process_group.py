"""`Several`: two or more processes over torch's process group, with sums of gradients whose lengths may change."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from types import TracebackType
from typing import Any, TypeVar, final

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import PrefixStore, rendezvous  # type: ignore[attr-defined] # documented, missing in __all__

from netsparse.errors import InvalidOption, NetsparseError, RankLost
from netsparse.graph import EdgeDelta, SparseNetwork
from netsparse.nn import as_device
from netsparse.train.digests import change_digest, digest, graph_digest, out_of_step
from netsparse.train.last_words import LastWords
from netsparse.train.ranks import EXAMPLE, Ranks

Result = TypeVar("Result")
BUCKET = 25 * 2**20  # bytes
MEETINGS = count()  # of this process, as many as of the others: where they met before, they would find old addresses
RESTART = "the same command with --resume RUN, which goes on from the last checkpoint"


@final
class Several(Ranks):
    """Two or more processes in torch's default process group.

    The group's sums are the same bits on every process, in whatever order it adds. A process that leaves the `with`
    block by an error says why before its connections close, so that the others can name it. Where rank 0 ends by an
    error as well, the other processes' `NetsparseError` becomes a `SystemExit` with code 2: one line is printed, not
    one per process.

    Parameters
    ----------
    words : LastWords
        Where processes say why they end.
    rank, size : int
        As torch's process group has them.
    local_rank : int
        Number of this process on its machine, and of its GPU.
    bucket_bytes : int
        How many bytes of gradients travel together.
    """

    def __init__(self, words: LastWords, rank: int, size: int, local_rank: int, *, bucket_bytes: int = BUCKET) -> None:
        self.rank, self.size, self.local_rank, self.bucket_bytes = rank, size, local_rank, bucket_bytes
        self._words = words
        self._digests: list[bytes] = []

    def device(self, requested: str | torch.device) -> torch.device:
        """Return the requested device; "cuda" is the GPU with this process's local rank."""
        n_devices = torch.cuda.device_count() if str(requested) == "cuda" else 0
        if not n_devices:
            return as_device(requested)
        if self.local_rank >= n_devices:
            expected = f"at most {n_devices}, one per GPU of the machine"
            fix = f"torchrun --nproc-per-node {n_devices} -m netsparse train"
            raise InvalidOption("processes on 'cuda'", f"{self.local_rank + 1} on one machine", expected, fix)
        torch.cuda.set_device(self.local_rank)
        return as_device(f"cuda:{self.local_rank}")

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add up in buckets, all on their way at once; each gradient is then a view of its bucket."""
        under_way = []
        for bucket in buckets(parameters, self.bucket_bytes):
            parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in bucket]
            missing = [p.grad is None for p in bucket]
            there = torch.tensor([not absent for absent in missing]).to(parts[0])
            flat = torch.cat([*(part.reshape(-1) for part in parts), there])
            sums = flat.split([*(part.numel() for part in parts), len(bucket)])
            for parameter, part in zip(bucket, sums[:-1], strict=True):
                parameter.grad = part.view_as(parameter)
            with self._answered():
                under_way.append((dist.all_reduce(flat, async_op=True), bucket, missing, sums[-1]))
        for work, bucket, missing, n_there in under_way:
            with self._answered():
                work.wait()
            if any(missing):  # read only then: on a GPU, reading waits for the sum
                for parameter, n in zip(bucket, n_there.tolist(), strict=True):
                    parameter.grad = parameter.grad if n else None

    def sum(self, values: Tensor) -> Tensor:
        """Add up in a copy."""
        total = values.detach().clone(memory_format=torch.contiguous_format)
        with self._answered():
            dist.all_reduce(total)
        return total

    def gather(self, values: Tensor) -> Tensor:
        """Stack copies of everybody's values."""
        own = values.detach().contiguous()
        parts = [torch.empty_like(own) for _ in range(self.size)]
        with self._answered():
            dist.all_gather(parts, own)
        return torch.stack(parts)

    def same(self, values: Mapping[str, object]) -> None:
        """Compare 32 bytes; only where they differ, find out in what."""
        known = {name: value if isinstance(value, bytes) else repr(value) for name, value in values.items()}
        own = digest(repr(sorted(known.items())).encode())
        everybody = self.gather(torch.frombuffer(bytearray(own), dtype=torch.uint8))
        if (everybody == everybody[0]).all():
            return
        given: list[Any] = [None] * self.size
        with self._answered():
            dist.all_gather_object(given, known)
        raise out_of_step(given)

    def agree(self, network: SparseNetwork, deltas: Sequence[EdgeDelta] | None = None) -> None:
        """Compare digests of the wiring, or of how it came about."""
        if deltas is None or len(self._digests) != len(network.layers):
            self._digests = [graph_digest(graph) for graph in network.layers]
        else:
            steps = zip(self._digests, network.layers, deltas, strict=True)
            self._digests = [change_digest(before, graph, delta) for before, graph, delta in steps]
        self.same({f"wiring of layer {k}": value for k, value in enumerate(self._digests)})

    def same_start(self, model: nn.Module, network: SparseNetwork, values: Mapping[str, object]) -> None:
        """Compare, then broadcast."""
        tensors = {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
        self.same({"number of layers": len(network.layers), **values})
        self.agree(network)
        self.same({f"shape of {name}": (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()})
        for tensor in tensors.values():
            sent = tensor.contiguous()
            with self._answered():
                dist.broadcast(sent, src=0)
            if sent is not tensor:
                tensor.copy_(sent)

    def after_first(self, work: Callable[[], Result]) -> Result:
        """Let rank 0 go first; the others wait for its answer."""
        result = [work()] if self.is_first else []
        self.first_says(True)
        return result[0] if result else work()

    def first_says(self, value: bool) -> bool:
        """Broadcast rank 0's value."""
        said = torch.tensor([value], dtype=torch.uint8)
        with self._answered():
            dist.broadcast(said, src=0)
        return bool(said.item())

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Turn the errors of a collective into `RankLost`, with the other's reason where it left one."""
        try:
            yield
        except RuntimeError as error:
            if ended := self._words.cause():
                given = f"an end by {ended[1]}"
                raise RankLost(f"rank {ended[0]}", given, "an answer from every rank", RESTART) from error
            given = f"no answer from another rank ({_in_short(error)})"
            raise RankLost(f"rank {self.rank} of {self.size}", given, "an answer from every rank", RESTART) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cut_off = kind is RankLost
        if kind is not None:
            self._words.leave(f"{kind.__name__} ({error})", is_cause=not cut_off)
        dist.destroy_process_group()
        if kind is None:
            return
        of_ours = isinstance(error, NetsparseError) and not self.is_first
        told = of_ours and self._words.first_tells(cut_off=cut_off)
        self._words.go()
        if told:
            raise SystemExit(2)


def buckets(parameters: Iterable[nn.Parameter], limit: int) -> list[list[nn.Parameter]]:
    """Divide the parameters that want a gradient into lists of one dtype and device, of about `limit` bytes each.

    Examples
    --------
    >>> parts = buckets([nn.Parameter(torch.zeros(n)) for n in (2, 2, 9, 1)], limit=16)
    >>> [[len(parameter) for parameter in part] for part in parts]
    [[2, 2], [9], [1]]
    """
    filled: list[list[nn.Parameter]] = []
    open_ones: dict[tuple[torch.dtype, torch.device], tuple[list[nn.Parameter], int]] = {}
    for parameter in parameters:
        if not parameter.requires_grad:
            continue
        kind, n_bytes = (parameter.dtype, parameter.device), parameter.numel() * parameter.element_size()
        bucket, n_before = open_ones.get(kind, ([], 0))
        if not bucket or n_before + n_bytes > limit:
            bucket, n_before = [], 0
            filled.append(bucket)
        bucket.append(parameter)
        open_ones[kind] = bucket, n_before + n_bytes
    return filled


def joined(rank: int, size: int, local_rank: int, *, timeout: float) -> Several:
    """Meet the other processes where the environment says; raises `InvalidOption`, `RankLost`."""
    if not dist.is_available():
        fix = "a build of torch with torch.distributed, or no torchrun"
        raise InvalidOption("WORLD_SIZE", str(size), "1, because this torch cannot do more", fix)
    if dist.is_initialized():
        given = "one that is there already"
        raise InvalidOption("process group", given, "none yet", "world() instead of init_process_group()")
    on_gpu = torch.cuda.is_available() and dist.is_nccl_available()
    patience = timedelta(seconds=timeout)
    try:
        store, _, _ = next(iter(rendezvous("env://", timeout=patience)))
        backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
        store = PrefixStore(f"meeting {next(MEETINGS)}", store)
        group_store = PrefixStore("group", store)
        dist.init_process_group(backend, store=group_store, rank=rank, world_size=size, timeout=patience)
    except (RuntimeError, ValueError) as error:  # nobody there, or an address that is none
        expected = f"{size} processes that meet within {timeout:g} seconds"
        raise RankLost(f"rank {rank} of {size}", _in_short(error), expected, EXAMPLE) from error
    return Several(LastWords(PrefixStore("words", store), rank, size), rank, size, local_rank)


def _in_short(error: Exception) -> str:
    """Return the first sentence of torch's message, without the place in its source code."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return re.sub(r"^\[[^\]]*\]\s*", "", line).split(". ")[0].rstrip(".")
