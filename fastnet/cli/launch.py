"""`fastnet launch`: run a Python program as several ranks on this machine."""
from __future__ import annotations

import argparse
import sys

from fastnet.cli.option_values import positive_number
from fastnet.distributed.environment import LAST_PORT
from fastnet.distributed.launcher import launch as launch_ranks

__all__ = ["add_launch", "launch"]


def launch(args: argparse.Namespace) -> None:
    """Run the program as several ranks, and wait for them.

    Args:
        args: the options of the command line.
    """
    program = ["-m", args.program] if args.module else [args.program]
    launch_ranks([sys.executable, *program, *args.arguments], args.nproc, args.port)


def add_launch(p: argparse.ArgumentParser) -> None:
    """Add the options of `fastnet launch`."""
    p.add_argument("--nproc", "--nproc-per-node", type=positive_number(int), required=True, metavar="N",
                   help="number of ranks; each gets its share of the cores, unless OMP_NUM_THREADS is set")
    p.add_argument("--port", type=_port_number, metavar="PORT",
                   help="port of rank 0 on 127.0.0.1 (default: one that is free)")
    p.add_argument("-m", "--module", action="store_true", help="PROGRAM is the name of a module, as in python -m")
    p.add_argument("program", metavar="PROGRAM", help="a Python file")
    p.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="arguments of the program")


def _port_number(text: str) -> int:
    value = positive_number(int)(text)
    if value > LAST_PORT:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to {LAST_PORT}, got {text!r}")
    return value
