"""The command `fastnet run`: run a program that is written for PyTorch on fastnet."""
from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from types import ModuleType, TracebackType

from fastnet._core.startup import WRONG_USE, interruptions_raise
from fastnet.cli.errors import FAILED, exit_code, message_of
from fastnet.cli.terminal import note, say

__all__ = ["add_run", "run", "run_program"]


def add_run(p: argparse.ArgumentParser) -> None:
    """Add the options of `fastnet run`."""
    p.add_argument("--check", action="store_true", help="run nothing; list the names that the program, and the "
                   "packages that it imports, use and fastnet lacks")
    p.add_argument("program", metavar="PROGRAM", help="a Python file; with --check, also a folder")
    p.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="arguments of the program")


def run(args: argparse.Namespace) -> None:
    """Report the names that programs use and fastnet lacks.

    Args:
        args: the options of the command line.
    """
    from fastnet.torch._frame.report import report
    report(args.program, say)


def run_program(program: str, arguments: Sequence[str]) -> int:
    """Run a Python file as the main module, in which `import torch` is fastnet.torch, and return the exit code.

    `sys.argv`, `sys.path` and tracebacks are those of `python program arguments`. The exception SystemExit passes.

    Args:
        program: the path of the file.
        arguments: those of the program.
    """
    from fastnet.torch._frame import alias
    main = ModuleType("__main__")
    path = os.path.abspath(program)     # as Python gives it to the main module
    main.__dict__.update(__file__=path, __builtins__=__builtins__, __cached__=None)
    try:
        with open(program, "rb") as file:
            code = compile(file.read(), path, "exec")
    except SyntaxError as e:
        sys.excepthook(type(e), e.with_traceback(None), None)
        return FAILED
    except OSError as e:
        say(f"fastnet run: error: {message_of(e)}", sys.stderr)
        return WRONG_USE
    alias.enter()
    alias.import_in_children()
    note("in this process, `import torch` is fastnet.torch")
    sys.argv[:] = [program, *arguments]
    _replace_first_folder(os.path.dirname(os.path.realpath(program)))
    sys.modules["__main__"] = main
    interruptions_raise()               # the program may handle Ctrl-C
    try:
        exec(code, main.__dict__)
    except SystemExit:
        raise
    except BaseException as e:
        traceback = _within(e.__traceback__, path)
        sys.excepthook(type(e), e.with_traceback(traceback), traceback)
        return exit_code(e)
    return 0


def _replace_first_folder(folder: str) -> None:
    """Put the program's folder at the head of `sys.path`, in place of the folder that Python put there."""
    first = sys.path[0] if sys.path else None
    if first in ("", os.getcwd(), os.path.dirname(os.path.realpath(sys.argv[0]))):
        sys.path[0] = folder
    else:
        sys.path.insert(0, folder)


def _within(traceback: TracebackType | None, path: str) -> TracebackType | None:
    """The traceback without the frames above the program."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename != path:
        traceback = traceback.tb_next
    return traceback
