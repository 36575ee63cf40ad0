"""Options of the commands for texts."""
from __future__ import annotations

import argparse
import math
from typing import Any

from fastnet.cli.option_values import encoding_name, output_path, positive_number, seed_number, share

__all__ = ["add_generate", "add_text", "add_translate"]


def add_text(group: Any) -> None:
    """Options of `fastnet train` for texts.

    Args:
        group: of the parser.
    """
    whole = positive_number(int)
    group.add_argument("--steps", type=whole, metavar="N", help="updates of a language model (default: gpt 2000)")
    group.add_argument("--layers", type=whole, metavar="N",
                       help="layers (default: gpt 4; transformer 3 in the encoder and 3 in the decoder)")
    group.add_argument("--heads", type=whole, metavar="N", help="heads of each attention (default: 4)")
    group.add_argument("--width", type=whole, metavar="N",
                       help="width of the embeddings (default: gpt 128, transformer 256)")
    group.add_argument("--block", type=whole, metavar="N",
                       help="the most tokens that the model sees (default: gpt 64, transformer 128)")
    group.add_argument("--vocab-size", type=whole, metavar="N",
                       help="tokens of the byte-pair encoding (default: gpt the characters of the text, transformer "
                       "6000)")


def add_generate(p: argparse.ArgumentParser) -> None:
    """Arguments of `fastnet generate`.

    Args:
        p: its parser.
    """
    _add_model_file(p)
    p.add_argument("--prompt", default="", metavar="TEXT", help="beginning of the text (default: a new line)")
    p.add_argument("--length", type=positive_number(int), default=500, metavar="N",
                   help="tokens to add (default: %(default)s)")
    p.add_argument("--temperature", type=_temperature, default=0.8, metavar="X",
                   help="below 1 favours likely tokens; 0 always takes the most likely one (default: %(default)s)")
    p.add_argument("--top-k", type=positive_number(int), metavar="N", help="choose among the N most likely tokens")
    p.add_argument("--top-p", type=_probability, metavar="P",
                   help="choose among the fewest most likely tokens whose probabilities add up to P")
    p.add_argument("--seed", type=seed_number, default=0, metavar="N",
                   help="seed of the choices (default: %(default)s)")
    _add_threads(p)


def add_translate(p: argparse.ArgumentParser) -> None:
    """Arguments of `fastnet translate`.

    Args:
        p: its parser.
    """
    _add_model_file(p)
    p.add_argument("text", nargs="*", metavar="TEXT",
                   help="a sentence; or a file with a sentence a line; - or nothing reads standard input")
    p.add_argument("--beams", type=positive_number(int), default=5, metavar="N",
                   help="translations that are continued at each step; 1 is greedy search (default: %(default)s)")
    p.add_argument("--length-penalty", type=_temperature, default=1.0, metavar="X",
                   help="0 favours short translations, 1 nearly forgets the length (default: %(default)s)")
    p.add_argument("--encoding", type=encoding_name, metavar="NAME",
                   help="encoding of the file, such as cp1252 (default: UTF-8)")
    p.add_argument("--output", type=output_path, metavar="FILE",
                   help="write the translations to a file (default: standard output)")
    _add_threads(p)


def _add_model_file(p: argparse.ArgumentParser) -> None:
    p.add_argument("model", metavar="MODEL", help="file that `fastnet train --save` wrote")


def _add_threads(p: argparse.ArgumentParser) -> None:
    p.add_argument("--threads", type=positive_number(int), metavar="N", help="largest number of threads to use")


def _temperature(text: str) -> float:
    """A number of at least 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, got {text!r}")
    return value


def _probability(text: str) -> float:
    """A number above 0, up to 1."""
    return 1.0 if text.strip() in ("1", "1.0") else share(text) or positive_number(float)(text)
