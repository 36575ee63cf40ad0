"""Tables of rows that are timed one by one, each engine in a new process for each row."""
import argparse
import importlib
import sys
from statistics import geometric_mean

from . import table
from .engines import CPUS
from .peers import time_row
from .timing import Plan, busy
from .workers import Worker, missing


def run_table(name, text, examples, seconds, argv):
    """Print the tables of `python -m benchmarks.NAME`, whose engines and rows are in NAME_engines.

    Args:
        name: of the program.
        text: its docstring.
        examples: parts of names of rows, for --help.
        seconds: of a turn, which has at least one call.
        argv: the program's arguments.

    Returns:
        The exit status.
    """
    options = parse_rows(f"benchmarks.{name}", text, examples, argv)
    module = f"{name}_engines"
    engines = importlib.import_module(f".{module}", __package__)
    found = engines.rows(options.rows.split(","))
    if not found:
        print(f"no row has {options.rows!r} in its name", file=sys.stderr)
        return 2
    names = [engine for engine in engines.ENGINES if not missing(engine, module)]
    print(busy(), end="")
    return int(compare_rows(module, engines.MODES, names, found, Plan(options.rounds, seconds), options.threads))


def compare_rows(module, modes, names, found, plan, threads, column=None):
    """Time the rows and print a line for each; returns whether an engine computed something else.

    Each row has new processes, so that no engine keeps the memory of other rows.

    Args:
        module: whose ENGINES have the engines.
        modes: {mode of a row: its heading}.
        names: of the engines.
        found: the rows.
        plan: rounds, and seconds of a turn.
        threads: of each engine.
        column: (heading, function) of a last column, the text of function(row, seconds) for fastnet's time.
    """
    wrong, mode, best = False, None, []
    heading, text = column or ("", lambda row, seconds: "")
    for row in found:
        if row.mode != mode:
            mode, best = row.mode, []
            print("\n" + table.peer_heading(modes[mode], names) + f"{'best peer':>12s}{heading:>12s}", flush=True)
        workers = {name: Worker(name, module) for name in names}
        try:
            cells, notes = time_row(workers, row, plan, threads)
        finally:
            for worker in workers.values():
                worker.close()
        ratios = [cell[1] for cell in cells.values() if not isinstance(cell, str) and cell[1]]
        best += [min(ratios)] if ratios else []
        last = f"{f'x{min(ratios):.2f}' if ratios else '':>12s}"
        if not isinstance(cells.get("fastnet", ""), str):
            last += f"{text(row, cells['fastnet'][0]):>12s}"
        print("\n".join([table.peer_line(row.label, names, cells) + last, *notes]), flush=True)
        wrong = wrong or "wrong" in cells.values()
        if best and (row is found[-1] or found[found.index(row) + 1].mode != mode):
            print(f"{'geometric mean':{table.NAME + table.PEER * len(names)}s}{f'x{geometric_mean(best):.2f}':>12s}")
    return wrong


def parse_rows(program, text, examples, argv):
    """The options --rows, --rounds and --threads of a table."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {program}", allow_abbrev=False, description=text.split("\n\n")[1],
        epilog="A ratio is the peer's time over fastnet's, the median over all rounds: above 1, fastnet is faster.")
    parser.add_argument("--rows", default="", metavar="TEXT,..", help="only rows with one of these in their name, such "
                        f"as {examples}")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="turns of each engine (default: 5)")
    parser.add_argument("--threads", type=int, default=CPUS, metavar="N", help="threads of each engine (default: all)")
    return parser.parse_args(argv)
