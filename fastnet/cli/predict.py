"""`fastnet predict`: what a saved model says of pictures or of the rows of tables."""
import contextlib
import csv
import itertools
import sys

from fastnet._core.startup import interruptions_raise
from fastnet._io.atomic import replacing
from fastnet.cli.errors import WrongUseError
from fastnet.cli.inputs import naming_lines
from fastnet.cli.outputs import check_outputs
from fastnet.cli.saved import Saved
from fastnet.cli.terminal import Printed, say
from fastnet.data.frames import require
from fastnet.data.values import as_texts


def predict(args):
    """Predict the class or the value of pictures, or of each row of tables, with a model that `fastnet train` saved."""
    check_outputs([args.model, *args.files], [("--output", args.output)])
    saved = Saved.read(args.model)
    if args.proba and saved.target.task == "regression":
        raise WrongUseError("--proba: the model predicts numbers, which have no probabilities")
    if args.keep and saved.inputs.is_pictures:
        raise WrongUseError("--keep is for tables: the model reads pictures")
    interruptions_raise()
    if saved.inputs.is_pictures and not args.output and not args.proba:
        _print_answers(saved, args.files)
    else:
        _write_csv(saved, args)


def _print_answers(saved, files):
    trainer = saved.trainer()
    for path in files:
        for _, x in saved.inputs.blocks(path):
            [predictions], shares = saved.answers(trainer, x)[0].values(), trainer.predict_proba(x).max(1)
            for prediction, share in zip(predictions.tolist(), shares):
                say(f"{path}: {prediction} ({share:.1%})")


def _write_csv(saved, args):
    """A line for each sample; of pictures, with their file's name."""
    blocks = _answered(saved, args)
    first = next(blocks)                # before anything is written: most errors come here
    with _output(args.output) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(first)
        for block in itertools.chain([first], blocks):
            writer.writerows(zip(*block.values()))


def _answered(saved, args):
    """The columns to write, {heading: values}, of some thousand rows at a time."""
    trainer = saved.trainer()
    for path in args.files:
        for table, x in saved.inputs.blocks(path, args.encoding):
            with naming_lines(path, table):
                require(args.keep, table)
            columns = {name: as_texts(table[name]) for name in args.keep}
            if saved.inputs.is_pictures:
                columns["file"] = [path] * len(x)
            answers, probabilities = saved.answers(trainer, x)
            for name, values in answers.items():
                columns[f"predicted {name}" if name in columns else name] = values
            if args.proba:
                columns |= {heading: [f"{share:.4f}" for share in shares] for heading, shares in probabilities.items()}
            yield columns


def _output(path):
    if path is None:
        return contextlib.nullcontext(Printed(sys.stdout))
    return replacing(path, "w", encoding="utf-8", errors="backslashreplace", newline="")
