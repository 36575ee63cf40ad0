"""Tables of rows that are timed one by one."""
import argparse
import importlib
import sys
from statistics import geometric_mean

from . import table
from .engines import CPUS
from .peers import time_row
from .rows import named
from .timing import Plan, busy
from .workers import Worker, missing

BRIEF = 0.12            # seconds after which the threads of PyTorch and fastnet have stopped spinning


def run_table(name, text, examples, seconds, argv, rounds=5):
    """Print the tables of `python -m benchmarks.NAME`, whose engines and rows are in NAME_engines.

    Each engine has one process for all rows, which saves most of the time: an import takes longer than many rows.

    Args:
        name: of the program.
        text: its docstring.
        examples: parts of names of rows, for --help.
        seconds: of a turn, which has at least one call.
        argv: the program's arguments.
        rounds: turns of each engine by default.

    Returns:
        The exit status.
    """
    options = parse_rows(f"benchmarks.{name}", text, examples, argv, rounds)
    module = f"{name}_engines"
    engines = importlib.import_module(f".{module}", __package__)
    found = named(engines.ROWS, options.rows.split(","))
    if not found:
        print(f"no row has {options.rows!r} in its name", file=sys.stderr)
        return 2
    names = [engine for engine in engines.ENGINES if not missing(engine, module)]
    print(busy(), end="")
    plan = Plan(options.rounds, seconds, BRIEF)
    return int(compare_rows(module, engines.MODES, names, found, plan, options.threads, renew=False))


def compare_rows(module, modes, names, found, plan, threads, column=None, renew=True):
    """Time the rows and print a line for each; returns whether an engine computed something else.

    Args:
        module: whose ENGINES have the engines.
        modes: {mode of a row: its heading}.
        names: of the engines.
        found: the rows.
        plan: rounds, and seconds of a turn.
        threads: of each engine.
        column: (heading, function) of a last column, the text of function(row, seconds) for fastnet's time.
        renew: start new processes for each row, so that no engine keeps the memory of other rows.
    """
    wrong, mode, best, workers = False, None, {}, {}
    heading, text = column or ("", lambda row, seconds: "")
    for row in found:
        if row.mode != mode:
            mode, best = row.mode, {}
            print("\n" + table.peer_heading(modes[mode], names) + f"{'best peer':>12s}{heading:>12s}", flush=True)
        workers = workers or {name: Worker(name, module) for name in names}
        cells = {}
        try:
            cells, notes = time_row(workers, row, plan, threads)
        finally:
            if renew or not cells or "failed" in cells.values() or row is found[-1]:
                for worker in workers.values():
                    worker.close()
                workers = {}
        ratios = [cell[1] for cell in cells.values() if not isinstance(cell, str) and cell[1]]
        if ratios:
            best[row.label] = min(ratios)
        last = f"{f'x{min(ratios):.2f}' if ratios else '':>12s}"
        if not isinstance(cells.get("fastnet", ""), str):
            last += f"{text(row, cells['fastnet'][0]):>12s}"
        print("\n".join([table.peer_line(row.label, names, cells) + last, *notes]), flush=True)
        wrong = wrong or "wrong" in cells.values()
        if best and (row is found[-1] or found[found.index(row) + 1].mode != mode):
            lowest = min(best, key=best.get)
            ends = {"geometric mean": geometric_mean(best.values()), f"smallest: {lowest}": best[lowest]}
            for label, ratio in ends.items():
                print(f"{label:{table.NAME + table.PEER * len(names)}s}{f'x{ratio:.2f}':>12s}", flush=True)
    return wrong


def print_memory(module, names, found, threads):
    """Print the most memory of a training step of each row, each engine in a new process; arguments as above."""
    print(f"\n{'memory of a training step, MB':{table.NAME}s}" + "".join(f"{name:>{table.PEER}s}" for name in names))
    for row in found:
        peaks = []
        for name in names:
            worker = Worker(name, module)
            try:
                worker.prepare(row, 0, threads)
                peaks.append(worker.memory())
            finally:
                worker.close()
        for label, sizes in zip((row.label, "  without the imports"), zip(*peaks)):
            print(f"{label:{table.NAME}s}" + "".join(f"{size / 1e6:{table.PEER}.0f}" for size in sizes), flush=True)


def parse_rows(program, text, examples, argv, rounds=5):
    """The options --rows, --rounds and --threads of a table."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {program}", allow_abbrev=False, description=text.split("\n\n")[1],
        epilog="A ratio is the peer's time over fastnet's, the median over all rounds: above 1, fastnet is faster.")
    parser.add_argument("--rows", default="", metavar="TEXT,..", help="only rows with one of these in their name, such "
                        f"as {examples}")
    parser.add_argument("--rounds", type=int, default=rounds, metavar="N",
                        help=f"turns of each engine (default: {rounds})")
    parser.add_argument("--threads", type=int, default=CPUS, metavar="N", help="threads of each engine (default: all)")
    return parser.parse_args(argv)
