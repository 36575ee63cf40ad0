import numpy as np

from . import Case, garbage

# batch, heads, heads of k and v, queries, keys, width, width of v
SIZES = ((1, 1, 1, 0, 3, 2, 2), (1, 1, 1, 2, 0, 2, 3), (0, 2, 2, 3, 3, 4, 4), (1, 1, 1, 1, 1, 1, 1),
         (2, 2, 1, 3, 5, 7, 9), (1, 4, 2, 4, 300, 40, 33), (2, 2, 2, 1, 130, 64, 64), (1, 4, 2, 17, 129, 16, 8),
         (2, 3, 3, 64, 64, 32, 32), (1, 2, 2, 73, 127, 33, 17), (1, 1, 1, 71, 131, 65, 64), (1, 2, 1, 150, 300, 24, 40))
BENCH = (12, 4, 4, 64, 64, 32, 32)
STATE = (42, 5)
LOOSE = {"rtol": (1e-4, 1e-11), "atol": (2e-5, 1e-12)}
BACKWARD = {"rtol": (1e-3, 1e-11), "atol": (2e-4, 1e-12)}
MASKS = {"full": lambda b, h, q, k: (b, h, q, k), "keys": lambda b, h, q, k: (b, 1, 1, k),
         "pairs": lambda b, h, q, k: (1, 1, q, k), "heads": lambda b, h, q, k: (1, h, q, k)}


def inputs(rng, dtype, size):
    b, h, g, queries, keys, width, value_width = size
    q, k, v = (rng.standard_normal(s).astype(dtype) for s in
               ((b, queries, h, width), (b, keys, g, width), (b, keys, g, value_width)))
    return q, k, v


def mask_of(rng, dtype, size, kind):
    """Random numbers, -inf in a quarter and in the whole last row."""
    if kind is None:
        return None
    b, h, _, queries, keys, _, _ = size
    mask = rng.standard_normal(MASKS[kind](b, h, queries, keys)).astype(dtype)
    mask[rng.random(mask.shape) < 0.25] = -np.inf
    mask[..., -1:, :] = -np.inf if kind == "full" else mask[..., -1:, :]
    return mask


def results(q, v):
    b, queries, h, _ = q.shape
    return (b, queries, h, v.shape[3]), (b, h, queries)


def attention(kind=None, drop=0.0, **attrs):
    def make(rng, dtype, size):
        q, k, v = inputs(rng, dtype, size)
        out, lse = (garbage(shape, dtype) for shape in results(q, v))
        options = {**attrs, "dropout": drop} if drop else attrs
        state = np.array(STATE, np.uint64) if drop else None
        return (out, lse, q, k, v, mask_of(rng, dtype, size, kind), state, 3, 0.3), options
    return make


def attention_backward(kind=None, drop=0.0, wanted=(True, True, True, False), **attrs):
    def make(rng, dtype, size):
        q, k, v = inputs(rng, dtype, size)
        shape, sums = results(q, v)
        lse = np.abs(rng.standard_normal(sums).astype(dtype)) + dtype(9)
        if kind == "full":
            lse[..., -1:] = np.inf
        grads = [garbage(s, dtype) if w else None for w, s in
                 zip(wanted, (q.shape, k.shape, v.shape, (*sums, k.shape[1])))]
        options = {**attrs, "dropout": drop} if drop else attrs
        state = np.array(STATE, np.uint64) if drop else None
        out, dout = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
        return (*grads, q, k, v, mask_of(rng, dtype, size, kind), out, lse, dout, state, 3, 0.3), options
    return make


ONLY = {"dq": (True, False, False, False), "dk": (False, True, False, False), "dv": (False, False, True, False),
        "dk dv": (False, True, True, False), "dmask": (False, False, False, True)}
CASES = [
    Case("attention", attention(), SIZES, BENCH, **LOOSE),
    Case("attention", attention(diagonal=0), SIZES, BENCH, note="causal", **LOOSE),
    *(Case("attention", attention(diagonal=d), SIZES, None, note=f"diagonal {d}", **LOOSE) for d in (3, -2, 170)),
    *(Case("attention", attention(kind), SIZES, None, note=f"mask of {kind}", **LOOSE) for kind in MASKS),
    Case("attention", attention(drop=0.3), SIZES, None, note="dropout", **LOOSE),
    Case("attention", attention("keys", 0.3, diagonal=1), SIZES, None, note="all options", **LOOSE),
    Case("attention", attention(dropout=1.0), SIZES[3:4], None, note="dropout 1", raises=ValueError),
    Case("attention_backward", attention_backward(), SIZES, BENCH, **BACKWARD),
    Case("attention_backward", attention_backward(diagonal=0), SIZES, BENCH, note="causal", **BACKWARD),
    *(Case("attention_backward", attention_backward(diagonal=d), SIZES, None, note=f"diagonal {d}", **BACKWARD)
      for d in (3, -2)),
    *(Case("attention_backward", attention_backward(kind, wanted=(True,) * 4), SIZES, None, note=f"mask of {kind}",
           **BACKWARD) for kind in MASKS),
    Case("attention_backward", attention_backward(drop=0.3), SIZES, None, note="dropout", **BACKWARD),
    Case("attention_backward", attention_backward("keys", 0.3, (True,) * 4, diagonal=1), SIZES, None,
         note="all options", **BACKWARD),
    *(Case("attention_backward", attention_backward("pairs", 0.2, wanted), SIZES, None, note=f"only {name}", **BACKWARD)
      for name, wanted in ONLY.items()),
]
