"""What the command `fastnet` needs before fastnet is there."""
import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import PurePath

WRONG_USE, INTERRUPTED = 2, 130


def runs_here():
    """Whether this process is the command: its script, or `python -m fastnet`, of which argv says only "-m" yet."""
    if not getattr(sys, "argv", None):                      # Python inside another program
        return False
    as_module = sys.argv[0] == "-m" and sys.orig_argv[-len(sys.argv)] == "fastnet"
    return as_module or PurePath(sys.argv[0]).stem == "fastnet"


@contextmanager
def errors_in_a_line():
    """Let an import that fails end the command with a line and a code; everywhere else its error goes on.

    It is the first of the command's imports: from here on Ctrl-C ends it with a line, too.
    """
    interruptions_end()
    try:
        yield
    except (ValueError, ImportError) as e:
        if not runs_here():
            raise
        print(f"fastnet: error: {e}", file=sys.stderr)
        sys.exit(WRONG_USE)


def interruptions_end():
    """Let Ctrl-C end the command at once, until `interruptions_raise`: while it loads, there is nothing to tidy up.

    A KeyboardInterrupt is not for this time: some packages swallow it, or make another error of it, as they are
    imported, and else it is many lines of where the import was.
    """
    if runs_here() and signal.getsignal(signal.SIGINT) is signal.default_int_handler and (
            threading.current_thread() is threading.main_thread()):
        signal.signal(signal.SIGINT, _end)


def interruptions_raise():
    """Undo `interruptions_end`: from here on files are written, which KeyboardInterrupt leaves whole."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number, frame):
    try:
        os.write(2, b"fastnet: interrupted\n")
    finally:
        os._exit(INTERRUPTED)
