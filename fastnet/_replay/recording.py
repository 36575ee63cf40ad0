"""A recording: the kernel launches of one run of a function, what they depend on, and how they are replayed."""
from fastnet._core.errors import shape_text
from fastnet._core.locks import new_lock
from fastnet._core.memory import empty
from fastnet._core.state import Finally, Turn, inside
from fastnet._core.tensor import Tensor
from fastnet._replay import explain
from fastnet._replay.recorder import PythonCall
from fastnet._replay.results import build, plan
from fastnet._runtime.native import calls, replay
from fastnet.autograd.leaves import FinalGradient
from fastnet.backend import K


class Recording:
    """What replays: launches, guards, and how to hand out the result.

    Args:
        recorder: what the run left behind.
        result: what the function returned.
        tensors: the arguments.
        arguments: what they are, as text.
        why: why the recording is made.
        numbers: the Numbers that stood for float arguments, or None.
    """

    def __init__(self, recorder, result, tensors, arguments, why, numbers):
        self.arguments, self.why, self.numbers = arguments, why, numbers
        self.pool, self.keep = recorder.pool, recorder.keep
        self.steps = recorder.checks + recorder.steps
        self.explain, self.snapshot = recorder.explain, recorder.snapshot
        self.input_snapshot = recorder.input_snapshot
        watched = {id(storage) for storage, _ in recorder.versions.values()}
        self.tensors = recorder.tensors
        self.tensor_guards = [guard for key, (guard, _) in recorder.guards.items() if key in watched]
        self.guards = [guard for key, (guard, _) in recorder.guards.items() if key not in watched]
        self.explained = list(recorder.guards.values())
        self.refreshers = list(recorder.refreshers.values())
        self.draws = [(generator, block, total) for generator, (block, total) in recorder.draws.items()]
        self.gradients = [FinalGradient(leaf, fresh) for ref, fresh in recorder.grads.values()
                          if (leaf := ref()) is not None]
        self.switched = [(ref, tensor._requires_grad) for ref, before in recorder.switched.values()
                         if (tensor := ref()) is not None and tensor._requires_grad is not before]
        self.places = recorder.watch.places
        self.versions, self.input_versions = recorder.version_counts()
        self.turn = Turn(new_lock(reentrant=True))
        self._shortcut = None
        self.plan, self.outputs = plan(result, recorder, tensors)
        for generator, _, total in self.draws:
            generator.advance(total)

    # ---- guards ----

    def holds(self):
        """Whether a replay would do what running the function would, and can begin now."""
        if self.turn.mine() or not self.places.unchanged():
            return False
        for guard in self.guards:
            if not guard():
                return False
        return calls.undisturbed(self.tensors, self.gradients) or (
            all(guard() for guard in self.tensor_guards)
            and all(gradient.make_room() for gradient in self.gradients))

    def misfit(self):
        """What is other than when the recording was made."""
        if self.turn.mine():
            return "a call in the midst of its replay, as of a signal's handler"
        for place in self.places.changed():
            return explain.change_text(place)
        return next((what for guard, what in self.explained if not guard()), "a gradient that somebody holds")

    def lines(self):
        """What it was recorded for and depends on, as lines of text."""
        launches = sum(1 if isinstance(step, PythonCall) else len(step) for step in self.steps)
        values = [place.path for place in self.places if place.kind_name not in explain.CODE]
        depends = values + [what for _, what in self.explained]
        return [*self.arguments, f"{launches} launch{'es' * (launches != 1)}", *(f"depends on {d}" for d in depends)]

    def check_released(self, recorder):
        """Refuse a function whose inner tensors outlive it: replays would write over them."""
        if self.pool.live:
            held = [shape_text(t) for t in recorder.survivors()]
            raise RuntimeError(f"{len(held) or self.pool.live} tensor(s) made inside the compiled function are still "
                               f"held outside it{', of shape ' * bool(held)}{', '.join(held)} (by a list, an "
                               "attribute, a global or a closure); replays would write over them. Return them from "
                               "the function instead")

    # ---- replay ----

    def replay(self, arrays, tensors, args, kwargs):
        return inside(self.turn, self._replay, arrays, tensors, args, kwargs)

    def _replay(self, arrays, tensors, args, kwargs):
        if self.numbers is not None:
            self.numbers.take(args, kwargs)
        before = [(generator, generator.counter) for generator, _, _ in self.draws]
        exposed = self.snapshot + [arrays[i] for i in self.input_snapshot]
        saved = [a.copy() for a in exposed]

        def undo():
            for generator, counter in before:
                generator.counter = counter
            for array, copy in zip(exposed, saved):
                array[...] = copy
        inside(Finally(undo, failed_only=True), self._run, arrays)
        calls.put_back(self.gradients)
        for ref, requires_grad in self.switched:
            ref()._requires_grad = requires_grad            # its guard has seen that it lives
        for storage, writes in self.versions:
            storage.version += writes
        for i, writes in self.input_versions:
            tensors[i]._storage.version += writes
        return self.result(arrays, tensors)

    def _run(self, arrays):
        for generator, block, total in self.draws:
            block[:] = generator.advance(total)
        for refresh in self.refreshers:
            refresh()
        addresses = [calls.bounds(a)[0] for a in arrays]
        for step in self.steps:
            if isinstance(step, PythonCall):
                step.replay(arrays)
            else:
                failed = step.replay(addresses)
                if failed >= 0:
                    _fail(self.explain[step, failed], arrays)

    def shortcut(self, args):
        """What calls like this one can be served by without the way through Python, or None."""
        if self._shortcut is None:
            self._shortcut = (None if self.switched else replay.shortcut(self, args, K, build, _fail),)
        return self._shortcut[0]

    def result(self, arrays, tensors):
        """The function's result, in memory of the caller's own."""
        made = []
        for kind, value in self.outputs:
            if kind == "argument":
                made.append(tensors[value])
            elif kind == "outside":
                made.append(value)
            else:
                array = value.find(arrays)
                copy = empty(array.shape, array.dtype)
                K.copy(copy, array)
                made.append(Tensor._wrap(copy))
        return build(self.plan, iter(made))


def _fail(call, arrays):
    """Raise what the NumPy form of a kernel says of an input that its launch could not serve."""
    call.replay(arrays)
    raise RuntimeError("a kernel could not serve its input")
