"""`SparseLinear`: a linear layer whose wiring is a `BipartiteGraph` and whose weights are one entry per edge."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from netsparse.nn.inputs import check_input
from netsparse.nn.kernels import SparseProduct
from netsparse.nn.layer import SparseLayer


class SparseLinear(SparseLayer):
    """A linear layer that stores and computes only the edges of `graph`, called like an `nn.Linear`.

    y_t = f(b_t + sum over edges e = (s, t) of w_e x_s). Nothing of size n_in x n_out exists, forward or backward
    (except with the `dense` backend). Inside, activations are feature-major: the result is the transposed view of a
    (n_out, batch) buffer, which elementwise functions keep and the next sparse layer reads without a copy.

    Parameters
    ----------
    graph : BipartiteGraph
        The wiring.
    bias : bool
        Whether each target unit has a bias, initially 0.
    activation : None, {"relu", "leaky_relu"} or float
        The function f: f(z) = z for z > 0, and elsewhere 0, 0.01 z or that number times z.
    backend : {"auto", "torch_csr", "dense", "reference"}
        Which kernel computes the products, see `netsparse.nn.kernels`.
    init : {"he_sparse", "he_dense", "glorot_uniform"}
        How the weights start, see `netsparse.nn.init`.
    rng : int or numpy.random.Generator, optional
        Source of the initial weights; None takes a seed from torch's own generator, as every `nn.Module` does.

    Attributes
    ----------
    graph : BipartiteGraph
        The current wiring; changed by `rewire` alone.
    weight : Parameter of shape (n_edges,)
        In canonical edge order.
    slope : float or None
        Of the activation on the negative side; None without one.
    kernel : str
        Name of the kernel that computed the last batch of a size not seen before, or would compute one of 128.
    name : str or None
        What errors call the layer; a model gives each of its own one.
    watch : callable or None
        Called in every backward pass as `watch(x, g)` with the inputs (n_in, batch) and the gradient of W x + b
        (n_out, batch), feature-major: what gradients of pairs that are no edges are made of.
    indptr, indices : buffers
        The wiring inside `state_dict`, so that a checkpoint carries its topology; loading one rewires the layer.

    Raises
    ------
    InvalidGraph, UnknownName, InvalidSeed
        If `graph` is none, or for an unknown activation, backend or init, or an impossible seed.

    Examples
    --------
    >>> import torch
    >>> from netsparse.graph import BipartiteGraph
    >>> graph = BipartiteGraph.from_edges([0, 2, 1], [0, 0, 1], n_in=3, n_out=2)
    >>> layer = SparseLinear(graph, rng=0)
    >>> layer(torch.ones(5, 3)).shape
    torch.Size([5, 2])
    """

    @property
    def in_features(self) -> int:
        """Number of source units, as nn.Linear calls it."""
        return self.graph.n_in

    @property
    def out_features(self) -> int:
        """Number of target units, as nn.Linear calls it."""
        return self.graph.n_out

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., n_in) to (..., n_out), any number of rows, none included.

        Raises
        ------
        InvalidSize, InvalidOption
            For another width, dtype or device, see `netsparse.nn.inputs.check_input`.
        """
        check_input(self, x)
        flat = x.dim() == 2
        columns = (x if flat else x.reshape(-1, self.n_in)).t().contiguous()
        batch = columns.shape[1]
        kernel = self._kernels.get(batch) or self.kernel_for(batch)
        weight, bias = self._parameters["weight"], self._parameters.get("bias")  # where they are kept: no search
        y: Any = SparseProduct.apply(columns, weight, bias, self._index, kernel, self.slope, self.watch)
        return y.t() if flat else y.t().reshape(*x.shape[:-1], self.n_out)
