"""Whole programs under fastnet and PyTorch: `python -m benchmarks.programs [--programs NAME,..] [--rounds N]`.

The programs of tests/torch/programs run unchanged: `fastnet run program.py` and `python program.py`, in turns, each in
its own process. A program ends with a line of losses, which must agree. See README.md.
"""
import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import geometric_mean, median

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "tests" / "torch" / "programs"
ENGINES = {"fastnet": ["-m", "fastnet", "run"], "PyTorch": []}
TOLERANCE = 0.01                        # of the losses at the end

# PyTorch imports much of itself with its first optimizer.
BARE = "import {0} as torch; torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)"

# name: (what it does, its arguments)
ROWS = {
    "reinforce": ("policy gradient, 64-64, batch 1 acting", ["--episodes", "60", "--horizon", "100"]),
    "dqn": ("deep Q-learning, replay buffer", []),
    "mnist": ("convolutions, a DataLoader of single samples", ["--samples", "4000"]),
    "char_lstm": ("character LSTM, 2 layers of 128", []),
    "gpt": ("small GPT on characters", []),
    "pinn": ("physics-informed network, second derivatives", []),
    "vae": ("variational autoencoder", ["--epochs", "4"]),
    "resume": ("small network, checkpoints", ["--epochs", "20"]),
}


def main(argv=None):
    """Time the chosen programs and print the table; returns the exit status."""
    options = parse(argv)
    print(f"{'':46s}{'whole run (s)':^26s}{'without the imports (s)':^26s}")
    print(f"{'program':46s}{'fastnet':>9s}{'PyTorch':>9s}{'ratio':>8s}{'fastnet':>9s}{'PyTorch':>9s}{'ratio':>8s}")
    bare = {engine: median(run(engine, None, [], options)[0] for _ in range(options.rounds)) for engine in ENGINES}
    ratios, wrong = [], False
    for name in options.programs:
        about, arguments = ROWS[name]
        runs = {engine: [] for engine in ENGINES}
        for _ in range(options.rounds):             # in turns, so that a slow moment of the machine meets both
            for engine in ENGINES:
                runs[engine].append(run(engine, PROGRAMS / f"{name}.py", arguments, options))
        whole = {engine: median(seconds for seconds, _ in found) for engine, found in runs.items()}
        inner = {engine: max(whole[engine] - bare[engine], 1e-3) for engine in ENGINES}
        ratios.append([times["PyTorch"] / times["fastnet"] for times in (whole, inner)])
        agree = all(close(a, b) for a, b in zip(*(found[0][1] for found in runs.values())))
        wrong |= not agree
        cells = "".join(f"{times['fastnet']:9.2f}{times['PyTorch']:9.2f}{f'x{ratio:.2f}':>8s}"
                        for times, ratio in zip((whole, inner), ratios[-1]))
        print(f"{f'{name}: {about}'[:46]:46s}{cells}{'' if agree else '  other losses'}", flush=True)
    means = [geometric_mean(column) for column in zip(*ratios)]
    print(f"{'geometric mean':46s}{f'x{means[0]:.2f}':>26s}{f'x{means[1]:.2f}':>26s}")
    return int(wrong)


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.programs", allow_abbrev=False, description="Time whole programs under two engines.",
        epilog="A ratio is PyTorch's time over fastnet's: above 1, fastnet is faster.")
    parser.add_argument("--programs", default=list(ROWS), type=lambda text: text.split(","), metavar="NAME,..",
                        help=f"some of: {', '.join(ROWS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each (default: %(default)s)")
    parser.add_argument("--cpu", action="store_true",
                        help="count processor time, which other processes disturb less, in place of wall time")
    parser.add_argument("--threads", metavar="N", help="number of threads of both engines (default: their own choice)")
    options = parser.parse_args(argv)
    unknown = [name for name in options.programs if name not in ROWS]
    if unknown:
        parser.error(f"no program {unknown[0]!r}; choose from {', '.join(ROWS)}")
    return options


def run(engine, program, arguments, options):
    """(seconds, losses at the end) of one run; without a program, of imports alone."""
    if program is None:
        words = ["-c", BARE.format("fastnet.torch" if engine == "fastnet" else "torch")]
    else:
        words = [*ENGINES[engine], str(program), *arguments]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    if options.threads:
        environment["OMP_NUM_THREADS"] = options.threads
    start, spent = time.perf_counter(), children_time()
    found = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)
    seconds = children_time() - spent if options.cpu else time.perf_counter() - start
    if found.returncode:
        sys.exit(f"{engine} failed on {program}:\n{found.stderr}")
    losses = [line.split()[1:] for line in found.stdout.splitlines() if line.startswith("final")]
    return seconds, [float(word) for word in losses[-1]] if losses else []


def children_time():
    """The processor time of the processes that have ended so far."""
    times = os.times()
    return times.children_user + times.children_system


def close(a, b):
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b))


if __name__ == "__main__":
    sys.exit(main())
