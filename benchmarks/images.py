"""Convolutional networks: `python -m benchmarks.images [--rows TEXT,..] [--rounds N] [--threads N]`.

Times inference and training steps of networks at 224 pixels and single layers, on all installed engines; measures the
share of the processor's multiply-adds that the convolutions of ResNet-18 reach, and the peak memory of a training step.
See README.md.
"""
import math
import sys
import tempfile
from pathlib import Path

import numpy as np

import fastnet
from fastnet.backend import K, get_isa

from . import roofline, table
from .image_engines import ENGINES, MODES, ROWS, Network, Row
from .kernels import BUILT
from .row_tables import compare_rows, parse_rows, print_memory
from .rows import named
from .timing import Plan, Timed, busy, in_turns
from .workers import missing

RESNET18 = Network("resnet18", 32, 32)
# images, pixels, input channels, filters, kernel, stride: the layers of ResNet-18, for 32 pixels and for 224
CONVOLUTIONS = (
    (32, 32, 3, 64, 3, 1), (32, 32, 64, 64, 3, 1), (32, 32, 64, 128, 3, 2), (32, 32, 64, 128, 1, 2),
    (32, 16, 128, 128, 3, 1), (32, 16, 128, 256, 3, 2), (32, 8, 256, 256, 3, 1), (32, 8, 256, 512, 3, 2),
    (32, 4, 512, 512, 3, 1), (8, 224, 3, 64, 7, 2), (8, 56, 64, 64, 3, 1), (8, 56, 64, 128, 3, 2),
    (8, 28, 128, 128, 3, 1), (8, 28, 128, 256, 3, 2), (8, 14, 256, 256, 3, 1), (8, 14, 256, 512, 3, 2),
    (8, 7, 512, 512, 3, 1))
KERNELS = {"conv": "output", "conv_input": "dX", "conv_weight": "dW"}
WINOGRAD = 16           # channels and filters from which on 3x3 kernels of stride 1 use it
SHARE_NOTE = ("share: of the operations of direct convolutions and matrix products in the multiply-adds that peak.c "
              "reaches; each gradient counts as much as the forward pass")
SECONDS = 0.25          # of a turn, which has at least one call


def main(argv=None):
    """Print the tables; returns the exit status."""
    options = parse_rows("benchmarks.images", __doc__, "infer, step, layer, share, memory, resnet50, b1", argv)
    texts, plan = options.rows.split(","), Plan(options.rounds, SECONDS)
    found = named(ROWS, texts)
    shares = [shape for shape in CONVOLUTIONS if any(text in share_name(shape) for text in texts)]
    memory = any(text in "memory-resnet18" for text in texts)
    if not (found or shares or memory):
        print(f"no row has {options.rows!r} in its name", file=sys.stderr)
        return 2
    names = [name for name in ENGINES if not missing(name, "image_engines")]
    absent = [name for name in ENGINES if name not in names]
    print((f"not installed: {', '.join(absent)}\n" if absent else "") + busy(), end="")
    with tempfile.TemporaryDirectory() as folder:
        library = peak_library(folder)
        wrong = compare_rows("image_engines", MODES, names, found, plan, options.threads,
                             library and share_column(library, options.threads))
        if found and library:
            print(SHARE_NOTE)
        if shares and library:
            print_shares(shares, plan, options.threads, library)
    if memory and sys.platform == "linux":
        names = [name for name in names if name in ("fastnet", "PyTorch", "PyTorch NHWC")]
        print_memory("image_engines", names, [Row("step", RESNET18)], options.threads)
    return int(wrong)


# ---- the share of the peak ------------------------------------------------------------------------------------------

def share_name(shape):
    return f"share-{'x'.join(map(str, shape))}"


def peak_library(folder):
    """peak.c, compiled for the instruction set in use; None, with a message, without a compiler or kernels."""
    compiler = roofline.find_compiler()
    if compiler is None:
        print("\nexpected a C compiler (cc, gcc or clang) to measure the peak, found none")
    return roofline.build(compiler, Path(folder), get_isa()) if compiler and BUILT else None


def share_column(library, threads):
    """The last column of the rows: fastnet's share of the peak, which is measured after each row."""
    return "share", lambda row, seconds: f"{row.operations / seconds / roofline.fma_rate(library, threads):.0%}"


def print_shares(shapes, plan, threads, library):
    """Each convolution's operations per second, relative to the multiply-adds that peak.c reaches."""
    fastnet.set_num_threads(threads)
    print(f"\n{'share of the multiply-adds':{table.NAME}s}{'us':>10s}{'GF/s':>10s}{'share':>8s}{'own':>8s}")
    for shape in shapes:
        peak = roofline.fma_rate(library, threads)
        times = in_turns(calls(shape), plan)
        peak = max(peak, roofline.fma_rate(library, threads))
        for kernel, what in KERNELS.items():
            print(share_line(shape, kernel, what, times[kernel], peak), flush=True)
    print("share: of direct convolution's operations; own: of those of Winograd's products, a quarter of them where "
          "tiles of 4x4 fit")


def share_line(shape, kernel, what, seconds, peak):
    images, side, channels, filters, size, stride = shape
    direct, own = operations(shape)
    label = f"{images} x {side}x{side}, {channels} to {filters}, {size}x{size} / {stride}: {what}"
    return (f"{label:{table.NAME}s}{table.microseconds(seconds):>10s}{direct / seconds / 1e9:10.1f}"
            f"{direct / seconds / peak:8.0%}{f'{own / seconds / peak:.0%}' if own else '-':>8s}")


def operations(shape):
    """Floating-point operations of direct convolution, and of Winograd's products; the second is 0 without it."""
    images, _, channels, filters, size, stride = shape
    out = output_side(shape)
    direct = 2 * images * out * out * size * size * channels * filters
    tiles = images * math.ceil(out / 4) ** 2
    winograd = size == 3 and stride == 1 and min(channels, filters) >= WINOGRAD
    return direct, 2 * 36 * tiles * channels * filters if winograd else 0


def output_side(shape):
    _, side, _, _, size, stride = shape
    return (side + 2 * (size // 2) - size) // stride + 1


def calls(shape):
    """{kernel: Timed} of the three kernels of a convolution."""
    images, side, channels, filters, size, stride = shape
    out = output_side(shape)
    rng = np.random.default_rng(0)
    x, weight, y = (rng.standard_normal(s, np.float32) for s in (
        (images, 1, side, side, channels), (filters, channels, 1, size, size), (images, 1, out, out, filters)))
    dx, dw, g = np.empty_like(x), np.empty_like(weight), np.ones_like(y)
    where = {"stride": (1, stride, stride), "padding": (0, size // 2, size // 2)}
    return {"conv": Timed(lambda: K.conv(y, x, weight, **where)),
            "conv_input": Timed(lambda: K.conv_input(dx, g, weight, **where)),
            "conv_weight": Timed(lambda: K.conv_weight(dw, x, g, **where))}


if __name__ == "__main__":
    sys.exit(main())
