// Products of a sparse convolution on feature-major images: x (channels, height, width, batch) and y likewise, with one
// weight per edge from place (channel, row, column) of a patch to an output channel.
//
// From one position of an image an edge leads to another position a fixed number of places away, unless that lies
// outside: no patch is ever unrolled, no zero of the padding multiplied. Positions of one row that all edges leave in
// the same way lie side by side in memory, and are one run; for all runs of a kind the edges that lead somewhere are
// listed once. What is left is the product of a sparse linear layer, whose batch is the run.
#include <omp.h>

#include <algorithm>
#include <climits>
#include <memory>
#include <vector>

#include "lanes.h"
#include "layer.h"
#include "processor.h"

constexpr long NOWHERE = LONG_MIN;

struct Shape {  // as Python hands it over
    long channels, height, width, out_height, out_width, kernel_height, kernel_width;
    long stride_rows, stride_columns, pad_rows, pad_columns, batch;
};

// Where the places of a patch lead to along one axis, from every position on one side to positions on the other.
struct Axis {
    std::vector<std::vector<long>> kinds;  // per place: how far behind `first` it leads, or NOWHERE
    std::vector<int> kind;                 // of each position
    std::vector<long> first;               // where the first place of a position that leads anywhere leads to

    template <class F>
    Axis(long n_positions, long n_other, long n_places, F&& leads_to) {
        std::vector<long> steps(n_places);
        for (long position = 0; position < n_positions; ++position) {
            long start = NOWHERE;
            for (long place = 0; place < n_places; ++place) {
                const long other = leads_to(position, place);
                const bool inside = other >= 0 && other < n_other;
                if (inside && start == NOWHERE) start = other;
                steps[place] = inside ? other - start : NOWHERE;
            }
            const auto known = std::find(kinds.begin(), kinds.end(), steps);
            kind.push_back(static_cast<int>(known - kinds.begin()));
            first.push_back(start == NOWHERE ? 0 : start);
            if (known == kinds.end()) kinds.push_back(steps);
        }
    }

    // The number of positions from `position` on that are of its kind and lead one further each.
    long run(long position) const {
        long end = position + 1;
        const long n = static_cast<long>(kind.size());
        while (end < n && kind[end] == kind[position] && first[end] == first[end - 1] + 1) ++end;
        return end - position;
    }
};

struct Run {
    int row_kind, column_kind;
    long own, other, length;  // where it begins on either side, within a channel, and how many numbers it has
};

// The runs of one side, those of a kind in a row, and how far apart two channels of either side are.
struct Meeting {
    Axis rows, columns;
    long own_plane, other_plane, other_width, batch;
    std::vector<Run> runs;

    Meeting(Axis rows_, Axis columns_, long own_width, long other_height, long other_width_, long batch_)
        : rows(std::move(rows_)), columns(std::move(columns_)), own_plane(long(rows.kind.size()) * own_width * batch_),
          other_plane(other_height * other_width_ * batch_), other_width(other_width_), batch(batch_) {
        for (int row_kind = 0; row_kind < static_cast<int>(rows.kinds.size()); ++row_kind)
            for (int column_kind = 0; column_kind < static_cast<int>(columns.kinds.size()); ++column_kind)
                for (long i = 0; i < static_cast<long>(rows.kind.size()); ++i) {
                    if (rows.kind[i] != row_kind) continue;
                    for (long j = 0, count; j < own_width; j += count) {
                        count = columns.run(j);
                        if (columns.kind[j] != column_kind) continue;
                        const long other = (rows.first[i] * other_width + columns.first[j]) * batch;
                        runs.push_back({row_kind, column_kind, (i * own_width + j) * batch, other, count * batch});
                    }
                }
    }

    // How far place (r, q) leads from where a run begins on the other side, or NOWHERE.
    std::vector<long> shifts(const Run& run) const {
        std::vector<long> all;
        for (const long down : rows.kinds[run.row_kind])
            for (const long along : columns.kinds[run.column_kind])
                all.push_back(down == NOWHERE || along == NOWHERE ? NOWHERE : (down * other_width + along) * batch);
        return all;
    }
};

