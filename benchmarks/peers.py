"""fastnet and its peers: `python -m benchmarks.peers [--mode step|infer|matmul] [--plot FILE]`, and more options.

Times training steps, inference and matrix products. Each engine has a separate process; they take turns. See README.md.
"""
import argparse
import sys
from statistics import median

from . import table
from .engines import ENGINES
from .rows import MODES, rows
from .timing import Plan, busy, rounds
from .workers import Worker, missing

PLAN, QUICK = Plan(rounds=7, seconds=0.25), Plan(rounds=3, seconds=0.02)
TRUTH = ("PyTorch", "NumPy")            # the other engines must agree with the first of these that takes part
TOLERANCE = 1e-3                        # relative to the largest number


def main(argv=None):
    """Time the chosen rows, print the table and draw it; returns the exit status."""
    options = parse(argv)
    plan = QUICK if options.quick else PLAN
    found = rows(list(MODES) if options.mode == "all" else [options.mode], options.rows.split(","))
    if not found:
        print(f"no row has {options.rows!r} in its name", file=sys.stderr)
        return 2
    workers = start(options.engines)
    try:
        results = compare(workers, found, plan)
    finally:
        for worker in workers.values():
            worker.close()
    if options.plot:
        from .picture import draw
        draw(results, list(workers), options.plot)
        print(f"wrote {options.plot}")
    return int("wrong" in [cell for cells in results.values() for cell in cells.values()])


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", allow_abbrev=False, description="Time fastnet and its peers.",
        epilog="A ratio is the peer's time over fastnet's, the median over all rounds: above 1, fastnet is faster.")
    parser.add_argument("--mode", default="all", choices=[*MODES, "all"], help="mode to time (default: all)")
    parser.add_argument("--rows", default="", metavar="TEXT,..", help="only rows with one of these in their name")
    parser.add_argument("--engines", default=list(ENGINES), type=engine_names, metavar="NAME,..",
                        help=f"some of: {', '.join(ENGINES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    parser.add_argument("--plot", metavar="FILE", help="draw the ratios, as .svg or .png")
    return parser.parse_args(argv)


def engine_names(text):
    """The engines in a comma-separated list, ignoring case and punctuation."""
    known = {plain(name): name for name in ENGINES}
    names = [known.get(plain(part)) for part in text.split(",")]
    if None in names:
        raise argparse.ArgumentTypeError(f"expected names of {', '.join(ENGINES)}, got {text!r}")
    return names


def plain(name):
    return "".join(c for c in name.lower() if c.isalnum())


def start(names):
    """{name: Worker} of the installed engines; prints their versions, and the packages that are missing."""
    workers = {}
    for name in names:
        if missing(name):
            print(f"{name}: not installed ({', '.join(missing(name))}); pip install {ENGINES[name].package}")
            continue
        try:
            workers[name] = Worker(name)
        except RuntimeError as e:
            print(f"{name}: does not start: {e}")
    print(", ".join(f"{name} {worker.version}" for name, worker in workers.items()) + f"\n{busy()}")
    return workers


def compare(workers, found, plan):
    """{row: {engine: (seconds, ratio), or a word if it has no time}}; prints a line after each row."""
    results, mode = {}, None
    for row in found:
        if row.mode != mode:
            mode = row.mode
            print(table.peer_heading(MODES[mode], workers), flush=True)
        results[row], notes = time_row(workers, row, plan)
        print("\n".join([table.peer_line(row.label, workers, results[row]), *notes]), flush=True)
        if row is found[-1] or found[found.index(row) + 1].mode != mode:
            print(table.peer_means(workers, ratios(results, mode)) + "\n")
    return results


def time_row(workers, row, plan, threads=None):
    """({engine: (seconds, ratio), "wrong" or "failed"}, notes). Engines are timed only if their numbers agree."""
    checks, cells, notes = {}, {}, []
    for name, worker in workers.items():
        try:
            check = worker.prepare(row, plan.seconds, threads)
        except RuntimeError as e:
            cells[name] = "failed"
            notes.append(f"  {name}: {e}")
        else:
            if check is not None:
                checks[name] = check
    truth = next((checks[name] for name in TRUTH if name in checks), None)
    for name, check in checks.items():
        if truth and not agree(check, truth):
            cells[name] = "wrong"
            notes.append(f"  {name}: {check[:5]}, expected {truth[:5]}")
    turns = {name: workers[name].turn for name in checks if name not in cells}
    times = rounds(turns, plan.rounds, plan.settle)
    ours = times.get("fastnet")
    for name, theirs in times.items():
        ratio = median(t / o for t, o in zip(theirs, ours)) if ours and name != "fastnet" else None
        cells[name] = median(theirs), ratio
    return cells, notes


def agree(numbers, truth):
    """Whether two lists of numbers agree within TOLERANCE."""
    most = TOLERANCE * max(map(abs, truth))
    return len(numbers) == len(truth) and all(abs(a - b) <= most for a, b in zip(numbers, truth))


def ratios(results, mode):
    """{engine: its ratios in all rows of a mode}."""
    found = {}
    for row, cells in results.items():
        for name, cell in cells.items() if row.mode == mode else ():
            if cell[1] and not isinstance(cell, str):
                found.setdefault(name, []).append(cell[1])
    return found


if __name__ == "__main__":
    sys.exit(main())
