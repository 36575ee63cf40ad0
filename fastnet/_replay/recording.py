"""A recording: the kernel launches of one run of a function, and how they are replayed."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from fastnet._core.errors import shape_text
from fastnet._core.locks import new_lock
from fastnet._core.memory import empty_like
from fastnet._core.reprs import repr_of
from fastnet._core.state import Finally, Turn, inside
from fastnet._core.tensor import Tensor
from fastnet._replay import explain
from fastnet._replay.guards import Guards
from fastnet._replay.python_call import PythonCall
from fastnet._replay.recorded_tape import RecordedTape
from fastnet._replay.results import build, plan
from fastnet._runtime.native import guards as native, replay
from fastnet.autograd.leaves import FinalGradient

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._replay.explain import CallTexts
    from fastnet._replay.float_arguments import FloatArguments
    from fastnet._replay.recorder import Recorder


class Recording:
    """The launches of one run, their guards, and how the result is made.

    Args:
        recorder: the recorder of the run.
        result: the value that the function returned.
        tensors: the tensors among the arguments.
        texts: the call that was recorded, as text.
        why: why the recording is made.
        floats: the float arguments that may change, or None.

    Attributes:
        tape: the RecordedTape behind the results, or None if gradients lead from none of them to tensors outside.
    """

    def __init__(self, recorder: Recorder, result: Any, tensors: list[Tensor], texts: CallTexts, why: str,
                 floats: FloatArguments | None) -> None:
        self.texts, self.why, self.floats = texts, why, floats
        self.plan, self.outputs, roots = plan(result, recorder, tensors)
        self.tape = RecordedTape(roots, tensors, recorder) if roots else None
        recorder.fold_constants()
        self.pool, self.keep = recorder.pool, recorder.keep
        self.steps = recorder.checks + recorder.steps
        self.check_calls, self.snapshot = recorder.check_calls, recorder.snapshot
        self.input_snapshot = recorder.input_snapshot
        self.refreshers = list(recorder.refreshers.values())
        self.draws = [(generator, block, total) for generator, (block, total) in recorder.draws.items()]
        self.gradients = [FinalGradient(leaf, fresh) for ref, fresh in recorder.grads.values()
                          if (leaf := ref()) is not None]
        self.switched = [(ref, tensor._requires_grad) for ref, before in recorder.switched.values()
                         if (tensor := ref()) is not None and tensor._requires_grad is not before]
        self.versions, self.input_versions = recorder.version_counts()
        self.turn = Turn(new_lock(reentrant=True))
        self.guards = Guards(self.turn, recorder.watch.places, recorder.guards.values(), self.gradients)
        self._shortcut: tuple[Any] | None = None

    def __repr__(self) -> str:
        return repr_of(self, arguments=self.texts.arguments, launches=self.launches)

    @property
    def launches(self) -> int:
        """The number of kernel launches of a replay."""
        return sum(1 if isinstance(step, PythonCall) else len(step) for step in self.steps)

    def check_released(self, recorder: Recorder) -> None:
        """Refuse a function whose inner tensors outlive it: replays would write over them.

        Raises:
            RuntimeError: a tensor that the run made is still held.
        """
        held = [shape_text(t) for t in recorder.survivors() if self.tape is None or not self.tape.keeps(t)]
        if held or (self.pool.live and self.tape is None):
            error = RuntimeError(f"{len(held) or self.pool.live} tensor(s) made inside the compiled function are still "
                                 f"held outside it{', of shape ' * bool(held)}{', '.join(held)} (by a list, an "
                                 "attribute, a global or a closure); replays would write over them. Return them from "
                                 "the function instead")
            recorder.refuse(error, f"keeps a tensor that it makes{', of shape ' * bool(held)}{', '.join(held)}")

    def replay(self, arrays: list[Array], tensors: list[Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the launches on the arguments of a call, and return its result.

        Args:
            arrays, tensors: the tensors among the arguments, and their arrays.
            args, kwargs: the arguments.
        """
        return inside(self.turn, self._replay, arrays, tensors, args, kwargs)

    def replay_in_place(self, arrays: list[Array]) -> Any:
        """Run the launches. Returns the result as `in_place` does.

        Args:
            arrays: of the tensors that are the arguments.
        """
        inside(self.turn, self._launch, arrays, [], (), {})
        return self.in_place(arrays)

    def _replay(self, arrays, tensors, args, kwargs):
        self._launch(arrays, tensors, args, kwargs)
        return self.result(arrays, tensors)

    def _launch(self, arrays, tensors, args, kwargs):
        if self.floats is not None:
            self.floats.take(args, kwargs)
        before = [(generator, generator.counter) for generator, _, _ in self.draws]
        exposed = self.snapshot + [arrays[i] for i in self.input_snapshot]
        saved = [a.copy() for a in exposed]

        def undo():
            for generator, counter in before:
                generator.counter = counter
            for array, old in zip(exposed, saved):
                array[...] = old
        inside(Finally(undo, failed_only=True), self._run, arrays)
        replay.put_back(self.gradients)
        for ref, requires_grad in self.switched:
            if (tensor := ref()) is not None:
                tensor._requires_grad = requires_grad
        for storage, writes in self.versions:
            storage.version += writes
        for i, writes in self.input_versions:
            tensors[i]._storage.version += writes

    def _run(self, arrays):
        for generator, block, total in self.draws:
            block[:] = generator.advance(total)
        for refresh in self.refreshers:
            refresh()
        addresses = [native.bounds(a)[0] for a in arrays]
        for step in self.steps:
            if isinstance(step, PythonCall):
                step.replay(arrays)
            else:
                failed = step.replay(addresses)
                if failed >= 0:
                    _fail(self.check_calls[step, failed], arrays)

    def shortcut(self, args: tuple[Any, ...], context: native.CallContext) -> Any:
        """The Shortcut that serves calls like this one in C, or None.

        Args:
            args: the arguments, which were given by position.
            context: the context of the call.
        """
        if self._shortcut is None:
            in_python = self.switched or self.tape is not None
            self._shortcut = (None if in_python else replay.shortcut(self, args, context, build, _fail),)
        return self._shortcut[0]

    def result(self, arrays: list[Array], tensors: list[Tensor]) -> Any:
        """The function's result, in new memory.

        Args:
            arrays, tensors: the tensors among the arguments, and their arrays.
        """
        made: list[Tensor] = []
        for kind, value in self.outputs:
            if kind == "argument":
                made.append(tensors[value])
            elif kind == "outside":
                made.append(value)
            else:
                made.append(Tensor._wrap(_result_copy(value.find(arrays))))
        if self.tape is not None:
            self.tape.attach(made, tensors)
        return build(self.plan, iter(made))

    def in_place(self, arrays: list[Array]) -> Any:
        """The result with arrays in place of tensors, in the memory that the next replay writes.

        Args:
            arrays: of the tensors that are the arguments, none of which is a result.
        """
        return build(self.plan, iter([value.find(arrays) for _, value in self.outputs]))

    def is_outdated(self) -> bool:
        """Whether values have changed that the recording holds as constants: it will never fit a call again."""
        return not all(guard.holds() for guard in self.guards.constant_guards)

    def misfit(self) -> str:
        """The guard that does not hold, and the change, as text."""
        if self.turn.mine():
            return "a call during its own replay, by a signal handler"
        for place in self.guards.places.changed():
            return explain.change_text(place)
        return next((guard.text for guard in self.guards.noted if not guard.holds()), "a gradient that is held")

    def lines(self) -> list[str]:
        """The arguments, the number of launches and the guards, as lines of text."""
        depends = [*explain.value_paths(self.guards.places), *(guard.text for guard in self.guards.noted)]
        return [*self.texts.arguments, f"{self.launches} launch{'es' * (self.launches != 1)}",
                *(f"depends on {text}" for text in depends)]


def _result_copy(array: Array) -> Array:
    """A copy of a result. It calls no kernel, so that counters see only the launches of the recording."""
    out = empty_like(array)
    out[...] = array
    return out


def _fail(call: PythonCall, arrays: Sequence[Array]) -> NoReturn:
    """Raise the error of a NumPy kernel for an input that its compiled launch could not serve."""
    call.replay(arrays)
    raise RuntimeError("a kernel could not serve its input")
