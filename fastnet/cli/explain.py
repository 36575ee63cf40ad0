"""`fastnet explain`: the reasons for a prediction, for an image, for a recording or for a row of a table."""
from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import fastnet
from fastnet._core.errors import one_of
from fastnet._core.optional import optional
from fastnet._core.startup import interruptions_raise
from fastnet.cli.errors import WrongUseError
from fastnet.cli.inputs import Pixels, TableInputs
from fastnet.cli.option_values import PLOTS, encoding_name, plot_path, positive_number
from fastnet.cli.outputs import check_outputs
from fastnet.cli.saved import Saved
from fastnet.cli.targets import classes_of
from fastnet.cli.tasks import read_other
from fastnet.cli.terminal import say

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["METHOD_NAMES", "add_explain", "explain"]

METHOD_NAMES = ("integrated_gradients", "saliency", "input_x_gradient", "smooth_grad", "guided_backprop", "deep_lift",
                "grad_cam", "occlusion")


class _Output(NamedTuple):
    """An output of a model: its position, its name, and the factor to the units of the target."""

    place: int
    name: str
    scale: float


def add_explain(p: argparse.ArgumentParser) -> None:
    """Add the arguments of `fastnet explain` to its parser."""
    p.add_argument("model", metavar="MODEL", help="file that `fastnet train --save` wrote")
    p.add_argument("file", metavar="FILE", help="image, recording or table, whichever the model was trained on; or a "
                   ".npy file of images or rows; - reads CSV from standard input")
    p.add_argument("--row", type=positive_number(int), default=1, metavar="N",
                   help="row of a table or a .npy file to explain (default: %(default)s)")
    p.add_argument("--class", dest="label", metavar="CLASS", help="class to explain (default: the predicted one)")
    p.add_argument("--target", metavar="COLUMN", help="target to explain, of a model with several (default: the first)")
    p.add_argument("--method", choices=METHOD_NAMES, default=METHOD_NAMES[0], metavar="NAME",
                   help=f"{', '.join(METHOD_NAMES)} (default: %(default)s)")
    p.add_argument("--top", type=positive_number(int), default=10, metavar="N",
                   help="largest number of columns to show (default: %(default)s)")
    p.add_argument("--encoding", metavar="NAME", type=encoding_name,
                   help="encoding of CSV files, such as cp1251 (default: UTF-8, or detected)")
    p.add_argument("--plot", type=plot_path, metavar="FILE", help=f"draw the explanation ({', '.join(PLOTS)})")


def explain(args: argparse.Namespace) -> None:
    """Print, and draw, which parts of an image or which columns decide a prediction."""
    from fastnet.cli.explanations import attributions_of  # which imports fastnet.explain
    check_outputs([args.model, args.file], [("--plot", args.plot)])
    if args.plot:
        optional("matplotlib.figure", "drawing an explanation")         # before any work
    if read_other(args.model) is not None:
        raise WrongUseError("expected a model of images, recordings or tables: models of texts, of speech and of time "
                            "series are not explained")
    saved = Saved.read(args.model)
    cells, row = _sample(saved, args)
    interruptions_raise()
    output = _output_to_explain(saved, args, row)
    x = fastnet.from_numpy(row)
    target = output.place if saved.outputs > 1 else None
    found = attributions_of(args.method, saved.model, saved.inputs, x, target) * output.scale
    say(_prediction_line(saved, args, row))
    say(f"{args.method} for {output.name}:")
    if isinstance(saved.inputs, TableInputs):
        _report_columns(saved.inputs, args, cells, found)
    else:
        _report_image(saved.inputs, args, row[0], found)


def _sample(saved: Saved, args: argparse.Namespace) -> tuple[dict[str, Any], Array]:
    """The cells of a row (of an image none), and the prepared sample (1, ...)."""
    before = 0
    for table, x in saved.inputs.blocks(args.file, args.encoding):
        if args.row <= before + len(x):
            place = args.row - 1 - before
            sample = np.ascontiguousarray(np.asarray(x)[place:place + 1], np.float32)
            return {name: table[name][place] for name in table}, sample
        before += len(x)
    raise ValueError(f"--row {args.row}: {args.file} has {before} row{'s' * (before != 1)}")


def _output_to_explain(saved: Saved, args: argparse.Namespace, row: Array) -> _Output:
    """The output that the options ask for."""
    classes = saved.target.task == "classification"
    if args.label is not None and not classes:
        raise WrongUseError("--class is for models that predict one class")
    if args.target is not None and args.target not in saved.target_names:
        raise one_of("target", args.target, saved.target_names)
    if not classes:
        place = saved.target_names.index(args.target) if args.target else 0
        part = list(saved.parts.values())[place]
        name = saved.target_names[place]
        if saved.target.task == "multilabel":
            return _Output(place, f"the logit of {name}={classes_of(part)[1]}", 1.0)
        return _Output(place, name, float(part.scale))
    labels = list(map(str, classes_of(saved.target)))
    if args.label is None:
        place = int(saved.trainer().predict_proba(row)[0].argmax())
    elif args.label in labels:
        place = labels.index(args.label)
    else:
        raise one_of("class", args.label, labels)
    return _Output(place, f"the logit of {labels[place]}", 1.0)


def _prediction_line(saved: Saved, args: argparse.Namespace, row: Array) -> str:
    answers, probabilities = saved.answers(saved.trainer(), row)
    texts = [f"{name} {f'{x:.6g}' if isinstance(x := values[0], np.floating) else x}"
             for name, values in answers.items()]
    if saved.target.task == "classification":
        texts[0] += f" ({max(values[0] for values in probabilities.values()):.1%})"
    where = args.file if saved.inputs.is_pictures and args.row == 1 else f"{args.file}, row {args.row}"
    return f"{where}: {', '.join(texts)}"


def _report_columns(inputs: TableInputs, args: argparse.Namespace, cells: Mapping[str, Any], found: Array) -> None:
    from fastnet.cli.explanations import column_sums, lines_for_columns
    sums = column_sums(args.method, inputs, found)
    for line in lines_for_columns(inputs.columns, cells, sums, args.top):
        say(line)
    if args.plot:
        fastnet.explain.plot(sums, columns=inputs.columns, values=[cells[name] for name in inputs.columns],
                             most=args.top, path=args.plot)


def _report_image(inputs: Pixels, args: argparse.Namespace, image: Array, found: Array) -> None:
    from fastnet.cli.explanations import strongest_window
    channels = 0 if found.shape[0] in (1, 3) else 2
    flat = found.sum(channels) if found.ndim == 3 else found
    rows, columns, share = strongest_window(flat)
    say(f"  {inputs.window_text(rows, columns, flat.shape)} hold {share:.0%} of what supports it")
    if args.plot:
        fastnet.explain.plot(inputs.as_drawn(flat), inputs.as_drawn(image), path=args.plot)
