"""The options of the commands that train, predict and measure, and of those that share them."""
from __future__ import annotations

import argparse
from typing import Any

from fastnet.cli.energy import add_energy
from fastnet.cli.option_values import (
    PLOTS,
    column_kind,
    column_name,
    encoding_name,
    folder_path,
    horizons,
    layer_widths,
    model_name,
    natural_number,
    output_path,
    plot_path,
    positive_number,
    seed_number,
    shard_count,
    share,
)
from fastnet.cli.pretrained import ALL_BUT_HEAD
from fastnet.cli.recipes import (
    AUGMENTATIONS,
    FORECASTERS,
    IMAGE_NETWORKS,
    LINEAR,
    OPTIMIZER_CHOICES,
    PERCEPTRON,
    RECIPES,
    RECOGNIZER,
    TEXT_MODELS,
)
from fastnet.cli.series.preparation import GAPS
from fastnet.cli.series.settings import HORIZON, WINDOW
from fastnet.cli.settings import ACTIVATION, ACTIVATION_CHOICES, KINDS, SCHEDULE_CHOICES, SIZE, SPLITS, TEST, VALIDATION
from fastnet.cli.speech.commands import BEAM
from fastnet.cli.texts.options import add_text
from fastnet.data.targets import TASKS

__all__ = ["add_evaluate", "add_predict", "add_train", "add_transcribe"]


def add_train(p: argparse.ArgumentParser) -> None:
    """Add the options of `fastnet train`."""
    p.add_argument("data", metavar="DATA", help="data set, table or folder to train on (see above)")
    first = p.add_argument_group("most used")
    _add_target(first)
    _add_leave_out(first)
    _add_save(first)
    _add_data(p.add_argument_group("data"))
    _add_table(p.add_argument_group("columns of a table"))
    _add_series(p.add_argument_group("forecasts of a time series"))
    _add_images(p.add_argument_group("images"))
    _add_model(p.add_argument_group("model"))
    add_text(p.add_argument_group("texts"))
    _add_training(p.add_argument_group("training"))
    _add_output(p.add_argument_group("output"))


def _add_target(group: Any) -> None:
    group.add_argument("--target", metavar="COLUMN", type=column_name, action="append", default=[],
                       help="column to predict (default: the last). Repeat for several targets: all of them numbers, "
                       "or all of them with two classes")


def _add_leave_out(group: Any) -> None:
    group.add_argument("--leave-out", metavar="COLUMN", type=column_name, action="append", default=[],
                       help="ignore a column. Repeat for several columns")


def _add_save(group: Any) -> None:
    group.add_argument("--save", type=output_path, metavar="FILE",
                       help="write the model to a file for predict and evaluate (default: discard the model)")


def _add_data(group: Any) -> None:
    group.add_argument("--test", type=share, metavar="SHARE",
                       help="share of a table or folder to hold out for the test, a number from 0 to below 1 "
                       f"(default: {TEST})")
    group.add_argument("--validation", type=share, metavar="SHARE",
                       help="share of the training rows to hold out for validation, a number from 0 to below 1 "
                       f"(default: {VALIDATION}; 0.05 for convolutional networks on data sets)")
    group.add_argument("--split", choices=SPLITS, default=SPLITS[0],
                       help="which rows to hold out: random rows, with the same share of each class, or the latest "
                       "rows of a table (default: %(default)s)")
    group.add_argument("--time", metavar="COLUMN", type=column_name,
                       help="column of dates or numbers that orders the rows, for --split time (default: the only "
                       f"column of dates) or, with --model {', '.join(FORECASTERS)} or {LINEAR}, for forecasts")


def _add_series(group: Any) -> None:
    group.add_argument("--horizon", type=horizons, metavar="N",
                       help="forecast the next N rows; or some of them, such as 1,6,24 (default: "
                       f"{HORIZON})")
    group.add_argument("--window", type=positive_number(int), metavar="N",
                       help=f"rows of the past that a forecast uses (default: {WINDOW}, or two seasons)")
    group.add_argument("--season", type=positive_number(int), metavar="N",
                       help="rows after which the series repeats itself, for a comparison (default: decided by the "
                       "dates, such as 24 for hourly rows)")
    group.add_argument("--gaps", choices=GAPS,
                       help="what to do where rows are missing: leave out the windows across a gap, use them, or "
                       "report an error (default: split)")


