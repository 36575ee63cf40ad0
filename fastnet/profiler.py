"""Where the time of a program goes, by kernel: eager calls, backward passes and replays alike."""
from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from fastnet._core.silent_calls import profiled_threads
from fastnet._runtime import native

__all__ = ["KernelTime", "profile"]


@dataclass(frozen=True)
class KernelTime:
    """The launches of one kernel.

    Attributes:
        name: of the kernel.
        calls: launches; a replay of a compiled function launches its kernels again.
        seconds: in all of them.
        replayed: the calls that were part of replays.
        replayed_seconds: the seconds of those.
    """

    name: str
    calls: int
    seconds: float
    replayed: int
    replayed_seconds: float


class profile:
    """Measures the time of each kernel that this Python thread runs inside a `with` block.

    Kernels are timed where they are launched, so those inside a replay of a compiled function are seen one by one. What
    Python does between the launches is not part of the times.

    Raises:
        RuntimeError: this thread is profiled already.

    Example:
        >>> import fastnet
        >>> step = fastnet.compile(lambda x: (x @ x).sum())
        >>> x = fastnet.ones(8, 8)
        >>> with fastnet.profiler.profile() as seen:
        ...     for _ in range(3):
        ...         _ = step(x)
        >>> [(row.name, row.calls) for row in seen.kernels() if row.name == "matmul"]
        [('matmul', 3)]
        >>> print(seen)                                                                # doctest: +ELLIPSIS
        kernel ...
    """

    def __init__(self) -> None:
        launch: Any = native.compiled.get("launch")
        self._launches = None if launch is None else launch.Profile()
        self._numpy: dict[str, tuple[int, float, int, float]] = {}

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to measure, or go on."""
        thread = threading.get_ident()
        if thread in profiled_threads:
            raise RuntimeError("profile: this thread is profiled already")
        if self._launches is not None:
            self._launches.start()
        profiled_threads[thread] = self._note_numpy

    def stop(self) -> None:
        """Stop measuring.

        Raises:
            RuntimeError: this thread has not started the profile.
        """
        if profiled_threads.get(threading.get_ident()) != self._note_numpy:
            raise RuntimeError("profile: this thread has not started this profile")
        if self._launches is not None:
            self._launches.stop()
        del profiled_threads[threading.get_ident()]

    def _note_numpy(self, name: str, seconds: float) -> None:
        self._numpy[name] = _with_calls(self._numpy.get(name), (1, seconds, 0, 0.0))

    def kernels(self) -> list[KernelTime]:
        """The kernels that ran, those with the most time first. Kernels that NumPy computed are among them."""
        rows = dict(self._launches.result()) if self._launches is not None else {}
        for name, row in self._numpy.items():
            rows[name] = _with_calls(rows.get(name), row)
        return sorted((KernelTime(name, *row) for name, row in rows.items()), key=lambda row: -row.seconds)

    def __str__(self) -> str:
        rows = self.kernels()
        whole = sum(row.seconds for row in rows) or 1.0
        lines = [f"{'kernel':32s}{'calls':>10s}{'ms':>12s}{'us a call':>12s}{'share':>8s}"]
        lines += [f"{row.name:32s}{row.calls:10d}{1e3 * row.seconds:12.3f}{1e6 * row.seconds / row.calls:12.2f}"
                  f"{row.seconds / whole:8.1%}" for row in rows]
        return "\n".join(lines)


def _with_calls(a: tuple[int, float, int, float] | None, b: tuple[int, float, int, float]
           ) -> tuple[int, float, int, float]:
    return b if a is None else (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])
