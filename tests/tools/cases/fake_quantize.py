from . import Case, garbage, real

SIZES = ((0, 1, 3), (1, 0, 3), (2, 3, 0), (1, 1, 1), (2, 3, 7), (1, 2, 15), (1, 1, 16), (3, 1, 17), (1, 4, 63),
         (2, 2, 65), (1, 1, 4096), (1, 2, 4097), (1, 1, 100_003))
BENCH = (1, 1, 1 << 20)


def numbers(rng, dtype, channels):
    return (rng.uniform(0.01, 2, channels).astype(dtype), rng.integers(-128, 128, channels).astype(dtype))


def forward(rng, dtype, size):
    x = 20 * real(rng, size, dtype)
    return (garbage(size, dtype), x, *numbers(rng, dtype, size[1]), -128, 127), {}


def backward(rng, dtype, size):
    x, dy = 20 * real(rng, size, dtype), real(rng, size, dtype)
    return (garbage(size, dtype), x, dy, *numbers(rng, dtype, size[1]), -127, 127), {}


CASES = [
    Case("fake_quantize", forward, SIZES, BENCH),
    Case("fake_quantize_backward", backward, SIZES, BENCH),
]