def _add_images(group: Any) -> None:
    group.add_argument("--size", "--image-size", type=positive_number(int), metavar="N",
                       help="resize the images of a folder to N x N pixels; for convolutional networks, their square "
                       f"centre (default: {SIZE}; for convolutional networks, the usual shorter side, from 32 to 128)")
    _add_skip_unreadable(group)
    group.add_argument("--augment", choices=AUGMENTATIONS, nargs="?", const=AUGMENTATIONS[0], metavar="NAME",
                       help="random changes of the training images: standard (crop and, except for characters, flip; "
                       "of recordings: shift, noise and masks), randaugment or trivialaugment (these and changes of "
                       "colour and form), none (default: standard for convolutional networks)")
    group.add_argument("--mixup", type=positive_number(float), nargs="?", const=0.2, metavar="ALPHA",
                       help="mix each image and its class with another; ALPHA of the Beta distribution (default: off; "
                       "0.2 without a number)")
    group.add_argument("--cutmix", type=positive_number(float), nargs="?", const=1.0, metavar="ALPHA",
                       help="replace a box of each image by another image, and mix their classes (default: off; 1.0 "
                       "without a number). With --mixup, each batch takes one of the two")


def _add_skip_unreadable(group: Any) -> None:
    group.add_argument("--skip-unreadable", action="store_true",
                       help="leave out images or recordings that cannot be read, and count them (default: report an "
                       "error)")


def _add_convert(p: argparse.ArgumentParser) -> None:
    p.add_argument("--convert", action="store_true",
                   help="average the channels and convert the rate of recordings that differ from those of the "
                   "training (default: report an error)")


def _add_table(group: Any) -> None:
    group.add_argument("--task", choices=TASKS, help="what to predict (default: decided by the target's values)")
    group.add_argument("--kind", metavar="COLUMN=KIND", type=column_kind, action="append", default=[],
                       help=f"read a column as {', '.join(KINDS[:-1])} or {KINDS[-1]} (default: decided by its "
                       "values). Cells that are not of that kind count as missing, at most a tenth of them. Repeat for "
                       "several columns")
    _add_drop_missing_target(group)
    _add_encoding(group)


def _add_encoding(group: Any) -> None:
    group.add_argument("--encoding", metavar="NAME", type=encoding_name,
                       help="encoding of CSV files and texts, such as cp1251 (default: UTF-8, or for CSV detected)")


def _add_drop_missing_target(group: Any) -> None:
    group.add_argument("--drop-missing-target", action="store_true",
                       help="ignore rows without a target (default: report an error)")


def _add_model(group: Any) -> None:
    group.add_argument("--model", type=model_name, metavar="NAME",
                       help=f"{PERCEPTRON} (multilayer perceptron), {LINEAR} (a single layer), "
                       f"{' and '.join(FORECASTERS)} (for forecasts), kws and gru_kws (for recordings), {RECOGNIZER} "
                       f"(for transcripts of speech), {' and '.join(TEXT_MODELS)} (for texts), or for images a "
                       f"convolutional network: {', '.join(IMAGE_NETWORKS)} (default: {PERCEPTRON}; for the data sets "
                       "of text theirs)")
    group.add_argument("--pretrained", metavar="FILE",
                       help="for a folder of images, begin with the weights of a file of `fastnet train --save`, "
                       "torchvision or timm, and a new head (default: random weights)")
    group.add_argument("--freeze", metavar="PATTERN", action="append", nargs="?", const=ALL_BUT_HEAD, default=[],
                       help="with --pretrained, do not train the layers whose path matches, such as 'layer[1-3]'; "
                       "without a pattern, all but the head. Repeat for several patterns")
    group.add_argument("--hidden", type=layer_widths, metavar="N,N,..",
                       help=f"sizes of the hidden layers {_defaults('hidden')}")
    group.add_argument("--activation", choices=list(ACTIVATION_CHOICES), metavar="NAME",
                       help=f"activation function of the hidden layers: {', '.join(ACTIVATION_CHOICES)} (default: "
                       f"{ACTIVATION})")
    group.add_argument("--dropout", type=share, metavar="P",
                       help=f"dropout probability after each hidden layer {_defaults('dropout')}")


