"""Memory that two ranks of one machine map, so that arrays pass between them without the kernel's copies.

Each rank makes a file in memory that has no name in any folder (memfd_create), and its partners in the tree open it
through /proc/PID/fd. The system frees it with the last process that maps it, however that process ends. The transport
still carries a short message for each array: it says that the array is complete, wakes the partner, and fails if a rank
has ended. Ranks that cannot map each other's memory, as those of two machines, send the arrays themselves.
"""
from __future__ import annotations

import mmap
import os
import secrets
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.distributed.collectives import all_gather_json
from fastnet.distributed.slots import SLOT_BYTES, SLOT_COUNT, Slots
from fastnet.distributed.transport import Transport
from fastnet.distributed.tree import tree_steps

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["share_memory"]


def share_memory(transport: Transport) -> None:
    """Give this rank slots for its swaps with partners on this machine; all ranks call this together.

    Args:
        transport: of this rank.
    """
    rank = transport.rank
    partners = [step.partner for step in tree_steps(rank, transport.size) if step.swaps]
    shape = (len(partners), SLOT_COUNT, SLOT_BYTES)     # partners have the same place in each other's lists
    name = f"fastnet-{secrets.token_hex(16)}"
    file = _new_file(name, shape)
    try:
        offers = all_gather_json(transport, None if file is None else [os.getpid(), file, name])
        opened = {r: memory for r in (rank, *partners) if (memory := _opened(offers[r], shape)) is not None}
        # after this exchange no rank opens a file; two ranks share memory if each of them has opened both files
        reached = all_gather_json(transport, list(opened))
    finally:
        if file is not None:
            os.close(file)
    transport.slots = {partner: Slots(opened[rank][place], opened[partner][place])
                       for place, partner in enumerate(partners)
                       if all(r in found for r in (rank, partner) for found in (opened, reached[partner]))}


def _new_file(name: str, shape: tuple[int, ...]) -> int | None:
    """The descriptor of a file in memory, or None on a system without them."""
    if not hasattr(os, "memfd_create") or 0 in shape:
        return None
    try:
        file = os.memfd_create(name)
    except OSError:
        return None
    try:
        os.truncate(file, int(np.prod(shape)))          # takes no memory before it is written
    except OSError:
        os.close(file)
        return None
    return file


def _opened(offer: Any, shape: tuple[int, ...]) -> Array | None:
    """The memory that a rank offers, or None if it offers none, or this process cannot open it."""
    if offer is None:
        return None
    process, number, name = offer
    path = f"/proc/{process}/fd/{number}"
    try:
        if os.readlink(path) != f"/memfd:{name} (deleted)":
            return None                                 # a process of another machine or container
        with open(path, "r+b") as file:
            return _mapped(file.fileno(), shape)
    except OSError:
        return None


def _mapped(file: int, shape: tuple[int, ...]) -> Array:
    return np.frombuffer(mmap.mmap(file, int(np.prod(shape))), np.uint8).reshape(shape)
