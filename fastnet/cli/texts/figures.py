"""Figures of models of texts, and the commands that measure and read them."""
from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

from fastnet import datasets
from fastnet._core.annotations import StrPath
from fastnet._core.startup import interruptions_raise
from fastnet.cli.errors import WrongUseError
from fastnet.cli.outputs import write_report
from fastnet.cli.recipes import LANGUAGE_MODEL, TEXT_SETS, TRANSLATION
from fastnet.cli.tasks import read_other
from fastnet.cli.terminal import say
from fastnet.cli.texts.saved import SavedText, mean_loss
from fastnet.cli.texts.sources import pair_batches, read_text, window_batches
from fastnet.models import GPT
from fastnet.text import bleu

__all__ = ["BEAMS", "LENGTH_PENALTY", "evaluate_text", "read_saved_text", "text_figures", "translation_figures"]

BEAMS, LENGTH_PENALTY = 5, 1.0
_EXAMPLES = 3                           # translations that are printed
_COMMANDS = {LANGUAGE_MODEL: "generate", TRANSLATION: "translate"}


def read_saved_text(path: StrPath, task: str) -> SavedText:
    """The model of a file, for `fastnet generate` and `fastnet translate`.

    Args:
        path: of the file.
        task: LANGUAGE_MODEL or TRANSLATION.

    Raises:
        WrongUseError: it has another model.
        ValueError: it is damaged.
        OSError: it cannot be read.
    """
    found = read_other(path)
    if isinstance(found, SavedText) and found.task == task:
        return found
    hint = f"; use fastnet {_COMMANDS[found.task]}" if isinstance(found, SavedText) else ""
    known = f"a {found.task}" if isinstance(found, SavedText) else "another model"
    raise WrongUseError(f"{path}: expected a {task} that `fastnet train --save` wrote, got {known}{hint}")


def evaluate_text(args: argparse.Namespace, saved: SavedText) -> None:
    """Measure a language model on a text, or a translation on Multi30k.

    Args:
        args: of `fastnet evaluate`.
        saved: the model.

    Raises:
        WrongUseError: data that the model is not for.
        ValueError, OSError: a text that the model cannot read.
    """
    is_gpt = isinstance(saved.model, GPT)
    if (args.data in TEXT_SETS and (TEXT_SETS[args.data] == "gpt") != is_gpt) or (args.data in datasets.names()):
        raise WrongUseError(f"{args.data} does not fit the model, a {saved.task}")
    interruptions_raise()
    figures: dict[str, Any]
    if isinstance(saved.model, GPT):
        text = datasets.shakespeare()[1] if args.data in TEXT_SETS else read_text(args.data, args.encoding)
        try:
            batches = window_batches(saved.encode(text), saved.model.n_positions)
        except ValueError as e:
            raise ValueError(f"{args.data}: {e}") from None
        if batches is None:
            raise ValueError(f"{args.data}: expected a text of at least two tokens")
        figures = text_figures(saved, batches)
    else:
        if args.data not in TEXT_SETS:
            raise WrongUseError(f"a {saved.task} is measured on multi30k, got {args.data}")
        english, german = datasets.multi30k()["test"]
        settings = {"block": saved.model.max_length, "batch_size": saved.model.max_length}
        figures = text_figures(saved, pair_batches(saved.tokenizer, german, english, settings))
        figures |= translation_figures(saved, say)
    if args.report:
        write_report(args.report, {"model": str(args.model), "dataset": args.data, **figures})


def text_figures(saved: SavedText, batches: Any, prefix: str = "") -> dict[str, float]:
    """Measure and print the mean loss of a model over a text.

    Args:
        saved: the model.
        batches: of the text, in order.
        prefix: of the printed line and of the names.

    Returns:
        {"loss": ..., "perplexity": ...}, with the prefix.
    """
    loss, count = mean_loss(saved.model, batches)
    unit = saved.about.get("unit", "token")
    say(f"{prefix}loss: {loss:.4f} over {count:,} {unit}s (perplexity {math.exp(min(loss, 700)):.2f} per "
               f"{unit}, {loss / math.log(2):.3f} bits)")
    name = prefix.replace(" ", "_")
    return {f"{name}loss": loss, f"{name}perplexity": math.exp(min(loss, 700))}


def translation_figures(saved: SavedText, show: Callable[[str], None], beams: int = BEAMS,
              length_penalty: float = LENGTH_PENALTY) -> dict[str, Any]:
    """Translate the test set of Multi30k, and print BLEU.

    Args:
        saved: the model.
        show: prints an example.
        beams, length_penalty: of the search.

    Returns:
        {"test_bleu": ..., "bleu_signature": ...}.
    """
    english, german = datasets.multi30k()["test"]
    translations = saved.translate(german, beams, length_penalty)
    score, signature = bleu(translations, english)
    for source, translation in list(zip(german, translations))[:_EXAMPLES]:
        show(f"  {source} -> {translation}")
    say(f"test BLEU: {score:.2f} on test_2016_flickr, {beams} beams, length penalty {length_penalty:g} "
               f"({signature})")
    return {"test_bleu": score, "bleu_signature": signature}
