"""`fastnet.compile`: run a function once, keep its kernel launches, and replay them.

Like a CUDA graph, without code generation or warm-up: a replay runs the same kernels in the same order, so it gives the
same bits. `guards.py` lists everything that decides whether a recording is replayed.
"""
from __future__ import annotations

import functools
import os
import sys
import types
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from fastnet._core.reprs import repr_of
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet._replay.cache import RecordingCache
from fastnet._replay.explain import CallTexts, Explanation, call_texts, difference, warn
from fastnet._replay.float_arguments import FloatArguments
from fastnet._replay.signature import CallKey, call_key
from fastnet._runtime.native import replay

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._replay.recording import Recording

__all__ = ["Compiled", "compile"]

P = ParamSpec("P")
R = TypeVar("R")
_Rest = ParamSpec("_Rest")


@overload
def compile(fn: Callable[P, R], *, max_recordings: int = 64, disable: bool = False,
            freeze: bool = False, fullgraph: bool = True) -> Compiled[P, R]: ...


@overload
def compile(fn: None = None, *, max_recordings: int = 64, disable: bool = False,
            freeze: bool = False, fullgraph: bool = True) -> Callable[[Callable[P, R]], Compiled[P, R]]: ...


def compile(fn: Callable[..., Any] | None = None, *, max_recordings: int = 64, disable: bool = False,
            freeze: bool = False, fullgraph: bool = True) -> Any:
    """A function that records the kernel calls of `fn` at the first call for each signature, and replays them later.

    A signature is the shapes, dtypes and layouts of the tensors among the arguments, the memory that they share, the
    value of every other argument, gradient mode, the backend, the thread count and the instruction set. A recording is
    also guarded by the values that the run read: `training` flags, gradients that existed, the memory of parameters,
    the structure of optimizers, and Python values (attributes, globals, closure variables, elements of lists and
    dicts). If one of them changes, a new recording is made. Numbers in an optimizer's `param_groups` (learning rates)
    and the random state are read at every call. A float argument that changes shares one recording if the function uses
    it only in arithmetic.

    Python runs during the recording only, so side effects happen once, and reading a tensor's value (`item()`,
    `float()`, `bool()`, `numpy()`, `if tensor:`) or making a tensor from Python values (`tensor()`, `from_numpy()`)
    raises. A function that reads values which cannot be compared (a clock, Python's or NumPy's random numbers, an
    iterator) runs eagerly, with one RuntimeWarning.

    A whole training step, with backward and optimizer, is fastest. A model or a loss can be compiled alone, too: the
    result then leads to the parameters and to arguments that require gradients, and its backward() is recorded and
    replayed when it runs. A recording serves one call from the result to its backward(); more calls before it take
    more recordings, and from the ninth on they run eagerly.

    Args:
        fn: a function or a Module that takes tensors and other (hashable) arguments, and returns tensors, or nested
            tuples, lists and dicts of them. Without it, the result is a decorator.
        max_recordings: the most recordings to keep; the least recently used are dropped.
        disable: run `fn` eagerly at each call, with the same bits. The environment variable FASTNET_COMPILE=0 does so
            for every function that is compiled while it is set.
        freeze: take parameters, buffers and other tensors from outside as constants, for inference. Everything that
            depends on them alone, such as packing the filters of a convolution, runs once for each recording and not at
            each call, with the same bits; the results take about as much memory as the parameters. If fastnet writes
            one of them (an optimizer's step, an in-place operation, `load_state_dict`), a new recording is made. A
            write through a NumPy array that shares a tensor's memory is not seen: call `clear()` after it.

        fullgraph: whether a call that cannot be recorded, such as `item()`, is an error. If False, the function then
            runs eagerly, with one RuntimeWarning that says why.

    Raises:
        RuntimeError: at the first call, if a value is read or brought in; if a tensor made inside is still held
            afterwards by anything but the result; if `fn` writes into an argument that requires a gradient; if a tensor
            that `fn` uses without taking it shares memory with an argument, or, with `freeze`, needs a gradient.

    Example:
        >>> import fastnet
        >>> double = fastnet.compile(lambda x: x * 2)
        >>> double(fastnet.ones(2)), double(fastnet.zeros(2))
        (tensor([2., 2.]), tensor([0., 0.]))
    """
    if fn is None:
        return functools.partial(compile, max_recordings=max_recordings, disable=disable, freeze=freeze,
                                 fullgraph=fullgraph)
    in_parts = getattr(type(fn), "_in_parts", None)     # of a model that may read values between its recordings
    if in_parts is not None and _enabled() and not disable:
        parts = in_parts(fn, max_recordings=max_recordings, freeze=freeze, fullgraph=fullgraph)
        if parts is not None:
            fn, disable = parts, True
    return Compiled(fn, max_recordings, disable, freeze, fullgraph)


