"""The command line: its commands, their options, and the values that these can have."""
import argparse
import os
import sys
from pathlib import Path

import fastnet
from fastnet import datasets
from fastnet._core.startup import WRONG_USE
from fastnet.cli.evaluate import evaluate
from fastnet.cli.info import info
from fastnet.cli.predict import predict
from fastnet.cli.settings import (
    ACTIVATION,
    ACTIVATIONS,
    KINDS,
    MODELS,
    OPTIMIZERS,
    RECIPES,
    SCHEDULES,
    SIZE,
    SPLITS,
    TEST,
)
from fastnet.cli.terminal import say
from fastnet.cli.train import train
from fastnet.data.cells import clean
from fastnet.data.tables import TABLE_ENDINGS
from fastnet.data.targets import TASKS
from fastnet.data.text_lines import known_encoding

TRAIN_EXAMPLES = """examples:
  fastnet train digits                     learn scikit-learn's small digits, in seconds
  fastnet train mnist --save m.safetensors --plot curve.png
  fastnet train flowers.csv --target species --save flowers.safetensors
  fastnet train prices.parquet --hidden 64,64 --optimizer sgd --lr 0.05 --epochs 100 --patience 10
  fastnet train customers.csv --target left --leave-out left_on --kind zip=category --class-weight balanced
  fastnet train sales.csv --target sold --target returned --split time
  fastnet train photos --size 64           photos/cat/1.jpg, photos/dog/2.jpg, ...
  fastnet train mnist --resume run         keep checkpoints in run/, and go on from there when run again
"""
PREDICT_EXAMPLES = """examples:
  fastnet predict m.safetensors digit.png another.png
  fastnet predict flowers.safetensors new.csv --proba --keep id --output answers.csv
"""
EVALUATE_EXAMPLES = """examples:
  fastnet evaluate m.safetensors mnist
  fastnet evaluate flowers.safetensors more_flowers.csv
"""
INFO_EXAMPLES = """examples:
  fastnet info                             backend, instruction set, threads, versions
  fastnet info m.safetensors               what the model is and how it was trained
"""
EXAMPLES = """examples:
  fastnet train digits                     learn scikit-learn's small digits, in seconds
  fastnet train flowers.csv --save flowers.safetensors
  fastnet predict flowers.safetensors new.csv
  fastnet evaluate flowers.safetensors more_flowers.csv
  fastnet info                             backend, instruction set, threads, versions
"""
PLOTS = (".png", ".svg", ".pdf")


class _Parser(argparse.ArgumentParser):
    """Takes options by their whole names alone, and says what is wrong in one line."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def parse_known_args(self, args=None, namespace=None):
        """Refuse what is not known here, where the command's own help is named."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message):
        say(f"{self.prog}: error: {message}; see {self.prog} --help", sys.stderr)
        self.exit(WRONG_USE)


def make_parser():
    """The parser of the whole command line. What it returns has `run`, the function of the command.

    Example:
        >>> from fastnet.cli.arguments import make_parser
        >>> args = make_parser().parse_args(["train", "digits", "--hidden", "64,32"])
        >>> args.data, args.hidden
        ('digits', (64, 32))
    """
    as_written = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="fastnet", description="A neural-network engine for the CPU.", epilog=EXAMPLES,
                     formatter_class=as_written)
    parser.add_argument("--version", action="version", version=f"fastnet {fastnet.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    for run, add, line, examples in (
            (train, _add_train, "train a model on a data set, a table or pictures", TRAIN_EXAMPLES),
            (predict, _add_predict, "predict with a saved model", PREDICT_EXAMPLES),
            (evaluate, _add_evaluate, "measure a saved model", EVALUATE_EXAMPLES),
            (info, _add_info, "show what runs here, or what a saved model is", INFO_EXAMPLES)):
        p = commands.add_parser(run.__name__, help=line, description=run.__doc__, epilog=examples,
                                formatter_class=as_written)
        p.set_defaults(run=run)
        add(p)
    return parser


def _add_train(p):
    p.add_argument("data", help=f"a data set ({', '.join(datasets.names())}), a table ({', '.join(TABLE_ENDINGS)}; - "
                                "reads CSV from standard input), or a folder that holds a folder of pictures for each "
                                "class")
    _add_data(p.add_argument_group("data"))
    _add_table(p.add_argument_group("columns of a table"))
    _add_model(p.add_argument_group("model"))
    _add_training(p.add_argument_group("training"))
    _add_output(p.add_argument_group("output"))


