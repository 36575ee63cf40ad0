"""The command `fastnet`: train a model on a data set, a table or pictures, predict with it, measure it, show it."""
import contextlib
import os
import sys
import warnings

import fastnet
from fastnet.cli.arguments import make_parser
from fastnet.cli.errors import FAILED, WrongUseError, code_of, line_of
from fastnet.cli.terminal import note, say


def main(argv=None):
    """Run the command line `argv` (default: the process's own); returns the exit code.

    Example:
        >>> from fastnet.cli import main
        >>> main(["train", "digits", "--model", "linear", "--epochs", "20", "--quiet"])  # doctest: +ELLIPSIS
        test accuracy: 0.9...
        0
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    args = make_parser().parse_args(argv)
    args.argv = argv
    try:
        with _process_as_it_was():
            args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:             # who read the output wants no more: what is left of it goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt as e:
        return _say(f"fastnet: {line_of(e)}", e)
    except WrongUseError as e:
        return _say(f"fastnet {args.command}: error: {line_of(e)}; see fastnet {args.command} --help", e)
    except (OSError, ImportError, ValueError, TypeError, RuntimeError, ArithmeticError, MemoryError) as e:
        return _say(f"fastnet: error: {line_of(e)}", e)
    return 0


@contextlib.contextmanager
def _process_as_it_was():
    """Inside, warnings are notes of one line; afterwards they and the random state are as they were before."""
    state = fastnet.get_rng_state()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *where: note(str(message))
            warnings.filterwarnings("ignore", r"Image size .* exceeds limit")      # Pillow's, before an error of ours
            yield
    finally:
        fastnet.set_rng_state(state)


def _say(line, error):
    say(line, sys.stderr)
    return code_of(error)
