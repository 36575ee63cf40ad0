"""`fastnet translate`: translate sentences with a saved Transformer."""
from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from fastnet._core.startup import interruptions_raise
from fastnet._io.atomic import replacing
from fastnet.cli.outputs import check_outputs
from fastnet.cli.recipes import TRANSLATION
from fastnet.cli.terminal import say
from fastnet.cli.train import at_most_threads

__all__ = ["translate"]

_STANDARD_INPUT = "-"


def translate(args: argparse.Namespace) -> None:
    """Print the translation of each line of a file, of standard input, or of a text."""
    from fastnet.cli.texts.figures import read_saved_text  # which imports fastnet.models
    check_outputs([args.model, *args.text], [("--output", args.output)])
    saved = read_saved_text(args.model, TRANSLATION)
    name, lines = _sentences(args.text, args.encoding)
    interruptions_raise()
    with at_most_threads(args.threads):
        try:
            found = saved.translate(lines, args.beams, args.length_penalty)
        except ValueError as e:
            raise ValueError(f"{name}: {e}") from None
    if args.output:
        with replacing(args.output, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in found)
        return
    for line in found:
        say(line)


def _sentences(words: Sequence[str], encoding: str | None) -> tuple[str, list[str]]:
    """The name of the text, for errors, and its lines."""
    from fastnet.cli.texts.sources import read_text
    if not words or list(words) == [_STANDARD_INPUT]:
        name, text = "standard input", sys.stdin.read()
        if not text.strip():
            raise ValueError(f"{name}: expected sentences, a line each, got nothing")
    elif len(words) == 1 and Path(words[0]).is_file():
        name, text = words[0], read_text(words[0], encoding)
    elif len(words) == 1 and (os.sep in words[0] or words[0].endswith(".txt")) and " " not in words[0]:
        raise FileNotFoundError(f"{words[0]}: no such file")
    else:
        name, text = "the text", " ".join(words)
        if not text.strip():
            raise ValueError(f"{name}: expected a sentence, got nothing")
    return name, text.removesuffix("\n").split("\n")