static Meeting from_outputs(const Shape& s) {
    auto along = [](long stride, long pad) { return [=](long at, long place) { return at * stride + place - pad; }; };
    return {Axis(s.out_height, s.height, s.kernel_height, along(s.stride_rows, s.pad_rows)),
            Axis(s.out_width, s.width, s.kernel_width, along(s.stride_columns, s.pad_columns)),
            s.out_width, s.height, s.width, s.batch};
}

static Meeting from_inputs(const Shape& s) {
    auto along = [](long stride, long pad) {
        return [=](long at, long place) {
            const long from = at + pad - place;
            return from % stride ? NOWHERE : from / stride;
        };
    };
    return {Axis(s.height, s.out_height, s.kernel_height, along(s.stride_rows, s.pad_rows)),
            Axis(s.width, s.out_width, s.kernel_width, along(s.stride_columns, s.pad_columns)),
            s.width, s.out_height, s.out_width, s.batch};
}

// The edges of some channels that lead somewhere from the runs of a kind.
template <class T>
struct Listed {
    std::vector<long> ends;  // of each channel's own, a 0 before them
    std::unique_ptr<long[]> offsets, edges;
    std::unique_ptr<T[]> weights, totals;
    long n = 0;

    Listed(long n_edges, bool with_edges)
        : offsets(new long[n_edges + 1]), edges(with_edges ? new long[n_edges + 1] : nullptr),
          weights(new T[n_edges + 1]), totals(with_edges ? new T[n_edges + 1] : nullptr) {}

    void clear() {
        n = 0;
        ends.assign(1, 0);
    }
    void begin_totals() {
        if (totals) std::fill(totals.get(), totals.get() + n, T(0));
    }
    void add_totals(T* grad_weight) {
        if (totals)
            for (long k = 0; k < n; ++k) grad_weight[edges[k]] += totals[k];
    }
};

// The wiring, read from either side.
template <class T, class I>
struct Wiring {
    long n_in, n_out;
    const I *indptr, *indices, *source_indptr, *source_targets, *by_source;
    const T* weight;

    void list_outputs(Listed<T>& listed, const Meeting& meeting, const std::vector<long>& shifts, long first,
                      long end) const {
        const long n_places = static_cast<long>(shifts.size());
        std::vector<long> offset_of(n_in);
        for (long source = 0; source < n_in; ++source) {
            const long shift = shifts[source % n_places];
            offset_of[source] = shift == NOWHERE ? NOWHERE : source / n_places * meeting.other_plane + shift;
        }
        listed.clear();
        long n = 0;
        for (long row = first; row < end; ++row) {
            for (long edge = indptr[row]; edge < indptr[row + 1]; ++edge) {
                const long offset = offset_of[indices[edge]];
                listed.offsets[n] = offset;
                if (weight) listed.weights[n] = weight[edge];
                if (listed.edges) listed.edges[n] = edge;
                n += offset != NOWHERE;  // what leads nowhere is written over
            }
            listed.ends.push_back(n);
        }
        listed.n = n;
    }

    void list_inputs(Listed<T>& listed, const Meeting& meeting, const std::vector<long>& shifts, long first,
                     long end) const {
        const long n_places = static_cast<long>(shifts.size());
        listed.clear();
        long n = 0;
        for (long channel = first; channel < end; ++channel) {
            for (long place = 0; place < n_places; ++place) {
                if (shifts[place] == NOWHERE) continue;
                const long source = channel * n_places + place;
                for (long at = source_indptr[source]; at < source_indptr[source + 1]; ++at, ++n) {
                    listed.offsets[n] = source_targets[at] * meeting.other_plane + shifts[place];
                    listed.weights[n] = weight[by_source[at]];
                    if (listed.edges) listed.edges[n] = by_source[at];
                }
            }
            listed.ends.push_back(n);
        }
        listed.n = n;
    }
};

