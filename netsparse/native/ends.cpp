// The two ends of a model on feature-major operands: inputs on their way in, and a dense head of few outputs.
//
// Every output number is summed by one thread in an order that does not depend on how many threads there are.
#include <cstdint>
#include <cstring>

#include "processor.h"

namespace {

constexpr int VECTOR_BYTES = 64;

template <typename T>
struct Wide {
    typedef T type __attribute__((vector_size(VECTOR_BYTES)));
    static constexpr int lanes = VECTOR_BYTES / sizeof(T);
};

template <typename T>
using Vec = typename Wide<T>::type;

template <typename T>
inline Vec<T> load(const T* p) {
    Vec<T> v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

template <typename T>
inline void store(T* p, Vec<T> v) {
    std::memcpy(p, &v, sizeof v);
}

template <typename T>
inline T total(Vec<T> v) {
    T parts[Wide<T>::lanes];
    store(parts, v);
    for (int width = Wide<T>::lanes / 2; width > 0; width /= 2)
        for (int k = 0; k < width; ++k) parts[k] += parts[k + width];
    return parts[0];
}

// y[r, tile] = bias[r] + sum over s of w[r, s] h[s, tile] for R rows and a tile of N vectors
template <typename T, int R, int N>
void forward_tile(const T* w, const T* bias, const T* h, T* y, int64_t n_in, int64_t batch) {
    constexpr int lanes = Wide<T>::lanes;
    Vec<T> sums[R][N];
    for (int r = 0; r < R; ++r)
        for (int k = 0; k < N; ++k) sums[r][k] = Vec<T>{} + (bias ? bias[r] : T(0));
    for (int64_t s = 0; s < n_in; ++s) {
        Vec<T> x[N];
        for (int k = 0; k < N; ++k) x[k] = load(h + s * batch + k * lanes);
        for (int r = 0; r < R; ++r) {
            const T value = w[r * n_in + s];
            for (int k = 0; k < N; ++k) sums[r][k] += value * x[k];
        }
    }
    for (int r = 0; r < R; ++r)
        for (int k = 0; k < N; ++k) store(y + r * batch + k * lanes, sums[r][k]);
}

template <typename T>
void forward_column(const T* w, const T* bias, const T* h, T* y, int64_t n_out, int64_t n_in, int64_t batch) {
    for (int64_t r = 0; r < n_out; ++r) {
        T sum = bias ? bias[r] : T(0);
        for (int64_t s = 0; s < n_in; ++s) sum += w[r * n_in + s] * h[s * batch];
        y[r * batch] = sum;
    }
}

template <typename T, int N>
void forward_rows(const T* w, const T* bias, const T* h, T* y, int64_t n_out, int64_t n_in, int64_t batch) {
    int64_t r = 0;
#define NETSPARSE_ROWS(R)                                                                                 \
    for (; r + R <= n_out; r += R)                                                                        \
        forward_tile<T, R, N>(w + r * n_in, bias ? bias + r : nullptr, h, y + r * batch, n_in, batch);
    NETSPARSE_ROWS(10)
    NETSPARSE_ROWS(5)
    NETSPARSE_ROWS(2)
    NETSPARSE_ROWS(1)
#undef NETSPARSE_ROWS
}

template <typename T>
void forward(const T* w, const T* bias, const T* h, T* y, int64_t n_out, int64_t n_in, int64_t batch) {
    constexpr int lanes = Wide<T>::lanes, wide = 2 * lanes;
    const int64_t n_wide = batch / wide, rest = batch - n_wide * wide;
    const int64_t n_tasks = n_wide + (rest > 0);
#pragma omp parallel for schedule(static) if (n_tasks > 1 && n_out * n_in * batch > 50000)
    for (int64_t task = 0; task < n_tasks; ++task) {
        int64_t b = task * wide;
        if (task < n_wide) {
            forward_rows<T, 2>(w, bias, h + b, y + b, n_out, n_in, batch);
            continue;
        }
        if (b + lanes <= batch) {
            forward_rows<T, 1>(w, bias, h + b, y + b, n_out, n_in, batch);
            b += lanes;
        }
        for (; b < batch; ++b) forward_column(w, bias, h + b, y + b, n_out, n_in, batch);
    }
}

// for the sources [first, last): grad_h[s] = sum over r of w[r, s] g[r], grad_w[r, s] = g[r] . h[s]
template <typename T>
void backward_sources(const T* w, const T* h, const T* g, T* grad_h, T* grad_w, int64_t first, int64_t last,
                      int64_t n_out, int64_t n_in, int64_t batch) {
    constexpr int lanes = Wide<T>::lanes;
    for (int64_t s = first; s < last; ++s) {
        if (grad_h) {
            T* out = grad_h + s * batch;
            int64_t b = 0;
            for (; b + 4 * lanes <= batch; b += 4 * lanes) {
                Vec<T> sums[4] = {};
                for (int64_t r = 0; r < n_out; ++r) {
                    const T value = w[r * n_in + s];
                    for (int k = 0; k < 4; ++k) sums[k] += value * load(g + r * batch + b + k * lanes);
                }
                for (int k = 0; k < 4; ++k) store(out + b + k * lanes, sums[k]);
            }
            for (; b + lanes <= batch; b += lanes) {
                Vec<T> sum = {};
                for (int64_t r = 0; r < n_out; ++r) sum += w[r * n_in + s] * load(g + r * batch + b);
                store(out + b, sum);
            }
            for (; b < batch; ++b) {
                T sum = 0;
                for (int64_t r = 0; r < n_out; ++r) sum += w[r * n_in + s] * g[r * batch + b];
                out[b] = sum;
            }
        }
        if (grad_w) {
            const T* x = h + s * batch;
            for (int64_t r = 0; r < n_out; ++r) {
                const T* gr = g + r * batch;
                Vec<T> even = {}, odd = {};
                int64_t b = 0;
                for (; b + 2 * lanes <= batch; b += 2 * lanes) {
                    even += load(gr + b) * load(x + b);
                    odd += load(gr + b + lanes) * load(x + b + lanes);
                }
                for (; b + lanes <= batch; b += lanes) even += load(gr + b) * load(x + b);
                T sum = total<T>(even + odd);
                for (; b < batch; ++b) sum += gr[b] * x[b];
                grad_w[r * n_in + s] = sum;
            }
        }
    }
}

template <typename T>
void backward(const T* w, const T* h, const T* g, T* grad_h, T* grad_w, int64_t n_out, int64_t n_in, int64_t batch) {
    constexpr int64_t block = 16;
    const int64_t n_blocks = (n_in + block - 1) / block;
#pragma omp parallel for schedule(static) if (n_out * n_in * batch > 50000)
    for (int64_t k = 0; k < n_blocks; ++k) {
        const int64_t last = (k + 1) * block < n_in ? (k + 1) * block : n_in;
        backward_sources(w, h, g, grad_h, grad_w, k * block, last, n_out, n_in, batch);
    }
}

// out[f, b] = (x[b, f] - mean) / std, the rows of x `stride` numbers apart
template <typename T>
void columns(const T* x, T* out, T mean, T std, int64_t n, int64_t batch, int64_t stride) {
    constexpr int64_t width = VECTOR_BYTES / sizeof(T);
    const int64_t n_blocks = (n + width - 1) / width;
    const bool plain = mean == T(0) && std == T(1);
#pragma omp parallel for schedule(static) if (n * batch > 20000)
    for (int64_t k = 0; k < n_blocks; ++k) {
        const int64_t last = (k + 1) * width < n ? (k + 1) * width : n;
        for (int64_t from = 0; from < batch; from += 128) {
            const int64_t to = from + 128 < batch ? from + 128 : batch;
            for (int64_t f = k * width; f < last; ++f) {
                T* row = out + f * batch;
                const T* column = x + f;
                for (int64_t b = from; b < to; ++b) row[b] = column[b * stride];
                if (!plain)
                    for (int64_t b = from; b < to; ++b) row[b] = (row[b] - mean) / std;
            }
        }
    }
}

}  // namespace

#define NETSPARSE_ENDS(T, name)                                                                                       \
    NETSPARSE_API void head_forward_##name(const T* w, const T* bias, const T* h, T* y, int64_t n_out, int64_t n_in,  \
                                           int64_t batch) {                                                           \
        forward<T>(w, bias, h, y, n_out, n_in, batch);                                                                \
    }                                                                                                                 \
    NETSPARSE_API void head_backward_##name(const T* w, const T* h, const T* g, T* grad_h, T* grad_w, int64_t n_out,  \
                                            int64_t n_in, int64_t batch) {                                            \
        backward<T>(w, h, g, grad_h, grad_w, n_out, n_in, batch);                                                     \
    }                                                                                                                 \
    NETSPARSE_API void columns_##name(const T* x, T* out, T mean, T std, int64_t n, int64_t batch, int64_t stride) {  \
        columns<T>(x, out, mean, std, n, batch, stride);                                                              \
    }

NETSPARSE_ENDS(float, float32)
NETSPARSE_ENDS(double, float64)
