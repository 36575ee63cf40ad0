"""`fastnet train DATA --model ctc`: a network that transcribes speech."""
from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import fastnet
from fastnet import audio, nn
from fastnet._core.optional import optional
from fastnet._core.tensor import Tensor
from fastnet.callbacks import GradientClipping
from fastnet.cli.outputs import finite_json
from fastnet.cli.run import Run, backend_text, make_optimizer
from fastnet.cli.saved import versions
from fastnet.cli.settings import TrainSettings
from fastnet.cli.speech.commands import SPEECH, SavedSpeech, example_lines
from fastnet.cli.speech.data import SpeechLoader, joined_digits, transcribed_folder
from fastnet.cli.terminal import say
from fastnet.data.text_lines import shown

__all__ = ["Transcribing"]

_LARGEST_NORM = 5.0                     # of the gradients
_ctc = nn.CTCLoss(zero_infinity=True)


def _loss(output: Tensor, target: Tensor) -> Tensor:
    """The CTC loss of a batch of `SpeechLoader`.

    Args:
        output: log-probabilities (steps, N, classes).
        target: see `SpeechLoader`.
    """
    rows = target.reshape(output.shape[1], -1)      # `Loss` gives targets with as many elements the output's shape
    return _ctc(output, rows[:, 2:], rows[:, 0], rows[:, 1])


class Transcribing:
    """One training.

    Args:
        args: of the command line.
        settings: see `speech_settings`.
        say: prints a line, unless --quiet.

    Raises:
        ValueError, OSError, ImportError: data that cannot be trained on; the message names the place.
    """

    def __init__(self, args: argparse.Namespace, settings: TrainSettings, say: Callable[[str], None]) -> None:
        self.args, self.settings, self.say = args, settings, say
        optional("jiwer", "measuring error rates")          # fail now rather than after the training
        self.data = joined_digits(settings) if args.data == "fsdd" else transcribed_folder(args.data, settings)
        inputs = self.data.inputs
        fastnet.manual_seed(settings["seed"])
        model = fastnet.models.ctc_recognizer(len(inputs.vocabulary) + 1, inputs.mels, dropout=settings["dropout"])
        self.saved = SavedSpeech(model, inputs, {})
        trainer = fastnet.Trainer(model, lambda p: make_optimizer(p, settings), loss=_loss)
        self.run = Run(args, settings, trainer, self.data.checksum, say, [GradientClipping(_LARGEST_NORM)])
        self.parameters = sum(p.numel() for p in model.parameters())
        counts = [f"{len(part)} to {purpose}" for part, purpose in (
            (self.data.train, "train on"), (self.data.validation, "validate"), (self.data.test, "test")) if part]
        for line in (*self.data.notes, f"{shown(args.data)}: {self.data.noun}, {', '.join(counts)}",
                     f"ctc recogniser, {self.parameters} parameters; {backend_text()}"):
            say(line)

    def fit(self) -> None:
        """Train, or continue a stopped training."""
        settings, data = self.settings, self.data
        masks = audio.SpecAugment(2, 10, 2, data.inputs.mels // 8) if settings["augment"] == "standard" else None
        size = settings["batch_size"]
        validation = data.validation and SpeechLoader(data.validation, data.inputs, size)
        self.run.fit(SpeechLoader(data.train, data.inputs, size, settings["seed"], masks), validation)

    def report(self) -> None:
        """Measure the model on the test recordings, and write the requested files."""
        saved, results = self.saved, dict[str, Any]()
        if self.data.test is None:
            say("there are no recordings to test on")
        else:
            figures, pairs = saved.measured(self.data.test)
            for line in example_lines(pairs):
                self.say(line)
            for name, value in figures.items():
                say(f"test {name.replace('_', ' ')}: {value:.4f}")
                results[f"test_{name}"] = finite_json(value)
        saved.about = {"dataset": self.args.data, "task": SPEECH, "epochs": len(self.run.trainer.history),
                       "settings": self.settings, **results, "train_seconds": self.run.seconds,
                       "parameters": self.parameters, "versions": versions()}
        self.run.write(saved.about, saved.save)