def _add_data(group):
    group.add_argument("--test", type=share, metavar="PART",
                       help=f"share of a table or folder held out for the test (default: {TEST})")
    group.add_argument("--validation", type=share, default=0.1, metavar="PART",
                       help="share of the training rows held out for validation (default: %(default)s)")
    group.add_argument("--split", choices=SPLITS, default=SPLITS[0],
                       help="hold out random rows, the same share of each class, or the latest rows of a table "
                       "(default: %(default)s)")
    group.add_argument("--time", metavar="COLUMN", type=column_name,
                       help="column of dates or numbers that orders the rows for --split time (default: the only "
                       "column of dates)")
    group.add_argument("--size", type=positive(int), metavar="N",
                       help=f"resize the pictures of a folder to N x N pixels (default: {SIZE})")


def _add_table(group):
    group.add_argument("--target", metavar="COLUMN", type=column_name, action="append", default=[],
                       help="column to predict (default: the last). Repeat it for several targets: all of them "
                       "numbers, or all of them with two classes")
    group.add_argument("--task", choices=TASKS, help="what to predict (default: the target's values decide)")
    group.add_argument("--kind", metavar="COLUMN=KIND", type=column_kind, action="append", default=[],
                       help=f"read a column as {', '.join(KINDS[:-1])} or {KINDS[-1]} (default: its values decide). "
                       "Repeat it for several columns")
    group.add_argument("--leave-out", metavar="COLUMN", type=column_name, action="append", default=[],
                       help="do not use a column. Repeat it for several columns")
    _add_drop_missing_target(group)
    _add_encoding(group)


def _add_encoding(group):
    group.add_argument("--encoding", metavar="NAME", type=encoding_name,
                       help="encoding of CSV files, such as cp1251 (default: UTF-8, or what the file shows)")


def _add_drop_missing_target(group):
    group.add_argument("--drop-missing-target", action="store_true",
                       help="leave out the rows of a table that have no target (default: they are an error)")


def _add_model(group):
    group.add_argument("--model", choices=MODELS, default="mlp",
                       help="multilayer perceptron, or a single linear layer (default: %(default)s)")
    group.add_argument("--hidden", type=layer_widths, metavar="N,N,..",
                       help=f"sizes of the hidden layers {_defaults('hidden')}")
    group.add_argument("--activation", choices=list(ACTIVATIONS),
                       help=f"activation function of the hidden layers (default: {ACTIVATION})")
    group.add_argument("--dropout", type=share, metavar="P",
                       help=f"dropout probability after each hidden layer {_defaults('dropout')}")


def _add_training(group):
    group.add_argument("--epochs", type=positive(int), metavar="N", help=f"passes over the data {_defaults('epochs')}")
    group.add_argument("--batch-size", type=positive(int), metavar="N",
                       help=f"samples per step {_defaults('batch_size')}")
    group.add_argument("--optimizer", choices=list(OPTIMIZERS), default="adamw",
                       help="update rule (default: %(default)s)")
    rates = ", ".join(f"{name} {lr:g}" for name, (_, lr) in OPTIMIZERS.items())
    group.add_argument("--lr", type=positive(float), help=f"highest learning rate of the schedule (default: {rates})")
    group.add_argument("--schedule", choices=SCHEDULES, default="one_cycle",
                       help="course of the learning rate: up and down again, down along a cosine or a line, or "
                       "constant (default: %(default)s)")
    group.add_argument("--patience", type=count, metavar="N",
                       help="early stopping: end after N epochs without a lower validation loss, and restore the best "
                       f"weights {_defaults('patience')}")
    group.add_argument("--class-weight", choices=("balanced",),
                       help="weight the loss so that each class of the target counts alike, however few rows it has "
                       "(default: each row counts alike)")
    group.add_argument("--seed", type=seed, default=0,
                       help="seed of weights, dropout, shuffling and splits (default: %(default)s)")
    group.add_argument("--threads", type=positive(int), metavar="N",
                       help="highest number of threads; results do not depend on it")


