"""Several ranks: `python -m benchmarks.distributed [--rows TEXT,..] [--rounds N] [--steps N] [--backend mpi]`.

Trains with the Trainer on one rank and on two ranks of one thread each, in turns, and prints the samples a second:
weak scaling (the row's batch on each rank), strong scaling (half of it), and the bytes that a rank sends in a step.
Rows with `overlap` limit the connection of the two ranks to the speed of a network, and print the time of a step whose
gradients are exchanged after backward() and during it, in turns, with the row's batch on each rank. The row `exchange`
sums an array of the size of ResNet-18's gradients, through shared memory and through messages, in turns. The row `loss`
compares the losses of DistributedDataParallel with those of PyTorch's (gloo) over some steps on two ranks.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from fastnet._core.world import TOKEN
from fastnet.distributed.launcher import environment_of, free_port

from .timing import busy

ROWS = {"resnet18_b32": ("resnet18", (3, 32, 32), 10, 32, "sgd"), "wide_mlp_b512": ("mlp", (1024,), 1000, 512, "adamw")}
WARM_UP = 3                             # steps that are recorded or measured by the tuner
LOSS_STEPS = 60
FLOAT = 4
RESNET18 = 11_173_962                   # parameters for 10 classes
GIGABITS = (1, 10)                      # a second, of the rows with `overlap`; then the connection as it is


def main(argv=None):
    """Print the tables; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.distributed", allow_abbrev=False)
    parser.add_argument("--rows", default="", metavar="TEXT,..",
                        help=f"some of {', '.join(ROWS)}, overlap, exchange, loss")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each training (default: 3)")
    parser.add_argument("--steps", type=int, default=8, metavar="N", help="timed steps of a turn (default: 8)")
    parser.add_argument("--backend", default="sockets", choices=("sockets", "mpi"))
    parser.add_argument("--rank", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.rank:
        rank(*options.rank, options)
        return 0
    texts = options.rows.split(",")
    print(busy(), end="")
    for name in ROWS:
        if any(text in name for text in texts):
            scaling(name, options)
        if any(text in name + " overlap" for text in texts):
            overlap(name, options)
    if any(text in "exchange" for text in texts):
        exchange(options)
    return loss_curves(options) if any(text in "loss" for text in texts) else 0


# ---- speed -----------------------------------------------------------------------------------------------------------

def scaling(name, options):
    """The samples a second of one rank and of two."""
    batch = ROWS[name][3]
    found = {key: [] for key in ("one rank", "weak", "strong")}
    for _ in range(options.rounds):
        for key, count, size in (("one rank", 1, batch), ("weak", 2, 2 * batch), ("strong", 2, batch)):
            found[key].append(ranks(count, options, "time", json.dumps([name, size, None, True]))[0])
    rates = {key: median(turn["samples"] for turn in turns) for key, turns in found.items()}
    for key, rate in rates.items():
        ratio = median(turn["samples"] / one["samples"] for turn, one in zip(found[key], found["one rank"]))
        print(f"{name + ' ' + key:26s}{rate:10.1f} samples/s{ratio:8.2f} x", flush=True)
    sent = found["strong"][0]
    print(f"{name + ' bytes':26s}{sent['bytes']:12,.0f} a step; gradients and buffers {sent['theory']:,d} (theory)")


def overlap(name, options):
    """The time of a step, with the exchange after backward() and during it."""
    batch = 2 * ROWS[name][3]
    for gigabits in (*GIGABITS, None):
        found = {False: [], True: []}
        for _ in range(options.rounds):
            for during, turns in found.items():
                [turn] = ranks(2, options, "time", json.dumps([name, batch, gigabits, during]))
                turns.append(batch / turn["samples"])
        ratio = median(after / during for after, during in zip(found[False], found[True]))
        how = "as it is" if gigabits is None else f"{gigabits} Gbit/s"
        print(f"{name + ' overlap':26s}{how:10s}{median(found[False]) * 1e3:8.0f} ms after backward()"
              f"{median(found[True]) * 1e3:8.0f} ms during it{ratio:8.2f} x", flush=True)


def exchange(options):
    """The time of a sum over two ranks alone, through shared memory and through messages."""
    for how, turns in ranks(2, options, "exchange", "null")[0].items():
        wall, processor = (median(turn) * 1e3 for turn in zip(*turns))
        print(f"{'exchange of 44.7 MB':26s}{how:14s}{wall:8.1f} ms, {processor:.1f} ms of processor time on each rank",
              flush=True)


def ranks(count, options, *task):
    """What each of `count` ranks with one thread each printed, as a list of parsed JSON."""
    command = [sys.executable, "-m", "benchmarks.distributed", "--backend", options.backend, "--steps",
               str(options.steps), "--rank", *task]
    home = str(Path(__file__).resolve().parents[1])
    place = {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), TOKEN: "benchmark",
             "PYTHONPATH": os.pathsep.join([home, os.environ.get("PYTHONPATH", "")])}
    if options.backend == "mpi" and task[0] != "loss" and count > 1:
        mpirun = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        shared = os.environ | {key: place[key] for key in ("OMP_NUM_THREADS", "PYTHONPATH")}
        out = subprocess.run([mpirun, "-n", str(count), *command], env=shared, stdout=subprocess.PIPE, text=True,
                             check=True).stdout
        return [json.loads(line) for line in out.splitlines()]
    processes = [subprocess.Popen(command, env=environment_of(r, count, os.environ) | place, text=True,
                                  stdout=subprocess.PIPE) for r in range(count)]
    outs = [p.communicate()[0] for p in processes]
    if any(p.returncode for p in processes):
        raise RuntimeError("a rank failed; its message is above")
    return [json.loads(out) for out in outs if out.strip()]


