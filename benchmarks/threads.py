"""Check that more threads never harm: `python -m benchmarks.threads [--rows TEXT,..] [--quick]`.

Times compiled training steps of w-w-w perceptrons with 1, 2 and 8 threads, each in a separate process, in turns. Two
threads may take at most 1.05 times, eight at most twice the time of one thread, for any number of processors. Exits
with 1 if a row exceeds a limit.
"""
import argparse
import sys
from statistics import median

from .rows import Net, Row, named
from .table import microseconds
from .timing import SETTLE, Plan, busy, rounds
from .workers import Worker

LIMITS = {2: 1.05, 8: 2.0}              # threads -> limit of their time relative to one thread's
NETS = [Net((w, w, w), "relu", "AdamW", batch) for batch in (32, 128) for w in (8, 16, 32, 64, 128, 256, 512)]
PLAN, QUICK = Plan(rounds=11, seconds=0.1), Plan(rounds=3, seconds=0.02)


def main(argv=None):
    """Print a line for each network; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.threads", allow_abbrev=False,
                                     description=__doc__.split("\n\n")[1])
    parser.add_argument("--rows", default="", metavar="TEXT,..", help="only networks with one of these in their name")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    options = parser.parse_args(argv)
    nets = named(NETS, options.rows.split(","))
    workers = {n: Worker("fastnet") for n in (1, *LIMITS)}
    print(busy() + f"{'training step':16s}" + "".join(f"{f'{n} thread(s) us':>18s}" for n in workers))
    try:
        missed = [net.name for net in nets if not time_net(net, workers, QUICK if options.quick else PLAN)]
    finally:
        for worker in workers.values():
            worker.close()
    print(f"over the limit: {', '.join(missed)}" if missed else
          "all within " + ", ".join(f"x{limit:g} with {n} threads" for n, limit in LIMITS.items()))
    return int(bool(missed))


def time_net(net, workers, plan):
    """Print the line of a network; returns whether it keeps the limits. A ratio is the median over all rounds."""
    for n, worker in workers.items():
        worker.prepare(Row("step", net), plan.seconds, threads=n)
    times = rounds({n: worker.turn for n, worker in workers.items()}, plan.rounds, SETTLE)
    ratios = {n: median(t / one for t, one in zip(times[n], times[1])) for n in LIMITS}
    cells = [microseconds(median(times[1]))] + [f"{microseconds(median(times[n]))} x{r:.2f}" for n, r in ratios.items()]
    print(f"{net.name:16s}" + "".join(f"{cell:>18s}" for cell in cells), flush=True)
    return all(ratio <= LIMITS[n] for n, ratio in ratios.items())


if __name__ == "__main__":
    sys.exit(main())
