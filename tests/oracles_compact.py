"""What compaction leaves of a stack of dense matrices, unit by unit, over and over until nothing changes."""

import numpy as np


def kept_units(matrices, biases, slopes, head=None):
    """Return the units of each level that are left; matrices are (n_out, n_in), biases and slopes one per matrix."""
    matrices = [np.array(matrix, dtype=float) for matrix in matrices]
    biases = [np.array(bias, dtype=float) for bias in biases]
    head = None if head is None else np.array(head, dtype=float)
    changed = True
    while changed:
        changed = False
        for k, matrix in enumerate(matrices):
            above = matrices[k + 1] if k + 1 < len(matrices) else head
            if above is None:  # logits
                continue
            for unit in range(len(matrix)):
                if not above[:, unit].any():
                    if matrix[unit].any():
                        matrix[unit], changed = 0.0, True
                elif not matrix[unit].any():
                    z = biases[k][unit]
                    value = z if z > 0 else slopes[k] * z
                    if k + 1 < len(matrices):
                        biases[k + 1] += above[:, unit] * value
                    above[:, unit], changed = 0.0, True
    levels = [np.flatnonzero(matrices[0].any(axis=0))]
    for k in range(1, len(matrices)):
        levels.append(np.flatnonzero(matrices[k].any(axis=0)))
    levels.append(np.arange(len(matrices[-1])) if head is None else np.flatnonzero(head.any(axis=0)))
    return [level.tolist() if len(level) else [0] for level in levels]