class Compiled(replay.Caller, Generic[P, R]):
    """A function with its recordings: see `compile`. Other attributes are those of the function.

    Args:
        fn: a function or a Module.
        max_recordings: the most recordings to keep.
        disable: run the function eagerly at each call.
        freeze: take tensors from outside as constants.
        fullgraph: raise if a call cannot be recorded.

    Attributes:
        fn: the function.
        max_recordings: the most recordings to keep.
        freeze: whether tensors from outside are constants of a recording.
        fullgraph: whether a call that cannot be recorded is an error.
        calls: the number of calls so far.

    Raises:
        TypeError: fn cannot be called.
        ValueError: max_recordings is less than 1, or FASTNET_COMPILE is neither 0 nor 1.

    Example:
        >>> import fastnet
        >>> double = fastnet.compile(lambda x: x * 2)
        >>> double(fastnet.ones(2)), double(fastnet.ones(3)), len(double)
        (tensor([2., 2.]), tensor([2., 2., 2.]), 2)
    """

    fn: Callable[P, R]
    max_recordings: int
    freeze: bool
    fullgraph: bool
    _cache: RecordingCache
    _shortcut_keys: tuple[CallKey | None, CallKey | None]       # of the calls that replay.Caller's shortcuts serve
    _floats_vary: dict[CallKey, bool]           # key for any float -> whether to record with RecordedFloats
    _on_tape: dict[CallKey, bool]               # keys of calls from whose results gradients lead outside
    _changed_before: bool                       # whether the last run changed values that it reads
    _made_at: deque[int]                        # the numbers of the calls that made the last recordings
    _eager: bool
    _eager_because: str | None

    def __init__(self, fn: Callable[P, R], max_recordings: int = 64, disable: bool = False,
                 freeze: bool = False, fullgraph: bool = True) -> None:
        if not callable(fn):
            raise TypeError(f"expected a function or a module, got {type(fn).__name__}")
        if max_recordings < 1:
            raise ValueError(f"expected at least one recording to keep, got {max_recordings}")
        self.fn = fn
        self.max_recordings, self.freeze, self.fullgraph = max_recordings, freeze, fullgraph
        self._eager, self._eager_because = disable or not _enabled(), None
        self._cache = RecordingCache()
        self._shortcut_keys = None, None
        self._floats_vary, self._on_tape = {}, {}
        self._changed_before = False
        self._made_at = deque(maxlen=RECORDINGS_TO_WARN)
        functools.update_wrapper(self, fn, updated=())

    if TYPE_CHECKING:
        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call that no shortcut fits: find a recording, or make one."""
        if self._eager or state.recorder is not None or state.tracer is not None:   # part of a recording, of a trace
            return self.fn(*args, **kwargs)
        key, tensors, arrays = call_key(args, kwargs)
        recording, any_float = self._cache.find(key), None
        if recording is None and (any_float := key.for_any_float()) is not None:
            recording = self._cache.find(any_float)
        if recording is None:
            return self._record(key, any_float, args, kwargs, tensors, arrays)
        if not kwargs:
            self._take_shortcut(recording.shortcut(args, key.context), any_float or key)
        return recording.replay(arrays, tensors, args, kwargs)

    def _take_shortcut(self, shortcut, key):
        if self._keep_shortcut(shortcut):
            self._shortcut_keys = key, self._shortcut_keys[0]

    def _forget_shortcuts(self):
        self._drop_shortcuts()
        self._shortcut_keys = None, None

    # ---- make a recording ----

    def _record(self, key: CallKey, any_float: CallKey | None, args: tuple[Any, ...], kwargs: dict[str, Any],
                tensors: list[Tensor], arrays: list[Array]) -> Any:
        """Run the function, keep its recording if it can be replayed, and return the result."""
        from fastnet._replay.run import Run  # it imports NumPy's and Python's random generators: milliseconds
        waiting = self._cache.waiting(key)
        if waiting >= MOST_WAITING:             # many calls before one backward(): the steps of an agent, say
            return self.fn(*args, **kwargs)
        texts = call_texts(args, kwargs, key.context)
        why = self._why(key, any_float, texts)
        run = Run(tensors, self.freeze, self.fullgraph, self._is_on_tape(any_float or key, tensors))
        args, kwargs = run.arguments(args, kwargs)
        floats = self._float_arguments(any_float, args, kwargs)
        if floats is not None:
            args, kwargs = floats.replaced(args, kwargs)
        result, recording = run.record(self.fn, args, kwargs, texts, why, floats)
        if floats is not None and any_float is not None:
            if floats.read:
                self._floats_vary[any_float] = False
                if recording is not None:
                    recording.floats = None
            else:
                key = any_float
        answer = run.answer(result, recording)
        del result, args, kwargs
        problems, changed = run.finish(recording)
        if problems or changed:
            self._distrust(problems, changed)
        elif recording is None:         # gradients lead outside: the next recording keeps its tape
            self._on_tape[any_float or key] = True
        else:
            self._changed_before = False
            if not waiting:
                self._note_made(why)
            used, _ = reversed(self._shortcut_keys), self._forget_shortcuts()
            self._cache.add(key, recording, self.max_recordings, used)
        return answer

    def _float_arguments(self, any_float, args, kwargs):
        """The FloatArguments of a call whose floats have changed since a recording, or None."""
        if any_float is None:
            return None
        vary = self._floats_vary.get(any_float, False)
        if len(self._floats_vary) > 4 * self.max_recordings:    # of shapes that are no longer used
            self._floats_vary.clear()
        self._floats_vary.setdefault(any_float, True)
        return FloatArguments(args, kwargs) if vary else None

    def _is_on_tape(self, key, tensors):
        """Whether gradients lead from the result of a call to tensors outside."""
        return state.grad_enabled and (self._on_tape.get(key, False) or any(t._requires_grad for t in tensors))

    def _distrust(self, problems, changed):
        """Keep no recording of a run that read values which cannot be compared, or changed values that it reads.

        A first run may change values permanently, such as a cache that it fills: the next call records again.
        """
        if not problems and not self._changed_before:
            self._changed_before = True
            return
        why = next(iter(problems.values()), None) or f"changes {changed[0].path}, which it reads"
        self._eager, self._eager_because = True, why
        warn(f"fastnet.compile runs {_function_name(self.fn)} eagerly, without a recording, because it {why}")

    def _why(self, key: CallKey, any_float: CallKey | None, texts: CallTexts) -> str:
        """Why a call takes a new recording."""
        same = self._cache.latest(any_float) or self._cache.latest(key)
        if same is not None:
            return same.misfit()
        found = self.recordings
        return difference(found[0].texts, texts) if found else "it is the first"

    def _note_made(self, why):
        """Warn once if recordings are made again and again."""
        self._made_at.append(self.calls)
        if len(self._made_at) == RECORDINGS_TO_WARN and self.calls - self._made_at[0] < CALLS_TO_WARN:
            self._made_at = deque(maxlen=1)     # never full again
            warn(f"fastnet.compile recorded {_function_name(self.fn)} {RECORDINGS_TO_WARN} times in its last "
                         f"{CALLS_TO_WARN} calls, each slower than an eager call; the last time because of "
                         f"{why}. Pass a number that changes as a float argument. See its explain()")

    # ---- the recordings ----

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """The recordings kept, those of the most recently used signature first."""
        return self._cache.all()

    def explain(self) -> Explanation:
        """The recordings as text: the call that each was made for, why, and the values that it depends on.

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
        lines = [f"{_function_name(self.fn)}: {_count(len(found), 'recording')}, {_count(self.calls, 'call')}"]
        if self._eager:
            lines.append(f"runs eagerly: {'it ' + self._eager_because if self._eager_because else 'compiling is off'}")
        for i, recording in enumerate(found, 1):
            lines += [f"recording {i}: {recording.why}", *("  " + line for line in recording.lines())]
        return Explanation("\n".join(lines))

    def clear(self) -> None:
        """Drop all recordings and free their memory."""
        self._cache.clear()
        self._forget_shortcuts()

    def __len__(self) -> int:
        """The number of recordings kept."""
        return len(self._cache)

    def __repr__(self) -> str:
        return repr_of(self, fn=self.fn, recordings=len(self), calls=self.calls)

    # ---- stand in for the function ----

    # A compiled module passes for a module: it can be part of another one. Type checkers know no such property.
    @property                                   # type: ignore[misc]
    def __class__(self) -> type:
        kind = type(self.fn)
        return kind if hasattr(kind, "named_parameters") else Compiled

    @property
    def _orig_mod(self) -> Callable[P, R]:
        """The function or module, under the name that PyTorch's compiled modules have for it."""
        return self.fn

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.fn, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN or name.startswith("__"):
            object.__setattr__(self, name, value)
        else:                                   # model.training = False, say
            setattr(self.fn, name, value)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Compiled[P, R]: ...

    @overload
    def __get__(self: Compiled[Concatenate[Any, _Rest], R], instance: object,
                owner: type | None = None) -> Callable[_Rest, R]: ...

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickle a decorated function by its name, any other with its function; recordings are not pickled."""
        found: Any = sys.modules.get(getattr(self.fn, "__module__", ""))
        name = getattr(self.fn, "__qualname__", "")
        for part in name.split("."):
            found = getattr(found, part, None)
        return name if found is self else (Compiled, (self.fn, self.max_recordings, self._eager, self.freeze,
                                                         self.fullgraph))


_OWN = frozenset((*Compiled.__annotations__, "calls"))          # attributes that are not the function's
RECORDINGS_TO_WARN, CALLS_TO_WARN = 8, 16       # warn of this many recordings in this many calls
MOST_WAITING = 8                # recordings of one call whose backward() has not run; further calls run eagerly


def _function_name(fn):
    return getattr(fn, "__qualname__", None) or type(fn).__name__


def _count(n, noun):
    return f"{n} {noun}{'s' * (n != 1)}"


def _enabled():
    """Whether the environment lets functions be compiled."""
    wanted = os.environ.get("FASTNET_COMPILE", "1")
    if wanted not in ("0", "1"):
        raise ValueError(f"FASTNET_COMPILE must be 0 (run compiled functions eagerly) or 1, got {wanted!r}")
    return wanted == "1"
