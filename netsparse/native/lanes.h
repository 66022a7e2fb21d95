// Vectors of lanes over the batch, and the tiles a batch is cut into so that accumulators stay in registers.
#pragma once

#include <cstring>
#include <type_traits>

#if defined(__AVX512F__)
constexpr int WIDEST = 64, DEEPEST = 8;  // bytes in a vector, vectors in a tile
#elif defined(__AVX2__)
constexpr int WIDEST = 32, DEEPEST = 4;
#else
constexpr int WIDEST = 16, DEEPEST = 4;
#endif

template <class T>
constexpr int LANES = WIDEST / sizeof(T);

template <class T, int L>
struct Lanes {
    typedef T type __attribute__((vector_size(L * sizeof(T))));
    typedef T loose __attribute__((vector_size(L * sizeof(T)), aligned(sizeof(T)), may_alias));
};
template <class T>
struct Lanes<T, 1> {  // compilers keep a vector of one in memory, a number in a register
    typedef T type, loose;
};
template <class T, int L>
using Vector = typename Lanes<T, L>::type;

template <class T, int L>
inline Vector<T, L> load(const T* from) {
    return *reinterpret_cast<const typename Lanes<T, L>::loose*>(from);
}
template <class T, int L>
inline void store(T* to, Vector<T, L> value) {
    *reinterpret_cast<typename Lanes<T, L>::loose*>(to) = value;
}

// Sum over the lanes, always in the same order.
template <class T, int L>
inline T total(Vector<T, L> value) {
    if constexpr (L == 1) {
        return value;
    } else {
        Vector<T, L / 2> low, high;
        std::memcpy(&low, &value, sizeof low);
        std::memcpy(&high, reinterpret_cast<const char*>(&value) + sizeof low, sizeof high);
        return total<T, L / 2>(low + high);
    }
}

// N vectors of L lanes, beginning at column `start` of the batch. Where it OVERLAPS the tile before, that one has done
// its first `seen` columns: writing them again does no harm, counting them again in a sum over the batch would.
template <int L_, int N_, bool OVERLAPS>
struct Tile {
    static constexpr int L = L_, N = N_;
    long start;
    int seen;

    // The sum over the lanes without the columns that the tile before has counted.
    template <class T>
    T own_total(Vector<T, L> value) const {
        if constexpr (OVERLAPS && L > 1)
            for (int lane = 0; lane < seen; ++lane) value[lane] = T(0);
        return total<T, L>(value);
    }

    template <class T>
    T add_total(T before, Vector<T, L> value) const {
        return start ? before + own_total<T>(value) : own_total<T>(value);
    }
};

template <int L, int N, class F>
inline void tiles_of(long batch, long& start, F&& function) {
    for (; batch - start >= L * N; start += L * N) function(Tile<L, N, false>{start, 0});
    if constexpr (N > 1) tiles_of<L, N / 2>(batch, start, function);
}

// What is left over is done in one more vector that ends with the batch and overlaps the one before; a batch below one
// vector in narrower ones.
template <int L, class F>
inline void rest_of(long batch, long start, F&& function) {
    if (start == batch) return;
    if (batch >= L) {
        function(Tile<L, 1, true>{batch - L, static_cast<int>(start - (batch - L))});
    } else if constexpr (L > 1) {
        for (; batch - start >= L / 2; start += L / 2) function(Tile<L / 2, 1, false>{start, 0});
        rest_of<L / 2>(batch, start, function);
    }
}

// Call `function(tile)` for tiles that cover the columns 0 ... batch - 1, in a fixed order.
template <class T, class F>
inline void for_each_tile(long batch, F&& function) {
    long start = 0;
    tiles_of<LANES<T>, DEEPEST>(batch, start, function);
    rest_of<LANES<T>>(batch, start, function);
}
