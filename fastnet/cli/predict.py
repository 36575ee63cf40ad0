"""`fastnet predict`: predictions of a saved model for images or for the rows of tables."""
from __future__ import annotations

import argparse
import csv
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from fastnet._core.startup import interruptions_raise
from fastnet.cli.errors import WrongUseError
from fastnet.cli.inputs import naming_lines
from fastnet.cli.outputs import check_outputs, csv_file
from fastnet.cli.recordings import Recordings
from fastnet.cli.saved import Saved
from fastnet.cli.series.commands import SavedSeries, predict_series
from fastnet.cli.speech.commands import SavedSpeech
from fastnet.cli.tasks import read_other
from fastnet.cli.terminal import note, say
from fastnet.data.frames import require
from fastnet.data.values import as_texts

__all__ = ["predict"]


def predict(args: argparse.Namespace) -> None:
    """Predict the class or the value of images, or of each row of tables, with a saved model."""
    check_outputs([args.model, *args.files], [("--output", args.output)])
    other = read_other(args.model)
    if isinstance(other, SavedSeries):
        predict_series(args, other)
        return
    if isinstance(other, SavedSpeech):
        raise WrongUseError("the model transcribes speech: use `fastnet transcribe MODEL FILE ...`")
    if other is not None:
        raise WrongUseError("the model writes text: use `fastnet generate MODEL` or `fastnet translate MODEL TEXT`")
    saved = Saved.read(args.model)
    if args.proba and saved.target.task == "regression":
        raise WrongUseError("--proba: the model predicts numbers, which have no probabilities")
    if args.keep and saved.inputs.is_pictures:
        raise WrongUseError("--keep is for tables: the model reads images")
    if args.skip_unreadable and not saved.inputs.is_pictures:
        raise WrongUseError("--skip-unreadable is for images: the model reads tables")
    if args.convert:
        if not isinstance(saved.inputs, Recordings):
            raise WrongUseError(f"--convert is for recordings: the model reads {saved.inputs.describe()}")
        saved.inputs.converts = True
    interruptions_raise()
    if saved.inputs.is_pictures and not args.output and not args.proba:
        _print_answers(saved, args.files, args.skip_unreadable)
    else:
        _write_csv(saved, args)


def _print_answers(saved: Saved, files: Sequence[str], skip_unreadable: bool) -> None:
    trainer = saved.trainer()
    for path, blocks in _readable(saved, files, skip_unreadable):
        for _, x in blocks:
            [predictions], probabilities = saved.answers(trainer, x)[0].values(), trainer.predict_proba(x).max(1)
            for row, (prediction, probability) in enumerate(zip(predictions.tolist(), probabilities), 1):
                where = f"{path}, row {row}" if len(probabilities) > 1 else path
                say(f"{where}: {prediction} ({probability:.1%})")


def _readable(saved: Saved, files: Sequence[str], skip_unreadable: bool,
              encoding: str | None = None) -> Iterator[tuple[str, Iterator[tuple[Any, Any]]]]:
    """(path, blocks of samples) of each file. If wanted, files that cannot be read as images are noted and left out."""
    skipped = 0
    for path in files:
        blocks = saved.inputs.blocks(path, encoding)
        if skip_unreadable:
            try:
                blocks = iter([next(blocks)])           # an image file is one block
            except (ValueError, OSError) as e:
                note(str(e))
                skipped += 1
                continue
        yield path, blocks
    if skipped:
        note(f"left out {skipped} of {len(files)} files that cannot be read")


def _write_csv(saved: Saved, args: argparse.Namespace) -> None:
    """Write one line per sample."""
    blocks = _answered(saved, args)
    first = next(blocks)                # compute the first block before opening the output: most errors are raised here
    with csv_file(args.output) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(first)
        for block in itertools.chain([first], blocks):
            writer.writerows(zip(*block.values()))


def _answered(saved: Saved, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The columns to write, {heading: values}, in blocks of some thousand rows."""
    trainer = saved.trainer()
    for path, blocks in _readable(saved, args.files, args.skip_unreadable, args.encoding):
        for table, x in blocks:
            with naming_lines(path, table):
                require(args.keep, table)
            columns: dict[str, Any] = {name: as_texts(table[name]) for name in args.keep}
            if saved.inputs.is_pictures:
                columns["file"] = [path] * len(x)
            answers, probabilities = saved.answers(trainer, x)
            for name, values in answers.items():
                columns[f"predicted {name}" if name in columns else name] = values
            if args.proba:
                columns |= {heading: [f"{value:.4f}" for value in values] for heading, values in probabilities.items()}
            yield columns
