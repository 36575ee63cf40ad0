"""The command line: its commands, their options, and the values that these can have."""
import argparse
import os
import sys
from pathlib import Path

import fastnet
from fastnet import datasets
from fastnet._command import WRONG_USE
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
from fastnet.data.tables import ENDINGS
from fastnet.data.targets import TASKS

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
    p.add_argument("data", help=f"{', '.join(datasets.names())}, a table ({', '.join(ENDINGS)}; - is CSV from standard "
                                "input), or a folder with a folder of pictures for each class")
    group = p.add_argument_group("the data")
    group.add_argument("--target", metavar="COLUMN", action="append", default=[],
                       help="of a table, the column to predict (default: the last); several times: several numbers, or "
                       "several columns of two classes")
    group.add_argument("--task", choices=TASKS, help="of a table (default: as the target's values suggest)")
    group.add_argument("--leave-out", metavar="COLUMN", action="append", default=[],
                       help="of a table, a column that is not used; several times: several columns")
    group.add_argument("--kind", metavar="COLUMN=KIND", type=column_kind, action="append", default=[],
                       help=f"of a table, read a column as {', '.join(KINDS[:-1])} or {KINDS[-1]} (default: as its "
                       "values suggest); several times: several columns")
    group.add_argument("--drop-missing-target", action="store_true",
                       help="of a table, leave out the rows that have no target (default: an error)")
    group.add_argument("--size", type=positive(int), metavar="N",
                       help=f"of pictures in a folder: resize them to N x N pixels (default: {SIZE})")
    group.add_argument("--validation", type=share, default=0.1, metavar="PART",
                       help="of the training rows, to watch the training by (default: %(default)s)")
    group.add_argument("--test", type=share, metavar="PART",
                       help=f"of a table or folder, held out for the final figure (default: {TEST})")
    group.add_argument("--split", choices=SPLITS, default=SPLITS[0], help="hold out rows at random, each class by its "
                       "share, or the latest rows of a table (default: %(default)s)")
    group.add_argument("--time", metavar="COLUMN", help="of --split time, the column that says which rows are the "
                       "latest (default: the only one of dates)")
    group = p.add_argument_group("the model")
    group.add_argument("--model", choices=MODELS, default="mlp", help="a multilayer perceptron, or one linear layer "
                       "(default: %(default)s)")
    group.add_argument("--hidden", type=layer_widths, metavar="N,N,..",
                       help=f"sizes of the hidden layers {_defaults('hidden')}")
    group.add_argument("--activation", choices=list(ACTIVATIONS), help=f"default: {ACTIVATION}")
    group.add_argument("--dropout", type=share, metavar="P", help=f"behind each hidden layer {_defaults('dropout')}")
    group = p.add_argument_group("the training")
    _add_training(group)
    group = p.add_argument_group("what comes of it")
    group.add_argument("--save", type=output_path, metavar="FILE", help="write the model, for predict and evaluate")
    group.add_argument("--resume", type=folder_path, metavar="FOLDER",
                       help="keep checkpoints there; go on from the one that is there")
    group.add_argument("--plot", type=plot_path, metavar="FILE", help=f"draw the curves ({', '.join(PLOTS)})")
    group.add_argument("--report", type=output_path, metavar="FILE", help="write settings, history and results as JSON")
    group.add_argument("--quiet", action="store_true", help="print the final figures alone")


def _add_training(group):
    group.add_argument("--epochs", type=positive(int), metavar="N", help=f"passes over the data {_defaults('epochs')}")
    group.add_argument("--batch-size", type=positive(int), metavar="N",
                       help=f"samples a step {_defaults('batch_size')}")
    group.add_argument("--optimizer", choices=list(OPTIMIZERS), default="adamw", help="default: %(default)s")
    rates = ", ".join(f"{name} {lr:g}" for name, (_, lr) in OPTIMIZERS.items())
    group.add_argument("--lr", type=positive(float), help=f"the highest learning rate of the schedule ({rates})")
    group.add_argument("--schedule", choices=SCHEDULES, default="one_cycle", help="of the learning rate: up and down "
                       "again, down, or as it is (default: %(default)s)")
    group.add_argument("--patience", type=count, metavar="N", help="stop after N epochs in which the validation loss "
                       f"did not fall, and take the best weights {_defaults('patience')}")
    group.add_argument("--class-weight", choices=("balanced",), help="of a target of classes: let each class count "
                       "alike in the loss, however few rows it has (default: each row counts alike)")
    group.add_argument("--seed", type=seed, default=0, help="of weights, dropout, shuffling and splits; default: "
                       "%(default)s")
    group.add_argument("--threads", type=positive(int), metavar="N", help="at most; results do not depend on it")


def _add_predict(p):
    p.add_argument("model", help="what `fastnet train --save` wrote")
    p.add_argument("files", nargs="+", metavar="file", help="pictures for a model of pictures; tables, as for `fastnet "
                                                           "train`, for one of tables; .npy files for both")
    p.add_argument("--keep", metavar="COLUMN", action="append", default=[],
                   help="of a table, a column to write before the predictions, such as an ID; several times: several")
    p.add_argument("--proba", action="store_true", help="the probability of each class, too")
    p.add_argument("--output", type=output_path, metavar="FILE", help="write CSV there")


def _add_evaluate(p):
    p.add_argument("model", help="what `fastnet train --save` wrote")
    p.add_argument("data", help="as for `fastnet train`")
    p.add_argument("--drop-missing-target", action="store_true",
                   help="of a table, leave out the rows that have no target (default: an error)")
    p.add_argument("--report", type=output_path, metavar="FILE", help="write the figures as JSON")


def _add_info(p):
    p.add_argument("model", nargs="?", help="a safetensors file")


def _defaults(name):
    def text(value):
        return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return "(" + "; ".join(f"{data}: {text(getattr(recipe, name))}" for data, recipe in RECIPES.items()) + ")"


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


def column_kind(text):
    """A column and its kind."""
    name, _, kind = text.rpartition("=")
    if not name or kind not in KINDS:
        raise argparse.ArgumentTypeError(f"expected COLUMN=KIND with a kind of {', '.join(KINDS)}, got {text!r}")
    return name, kind


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
