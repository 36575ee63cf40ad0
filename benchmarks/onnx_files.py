"""ONNX files in fastnet and ONNX Runtime: `python -m benchmarks.onnx_files FILE ... [--shape NAME=N,..]`.

Compares the outputs on random inputs, and the time of a run on one thread, in turns. See README.md.
"""
import argparse
import sys
import time
from functools import partial
from pathlib import Path
from statistics import geometric_mean, median

import numpy as np

import fastnet

from .timing import Plan, rounds, undisturbed

PLAN, QUICK = Plan(rounds=9, seconds=0.3), Plan(rounds=3, seconds=0.05)
TOLERANCE = 1e-4                        # of the largest magnitude of an output, at least 1

# part of a file's name: sizes of its inputs with open dimensions, and values of inputs that are no random numbers
INPUTS = {
    "silero_vad": ({"input": (1, 576), "state": (2, 1, 128), "h": (2, 1, 64), "c": (2, 1, 64)}, {"sr": 16000}),
    "det": ({"x": (1, 3, 320, 320)}, {}),
    "rec": ({"x": (1, 3, 48, 320)}, {}),
    "cls": ({"x": (1, 3, 48, 192)}, {}),
}
LEAST = {4: (1, 3, 224, 224), 3: (1, 50, 40)}       # sizes of open dimensions in files that the table does not have


def main(argv=None):
    """Compare and time the files and print the table; returns the exit status."""
    options = parse(argv)
    fastnet.set_num_threads(1)
    results = [row(path, dict(options.shape), QUICK if options.quick else PLAN) for path in options.files]
    timed = [ours / theirs for _, ours, theirs in results if ours]
    if timed:
        print(f"{'geometric mean':40s} {'':>10s} {'':>9s} {'':>9s} {geometric_mean(timed):6.2f}")
    return int(any(error is None or error > TOLERANCE for error, *_ in results))


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.onnx_files", allow_abbrev=False, description=__doc__.splitlines()[0],
        epilog="A ratio is fastnet's time over ONNX Runtime's, the median over all rounds: below 1, fastnet is faster.")
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--shape", type=named_shape, action="append", default=[], metavar="NAME=N,N,..",
                        help="the shape of an input")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    return parser.parse_args(argv)


def named_shape(text):
    name, _, sizes = text.rpartition("=")
    return name, tuple(map(int, sizes.split(","))) if sizes else ()


def row(path, shapes, plan):
    """Print and return (error, fastnet's seconds, ONNX Runtime's seconds) of a file; None where there is nothing."""
    label = "/".join(Path(path).parts[-2:])[-40:]
    try:
        session = session_of(path)
        values = inputs_of(path, session, shapes)
        expected = session.run(None, values)
        model = fastnet.onnx.load(path)
        compiled = fastnet.compile(model, freeze=True)
        tensors = {name: fastnet.tensor(x) for name, x in values.items()}
        with fastnet.no_grad():
            found = compiled(**tensors)
            error = greatest_error([found] if isinstance(found, fastnet.Tensor) else found, expected)
            times = in_turns({"fastnet": lambda: compiled(**tensors),
                              "ONNX Runtime": lambda: session.run(None, values)}, plan)
    except Exception as e:
        print(f"{label:40s} {type(e).__name__}: {str(e)[:200]}", flush=True)
        return None, None, None
    ours, theirs = (median(times[name]) for name in ("fastnet", "ONNX Runtime"))
    print(f"{label:40s} {error:10.1e} {ours * 1e3:8.3f} ms {theirs * 1e3:8.3f} ms {ours / theirs:6.2f}", flush=True)
    return error, ours, theirs


def in_turns(calls, plan):
    """The seconds of processor time per call of each of {name: function}, in each of its turns."""
    def turn(run, count):
        start = time.process_time()
        for _ in range(count):
            run()
        return (time.process_time() - start) / count
    with undisturbed():
        counts = {name: max(int(plan.seconds / max(turn(run, 3), 1e-9)), 1) for name, run in calls.items()}
        return rounds({name: partial(turn, run, counts[name]) for name, run in calls.items()}, plan.rounds)


def session_of(path):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def inputs_of(path, session, shapes):
    """Random inputs of a file, by name."""
    known, values = table_of(path)
    rng = np.random.default_rng(0)
    return {x.name: drawn(rng, x, shapes.get(x.name) or known.get(x.name), values.get(x.name))
            for x in session.get_inputs()}


def table_of(path):
    """The entry of `INPUTS` for a file."""
    return next((found for part, found in INPUTS.items() if part in str(path)), ({}, {}))


def drawn(rng, x, shape, value):
    dtype = {"float": np.float32, "double": np.float64, "bool": np.bool_}.get(x.type[7:-1], x.type[7:-1])
    least = LEAST.get(len(x.shape), (1,) * len(x.shape))
    open_sizes = shape or least
    shape = tuple(n if isinstance(n, int) and n > 0 else open_sizes[i] for i, n in enumerate(x.shape))
    if value is not None:
        return np.full(shape, value, dtype)
    if np.dtype(dtype).kind == "f":
        return rng.uniform(-1, 1, shape).astype(dtype)
    return rng.integers(0, 2 if np.dtype(dtype).kind == "b" else 256, shape).astype(dtype)


def greatest_error(found, expected):
    """The greatest difference, relative to the largest magnitude of its output, at least 1."""
    return max((float(np.abs(np.asarray(x, np.float64) - y).max() / max(np.abs(y).max(), 1)) if y.size else 0.0)
               for x, y in zip(found, expected, strict=True))


if __name__ == "__main__":
    sys.exit(main())
