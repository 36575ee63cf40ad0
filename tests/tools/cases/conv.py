"""Sizes are (images, input shape, channels, filters, kernel, groups)."""

from . import Case, garbage

SIZES = (
    (0, (1, 1, 4), 2, 3, (1, 1, 3), 1), (1, (1, 1, 1), 1, 1, (1, 1, 1), 1), (2, (1, 1, 9), 3, 5, (1, 1, 3), 1),
    (1, (1, 5, 7), 1, 33, (1, 3, 3), 1), (2, (1, 6, 5), 3, 17, (1, 3, 2), 1), (1, (3, 4, 5), 4, 6, (2, 3, 3), 2),
    (3, (1, 9, 8), 16, 31, (1, 3, 3), 1), (2, (1, 7, 7), 33, 64, (1, 3, 3), 1), (2, (1, 8, 8), 6, 6, (1, 3, 3), 6),
    (1, (1, 11, 10), 64, 65, (1, 5, 5), 1),                                  # several blocks of k
    (4, (1, 16, 16), 24, 40, (1, 3, 3), 1),                                  # several chunks
)
# Winograd's: 3x3 kernels over at least 16 channels and filters; the panels of filters are 64 to 32 wide
WINOGRAD = (
    (1, (1, 3, 3), 16, 16, (1, 3, 3), 1), (2, (1, 5, 9), 17, 33, (1, 3, 3), 1), (3, (1, 9, 7), 34, 16, (1, 3, 3), 1),
    (2, (1, 4, 4), 66, 257, (1, 3, 3), 1),                                   # few tiles, many panels
    (1, (1, 30, 23), 16, 70, (1, 3, 3), 1),                                  # 48 tiles: a full block, and one below
    (6, (1, 15, 16), 20, 241, (1, 3, 3), 1),                                 # several parts of the tiles
)
# depthwise and in groups of equal size, one vector of channels and more, strips of a line and more
GROUPED = (
    (2, (1, 9, 19), 37, 37, (1, 3, 3), 37), (1, (1, 7, 37), 40, 40, (1, 5, 5), 40),
    (2, (1, 9, 9), 40, 40, (1, 3, 3), 10),
    (1, (1, 8, 20), 64, 64, (1, 3, 3), 4), (1, (2, 6, 7), 64, 64, (2, 3, 3), 2), (1, (1, 1, 70), 12, 12, (1, 1, 9), 12),
)
# few channels or filters: lines of a vector, of several, and longer than a block of k; filters of a sliver and of more
LINES = (
    (0, (1, 8, 8), 1, 2, (1, 3, 3), 1), (3, (1, 28, 28), 1, 6, (1, 5, 5), 1), (2, (1, 14, 14), 6, 16, (1, 5, 5), 1),
    (2, (1, 9, 33), 2, 1, (1, 3, 3), 1), (1, (3, 6, 17), 3, 3, (2, 3, 3), 1), (2, (1, 1, 70), 1, 5, (1, 1, 9), 1),
    (1, (1, 20, 47), 5, 20, (1, 5, 2), 1), (1, (1, 4, 1700), 1, 4, (1, 3, 3), 1), (1, (1, 6, 40), 40, 1, (1, 3, 3), 1),
    (9, (1, 7, 31), 3, 64, (1, 3, 7), 1),
)
# inverted blocks: channels expanded to filters, then as many groups, and a projection to channels + 1
SEPARABLE = (
    (0, (1, 5, 5), 3, 8, (1, 3, 3), 1), (1, (1, 1, 1), 1, 1, (1, 1, 1), 1), (2, (1, 9, 21), 3, 5, (1, 3, 3), 1),
    (1, (1, 40, 19), 5, 37, (1, 3, 3), 1), (3, (1, 33, 8), 16, 32, (1, 5, 5), 1), (2, (1, 70, 5), 33, 65, (1, 3, 2), 1),
)
BENCH = (32, (1, 32, 32), 64, 64, (1, 3, 3), 1)


