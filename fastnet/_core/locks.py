"""Locks that are free in a forked child: a thread that held one in the parent does not exist there to release it."""
import os
import threading
import weakref
from typing import Any

_locks: weakref.WeakSet[Any] = weakref.WeakSet()


def new_lock(reentrant=False):
    """A `threading.Lock`, or a `threading.RLock`, that a forked child finds released.

    A reentrant lock that the forking thread itself holds stays held, since that thread continues in the child.
    """
    lock = threading.RLock() if reentrant else threading.Lock()
    _locks.add(lock)
    return lock


def _release_all():
    for lock in _locks:
        if not (hasattr(lock, "_is_owned") and lock._is_owned()):
            lock._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_all)
