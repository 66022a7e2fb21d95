// The linear merge behind `netsparse.graph.apply`, and what follows an edge through it.
//
// Edges are in CSR order by target, so a change of k edges leaves all others in runs that move as a whole. Only the
// removed ids and the added pairs are sorted, and only where they do not come sorted. Ids are int32 or int64.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "processor.h"

namespace {

using Wide = std::int64_t;

constexpr int DONE = 0, DONE_UNSORTED = 1, REFUSED = 2;

// Runs are short where many edges change: a call to memcpy for three numbers costs more than moving them.
template <class T>
inline void copy_run(T* to, const T* from, Wide n) {
    if (n > 32) {
        std::memcpy(to, from, n * sizeof(T));
    } else {
        for (Wide i = 0; i < n; ++i) to[i] = from[i];
    }
}

// Calls `run(old, now, n)` for every run of n survivors, whose ids were old, old + 1, ... and are now, now + 1, ...
// Both lists increase: the old ids of the removed, the new ids of the newborn.
template <class Id, class Run>
void for_each_run(Wide n_before, Wide n_removed, const Id* removed, Wide n_born, const Id* born, Run run) {
    Wide old = 0, now = 0, r = 0, b = 0;
    while (r < n_removed || b < n_born) {
        const Wide until_gone = r < n_removed ? removed[r] - old : n_before - old;
        const Wide until_born = b < n_born ? born[b] - now : until_gone;
        const Wide n = std::min(until_gone, until_born);
        run(old, now, n);
        old += n;
        now += n;
        if (r < n_removed && until_gone == n) {
            ++old;
            ++r;
        } else {
            ++now;
            ++b;
        }
    }
    run(old, now, n_before - old);
}

template <class T, class Id>
void carry_values(Wide n_before, Wide n_removed, const Id* removed, Wide n_born, const Id* born, const T* values, T* out) {
    for_each_run(n_before, n_removed, removed, n_born, born,
                 [=](Wide old, Wide now, Wide n) { copy_run(out + now, values + old, n); });
}

template <class Id>
void carry_rows(Wide n_before, Wide n_removed, const Id* removed, Wide n_born, const Id* born, Wide width,
                const char* values, char* out) {
    if (width == 4) {
        carry_values(n_before, n_removed, removed, n_born, born, reinterpret_cast<const std::int32_t*>(values),
                     reinterpret_cast<std::int32_t*>(out));
    } else if (width == 8) {
        carry_values(n_before, n_removed, removed, n_born, born, reinterpret_cast<const std::int64_t*>(values),
                     reinterpret_cast<std::int64_t*>(out));
    } else {
        for_each_run(n_before, n_removed, removed, n_born, born, [=](Wide old, Wide now, Wide n) {
            std::memcpy(out + now * width, values + old * width, n * width);
        });
    }
}

// The same within an array that keeps its length: `spare` has room for it; newborn entries become zero bytes.
template <class Id>
void carry_within(Wide n, Wide n_changed, const Id* removed, const Id* born, Wide width, char* values, char* spare) {
    if (n_changed == 0) return;
    std::memcpy(spare, values, n * width);
    carry_rows<Id>(n, n_changed, removed, n_changed, born, width, spare, values);
    for (Wide b = 0; b < n_changed; ++b) std::memset(values + born[b] * width, 0, width);
}

// The places of the added pairs in canonical order; empty where they came in it. `fits` becomes false for units that do
// not exist and for a pair that is added twice.
std::vector<Wide> canonical_order(Wide n, const Wide* sources, const Wide* targets, Wide n_in, Wide n_out, bool& fits) {
    std::vector<std::pair<Wide, Wide>> keyed(n);
    bool sorted = true;
    for (Wide i = 0; i < n; ++i) {
        fits = fits && sources[i] >= 0 && sources[i] < n_in && targets[i] >= 0 && targets[i] < n_out;
        if (!fits) return {};
        keyed[i] = {targets[i] * n_in + sources[i], i};
        sorted = sorted && (i == 0 || keyed[i - 1].first < keyed[i].first);
    }
    if (sorted) return {};
    std::sort(keyed.begin(), keyed.end());
    std::vector<Wide> order(n);
    for (Wide i = 0; i < n; ++i) {
        order[i] = keyed[i].second;
        fits = fits && (i == 0 || keyed[i - 1].first < keyed[i].first);
    }
    return order;
}

// The removed ids, increasing, as written to `gone`; false for ids that do not exist and for one removed twice.
template <class Id>
bool increasing(Wide n, const Wide* removed, Wide n_edges, Id* gone) {
    bool sorted = true;
    for (Wide i = 0; i < n; ++i) {
        if (removed[i] < 0 || removed[i] >= n_edges) return false;
        sorted = sorted && (i == 0 || removed[i - 1] < removed[i]);
        gone[i] = static_cast<Id>(removed[i]);
    }
    if (sorted) return true;
    std::sort(gone, gone + n);
    return std::adjacent_find(gone, gone + n) == gone + n;
}

template <class Id>
struct Graph {
    const Id *indptr, *indices, *source_indptr, *by_source, *targets_by_source;
};

template <class Id>
struct Changed {
    Id *indptr, *indices, *targets, *source_indptr, *by_source, *targets_by_source;
};

template <class Id>
inline void shifted(Wide n, const Id* __restrict from, Id by, Id* __restrict to) {
    for (Wide i = 0; i < n; ++i) to[i] = from[i] + by;
}

template <class Id>
inline void gathered(Wide n, const Id* __restrict ids, const Id* __restrict from, Id* __restrict to) {
    for (Wide i = 0; i < n; ++i) to[i] = from[ids[i]];
}

// Rows of the transposed graph: a stable counting sort of the newborn by source, then each source merges its own.
template <class Id>
void merge_by_source(Wide n_in, const Graph<Id>& old, const Changed<Id>& out, Wide n_removed, const Id* gone,
                     Wide n_added, const Id* born, const std::vector<Id>& born_targets, const Id* old_to_new) {
    std::vector<Id> n_gone(n_in, 0), first(n_in + 1, 0), newborn(n_added);
    for (Wide r = 0; r < n_removed; ++r) ++n_gone[old.indices[gone[r]]];
    for (Wide i = 0; i < n_added; ++i) ++first[out.indices[born[i]] + 1];
    for (Wide s = 0; s < n_in; ++s) first[s + 1] += first[s];
    std::vector<Id> next(first.begin(), first.end() - 1);
    for (Wide i = 0; i < n_added; ++i) newborn[next[out.indices[born[i]]]++] = static_cast<Id>(i);

    Wide q = 0;
    for (Wide s = 0; s < n_in; ++s) {
        const Wide start = s, from = old.source_indptr[start];
        while (s < n_in && n_gone[s] == 0 && first[s] == first[s + 1]) ++s;
        const Wide n_same = old.source_indptr[s] - from;
        shifted(s - start, old.source_indptr + start, static_cast<Id>(q - from), out.source_indptr + start);
        gathered(n_same, old.by_source + from, old_to_new, out.by_source + q);
        copy_run(out.targets_by_source + q, old.targets_by_source + from, n_same);
        q += n_same;
        if (s == n_in) break;
        out.source_indptr[s] = static_cast<Id>(q);
        const Wide begin = old.source_indptr[s], end = old.source_indptr[s + 1];
        Wide b = first[s];
        const Wide last = first[s + 1];
        const auto place = [&](Id id, Id target) {
            out.by_source[q] = id;
            out.targets_by_source[q++] = target;
        };
        for (Wide p = begin; p < end; ++p) {
            const Id id = old_to_new[old.by_source[p]];
            if (id < 0) continue;
            for (; b < last && born_targets[newborn[b]] < old.targets_by_source[p]; ++b)
                place(born[newborn[b]], born_targets[newborn[b]]);
            place(id, old.targets_by_source[p]);
        }
        for (; b < last; ++b) place(born[newborn[b]], born_targets[newborn[b]]);
    }
    out.source_indptr[n_in] = static_cast<Id>(q);
}

template <class Id>
int merge(Wide n_in, Wide n_out, Wide n_edges, const Graph<Id>& old, Wide n_removed, const Wide* removed, Wide n_added,
          const Wide* sources, const Wide* targets, const Changed<Id>& out, Id* gone, Id* added, Id* old_to_new) {
    bool fits = increasing(n_removed, removed, n_edges, gone);
    const std::vector<Wide> order = canonical_order(n_added, sources, targets, n_in, n_out, fits);
    if (!fits) return REFUSED;

    // how many old edges lie before each newborn, then its new id
    std::vector<Id> born(n_added), born_targets(n_added);
    for (Wide i = 0, r = 0; i < n_added; ++i) {
        const Wide which = order.empty() ? i : order[i];
        const Wide source = sources[which], target = targets[which];
        const Id* row_end = old.indices + old.indptr[target + 1];
        const Id* at = std::lower_bound(old.indices + old.indptr[target], row_end, static_cast<Id>(source));
        const Wide place = at - old.indices;
        while (r < n_removed && gone[r] < place) ++r;
        if (at != row_end && *at == source && (r == n_removed || gone[r] != place)) return REFUSED;  // it stays
        const Id id = static_cast<Id>(place - r + i);
        born[i] = added[which] = id;
        born_targets[i] = static_cast<Id>(target);
        out.indices[id] = static_cast<Id>(source);
    }
    for_each_run(n_edges, n_removed, gone, n_added, born.data(),
                 [&](Wide from, Wide to, Wide n) { copy_run(out.indices + to, old.indices + from, n); });
    for (Wide t = 0, r = 0, b = 0; t <= n_out;) {  // rows between two changes are shifted alike
        while (r < n_removed && gone[r] < old.indptr[t]) ++r;
        while (b < n_added && born_targets[b] < t) ++b;
        const Wide start = t, last = b < n_added ? born_targets[b] : n_out;
        const Wide until = r < n_removed ? gone[r] : n_edges;
        while (t <= last && old.indptr[t] <= until) ++t;
        shifted(t - start, old.indptr + start, static_cast<Id>(b - r), out.indptr + start);
    }
    if (out.targets != nullptr)
        for (Wide t = 0; t < n_out; ++t)
            std::fill(out.targets + out.indptr[t], out.targets + out.indptr[t + 1], static_cast<Id>(t));
    if (out.by_source != nullptr) {
        for (Wide r = 0; r < n_removed; ++r) old_to_new[gone[r]] = -1;
        for_each_run(n_edges, n_removed, gone, n_added, born.data(), [=](Wide from, Wide to, Wide n) {
            Id* now = old_to_new + from;
            const Id first = static_cast<Id>(to);
            for (Id i = 0; i < n; ++i) now[i] = first + i;
        });
        merge_by_source(n_in, old, out, n_removed, gone, n_added, born.data(), born_targets, old_to_new);
    }
    return order.empty() ? DONE : DONE_UNSORTED;
}

template <class Id>
inline bool find(Wide source, Wide target, const Id* indptr, const Id* indices, Wide* place) {
    const Id* end = indices + indptr[target + 1];
    const Id* at = std::lower_bound(indices + indptr[target], end, static_cast<Id>(source));
    *place = at - indices;
    return at != end && *at == source;
}

template <class Id>
void locate(Wide n_pairs, const Wide* sources, const Wide* targets, const Id* indptr, const Id* indices, Wide* places,
            bool* found) {
    for (Wide i = 0; i < n_pairs; ++i) found[i] = find(sources[i], targets[i], indptr, indices, places + i);
}

template <class Id>
Wide count_edges(Wide n_pairs, const Wide* sources, const Wide* targets, const Id* indptr, const Id* indices) {
    Wide n = 0, place;
    for (Wide i = 0; i < n_pairs; ++i) n += find(sources[i], targets[i], indptr, indices, &place);
    return n;
}

struct Drawn {
    Wide key, turn;
};

// Sorts by key, those of a key by turn, in which they come.
void sort_drawn(std::vector<Drawn>& drawn, Wide n_all) {
    if (drawn.size() < 2048) {
        std::sort(drawn.begin(), drawn.end(),
                  [](const Drawn& a, const Drawn& b) { return a.key < b.key || (a.key == b.key && a.turn < b.turn); });
        return;
    }
    constexpr int BITS = 11;
    std::vector<Drawn> other(drawn.size());
    for (int shift = 0; shift < 63 && (n_all - 1) >> shift > 0; shift += BITS) {  // digit by digit, keeping the order
        std::vector<std::size_t> next((1 << BITS) + 1, 0);
        const auto digit = [=](const Drawn& d) { return (d.key >> shift) & ((1 << BITS) - 1); };
        for (const Drawn& d : drawn) ++next[digit(d) + 1];
        for (int k = 0; k < 1 << BITS; ++k) next[k + 1] += next[k];
        for (const Drawn& d : drawn) other[next[digit(d)]++] = d;
        drawn.swap(other);
    }
}

// Of pair keys `target * n_in + source` in the order they were drawn, the first `n_wanted` different ones that are free:
// no edge, or one of the sorted ids `gone`. Their pairs in canonical order; returns how many there are.
template <class Id>
Wide first_free(Wide n_drawn, const Wide* keys, Wide n_wanted, Wide n_in, Wide n_out, const Id* indptr, const Id* indices,
                Wide n_gone, const Wide* gone, Wide* sources, Wide* targets) {
    std::vector<Drawn> drawn(n_drawn);
    for (Wide i = 0; i < n_drawn; ++i) drawn[i] = {keys[i], i};
    sort_drawn(drawn, n_in * n_out);
    Wide n_free = 0, before = -1;
    for (const Drawn& d : drawn) {
        if (d.key == before) continue;
        before = d.key;
        Wide place;
        const Wide target = d.key / n_in;
        if (!find(d.key - target * n_in, target, indptr, indices, &place) ||
            std::binary_search(gone, gone + n_gone, place))
            drawn[n_free++] = d;
    }
    Wide last = n_drawn;
    if (n_free > n_wanted) {
        std::vector<Wide> turns(n_free);
        for (Wide i = 0; i < n_free; ++i) turns[i] = drawn[i].turn;
        std::nth_element(turns.begin(), turns.begin() + n_wanted, turns.end());
        last = turns[n_wanted];
    }
    Wide n = 0;
    for (Wide i = 0; i < n_free; ++i) {
        if (drawn[i].turn >= last) continue;
        targets[n] = drawn[i].key / n_in;
        sources[n] = drawn[i].key - targets[n] * n_in;
        ++n;
    }
    return n;
}

}  // namespace

