"""`fastnet.compile`: run a function once, keep its kernel launches, and replay them.

Like a CUDA graph, without code generation or a warm-up: replays run the same kernels in the same order, so they give
the same bits. See `compile`.
"""
import functools
import os
import sys
import types
from collections import OrderedDict, deque
from typing import Any

from fastnet._core.errors import shape_text
from fastnet._core.locks import new_lock
from fastnet._core.state import inside, recorded, state
from fastnet._core.tensor import Tensor
from fastnet._replay import explain
from fastnet._replay.numbers import Numbers
from fastnet._replay.recorder import Recorder
from fastnet._replay.recording import Recording
from fastnet._replay.results import replaced
from fastnet._replay.signature import signature, without_floats
from fastnet._runtime.native import replay
from fastnet.backend import K, calls, get_isa, get_num_threads


def compile(fn=None, *, max_recordings=64, disable=False):
    """A function that records what `fn` does on its first call for each signature, and replays it on the others.

    A signature is the shapes, dtypes and layouts of the tensors among the arguments, the value of every other argument,
    gradient mode, the backend and the thread count. A recording is also guarded by what the run read: `training` flags,
    gradients that existed, the memory of parameters, the structure of optimizers, and Python values (attributes,
    globals, closure variables, elements of lists and dicts). If one of them changes, a new recording is made. Numbers
    in an optimizer's `param_groups` (learning rates) and the random state are read at every call, and a float argument
    that changes shares one recording where it only takes part in arithmetic.

    Python runs during the recording only, so side effects happen once, and reading a tensor's value (`item()`,
    `float()`, `bool()`, `numpy()`, `if tensor:`) or making a tensor from Python values (`tensor()`, `from_numpy()`)
    raises. A function that reads values which cannot be compared (a clock, Python's or NumPy's random numbers, an
    iterator) runs eagerly, with one RuntimeWarning. Compile whole training steps, backward and optimizer included.

    Args:
        fn: a function or a Module of tensors and other (hashable) arguments; it returns tensors, or nested tuples,
            lists and dicts of them.
        max_recordings: how many signatures to keep, the most recently used.
        disable: run `fn` eagerly at each call, with the same bits. The environment variable FASTNET_COMPILE=0 does so
            for every function that is compiled while it is set.

    Raises:
        RuntimeError: at the first call, if a value is read or brought in; if a tensor made inside is still held
            afterwards by anything but the result; if the result's backward() would run outside; if an argument
            requires a gradient; if a tensor that `fn` uses without taking it shares memory with an argument.

    Example:
        >>> import fastnet
        >>> double = fastnet.compile(lambda x: x * 2)
        >>> double(fastnet.ones(2)), double(fastnet.zeros(2))
        (tensor([2., 2.]), tensor([0., 0.]))
    """
    if fn is None:
        return functools.partial(compile, max_recordings=max_recordings, disable=disable)
    return Compiled(fn, max_recordings, disable)