def rank(kind, task, options):
    """The program of one rank; rank 0 prints a line of JSON."""
    if kind == "time":
        print_if_first(timed_training(*json.loads(task), options))
    elif kind == "exchange":
        print_if_first(timed_exchange(options))
    else:
        engine, path = json.loads(task)
        np.save(f"{path}-{os.environ['RANK']}.npy", ENGINES[engine]())


def print_if_first(found):
    from fastnet._core import world
    if world.is_first_rank():
        sys.stdout.write(json.dumps(found) + "\n")


def timed_training(name, batch, gigabits, during, options):
    """Train for some steps; returns samples a second, the bytes of a step, and those of its sums in theory.

    Args:
        batch: of all ranks together.
        gigabits: a second, the speed of the connection; None: as it is.
        during: whether gradients are exchanged during backward().
    """
    import fastnet
    from fastnet import distributed
    from fastnet._core import world
    from fastnet.distributed.collectives import sent_by_all_reduce

    if options.backend == "mpi" or int(os.environ.get("WORLD_SIZE", 1)) > 1:
        distributed.init_process_group(options.backend)
        if gigabits is not None:
            world.current().transport = limited(world.current().transport, gigabits)
        world.current().transport.serves_threads &= during
    kind, shape, classes, _, optimizer = ROWS[name]
    fastnet.manual_seed(0)
    model = network(fastnet, kind, classes)
    rng = np.random.default_rng(0)
    steps = WARM_UP + options.steps
    x = rng.standard_normal((batch * steps, *shape)).astype(np.float32)
    y = rng.integers(0, classes, batch * steps)
    clock = Clock()
    fastnet.Trainer(model, optimizer, loss="cross_entropy", lr=1e-3).fit(x, y, batch_size=batch, progress=False,
                                                                         callbacks=[clock])
    seconds = median(np.diff(clock.times)[WARM_UP - 1:])
    sums = FLOAT * sum(p.numel() for p in model.parameters())
    sums += sum(b.numel() * b.element_size() for b in model.buffers())
    return {"samples": batch / seconds, "bytes": float(median(np.diff(clock.bytes))),
            "theory": sent_by_all_reduce(sums, world.world_size())}


def timed_exchange(options):
    """{"shared memory": [[seconds, seconds of processor time] of each turn], "messages": ...}."""
    from fastnet import distributed
    from fastnet._core import world
    from fastnet.distributed.collectives import all_reduce_array

    distributed.init_process_group(options.backend)
    transport = world.current().transport
    array = np.zeros(RESNET18, np.float32)
    found = {"shared memory": [], "messages": []}
    slots = dict(zip(found, (transport.slots, {})))
    for _ in range(WARM_UP + options.steps):
        for how, turns in found.items():
            transport.slots = slots[how]
            clocks = time.perf_counter, time.process_time
            begin = [clock() for clock in clocks]
            all_reduce_array(transport, array)
            turns.append([clock() - start for clock, start in zip(clocks, begin)])
    return {how: turns[WARM_UP:] for how, turns in found.items()}


