// Products of a sparse layer on feature-major operands: x (n_in, batch), y and g (n_out, batch), one weight per edge.
//
// A row of a result is accumulated in registers over a tile of the batch while its edges stream by. Every number is
// owned by one thread and summed in the same order for any number of threads.
#include <omp.h>

#include "lanes.h"
#include "layer.h"
#include "processor.h"

constexpr long LINE = 64;  // bytes of a cache line
constexpr long AHEAD = 4;  // edges by which the backward pass asks for rows before it needs them (forward, nothing is gained)

// Ask for the N vectors of L numbers at `from`.
template <class T, int L, int N>
static inline void prefetch(const T* from) {
    for (int k = 0; k < N; ++k) __builtin_prefetch(from + k * L);
}

template <class T, class I>
static void forward(long n_out, long batch, int n_threads, const I* indptr, const I* indices, const T* weight,
                    const T* bias, const T* x, T* y, T* z, bool active, T slope) {
#pragma omp parallel num_threads(n_threads)
    {
        long first, end;
        own_rows(indptr, n_out, omp_get_thread_num(), omp_get_num_threads(), first, end);
        for_each_tile<T>(batch, [&](auto tile) {
            constexpr int L = tile.L, N = tile.N;
            for (long row = first; row < end; ++row) {
                Vector<T, L> sum[N] = {};
                for (long edge = indptr[row]; edge < indptr[row + 1]; ++edge) {
                    const T* from = x + indices[edge] * batch + tile.start;
                    const T w = weight[edge];
                    for (int k = 0; k < N; ++k) sum[k] += w * load<T, L>(from + k * L);
                }
                const long at = row * batch + tile.start;
                for (int k = 0; k < N; ++k) {
                    if (bias) sum[k] += bias[row];
                    if (z) store<T, L>(z + at + k * L, sum[k]);
                    store<T, L>(y + at + k * L, active ? activated(sum[k], slope) : sum[k]);
                }
            }
        });
    }
}

// The entries of g x^T at the edges of the rows [first, end).
template <class T, class I>
static void edge_products(long first, long end, long batch, const I* indptr, const I* indices, const T* x, const T* g,
                          T* grad_weight) {
    const long last = indptr[end];
    for_each_tile<T>(batch, [&](auto tile) {
        constexpr int L = tile.L, N = tile.N;
        for (long row = first; row < end; ++row) {
            Vector<T, L> own[N];
            for (int k = 0; k < N; ++k) own[k] = load<T, L>(g + row * batch + tile.start + k * L);
            for (long edge = indptr[row]; edge < indptr[row + 1]; ++edge) {
                const T* from = x + indices[edge] * batch + tile.start;
                if (edge + AHEAD < last) prefetch<T, L, N>(x + indices[edge + AHEAD] * batch + tile.start);
                Vector<T, L> sum = {};
                for (int k = 0; k < N; ++k) sum += own[k] * load<T, L>(from + k * L);
                grad_weight[edge] = tile.add_total(grad_weight[edge], sum);
            }
        }
    });
}

// W^T g of the sources [first, end) and, where `grad_weight` is given, g x^T at their edges: one load of a row of g
// serves both.
template <class T, class I, bool WITH_EDGES>
static void to_sources(long first, long end, long batch, const I* indptr, const I* targets, const I* edges,
                       const T* weight, const T* x, const T* g, T* grad_x, T* grad_weight) {
    const long last = indptr[end];
    for_each_tile<T>(batch, [&](auto tile) {
        constexpr int L = tile.L, N = tile.N;
        for (long row = first; row < end; ++row) {
            Vector<T, L> sum[N] = {}, own[N];
            if constexpr (WITH_EDGES)
                for (int k = 0; k < N; ++k) own[k] = load<T, L>(x + row * batch + tile.start + k * L);
            for (long at = indptr[row]; at < indptr[row + 1]; ++at) {
                const T* from = g + targets[at] * batch + tile.start;
                if (at + AHEAD < last) prefetch<T, L, N>(g + targets[at + AHEAD] * batch + tile.start);
                const long edge = edges[at];
                const T w = weight[edge];
                if constexpr (WITH_EDGES) {
                    Vector<T, L> product = {};
                    for (int k = 0; k < N; ++k) {
                        const Vector<T, L> value = load<T, L>(from + k * L);
                        sum[k] += w * value;
                        product += own[k] * value;
                    }
                    grad_weight[edge] = tile.add_total(grad_weight[edge], product);
                } else {
                    for (int k = 0; k < N; ++k) sum[k] += w * load<T, L>(from + k * L);
                }
            }
            for (int k = 0; k < N; ++k) store<T, L>(grad_x + row * batch + tile.start + k * L, sum[k]);
        }
    });
}

