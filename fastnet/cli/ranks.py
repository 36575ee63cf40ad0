"""A command as one rank of several, which mpirun or `fastnet launch` started."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator

from fastnet._core import world
from fastnet.cli.errors import message_of

__all__ = ["as_rank"]


@contextlib.contextmanager
def as_rank() -> Iterator[None]:
    """Inside, this process belongs to the group of its launcher, if there is one.

    After an error the other ranks end, too, with this rank's message.
    """
    from fastnet.distributed import destroy_process_group, init_from_launcher
    if not init_from_launcher():
        yield
        return
    group = world.current()
    try:
        yield
    except BaseException as e:
        group.transport.abort(f"rank {group.rank}: {message_of(e)}")
        raise
    finally:
        destroy_process_group()
