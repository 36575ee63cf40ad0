"""The speed of every kernel relative to NumPy: `python -m benchmarks [--quick] [-k TEXT]`."""
import argparse
import sys

import numpy as np

from fastnet.backend import config

from . import kernels, table
from .timing import QUICK, SETTLE, Plan, busy, fastest_blas, in_turns


def main(argv=None):
    """Time the chosen kernels and print the table; returns the exit status."""
    options = parse(argv)
    plan, dtypes = (QUICK, [np.float32]) if options.quick else (Plan(), [np.float32, np.float64])
    rows = kernels.rows(dtypes, options.k)
    if not rows:
        print(f"no kernel has {options.k!r} in its name", file=sys.stderr)
        return 2
    print(heading())
    time_kernels(rows, plan, [np.dtype(d).name for d in dtypes])
    return 0


def parse(argv):
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Time fastnet's kernels and NumPy's.",
                                     epilog="Ratios: NumPy's time over fastnet's; above 1, fastnet is faster.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns, float32 only")
    parser.add_argument("-k", default="", metavar="TEXT", help="only kernels with TEXT in their name (softmax, optim)")
    return parser.parse_args(argv)


def heading():
    """The backend and versions in use, and a warning if the machine is busy."""
    c = config()
    return (f"fastnet on {c['backend']} kernels ({c['isa'] or 'no extension'}, {c['threads']} thread(s)), "
            f"NumPy {c['numpy']}, Python {c['python']}. Times are medians, taken in turns.\n{busy()}")


def time_kernels(rows, plan, dtypes):
    """Time every kernel, print a line after each, then the means of the families."""
    ratios, reasons, printed = table.Ratios(), {}, None
    for (family, name), group in grouped(rows):
        cells = {row.dtype_name: time_row(row, plan, reasons) for row in group}
        cells = {dtype: cell for dtype, cell in cells.items() if cell}
        if not cells:
            continue
        if printed is None:
            print(table.kernel_heading(dtypes))
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
    """((family, name), list of its rows, one for each dtype)."""
    groups = {}
    for row in rows:
        groups.setdefault((row.family, row.name), []).append(row)
    return groups.items()


def time_row(row, plan, reasons):
    """{engine: seconds}; None if the row cannot be compared, with the reason added to `reasons`."""
    reason = kernels.why_not(row)
    if reason:
        reasons.setdefault(reason, {})[row.name] = None          # an ordered set
        return None
    timed = {engine: kernels.prepare(row, backend) for engine, backend in kernels.BACKENDS.items()}
    if row.family != "matmul":
        return in_turns(timed, plan)
    with fastest_blas(timed["NumPy"]):
        return in_turns(timed, plan, SETTLE)


if __name__ == "__main__":
    sys.exit(main())