def sizes_of(size, stride, padding, dilation):
    """The shapes of x, weight and out, or None if a window is larger than the padded input."""
    images, shape, channels, filters, kernel, groups = size
    out = tuple((n + 2 * p - (k - 1) * d - 1) // s + 1
                for n, k, s, p, d in zip(shape, kernel, stride, padding, dilation))
    if min(out) < 1:
        out = tuple(max(n, 0) for n in out)
    return (images, *shape, channels), (filters, channels // groups, *kernel), (images, *out, filters)


def geometry(stride=1, padding=0, dilation=1):
    """Attributes along the two last spatial dimensions."""
    return {"stride": (1, stride, stride), "padding": (0, padding, padding), "dilation": (1, dilation, dilation)}


def drawn(rng, dtype, *shapes):
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def forward(bias=False, residual=False, affine=False, activation=None, **where):
    def make(rng, dtype, size):
        attrs = geometry(**where)
        x, weight, out = sizes_of(size, **attrs)
        args = (garbage(out, dtype), *drawn(rng, dtype, x, weight))
        if bias:
            attrs["bias"] = rng.standard_normal(out[-1]).astype(dtype)
        if residual:
            attrs["residual"] = rng.standard_normal(out).astype(dtype)
        if affine:
            attrs["affine"] = rng.standard_normal((3, out[-1])).astype(dtype)
        return args, {**attrs, **({"activation": activation} if activation else {})}
    return make


def separable(residual=False, affine=False, activation="none", **where):
    def make(rng, dtype, size):
        attrs = geometry(**where)
        images, shape, channels, filters, kernel = size[:5]
        x, _, out = sizes_of((images, shape, channels, filters, kernel, 1), **attrs)
        out = (*out[:-1], channels + 1)
        shapes = ((filters, channels), (3, filters), (filters, 1, *kernel), (3, filters), (out[-1], filters),
                  (3, out[-1]))
        filled = drawn(rng, dtype, *shapes)
        if not affine:
            filled[1::2] = None, None, None
        if residual:
            attrs["residual"] = rng.standard_normal(out).astype(dtype)
        return (garbage(out, dtype), *drawn(rng, dtype, x), *filled), {**attrs, "activation": activation}
    return make


def of_input(bias=False, **where):
    def make(rng, dtype, size):
        attrs = geometry(**where)
        x, weight, out = sizes_of(size, **attrs)
        if bias:
            attrs["bias"] = rng.standard_normal(x[-1]).astype(dtype)
        return (garbage(x, dtype), *drawn(rng, dtype, out, weight)), attrs
    return make


def of_weight(**where):
    def make(rng, dtype, size):
        attrs = geometry(**where)
        x, weight, out = sizes_of(size, **attrs)
        return (garbage(weight, dtype), *drawn(rng, dtype, x, out)), attrs
    return make


def case(kernel, note, make, bench=None):
    return Case(kernel, make, SIZES, bench, rtol=(2e-5, 1e-12), atol=(3e-4, 1e-12), note=note)


def winograd(kernel, note, make):
    return Case(kernel, make, WINOGRAD, None, rtol=(2e-5, 1e-12), atol=(2e-3, 1e-12), note=f"winograd-{note}")


def grouped(kernel, note, make):
    return Case(kernel, make, GROUPED, None, rtol=(2e-5, 1e-12), atol=(3e-4, 1e-12), note=f"grouped-{note}")


def lines(kernel, note, make):
    return Case(kernel, make, LINES, None, rtol=(2e-5, 1e-12), atol=(6e-4, 1e-12), note=f"lines-{note}")


GEOMETRIES = {"plain": {}, "padded": {"padding": 1}, "strided": {"stride": 2, "padding": 1},
              "dilated": {"dilation": 2, "padding": 2}, "wide": {"stride": 3, "padding": 3, "dilation": 2}}
CASES = [case(kernel, note, make(**where), bench=BENCH if note == "padded" else None)
         for kernel, make in (("conv", forward), ("conv_input", of_input), ("conv_weight", of_weight))
         for note, where in GEOMETRIES.items()] + [
    case("conv", "bias", forward(bias=True)), case("conv", "relu", forward(bias=True, activation="relu", padding=1)),
    case("conv", "residual", forward(bias=True, residual=True, activation="relu", padding=1)),
    case("conv_input", "bias", of_input(bias=True, stride=2)),
] + [
    winograd(kernel, f"padding-{padding}", make(padding=padding)) for padding in (0, 1, 2)
    for kernel, make in (("conv", forward), ("conv_input", of_input), ("conv_weight", of_weight))
] + [
    case("conv", "affine", forward(affine=True, residual=True, activation="relu", padding=1)),
    case("conv", "relu6", forward(bias=True, affine=True, activation="relu6", stride=2)),
    winograd("conv", "affine", forward(affine=True, activation="relu6", padding=1)),
    winograd("conv", "residual", forward(bias=True, residual=True, activation="relu", padding=1)),
] + [
    grouped(kernel, note, make(**GEOMETRIES[note])) for note in ("padded", "strided", "wide")
    for kernel, make in (("conv", forward), ("conv_input", of_input), ("conv_weight", of_weight))
] + [
    grouped("conv", "end", forward(bias=True, affine=True, residual=True, activation="relu6", padding=1)),
    grouped("conv_input", "bias", of_input(bias=True, stride=2)),
    grouped("conv", "silu", forward(affine=True, residual=True, activation="silu", padding=1)),
    winograd("conv", "silu", forward(affine=True, residual=True, activation="silu", padding=1)),
    *[case("conv", f, forward(affine=True, residual=True, activation=f, padding=1))
      for f in ("silu", "hardswish", "hardsigmoid")],
] + [
    lines(kernel, note, make(**where)) for note, where in GEOMETRIES.items()
    for kernel, make in (("conv", forward), ("conv_input", of_input), ("conv_weight", of_weight))
] + [
    lines("conv", "end", forward(bias=True, affine=True, residual=True, activation="relu6", padding=2)),
    lines("conv", "silu", forward(affine=True, residual=True, activation="silu", padding=1)),
    lines("conv_input", "bias", of_input(bias=True, stride=2)),
] + [
    Case("conv_separable", separable(**{**options, **GEOMETRIES[note]}), SEPARABLE, None, rtol=(2e-5, 1e-12),
         atol=(2e-3, 1e-11), note=note)
    for note, options in (("plain", {}), ("padded", {"affine": True, "activation": "relu6", "residual": True}),
                          ("strided", {"affine": True, "activation": "silu"}), ("dilated", {"activation": "relu"}),
                          ("wide", {"affine": True}))
]
