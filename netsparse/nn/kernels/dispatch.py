"""Which kernel computes a layer: by name, or `auto`."""

from __future__ import annotations

from types import ModuleType

from netsparse.errors import unknown_name
from netsparse.graph import BipartiteGraph
from netsparse.nn.kernels import dense, reference, torch_csr

KERNELS: dict[str, ModuleType] = {"reference": reference, "torch_csr": torch_csr, "dense": dense}
"""Each offers `spmm`, `spmm_t`, `sddmm` on feature-major operands, and says whether it `is_sparse`."""


def kernel_name(backend: str, graph: BipartiteGraph) -> str:
    """Return the name of the kernel that `backend` means for `graph`.

    "auto" is `dense` for a complete graph, whose weights are a matrix as they lie, and `torch_csr` otherwise.

    Raises
    ------
    UnknownName
        The message lists the kernels.

    Examples
    --------
    >>> kernel_name("auto", BipartiteGraph.from_edges([0], [0], n_in=2, n_out=2))
    'torch_csr'
    """
    if backend == "auto":
        return "dense" if graph.n_edges == graph.n_in * graph.n_out else "torch_csr"
    if backend not in KERNELS:
        raise unknown_name("backend", backend, {"auto": None, **KERNELS})
    return backend
