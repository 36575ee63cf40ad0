"""What the command `fastnet` needs before fastnet is there."""
import sys
from contextlib import contextmanager
from pathlib import PurePath

WRONG_USE = 2


def runs_here():
    """Whether this process is the command: its script, or `python -m fastnet`, of which argv says only "-m" yet."""
    if not getattr(sys, "argv", None):                      # Python inside another program
        return False
    as_module = sys.argv[0] == "-m" and sys.orig_argv[-len(sys.argv)] == "fastnet"
    return as_module or PurePath(sys.argv[0]).stem == "fastnet"


@contextmanager
def errors_in_a_line():
    """Let an import that fails end the command with a line and a code; everywhere else its error goes on."""
    try:
        yield
    except (ValueError, ImportError) as e:
        if not runs_here():
            raise
        print(f"fastnet: error: {e}", file=sys.stderr)
        sys.exit(WRONG_USE)
