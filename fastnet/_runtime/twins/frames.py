"""The twin of frames.pyx in Python: the calls that happen while a function is recorded."""
from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any


class Frames:
    """Reports the calls that a function makes while it runs: see frames.pyx."""

    def __init__(self, enters: Callable[[FrameType], object], is_users: Callable[[str], bool],
                 impure: Iterable[Callable[..., Any]], calls: Callable[[Any, FrameType], object]) -> None:
        self.enters, self.is_users, self.impure, self.calls = enters, is_users, frozenset(impure), calls

    def run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """function(*args, **kwargs), reported."""
        before = sys.getprofile()
        sys.setprofile(self._report)
        try:
            return function(*args, **kwargs)
        finally:
            sys.setprofile(before)

    def _report(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            if self.is_users(frame.f_code.co_filename):
                self.enters(frame)
        elif event == "c_call" and argument in self.impure:
            self.calls(argument, frame)
