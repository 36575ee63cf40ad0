"""Exceptions that come from outside, at a chosen bytecode or after a chosen time."""
import contextlib
import signal
import sys
from pathlib import Path

import fastnet

PACKAGE = str(Path(fastnet.__file__).parent)


class Interruption(BaseException):
    """What no `except Exception` catches, as KeyboardInterrupt."""


class Interrupter:
    """Raises `Interruption` at the n-th bytecode that a call runs in fastnet and in the functions of one file.

    Args:
        at: n; None only counts.
        file: whose functions take part beside the package's.
    """

    def __init__(self, at, file):
        self.at, self.file, self.seen = at, file, 0

    def __call__(self, function, *args):
        """Call a function; whatever is raised in it comes out."""
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            return function(*args)
        finally:
            sys.settrace(before)

    def _trace(self, frame, event, argument):
        if not frame.f_code.co_filename.startswith((PACKAGE, self.file)):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            self.seen += 1
            if self.seen == self.at:
                raise Interruption
        return self._trace


def interrupted(at, file, function, *args):
    """Call a function and interrupt it at the n-th bytecode; returns whether it came so far."""
    try:
        Interrupter(at, file)(function, *args)
    except Interruption:
        return True
    return False


def length(file, function, *args):
    """How many bytecodes a call of a function runs in fastnet and in a file."""
    counter = Interrupter(None, file)
    counter(function, *args)
    return counter.seen


@contextlib.contextmanager
def alarm_after(seconds):
    """Raise `Interruption` in this thread after some seconds, unless the block has ended by then."""
    before = signal.signal(signal.SIGALRM, _ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _ring(number, frame):
    raise Interruption
