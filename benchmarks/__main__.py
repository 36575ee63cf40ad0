"""How many times faster fastnet is than NumPy: `python -m benchmarks [kernels|training|all] [--quick] [-k TEXT]`."""
import argparse
import os
import sys

import numpy as np

from fastnet.backend import config

from . import kernels, table, training
from .timing import QUICK, SETTLE, Plan, fastest_blas, fastest_torch, in_turns


def main(argv=None):
    """Run the parts asked for and print their tables; returns the exit status."""
    options = parse(argv)
    plan, dtypes = (QUICK, [np.float32]) if options.quick else (Plan(), [np.float32, np.float64])
    rows = kernels.rows(dtypes, options.k) if options.part != "training" else []
    nets = training.nets(options.k) if options.part != "kernels" else []
    if not rows and not nets:
        print(f"nothing to time has {options.k!r} in its name", file=sys.stderr)
        return 2
    print(heading())
    if rows:
        time_kernels(rows, plan, [np.dtype(d).name for d in dtypes])
    if nets:
        time_training(nets, plan)
    return 0


def parse(argv):
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Time fastnet beside NumPy.",
                                     epilog="Ratios are NumPy's median time over fastnet's: above 1, fastnet wins.")
    parser.add_argument("part", nargs="?", default="all", choices=["kernels", "training", "all"])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns, float32 alone")
    parser.add_argument("-k", default="", metavar="TEXT", help="only what has TEXT in its name (softmax, optim, mnist)")
    return parser.parse_args(argv)


def heading():
    """What runs, and whether the machine has other work."""
    c = config()
    lines = [f"fastnet on {c['backend']} kernels ({c['isa'] or 'no extension'}, {c['threads']} thread(s)), "
             f"NumPy {c['numpy']}, Python {c['python']}. Times are medians, taken in turns."]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0
    if load > 0.7:
        lines.append(f"The machine is at other work (load {load:.1f}): close it, or believe no ratio.")
    return "\n".join(lines)


# ---- kernels --------------------------------------------------------------------------------------------------------

def time_kernels(rows, plan, dtypes):
    """Time every kernel and print a line as each is done, then the means of the families."""
    ratios, reasons, printed = table.Ratios(), {}, None
    for (family, name), group in grouped(rows):
        cells = {row.dtype_name: time_row(row, plan, reasons) for row in group}
        cells = {dtype: cell for dtype, cell in cells.items() if cell}
        if not cells:
            continue
        if printed is None:
            print("\n" + table.kernel_heading(dtypes))
        if family != printed:
            print(family)
            printed = family
        print(table.kernel_line(name, [cells.get(d) for d in dtypes]), flush=True)
        for dtype, cell in cells.items():
            ratios.add(family, dtype, cell["NumPy"] / cell["fastnet"])
    if printed:
        print("\n" + ratios.text(dtypes))
    for reason, names in reasons.items():
        print(f"not compared, {reason}: " + (", ".join(names) if len(names) < 20 else f"{len(names)} kernels"))


def grouped(rows):
    """((family, name), its rows, one for each dtype)."""
    groups = {}
    for row in rows:
        groups.setdefault((row.family, row.name), []).append(row)
    return groups.items()


def time_row(row, plan, reasons):
    """{engine: seconds}, or None with the reason noted."""
    reason = kernels.why_not(row)
    if reason:
        reasons.setdefault(reason, {})[row.name] = None          # a set that keeps its order
        return None
    timed = {engine: kernels.prepare(row, backend) for engine, backend in kernels.BACKENDS.items()}
    if row.family != "matmul":
        return in_turns(timed, plan)
    with fastest_blas(timed["NumPy"]):
        return in_turns(timed, plan, SETTLE)


# ---- training -------------------------------------------------------------------------------------------------------

def time_training(nets, plan):
    """Time a training step of every network and print a line as each is done."""
    trainers, ratios = list(training.TRAINERS), []
    print("\n" + table.training_heading(trainers))
    for net in nets:
        seconds = time_net(net, plan)
        ratios.append(table.training_ratios(seconds))
        print(table.training_line(net.label, seconds), flush=True)
    print(table.training_means(ratios, trainers))


def time_net(net, plan):
    """{trainer: seconds a step}, after all gave the same losses."""
    ready = {name: training.prepare(net, name) for name in training.TRAINERS}
    for _, losses in ready.values():
        training.check_losses(net, losses, ready["NumPy"][1])
    timed = {name: step for name, (step, _) in ready.items()}
    with fastest_blas(timed["NumPy"]), fastest_torch(timed.get("PyTorch")):
        return in_turns(timed, plan, SETTLE)


if __name__ == "__main__":
    sys.exit(main())