def _add_training(group: Any) -> None:
    group.add_argument("--epochs", type=positive_number(int), metavar="N",
                       help=f"passes over the data {_defaults('epochs')}. Convolutional networks: see above")
    group.add_argument("--batch-size", type=positive_number(int), metavar="N",
                       help=f"samples per step {_defaults('batch_size')}")
    rates = ", ".join(f"{name} {lr:g}" for name, (_, lr, _) in OPTIMIZER_CHOICES.items())
    group.add_argument("--optimizer", choices=list(OPTIMIZER_CHOICES), metavar="NAME",
                       help=f"optimizer: {', '.join(OPTIMIZER_CHOICES)} (default: adamw; sgd for convolutional "
                       "networks on cifar10)")
    group.add_argument("--lr", type=positive_number(float), metavar="RATE",
                       help=f"highest learning rate of the schedule (default by optimizer: {rates})")
    group.add_argument("--weight-decay", type=positive_number(float), metavar="X",
                       help="weight decay of the optimizer (default: 0.01 for adamw; 0.0005 for convolutional networks "
                       "on cifar10; otherwise off)")
    group.add_argument("--schedule", choices=SCHEDULE_CHOICES, default="one_cycle", metavar="NAME",
                       help="learning-rate schedule: one_cycle (up, then down), cosine or linear (down), constant "
                       "(default: %(default)s)")
    group.add_argument("--patience", type=natural_number, metavar="N",
                       help="early stopping: stop after N epochs without a lower validation loss, and restore the best "
                       f"weights {_defaults('patience')}")
    group.add_argument("--class-weight", choices=("balanced",),
                       help="weight the loss so that each class has the same total weight (default: each row has the "
                       "same weight)")
    group.add_argument("--label-smoothing", type=share, nargs="?", const=0.1, metavar="SHARE",
                       help="share of the target's probability to spread over all classes (default: off; 0.1 without a "
                       "number)")
    group.add_argument("--ema", type=share, nargs="?", const=True, metavar="DECAY",
                       help="validate, and end with, an exponential moving average of the weights (default: off; "
                       "without a number, the average spans a tenth of the training)")
    group.add_argument("--seed", type=seed_number, default=0, metavar="N",
                       help="seed of weights, dropout, shuffling and splits (default: %(default)s)")
    group.add_argument("--threads", type=positive_number(int), metavar="N",
                       help="largest number of threads to use; the results do not depend on it")
    group.add_argument("--shards", type=shard_count, metavar="N",
                       help="cut each batch into N shards, a power of two, for the same results on any number of ranks "
                       "that divides it (default: one shard for each rank of mpirun or fastnet launch)")


def _add_output(group: Any) -> None:
    group.add_argument("--resume", type=folder_path, metavar="FOLDER",
                       help="save checkpoints in a folder; if it contains one, continue from it")
    group.add_argument("--plot", type=plot_path, metavar="FILE",
                       help=f"plot the training and validation curves ({', '.join(PLOTS)})")
    group.add_argument("--report", type=output_path, metavar="FILE",
                       help="write settings, history and results to a JSON file")
    add_energy(group)
    group.add_argument("--quiet", action="store_true", help="print only the test results")


def add_predict(p: argparse.ArgumentParser) -> None:
    """Add the options of `fastnet predict`."""
    p.add_argument("model", metavar="MODEL", help="file that `fastnet train --save` wrote")
    p.add_argument("files", nargs="+", metavar="FILE",
                   help="images, recordings or tables, whichever the model was trained on; or .npy files of images "
                   "or rows; - reads CSV from standard input. A table needs the columns that the training used, not "
                   "those that it left out")
    p.add_argument("--keep", metavar="COLUMN", type=column_name, action="append", default=[],
                   help="copy a column of the table, such as an ID, in front of the predictions. Repeat for several "
                   "columns")
    _add_encoding(p)
    _add_skip_unreadable(p)
    _add_convert(p)
    p.add_argument("--proba", action="store_true", help="add the probability of each class")
    p.add_argument("--output", type=output_path, metavar="FILE",
                   help="write the CSV to a file (default: standard output)")


def add_evaluate(p: argparse.ArgumentParser) -> None:
    """Add the options of `fastnet evaluate`."""
    p.add_argument("model", metavar="MODEL", help="file that `fastnet train --save` wrote")
    p.add_argument("data", metavar="DATA", help="data set, table or folder, as for `fastnet train`")
    _add_drop_missing_target(p)
    _add_encoding(p)
    _add_skip_unreadable(p)
    p.add_argument("--report", type=output_path, metavar="FILE", help="write the results to a JSON file")


def add_transcribe(p: argparse.ArgumentParser) -> None:
    """Add the options of `fastnet transcribe`."""
    p.add_argument("model", metavar="MODEL", help="file that `fastnet train DATA --model ctc --save` wrote")
    p.add_argument("files", nargs="+", metavar="FILE", help="WAV files; with soundfile installed, any recordings")
    p.add_argument("--beam", type=positive_number(int), default=BEAM, metavar="N",
                   help="hypotheses of the beam search; 1: the best character of each step (default: %(default)s)")
    _add_convert(p)
    _add_skip_unreadable(p)
    p.add_argument("--output", type=output_path, metavar="FILE", help="write CSV to a file (default: lines of text)")


def _defaults(name: str) -> str:
    """The default of a setting for each kind of data, as text."""
    def text(value: Any) -> str:
        return ",".join(map(str, value)) if isinstance(value, tuple) else str("off" if value is None else value)
    kinds: dict[str, list[str]] = {}                    # {value: the kinds of data that have it}
    for data, recipe in RECIPES.items():
        kinds.setdefault(text(getattr(recipe, name)), []).append(data)
    return "(default: " + "; ".join(f"{', '.join(data)} {value}" for value, data in kinds.items()) + ")"
