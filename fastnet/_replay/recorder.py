"""The recording of one run: the kernel calls, and everything that a replay depends on.

The kernel table (`backend.py`) passes every call to the recorder. Tensors, modules, optimizers and random generators
report each read: the recorder notes guards (`guards.py`) and the values to refresh before a replay.
"""
from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.memory import Pool, root
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet._replay.constants import Constants
from fastnet._replay.guards import ChangeGuard, GradientGuard, Guard, OptimizerGuard, TensorGuard, TrainingGuard
from fastnet._replay.python_call import Notice, PythonCall, address_of, unowned_view
from fastnet._runtime.native import guards as native
from fastnet.backend import launch

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.changes import ChangeCount
    from fastnet._replay.watch import Watch
    from fastnet._runtime.twins.tape import Storage
    from fastnet.random import Generator


class Recorder:
    """Collects, during one run of a function, everything that its replays need.

    Args:
        inputs: the tensors among the arguments; a replay brings other arrays for them.
        watch: the Watch of the Python values that the run reads.
        freeze: whether the values of tensors from outside are constants.
        fullgraph: whether what cannot be recorded is an error; otherwise the run continues, and is not kept.
    """

    def __init__(self, inputs: list[Tensor], watch: Watch, freeze: bool = False, fullgraph: bool = True) -> None:
        self.watch, self.fullgraph = watch, fullgraph
        self.constants = Constants() if freeze else None
        self._computed: dict[tuple[int, str], tuple[dict[str, Any], str, Any]] = {}
        self.made = {id(t): weakref.ref(t) for t in inputs}     # the arguments, and every tensor made inside
        self.ranges = [native.bounds(t._data) for t in inputs]
        self.input_versions = [(t._storage, t._storage.version) for t in inputs]
        self.versions: dict[int, tuple[Storage, int]] = {}      # storages from outside, their versions at first use
        self.pool = Pool()
        self.steps: list[Any] = []          # LaunchLists and PythonCalls, in order
        self.checks: list[Any] = []         # those that run before the steps
        self.check_calls: dict[tuple[Any, int], PythonCall] = {}    # (LaunchList, index) -> its NumPy form
        self.keep: dict[int, Any] = {}      # owners of the memory outside the pool that launches point at
        self.outside: dict[int, Any] = {}   # owners of memory that the run did not make
        self.fixed: list[tuple[int, int]] = []      # (low, high) addresses of arrays that are the same in each replay
        self.written: dict[tuple[int, int], Array] = {}         # arrays outside the pool that launches write: the state
        self.snapshot: list[Array] = []     # state that is written before a check which cannot run first
        self.input_snapshot: list[int] = []     # the inputs that are written before such a check
        self.guards: dict[Hashable, Guard] = {}
        self.training_set: set[int] = set()     # ids of modules whose training flag the function set itself
        self.refreshers: dict[int, Callable[[], object]] = {}   # called before each replay
        self.exempted: set[int] = set()     # ids of tensors that need no (further) guard; one made later is in `made`
        self.draws: dict[Generator, list[Any]] = {}     # generator -> [state block of this recording, counters drawn]
        self.switched: dict[int, tuple[weakref.ref[Tensor], bool]] = {}     # requires_grad before the function set it
        self.grads: dict[int, tuple[weakref.ref[Tensor], bool]] = {}    # leaf, whether its gradient is written first
        self.operations: list[str] = []     # those in progress, the outermost first

    def refuse(self, error: Exception, why: str) -> None:
        """Raise the error, or let the run continue without a recording.

        Args:
            error: that something cannot be recorded.
            why: the same in short: "calls item() (file:line)".
        """
        if self.fullgraph:
            raise error
        self.watch.problems[why] = why

    # ---- kernel calls ----

    def enter_operation(self, name: str, args: tuple[Any, ...]) -> None:
        """An operation begins: the kernel calls until it ends are its."""
        self.operations.append(name)

    def leave_operation(self) -> None:
        """The latest operation ends."""
        self.operations.pop()

    @property
    def operation(self) -> str | None:
        """The innermost operation in progress."""
        return self.operations[-1] if self.operations else None

    def locate(self, array: Array) -> tuple[int | None, int]:
        """(input, offset from its start) of an array that lies in an input; else (None, address)."""
        address = address_of(array)
        for source, (low, high) in enumerate(self.ranges):
            if low <= address < high:
                return source, address - low
        return None, address

    def add_launches(self, compiled: Callable[..., None], kernel: Any, args: tuple[Any, ...],
                     attrs: dict[str, Any]) -> None:
        """Call a compiled kernel and keep its launches."""
        if kernel.check and self._all_fixed(args):
            compiled(*args, **attrs)            # a check of fixed values passes in each replay if it passes now
            return
        hoisted = kernel.check and self._can_run_first(args)
        steps = self.checks if hoisted else self.steps
        if not steps or isinstance(steps[-1], PythonCall):
            steps.append(self._new_launches())
        launches = steps[-1]
        start = len(launches)
        if kernel.check:
            self.check_calls[launches, start] = PythonCall(kernel, args, attrs, self)
        self._note_arrays(kernel, args, attrs, hoisted)     # first: launches only point at memory that is kept alive
        seconds = launches.record(compiled, args, attrs)
        if len(launches) > start:
            launches.note_call(self.operations[-1] if self.operations else None, kernel, args, attrs)
        for meter in state.meters:
            meter.note_kernel(kernel, args, attrs, seconds)
        if self.constants is not None:
            outputs, read = _outputs_and_inputs(kernel, args, attrs)
            whole = (not kernel.check and outputs != [] and not attrs.get("accumulate")
                     and not kernel.__name__.endswith("_") and all(map(self._is_new, outputs)))
            self.constants.note_launches(launches, start, self._constant_arrays(read), outputs, whole)

    def _new_launches(self):
        inputs = [(low, high - low) for low, high in self.ranges]
        if self.constants is None:
            return launch.LaunchList(inputs)
        return launch.LaunchList(inputs, self.constants.spans, self.constants.pool)

    def _is_new(self, a):
        """Whether an array is all of a Block of the recording's own pool."""
        block: Any = root(a)
        return block is not None and block.pool is self.pool and a.nbytes == memoryview(block).nbytes

    def _constant_arrays(self, values):
        """The arrays among values, except for Python numbers; None for a number that a replay may change."""
        arrays = [a for a in values if isinstance(a, np.ndarray)]
        return [None if a.ndim == 0 and root(a) is None else a for a in arrays
                if a.ndim or root(a) is not None or self._known(a)]

    def add_call(self, kernel: Any, args: tuple[Any, ...], attrs: dict[str, Any]) -> None:
        """Keep the call of a NumPy kernel that has just run."""
        if kernel.check and self._all_fixed(args):
            return
        hoisted = kernel.check and self._can_run_first(args)
        (self.checks if hoisted else self.steps).append(PythonCall(kernel, args, attrs, self))
        self._note_arrays(kernel, args, attrs, hoisted)
        if self.constants is not None:
            self.constants.note_writes(_outputs_and_inputs(kernel, args, attrs)[0])

    def add_notice(self, function: Callable[[], None]) -> None:
        """Call a function at this place of each replay, too, between the launches before and after it.

        Args:
            function: without arguments, which the run has just called.
        """
        self.steps.append(Notice(function))

    def _can_run_first(self, args):
        """Whether a check may run before everything else: the recording writes nothing that the check reads."""
        return all(self._untouched(a) for a in args if isinstance(a, np.ndarray))

    def made_inside(self, array: Array) -> bool:
        """Whether an array lies in the recording's own pool."""
        block = root(array)
        return block is not None and block.pool is self.pool

    def is_constant(self, tensor: Tensor) -> bool:
        """Whether a tensor was made inside from Python values alone, so that it is the same in every replay."""
        return (id(tensor) in self.made and not self.made_inside(tensor._data)
                and self.locate(tensor._data)[0] is None)

    def _untouched(self, a):
        return not self.made_inside(a) and not any(np.may_share_memory(a, w) for w in self.written.values())

    def _note_arrays(self, kernel, args, attrs, hoisted):
        if kernel.fallible and not hoisted:
            places = [(self.locate(a)[0], a) for a in self.written.values()]
            # views of the memory: the array's reference count tells who else holds a gradient
            self.snapshot = [unowned_view(a) for source, a in places if source is None and a.size]
            self.input_snapshot = sorted({source for source, _ in places if source is not None})
        self._note_fixed(kernel, args, attrs)
        for i, a in enumerate([*args, *attrs.values()]):
            if isinstance(a, np.ndarray):
                block = root(a)
                if block is not None and block.pool is self.pool:
                    continue
                # the Block, not the array, whose reference count tells who else holds a gradient
                self.keep[id(a if block is None else block)] = a if block is None else block
                if block is None and a.ndim and not self._known(a):
                    self.refuse(RuntimeError(
                        f"{kernel.__name__}: a NumPy array of shape {a.shape} in a compiled function: its values would "
                        "be the recorded run's in every replay. Make it a tensor outside, with fastnet.from_numpy. "
                        "If you did not create this array, please report a bug"),
                        f"gives a NumPy array of shape {a.shape} to {kernel.__name__}")
                if i in kernel.outputs:
                    self.written[address_of(a), a.nbytes] = a

    # Arrays that hold the same in each replay, such as fastnet.ones(8, 1), need no check in it. A check that cannot run
    # first costs a copy of all state.

    def _note_fixed(self, kernel, args, attrs):
        """Keep track of arrays that are computed from fixed values only."""
        outputs, read = _outputs_and_inputs(kernel, args, attrs)
        fixed = self._all_fixed(read)
        for a in outputs:
            low, high = native.bounds(a)
            self.fixed = [span for span in self.fixed if span[1] <= low or high <= span[0]]
            if fixed and self.made_inside(a):
                self.fixed.append((low, high))

    def _all_fixed(self, args):
        return all(self._is_fixed(a) for a in args if isinstance(a, np.ndarray))

    def _is_fixed(self, a):
        if a.ndim == 0 and root(a) is None:     # a Python number
            return not self._known(a)
        low, high = native.bounds(a)
        return any(start <= low and high <= end for start, end in self.fixed)

    def _known(self, a):
        return not a.size or id(_owner(a)) in self.outside or self.locate(a)[0] is not None

    def constant(self, array: Array) -> Array:
        """Accept an array made by NumPy as a value that every replay may use: a Python list, a random state."""
        owner = _owner(array)
        self.outside[id(owner)] = self.keep[id(owner)] = owner          # a result can be one that no launch reads
        return array

    # ---- guards ----

    def note_tensors(self, args: Iterable[Any]) -> None:
        """Guard the memory of tensors that come from outside: parameters, buffers, captured constants."""
        for t in args:
            storage = getattr(t, "_storage", None)
            if storage is None or id(t) in self.made:
                continue
            self._refuse_overlap(t._data)
            if self.constants is not None and t._requires_grad and state.grad_enabled:
                self.refuse(RuntimeError(
                    "fastnet.compile(freeze=True): expected no tensor that needs a gradient, got one of shape "
                    f"{shape_text(t)}; call the function under fastnet.no_grad(), or compile it without freeze"),
                    f"uses a tensor of shape {shape_text(t)} that needs a gradient, with freeze=True")
            self._note_tensor(t, storage)

    def _note_tensor(self, t, storage):
        if id(t) in self.exempted:          # not the storage: a tensor that shares it may get another
            return
        self.exempt(t)
        array, block = t._data, root(t._data)
        self.keep[id(array)] = array if block is None else block
        self.constant(array)
        self.versions.setdefault(id(storage), (storage, storage.version))
        self.guards["tensor", id(t)] = TensorGuard(t)
        if self.constants is not None:
            self.constants.add(t)

    def _refuse_overlap(self, array):
        """A captured tensor in an argument's memory would be taken for a part of each replay's argument."""
        low, high = native.bounds(array)
        if array.size and any(low < end and start < high for start, end in self.ranges):
            self.refuse(RuntimeError(
                f"a tensor of shape {array.shape} that the compiled function uses, but does not take, shares memory "
                "with an argument; pass it as an argument too, or use a clone() of one"),
                f"uses a tensor of shape {array.shape} that shares memory with an argument")

    def exempt(self, tensor: Tensor) -> None:
        """Exempt a tensor from guarding: another guard covers it."""
        self.exempted.add(id(tensor))

    def is_from_outside(self, tensor: Tensor) -> bool:
        """Whether a tensor is guarded: it existed before the run."""
        return id(tensor._storage) in self.versions

    def note_training(self, module: Any) -> None:
        """Guard the training flag of a module that was read, unless the function itself had set it."""
        if id(module) not in self.training_set:
            self.guards.setdefault(("training", id(module)), TrainingGuard(module))

    def note_training_set(self, module: Any) -> None:
        """Exempt the training flag of a module from guarding: the function sets it before it reads it."""
        self.training_set.add(id(module))

    def note_values(self, value: Any, path: str) -> None:
        """Guard the Python values in an object that the function reads."""
        self.watch.visit(value, path)

    def note_changes(self, count: ChangeCount, text: str) -> None:
        """Guard something whose changes are counted."""
        self.guards.setdefault(id(count), ChangeGuard(count, text))

    def note_requires_grad(self, tensor: Tensor) -> None:
        """Guard the first requires_grad of a tensor that is about to be set; a replay sets it, too."""
        if id(tensor) not in self.made:
            self._refuse_overlap(tensor._data)
            self._note_tensor(tensor, tensor._storage)
            self.switched.setdefault(id(tensor), (weakref.ref(tensor), tensor._requires_grad))

    def note_grad(self, tensor: Tensor, written: bool) -> None:
        """Guard a gradient that is read before it is written (set or dropped)."""
        if id(tensor) not in self.grads and not self.made_inside(tensor._data):
            self.grads[id(tensor)] = weakref.ref(tensor), written or tensor._grad is None
            if not written:
                self.guards["grad", id(tensor)] = GradientGuard(tensor)

    def note_optimizer(self, optimizer: Any, refresh: Callable[[], object],
                       structure: Callable[[], tuple[list[Any], list[Array]]]) -> None:
        """Guard the structure of an optimizer that stepped, and refresh its numbers before each replay."""
        self.refreshers[id(optimizer)] = refresh
        key = "optimizer", id(optimizer)
        if key not in self.guards:
            self.guards[key] = OptimizerGuard(optimizer, structure)

    def note_refresher(self, owner: object, refresh: Callable[[], object]) -> None:
        """Call `refresh` before each replay; an error that it raises ends the call.

        Args:
            owner: an object that lives as long as the refresher is of use, one for each refresher.
            refresh: the function.
        """
        self.refreshers[id(owner)] = refresh

    # ---- the end of the run ----

    def version_counts(self) -> tuple[list[tuple[Storage, int]], list[tuple[int, int]]]:
        """How often the run wrote into storages from outside, and into those of the arguments by their numbers."""
        return ([(s, s.version - before) for s, before in self.versions.values() if s.version != before],
                [(i, s.version - before) for i, (s, before) in enumerate(self.input_versions) if s.version != before])

    def fold_constants(self) -> None:
        """Remove the launches whose results are the same in each replay, and guard the values they depend on."""
        if self.constants is None:
            return
        changed = [id(storage) for storage, _ in self.version_counts()[0]]
        for guard in self.constants.fold(self.checks + self.steps, self.check_calls, changed):
            self.guards["constant", id(guard.storage)] = guard
        self.keep.update((id(block), block) for block in self.constants.blocks)

    def note_made(self, tensor: Tensor) -> None:
        """A tensor was made inside."""
        self.made[id(tensor)] = weakref.ref(tensor)

    def note_computed(self, values: dict[str, Any], name: str) -> None:
        """A tensor is about to be set in a dictionary: restore the value after the run, since replays write over it."""
        self._computed.setdefault((id(values), name), (values, name, values[name]))

    def restore_computed(self) -> None:
        """Restore the values that `note_computed` noted."""
        for values, name, before in self._computed.values():
            values[name] = before
        self._computed.clear()

    def note_captured(self, tensor: Tensor) -> None:
        """A tensor that was made inside is over memory from outside: guard it as one from outside."""
        self.made.pop(id(tensor), None)

    def survivors(self) -> list[Tensor]:
        """The tensors in the recording's own memory that still live."""
        return [t for ref in self.made.values() if (t := ref()) is not None and self.made_inside(t._data)]

    def settle(self) -> None:
        """Let the generators be where eager calls would have left them."""
        for generator, (_, total) in self.draws.items():
            generator.advance(total)

    def release(self) -> None:
        """Let go of everything that only the run needed."""
        self.exempted.clear()
        self.written.clear()

    def reserve(self, generator: Generator, blocks: int) -> tuple[Array, int]:
        """Random counters for one draw: (state array, offset). A replay begins at the generator's present counter."""
        entry = self.draws.get(generator)
        if entry is None:
            entry = self.draws[generator] = [self.constant(generator.block()), 0]
        offset = entry[1]
        entry[1] += blocks
        return entry[0], offset


def _outputs_and_inputs(kernel, args, attrs):
    """The arrays that a kernel call writes, and the values that it reads."""
    outputs = [args[i] for i in kernel.outputs if args[i] is not None]
    read = args if kernel.__name__.endswith("_") else [a for i, a in enumerate(args) if i not in kernel.outputs]
    return outputs, [*read, *attrs.values()]


def _owner(a):
    """The object that owns an array's memory, at the end of its chain of bases."""
    while getattr(a, "base", None) is not None:
        a = a.base
    return a
