"""Lists of different lengths, stored one after the other, as a matrix."""
import numpy as np


def list_entries(starts, size):
    """For each list a column with its positions among `size` stored elements; -1 where it is shorter than the longest.

    starts (n + 1,): where each list starts, and the end of the last. A list that does not lie within the stored
    elements is empty.
    """
    first, last = starts[:-1], starts[1:]
    counts = np.where((first >= 0) & (first <= last) & (last <= size), last - first, 0)
    steps = np.arange(counts.max(initial=0))[:, None]
    return np.where(steps < counts, np.where(counts > 0, first, 0) + steps, -1)


def list_rows(starts, index, limit):
    """list_entries without the entries whose index is outside [0, limit)."""
    entries = list_entries(starts, index.size)
    if not index.size:
        return entries
    found = index[entries]
    return np.where((entries >= 0) & (found >= 0) & (found < limit), entries, -1)