def limited(transport, gigabits):
    """A transport whose exchanges take as long as over a network of this speed, without work for the processor."""
    from fastnet.distributed.transport import Transport

    class Limited(Transport):
        rank, size, serves_threads = transport.rank, transport.size, transport.serves_threads

        def exchange(self, to, outgoing, source, incoming, exact=True):
            end = time.perf_counter() + max(outgoing.nbytes, incoming.nbytes) * 8 / (gigabits * 1e9)
            length = transport.exchange(to, outgoing, source, incoming, exact)
            self.bytes_sent = transport.bytes_sent
            time.sleep(max(0.0, end - time.perf_counter()))
            return length

        def abort(self, reason):
            transport.abort(reason)

        def close(self):
            transport.close()
    return Limited()


class Clock:
    """The times and the bytes that this rank sent, after each step; made a callback below, when fastnet is loaded."""

    def __new__(cls):
        from fastnet import callbacks
        from fastnet._core import world

        class Stopwatch(callbacks.Callback):
            def __init__(self):
                self.times, self.bytes = [], []

            def on_batch_end(self, trainer):
                group = world.current()
                self.times.append(time.perf_counter())
                self.bytes.append(0 if group is None else group.transport.bytes_sent)
        return Stopwatch()


def network(t, kind, classes):
    """The network of a row."""
    if kind == "resnet18":
        return t.models.resnet18(classes, small_images=True)
    return t.nn.Sequential(t.nn.Linear(1024, 2048), t.nn.ReLU(), t.nn.Linear(2048, 2048), t.nn.ReLU(),
                           t.nn.Linear(2048, classes))


# ---- the losses and PyTorch's ---------------------------------------------------------------------------------------

def loss_curves(options):
    """Compare the losses of fastnet's and PyTorch's DistributedDataParallel; returns the exit status."""
    try:
        import torch  # noqa: F401
    except ImportError:
        print("loss: PyTorch is not installed; pip install torch")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        curves = {}
        for engine in ENGINES:
            ranks(2, options, "loss", json.dumps([engine, f"{folder}/{engine}"]))
            curves[engine] = np.stack([np.load(f"{folder}/{engine}-{r}.npy") for r in range(2)])
    ours, theirs = curves["fastnet"], curves["torch"]
    difference = float(abs(ours - theirs).max())
    print(f"{'loss of DDP':26s}{LOSS_STEPS} steps on 2 ranks, {theirs[:, 0].mean():.4f} to {theirs[:, -1].mean():.4f}; "
          f"largest difference to PyTorch {difference:.1e}")
    return int(difference > 1e-5)


def curve(t, distributed, parallel, from_numpy):
    """This rank's loss in each step of a loop in PyTorch's names: a small convolutional network with batch norm."""
    number = int(os.environ["RANK"])
    nn, rng = t.nn, np.random.default_rng(0)
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                          nn.Linear(200, 32), nn.Tanh(), nn.Linear(32, 10))
    with t.no_grad():
        for p in model.parameters():
            fan_in = max(1, int(np.prod(p.shape[1:])))
            p.copy_(from_numpy((rng.standard_normal(tuple(p.shape)) / fan_in ** 0.5).astype(np.float32)))
    x = rng.standard_normal((LOSS_STEPS, 2, 16, 1, 12, 12)).astype(np.float32)
    y = rng.integers(0, 10, (LOSS_STEPS, 2, 16))
    model = parallel(model)
    optimizer = t.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for step in range(LOSS_STEPS):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(from_numpy(x[step, number])), from_numpy(y[step, number]))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    distributed.destroy_process_group()
    return np.array(losses)


def fastnet_curve():
    import fastnet
    from fastnet import distributed
    distributed.init_process_group()
    return curve(fastnet, distributed, distributed.DistributedDataParallel, fastnet.from_numpy)


def torch_curve():
    import torch
    import torch.distributed
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    return curve(torch, torch.distributed, torch.nn.parallel.DistributedDataParallel, torch.from_numpy)


ENGINES = {"fastnet": fastnet_curve, "torch": torch_curve}

if __name__ == "__main__":
    sys.exit(main())
