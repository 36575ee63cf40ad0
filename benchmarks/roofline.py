"""Every kernel relative to the limits of the processor: `python -m benchmarks.roofline [--threads N] [-k TEXT]`.

The limits are measured with peak.c: multiply-adds in registers, copies and triads in each cache and in memory. A kernel
must read and write its arrays at least once; a matrix product must also do its arithmetic. The share is the longer of
these two times at the limits, divided by the kernel's time. Most arrays stay in a cache between two calls, so the limit
of a row is that of the smallest cache that holds its arrays, on all threads, although small kernels use one.
"""
import argparse
import ctypes
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from kernel_tools import REFERENCE, arguments, arrays

import fastnet
from fastnet._core.memory import empty
from fastnet.backend import available_isas, get_isa

from . import kernels
from .table import NAME, microseconds
from .timing import QUICK, Plan, busy, in_turns

VECTORS = {"avx2": (32, "-mavx2", "-mfma"), "avx512": (64, "-mavx512f"), "avx512vnni": (64, "-mavx512f")}
# bytes of a vector, flags; others: 16, none
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
SIZES = {"L1": 32 << 10, "L2": 512 << 10, "L3": 16 << 20}                       # if the system does not report them


def main(argv=None):
    """Print the limits, then a line for each kernel; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.roofline", allow_abbrev=False,
                                     description=__doc__.split("\n\n")[1])
    parser.add_argument("--threads", type=int, default=fastnet.get_num_threads(),
                        help="threads to measure with (default: %(default)s)")
    parser.add_argument("-k", default="", metavar="TEXT", help="only kernels with TEXT in their name")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    options = parser.parse_args(argv)
    if not kernels.BUILT:
        print("the compiled kernels are not built", file=sys.stderr)
        return 2
    compiler = find_compiler()
    if compiler is None:
        print("expected a C compiler (cc, gcc or clang) to measure the limits, found none", file=sys.stderr)
        return 2
    print(busy(), end="")
    fastnet.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        limits = measure_limits(compiler, Path(folder), options.threads)
    rows = [row for row in kernels.rows([np.float32], options.k) if not kernels.why_not(row)]
    print(f"\n{'kernel, float32':{NAME}s}{'us':>10s}{'GB/s':>10s}{'GF/s':>10s}{'share':>8s}  of")
    for row in rows:
        print(line(row, limits, options.threads, QUICK if options.quick else Plan()), flush=True)
    return 0


# ---- the limits -----------------------------------------------------------------------------------------------------

def find_compiler():
    """The path of a C compiler; None if there is none."""
    return next(filter(None, map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang"))), None)



def measure_limits(compiler, folder, threads):
    """{"FMA": flops, "L1": bytes, ...} per second, for the instruction set in use; prints all limits."""
    counts = sorted({1, threads})
    print(f"{'':{NAME}s}" + "".join(f"{f'{n} thread(s)':>16s}" for n in counts))
    for isa in available_isas():
        library = build(compiler, folder, isa)
        flops = [fma_rate(library, n) for n in counts]
        print(f"{f'multiply-adds, {isa}, GF/s':{NAME}s}" + "".join(f"{f / 1e9:16.1f}" for f in flops))
        if isa == get_isa():
            mine, limits = library, {"FMA": flops[-1]}
    sizes = cache_sizes()
    for level, size in [*((level, size // 2) for level, size in sizes.items()), ("DRAM", 4 * sizes["L3"])]:
        best = [0] * len(counts)
        for kind, streams in (("copy", 2), ("triad", 3)):
            rates = [stream_rate(mine, kind, streams, size // (n if level in ("L3", "DRAM") else 1), n) for n in counts]
            print(f"{f'{kind} in {level}, GB/s':{NAME}s}" + "".join(f"{r / 1e9:16.1f}" for r in rates))
            best = [max(pair) for pair in zip(best, rates)]
        limits[level] = best[-1]
    return limits


def build(compiler, folder, isa):
    """Compile peak.c into a library for one instruction set."""
    width, *flags = VECTORS.get(isa, (16,))
    target = folder / f"peak_{isa}.so"
    subprocess.run([compiler, "-O3", "-fno-tree-loop-distribute-patterns", "-ffp-contract=fast", "-fPIC", "-shared",
                    f"-DBYTES={width}", *flags, str(Path(__file__).with_name("peak.c")), "-o", str(target)], check=True)
    library = ctypes.CDLL(str(target))
    library.width = width
    library.flops_a_turn.restype = ctypes.c_long
    library.multiply_add.argtypes = [ctypes.c_long]
    library.multiply_add.restype = ctypes.c_float
    for name in ("copy", "triad"):
        getattr(library, name).argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_long] * 2
        getattr(library, name).restype = None
    return library


def fma_rate(library, threads):
    turns = 1_000_000
    return library.flops_a_turn() * turns * rate(lambda i: library.multiply_add(turns), threads)


def stream_rate(library, kind, streams, size, threads):
    """Bytes per second, read and written, of a copy or triad over arrays of `size` bytes in total for each thread."""
    vectors = size // streams // library.width
    # offset by a cache line: arrays a power of two apart would evict each other from the cache
    sets = [[empty((vectors * library.width + 64 * 3,), np.dtype(np.uint8)) for _ in range(3)] for _ in range(threads)]
    addresses = [[a.ctypes.data + 64 * k for k, a in enumerate(three)] for three in sets]
    for three in sets:
        for a in three:
            a.fill(0)
    turns = max(1, (200 << 20) // size)
    call = getattr(library, kind)
    return streams * vectors * library.width * turns * rate(lambda i: call(*addresses[i], vectors, turns), threads)


def rate(call, threads, rounds=7):
    """Calls per second of call(0), ..., call(threads - 1) in parallel: the best of some rounds."""
    best = math.inf
    with ThreadPoolExecutor(threads) as pool:               # ctypes releases the GIL
        for _ in range(rounds):
            start = time.perf_counter()
            list(pool.map(call, range(threads)))
            best = min(best, time.perf_counter() - start)
    return threads / best


def cache_sizes():
    """{"L1": bytes, "L2": bytes, "L3": bytes} of the data caches."""
    sizes = dict(SIZES)
    for folder in CACHES.glob("index*"):
        level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction" and f"L{level}" in sizes:
            sizes[f"L{level}"] = int(size.rstrip("K")) << 10
    return sizes


# ---- the kernels ----------------------------------------------------------------------------------------------------

def line(row, limits, threads, plan):
    """The line of a kernel: its time, bytes and operations per second, and share of the limit."""
    seconds = in_turns({"": kernels.prepare(row, "compiled")}, plan)[""]
    args, attrs = arguments(row.case, row.dtype, row.case.bench)
    moved, flops = traffic(row.case.kernel, args, attrs), operations(row.case.kernel, args)
    level = next((level for level, size in cache_sizes().items()
                  if moved <= size * (1 if level == "L3" else threads)), "DRAM")
    bounds = {level: moved / limits[level], "FMA": flops / limits["FMA"]}
    by = max(bounds, key=bounds.get)
    gflops = f"{flops / seconds / 1e9:.1f}" if flops else "-"
    return (f"{row.name:{NAME}s}{microseconds(seconds):>10s}{moved / seconds / 1e9:10.1f}{gflops:>10s}"
            f"{bounds[by] / seconds:8.0%}  {by}")


def traffic(kernel, args, attrs):
    """Bytes that a kernel must read and write: each array once, and twice if it is updated in place."""
    once = {a.__array_interface__["data"][0]: a.nbytes for _, a in arrays(args, attrs)}
    updated = [args[i] for i in REFERENCE[kernel].outputs if args[i] is not None] if kernel.endswith("_") else []
    return sum(once.values()) + sum(a.nbytes for a in updated)


def operations(kernel, args):
    """Floating-point operations of a matrix product; 0 for other kernels, which are bound by memory."""
    if kernel != "matmul":
        return 0
    out, a, _ = args[:3]
    return 2 * out.size * a.shape[-1]


if __name__ == "__main__":
    sys.exit(main())