#define NETSPARSE_FOR_IDS(Id, suffix)                                                                                  \
    NETSPARSE_API int netsparse_merge_##suffix(                                                                        \
        Wide n_in, Wide n_out, Wide n_edges, const Id* indptr, const Id* indices, const Id* source_indptr,             \
        const Id* by_source, const Id* targets_by_source, Wide n_removed, const Wide* removed, Wide n_added,           \
        const Wide* sources, const Wide* targets, Id* new_indptr, Id* new_indices, Id* new_targets,                    \
        Id* new_source_indptr, Id* new_by_source, Id* new_targets_by_source, Id* gone, Id* added, Id* old_to_new) {    \
        return merge<Id>(n_in, n_out, n_edges, {indptr, indices, source_indptr, by_source, targets_by_source},         \
                         n_removed, removed, n_added, sources, targets,                                                \
                         {new_indptr, new_indices, new_targets, new_source_indptr, new_by_source,                      \
                          new_targets_by_source},                                                                      \
                         gone, added, old_to_new);                                                                     \
    }                                                                                                                  \
    NETSPARSE_API void netsparse_carry_##suffix(Wide n_before, Wide n_removed, const Id* removed, Wide n_born,         \
                                                const Id* born, Wide width, const char* values, char* out) {           \
        carry_rows<Id>(n_before, n_removed, removed, n_born, born, width, values, out);                                \
    }                                                                                                                  \
    NETSPARSE_API void netsparse_carry_within_##suffix(Wide n, Wide n_changed, const Id* removed, const Id* born,      \
                                                       Wide width, char* values, char* spare) {                        \
        carry_within<Id>(n, n_changed, removed, born, width, values, spare);                                           \
    }                                                                                                                  \
    NETSPARSE_API void netsparse_locate_##suffix(Wide n_pairs, const Wide* sources, const Wide* targets,               \
                                                 const Id* indptr, const Id* indices, Wide* places, bool* found) {     \
        locate<Id>(n_pairs, sources, targets, indptr, indices, places, found);                                         \
    }                                                                                                                  \
    NETSPARSE_API Wide netsparse_count_edges_##suffix(Wide n_pairs, const Wide* sources, const Wide* targets,          \
                                                      const Id* indptr, const Id* indices) {                           \
        return count_edges<Id>(n_pairs, sources, targets, indptr, indices);                                            \
    }                                                                                                                  \
    NETSPARSE_API Wide netsparse_first_free_##suffix(Wide n_drawn, const Wide* keys, Wide n_wanted, Wide n_in,         \
                                                     Wide n_out, const Id* indptr, const Id* indices, Wide n_gone,     \
                                                     const Wide* gone, Wide* sources, Wide* targets) {                 \
        return first_free<Id>(n_drawn, keys, n_wanted, n_in, n_out, indptr, indices, n_gone, gone, sources, targets);  \
    }

NETSPARSE_FOR_IDS(std::int32_t, int32)
NETSPARSE_FOR_IDS(std::int64_t, int64)
