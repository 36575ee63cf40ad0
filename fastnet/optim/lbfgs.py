"""L-BFGS."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.state import forbid_in_recording
from fastnet.autograd import enable_grad, no_grad
from fastnet.functional.complex_numbers import real_parts
from fastnet.optim.line_search import strong_wolfe
from fastnet.optim.optimizer import Optimizer, Params

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """Limited-memory BFGS: steps along -H g, where H approximates the inverse Hessian from the last changes of g.

    Each `step` calls the closure several times. Nocedal 1980, https://doi.org/10.1090/S0025-5718-1980-0572855-7.

    Args:
        params: parameters, in one group.
        lr: the length of a step along the direction.
        max_iter: the number of iterations in a step.
        max_eval: the number of calls of the closure in a step; by default 5/4 of max_iter.
        tolerance_grad: stop where no gradient is larger.
        tolerance_change: stop where neither the loss nor a parameter changes more.
        history_size: the number of changes that are kept.
        line_search_fn: None, or "strong_wolfe" for a line search instead of a fixed length.

    Raises:
        ValueError: several groups, or a number out of range.
        RuntimeError: an unknown line search, or a step inside a compiled function.

    Example:
        >>> import fastnet
        >>> w = fastnet.full((2,), 3.0, requires_grad=True)
        >>> optimizer = fastnet.optim.LBFGS([w], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = ((w - 1) ** 2).sum()
        ...     loss.backward()
        ...     return loss
        >>> _ = optimizer.step(closure)
        >>> w.detach()
        tensor([1., 1.])
    """

    HYPER: tuple[str, ...] = ("lr", "tolerance_grad", "tolerance_change")

    def __init__(self, params: Params, lr: float = 1, max_iter: int = 20, max_eval: int | None = None,
                 tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
                 line_search_fn: str | None = None) -> None:
        super().__init__(params, {"lr": lr, "max_iter": max_iter, "max_eval": max_eval or max_iter * 5 // 4,
                                  "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change,
                                  "history_size": history_size, "line_search_fn": line_search_fn})
        if len(self.param_groups) != 1:
            raise ValueError(f"LBFGS: expected one group of parameters, got {len(self.param_groups)}")
        if line_search_fn not in (None, "strong_wolfe"):
            raise RuntimeError(f"LBFGS: expected line_search_fn to be None or 'strong_wolfe', got {line_search_fn!r}")

    @no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make up to `max_iter` iterations.

        Args:
            closure: a function that clears the gradients, computes the loss, calls backward() and returns the loss.

        Returns:
            The closure's loss before the step.

        Raises:
            TypeError: no closure.
        """
        forbid_in_recording("LBFGS.step()", "the number of its iterations depends on values. Call it outside")
        if closure is None:
            raise TypeError("LBFGS: step() expects a closure that computes the loss and its gradients")
        run: Callable[[], Any] = enable_grad()(closure)
        first = run()
        self._iterate(float(first), run)
        return first

    def _iterate(self, loss: float, run: Callable[[], Any]) -> None:
        group, memory = self.param_groups[0], self._memory()
        g = self._gathered()
        memory["func_evals"] += 1
        evaluations = 1
        if np.abs(g).max() <= group["tolerance_grad"]:
            return
        for iteration in range(1, group["max_iter"] + 1):
            memory["n_iter"] += 1
            self._change_direction(memory, g, group)
            direction, before, previous = memory["d"], loss, g
            length = float(group["lr"])
            if memory["n_iter"] == 1:
                length *= min(1.0, 1.0 / float(np.abs(g).sum()))
            slope = float(g @ direction)
            if slope > -group["tolerance_change"]:
                break
            calls = 0
            if group["line_search_fn"] is not None:
                start = [real_parts(p._data).copy() for p in group["params"]]

                def at(t: float, start: list[Array] = start, direction: Array = direction) -> tuple[float, Array]:
                    self._move(start, t, direction)
                    return float(run()), self._gathered()
                loss, g, length, calls = strong_wolfe(at, length, loss, g, slope, direction,
                                                      group["tolerance_change"])
                self._move(start, length, direction)
            else:
                self._move([real_parts(p._data) for p in group["params"]], length, direction)
                if iteration != group["max_iter"]:
                    loss, g, calls = float(run()), self._gathered(), 1
            memory.update(t=length, prev_flat_grad=previous, prev_loss=before)
            evaluations += calls
            memory["func_evals"] += calls
            done = (iteration == group["max_iter"] or evaluations >= group["max_eval"]
                    or np.abs(g).max() <= group["tolerance_grad"]
                    or np.abs(direction * length).max() <= group["tolerance_change"]
                    or abs(loss - before) < group["tolerance_change"])
            if done:
                break

    def _memory(self) -> dict[str, Any]:
        """The state, which PyTorch keeps at the first parameter."""
        memory = self.state[self.param_groups[0]["params"][0]]
        for name, start in (("func_evals", 0), ("n_iter", 0), ("old_dirs", []), ("old_stps", []), ("ro", []),
                            ("H_diag", 1.0)):
            memory.setdefault(name, start)
        return memory

    def _change_direction(self, memory: dict[str, Any], g: Array, group: dict[str, Any]) -> None:
        """d = -H g, after the last change of g entered the history."""
        if memory["n_iter"] == 1:
            memory["d"] = -g
            return
        y, s = g - memory["prev_flat_grad"], memory["d"] * g.dtype.type(memory["t"])
        curvature = float(y @ s)
        changes, steps, ro = memory["old_dirs"], memory["old_stps"], memory["ro"]
        if curvature > 1e-10:
            if len(changes) == group["history_size"]:
                for history in (changes, steps, ro):
                    history.pop(0)
            changes.append(y)
            steps.append(s)
            ro.append(1.0 / curvature)
            memory["H_diag"] = curvature / float(y @ y)
        q = -g
        shares = []
        for y, s, r in zip(reversed(changes), reversed(steps), reversed(ro)):
            shares.append(float(s @ q) * r)
            q = q - g.dtype.type(shares[-1]) * y
        d = q * g.dtype.type(memory["H_diag"])
        for y, s, r, share in zip(changes, steps, ro, reversed(shares)):
            d = d + g.dtype.type(share - float(y @ d) * r) * s
        memory["d"] = d

    def _gathered(self) -> Array:
        """All gradients as one vector, of real numbers."""
        parts = [np.zeros(p.numel(), p.dtype) if p.grad is None else p.grad._data.reshape(-1)
                 for p in self.param_groups[0]["params"]]
        return np.concatenate([real_parts(part).reshape(-1) for part in parts])

    def _move(self, start: list[Array], t: float, direction: Array) -> None:
        """Set the parameters to start + t * direction."""
        place = 0
        for p, before in zip(self.param_groups[0]["params"], start):
            part = direction[place:place + before.size].reshape(before.shape)
            real_parts(p._data)[...] = before + part.dtype.type(t) * part
            p._storage.version += 1
            place += before.size
