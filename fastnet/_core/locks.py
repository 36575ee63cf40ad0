"""Locks that are free in a forked child: the thread that held them in the parent does not exist in the child."""
from __future__ import annotations

import os
import threading
import weakref
from typing import Any

_locks: weakref.WeakSet[Any] = weakref.WeakSet()


def new_lock(reentrant: bool = False) -> Any:
    """A `threading.Lock`, or a `threading.RLock` if reentrant, that is released in a forked child.

    If the forking thread itself holds a reentrant lock, it stays held: that thread continues in the child.
    """
    lock = threading.RLock() if reentrant else threading.Lock()
    _locks.add(lock)
    return lock


def _release_all() -> None:
    for lock in _locks:
        if not (hasattr(lock, "_is_owned") and lock._is_owned()):
            lock._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_all)
