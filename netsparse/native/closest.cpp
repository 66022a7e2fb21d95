// The weights closest to zero, found in one pass over them: what most rewiring rules drop.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "processor.h"

namespace {

using Wide = std::int64_t;

// Distance from zero of a value of the wanted sign (0: any), infinite for another one.
template <int sign, class T>
inline T distance(T value) {
    const T size = value < 0 ? -value : value;
    const bool wanted = sign == 0 || (sign > 0 ? value > 0 : value < 0);
    return wanted ? size : std::numeric_limits<T>::infinity();
}

// A distance that most probably holds a few more than `wanted` values, by a sample of them.
template <int sign, class T>
T likely_reach(Wide n, const T* values, Wide wanted) {
    const Wide n_sample = std::min<Wide>(1024, n / 32);
    const double share = static_cast<double>(wanted) / n * n_sample;  // of all values: other signs are infinitely far
    const Wide rank = static_cast<Wide>(share + 4.0 * std::sqrt(share) + 8.0);
    const T all = std::numeric_limits<T>::max();
    if (rank >= n_sample) return all;
    std::vector<T> sample(n_sample);
    for (Wide k = 0; k < n_sample; ++k) sample[k] = distance<sign>(values[k * n / n_sample]);
    std::nth_element(sample.begin(), sample.begin() + rank, sample.end());
    return std::min(all, sample[rank]);
}

// The `wanted` values of a sign that are closest to zero: `below` takes the ids that go in any case, `ties` those of the
// largest distance, of which `wanted - n_below` go; both increase. False where there are fewer (finite) ones.
//
// One pass over all values keeps those within a likely reach; where that misled, all are kept: the result never
// depends on it.
template <int sign, class T>
bool closest(Wide n, const T* values, Wide wanted, Wide* below, Wide* n_below, Wide* ties, Wide* n_ties) {
    *n_below = *n_ties = 0;
    if (wanted == 0) return true;
    std::vector<Wide> ids;
    std::vector<T> distances;
    const T all = std::numeric_limits<T>::max();
    for (T reach = likely_reach<sign>(n, values, wanted);; reach = all) {
        ids.clear();
        distances.clear();
        constexpr Wide BLOCK = 256;
        for (Wide start = 0; start < n; start += BLOCK) {
            const Wide end = std::min(n, start + BLOCK);
            int inside = 0;
            for (Wide i = start; i < end; ++i) inside += distance<sign>(values[i]) <= reach;
            if (inside == 0) continue;
            for (Wide i = start; i < end; ++i) {
                const T d = distance<sign>(values[i]);
                if (d <= reach) {
                    ids.push_back(i);
                    distances.push_back(d);
                }
            }
        }
        if (static_cast<Wide>(ids.size()) >= wanted) break;
        if (reach == all) return false;
    }
    std::vector<T> ordered(distances);
    std::nth_element(ordered.begin(), ordered.begin() + (wanted - 1), ordered.end());
    const T last = ordered[wanted - 1];
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (distances[i] < last) below[(*n_below)++] = ids[i];
        if (distances[i] == last) ties[(*n_ties)++] = ids[i];
    }
    return true;
}

// The `wanted` edges that go sign by sign: those of weight zero first, then of each sign in proportion to its number.
// `below` takes what goes in any case; of `ties`, those of the last positive distance and, behind them, those of the
// last negative one, numbers[1] and numbers[3] remain to be drawn.
// numbers: n_below, positive missing, positive ties, negative missing, negative ties.
template <class T>
bool sign_wise(Wide n, const T* values, Wide wanted, Wide* below, Wide* ties, Wide* numbers) {
    Wide n_negative = 0, n_positive = 0;
    for (Wide i = 0; i < n; ++i) {
        n_negative += values[i] < 0;
        n_positive += values[i] > 0;
    }
    const Wide n_signed = n_negative + n_positive, n_zero = n - n_signed;
    if (wanted <= n_zero) return false;  // zeros alone are drawn from: no work for this
    Wide n_below = 0;
    for (Wide i = 0; n_below < n_zero; ++i)
        if (values[i] == 0) below[n_below++] = i;
    const double shared = static_cast<double>(wanted - n_zero) * n_positive / n_signed;
    const Wide from_positive = static_cast<Wide>(std::nearbyint(shared));
    const Wide from_negative = wanted - n_zero - from_positive;
    Wide found = 0;
    if (!closest<1>(n, values, from_positive, below + n_below, &found, ties, numbers + 2)) return false;
    n_below += found;
    numbers[1] = from_positive - found;
    if (!closest<-1>(n, values, from_negative, below + n_below, &found, ties + numbers[2], numbers + 4)) return false;
    numbers[0] = n_below + found;
    numbers[3] = from_negative - found;
    return true;
}

// The same for all signs together: there are only positive ties, so to say.
template <class T>
bool any_sign(Wide n, const T* values, Wide wanted, Wide* below, Wide* ties, Wide* numbers) {
    numbers[3] = numbers[4] = 0;
    if (!closest<0>(n, values, wanted, below, numbers, ties, numbers + 2)) return false;
    numbers[1] = wanted - numbers[0];
    return true;
}

}  // namespace

#define NETSPARSE_FOR_VALUES(T, suffix)                                                                              \
    NETSPARSE_API int netsparse_sign_wise_##suffix(Wide n, const T* values, Wide wanted, Wide* below, Wide* ties,    \
                                                   Wide* numbers) {                                                  \
        return sign_wise<T>(n, values, wanted, below, ties, numbers);                                                \
    }                                                                                                                \
    NETSPARSE_API int netsparse_any_sign_##suffix(Wide n, const T* values, Wide wanted, Wide* below, Wide* ties,     \
                                                  Wide* numbers) {                                                   \
        return any_sign<T>(n, values, wanted, below, ties, numbers);                                                 \
    }

NETSPARSE_FOR_VALUES(float, float32)
NETSPARSE_FOR_VALUES(double, float64)
