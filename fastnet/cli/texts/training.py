"""`fastnet train` on texts: a language model, or a Transformer that translates."""
from __future__ import annotations

import argparse
from collections.abc import Callable

import fastnet
from fastnet._core.optional import optional
from fastnet.cli.recipes import TRANSFORMER
from fastnet.cli.run import Run, backend_text, make_optimizer
from fastnet.cli.saved import versions
from fastnet.cli.settings import TrainSettings
from fastnet.cli.texts.figures import text_figures, translation_figures
from fastnet.cli.texts.saved import Hidden, SavedText, TokenLoss
from fastnet.cli.texts.sources import PADDING, load_texts
from fastnet.models import GPT, Seq2SeqTransformer
from fastnet.training import Trainer

__all__ = ["TextTraining", "make_text_model"]

_SAMPLE_LENGTH = 300                            # characters of the sample that is printed after a training
_INNER_WIDTHS = 2                       # width between the two linear maps of a Transformer's layer, times its width


def make_text_model(settings: TrainSettings, tokens: int) -> GPT | Seq2SeqTransformer:
    """The model that the settings describe, with random weights.

    Args:
        settings: see `text_settings`.
        tokens: of the tokenizer.

    Example:
        >>> from fastnet.cli.texts.training import make_text_model
        >>> settings = {"model": "gpt", "layers": 1, "heads": 2, "width": 8, "block": 16, "dropout": 0.0}
        >>> make_text_model(settings, 65).n_positions
        16
    """
    layers, heads, width, block, dropout = (settings[name] for name in ("layers", "heads", "width", "block", "dropout"))
    if settings["model"] == TRANSFORMER:
        return Seq2SeqTransformer(tokens, tokens, width, heads, layers, layers, _INNER_WIDTHS * width, dropout, block,
                                  PADDING, shared=True)
    return GPT(tokens, block, width, layers, heads, dropout)


class TextTraining:
    """One training on a text or on pairs of sentences.

    Args:
        args: of the command line.
        settings: see `text_settings`.
        say: prints a line, unless --quiet.
    """

    def __init__(self, args: argparse.Namespace, settings: TrainSettings, say: Callable[[str], None]) -> None:
        if settings["model"] == TRANSFORMER:            # fail now rather than after the training
            optional("sacrebleu", "BLEU")
        found = load_texts(args.data, settings)
        settings = settings | {"epochs": found.epochs}
        self.args, self.settings, self.found, self.say = args, settings, found, say
        fastnet.manual_seed(settings["seed"])
        model = make_text_model(settings, len(found.tokenizer))
        self.saved = SavedText(model, found.tokenizer, {})
        self.parameters = sum(p.numel() for p in model.parameters())
        trainer = Trainer(Hidden(model), lambda parameters: make_optimizer(parameters, settings),
                          loss=TokenLoss(model, settings["label_smoothing"]))
        self.run = Run(args, settings, trainer, found.checksum, say)
        for line in found.lines:
            self.say(line)
        self.say(f"{settings['model']} of {settings['layers']} layers, {settings['heads']} heads and width "
                 f"{settings['width']} for up to {settings['block']} tokens, {self.parameters} parameters; "
                 f"{backend_text()}")

    def fit(self) -> None:
        """Train, or continue a stopped training: see `Run.fit`."""
        self.run.fit(self.found.training, self.found.validation)

    def report(self) -> None:
        """Measure the model, print a sample, and write the requested files."""
        self.saved.about = self.found.about
        if self.args.save:              # keep the model, whatever happens while it is measured
            self.saved.save(self.args.save)
        figures = text_figures(self.saved, self.found.validation, "validation ") if self.found.validation else {}
        if isinstance(self.saved.model, Seq2SeqTransformer):
            figures |= translation_figures(self.saved, self.say)
        else:
            sample = self.saved.generate("", _SAMPLE_LENGTH, temperature=0.8, seed=self.settings["seed"])
            self.say("a sample:")
            for line in sample.strip("\n").split("\n"):
                self.say(f"  {line}".rstrip())
        self.saved.about = self.found.about | {
            "dataset": self.args.data, "settings": self.settings, **figures, "epochs": len(self.run.trainer.history),
            "train_seconds": self.run.seconds, "parameters": self.parameters, "versions": versions()}
        self.run.write(self.saved.about, self.saved.save)
