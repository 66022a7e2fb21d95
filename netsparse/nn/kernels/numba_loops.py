"""The loops of the `numba_cpu` kernel, compiled on first use and kept on disk for the next process.

Imported by `numba_cpu` alone, and late: importing numba takes longer than most programs need no numba for.
Activations are feature-major: the inner loops run over the batch, which is contiguous. Four edges at a time share the
loads and stores of the row they add to. A row is summed by one thread, in the order of its edges.
"""

from __future__ import annotations

from numba import njit

# contracted: a multiply-add rounds once; reassociated: sums over the batch run in lanes; NaN and inf keep their laws
_LOOPS = {"nogil": True, "cache": True, "fastmath": {"contract", "reassoc", "nsz"}, "error_model": "numpy"}


@njit(**_LOOPS)
def _add_rows(start, end, columns, edges, weight, x, out):
    """Add w x over the entries `start` ... `end` - 1 of an index to the row `out`; `edges` empty: entries are edges."""
    permuted = len(edges) > 0
    at = start
    while at + 4 <= end:
        e0, e1, e2, e3 = at, at + 1, at + 2, at + 3
        if permuted:
            e0, e1, e2, e3 = edges[at], edges[at + 1], edges[at + 2], edges[at + 3]
        w0, w1, w2, w3 = weight[e0], weight[e1], weight[e2], weight[e3]
        x0, x1, x2, x3 = x[columns[at]], x[columns[at + 1]], x[columns[at + 2]], x[columns[at + 3]]
        for b in range(len(out)):
            out[b] = out[b] + w0 * x0[b] + w1 * x1[b] + w2 * x2[b] + w3 * x3[b]
        at += 4
    while at < end:
        w0, x0 = weight[edges[at] if permuted else at], x[columns[at]]
        for b in range(len(out)):
            out[b] = out[b] + w0 * x0[b]
        at += 1


@njit(**_LOOPS)
def forward(first, end, indptr, indices, weight, bias, x, y, z, active, slope):
    """Fill the rows `first` ... `end` - 1 of y = f(W x + b), and of z = W x + b unless it is empty."""
    for row in range(first, end):
        out = y[row]
        out[:] = bias[row] if len(bias) else weight.dtype.type(0)
        _add_rows(indptr[row], indptr[row + 1], indices, indices[:0], weight, x, out)
        if len(z):
            z[row] = out
        if active and slope == 0:
            for b in range(len(out)):
                out[b] = weight.dtype.type(0) if out[b] <= 0 else out[b]
        elif active:
            for b in range(len(out)):
                out[b] = out[b] if out[b] > 0 else out[b] * slope


@njit(**_LOOPS)
def _through_activation(first, end, g, signs, slope, before, grad_bias):
    for row in range(first, end):
        if len(signs):
            for b in range(g.shape[1]):
                low = g.dtype.type(0) if slope == 0 else g[row, b] * slope
                before[row, b] = g[row, b] if signs[row, b] > 0 else low
        if len(grad_bias):
            total = g.dtype.type(0)
            for b in range(g.shape[1]):
                total += before[row, b]
            grad_bias[row] = total


@njit(**_LOOPS)
def _edge_products(first, end, indptr, indices, x, g, out):
    for row in range(first, end):
        own = g[row]
        at, stop = indptr[row], indptr[row + 1]
        while at + 4 <= stop:
            x0, x1, x2, x3 = x[indices[at]], x[indices[at + 1]], x[indices[at + 2]], x[indices[at + 3]]
            s0 = s1 = s2 = s3 = g.dtype.type(0)
            for b in range(len(own)):
                s0 += own[b] * x0[b]
                s1 += own[b] * x1[b]
                s2 += own[b] * x2[b]
                s3 += own[b] * x3[b]
            out[at], out[at + 1], out[at + 2], out[at + 3] = s0, s1, s2, s3
            at += 4
        while at < stop:
            x0, s0 = x[indices[at]], g.dtype.type(0)
            for b in range(len(own)):
                s0 += own[b] * x0[b]
            out[at] = s0
            at += 1


@njit(**_LOOPS)
def by_target(first, end, indptr, indices, x, g, signs, slope, before, grad_weight, grad_bias):
    """Fill the rows `first` ... `end` - 1 of g' = g f'(W x + b) and what comes of them, each unless it is empty."""
    _through_activation(first, end, g, signs, slope, before, grad_bias)
    if len(grad_weight):
        _edge_products(first, end, indptr, indices, x, before, grad_weight)


@njit(**_LOOPS)
def to_sources(first, end, indptr, targets, edges, weight, g, grad_x):
    """Fill the rows `first` ... `end` - 1 of W^T g."""
    for row in range(first, end):
        grad_x[row] = weight.dtype.type(0)
        _add_rows(indptr[row], indptr[row + 1], targets, edges, weight, g, grad_x[row])
