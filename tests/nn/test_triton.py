"""The Triton kernel equals the reference: on a GPU, or else in Triton's interpreter where Triton is installed."""

import subprocess
import sys
import textwrap
from importlib.util import find_spec

import pytest
import torch
import zoo

import netsparse as ns
from netsparse.nn.kernels import EdgeIndex, triton_cuda
from netsparse.nn.kernels.reference import Reference
from netsparse.nn.kernels.triton_cuda import TritonCuda

CLOSE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 4e-2}
"""Rounding of one result, as a share of what was summed; Triton's interpreter cuts bfloat16 off instead of rounding."""

on_a_gpu = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="triton is not installed")


@pytest.fixture
def device(request, monkeypatch):
    """Return the device of that name; "cpu" is Triton's interpreter."""
    if request.param == "cpu":
        monkeypatch.setenv("TRITON_INTERPRET", "1")
    triton_cuda._programs.cache_clear()
    yield torch.device(request.param)
    triton_cuda._programs.cache_clear()


interpreted = pytest.param(
    "cpu",
    marks=[needs_triton, pytest.mark.skipif(torch.cuda.is_available(), reason="the GPU itself is there")],
)
anywhere = pytest.mark.parametrize("device", [interpreted, pytest.param("cuda", marks=on_a_gpu)], indirect=True)


def operands(graph, batch, dtype, device):
    generator = torch.Generator().manual_seed(0)
    sizes = (graph.n_edges,), (graph.n_out,), (graph.n_in, batch), (graph.n_out, batch)
    drawn = [torch.randn(size, generator=generator).to(dtype) for size in sizes]
    return EdgeIndex.of(graph, device), *(tensor.to(device) for tensor in drawn)


def assert_close(ours, theirs, summed, dtype):
    assert ours.dtype == dtype
    difference = (ours.double() - theirs).abs()
    assert bool((difference <= CLOSE[dtype] * (summed + 1.0)).all()), difference.max()


def check_against_reference(graph, batch, dtype, slope, device, bias=True, long_ids=False):
    index, weight, b, x, g = operands(graph, batch, dtype, device)
    if long_ids:
        names = ("indptr", "indices", "source_indptr", "source_targets", "by_source")
        index = EdgeIndex(index.n_in, index.n_out, *(getattr(index, name).long() for name in names))
    b = b if bias else None
    ours, theirs = TritonCuda(), Reference()
    exact = [None if each is None else each.double() for each in (weight, b, x, g)]
    y, signs = ours.forward(index, weight, b, x, slope)
    z = theirs.forward(index, exact[0], exact[1], exact[2], None)[0]
    expected = z if slope is None else torch.where(z > 0, z, slope * z)
    size = theirs.spmm(index, exact[0].abs(), exact[2].abs()) + (0.0 if b is None else exact[1].abs()[:, None])
    assert_close(y, expected, size, dtype)
    assert (signs is None) == (slope is None)
    if slope is not None:
        assert_close(signs, z if slope < 0 else expected, size, dtype)
    before = g.clone()
    found = ours.backward(index, weight, x, signs, slope, g, (True, True, True))
    assert torch.equal(g, before)
    # the same signs for both: what rounds to zero is no question of the products
    inner = exact[3] if slope is None else torch.where(signs.double() > 0, exact[3], slope * exact[3])
    expected = theirs.backward(index, exact[0], exact[2], None, None, inner, (True, True, True))
    sizes = theirs.backward(index, exact[0].abs(), exact[2].abs(), None, None, inner.abs(), (True, True, True))
    for mine, right, summed in zip(found, expected, sizes, strict=True):
        assert_close(mine, right, 2 * summed, dtype)
    assert ours.backward(index, weight, x, signs, slope, g, (False, False, False)) == (None, None, None)


@anywhere
@pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
def test_equals_the_reference_on_the_zoo(graph, device):
    check_against_reference(graph, 5, torch.float32, 0.0, device)
    check_against_reference(graph, 3, torch.float64, -0.6, device)


