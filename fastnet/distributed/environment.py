"""The place of a rank, by torchrun's environment variables."""
from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from fastnet._core.errors import whole_number

__all__ = ["LAST_PORT", "Place", "place"]

LAST_PORT = 65535
_BESIDE_AGENT = 8                       # ports below MASTER_PORT where rank 0 may listen if torchrun's agent holds it


@dataclass(frozen=True)
class Place:
    """The place of a rank in its world, and of rank 0.

    Attributes:
        rank, size: the number of this process, and of all processes.
        address: of rank 0.
        port: MASTER_PORT.
        ports: those at which rank 0 may listen; it takes the first that is free.
    """
    rank: int
    size: int
    address: str
    port: int
    ports: Sequence[int]


def place(rank: int = -1, world_size: int = -1) -> Place:
    """The place of this process, by torchrun's variables RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.

    Args:
        rank, world_size: replace RANK and WORLD_SIZE; -1: the variables.

    Raises:
        TypeError: an argument is not a whole number.
        ValueError: a variable is missing or wrong; the message names it.
    """
    size = _integer_in("WORLD_SIZE") if whole_number("world_size", world_size, -1) < 0 else world_size
    rank = _integer_in("RANK") if whole_number("rank", rank, -1) < 0 else rank
    if size < 1 or not 0 <= rank < size:
        raise ValueError(f"init_process_group: expected a rank from 0 to world_size - 1, got rank {rank} of {size}")
    port, ports = _ports() if size > 1 else (0, ())
    return Place(rank, size, os.environ.get("MASTER_ADDR") or "127.0.0.1", port, ports)


def _ports() -> tuple[int, Sequence[int]]:
    """MASTER_PORT, and the ports at which rank 0 may listen."""
    port = _integer_in("MASTER_PORT")
    held = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"     # torchrun's agent listens at MASTER_PORT
    first = 1 + _BESIDE_AGENT if held else 1
    if not first <= port <= LAST_PORT:
        raise ValueError(f"init_process_group: expected MASTER_PORT from {first} to {LAST_PORT}, got {port}")
    return port, range(port - 1, port - 1 - _BESIDE_AGENT, -1) if held else (port,)


def _integer_in(name: str) -> int:
    text = os.environ.get(name, "")
    if not text.isdecimal():
        raise ValueError(f"init_process_group: expected the environment variable {name} to be an integer, got "
                         f"{text!r}; `fastnet launch --nproc N script.py` sets RANK, WORLD_SIZE, MASTER_ADDR and "
                         "MASTER_PORT")
    return int(text)
