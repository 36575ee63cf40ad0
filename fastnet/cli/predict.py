"""`fastnet predict`: what a saved model says of pictures or of the rows of tables."""
import contextlib
import csv
import sys

from fastnet._command import interruptions_raise
from fastnet._files import replacing
from fastnet.cli.errors import WrongUseError
from fastnet.cli.outputs import check_outputs
from fastnet.cli.saved import Saved
from fastnet.cli.terminal import Printed, say


def predict(args):
    """Predict the class or the value of pictures, or of each row of tables, with a model that `fastnet train` saved."""
    check_outputs([args.model, *args.files], [("--output", args.output)])
    saved = Saved.read(args.model)
    if args.proba and saved.target.task != "classification":
        raise WrongUseError("--proba: the model predicts numbers, which have no probabilities")
    trainer = saved.trainer()
    answers = [(path, *_answers(saved, trainer, path)) for path in args.files]
    interruptions_raise()
    if saved.inputs.is_pictures and not args.output and not args.proba:
        _print_answers(answers)
    else:
        _write_csv(answers, saved, args)


def _answers(saved, trainer, path):
    """(predictions, probabilities or None) for the samples of a file."""
    x = saved.inputs.read(path)
    if saved.target.task == "classification":
        probabilities = trainer.predict_proba(x)
        return saved.target.inverse(probabilities.argmax(1)).tolist(), probabilities
    return saved.target.inverse(trainer.predict(x)), None           # float32: their text is the shortest that is them


def _print_answers(answers):
    for path, predictions, probabilities in answers:
        for prediction, row in zip(predictions, probabilities):
            say(f"{path}: {prediction} ({row.max():.1%})")


def _write_csv(answers, saved, args):
    """A line for each sample; of pictures, with their file's name."""
    names = ["file"] if saved.inputs.is_pictures else []
    names.append(saved.about.get("target") or "prediction")
    if args.proba:
        names += [f"probability of {label}" for label in saved.target.classes]
    with _output(args.output) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for path, predictions, probabilities in answers:
            for i, prediction in enumerate(predictions):
                row = [path] if saved.inputs.is_pictures else []
                writer.writerow([*row, prediction] + ([f"{p:.4f}" for p in probabilities[i]] if args.proba else []))


def _output(path):
    if path is None:
        return contextlib.nullcontext(Printed(sys.stdout))
    return replacing(path, "w", encoding="utf-8", errors="backslashreplace", newline="")
