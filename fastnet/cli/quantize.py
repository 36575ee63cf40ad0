"""`fastnet quantize`: a saved model with weights of 8 or 4 bits, and a report of what that costs."""
from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from fastnet import datasets
from fastnet._core.startup import interruptions_raise
from fastnet.cli.augmentation import augmentation, is_late
from fastnet.cli.errors import WrongUseError
from fastnet.cli.option_values import output_path, positive_number
from fastnet.cli.outputs import check_outputs, write_report
from fastnet.cli.recipes import LANGUAGE_MODEL, TEXT_SETS
from fastnet.cli.samples import Samples
from fastnet.cli.saved import Saved
from fastnet.cli.settings import kind_of
from fastnet.cli.sources import load_samples
from fastnet.cli.targets import outputs_of
from fastnet.cli.tasks import read_other
from fastnet.cli.terminal import say
from fastnet.data import Compose, DataLoader

__all__ = ["add_quantize", "quantize", "samples_of", "windows_of"]

_SCHEMES = "static", "dynamic", "weight_only", "qat"
_CALIBRATIONS = "MinMax", "Entropy", "Percentile", "MovingAverage"
_SCHEME_OPTIONS = "calibration", "bits", "group_size", "method", "epochs", "lr", "seed"
_CALIBRATION_ROWS = 1024
_PER_STEP = 64                          # samples of a batch
_BATCHES_OF_TEXT = 32
_READ_DATA = "static", "qat"            # schemes that need samples


def add_quantize(p: argparse.ArgumentParser) -> None:
    """Add the arguments of `fastnet quantize` to its parser."""
    p.add_argument("model", metavar="MODEL", help="file that `fastnet train --save` wrote")
    p.add_argument("-o", "--output", metavar="FILE", type=output_path, required=True,
                   help="write the quantised model to a file")
    p.add_argument("--data", metavar="DATA", help="data set, table or folder to calibrate or train with, and to "
                   "measure on; of a data set, its training and its test part (default: the data of the training)")
    p.add_argument("--scheme", choices=_SCHEMES, help="static (int8 throughout, for networks of images, recordings "
                   "and tables), qat (the same after a training with the rounding of int8, and with the --augment of "
                   "the first one), dynamic (int8 weights of linear and recurrent layers) or weight_only (weights of "
                   "linear layers; default: static, for texts weight_only)")
    p.add_argument("--calibration", choices=_CALIBRATIONS,
                   help="how static chooses the ranges of activations (default: MinMax)")
    p.add_argument("--bits", type=int, choices=(4, 8), help="of weight_only (default: 8)")
    p.add_argument("--group-size", type=positive_number(int), metavar="N",
                   help="weights that share a scale, of weight_only (default: 32)")
    p.add_argument("--method", choices=("rtn", "gptq"), help="of weight_only: round to nearest, or GPTQ, which reads "
                   "data (default: rtn)")
    p.add_argument("--all", action="store_true", default=None,
                   help="quantise layers that are slower in int8, too")
    p.add_argument("--epochs", type=positive_number(int), metavar="N",
                   help="of the training of qat (default: 3)")
    p.add_argument("--lr", type=positive_number(float), metavar="RATE",
                   help="learning rate of qat (default: 0.00001)")
    p.add_argument("--seed", type=int, metavar="N", help="of the order of samples of qat (default: 0)")
    p.add_argument("--report", type=output_path, metavar="FILE", help="write the report to a JSON file")


def quantize(args: argparse.Namespace) -> None:
    """Quantise a saved model, print the report, and write the model."""
    from fastnet.quantization import quantize as quantized  # which imports fastnet.models
    check_outputs([args.model], [("--output", args.output), ("--report", args.report)])
    saved: Any = read_other(args.model)
    scheme: Any = args.scheme or ("static" if saved is None else "weight_only")
    options = _given_options(args, scheme)
    if saved is None:
        saved = Saved.read(args.model)
        if scheme == "qat" and saved.target.task != "classification":
            raise WrongUseError(f"--scheme qat trains classifiers, the model is for {saved.target.task}")
        training, data, evaluation = samples_of(_data_name(args, saved), saved, options.get("seed", 0))
        if scheme == "qat":
            options["training"] = training
    elif getattr(saved, "task", "") == LANGUAGE_MODEL and scheme not in _READ_DATA:
        data, evaluation = windows_of(_data_name(args, saved), saved)
    else:
        raise WrongUseError(f"--scheme {scheme} is not for this model: models of texts take dynamic and weight_only; "
                            "translations, forecasts and transcriptions are not quantised")
    interruptions_raise()
    model, report = quantized(saved.model, data, scheme, evaluation=evaluation, **options)
    for line in str(report).split("\n"):
        say(line)
    replace(saved, model=model, about={**saved.about, "quantization": report.to_dict()}).save(args.output)
    if args.report:
        write_report(args.report, {"model": str(args.model), **report.to_dict()})