// For the channels [first, end) on a run: the sums over their edges, handed to `finish`, and into the totals the
// products of each edge's two rows.
template <class T, bool SUMS, bool TOTALS, class Finish>
static void multiply(Listed<T>& listed, const Meeting& meeting, const Run& run, long first, long end, const T* own,
                     const T* other, Finish&& finish) {
    for_each_tile<T>(run.length, [&](auto tile) {
        constexpr int L = tile.L, N = tile.N;
        const T* from_here = other + run.other + tile.start;
        for (long row = first; row < end; ++row) {
            const long at = row * meeting.own_plane + run.own + tile.start;
            Vector<T, L> sum[N] = {}, mine[N];
            if constexpr (TOTALS)
                for (int k = 0; k < N; ++k) mine[k] = load<T, L>(own + at + k * L);
            const long stop = listed.ends[row - first + 1];
            for (long entry = listed.ends[row - first]; entry < stop; ++entry) {
                const T* from = from_here + listed.offsets[entry];
                const T w = listed.weights[entry];
                Vector<T, L> product = {};
                for (int k = 0; k < N; ++k) {
                    const Vector<T, L> value = load<T, L>(from + k * L);
                    if constexpr (SUMS) sum[k] += w * value;
                    if constexpr (TOTALS) product += mine[k] * value;
                }
                if constexpr (TOTALS) listed.totals[entry] += tile.template own_total<T>(product);
            }
            if constexpr (SUMS)
                for (int k = 0; k < N; ++k) finish(row, at + k * L, sum[k]);
        }
    });
}

// A thread's share of runs and of channels: runs where there are enough of them, and channels otherwise, or always
// where each of them has something to sum up over all runs.
template <class I>
static void own_share(const std::vector<Run>& runs, const I* starts, long n_rows, bool by_rows, long& first_run,
                      long& end_run, long& first, long& end) {
    const long rank = omp_get_thread_num(), size = omp_get_num_threads(), n_runs = static_cast<long>(runs.size());
    first_run = 0, end_run = n_runs, first = 0, end = n_rows;
    if (by_rows || n_runs < 4 * size) {
        own_rows(starts, n_rows, rank, size, first, end);
        return;
    }
    double total = 0, before = 0;
    for (const Run& run : runs) total += run.length;
    first_run = end_run = n_runs;
    for (long k = 0; k < n_runs; before += runs[k++].length) {
        if (first_run == n_runs && before * size >= total * rank) first_run = k;
        if (rank + 1 < size && before * size >= total * (rank + 1)) {
            end_run = k;
            break;
        }
    }
}

// The edges of the channels are listed anew for each kind of run that is met.
template <class T, bool SUMS, bool TOTALS, class List, class Finish>
static void over_runs(Listed<T>& listed, const Meeting& meeting, long first_run, long end_run, long first, long end,
                      const T* own, const T* other, T* grad_weight, List&& list, Finish&& finish) {
    for (long k = first_run; k < end_run; ++k) {
        const Run& run = meeting.runs[k];
        const bool begins = k == first_run || run.row_kind != meeting.runs[k - 1].row_kind ||
                            run.column_kind != meeting.runs[k - 1].column_kind;
        if (begins) {
            if (k > first_run) listed.add_totals(grad_weight);
            list(listed, meeting.shifts(run));
            listed.begin_totals();
        }
        multiply<T, SUMS, TOTALS>(listed, meeting, run, first, end, own, other, finish);
    }
    if (first_run < end_run) listed.add_totals(grad_weight);
}

template <class T, class I>
static void forward(const Wiring<T, I>& wiring, const Shape& shape, int n_threads, const T* bias, const T* x, T* y, T* z,
                    bool active, T slope) {
    const Meeting meeting = from_outputs(shape);
#pragma omp parallel num_threads(n_threads)
    {
        long first_run, end_run, first, end;
        own_share(meeting.runs, wiring.indptr, wiring.n_out, false, first_run, end_run, first, end);
        Listed<T> listed(wiring.indptr[end] - wiring.indptr[first], false);
        auto list = [&](Listed<T>& into, const std::vector<long>& shifts) {
            wiring.list_outputs(into, meeting, shifts, first, end);
        };
        auto finish = [&](long row, long at, auto sum) {
            constexpr int L = sizeof(sum) / sizeof(T);
            if (bias) sum += bias[row];
            if (z) store<T, L>(z + at, sum);
            store<T, L>(y + at, active ? activated(sum, slope) : sum);
        };
        over_runs<T, true, false>(listed, meeting, first_run, end_run, first, end, nullptr, x, nullptr, list, finish);
    }
}

