"""Drops, growth, budgets and the gradient family on dense matrices (n_out x n_in), place by place, nothing clever."""

from __future__ import annotations

import itertools
import math


def places_of(mask):
    """(target, source) of every edge, row by row."""
    return [(t, s) for t in range(mask.shape[0]) for s in range(mask.shape[1]) if mask[t, s]]


def lowest(mask, scores, n):
    """The n edges of lowest score; scores have to differ."""
    return sorted(places_of(mask), key=lambda place: scores[place])[:n]


def highest_free(mask, scores, n):
    """The n places without an edge of highest |score|, ties to the first row, then the first column."""
    return sorted(places_of(~mask), key=lambda place: (-abs(scores[place]), place))[:n]


def sign_wise(mask, weights, n_positive, n_negative):
    """The positive and the negative edges closest to zero."""
    positive = sorted((weights[p], p) for p in places_of(mask) if weights[p] > 0)
    negative = sorted((-weights[p], p) for p in places_of(mask) if weights[p] < 0)
    return [p for _, p in positive[:n_positive] + negative[:n_negative]]


def relative_importance(mask, weights):
    """|w| over the sum of its row plus |w| over the sum of its column; 0 where a sum is 0."""
    sizes, scores = abs(weights * mask), weights * 0.0
    for t, s in places_of(mask):
        row, column = sizes[t, :].sum(), sizes[:, s].sum()
        scores[t, s] = sizes[t, s] / row + sizes[t, s] / column if sizes[t, s] else 0.0
    return scores


def exchanged(mask, weights, gone, born, *, regrown):
    """The mask and the weights once `gone` are dropped and `born` grown; newborn edges are 0."""
    mask, weights = mask.copy(), weights * mask
    for place in gone:
        mask[place] = False
        if regrown == "newborn" or place not in born:
            weights[place] = 0.0
    for place in born:
        mask[place] = True
    return mask, weights


def rigl(mask, weights, grads, fraction):
    """One update of RigL: keep the largest |w|, grow the largest |gradient| among all others, regrown edges live on."""
    k = round(fraction * mask.sum())
    gone = lowest(mask, abs(weights), k)
    kept, _ = exchanged(mask, weights, gone, [], regrown="newborn")
    return exchanged(mask, weights, gone, highest_free(kept, grads, k), regrown="survivor")


def shares_of(n, shares, room):
    """n in proportion to the shares: one layer after the other that would be overfilled is full, then remainders."""
    full, places = set(), range(len(shares))
    while True:
        left = n - sum(room[i] for i in full)
        if not left:
            return [room[i] if i in full else 0 for i in places]
        is_open = [i for i in places if i not in full and shares[i] > 0]
        if not is_open:  # only layers without a share are left: by their room
            return [room[i] if i in full else m for i, m in enumerate(shares_of_room(left, full, room))]
        total = sum(shares[i] for i in is_open)
        exact = {i: left * shares[i] / total for i in is_open}
        over = [i for i in is_open if exact[i] > room[i]]
        if not over:
            break
        full.update(over)
    counts = [room[i] if i in full else math.floor(exact.get(i, 0.0) + 1e-9) for i in places]
    by_remainder = sorted(exact, key=lambda i: (round(counts[i] - exact[i], 9), i))
    for i in by_remainder[: n - sum(counts)]:
        counts[i] += 1
    return counts


def shares_of_room(n, full, room):
    """What is left when all layers of a share are full, in proportion to the room of the others."""
    room = [0 if i in full else r for i, r in enumerate(room)]
    return shares_of(n, room, room)


def snfs(masks, weights, momenta, grads, fraction):
    """One update of SNFS over layers, growing by |gradient| of all free places.

    The budget: mean |momentum| of each layer's edges; exact shares rounded down, the rest to the largest remainders;
    what does not fit is shared out again among the layers with room.
    """
    gone = [lowest(m, abs(w), round(fraction * m.sum())) for m, w in zip(masks, weights, strict=True)]
    kept = [exchanged(m, w, g, [], regrown="newborn")[0] for m, w, g in zip(masks, weights, gone, strict=True)]
    means = [abs(v[m]).mean() if m.any() else 0.0 for m, v in zip(masks, momenta, strict=True)]
    counts = shares_of(sum(map(len, gone)), means, [int((~k).sum()) for k in kept])
    return [
        exchanged(m, w, out, highest_free(k, g, n), regrown="survivor")
        for m, w, out, k, g, n in zip(masks, weights, gone, kept, grads, counts, strict=True)
    ]


def soft_keep_law(sizes, n_keep, temperature):
    """Probability of every set of edges that is kept, drawn one after the other with probability ~ |w|^T."""
    law = {}
    for order in itertools.permutations(range(len(sizes)), n_keep):
        probability, left = 1.0, list(range(len(sizes)))
        for edge in order:
            total = sum(abs(sizes[e]) ** temperature for e in left)
            probability *= abs(sizes[edge]) ** temperature / total if total else 1.0 / len(left)
            left.remove(edge)
        law[frozenset(order)] = law.get(frozenset(order), 0.0) + probability
    return law


def size_budget_law(n, sizes, room):
    """Probability of the counts if n edges come one by one, each to a layer with room drawn by size."""
    law = {(0,) * len(sizes): 1.0}
    for _ in range(n):
        after = {}
        for counts, probability in law.items():
            is_open = [i for i in range(len(sizes)) if counts[i] < room[i]]
            total = sum(sizes[i] for i in is_open)
            for i in is_open:
                state = (*counts[:i], counts[i] + 1, *counts[i + 1 :])
                after[state] = after.get(state, 0.0) + probability * sizes[i] / total
        law = after
    return law