def _given_options(args: argparse.Namespace, scheme: str) -> dict[str, Any]:
    """The given options of a scheme, as `fastnet.quantize` names them; those of another scheme are refused."""
    from fastnet.quantization.api import OPTION_SCHEMES  # which imports fastnet.models
    given = {name: getattr(args, name) for name in _SCHEME_OPTIONS if getattr(args, name) is not None}
    for name in given:
        if scheme not in OPTION_SCHEMES[name]:
            raise WrongUseError(f"--{name.replace('_', '-')} is an option of --scheme "
                                f"{' and '.join(OPTION_SCHEMES[name])}, got --scheme {scheme}")
    if args.all:
        given["faster_only"] = False
    return given


def _data_name(args: argparse.Namespace, saved: Any) -> str:
    name = args.data or saved.about.get("dataset")
    if args.data is None and name not in (*datasets.names(), *TEXT_SETS):
        raise WrongUseError("expected --data, since the model was not trained on a data set of fastnet")
    return str(name)


def samples_of(name: str, saved: Saved, seed: int = 0) -> tuple[DataLoader, Any, Any]:
    """(training, data, evaluation) of a classifier or a regressor, as `fastnet.quantize` takes them.

    Args:
        name: of a data set, of which these are the training set, a part of it, and the test set; or of a file or
            folder.
        saved: the model.
        seed: of the order and the random changes of the training.
    """
    training = load_samples(name, saved, training=True)
    rows = np.unique(np.linspace(0, len(training) - 1, _CALIBRATION_ROWS).astype(np.int64))
    measured = load_samples(name, saved) if name in datasets.names() else training
    labelled = saved.target.task == "classification"
    first, second = ([(x, y if labelled else None) for x, y in _batches(samples)]
                     for samples in (training.rows(rows), measured))
    return _with_changes(training, kind_of(name), saved, seed), first, second


def _with_changes(samples: Samples, kind: str, saved: Saved, seed: int) -> DataLoader:
    """Samples with the random changes of the training of the model."""
    settings = saved.about.get("settings", {})
    changes = augmentation(kind, settings, saved.inputs, outputs_of(saved.target))
    steps = [step for step in (None if is_late(settings) else samples.prepare, changes) if step is not None]
    return DataLoader(samples.dataset, _PER_STEP, shuffle=True, seed=seed, transform=Compose(steps) if steps else None,
                      prefetch=int(bool(steps)))


def _batches(samples: Samples) -> Iterator[tuple[Any, Any]]:
    """(x, y) in small batches."""
    for x, y in samples.loader():
        for start in range(0, len(x), _PER_STEP):
            yield x[start:start + _PER_STEP], y[start:start + _PER_STEP]


def windows_of(name: str, saved: Any, measured: int | None = _BATCHES_OF_TEXT) -> tuple[Any, Any]:
    """(data, evaluation) of a language model: windows of the beginning of a text, and of its last tenth.

    Args:
        name: of a data set or a file.
        saved: the model.
        measured: the most batches of the evaluation; None for all of the last tenth.

    Raises:
        ValueError: the text is too short.
    """
    from fastnet.cli.texts.sources import read_text, window_batches
    if name in TEXT_SETS:
        trained, held_out = datasets.shakespeare()
    else:
        text = read_text(name)
        cut = len(text) * 9 // 10
        trained, held_out = text[:cut], text[cut:]
    parts = []
    for text, most in ((trained, _BATCHES_OF_TEXT), (held_out, measured)):
        windows = window_batches(saved.encode(text), saved.model.n_positions)
        if windows is None:
            raise ValueError(f"{name}: expected a longer text")
        parts.append(list(islice(windows, most)))
    return parts[0], parts[1]
