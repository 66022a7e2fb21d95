// The weights closest to zero, found in a pass over them: what most rewiring rules drop.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "processor.h"

namespace {

using Wide = std::int64_t;

// Values closest to zero among those that it is shown, in the order of their ids: `wanted` of them, and all as far away
// as the last of these.
//
// Whatever lies within reach is kept, and the reach shrinks to the last wanted distance whenever twice as much is kept
// as is needed: few values are looked at more than once, in whatever order they come.
template <class T>
class Nearest {
public:
    explicit Nearest(Wide wanted)
        : wanted_(wanted), reach_(wanted > 0 ? std::numeric_limits<T>::max() : T(-1)), kept_(room(wanted)) {}

    T reach() const { return reach_; }

    void see(Wide id, T distance) {  // written in any case: whether it is within reach cannot be foreseen
        kept_[n_kept_] = {distance, id};
        n_kept_ += distance <= reach_;
        if (n_kept_ == static_cast<Wide>(kept_.size())) shrink();
    }

    // `below` takes the ids that go in any case; where not all of the largest distance do, `ties` takes those, of which
    // wanted - n_below go. Both increase. False where there are fewer values than wanted.
    bool result(Wide* below, Wide* n_below, Wide* ties, Wide* n_ties) {
        *n_below = *n_ties = 0;
        if (wanted_ == 0) return true;
        if (n_kept_ < wanted_) return false;
        shrink();
        const bool all = n_kept_ == wanted_;
        for (Wide k = 0; k < n_kept_; ++k) {
            if (all || kept_[k].distance < reach_)
                below[(*n_below)++] = kept_[k].id;
            else
                ties[(*n_ties)++] = kept_[k].id;
        }
        return true;
    }

private:
    struct Kept {
        T distance;
        Wide id;
    };

    static Wide room(Wide n) { return 2 * n + 4; }

    void shrink() {
        ordered_.resize(n_kept_);
        for (Wide k = 0; k < n_kept_; ++k) ordered_[k] = kept_[k].distance;
        std::nth_element(ordered_.begin(), ordered_.begin() + (wanted_ - 1), ordered_.end());
        reach_ = ordered_[wanted_ - 1];
        Wide n = 0;
        for (Wide k = 0; k < n_kept_; ++k) {
            const Kept one = kept_[k];
            kept_[n] = one;
            n += one.distance <= reach_;
        }
        n_kept_ = n;
        if (room(n) > static_cast<Wide>(kept_.size())) kept_.resize(room(n));
    }

    Wide wanted_, n_kept_ = 0;
    T reach_;
    std::vector<Kept> kept_;
    std::vector<T> ordered_;
};

constexpr Wide BLOCK = 32;

// Calls `look(id)` for the ids in every block that has a value no further from zero than `reach()` says.
template <class T, class Reach, class Look>
void for_each_near(Wide n, const T* values, Reach reach, Look look) {
    for (Wide start = 0; start < n; start += BLOCK) {
        const Wide end = std::min(n, start + BLOCK);
        const T limit = reach();
        int inside = 0;
        for (Wide i = start; i < end; ++i) inside += std::abs(values[i]) <= limit;
        if (inside == 0) continue;
        for (Wide i = start; i < end; ++i) look(i);
    }
}

// The `wanted` edges that go sign by sign: those of weight zero first, then of each sign in proportion to its number.
// `below` takes what goes in any case, increasing; of `ties`, those of the last positive distance and, behind them,
// those of the last negative one, numbers[1] and numbers[3] remain to be drawn; where there are more zeros than wanted,
// they are the ties. False where there are not enough finite values.
// numbers: n_below, positive missing, positive ties, negative missing, negative ties.
template <class T>
bool sign_wise(Wide n, const T* values, Wide wanted, Wide* below, Wide* ties, Wide* numbers) {
    Wide n_negative = 0, n_positive = 0, n_zero = 0;
    for (Wide start = 0; start < n; start += 4096) {  // counted in numbers as narrow as the values
        const Wide end = std::min(n, start + 4096);
        std::int32_t negative = 0, positive = 0, zero = 0;
        for (Wide i = start; i < end; ++i) {
            negative += values[i] < 0;
            positive += values[i] > 0;
            zero += values[i] == 0;
        }
        n_negative += negative;
        n_positive += positive;
        n_zero += zero;
    }
    const Wide n_signed = n_negative + n_positive;
    if (n_signed + n_zero < n) return false;  // there is a NaN
    std::fill(numbers, numbers + 5, 0);
    const bool zeros_are_drawn = wanted < n_zero;
    Wide n_zeros = 0;
    for (Wide i = 0; n_zeros < n_zero; ++i)
        if (values[i] == 0) (zeros_are_drawn ? ties : below)[n_zeros++] = i;
    if (wanted <= n_zero) {
        numbers[0] = zeros_are_drawn ? 0 : n_zero;
        numbers[1] = zeros_are_drawn ? wanted : 0;
        numbers[2] = zeros_are_drawn ? n_zero : 0;
        return true;
    }
    Wide n_below = n_zero;
    const double shared = static_cast<double>(wanted - n_zero) * n_positive / n_signed;
    const Wide from_positive = static_cast<Wide>(std::nearbyint(shared));
    const Wide from_negative = wanted - n_zero - from_positive;
    Nearest<T> above(from_positive), beneath(from_negative);
    for_each_near(
        n, values, [&] { return std::max(above.reach(), beneath.reach()); },
        [&](Wide i) {
            const T value = values[i], far = std::numeric_limits<T>::infinity();
            above.see(i, value > 0 ? value : far);
            beneath.see(i, value < 0 ? -value : far);
        });
    Wide found = 0;
    if (!above.result(below + n_below, &found, ties, numbers + 2)) return false;
    n_below += found;
    numbers[1] = from_positive - found;
    if (!beneath.result(below + n_below, &found, ties + numbers[2], numbers + 4)) return false;
    numbers[0] = n_below + found;
    numbers[3] = from_negative - found;
    std::sort(below, below + numbers[0]);
    return true;
}

// The same for all signs together: there are only positive ties, so to say.
template <class T>
bool any_sign(Wide n, const T* values, Wide wanted, Wide* below, Wide* ties, Wide* numbers) {
    numbers[3] = numbers[4] = 0;
    Nearest<T> nearest(wanted);
    for_each_near(n, values, [&] { return nearest.reach(); }, [&](Wide i) { nearest.see(i, std::abs(values[i])); });
    if (!nearest.result(below, numbers, ties, numbers + 2)) return false;
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
