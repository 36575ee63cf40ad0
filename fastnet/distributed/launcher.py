"""Starting the ranks of a program on this machine, and ending all of them when one fails."""
from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastnet._core.world import TOKEN
from fastnet._runtime.thread_policy import default_threads
from fastnet.distributed.errors import DistError
from fastnet.distributed.handshake import new_token

__all__ = ["environment_of", "free_port", "launch"]

_POLL = 0.02                            # seconds between two looks at the ranks
_GRACE = 0.3                            # seconds in which a rank's end may turn out to be the cause of another's
_FAREWELL = 2.0                         # seconds that ranks have to end after SIGTERM
_LOOPBACK = "127.0.0.1"
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


def _how(code: int) -> str:
    if code > 0:
        return f"failed with exit code {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by signal {-code} ({signal.Signals(-code).name})"
    return f"was ended by signal {-code}"


def launch(command: Sequence[str], count: int, port: int | None = None) -> None:
    """Run a command as `count` ranks on this machine, and wait for them.

    Args:
        command: the program and its arguments.
        count: the number of ranks.
        port: MASTER_PORT; None: one that is free.

    Raises:
        DistError: a rank failed, or a signal ended it; then the others were ended, within seconds. The message names
            the rank.
        KeyboardInterrupt: SIGINT, which the ranks get, too; or SIGTERM or SIGHUP, which end them.
    """
    settings = {"MASTER_ADDR": _LOOPBACK, "MASTER_PORT": str(port or free_port()), TOKEN: new_token()}
    ranks: list[subprocess.Popen[bytes]] = []
    try:
        with _signals_interrupt():
            for rank in range(count):
                ranks.append(subprocess.Popen(command, env=environment_of(rank, count, os.environ) | settings,
                                              start_new_session=True))
            try:
                _wait(ranks)
            except _InterruptedError:           # the ranks may write a checkpoint first; a second Ctrl-C ends them
                for process in ranks:
                    _send(process, signal.SIGINT)
                _wait_for_all(ranks)
                raise
    finally:
        _end_all(ranks)


class _InterruptedError(KeyboardInterrupt):
    """SIGINT, as from Ctrl-C."""


def environment_of(rank: int, count: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment of a rank: torchrun's variables, and its share of the cores.

    Args:
        rank: its number.
        count: the number of ranks.
        inherited: the environment of the launcher. OMP_NUM_THREADS in it is kept.

    Example:
        >>> from fastnet.distributed.launcher import environment_of
        >>> environment_of(1, 4, {"OMP_NUM_THREADS": "2"})
        {'OMP_NUM_THREADS': '2', 'RANK': '1', 'LOCAL_RANK': '1', 'WORLD_SIZE': '4', 'LOCAL_WORLD_SIZE': '4'}
    """
    threads = {"OMP_NUM_THREADS": str(max(1, default_threads() // count))}
    return {**threads, **inherited, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count),
            "LOCAL_WORLD_SIZE": str(count)}


def free_port() -> int:
    """A port of the loopback address that no process uses now."""
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        number: int = probe.getsockname()[1]
        return number


@contextlib.contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Inside, signals that end the launcher raise KeyboardInterrupt, so that no rank is left behind."""
    def interrupt(number: int, frame: Any) -> None:
        raise _InterruptedError if number == signal.SIGINT else KeyboardInterrupt
    before = {}
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(ranks: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until all ranks have ended well, or one has failed."""
    while True:
        codes = [rank.poll() for rank in ranks]
        if any(codes):                  # neither None nor 0
            time.sleep(_GRACE)          # the rank that a signal ended is the cause, if there is one
            failed = [(rank, code) for rank, code in enumerate(r.poll() for r in ranks) if code]
            rank, code = min(failed, key=lambda found: (found[1] > 0, codes[found[0]] is None))
            raise DistError(f"rank {rank} {_how(code)}; the other ranks were ended")
        if None not in codes:
            return
        time.sleep(_POLL)


def _wait_for_all(ranks: Sequence[subprocess.Popen[bytes]]) -> None:
    for rank in ranks:
        rank.wait()


def _end_all(ranks: Sequence[subprocess.Popen[bytes]]) -> None:
    """End the ranks that still run, with their children, and the children of those that have failed."""
    running = [rank for rank in ranks if rank.poll() is None]
    for rank in ranks:
        if rank.returncode != 0:        # children of a rank that has failed may keep its output open
            _send(rank, signal.SIGTERM)
    deadline = time.monotonic() + _FAREWELL
    for rank in running:
        try:
            rank.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _send(rank, getattr(signal, "SIGKILL", signal.SIGTERM))
            rank.wait()


def _send(rank: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            rank.send_signal(number)
        else:
            os.killpg(rank.pid, number)         # each rank leads its own session
