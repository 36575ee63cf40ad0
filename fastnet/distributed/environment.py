"""The place of a rank, by torchrun's environment variables."""
from __future__ import annotations

import os
from dataclasses import dataclass

__all__ = ["Place", "place"]

_LAST_PORT = 65535


@dataclass(frozen=True)
class Place:
    """Where a rank is in its world, and where it finds rank 0."""
    rank: int
    size: int
    address: str
    port: int


def place(rank: int = -1, world_size: int = -1) -> Place:
    """The place of this process, by torchrun's variables RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.

    Args:
        rank, world_size: replace RANK and WORLD_SIZE; -1: the variables.

    Raises:
        ValueError: a variable is missing or wrong; the message names it.
    """
    size = _integer_in("WORLD_SIZE") if world_size < 0 else world_size
    rank = _integer_in("RANK") if rank < 0 else rank
    if size < 1 or not 0 <= rank < size:
        raise ValueError(f"init_process_group: expected a rank from 0 to world_size - 1, got rank {rank} of {size}")
    port = _integer_in("MASTER_PORT") if size > 1 else 0
    if port > _LAST_PORT:
        raise ValueError(f"init_process_group: expected MASTER_PORT from 1 to {_LAST_PORT}, got {port}")
    return Place(rank, size, os.environ.get("MASTER_ADDR") or "127.0.0.1", port)


def _integer_in(name: str) -> int:
    text = os.environ.get(name, "")
    if not text.isdecimal():
        raise ValueError(f"init_process_group: expected the environment variable {name} to be an integer, got "
                         f"{text!r}; `fastnet launch --nproc N script.py` sets RANK, WORLD_SIZE, MASTER_ADDR and "
                         "MASTER_PORT")
    return int(text)
