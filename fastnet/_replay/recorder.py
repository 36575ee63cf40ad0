"""A recording while it is made: what the kernels were called with, and what its replay depends on.

The kernel table (backend.py) hands every call here; the tensors, modules, optimizers and random generators that a
function reads report themselves, and become guards or things to refresh before a replay.
"""
import weakref

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.memory import Pool, root
from fastnet.backend import call_silently, calls, get_num_threads, launch


class _At:
    """Raw memory for NumPy to look at; `owner` keeps it alive."""

    def __init__(self, address, shape, strides, dtype, owner):
        self.owner = owner
        self.__array_interface__ = {"version": 3, "data": (address, False), "shape": shape, "strides": strides,
                                    "typestr": dtype.str}


def _viewed(a):
    """Another array over an array's memory, which somebody else keeps."""
    return np.asarray(_At(_address(a), a.shape, a.strides, a.dtype, None))


class PythonCall:
    """A call of a NumPy kernel, as data: arrays that lie in an input are found again in the input of each replay."""

    def __init__(self, kernel, args, attrs, recorder):
        self.kernel = kernel
        self.args = [self._note(a, recorder) for a in args]
        self.attrs = {name: self._note(a, recorder) for name, a in attrs.items()}

    @staticmethod
    def _note(a, recorder):
        if not isinstance(a, np.ndarray):
            return lambda inputs: a
        source, address = recorder.locate(a)
        shape, strides, dtype = a.shape, a.strides, a.dtype
        if source is None or not a.size:
            # a view of the memory, not of the Block: the recording's pool keeps the one, nobody need keep the other
            fixed = _viewed(a) if a.size else np.empty(shape, dtype)
            return lambda inputs: fixed
        return lambda inputs: np.asarray(
            _At(calls.bounds(inputs[source])[0] + address, shape, strides, dtype, inputs[source]))

    def replay(self, inputs):
        call_silently(self.kernel, [a(inputs) for a in self.args], {name: a(inputs) for name, a in self.attrs.items()})


