"""Accuracy of quantised models: `python -m benchmarks.quantization DATA MODEL ...`.

Quantises models that `fastnet train DATA --save MODEL` wrote, one for each seed, and prints the errors on the test
samples of float32, of static quantisation and of quantisation-aware training; for the texts of shakespeare the loss
on the whole validation part, in nats, of weights of 4 bits, rounded to nearest and by GPTQ. `--epochs` and `--lr` are
those of the training, `--calibration` is that of static quantisation, `--test N` measures on the first N samples.
"""
import argparse

import numpy as np

import fastnet
from fastnet.cli.quantize import samples_of, windows_of
from fastnet.cli.saved import Saved
from fastnet.cli.tasks import read_other


def image_row(name, path, args):
    """{scheme: errors} of one model."""
    saved = Saved.read(path)
    training, calibration, test = samples_of(name, saved)
    test = test if args.test is None else first_samples(test, args.test)
    count = sum(len(y) for _, y in test)
    options = {"evaluation": test, "speed": False, "faster_only": not args.all}
    made = {"static": fastnet.quantize(saved.model, calibration, calibration=args.calibration, **options)[1]}
    if args.epochs:
        made["qat"] = fastnet.quantize(saved.model, calibration, "qat", epochs=args.epochs, lr=args.lr,
                                       learnable=args.learnable, training=training, **options)[1]
    errors = {"float32": made["static"].before, **{name: report.after for name, report in made.items()}}
    return {name: round((1 - found["accuracy"]) * count) for name, found in errors.items()}


def first_samples(batches, count):
    """The first samples of some batches."""
    sizes = np.cumsum([len(y) for _, y in batches])
    return [batch for batch, end in zip(batches, sizes) if end - len(batch[1]) < count]


def text_row(name, path, args):
    """{method: loss} of one model."""
    saved = read_other(path)
    data, test = windows_of(name, saved, measured=None)
    found = {}
    for method in ("rtn", "gptq"):
        report = fastnet.quantize(saved.model, data, "weight_only", bits=4, group_size=args.group_size, method=method,
                                  evaluation=test, speed=False)[1]
        found |= {"float32": round(float(report.before["loss"]), 4), method: round(float(report.after["loss"]), 4)}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--lr", type=float, default=1e-5)
    parser.add_argument("--learnable", action="store_true")
    parser.add_argument("--calibration", default="MinMax")
    parser.add_argument("--group-size", type=int, default=32)
    parser.add_argument("--test", type=int)
    parser.add_argument("--all", action="store_true", help="int8 for layers that are slower in it, too")
    args = parser.parse_args()
    row = text_row if args.data == "shakespeare" else image_row
    rows = []
    for path in args.models:
        rows.append(row(args.data, path, args))
        print(path, rows[-1], flush=True)
    print("mean", {name: round(float(np.mean([found[name] for found in rows])), 4) for name in rows[0]})


if __name__ == "__main__":
    main()
