// Inputs on their way into a model: normalised, and transposed to feature-major, in one pass.
#include <cstdint>
#include <cstring>
#include <utility>

#include "processor.h"

namespace {

template <typename T>
struct Wide {
    typedef T type __attribute__((vector_size(64)));
    static constexpr int lanes = 64 / sizeof(T);
};

template <typename T>
using Vec = typename Wide<T>::type;

// exchange the lanes of two rows that differ in one bit: half a step of transposing a square of vectors
template <typename T, int STEP, int... L>
inline void exchange(Vec<T>& a, Vec<T>& b, std::integer_sequence<int, L...>) {
    constexpr int n = Wide<T>::lanes;
    const Vec<T> low = __builtin_shufflevector(a, b, ((L & STEP) ? n + L - STEP : L)...);
    b = __builtin_shufflevector(a, b, ((L & STEP) ? n + L : L + STEP)...);
    a = low;
}

template <typename T, int STEP = 1>
inline void transpose(Vec<T>* rows) {
    constexpr int n = Wide<T>::lanes;
    if constexpr (STEP < n) {
        for (int k = 0; k < n; ++k)
            if (!(k & STEP)) exchange<T, STEP>(rows[k], rows[k + STEP], std::make_integer_sequence<int, n>());
        transpose<T, STEP * 2>(rows);
    }
}

// out[f, b] = (x[b, f] - mean) / std; the rows of x lie `stride` numbers apart
template <typename T>
void columns(const T* x, T* out, T mean, T std, int64_t n, int64_t batch, int64_t stride) {
    constexpr int lanes = Wide<T>::lanes;
    const int64_t n_blocks = (n + lanes - 1) / lanes;
#pragma omp parallel for schedule(static) if (n * batch > 20000)
    for (int64_t block = 0; block < n_blocks; ++block) {
        const int64_t first = block * lanes, last = first + lanes < n ? first + lanes : n;
        int64_t b = 0;
        if (last - first == lanes) {
            for (; b + lanes <= batch; b += lanes) {
                Vec<T> square[lanes];
                for (int k = 0; k < lanes; ++k) {
                    std::memcpy(&square[k], x + (b + k) * stride + first, sizeof square[k]);
                    square[k] = (square[k] - mean) / std;
                }
                transpose<T>(square);
                for (int k = 0; k < lanes; ++k) std::memcpy(out + (first + k) * batch + b, &square[k], sizeof square[k]);
            }
        }
        for (; b < batch; ++b)
            for (int64_t f = first; f < last; ++f) out[f * batch + b] = (x[b * stride + f] - mean) / std;
    }
}

}  // namespace

NETSPARSE_API void columns_float32(const float* x, float* out, float mean, float std, int64_t n, int64_t batch,
                                   int64_t stride) {
    columns(x, out, mean, std, n, batch, stride);
}

NETSPARSE_API void columns_float64(const double* x, double* out, double mean, double std, int64_t n, int64_t batch,
                                   int64_t stride) {
    columns(x, out, mean, std, n, batch, stride);
}
