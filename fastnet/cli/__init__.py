"""The command `fastnet`: train a model on a data set, a table or images, predict with it, and measure it."""
from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence

import fastnet
from fastnet.cli.commands import make_parser
from fastnet.cli.errors import FAILED, WrongUseError, exit_code, message_of
from fastnet.cli.programs import run_program
from fastnet.cli.terminal import note, say

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the arguments of the process), and return the exit code.

    Example:
        >>> from fastnet.cli import main
        >>> main(["train", "digits", "--model", "linear", "--epochs", "20", "--quiet"])  # doctest: +ELLIPSIS
        test accuracy: 0.9...
        0
    """
    words = sys.argv[1:] if argv is None else list(argv)
    args = make_parser(words).parse_args(words)
    args.argv = words
    if args.command == "run" and not args.check:        # warnings, errors and exit codes are the program's
        return run_program(args.program, args.arguments)
    try:
        with _restoring_process_state():
            args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:             # the reader closed the pipe: discard the rest of the output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt as e:
        return _failed(f"fastnet: {message_of(e)}", e)
    except WrongUseError as e:
        return _failed(f"fastnet {args.command}: error: {message_of(e)}; see fastnet {args.command} --help", e)
    except (OSError, ImportError, ValueError, TypeError, RuntimeError, ArithmeticError, MemoryError) as e:
        return _failed(f"fastnet: error: {message_of(e)}", e)
    return 0


@contextlib.contextmanager
def _restoring_process_state() -> Iterator[None]:
    """Print warnings as one-line notes inside; restore warning filters and the random state afterwards."""
    state = fastnet.get_rng_state()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *where: note(str(message))
            # Pillow warns before fastnet raises its own error
            warnings.filterwarnings("ignore", r"Image size .* exceeds limit")
            yield
    finally:
        fastnet.set_rng_state(state)


def _failed(line: str, error: BaseException) -> int:
    say(line, sys.stderr)
    return exit_code(error)
