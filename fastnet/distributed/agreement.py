"""Agreement of the ranks: what must be equal everywhere is compared before the first step."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastnet._core.errors import differing
from fastnet.distributed.calls import all_gather_json
from fastnet.distributed.transport import Transport

__all__ = ["require_same"]

_MOST_DIFFERENCES = 3                              # differences in a message


def require_same(transport: Transport, name: str, about: Mapping[str, Any]) -> None:
    """Raise on all ranks unless all of them give the same values.

    Args:
        transport: of this rank.
        name: of the caller, for the error.
        about: {what: a value for JSON}.

    Raises:
        ValueError: a rank differs from rank 0; the message says which rank and in what.
        DistError: another rank makes another call.
    """
    found = all_gather_json(transport, name, dict(about))
    for rank, theirs in enumerate(found):
        differences = differing(found[0], theirs)
        if differences:
            shown = [f"{what}: {first!r} on rank 0, {other!r} on rank {rank}"
                     for what, first, other in differences[:_MOST_DIFFERENCES]]
            rest = f"; and {len(differences) - _MOST_DIFFERENCES} more" if len(differences) > _MOST_DIFFERENCES else ""
            raise ValueError(f"{name}: expected the same on all ranks, but rank {rank} differs from rank 0: "
                             f"{'; '.join(shown)}{rest}")
