"""`fastnet generate`: continue a text with a saved language model."""
from __future__ import annotations

import argparse
import sys

from fastnet._core.startup import interruptions_raise
from fastnet.cli.errors import WrongUseError
from fastnet.cli.recipes import LANGUAGE_MODEL
from fastnet.cli.terminal import PrintableStream
from fastnet.cli.train import at_most_threads

__all__ = ["generate"]


def generate(args: argparse.Namespace) -> None:
    """Print the prompt and the tokens that a language model adds to it."""
    from fastnet.cli.texts.figures import read_saved_text  # which imports fastnet.models
    saved = read_saved_text(args.model, LANGUAGE_MODEL)
    if args.top_k is not None and args.top_k > len(saved.tokenizer):
        raise WrongUseError(f"--top-k: expected at most {len(saved.tokenizer)}, the tokens of the model, got "
                            f"{args.top_k}")
    interruptions_raise()
    with at_most_threads(args.threads):
        try:
            text = saved.generate(args.prompt, args.length, temperature=args.temperature, top_k=args.top_k,
                                  top_p=args.top_p, seed=args.seed)
        except ValueError as e:
            raise ValueError(f"--prompt: {str(e).partition(';')[0]}") from None
    PrintableStream(sys.stdout).write(text.lstrip("\n") + "\n")
