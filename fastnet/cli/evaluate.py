"""`fastnet evaluate`: how good a saved model is on data whose answers are known."""
import numpy as np

from fastnet import datasets
from fastnet._core.errors import printable
from fastnet._core.startup import interruptions_raise
from fastnet.cli.figures import figure_lines
from fastnet.cli.outputs import check_outputs, write_report
from fastnet.cli.saved import Saved
from fastnet.cli.sources import load_samples
from fastnet.cli.terminal import say
from fastnet.data.text_lines import shown
from fastnet.training.history import aligned

_MOST = 30                              # classes of which each gets a line


def evaluate(args):
    """Measure a model that `fastnet train` saved on a data set's test part, or on all of a table or folder."""
    check_outputs([args.model] if args.data in datasets.names() else [args.model, args.data],
                  [("--report", args.report)])
    saved = Saved.read(args.model)
    x, y = load_samples(args.data, saved, args.drop_missing_target, args.encoding)
    interruptions_raise()
    trainer = saved.trainer()
    figures = saved.figures(trainer, x, y)
    say(f"{shown(args.data)}: {len(y)} samples")
    if saved.target.task == "classification" and len(saved.target.classes) <= _MOST:
        for line in class_table(saved.target.classes, y, trainer.predict(x)).split("\n"):
            say(line)
    say(f"loss: {figures['loss']:.4f}")
    for line in figure_lines(figures):
        say(line)
    if args.report:
        write_report(args.report, {"model": str(args.model), "dataset": args.data, "samples": len(y), **figures})


def class_table(classes, actual, predicted):
    """Of each class, how many samples there are, how many of them were found, and how many of those found are right.

    Args:
        classes: their names.
        actual, predicted: (N,), the classes' numbers.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.evaluate import class_table
        >>> print(class_table(["cat", "dog"], np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])))
        class  samples  recall  precision
          cat        2  0.5000     1.0000
          dog        2  1.0000     0.6667
    """
    lines = [("class", "samples", "recall", "precision")]
    for number, name in enumerate(classes):
        there, found = actual == number, predicted == number
        right = np.count_nonzero(there & found)
        lines.append((printable(name), str(np.count_nonzero(there)), _share(right, there), _share(right, found)))
    return aligned(lines)


def _share(right, of):
    return f"{right / np.count_nonzero(of):.4f}" if of.any() else "-"
