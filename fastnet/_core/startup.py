"""The start of the command `fastnet`, while it imports the package: errors in one line, and Ctrl-C."""
from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from types import FrameType

WRONG_USE, INTERRUPTED = 2, 130


def runs_here() -> bool:
    """Whether this process is the command: its script, or `python -m fastnet` (at this time, argv[0] is "-m")."""
    if not getattr(sys, "argv", None):                      # Python embedded in another program
        return False
    as_module = sys.argv[0] == "-m" and sys.orig_argv[-len(sys.argv)] == "fastnet"
    return as_module or PurePath(sys.argv[0]).stem == "fastnet"


@contextmanager
def errors_in_a_line() -> Iterator[None]:
    """Inside, a failed import ends the command with one line and an exit code. Other processes get the exception.

    From here on, Ctrl-C ends the command with one line, too.
    """
    interruptions_end()
    try:
        yield
    except (ValueError, ImportError) as e:
        if not runs_here():
            raise
        print(f"fastnet: error: {e}", file=sys.stderr)
        sys.exit(WRONG_USE)


def interruptions_end() -> None:
    """Let Ctrl-C end the command at once, until `interruptions_raise`: during imports there is nothing to clean up.

    A KeyboardInterrupt does not serve here: some packages swallow it or raise another error while they are imported,
    and otherwise it prints a long traceback.
    """
    if runs_here() and signal.getsignal(signal.SIGINT) is signal.default_int_handler and (
            threading.current_thread() is threading.main_thread()):
        signal.signal(signal.SIGINT, _end)


def interruptions_raise() -> None:
    """Undo `interruptions_end` before files are written: after a KeyboardInterrupt they are complete or absent."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: FrameType | None) -> None:
    try:
        os.write(2, b"fastnet: interrupted\n")
    finally:
        os._exit(INTERRUPTED)
