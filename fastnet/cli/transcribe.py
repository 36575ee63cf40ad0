"""`fastnet transcribe`: the text of recordings."""
from __future__ import annotations

import argparse

from fastnet._core.startup import interruptions_raise
from fastnet.cli.errors import WrongUseError
from fastnet.cli.speech.commands import SavedSpeech, transcribe_files
from fastnet.cli.tasks import read_other

__all__ = ["transcribe"]


def transcribe(args: argparse.Namespace) -> None:
    """Print what is said in recordings, with a model that `fastnet train DATA --model ctc --save` wrote."""
    saved = read_other(args.model)
    if not isinstance(saved, SavedSpeech):
        raise WrongUseError(f"{args.model} does not transcribe speech: expected a file that `fastnet train DATA "
                            "--model ctc --save` wrote")
    interruptions_raise()
    transcribe_files(args, saved)
