"""The twin of replay.pyx in Python: calls of a compiled function, and the gradients after a replay."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Caller:
    """The call of a compiled function, by the subclass's `_call(args, kwargs)`."""

    calls: int = 0                      # so far

    def _keep_shortcut(self, shortcut: Any) -> bool:
        """False: this implementation keeps no shortcuts."""
        return False

    def _drop_shortcuts(self) -> None:
        """Nothing, for the same reason."""

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        raise NotImplementedError

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        return self._call(args, kwargs)


def shortcut(recording: Any, args: tuple[Any, ...], context: Any, build: Any, fail: Any) -> Any:
    """The Shortcut of a call that a recording has just served: None, all such calls take the path in Python."""
    return None


def put_back(gradients: Iterable[Any]) -> None:
    """Leave every gradient as the recorded run did.

    Args:
        gradients: the FinalGradient of each leaf.
    """
    for gradient in gradients:
        gradient.put_back()
