"""Sizes are (M, K, N), or (B, M, K, N) for a batch."""
import numpy as np

from . import Case, garbage

SIZES = (
    (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 1, 1), (1, 0, 5), (2, 1, 2), (1, 5, 1),
    (1, 784, 128), (1, 33, 10), (7, 33, 1), (130, 65, 1),                    # one row, one column
    (2, 1, 40), (19, 1, 7), (128, 1, 100),                                   # one column times one row
    (2, 3, 2), (3, 17, 33), (4, 8, 16), (5, 9, 31), (6, 16, 15), (14, 32, 32), (15, 20, 64), (29, 31, 49), (32, 64, 2),
    (32, 784, 128), (64, 401, 100), (13, 1201, 40), (61, 1201, 5),           # several blocks of k
    (128, 300, 257), (120, 513, 300), (300, 40, 97),                         # packed
    (330, 330, 70), (20, 30, 2100),                                          # groups of slivers, chunks of lanes
)
BATCHES = ((0, 2, 3, 4), (1, 4, 5, 6), (3, 0, 2, 2), (3, 1, 20, 9), (2, 17, 1, 35), (3, 9, 20, 1), (5, 17, 33, 18),
           (2, 70, 130, 140))


def stored(rng, dtype, shape, transposed):
    """An operand of `shape` in row-major or, transposed, column-major order."""
    if transposed:
        return np.swapaxes(stored(rng, dtype, (*shape[:-2], shape[-1], shape[-2]), False), -1, -2)
    return rng.standard_normal(shape).astype(dtype)


def product(transpose_a=False, transpose_b=False, bias=False, **attrs):
    def make(rng, dtype, size):
        *batch, m, k, n = size
        args = (garbage((*batch, m, n), dtype), stored(rng, dtype, (*batch, m, k), transpose_a),
                stored(rng, dtype, (*batch, k, n), transpose_b))
        return args, {**attrs, **({"bias": rng.standard_normal(n).astype(dtype)} if bias else {})}
    return make


def normed(**attrs):
    """With a centre, a scale and a shift of each column, and a residual."""
    def make(rng, dtype, size):
        args, made = product(transpose_b=True, **attrs)(rng, dtype, size)
        made["affine"] = rng.standard_normal((3, size[-1])).astype(dtype)
        made["residual"] = rng.standard_normal(args[0].shape).astype(dtype)
        return args, made
    return make


def broadcast(which):
    """A batch in which a (0) or b (1) is the same matrix for all."""
    def make(rng, dtype, size):
        (out, *operands), attrs = product()(rng, dtype, size)
        if len(operands[which]):
            operands[which] = np.broadcast_to(operands[which][0], operands[which].shape)
        return (out, *operands), attrs
    return make


def reversed_rows(rng, dtype, size):
    (out, a, b), attrs = product()(rng, dtype, size)
    return (out, a[::-1], b[::-1]), attrs


def case(note, make, sizes=SIZES, bench=(128, 784, 512)):
    return Case("matmul", make, sizes, bench, rtol=(2e-5, 1e-12), atol=(1e-4, 1e-12), note=note)


CASES = [
    case("nn", product()),
    case("nt", product(transpose_b=True)),
    case("tn", product(transpose_a=True)),
    case("tt", product(transpose_a=True, transpose_b=True)),
    case("reversed", reversed_rows, bench=None),
    case("accumulate", product(accumulate=True)),
    case("accumulate-nt", product(transpose_b=True, accumulate=True), bench=None),
    case("bias", product(transpose_b=True, bias=True)),
    *[case(f"bias-{f}", product(transpose_b=True, bias=True, activation=f))
      for f in ("relu", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu", "hardswish", "hardsigmoid")],
    case("affine", normed(bias=True, activation="relu6"), bench=None),
    case("affine-silu", normed(activation="silu"), bench=None),
    case("affine-batch", normed(activation="relu"), BATCHES, None),
    case("silu-nn", product(activation="silu"), bench=None),
    case("batch", product(), BATCHES, (64, 64, 64, 64)),
    case("batch-nt", product(transpose_b=True, bias=True, activation="relu"), BATCHES, (64, 64, 64, 64)),
    case("batch-tn", product(transpose_a=True), BATCHES, None),
    case("one-a", broadcast(0), BATCHES, None),
    case("one-b", broadcast(1), BATCHES, None),
]
