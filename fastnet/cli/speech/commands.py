"""Saved models that transcribe speech, and the commands on them."""
from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import fastnet
from fastnet import nn, ops
from fastnet._core.annotations import Array, StrPath
from fastnet._core.optional import optional
from fastnet.cli.errors import WrongUseError, naming_damage
from fastnet.cli.outputs import check_outputs, csv_file, write_report
from fastnet.cli.speech.data import Source, joined_digits, read_utterances
from fastnet.cli.speech.manifest import manifest_of, read_manifest
from fastnet.cli.speech.preparation import SpeechInputs, read_speech
from fastnet.cli.terminal import note, say
from fastnet.data.text_lines import shown

__all__ = ["BEAM", "SPEECH", "SavedSpeech", "error_rates", "evaluate_speech", "transcribe_files"]

SPEECH = "transcription"
BEAM = 8                                # hypotheses of the search
_SPEECH_FORMAT = 2
_AT_ONCE = 16                           # recordings


@dataclass
class SavedSpeech:
    """A model that transcribes speech.

    Args:
        model: a `fastnet.models.CTCRecognizer`.
        inputs: the preparation.
        about: the training, a dictionary for JSON.
    """
    model: nn.Module
    inputs: SpeechInputs
    about: dict[str, Any]

    def save(self, path: StrPath) -> None:
        """Write the file, replacing it atomically."""
        self.model.save(path, {"format": _SPEECH_FORMAT, "task": SPEECH, "speech": self.inputs.to_dict(),
                               "about": self.about})

    @classmethod
    def described(cls, path: StrPath, model: nn.Module, described: Mapping[str, Any]) -> SavedSpeech:
        """The model and the metadata of a file.

        Raises:
            ValueError: the metadata is damaged, or does not fit the model.
        """
        with naming_damage(path):
            made = cls(model, SpeechInputs(**described["speech"]), dict(described["about"]))
        expected = made.inputs.mels, len(made.inputs.vocabulary) + 1
        got = getattr(model, "in_channels", None), getattr(model, "num_classes", None)
        if got != expected or not isinstance(model, fastnet.models.CTCRecognizer):
            raise ValueError(f"{path}: the model has {got} filters and classes, its preparation {expected}")
        return made

    def texts(self, signals: Sequence[Array], beam: int = BEAM) -> list[str]:
        """The transcripts of signals.

        Args:
            signals: float32 (samples,), of the model's rate.
            beam: hypotheses of the search; 1: the best class of each step.
        """
        found = [""] * len(signals)
        order = np.argsort([len(signal) for signal in signals], kind="stable")
        self.model.eval()
        for start in range(0, len(order), _AT_ONCE):
            rows = order[start:start + _AT_ONCE]
            with fastnet.no_grad():
                scores = self.model(fastnet.from_numpy(self.inputs.features([signals[row] for row in rows])))
            steps = [min(self.inputs.steps(len(signals[row])), scores.shape[0]) for row in rows]
            classes = (ops.ctc_greedy_decode(scores, steps) if beam == 1 else
                       [best[0].labels for best in ops.ctc_beam_decode(scores, steps, beam_width=beam)])
            for row, labels in zip(rows, classes):
                found[row] = self.inputs.text(labels)
        return found

    def rows(self) -> dict[str, Any]:
        """The lines of `fastnet info`: {name: value}."""
        return {"task": SPEECH, "inputs": self.inputs.describe(),
                "characters": repr("".join(self.inputs.vocabulary))}

    def measured(self, source: Source, beam: int = BEAM) -> tuple[dict[str, float], list[tuple[str, str]]]:
        """The error rates on examples, and pairs (transcript, what the model heard).

        Args:
            source: of the examples.
            beam: see `texts`.
        """
        examples = source.take(np.arange(len(source)), None)
        heard = self.texts(examples.signals, beam)
        return error_rates(examples.texts, heard, self.inputs.only_digits), list(zip(examples.texts, heard))


def error_rates(expected: Sequence[str], heard: Sequence[str], digits: bool) -> dict[str, float]:
    """Substituted, missing and added characters and words as shares of the transcripts', by jiwer.

    Args:
        expected: transcripts.
        heard: what the model wrote.
        digits: the characters are digits, whose error rate this is.

    Raises:
        ImportError: jiwer is not installed.
    """
    jiwer = optional("jiwer", "measuring error rates")
    kept = [(a, b) for a, b in zip(expected, heard) if a]
    references, hypotheses = [a for a, _ in kept], [b for _, b in kept]
    characters = float(jiwer.cer(references, hypotheses))
    if digits:
        return {"digit_error": characters}
    return {"cer": characters, "wer": float(jiwer.wer(references, hypotheses))}


def transcribe_files(args: argparse.Namespace, saved: SavedSpeech) -> None:
    """Print the transcript of each recording, or write them as CSV.

    Args:
        args: of `fastnet transcribe`.
        saved: the model.

    Raises:
        ValueError, OSError: a recording that cannot be read.
    """
    check_outputs([args.model, *args.files], [("--output", args.output)])
    found, skipped = list[tuple[str, str]](), 0
    for path in args.files:
        try:
            signal, _ = read_speech(path, saved.inputs.rate, args.convert)
        except (ValueError, OSError) as e:
            if not args.skip_unreadable:
                raise
            note(str(e))
            skipped += 1
            continue
        [text] = saved.texts([signal], args.beam)
        found.append((path, text))
        if not args.output:
            say(f"{path}: {text}")
    if args.output:
        with csv_file(args.output) as file:
            csv.writer(file, lineterminator="\n").writerows([("file", "text"), *found])
    if skipped:
        note(f"left out {skipped} of {len(args.files)} files that cannot be read")


def evaluate_speech(args: argparse.Namespace, saved: SavedSpeech) -> None:
    """Measure the error rates on the test recordings of fsdd, or on a folder with transcripts.

    Args:
        args: of `fastnet evaluate`.
        saved: the model.

    Raises:
        WrongUseError: data without transcripts.
        ValueError, OSError: recordings that cannot be read.
    """
    manifest = None if args.data == "fsdd" else manifest_of(Path(args.data))
    if args.data == "fsdd":
        source: Any = joined_digits({"validation_split": 0, "seed": 0}).test
    elif manifest is None:
        raise WrongUseError(f"the model transcribes speech: expected fsdd or a folder with a file of transcripts, got "
                            f"{args.data!r}")
    else:
        source, _, lines = read_utterances(read_manifest(manifest), saved.inputs.rate, args.skip_unreadable)
        for line in lines:
            note(f"{shown(args.data)}: {line}")
    figures, pairs = saved.measured(source)
    say(f"{shown(args.data)}: {len(pairs)} samples")
    for line in example_lines(pairs):
        say(line)
    for name, value in figures.items():
        say(f"{name.replace('_', ' ')}: {value:.4f}")
    if args.report:
        write_report(args.report, {"model": str(args.model), "dataset": args.data, "samples": len(pairs), **figures})


def example_lines(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Lines that show some transcripts beside what the model heard.

    Args:
        pairs: (transcript, what the model heard).

    Example:
        >>> from fastnet.cli.speech.commands import example_lines
        >>> example_lines([("one two", "one to")])
        ["heard 'one to' for 'one two'"]
    """
    return [f"heard {heard!r} for {text!r}" for text, heard in pairs[:3]]
