"""What all optimizers share: groups, state, and one kernel call for a stretch of neighbouring parameters."""
import copy
import math
import weakref
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from fastnet._core.errors import check_number, shape_text
from fastnet._core.memory import mirrored, persistent, zeroed_block
from fastnet._core.state import forbid_in_recording, state
from fastnet._core.tensor import Tensor
from fastnet.autograd import enable_grad, no_grad
from fastnet.backend import K, calls
from fastnet.optim.stretches import by_step, stretches

_TENSORS = "expected an iterable of tensors, as model.parameters() is"


class Optimizer:
    """Base of the optimizers.

    A subclass names its hyperparameters in `HYPER`, in the order in which its kernel reads them, its per-parameter
    arrays in `moments`, and makes one kernel call in `update`.

    Parameters lie in arenas, gradients and moments mirror them, so that neighbours are updated in one call. Numbers are
    read from `param_groups` at every step, also at the steps that `fastnet.compile` replays.

    Args:
        params: tensors that require gradients, or dictionaries with "params" and options of their own.
        defaults: the options of a group that names none.

    Raises:
        TypeError: params is one tensor, or holds what is none; at a step, an option that is no number.
        ValueError: no parameters, one that is no leaf or is there twice, or an option out of range.

    Example:
        >>> import fastnet
        >>> weight, bias = fastnet.ones(2, requires_grad=True), fastnet.zeros(1, requires_grad=True)
        >>> optimizer = fastnet.optim.SGD([{"params": weight}, {"params": bias, "lr": 0.5}], lr=0.1)
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.1, 0.5]
    """

    HYPER: tuple[str, ...] = ()

    def __init__(self, params, defaults):
        forbid_in_recording("making an optimizer", "it would be made once, with the recording, and its state go on")
        self.defaults = defaults
        self.param_groups = []
        self.state = defaultdict(dict)          # parameter -> {"step": ..., "exp_avg": ...}
        self._started = {}                      # parameter -> (the slot that its state mirrors, what its state holds)
        self._homes = {}                        # parameter -> {moment: the array that mirrors its slot}
        self._needed = {}                       # group number -> what its parameters' state must hold
        self._layout = 0                        # how often the memory of existing state changed: guards recordings
        self._mirrors = {}                      # (chunk, moment) -> a block laid out like the chunk
        self._blocks = {}                       # group number -> its numbers, where the kernels read them
        self._options = _UNKNOWN                # the groups, and what tells whether those are still their numbers
        if not isinstance(params, Iterable):
            raise TypeError(f"{_TENSORS}, got {type(params).__name__}")
        groups = [params] if isinstance(params, Tensor) else list(params)
        if isinstance(params, Tensor):
            raise TypeError("expected a sequence of parameters, got one tensor; pass [tensor]")
        if not groups:
            raise ValueError("the optimizer got no parameters")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group):
        """Add parameters with options of their own.

        Args:
            param_group: {"params": tensors, and options}.

        Raises:
            TypeError: not tensors.
            ValueError: not leaves, or in the optimizer already, or an option out of range.
        """
        group = dict(param_group)
        params = group["params"]
        group["params"] = params = [params] if isinstance(params, Tensor) else list(params)
        known = {id(p) for g in self.param_groups for p in g["params"]}
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"{_TENSORS}, got {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError(f"an optimizer's parameters must be leaves; one of shape {shape_text(p)} is the "
                                 f"result of {p.grad_fn!r}")
            if id(p) in known:
                raise ValueError(f"a parameter of shape {shape_text(p)} is in the optimizer twice")
            known.add(id(p))
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        self.check(group)
        self.param_groups.append(group)

    def check(self, group):
        """Refuse options out of range."""
        for name in self.HYPER:
            low, high = (0, 1) if name in _FRACTIONS else (0, math.inf)
            value = group[name]
            if not isinstance(value, Tensor):
                check_number(name, value)
            if not low <= value <= high or (name in _FRACTIONS and name.startswith("beta") and value == 1):
                raise ValueError(f"invalid {name}: expected {low} <= {name} <= {high}, got {value}")

    # ---- for the subclass ----

    def moments(self, group):
        """The names of the arrays that the state holds for each parameter, with what they start (None: not used)."""
        raise NotImplementedError

    def update(self, p, g, moments, hyper, step, group):
        """Make the kernel call for one stretch: flat arrays, updated in place."""
        raise NotImplementedError

    def numbers(self, group):
        """The group's numbers in the order of HYPER: a function of the group's options alone."""
        return [group[name] for name in self.HYPER]

    def structure(self, group):
        """The options that choose between kernels: what a recording is guarded by."""
        return tuple(self.moments(group).items()), tuple(v for v in group.values() if isinstance(v, bool))

    # ---- stepping ----

    def zero_grad(self, set_to_none=True):
        """Drop the gradients (the next backward() writes them anew), or fill them with zeros.

        Args:
            set_to_none: False: fill with zeros.

        Example:
            >>> import fastnet
            >>> w = fastnet.ones(2, requires_grad=True)
            >>> w.sum().backward()
            >>> fastnet.optim.SGD([w]).zero_grad()
            >>> print(w.grad)
            None
        """
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    if p._grad is not None or state.recorder is not None:
                        p.grad = None
                elif p.grad is not None:
                    p.grad.zero_()

    @no_grad()
    def step(self, closure=None):
        """Update every parameter that has a gradient.

        Args:
            closure: computes the loss and calls backward(); called before the update.

        Returns:
            The closure's loss, or None.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self._refresh()
        for number, group in enumerate(self.param_groups):
            self._step_group(number, group)
        if state.recorder is not None:
            state.recorder.note_optimizer(self, self._refresh, self._guard())
        return loss

    def _guard(self):
        """A function that says whether a step would still make the same kernel calls."""
        groups, states = self.param_groups, self.state
        tensors = [(weakref.ref(t), t._data, t._requires_grad) for entry in states.values()
                   for t in entry.values() if isinstance(t, Tensor)]
        held = calls.Watch([groups, *groups, *(g["params"] for g in groups), self.state, *self.state.values()])
        structure, arrays = self._structure(), self._arrays()

        def check():
            # quickly, if nothing but a learning rate is another; else by what the kernels are chosen by
            same = groups is self.param_groups and states is self.state
            return (same and held.same(but="lr") and calls.undisturbed(tensors, [])) or (
                self._structure() == structure and [*map(id, self._arrays())] == [*map(id, arrays)])
        return check

    def _structure(self):
        return [self._layout, *map(self.structure, self.param_groups),
                *(id(p) for group in self.param_groups for p in group["params"])]

    def _arrays(self):
        """The memory of the state. The user may give it another: `optimizer.state[p]["exp_avg"] = tensor`."""
        return [t._data for entry in self.state.values() for t in entry.values() if isinstance(t, Tensor)]

    def _refresh(self):
        """Bring the numbers that kernels read up to date: before a step, and before each replay of one."""
        groups, options = self._options
        if groups is not self.param_groups or not options.same():
            self._options = _UNKNOWN
            for number, group in enumerate(self.param_groups):
                self._refresh_group(number, group)
            fixed = all(_FIXED.issuperset(map(type, _values(group))) for group in self.param_groups)
            if fixed:
                self._options = self.param_groups, calls.Watch([self.param_groups, *self.param_groups])

    def _refresh_group(self, number, group):
        numbers = self.numbers(group)
        for i, value in enumerate(numbers):
            if type(value) is not float:        # ints, NumPy's numbers, tensors; NumPy would take None for NaN
                numbers[i] = _number(self.HYPER[i], value)
        block = self._blocks.get(number)
        if block is None:
            self._blocks[number] = block = (persistent((len(numbers),), np.dtype(np.float64)), [])
        if block[1] != numbers:
            block[0][:] = numbers
            block[1][:] = numbers

    def _step_group(self, number, group):
        recorder = state.recorder
        members, waiting = [], set()
        for p in group["params"]:
            g = p.grad
            if g is not None:
                if recorder is not None:
                    recorder.note_tensors((p,))
                    for t in self.state.get(p, {}).values():    # guarded by the structure; they may be the user's own
                        recorder.constant(t._data)
                members.append((p, g._data))
            elif p in self.state:
                waiting.add(id(self.state[p].get("step")))
        names = self.moments(group)
        self._complete(number, members, names)
        for step, group_members in by_step(members, self.state):
            if id(step) in waiting:             # those that wait stay where they are
                step = self._split(step, group_members)
            K.increment_(step._data)
            for p, g, moments in stretches(group_members, self.state, self._homes, names):
                self.update(p, g, moments, self._blocks[number][0], step._data, group)
        for p, _ in members:
            p._storage.version += 1

    def _complete(self, number, members, names):
        """See that every parameter has the state that its group's options ask for."""
        needed = ("step", *[name for name, start in names.items() if start is not None])
        if self._needed.get(number) != needed:
            self._needed[number] = needed
        needed, fresh = self._needed[number], None      # one tuple for all: below it is told by identity, at every step
        for p, _ in members:
            entry, (slot, holds) = self.state.get(p), self._started.get(p, (self, None))
            if not entry or slot is not p._slot or holds is not needed:
                if not entry or slot is not p._slot or not all(name in entry for name in needed):
                    fresh = _counter(0) if fresh is None else fresh     # one for all that start together
                    self._start(p, names, fresh)
                self._started[p] = (p._slot, needed)

    def _start(self, p, names, step):
        """The state that a parameter lacks, or has beside another slot. It outlives a recording: no launch makes it."""
        before = self.state[p]
        self._layout += bool(before) or p in self._started
        self._started[p] = (p._slot, None)
        homes = self._homes[p] = {}
        entry = self.state[p] = {"step": before.get("step", step)}
        for name in [*names, *(name for name in before if name not in names and name != "step")]:
            start = before[name]._data if name in before else names[name]
            if start is None:
                continue
            if p._slot is not None:
                chunk, offset = p._slot
                block = self._mirrors.get((chunk, name))
                if block is None:
                    block = self._mirrors[chunk, name] = zeroed_block(chunk.nbytes)
                homes[name] = array = mirrored(block, offset, p.shape, p.dtype)
            else:
                array = persistent(p.shape, p.dtype)
            array[...] = start
            entry[name] = Tensor._wrap(array)

    def _split(self, step, members):
        """A counter of their own for some of the parameters that have shared one."""
        own = _counter(step._data)
        self._layout += 1
        for p, _ in members:
            self.state[p]["step"] = own
        return own

    # ---- saving ----

    def state_dict(self):
        """The state and options, in PyTorch's form: {"state": {number: {...}}, "param_groups": [...]}.

        Example:
            >>> import fastnet
            >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=0.1)
            >>> optimizer.state_dict()["param_groups"][0]["lr"]
            0.1
        """
        numbers, groups = {}, []
        for group in self.param_groups:
            for p in group["params"]:
                numbers.setdefault(id(p), len(numbers))
            groups.append({k: v for k, v in group.items() if k != "params"}
                          | {"params": [numbers[id(p)] for p in group["params"]]})
        saved = {numbers[id(p)]: {name: copy.deepcopy(value) for name, value in entry.items()}
                 for p, entry in self.state.items()}
        return {"state": saved, "param_groups": groups}

    def load_state_dict(self, state_dict):
        """Go on from what `state_dict` gave: fastnet's, or PyTorch's.

        Raises:
            ValueError: another number of groups or parameters, state of another shape, or an option out of range;
                nothing is changed then.
        """
        groups = state_dict["param_groups"]
        given, own = ([len(g["params"]) for g in gs] for gs in (groups, self.param_groups))
        if given != own:
            raise ValueError(f"the state has groups of {given} parameters, the optimizer of {own}")
        own_params = [p for g in self.param_groups for p in g["params"]]
        by_number = dict(zip((n for g in groups for n in g["params"]), own_params))
        for number, entry in state_dict["state"].items():
            if number not in by_number:
                raise ValueError(f"the state has a parameter {number}, the groups only {sorted(by_number)}")
            for name, value in entry.items():
                if name != "step" and hasattr(value, "shape") and tuple(value.shape) != by_number[number].shape:
                    raise ValueError(f"{name} of parameter {number} has shape {shape_text(value)}, the parameter "
                                     f"{shape_text(by_number[number])}")
        for group, new in zip(self.param_groups, groups):
            self.check(group | new)
        for group, new in zip(self.param_groups, groups):
            group.update({k: v for k, v in new.items() if k != "params"})
        self._restore([(by_number[number], entry) for number, entry in state_dict["state"].items()])

    def _restore(self, entries):
        """Lay out the state of [(parameter, {name: values})] anew."""
        self.state.clear()
        number = {p: i for i, group in enumerate(self.param_groups) for p in group["params"]}
        steps = {}                              # neighbours that have made as many steps share a counter
        for p, entry in entries:
            rest = {name: value for name, value in entry.items() if name != "step" and value is not None}
            if not rest and "step" not in entry:
                continue
            moments = {name: np.asarray(value) for name, value in rest.items() if hasattr(value, "shape")}
            count = int(entry.get("step", 1))   # PyTorch's SGD counts none: it only asks whether there is a buffer
            self._start(p, moments, steps.setdefault((number[p], count), _counter(count)))
            self.state[p].update((name, value) for name, value in rest.items() if name not in moments)

    def __getstate__(self):
        entries = [(p, {name: np.array(t._data) if isinstance(t, Tensor) else t for name, t in entry.items()})
                   for p, entry in self.state.items()]
        memory = ("state", "_started", "_homes", "_needed", "_layout", "_mirrors", "_blocks", "_options")
        return {k: v for k, v in self.__dict__.items() if k not in memory} | {"entries": entries}

    def __setstate__(self, saved):
        entries = saved.pop("entries")
        self.__dict__.update(saved)
        self.state, self._layout = defaultdict(dict), 0
        self._started, self._homes, self._needed, self._mirrors, self._blocks = {}, {}, {}, {}, {}
        self._options = _UNKNOWN
        self._restore(entries)

    def __repr__(self):
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"group {i}: {len(group['params'])} parameters")
            lines += [f"    {k}: {v}" for k, v in sorted(group.items()) if k != "params"]
        return "\n".join([*lines, ")"])


def _counter(count):
    """A step counter that has reached `count`."""
    step = persistent((), np.dtype(np.int64))
    step[...] = count
    return Tensor._wrap(step)


def _number(name, value):
    """An option's value as a float; of a tensor, the value that it has when a step runs."""
    try:
        return float(value._data if isinstance(value, Tensor) else value)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected a number, got {value!r}") from None


def _values(group):
    """The options of a group, those in tuples too."""
    for name, value in group.items():
        if name != "params":
            yield from value if type(value) is tuple else (value,)


_UNKNOWN: tuple[Any, Any] = (None, None)
_FIXED = frozenset((bool, int, float, str, type(None)))         # what only another object could change
_FRACTIONS = frozenset(("beta1", "beta2", "alpha"))
