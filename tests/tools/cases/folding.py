from . import Case, garbage, real

# (N, C), (H, W), kernel, stride, padding, dilation
SIZES = tuple(
    ((n, c), image, kernel, stride, padding, dilation)
    for n, c, image, kernel, stride, padding, dilation in (
        (0, 2, (3, 4), (2, 2), (1, 1), (0, 0), (1, 1)), (1, 1, (1, 1), (1, 1), (1, 1), (0, 0), (1, 1)),
        (2, 3, (5, 7), (3, 2), (2, 1), (1, 0), (1, 2)), (1, 2, (6, 9), (2, 3), (1, 3), (2, 4), (3, 1)),
        (2, 1, (4, 15), (1, 3), (1, 1), (0, 1), (1, 1)), (1, 1, (3, 16), (2, 1), (1, 1), (0, 0), (1, 1)),
        (1, 2, (3, 17), (3, 3), (1, 1), (1, 1), (1, 1)), (1, 1, (2, 2), (1, 1), (1, 1), (4, 5), (1, 1)),
        (1, 2, (5, 40), (2, 5), (2, 2), (1, 3), (2, 2)), (2, 3, (30, 33), (3, 3), (1, 1), (1, 1), (1, 1))))
BENCH = ((8, 16), (56, 56), (3, 3), (1, 1), (1, 1), (1, 1))


def shapes(size):
    lead, image, kernel, stride, padding, dilation = size
    windows = [(n + 2 * p - d * (k - 1) - 1) // s + 1
               for n, k, s, p, d in zip(image, kernel, stride, padding, dilation)]
    return (*lead, *image), (*lead, *kernel, *windows), (stride, padding, dilation)


def unfold(rng, dtype, size):
    image, columns, attributes = shapes(size)
    return (garbage(columns, dtype), real(rng, image, dtype), *attributes), {}


def fold(rng, dtype, size):
    image, columns, attributes = shapes(size)
    return (garbage(image, dtype), real(rng, columns, dtype, special=False), *attributes), {}


CASES = [
    Case("unfold", unfold, SIZES, BENCH),
    Case("fold", fold, SIZES, BENCH, rtol=(1e-5, 1e-12), atol=(1e-5, 1e-13)),
]
