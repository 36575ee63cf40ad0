"""The recordings of a compiled function, by the key of the calls that they serve."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from fastnet._core.locks import new_lock
from fastnet._core.state import inside
from fastnet._replay.recording import Recording
from fastnet._replay.signature import CallKey


class RecordingCache:
    """Recordings by key; a key has several if their guards differ. The least recently used are dropped."""

    def __init__(self) -> None:
        self._found: OrderedDict[CallKey, list[Recording]] = OrderedDict()      # the last key was used last
        self._lock = new_lock(reentrant=True)       # a signal handler may call the function

    def find(self, key: CallKey) -> Recording | None:
        """The recording of this key whose guards hold, or None.

        Args:
            key: the key of a call.
        """
        for recording in inside(self._lock, self._candidates, key):
            if recording.guards.hold():
                return recording
        return None

    def _candidates(self, key):
        candidates = tuple(self._found.get(key, ()))
        if candidates:
            self._found.move_to_end(key)
        return candidates

    def latest(self, key: CallKey | None) -> Recording | None:
        """The last recording that was made for a key, or None.

        Args:
            key: the key of a call.
        """
        same = self._found.get(key) if key is not None else None
        return same[0] if same else None

    def waiting(self, key: CallKey) -> int:
        """The number of recordings of a key whose result still waits for its backward().

        Args:
            key: the key of a call.
        """
        return sum(r.tape is not None and not r.tape.holds() for r in tuple(self._found.get(key, ())))

    def add(self, key: CallKey, recording: Recording, limit: int, used: Iterable[CallKey | None]) -> None:
        """Keep a recording, and drop the least recently used ones beyond a limit.

        Args:
            key: the key of the call.
            recording: the new recording.
            limit: the most recordings to keep.
            used: keys that shortcuts have used since, the last one last.
        """
        inside(self._lock, self._add, key, recording, limit, used)

    def _add(self, key, recording, limit, used):
        for each in used:
            if each in self._found:
                self._found.move_to_end(each)
        self._found[key] = [recording, *(r for r in self._found.get(key, ()) if not r.is_outdated())]
        self._found.move_to_end(key)
        while len(self) > limit:
            oldest = next(iter(self._found.values()))
            oldest.pop()
            if not oldest:
                self._found.popitem(last=False)

    def clear(self) -> None:
        """Drop all recordings."""
        inside(self._lock, self._found.clear)

    def all(self) -> tuple[Recording, ...]:
        """All recordings, those of the most recently used key first."""
        return inside(self._lock, lambda: tuple(r for same in reversed(self._found.values()) for r in same))

    def __len__(self) -> int:
        return sum(map(len, self._found.values()))