template <class T, class I>
static void backward(long n_in, long n_out, long batch, int n_threads, const I* indptr, const I* indices,
                     const I* source_indptr, const I* source_targets, const I* by_source, const T* weight, const T* x,
                     const T* g, const T* signs, T slope, T* before, T* grad_x, T* grad_weight, T* grad_bias) {
#pragma omp parallel num_threads(n_threads)
    {
        const long rank = omp_get_thread_num(), size = omp_get_num_threads();
        long first, end;
        if (signs || grad_bias) {
            // the edge products of the same rows may follow at once; those by source wait for every thread
            own_rows(indptr, n_out, rank, size, first, end);
            through_activation(first, end, batch, g, signs, slope, before, grad_bias);
        }
        const T* inner = signs ? before : g;
        // by source the edges' own numbers lie scattered: that pays where a row of the batch is longer than their line
        const bool together = grad_x && grad_weight && batch * long(sizeof(T)) > 2 * LINE;
        if (grad_weight && !together) {
            own_rows(indptr, n_out, rank, size, first, end);
            edge_products(first, end, batch, indptr, indices, x, inner, grad_weight);
        }
        if (grad_x) {
#pragma omp barrier
            own_rows(source_indptr, n_in, rank, size, first, end);
            if (together)
                to_sources<T, I, true>(first, end, batch, source_indptr, source_targets, by_source, weight, x, inner,
                                       grad_x, grad_weight);
            else
                to_sources<T, I, false>(first, end, batch, source_indptr, source_targets, by_source, weight, x, inner,
                                        grad_x, grad_weight);
        }
    }
}

#define NETSPARSE_PRODUCTS(NAME, T, I)                                                                                \
    NETSPARSE_API void netsparse_forward_##NAME(long n_out, long batch, int n_threads, const I* indptr,               \
                                                const I* indices, const T* weight, const T* bias, const T* x, T* y,   \
                                                T* z, int active, double slope) {                                     \
        forward<T, I>(n_out, batch, n_threads, indptr, indices, weight, bias, x, y, z, active != 0,                   \
                      static_cast<T>(slope));                                                                         \
    }                                                                                                                 \
    NETSPARSE_API void netsparse_backward_##NAME(                                                                     \
        long n_in, long n_out, long batch, int n_threads, const I* indptr, const I* indices, const I* source_indptr,  \
        const I* source_targets, const I* by_source, const T* weight, const T* x, const T* g, const T* signs,         \
        double slope, T* before, T* grad_x, T* grad_weight, T* grad_bias) {                                           \
        backward<T, I>(n_in, n_out, batch, n_threads, indptr, indices, source_indptr, source_targets, by_source,      \
                       weight, x, g, signs, static_cast<T>(slope), before, grad_x, grad_weight, grad_bias);           \
    }

NETSPARSE_PRODUCTS(f32_i32, float, int)
NETSPARSE_PRODUCTS(f32_i64, float, long)
NETSPARSE_PRODUCTS(f64_i32, double, int)
NETSPARSE_PRODUCTS(f64_i64, double, long)
