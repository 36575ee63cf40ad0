"""Measure where int8 is faster than float32: `python -m benchmarks.integers [--write] [--quick]`.

Times linear maps, convolutions and depthwise convolutions with int8 and with float32 weights on one thread, in turns,
as a frozen recording runs them, on each instruction set. `--write` stores the ratios of the times in
fastnet/functional/integer_speed_table.py, which decides the layers that `fastnet.quantize` leaves in float32.
"""
import argparse
import itertools
import time
from pathlib import Path

import numpy as np

import fastnet
from fastnet.functional import quantized
from fastnet.functional.integer_speed import GRIDS
from fastnet.nn import functional as F

TABLE = Path(__file__).resolve().parents[1] / "fastnet" / "functional" / "integer_speed_table.py"
HEADER = '"""The time of float32 relative to int8, in hundredths, by python -m benchmarks.integers --write."""\n'


def weights(rng, *shape):
    return fastnet.tensor((rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32))


def integers(rng, *shape):
    return fastnet.tensor(rng.integers(-127, 128, shape).astype(np.int8))


def factors(count):
    return [fastnet.tensor(a) for a in quantized.factors_of(np.full(count, 1e-3))]


def linear(rng, rows, depth, columns):
    """(the float32 layer, its input, the int8 layer, its input)"""
    w, q, multiplier, shift = weights(rng, columns, depth), integers(rng, columns, depth), *factors(columns)
    bias, bias_q = weights(rng, columns), fastnet.zeros(columns, dtype="int32")
    return (lambda x: F.relu(F.linear(x, w, bias)), weights(rng, rows, depth),
            lambda x: quantized.quantized_linear(x, q, bias_q, multiplier, shift, 3, -5, -5),
            integers(rng, rows, depth))


def convolution(rng, side, channels, filters, groups=1):
    shape = filters, channels // groups, 3, 3
    w, q, multiplier, shift = weights(rng, *shape), integers(rng, *shape), *factors(filters)
    bias, bias_q = weights(rng, filters), fastnet.zeros(filters, dtype="int32")
    image = (1, channels, side, side)
    last = fastnet.channels_last
    return (lambda x: F.relu(F.conv2d(x, w, bias, padding=1, groups=groups)),
            weights(rng, *image).contiguous(memory_format=last),
            lambda x: quantized.quantized_conv(x, q, bias_q, multiplier, shift, 3, -5, -5, padding=1, groups=groups),
            integers(rng, *image).contiguous(memory_format=last))


def depthwise(rng, side, channels):
    return convolution(rng, side, channels, channels, channels)


def ratio(make, size, seconds):
    """The time of float32 over that of int8."""
    real, x, whole, q = make(np.random.default_rng(0), *size)
    calls = []
    for function, argument in ((real, x), (whole, q)):
        compiled = fastnet.compile(function, freeze=True)
        for _ in range(3):
            compiled(argument)
        calls.append((compiled, argument))
    best, stop = [np.inf, np.inf], time.perf_counter() + seconds
    while time.perf_counter() < stop:
        for i, (function, argument) in enumerate(calls):
            count = max(1, int(2e-4 / best[i])) if best[i] < np.inf else 1
            start = time.process_time()
            for _ in range(count):
                function(argument)
            best[i] = min(best[i], (time.process_time() - start) / count)
    return best[0] / best[1]


MAKERS = {"linear": linear, "conv": convolution, "depthwise": depthwise}


def main(argv=None):
    """Print the ratios, and write them if asked; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.integers", allow_abbrev=False,
                                     description=__doc__.split("\n\n")[1])
    parser.add_argument("--write", action="store_true", help="write the table")
    parser.add_argument("--quick", action="store_true", help="shorter turns")
    options = parser.parse_args(argv)
    fastnet.set_num_threads(1)
    found = {}
    for isa in fastnet.available_isas():
        fastnet.set_isa(isa)
        for kind, grid in GRIDS.items():
            sizes = itertools.product(*grid.values())
            ratios = [round(100 * ratio(MAKERS[kind], size, 0.01 if options.quick else 0.06)) for size in sizes]
            found[isa, kind] = ratios
            print(f"{isa} {kind}: median {np.median(ratios) / 100:.2f}, int8 faster in "
                  f"{sum(r > 100 for r in ratios)} of {len(ratios)}", flush=True)
    if options.write:
        write(found)
    return 0


def write(found):
    lines = [HEADER, "__all__ = [\"RATIOS\"]\n", "RATIOS: dict[tuple[str, str], tuple[int, ...]] = {"]
    for (isa, kind), ratios in found.items():
        lines.append(f'    ("{isa}", "{kind}"): (')
        for i in range(0, len(ratios), 16):
            lines.append("        " + ", ".join(map(str, ratios[i:i + 16])) + ",")
        lines.append("    ),")
    TABLE.write_text("\n".join([*lines, "}", ""]))


if __name__ == "__main__":
    raise SystemExit(main())