@anywhere
@pytest.mark.parametrize("dtype", CLOSE, ids=str)
@pytest.mark.parametrize("slope", [None, 0.0, 0.01, -0.6])
def test_equals_the_reference_in_every_dtype_and_activation(dtype, slope, device):
    check_against_reference(zoo.GRAPHS["dense random"], 5, dtype, slope, device, long_ids=True)
    check_against_reference(zoo.GRAPHS["star in"], 17, dtype, slope, device, bias=False)


@anywhere
@pytest.mark.parametrize("batch", [0, 1, 16, 130])
def test_equals_the_reference_for_every_batch(batch, device):
    check_against_reference(zoo.GRAPHS["last row empty"], batch, torch.float32, 0.0, device)
    check_against_reference(zoo.GRAPHS["last row empty"], batch, torch.float64, None, device)


@anywhere
def test_long_rows_are_shared_between_programs(device):
    graph = ns.generators.erdos_renyi(400, 2, n_edges=700, rng=0)
    check_against_reference(graph, 3, torch.float64, 0.5, device)


@anywhere
def test_no_number_stays_none_and_infinity_is_cut_off(device):
    graph = ns.BipartiteGraph.from_edges([0, 1, 2], [0, 1, 2], n_in=3, n_out=3)
    index, x = EdgeIndex.of(graph, device), torch.tensor([[float("nan")], [-float("inf")], [2.0]], device=device)
    y, _ = TritonCuda().forward(index, torch.ones(3, device=device), None, x, 0.0)
    torch.testing.assert_close(y.flatten().tolist(), [float("nan"), 0.0, 2.0], equal_nan=True)


def test_why_not():
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    assert "CUDA" in TritonCuda().why_not(cpu, torch.float32)
    assert "float32, float64, float16, bfloat16" in TritonCuda().why_not(cuda, torch.int32)
    expected = None if find_spec("triton") else "triton is not installed"
    assert TritonCuda().why_not(cuda, torch.bfloat16) == expected


def test_triton_is_loaded_on_first_use_only():
    program = "import sys, netsparse.nn.kernels.triton_cuda as k; k.TritonCuda(); sys.exit('triton' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=120, check=False).returncode == 0


COMPILED = """
    import itertools, warnings
    import triton, triton.language as tl
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource
    from netsparse.nn.kernels import triton_cuda

    warnings.simplefilter("ignore")
    programs = triton_cuda._programs()
    CASES = {
        "multiply": [
            {"HAS_IDS": False, "HAS_BIAS": True, "KEEPS_Z": False, "SLOPE": 0.0},
            {"HAS_IDS": True, "HAS_BIAS": False, "KEEPS_Z": False, "SLOPE": None},
            {"HAS_IDS": False, "HAS_BIAS": True, "KEEPS_Z": True, "SLOPE": -0.6},
        ],
        "before_activation": [{"SLOPE": 0.01}],
        "at_edges": [{}],
    }
    for number, index in (("fp32", "i32"), ("fp64", "i64"), ("bf16", "i32")):
        sums = tl.float64 if number == "fp64" else tl.float32
        types = {name: "*" + index for name in ("indptr", "units", "edge_ids")} | {"batch": "i32"}
        for name, cases in CASES.items():
            program = programs[name]
            for case, batch in itertools.product(cases, (None, 1)):
                values = {**case, "EDGES": 16, "BATCH": 128, "SUMS": sums} | ({"batch": 1} if batch else {})
                values = {key: value for key, value in values.items() if key in program.arg_names}
                signature = {
                    key: "constexpr" if key in values else types.get(key, "*" + number) for key in program.arg_names
                }
                source = ASTSource(fn=program, signature=signature, constexprs=values)
                made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"enable_fp_fusion": True})
                assert made.asm["ptx"], (name, case)
"""


@needs_triton
@pytest.mark.slow
def test_every_program_compiles_for_a_gpu_that_is_not_there():
    program = textwrap.dedent(COMPILED)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