class Compiled(replay.Caller):
    """A function with its recordings: see `compile`. Attributes that it lacks are the function's.

    Args:
        fn: a function or a Module.
        max_recordings: how many signatures to keep.
        disable: run the function eagerly at each call.

    Raises:
        TypeError: fn cannot be called.
        ValueError: max_recordings is less than 1, or FASTNET_COMPILE is neither 0 nor 1.

    Example:
        >>> import fastnet
        >>> double = fastnet.compile(lambda x: x * 2)
        >>> double(fastnet.ones(2)), double(fastnet.ones(3)), len(double)
        (tensor([2., 2.]), tensor([2., 2., 2.]), 2)
    """

    _shortcut: Any
    _other: Any

    def __init__(self, fn, max_recordings=64, disable=False):
        if not callable(fn):
            raise TypeError(f"expected a function or a module, got {type(fn).__name__}")
        if max_recordings < 1:
            raise ValueError(f"expected at least one recording to keep, got {max_recordings}")
        self.fn = fn
        self.max_recordings = max_recordings
        self._eager = disable or not _enabled()
        self._recordings = OrderedDict()        # signature -> its Recordings; the signature used last stands last
        self._lock = new_lock(reentrant=True)      # a signal's handler may call it
        self._shortcut_keys = (None, None)      # the signatures that the last two shortcuts were made for
        self._floats = {}                       # signature for any floats -> whether they need not be fixed
        self._unsteady = False                  # whether the last run changed what it read
        self._made_at = deque(maxlen=RECORDINGS_TO_WARN)        # the numbers of the calls that made the last recordings
        self._eager_because = None              # what made it run eagerly
        functools.update_wrapper(self, fn, updated=())

    def _call(self, args, kwargs):
        """A call that is not like the last one: find a recording, or make it."""
        if self._eager or state.recorder is not None:           # the latter: part of another function's recording
            return self.fn(*args, **kwargs)
        tensors = []
        key = (signature(args, tensors), signature(kwargs, tensors) if kwargs else None, state.grad_enabled,
               get_num_threads(), K.name, get_isa())
        arrays = [t._data for t in tensors]
        if len(arrays) > 1:
            key += calls.overlaps(arrays)
        recording, free = self._find(key), None
        if recording is None and (free := without_floats(key)):
            recording = self._find(free)
        if recording is None:
            return self._record(key, free, args, kwargs, tensors, arrays)
        if not kwargs:
            self._take_shortcut(recording.shortcut(args), free or key)
        return recording.replay(arrays, tensors, args, kwargs)

    def _take_shortcut(self, shortcut, key):
        if shortcut is not self._shortcut:
            self._shortcut, self._other = shortcut, self._shortcut
            self._shortcut_keys = key, self._shortcut_keys[0]

    def _forget_shortcuts(self):
        self._shortcut = self._other = None
        self._shortcut_keys = None, None

    def _find(self, key):
        """The recording of this signature whose guards hold."""
        for recording in inside(self._lock, self._candidates, key):
            if recording.holds():
                return recording
        return None

    def _candidates(self, key):
        candidates = tuple(self._recordings.get(key, ()))
        if candidates:
            self._recordings.move_to_end(key)
        return candidates

    def _record(self, key, free, args, kwargs, tensors, arrays):
        from fastnet._replay.watch import Watch  # it imports NumPy's and Python's random generators: milliseconds
        texts = explain.argument_texts(args, kwargs)
        why = self._why(free, texts) if free in self._recordings else self._why(key, texts)
        for t in tensors:
            if t._requires_grad:
                raise RuntimeError(f"an argument of shape {shape_text(t)} requires a gradient; a compiled function "
                                   "takes its arguments without (use detach()), and gradients of parameters inside")
        # inside, the arguments are other objects than the caller's, which the function may have captured as well
        inner = [Tensor._wrap(t._data, t._storage) for t in tensors]
        watch = Watch()
        recorder, handed = Recorder(inner, watch), iter(inner)
        args, kwargs = replaced(args, handed), replaced(kwargs, handed)
        numbers = self._numbers(free, args, kwargs)
        if numbers is not None:
            args, kwargs = numbers.args, numbers.kwargs
        result, recording = recorded(recorder, self._run, recorder, args, kwargs, (inner, texts, why, numbers))
        if numbers is not None and numbers.read:
            recording.numbers, self._floats[free] = None, False
        elif numbers is not None:
            key = free
        answer = recording.result(arrays, tensors)
        del result, args, kwargs, handed, inner
        recorder.release()
        changed = watch.finish()
        recording.check_released(recorder)
        if watch.problems or changed:
            self._distrust(watch.problems, changed)
            return answer
        self._unsteady = False
        self._note_made(why)
        inside(self._lock, self._keep, key, recording)
        return answer

    def _keep(self, key, recording):
        for used in reversed(self._shortcut_keys):              # by calls that did not come by here
            if used in self._recordings:
                self._recordings.move_to_end(used)
        self._forget_shortcuts()
        self._recordings[key] = [recording, *self._recordings.get(key, ())]
        self._recordings.move_to_end(key)
        self._evict()

    def _numbers(self, free, args, kwargs):
        """What stands for float arguments that have changed since a recording, or None.

        Args:
            free: the signature for any floats.
            args, kwargs: the arguments.
        """
        if free is None:
            return None
        again = self._floats.get(free, False)
        self._floats.setdefault(free, True)
        return Numbers(args, kwargs) if again else None

    def _run(self, recorder, args, kwargs, call):
        result = recorder.watch.run(self.fn, args, kwargs)
        return result, Recording(recorder, result, *call)

    def _distrust(self, problems, changed):
        """Keep no recording of a run that read what cannot be watched, or changed what it read: run eagerly.

        What a first run changes may be there for good, as a table that it fills: the next call records again.
        """
        if not problems and not self._unsteady:
            self._unsteady = True
            return
        why = next(iter(problems.values()), None) or f"changes {changed[0].path}, which it reads"
        self._eager, self._eager_because = True, why
        explain.warn(f"fastnet.compile runs {_name(self.fn)} eagerly, without a recording, because it {why}")

    def _why(self, key, texts):
        """Why a call takes a new recording."""
        same, found = self._recordings.get(key), self.recordings
        if same:
            return same[0].misfit()
        return explain.difference(found[0].arguments, texts) if found else "it is the first"

    def _note_made(self, why):
        """Warn once if recordings are made again and again."""
        self._made_at.append(self.calls)
        if len(self._made_at) == RECORDINGS_TO_WARN and self.calls - self._made_at[0] < CALLS_TO_WARN:
            self._made_at = deque(maxlen=1)     # never full again
            explain.warn(f"fastnet.compile recorded {_name(self.fn)} {RECORDINGS_TO_WARN} times in its last "
                         f"{CALLS_TO_WARN} calls, each as slow as an eager one and more; the last time because of "
                         f"{why}. A number that changes is best a float argument. See its explain()")

    @property
    def recordings(self):
        """The recordings kept, the most recently used signature's first."""
        return inside(self._lock, lambda: tuple(r for same in reversed(self._recordings.values()) for r in same))

    def explain(self):
        """A text about the recordings: what each was made for and why, and what it depends on.

        Example:
            >>> import fastnet
            >>> double = fastnet.compile(lambda x: x * 2)
            >>> _ = double(fastnet.ones(2))
            >>> print(double.explain())
            <lambda>: 1 recording, 1 call
            recording 1: it is the first
              argument 1: tensor (2,) float32
              1 launch
        """
        found = self.recordings
        lines = [f"{_name(self.fn)}: {_count(len(found), 'recording')}, {_count(self.calls, 'call')}"]
        if self._eager:
            lines.append(f"runs eagerly: {'it ' + self._eager_because if self._eager_because else 'compiling is off'}")
        for i, recording in enumerate(found, 1):
            lines += [f"recording {i}: {recording.why}", *("  " + line for line in recording.lines())]
        return "\n".join(lines)

    def _evict(self):
        while sum(map(len, self._recordings.values())) > self.max_recordings:
            oldest = next(iter(self._recordings.values()))
            oldest.pop()
            if not oldest:
                self._recordings.popitem(last=False)
        if len(self._floats) > 4 * self.max_recordings:         # of shapes that are long gone
            self._floats.clear()

    def clear(self):
        """Forget all recordings and free their memory."""
        inside(self._lock, self._recordings.clear)
        self._forget_shortcuts()

    def __len__(self):
        """The number of recordings kept."""
        return sum(map(len, self._recordings.values()))

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.fn, name)

    def __setattr__(self, name, value):
        if name in _OWN or name.startswith("__"):
            object.__setattr__(self, name, value)
        else:                                   # model.training = False, say
            setattr(self.fn, name, value)

    def __repr__(self):
        return f"compile({self.fn!r})"

    def __get__(self, instance, owner=None):
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self):
        """A decorated function is pickled by its name, anything else with the function; recordings stay behind."""
        found: Any = sys.modules.get(getattr(self.fn, "__module__", ""))
        name = getattr(self.fn, "__qualname__", "")
        for part in name.split("."):
            found = getattr(found, part, None)
        return name if found is self else (Compiled, (self.fn, self.max_recordings, self._eager))


_OWN = frozenset(("fn", "max_recordings", "_eager", "_eager_because", "_floats", "_unsteady", "_made_at", "_shortcut",
                  "_other", "_shortcut_keys", "_recordings", "_lock", "calls"))
RECORDINGS_TO_WARN, CALLS_TO_WARN = 8, 16       # so many recordings in so many calls are worth a warning


def _name(fn):
    return getattr(fn, "__qualname__", None) or type(fn).__name__


def _count(n, what):
    return f"{n} {what}{'s' * (n != 1)}"


def _enabled():
    """Whether the environment lets functions be compiled."""
    wanted = os.environ.get("FASTNET_COMPILE", "1")
    if wanted not in ("0", "1"):
        raise ValueError(f"FASTNET_COMPILE must be 0 (run compiled functions eagerly) or 1, got {wanted!r}")
    return wanted == "1"