class Recorder:
    """Everything that one run of a function leaves behind for its replays.

    Args:
        inputs: the arguments, tensors whose arrays a replay brings anew.
        watch: the fastnet._replay.watch.Watch of the Python values that the run reads.
    """

    def __init__(self, inputs, watch):
        self.watch = watch
        self.made = {id(t): weakref.ref(t) for t in inputs}     # the arguments, and every tensor made inside
        self.ranges = [calls.bounds(t._data) for t in inputs]
        self.input_versions = [(t._storage, t._storage.version) for t in inputs]
        self.versions = {}                  # id -> (storage from outside, its version when it was first used)
        self.pool = Pool()
        self.steps, self.checks = [], []    # LaunchLists and PythonCalls, in order; checks run first
        self.explain = {}                   # (LaunchList, index) -> the PythonCall that raises its error
        self.keep = {}                      # what owns the memory outside the pool that launches point at
        self.outside = {}                   # id -> owner of memory that is known not to be made by this run
        self.fixed = []                     # (low, high) addresses of arrays that hold the same in each replay
        self.written = {}                   # arrays outside the pool that launches write: the state
        self.snapshot, self.input_snapshot = [], []     # state and inputs written before a check that can't come first
        self.guards = {}                    # key -> (whether a replay is still right: a function, what it asks)
        self.tensors = []                   # (weak reference, array, requires_grad) of what the guards of tensors watch
        self.refreshers = {}                # key -> a function to call before each replay
        self.noted = {}                     # id -> storage of every tensor from outside that needs no more guards
        self.draws = {}                     # generator -> [state block of this recording, counters drawn]
        self.switched = {}                  # id -> (tensor whose requires_grad is set, what it was before)
        self.grads = {}                     # id -> (tensor, whether its gradient is made anew, not added to)
        self.threads = get_num_threads()

    # ---- while it is made ----

    def locate(self, a):
        """(input, offset from its start) of an array that lies in an input; else (None, address)."""
        address = _address(a)
        for source, (low, high) in enumerate(self.ranges):
            if low <= address < high:
                return source, address - low
        return None, address

    def add_launches(self, compiled, kernel, args, attrs):
        """Call a compiled kernel and keep its launches."""
        if kernel.check and self._all_fixed(args):
            compiled(*args, **attrs)            # what has passed once passes in each replay
            return
        hoisted = kernel.check and self._hoists(args)
        steps = self.checks if hoisted else self.steps
        if not steps or isinstance(steps[-1], PythonCall):
            steps.append(launch.LaunchList([(low, high - low) for low, high in self.ranges]))
        launches = steps[-1]
        if kernel.check:
            self.explain[launches, len(launches)] = PythonCall(kernel, args, attrs, self)
        self._note_arrays(kernel, args, attrs, hoisted)     # first: launches never point at what is not kept alive
        launches.record(compiled, args, attrs)

    def add_call(self, kernel, args, attrs):
        """Keep the call of a NumPy kernel that has just run."""
        if kernel.check and self._all_fixed(args):
            return
        hoisted = kernel.check and self._hoists(args)
        (self.checks if hoisted else self.steps).append(PythonCall(kernel, args, attrs, self))
        self._note_arrays(kernel, args, attrs, hoisted)

    def _hoists(self, args):
        """Whether a check may run before everything else: it reads nothing that the recording writes."""
        return all(self._untouched(a) for a in args if isinstance(a, np.ndarray))

    def made_inside(self, a):
        """Whether an array lies in the recording's own pool."""
        block = root(a)
        return block is not None and block.pool is self.pool

    def _untouched(self, a):
        return not self.made_inside(a) and not any(np.may_share_memory(a, w) for w in self.written.values())

    def _note_arrays(self, kernel, args, attrs, hoisted):
        if kernel.fallible and not hoisted:
            places = [(self.locate(a)[0], a) for a in self.written.values()]
            # views of the memory: who else holds a gradient's array is asked of its reference count
            self.snapshot = [_viewed(a) for source, a in places if source is None and a.size]
            self.input_snapshot = sorted({source for source, _ in places if source is not None})
        self._note_fixed(kernel, args, attrs)
        for i, a in enumerate([*args, *attrs.values()]):
            if isinstance(a, np.ndarray):
                block = root(a)
                if block is not None and block.pool is self.pool:
                    continue
                # the Block, not the array: who else holds a gradient's array is asked of its reference count
                self.keep[id(a if block is None else block)] = a if block is None else block
                if block is None and a.ndim and not self._known(a):
                    raise RuntimeError(
                        f"{kernel.__name__}: a NumPy array of shape {a.shape} in a compiled function: its values would "
                        "be the recorded run's in every replay. Make it a tensor outside, with fastnet.from_numpy. "
                        "If you did not create this array, please report a bug")
                if i in kernel.outputs:
                    self.written[_address(a), a.nbytes] = a

    # Arrays of the recording's own that hold the same in each replay, as fastnet.ones(8, 1), need no check there: a
    # check that cannot come first costs a copy of all state.

    def _note_fixed(self, kernel, args, attrs):
        """Keep track of what is computed from fixed values alone."""
        outputs = [args[i] for i in kernel.outputs if args[i] is not None]
        read = args if kernel.__name__.endswith("_") else [a for i, a in enumerate(args) if i not in kernel.outputs]
        fixed = self._all_fixed([*read, *attrs.values()])
        for a in outputs:
            low, high = calls.bounds(a)
            self.fixed = [span for span in self.fixed if span[1] <= low or high <= span[0]]
            if fixed and self.made_inside(a):
                self.fixed.append((low, high))

    def _all_fixed(self, args):
        return all(self._is_fixed(a) for a in args if isinstance(a, np.ndarray))

    def _is_fixed(self, a):
        if a.ndim == 0 and root(a) is None:     # a Python number
            return not self._known(a)
        low, high = calls.bounds(a)
        return any(start <= low and high <= end for start, end in self.fixed)

    def _known(self, a):
        return not a.size or id(_owner(a)) in self.outside or self.locate(a)[0] is not None

    def constant(self, a):
        """Take an array made by NumPy as a value that every replay may use: a Python list, a random state."""
        self.outside[id(_owner(a))] = _owner(a)
        return a

    # ---- what replays depend on ----

    def note_tensors(self, args):
        """Guard the memory of tensors that come from outside: parameters, buffers, captured constants."""
        for t in args:
            storage = getattr(t, "_storage", None)
            if storage is None or id(t) in self.made:
                continue
            self._refuse_overlap(t._data)
            if id(storage) in self.noted:
                continue
            self.own(t)
            array, block = t._data, root(t._data)
            self.keep[id(array)] = array if block is None else block
            self.constant(array)
            self.versions[id(storage)] = storage, storage.version
            self.tensors.append((weakref.ref(t), array, t._requires_grad))
            self.guards[id(storage)] = _same_tensor(t), (
                f"the memory, layout or requires_grad of a tensor of shape {shape_text(t)} that is no argument")

    def _refuse_overlap(self, array):
        """A captured tensor that lies in an argument's memory would be taken for a part of each replay's argument."""
        low, high = calls.bounds(array)
        if array.size and any(low < end and start < high for start, end in self.ranges):
            raise RuntimeError(f"a tensor of shape {array.shape} that the compiled function uses, but does not take, "
                               "shares memory with an argument; pass it as an argument too, or use a clone() of one")

    def own(self, tensor):
        """Take a tensor that was made inside, or is guarded otherwise, as needing no guard of its own."""
        self.noted[id(tensor._storage)] = tensor._storage

    def note_module(self, module):
        """Guard the training flag of a module that was asked for it."""
        ref, flag = weakref.ref(module), module.__dict__["_training"]
        self.guards.setdefault(id(module), (
            lambda: (m := ref()) is not None and m.__dict__["_training"] is flag, f"{type(module).__name__}.training"))

    def note_requires_grad(self, tensor):
        """A tensor's requires_grad is about to be set: what it was at first is guarded."""
        if id(tensor) not in self.made:
            self.note_tensors((tensor,))
            self.switched.setdefault(id(tensor), (weakref.ref(tensor), tensor._requires_grad))

    def note_grad(self, tensor, written):
        """A gradient is read, or written (set or dropped) for the first time."""
        if id(tensor) not in self.grads and not self.made_inside(tensor._data):
            self.grads[id(tensor)] = weakref.ref(tensor), written or tensor._grad is None
            if not written:
                self.guards["grad", id(tensor)] = _same_grad(weakref.ref(tensor)), (
                    f"the gradient of a tensor of shape {shape_text(tensor)}: whether there is one, and its memory")

    def version_counts(self):
        """How often the run wrote into storages from outside, and into the arguments' by their numbers."""
        return ([(s, s.version - before) for s, before in self.versions.values() if s.version != before],
                [(i, s.version - before) for i, (s, before) in enumerate(self.input_versions) if s.version != before])

    def note_made(self, tensor):
        """A tensor was made inside."""
        self.made[id(tensor)] = weakref.ref(tensor)

    def survivors(self):
        """The tensors in the recording's own memory that are still there."""
        return [t for ref in self.made.values() if (t := ref()) is not None and self.made_inside(t._data)]

    def release(self):
        """Let go of what only the run itself needed."""
        self.noted.clear()
        self.written.clear()

    def note_optimizer(self, optimizer, refresh, guard):
        """An optimizer stepped: its numbers are refreshed before each replay, its structure is guarded."""
        self.refreshers[id(optimizer)] = refresh
        self.guards.setdefault(("optimizer", id(optimizer)), (
            guard, f"the parameters, state or options of {type(optimizer).__name__}"))

    def reserve(self, generator, blocks):
        """Random counters for one draw: (state array, offset). A replay starts where the generator then stands."""
        entry = self.draws.get(generator)
        if entry is None:
            entry = self.draws[generator] = [self.constant(generator.block()), 0]
        offset = entry[1]
        entry[1] += blocks
        return entry[0], offset


def _owner(a):
    """What owns an array's memory, at the end of its chain of bases."""
    while getattr(a, "base", None) is not None:
        a = a.base
    return a


def _same_tensor(t):
    """The tensor still lives, in the same memory and layout, and needs a gradient or not as before."""
    ref, array, layout, needs = weakref.ref(t), t._data, _layout(t._data), t._requires_grad

    def check():
        t = ref()
        return t is not None and t._requires_grad is needs and (t._data is array or _layout(t._data) == layout)
    return check


def _layout(array):
    return _address(array), array.shape, array.strides, array.dtype


def _same_grad(ref):
    """The gradient is as it was when it was first read: absent, or present in the same memory."""
    grad = ref()._grad
    layout = None if grad is None else _layout(grad._data)

    def check():
        t = ref()
        now = None if t is None else t._grad
        if now is None or layout is None:
            return t is not None and now is None and layout is None
        return _layout(now._data) == layout
    return check


def _address(array):
    return array.__array_interface__["data"][0]
