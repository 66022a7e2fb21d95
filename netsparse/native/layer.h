// What layers of every kind share: rows shared out between threads, the activation and the way back through it.
#pragma once

#include "lanes.h"

// Rows [first, end) of thread `rank` of `size`: equally many edges each, a row itself counting as two.
template <class I>
static void own_rows(const I* indptr, long n_rows, long rank, long size, long& first, long& end) {
    const double work = static_cast<double>(indptr[n_rows]) + 2.0 * n_rows;
    auto bisect = [&](long part) {
        const double goal = work * part / size;
        long low = 0, high = n_rows;
        while (low < high) {
            const long middle = (low + high) / 2;
            if (static_cast<double>(indptr[middle]) + 2.0 * middle < goal)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    };
    first = bisect(rank);
    end = rank + 1 == size ? n_rows : bisect(rank + 1);
}

// f(z) = z for z > 0 and slope z elsewhere; a slope of 0 makes 0 of -inf, and NaN stays.
template <class V, class T>
static inline V activated(V z, T slope) {
    if (slope == T(0)) return z <= T(0) ? V{} : z;
    return z > T(0) ? z : z * slope;
}

template <class V, class T>
static inline V before_activation(V g, V sign, T slope) {
    if (slope == T(0)) return sign > T(0) ? g : V{};
    return sign > T(0) ? g : g * slope;
}

// g' = g f'(z), written to `before` where there is an activation, and its batch sum, the gradient of the bias.
template <class T>
static void through_activation(long first, long end, long batch, const T* g, const T* signs, T slope, T* before,
                               T* grad_bias) {
    for_each_tile<T>(batch, [&](auto tile) {
        constexpr int L = tile.L, N = tile.N;
        for (long row = first; row < end; ++row) {
            Vector<T, L> sum = {};
            for (int k = 0; k < N; ++k) {
                const long at = row * batch + tile.start + k * L;
                Vector<T, L> value = load<T, L>(g + at);
                if (signs) {
                    value = before_activation(value, load<T, L>(signs + at), slope);
                    store<T, L>(before + at, value);
                }
                sum += value;
            }
            if (grad_bias) grad_bias[row] = tile.add_total(grad_bias[row], sum);
        }
    });
}
