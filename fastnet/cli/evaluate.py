"""`fastnet evaluate`: measure a saved model on data with known targets."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnet import datasets
from fastnet._core.annotations import Array
from fastnet._core.errors import printable
from fastnet._core.startup import interruptions_raise
from fastnet.cli.figures import figure_lines
from fastnet.cli.outputs import check_outputs, write_report
from fastnet.cli.recipes import TEXT_SETS
from fastnet.cli.saved import Saved
from fastnet.cli.series.commands import SavedSeries, evaluate_series
from fastnet.cli.sources import load_samples
from fastnet.cli.speech.commands import SavedSpeech, evaluate_speech
from fastnet.cli.targets import classes_of
from fastnet.cli.tasks import read_other
from fastnet.cli.terminal import say
from fastnet.data.text_lines import shown
from fastnet.training.history import aligned

__all__ = ["class_table", "evaluate"]

_MOST_CLASS_LINES = 30                              # classes that get a line each


def evaluate(args: argparse.Namespace) -> None:
    """Measure a saved model on a data set's test part, or on all of a table or folder."""
    check_outputs([args.model] if args.data in (*datasets.names(), *TEXT_SETS) else [args.model, args.data],
                  [("--report", args.report)])
    other = read_other(args.model)
    if isinstance(other, SavedSeries):
        evaluate_series(args, other)
        return
    if isinstance(other, SavedSpeech):
        evaluate_speech(args, other)
        return
    if other is not None:
        from fastnet.cli.texts.figures import evaluate_text  # which imports fastnet.models
        evaluate_text(args, other)
        return
    saved = Saved.read(args.model)
    samples = load_samples(args.data, saved, args.drop_missing_target, args.encoding, args.skip_unreadable)
    interruptions_raise()
    trainer, y = saved.trainer(), samples.y
    output = trainer.decision_function(samples.inputs())
    figures = saved.figures(trainer, output, y)
    say(f"{shown(args.data)}: {len(y)} samples")
    classes = classes_of(saved.target) if saved.target.task == "classification" else []
    if 0 < len(classes) <= _MOST_CLASS_LINES:
        for line in class_table(classes, y, trainer.loss.predictions(output)).split("\n"):
            say(line)
    say(f"loss: {figures['loss']:.4f}")
    for line in figure_lines(figures):
        say(line)
    if args.report:
        write_report(args.report, {"model": str(args.model), "dataset": args.data, "samples": len(y), **figures})


def class_table(classes: Sequence[Any], actual: Array, predicted: Array) -> str:
    """A table with the number of samples, the recall and the precision of each class.

    Args:
        classes: their names.
        actual, predicted: (N,), class indices.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.evaluate import class_table
        >>> print(class_table(["cat", "dog"], np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])))
        class  samples  recall  precision
          cat        2  0.5000     1.0000
          dog        2  1.0000     0.6667
    """
    lines = [("class", "samples", "recall", "precision")]
    for index, name in enumerate(classes):
        positive, found = actual == index, predicted == index
        right = int(np.count_nonzero(positive & found))
        lines.append((printable(name), str(np.count_nonzero(positive)), _ratio(right, positive), _ratio(right, found)))
    return aligned(lines)


def _ratio(right: int, samples: Array) -> str:
    return f"{right / np.count_nonzero(samples):.4f}" if samples.any() else "-"
