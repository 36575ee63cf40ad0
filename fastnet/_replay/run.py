"""One run of a function that is recorded: what it takes, what it returns, and whether its recording can be kept."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import shape_text
from fastnet._core.state import recorded
from fastnet._core.tensor import Tensor
from fastnet._replay.recorded_tape import lead_to
from fastnet._replay.recorder import Recorder
from fastnet._replay.recording import Recording
from fastnet._replay.results import is_on_tape, replaced, tensors_in, with_arguments
from fastnet._replay.watch import Watch
from fastnet.autograd.arrays import copy
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._replay.explain import CallTexts
    from fastnet._replay.float_arguments import FloatArguments
    from fastnet._runtime.native import places


class Run:
    """A run that is recorded. Inside, the arguments are other objects than the caller's.

    The function may have captured the caller's as well. If gradients lead from the result to tensors outside, the
    arguments are copies in the recording's memory: what the tape saves of them then lies at one place in all replays.

    Args:
        tensors: the tensors among the arguments.
        freeze: whether tensors from outside are constants.
        fullgraph: whether calls that cannot be recorded raise, and do not only prevent that the recording is kept.
        on_tape: whether gradients lead from the result to tensors outside.
    """

    def __init__(self, tensors: list[Tensor], freeze: bool, fullgraph: bool, on_tape: bool) -> None:
        self._tensors, self._on_tape = tensors, on_tape
        self._inner = [Tensor._wrap(t._data, t._storage) for t in tensors]
        self._watch = Watch()
        self._recorder = Recorder(self._inner, self._watch, freeze, fullgraph)
        self._taken = recorded(self._recorder, self._copies) if on_tape else self._inner

    def _copies(self):
        return [_staged(inner, t._requires_grad) for inner, t in zip(self._inner, self._tensors)]

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments that the function takes.

        Args:
            args, kwargs: those of the caller.
        """
        handed = iter(self._taken)
        return replaced(args, handed), replaced(kwargs, handed)

    def record(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], texts: CallTexts, why: str,
               floats: FloatArguments | None) -> tuple[Any, Recording | None]:
        """Call the function. Returns its result and the Recording, or None if there can be none of this run.

        Args:
            fn: the function.
            args, kwargs: what it takes.
            texts, why, floats: as `Recording` takes them.
        """
        result, recording = recorded(self._recorder, self._call, fn, args, kwargs, (texts, why, floats))
        self._recorder.settle()
        return result, recording

    def _call(self, fn, args, kwargs, call):
        try:
            result = self._watch.run(fn, args, kwargs)
        finally:
            self._recorder.restore_computed()
        if not self._on_tape and any(map(is_on_tape, tensors_in(result))):
            return result, None                 # the next run is told so
        if self._on_tape:
            self._write_back()
        if self._watch.problems:
            return result, None
        try:
            recording = Recording(self._recorder, result, self._taken, *call)
        except (TypeError, RuntimeError) as error:
            self._recorder.refuse(error, "returns what a replay cannot make: " + str(error))
        return result, None if self._watch.problems else recording

    def _write_back(self):
        """Copy what the function has written into its arguments to those of the caller."""
        for taken, inner in zip(self._taken, self._inner):
            written = taken._storage.version > 0
            if taken._requires_grad and (written or taken._grad is not None):
                what = "writes into it" if written else "calls backward() on it"
                raise RuntimeError(f"an argument of shape {shape_text(taken)} requires a gradient, and the compiled "
                                   f"function {what}; pass x.detach(), or call the function without fastnet.compile")
            if written:
                K.copy(inner._data, taken._data)
                inner._storage.version += 1

    def answer(self, result: Any, recording: Recording | None) -> Any:
        """The result for the caller.

        Args:
            result, recording: of the run.
        """
        if recording is None:           # the tensors of the run themselves
            if self._on_tape:
                lead_to(self._tensors, self._taken, self._recorder.survivors())
            return with_arguments(result, self._taken, self._tensors)
        return recording.result([t._data for t in self._tensors], self._tensors)

    def finish(self, recording: Recording | None) -> tuple[dict[str, str], list[places.Place]]:
        """The reasons against keeping the recording, and the values that the run changed.

        Args:
            recording: of the run.
        """
        self._taken = []
        self._recorder.release()
        changed = self._watch.finish()
        if recording is not None and not self._watch.problems:
            recording.check_released(self._recorder)
        return self._watch.problems, changed


def _staged(tensor, requires_grad):
    """A copy in the memory of the recording in progress."""
    staged = Tensor._wrap(copy(tensor._data))
    staged._requires_grad = requires_grad
    return staged
