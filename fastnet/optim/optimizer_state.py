"""The state of an optimizer: its arrays for each parameter, their memory, saving and restoring."""
from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.memory import mirrored, persistent, zeroed_block
from fastnet._core.tensor import Tensor
from fastnet.functional.complex_numbers import real_parts

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.optim.spans import Member

__all__ = ["OptimizerState"]


class OptimizerState:
    """Base of `Optimizer`: parameter groups and the state of each parameter.

    Moments mirror the arenas of the parameters at equal offsets, so that one kernel call updates adjacent parameters.

    Attributes:
        defaults: the default options of a group.
        param_groups: dictionaries of "params" and options.
        state: for each parameter a dictionary of "step" and moments.
    """

    SCALARS: tuple[str, ...] = ()       # moments that are one number for each parameter, repeated for each element
    UNMIRRORED: tuple[str, ...] = ()    # tensors with other shapes than the parameter, which no kernel reads

    defaults: dict[str, Any]
    param_groups: list[dict[str, Any]]
    state: defaultdict[Tensor, dict[str, Any]]

    def __init__(self, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups = []
        self._reset_memory()

    def _reset_memory(self) -> None:
        self.state = defaultdict(dict)          # parameter -> {"step": ..., "exp_avg": ...}
        self._started: dict[Tensor, tuple[Any, Any]] = {}   # parameter -> (slot that its state mirrors, needed names)
        self._homes: dict[Tensor, dict[str, Array]] = {}    # parameter -> {moment: the array that mirrors its slot}
        self._needed: dict[int, tuple[str, ...]] = {}       # group number -> the names that the state must have
        self._layout = 0                        # counts changes of the memory of existing state; guards recordings
        self._mirrors: dict[tuple[Any, str], Any] = {}      # (chunk, moment) -> a block laid out like the chunk

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError or TypeError for invalid options of a group.

        Args:
            group: the options.
        """

    def _complete(self, number: int, members: Iterable[Member], moments: Mapping[str, float | None]) -> None:
        """Create the state that the group's options need and a parameter lacks."""
        needed = ("step", *[name for name, start in moments.items() if start is not None])
        if self._needed.get(number) != needed:
            self._needed[number] = needed
        needed, fresh = self._needed[number], None      # the stored tuple, since each step compares it by identity
        for p, _ in members:
            entry, (slot, holds) = self.state.get(p), self._started.get(p, (self, None))
            if not entry or slot is not p._slot or holds is not needed:
                if not entry or slot is not p._slot or not all(name in entry for name in needed):
                    fresh = _counter(0) if fresh is None else fresh     # parameters that start together share it
                    self._start(p, moments, fresh)
                self._started[p] = (p._slot, needed)

    def _start(self, p: Tensor, moments: Mapping[str, Any], step: Tensor) -> None:
        """Create or move a parameter's state; the memory is persistent, since recordings use it at every replay."""
        before = self.state[p]
        self._layout += bool(before) or p in self._started
        self._started[p] = (p._slot, None)
        homes = self._homes[p] = {}
        entry = self.state[p] = {"step": before.get("step", step)}
        for name in [*moments, *(name for name in before if name not in moments and name != "step")]:
            start = before[name]._data if name in before else moments[name]
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
            parts = real_parts(array) if np.ndim(start) == 0 and np.isrealobj(start) else array
            parts[...] = start          # a number is that of the real and of the imaginary parts
            entry[name] = Tensor._wrap(array)

    def _split(self, step: Tensor, members: Iterable[Member]) -> Tensor:
        """Give some of the parameters that share a step counter a counter for themselves; returns it."""
        own = _counter(step._data)
        self._layout += 1
        for p, _ in members:
            self.state[p]["step"] = own
        return own

    # ---- saving ----

    def state_dict(self) -> dict[str, Any]:
        """Return the state and options in PyTorch's form: {"state": {number: {...}}, "param_groups": [...]}.

        Example:
            >>> import fastnet
            >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=0.1)
            >>> optimizer.state_dict()["param_groups"][0]["lr"]
            0.1
        """
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers.setdefault(id(p), len(numbers))
            groups.append({k: v for k, v in group.items() if k != "params"}
                          | {"params": [numbers[id(p)] for p in group["params"]]})
        saved = {numbers[id(p)]: {name: copy.deepcopy(value) for name, value in entry.items()}
                 for p, entry in self.state.items()}
        for entry in saved.values():
            entry.update({name: entry[name].reshape(-1)[:1].sum() for name in self.SCALARS if name in entry})
        return {"state": saved, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore the state and options that `state_dict` returned, fastnet's or PyTorch's.

        Args:
            state_dict: the state.

        Raises:
            ValueError: the number of groups or parameters or the shape of a moment differs, or an option is out of
                range; the optimizer is unchanged.
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
                free = name == "step" or name in self.SCALARS or name in self.UNMIRRORED
                if not free and hasattr(value, "shape") and tuple(value.shape) != by_number[number].shape:
                    raise ValueError(f"{name} of parameter {number} has shape {shape_text(value)}, the parameter "
                                     f"{shape_text(by_number[number])}")
        for group, new in zip(self.param_groups, groups):
            self.check(group | new | {"params": group["params"]})
        for group, new in zip(self.param_groups, groups):
            for key in group.keys() - new.keys() - self.defaults.keys() - {"params", "param_names"}:
                del group[key]          # such as the initial_lr of a schedule that the state does not know
            group.update({k: v for k, v in new.items() if k != "params"})
        self._restore([(by_number[number], entry) for number, entry in state_dict["state"].items()])

    def _restore(self, entries: Iterable[tuple[Tensor, dict[str, Any]]]) -> None:
        """Replace the state by [(parameter, {name: values})]."""
        self.state.clear()
        number = {p: i for i, group in enumerate(self.param_groups) for p in group["params"]}
        steps: dict[tuple[int, int], Tensor] = {}   # parameters of a group with equal counts share a counter
        for p, entry in entries:
            rest = {name: value for name, value in entry.items() if name != "step" and value is not None}
            if not rest and "step" not in entry:
                continue
            moments = {name: np.asarray(value) for name, value in rest.items()
                       if hasattr(value, "shape") and name not in self.UNMIRRORED}
            count = int(entry.get("step", 1))   # PyTorch's SGD has no counter, it only asks whether a buffer exists
            self._start(p, moments, steps.setdefault((number[p], count), _counter(count)))
            self.state[p].update((name, Tensor._wrap(np.array(value)) if name in self.UNMIRRORED else value)
                                 for name, value in rest.items() if name not in moments)

    def __getstate__(self) -> dict[str, Any]:
        entries = [(p, {name: np.array(t._data) if isinstance(t, Tensor) else t for name, t in entry.items()})
                   for p, entry in self.state.items()]
        return {k: v for k, v in self.__dict__.items() if k not in _MEMORY} | {"entries": entries}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        entries = saved.pop("entries")
        self.__dict__.update(saved)
        self._reset_memory()
        self._restore(entries)


_MEMORY = ("state", "_started", "_homes", "_needed", "_layout", "_mirrors", "_blocks", "_options")


def _counter(count: Any) -> Tensor:
    """A step counter with an initial value."""
    step = persistent((), np.dtype(np.int64))
    step[...] = count
    return Tensor._wrap(step)
