"""Philox4x32-10, the counter-based generator of all random draws: a draw depends only on (seed, counter).

J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011. The key is
the seed; the four words of a counter are its low half, its high half, 0 and 0. The compiled twin is src/philox.h.
"""
import numpy as np

ROUNDS = 10
AT_ONCE = 4096                          # counters at a time, so that the intermediate arrays stay in the cache
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85       # added to the key in each round
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(counter, key):
    """The output words of each counter.

    Args:
        counter: its four words, uint64 arrays (or scalars) of values below 2**32, shapes (n,) or ().
        key: its two words, ints below 2**32.

    Returns:
        four uint64 arrays of values below 2**32.
    """
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        a, b = x0 * _M0, x2 * _M1
        x0, x1, x2, x3 = b >> _HALF ^ x1 ^ np.uint64(k0), b & _LOW, a >> _HALF ^ x3 ^ np.uint64(k1), a & _LOW
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    return x0, x1, x2, x3


def words(state, offset, n):
    """The first `n` words of the draw at `offset` counters past those of `state` = [seed, counter], as uint32."""
    seed, counter = (int(x) for x in state)
    key = seed & 0xFFFFFFFF, seed >> 32
    blocks = -(-n // 4)
    out = np.empty((blocks, 4), np.uint32)
    zero = np.uint64(0)
    for begin in range(0, blocks, AT_ONCE):
        rows = out[begin:begin + AT_ONCE]
        first = np.uint64((counter + offset + begin) % 2**64)
        c = first + np.arange(len(rows), dtype=np.uint64)
        for column, x in enumerate(philox((c & _LOW, c >> _HALF, zero, zero), key)):
            rows[:, column] = x
    return out.reshape(-1)[:n]


def pairs(state, offset, n):
    """The first `n` pairs of words of a draw, as uint64; the first word of a pair is the low half."""
    w = words(state, offset, 2 * n).astype(np.uint64)
    return w[0::2] | w[1::2] << _HALF


def unit(state, offset, n, dtype):
    """`n` numbers in [0, 1) of a real dtype: multiples of 2**-24 from one word each, of 2**-53 from a pair."""
    if dtype == np.float32:
        return (words(state, offset, n) >> np.uint32(8)).astype(dtype) * dtype.type(2.0**-24)
    return (pairs(state, offset, n) >> np.uint64(11)).astype(dtype) * dtype.type(2.0**-53)
