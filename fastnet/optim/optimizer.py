"""Base class of the optimizers: parameter groups, and steps that update spans of adjacent parameters."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

import numpy as np

from fastnet._core.errors import check_number, shape_text
from fastnet._core.memory import persistent
from fastnet._core.reprs import shortened
from fastnet._core.state import forbid_in_recording, state
from fastnet._core.tensor import Tensor
from fastnet._runtime.native import guards
from fastnet.autograd import SparseGradient, enable_grad, no_grad
from fastnet.backend import K
from fastnet.functional.indexing import select_rows
from fastnet.optim.optimizer_state import OptimizerState
from fastnet.optim.spans import Member, by_step, spans
from fastnet.optim.step_hooks import StepHooks

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Optimizer", "Params"]

Params: TypeAlias = "Iterable[Tensor | dict[str, Any]]"
_AnyLoss = TypeVar("_AnyLoss")

_EXPECTED_PARAMETERS = "expected an iterable of tensors, such as model.parameters()"


class Optimizer(OptimizerState, StepHooks):
    """Base class of the optimizers.

    A subclass names its hyperparameters in `HYPER` in the order in which its kernel reads them, lists its arrays for
    each parameter in `moments`, and makes one kernel call in `update`.

    Each step reads the numbers in `param_groups`, also when `fastnet.compile` replays it.

    Args:
        params: tensors that require gradients, or dictionaries of "params" and options.
        defaults: the options of a group that does not set them.

    Raises:
        TypeError: params is one tensor or contains something else; at a step, an option is not a number.
        ValueError: no parameters, a parameter that is not a leaf or appears twice, or an option out of range.

    Example:
        >>> import fastnet
        >>> weight, bias = fastnet.ones(2, requires_grad=True), fastnet.zeros(1, requires_grad=True)
        >>> optimizer = fastnet.optim.SGD([{"params": [weight]}, {"params": [bias], "lr": 0.5}], lr=0.1)
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.1, 0.5]
    """

    HYPER: tuple[str, ...] = ()

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        forbid_in_recording("creating an optimizer", "it would be created once, while recording, and its state would "
                            "be shared by all replays")
        super().__init__(defaults)
        if not isinstance(params, Iterable):
            raise TypeError(f"{_EXPECTED_PARAMETERS}, got {type(params).__name__}")
        groups: list[Any] = [params] if isinstance(params, Tensor) else list(params)
        if isinstance(params, Tensor):
            raise TypeError("expected a sequence of parameters, got one tensor; pass [tensor]")
        if not groups:
            raise ValueError("the optimizer got no parameters; keep layers in attributes of the module or in "
                             "nn.ModuleList, not in a Python list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def _reset_memory(self) -> None:
        super()._reset_memory()
        self._blocks: dict[int, tuple[Array, list[float]]] = {}     # group number -> the numbers that its kernels read
        self._options = _UNWATCHED                # the groups whose numbers are in the blocks, and a watch on them

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters with its options.

        Args:
            param_group: "params", a tensor, several, or several pairs of a name and a tensor, and options by name.

        Raises:
            TypeError: params are not tensors.
            ValueError: a parameter is not a leaf, is already in the optimizer or alone lacks a name, or an option is
                out of range.
        """
        group = dict(param_group)
        params = group["params"]
        params = [params] if isinstance(params, Tensor) else list(params)
        params = self._without_names(group, params)
        group["params"] = params
        known = {id(p) for g in self.param_groups for p in g["params"]}
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"{_EXPECTED_PARAMETERS}, got {type(p).__name__}")
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

    def _without_names(self, group: dict[str, Any], params: list[Any]) -> list[Any]:
        """The parameters of (name, parameter) pairs, whose names become the option "param_names"."""
        named = [isinstance(p, tuple) and len(p) == 2 and isinstance(p[0], str) for p in params]
        others = {"param_names" in g for g in self.param_groups}
        if len({*named, *others}) > 1:
            raise ValueError("an optimizer's parameters must all have names, as those of model.named_parameters(), or "
                             "none of them; some have no name")
        if not any(named):
            return params
        group["param_names"] = [name for name, _ in params]
        return [p for _, p in params]

    def check(self, group: dict[str, Any]) -> None:
        """Check the options of a group.

        Args:
            group: the options.

        Raises:
            TypeError: an option is not a number.
            ValueError: an option is out of range.
        """
        if len(group.get("betas", (0, 0))) != 2:
            raise ValueError(f"invalid betas: expected two numbers, got {group['betas']}")
        for name, value in zip(self.HYPER, self.numbers(group), strict=True):
            low, high = (0, 1) if name in _FRACTIONS else (0, math.inf)
            if not isinstance(value, Tensor):
                check_number(name, value)
            elif value.numel() != 1:
                raise ValueError(f"invalid {name}: expected a number or a tensor of one element, got shape "
                                 f"{shape_text(value)}")
            if not low <= value <= high or (name in _FRACTIONS and name.startswith("beta") and value == 1):
                raise ValueError(f"invalid {name}: expected {low} <= {name} <= {high}, got {value}")

    # ---- defined by the subclass ----

    def moments(self, group: dict[str, Any]) -> dict[str, float | None]:
        """The arrays that the state holds for each parameter: {name: initial value, or None if not used}.

        Args:
            group: the options.
        """
        raise NotImplementedError

    def update(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
               group: dict[str, Any]) -> None:
        """Make the kernel call for one span of parameters.

        Args:
            p: the parameters, updated in place.
            g: their gradients.
            moments: their moments, updated in place.
            hyper: the numbers of the group in the order of HYPER.
            step: the step counter.
            group: the options.
        """
        raise NotImplementedError

    def update_rows(self, p: Array, g: SparseGradient, moments: Mapping[str, Array | None], hyper: Array, step: Array,
                    group: dict[str, Any]) -> None:
        """Update the rows of a parameter that a sparse gradient holds, in copies of them.

        Args:
            p: the parameter, (rows, width), updated in place.
            g: its gradient.
            moments, hyper, step, group: as in `update`.

        Raises:
            RuntimeError: the optimizer does not take sparse gradients.
        """
        indexed = [a for a in (p, *moments.values()) if a is not None]
        selected = [select_rows(a, g.rows, 0) for a in indexed]
        of_moments = dict(zip((name for name, a in moments.items() if a is not None), selected[1:]))
        self._update_selected(selected[0], g._data, {name: of_moments.get(name) for name in self.moments(group)}, hyper,
                              step, group)
        for a, part in zip(indexed, selected):
            K.copy_rows_(a[None], g.rows, part[None])

    def _update_selected(self, p: Array, g: Array, moments: dict[str, Array | None], hyper: Array, step: Array,
                         group: dict[str, Any]) -> None:
        """`update` for the rows of a sparse gradient; optimizers that take these override it."""
        raise RuntimeError(f"{type(self).__name__} does not take sparse gradients; use SGD or SparseAdam, or an "
                           "embedding with sparse=False")

    def numbers(self, group: dict[str, Any]) -> list[Any]:
        """The numbers of a group in the order of HYPER.

        Args:
            group: the options; the result depends on nothing else.
        """
        return [group[name] for name in self.HYPER]

    def structure(self, group: dict[str, Any]) -> tuple[Any, ...]:
        """The options that select a kernel; a recording is valid while they stay equal.

        Args:
            group: the options.
        """
        return tuple(self.moments(group).items()), tuple(v for v in group.values() if isinstance(v, bool))

    # ---- stepping ----

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Reset the gradients of all parameters.

        Args:
            set_to_none: set them to None; False fills them with zeros.

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

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], _AnyLoss]) -> _AnyLoss: ...
    @no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Args:
            closure: a function that computes the loss, calls backward() and returns the loss; called before the update.

        Returns:
            The closure's loss, or None.
        """
        if "_pre_hooks" in self.__dict__:
            closure = self._hooked_step(closure)
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self._refresh()
        for number, group in enumerate(self.param_groups):
            self._step_group(number, group)
        if state.recorder is not None:
            state.recorder.note_optimizer(self, self._refresh, self._guarded_values)
        if "_post_hooks" in self.__dict__:
            self._after_step(closure)
        return loss

    def _guarded_values(self) -> tuple[list[Any], list[Array]]:
        """The values and the arrays of the state that the kernel calls of a step depend on.

        A user may replace the arrays: `optimizer.state[p]["exp_avg"] = tensor`.
        """
        values = [self._layout, *map(self.structure, self.param_groups),
                  *(id(p) for group in self.param_groups for p in group["params"]),
                  *((id(p), *entry) for p, entry in self.state.items())]
        return values, [t._data for entry in self.state.values() for t in entry.values() if isinstance(t, Tensor)]

    def _refresh(self) -> None:
        """Update the numbers that the kernels read, before each step and each replay of one."""
        groups, options = self._options
        if groups is not self.param_groups or not options.unchanged():
            self._options = _UNWATCHED
            for number, group in enumerate(self.param_groups):
                self._refresh_group(number, group)
            fixed = all(_FIXED.issuperset(map(type, _option_values(group))) for group in self.param_groups)
            if fixed:
                self._options = self.param_groups, guards.Contents([self.param_groups, *self.param_groups])

    def _refresh_group(self, number: int, group: dict[str, Any]) -> None:
        numbers = self.numbers(group)
        for i, value in enumerate(numbers):
            if type(value) is not float:        # ints, NumPy's numbers, tensors; NumPy would convert None to NaN
                numbers[i] = _number(self.HYPER[i], value)
        block = self._blocks.get(number)
        if block is None:
            self._blocks[number] = block = (persistent((len(numbers),), np.dtype(np.float64)), [])
        if block[1] != numbers:
            block[0][:] = numbers
            block[1][:] = numbers

    def _step_group(self, number: int, group: dict[str, Any]) -> None:
        recorder = state.recorder
        members: list[tuple[Tensor, Any]] = []          # (parameter, gradient: an array or a SparseGradient)
        waiting = set()
        for p in group["params"]:
            g = p.grad
            if g is not None:
                if recorder is not None:
                    recorder.note_tensors((p,))
                    for t in self.state.get(p, {}).values():    # guarded by OptimizerGuard; a user may have set them
                        recorder.constant(t._data)
                members.append((p, g if isinstance(g, SparseGradient) else g._data))
            elif p in self.state:
                waiting.add(id(self.state[p].get("step")))
        moments = self.moments(group)
        self._complete(number, members, moments)
        for step, group_members in by_step(members, self.state):
            if id(step) in waiting:             # parameters without a gradient keep their count
                step = self._split(step, group_members)
            K.increment_(step._data)
            dense: list[Member] = []
            for p, g in group_members:
                if isinstance(g, SparseGradient):
                    held = {name: self.state[p][name]._data for name, start in moments.items() if start is not None}
                    self.update_rows(p._data, g, held, self._blocks[number][0], step._data, group)
                else:
                    dense.append((p, g))
            for flat_p, flat_g, flat_moments in spans(dense, self.state, self._homes, moments):
                self.update(flat_p, flat_g, flat_moments, self._blocks[number][0], step._data, group)
        for p, _ in members:
            p._storage.version += 1

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}: {len(group['params'])} parameters")
            lines += [f"    {k}: {shortened(v)}" for k, v in sorted(group.items())
                      if k not in ("params", "param_names")]
        return "\n".join([*lines, ")"])


def _number(name: str, value: Any) -> float:
    """An option's value as a float; of a tensor, its value when the step runs."""
    try:
        return float(value._data if isinstance(value, Tensor) else value)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected a number, got {value!r}") from None


def _option_values(group: Mapping[str, Any]) -> Iterator[Any]:
    """The options of a group, including the items of tuples."""
    for name, value in group.items():
        if name not in ("params", "param_names"):
            yield from value if type(value) is tuple else (value,)


_UNWATCHED: tuple[Any, Any] = (None, None)
_FIXED = frozenset((bool, int, float, str, type(None)))         # immutable types, whose changes identity shows
_FRACTIONS = frozenset(("beta1", "beta2", "alpha"))