template <class T, class I>
static void backward(const Wiring<T, I>& wiring, const Shape& shape, int n_threads, const T* x, const T* g,
                     const T* signs, T slope, T* before, T* grad_x, T* grad_weight, T* grad_bias) {
    const long positions = shape.out_height * shape.out_width * shape.batch;
    const long n_places = shape.kernel_height * shape.kernel_width;
    const Meeting meeting = grad_x ? from_inputs(shape) : from_outputs(shape);
    std::vector<I> starts;  // of the edges of each input channel
    for (long channel = 0; channel <= shape.channels; ++channel)
        starts.push_back(wiring.source_indptr[channel * n_places]);
#pragma omp parallel num_threads(n_threads)
    {
        long first_run, end_run, first, end;
        if (signs || grad_bias) {
            own_rows(wiring.indptr, wiring.n_out, omp_get_thread_num(), omp_get_num_threads(), first, end);
            through_activation(first, end, positions, g, signs, slope, before, grad_bias);
#pragma omp barrier
        }
        const T* inner = signs ? before : g;
        auto finish = [&](long, long at, auto sum) { store<T, sizeof(sum) / sizeof(T)>(grad_x + at, sum); };
        if (grad_x) {
            own_share(meeting.runs, starts.data(), shape.channels, grad_weight != nullptr, first_run, end_run, first,
                      end);
            Listed<T> listed(starts[end] - starts[first], grad_weight != nullptr);
            auto list = [&](Listed<T>& into, const std::vector<long>& shifts) {
                wiring.list_inputs(into, meeting, shifts, first, end);
            };
            if (grad_weight)
                over_runs<T, true, true>(listed, meeting, first_run, end_run, first, end, x, inner, grad_weight, list,
                                         finish);
            else
                over_runs<T, true, false>(listed, meeting, first_run, end_run, first, end, x, inner, grad_weight, list,
                                          finish);
        } else if (grad_weight) {
            own_share(meeting.runs, wiring.indptr, wiring.n_out, true, first_run, end_run, first, end);
            Listed<T> listed(wiring.indptr[end] - wiring.indptr[first], true);
            auto list = [&](Listed<T>& into, const std::vector<long>& shifts) {
                wiring.list_outputs(into, meeting, shifts, first, end);
            };
            over_runs<T, false, true>(listed, meeting, first_run, end_run, first, end, inner, x, grad_weight, list,
                                      finish);
        }
    }
}

#define NETSPARSE_CONVOLUTION(NAME, T, I)                                                                             \
    NETSPARSE_API void netsparse_convolve_##NAME(long n_in, long n_out, const Shape* shape, int n_threads,            \
                                                 const I* indptr, const I* indices, const T* weight, const T* bias,   \
                                                 const T* x, T* y, T* z, int active, double slope) {                  \
        const Wiring<T, I> wiring{n_in, n_out, indptr, indices, nullptr, nullptr, nullptr, weight};                   \
        forward<T, I>(wiring, *shape, n_threads, bias, x, y, z, active != 0, static_cast<T>(slope));                  \
    }                                                                                                                 \
    NETSPARSE_API void netsparse_convolve_back_##NAME(                                                                \
        long n_in, long n_out, const Shape* shape, int n_threads, const I* indptr, const I* indices,                  \
        const I* source_indptr, const I* source_targets, const I* by_source, const T* weight, const T* x, const T* g, \
        const T* signs, double slope, T* before, T* grad_x, T* grad_weight, T* grad_bias) {                           \
        const Wiring<T, I> wiring{n_in, n_out, indptr, indices, source_indptr, source_targets, by_source, weight};    \
        backward<T, I>(wiring, *shape, n_threads, x, g, signs, static_cast<T>(slope), before, grad_x, grad_weight,    \
                       grad_bias);                                                                                    \
    }

NETSPARSE_CONVOLUTION(f32_i32, float, int)
NETSPARSE_CONVOLUTION(f32_i64, float, long)
NETSPARSE_CONVOLUTION(f64_i32, double, int)
NETSPARSE_CONVOLUTION(f64_i64, double, long)
