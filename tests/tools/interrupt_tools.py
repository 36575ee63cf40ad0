"""Exceptions that come from outside, at a chosen bytecode or after a chosen time."""
import contextlib
import ctypes
import dis
import random
import signal
import sys
import threading
from pathlib import Path

import fastnet

PACKAGE = str(Path(fastnet.__file__).parent)


class Interruption(BaseException):
    """What no `except Exception` catches, as KeyboardInterrupt."""


class Interrupter:
    """Acts at the n-th place that a call comes to in fastnet and in the functions of one file: as a signal's handler.

    Args:
        at: n; None only counts.
        file: whose functions take part beside the package's.
        anywhere: every bytecode is a place, as for a debugger; else those where the interpreter looks for signals:
            the beginning of a function, what follows a call, and the end of each round of a loop.
        act: what is called there; it raises `Interruption` by default.
    """

    def __init__(self, at, file, anywhere=False, act=None):
        self.at, self.file, self.anywhere, self.act, self.seen = at, file, anywhere, act or _ring, 0
        self._codes, self._previous = {}, {}

    def __call__(self, function, *args):
        """Call a function; whatever is raised in it comes out."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            return function(*args)
        finally:
            sys.settrace(before)

    def _enter(self, frame, event, argument):
        """The tracer of a frame that begins or continues; None: it is not traced."""
        if not frame.f_code.co_filename.startswith((PACKAGE, self.file)):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._step

    def _step(self, frame, event, argument):
        if event == "opcode" and (self.anywhere or self._looks_for_signals(frame)):
            self.seen += 1
            if self.seen == self.at:
                self.act()
        return self._step

    def _looks_for_signals(self, frame):
        code = frame.f_code
        bytecode = self._codes.setdefault(code, code.co_code)
        name = dis.opname[bytecode[frame.f_lasti]]
        previous, self._previous[id(frame)] = self._previous.get(id(frame), ""), name
        return name.startswith(("RESUME", "JUMP_BACKWARD")) or previous.startswith("CALL")


def interrupted(at, file, function, *args, anywhere=False):
    """Call a function and interrupt it at the n-th place; returns whether it came so far."""
    try:
        Interrupter(at, file, anywhere)(function, *args)
    except Interruption:
        return True
    return False


def places(most, file, function, *args, anywhere=False, seed=0):
    """So many of the places that a call of a function comes to, as n for `interrupted`: at random, or all in turns."""
    counter = Interrupter(None, file, anywhere)
    counter(function, *args)
    if most < counter.seen:
        return sorted(random.Random(seed).sample(range(1, counter.seen + 1), most))
    return [1 + i % counter.seen for i in range(most)]


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


@contextlib.contextmanager
def raised_after(seconds):
    """Raise `Interruption` in this thread from another one after some seconds, unless the block has ended by then."""
    this, ended = ctypes.c_ulong(threading.get_ident()), threading.Event()

    def interrupt():
        if not ended.wait(seconds):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(this, ctypes.py_object(Interruption))
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _ring(*_):
    raise Interruption