def _add_output(group):
    group.add_argument("--save", type=output_path, metavar="FILE",
                       help="write the model for predict and evaluate; without it the model is not kept")
    group.add_argument("--resume", type=folder_path, metavar="FOLDER",
                       help="keep checkpoints in a folder, and continue from the one that it holds")
    group.add_argument("--plot", type=plot_path, metavar="FILE",
                       help=f"draw the training and validation curves ({', '.join(PLOTS)})")
    group.add_argument("--report", type=output_path, metavar="FILE", help="write settings, history and results as JSON")
    group.add_argument("--quiet", action="store_true", help="print the test results only")


def _add_predict(p):
    p.add_argument("model", help="file that `fastnet train --save` wrote")
    p.add_argument("files", nargs="+", metavar="file",
                   help="pictures, or tables as for `fastnet train`, as the model was trained on; or .npy files")
    p.add_argument("--keep", metavar="COLUMN", type=column_name, action="append", default=[],
                   help="copy a column of the table, such as an ID, in front of the predictions. Repeat it for several "
                   "columns")
    _add_encoding(p)
    p.add_argument("--proba", action="store_true", help="add the probability of each class")
    p.add_argument("--output", type=output_path, metavar="FILE", help="write CSV to a file (default: standard output)")


def _add_evaluate(p):
    p.add_argument("model", help="file that `fastnet train --save` wrote")
    p.add_argument("data", help="data set, table or folder, as for `fastnet train`")
    _add_drop_missing_target(p)
    _add_encoding(p)
    p.add_argument("--report", type=output_path, metavar="FILE", help="write the results as JSON")


def _add_info(p):
    p.add_argument("model", nargs="?", help="a safetensors file")


def _defaults(name):
    def text(value):
        return ",".join(map(str, value)) if isinstance(value, tuple) else str("off" if value is None else value)
    return "(default: " + "; ".join(f"{data}: {text(getattr(recipe, name))}" for data, recipe in RECIPES.items()) + ")"


# ---- values ---------------------------------------------------------------------------------------------------------

def positive(kind):
    """A parser of positive numbers, int or float."""
    def parse(text):
        value = _number(kind, text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"expected a positive number, got {text!r}")
        return value
    return parse


def count(text):
    """A whole number from 0."""
    value = _number(int, text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected a number that is not negative, got {text!r}")
    return value


def share(text):
    """A part of a whole."""
    value = _number(float, text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a part between 0 and 1, such as 0.1, got {text!r}")
    return value


def _number(kind, text):
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"expected {what}, got {text!r}") from None


def layer_widths(text):
    """Sizes of layers."""
    try:
        return tuple(positive(int)(part) for part in text.split(","))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"expected sizes of layers with commas between them, such as 128,64, got {text!r}") from None


def seed(text):
    """A seed."""
    value = _number(int, text)
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"expected 0 <= seed < 2**63, got {text!r}")
    return value


def column_name(text):
    """The name of a column as a table has it: without spaces around it, accents in their composed form."""
    name = clean(text)
    if name is None:
        raise argparse.ArgumentTypeError(f"expected the name of a column, got {text!r}")
    return name


def column_kind(text):
    """A column and its kind."""
    name, _, kind = text.rpartition("=")
    if not name or kind not in KINDS:
        raise argparse.ArgumentTypeError(f"expected COLUMN=KIND with a kind of {', '.join(KINDS)}, got {text!r}")
    return column_name(name), kind


def encoding_name(text):
    """The name of an encoding of text."""
    try:
        return known_encoding(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(str(e)) from None


def output_path(text):
    """A file that can be written: checked before the training, not after it."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder, expected a file")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"the folder {str(path.parent)!r} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"the folder {str(path.parent)!r} is not writable")
    return text


def plot_path(text):
    """A picture that can be written."""
    if Path(text).suffix.lower() not in PLOTS:
        raise argparse.ArgumentTypeError(f"expected a name that ends in {', '.join(PLOTS)}, got {text!r}")
    return output_path(text)


def folder_path(text):
    """A folder, or one that can be made."""
    if not text:                        # of a shell's variable that is not set
        raise argparse.ArgumentTypeError("expected the name of a folder, got ''")
    if Path(text).exists() and not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a file, expected a folder")
    return text
