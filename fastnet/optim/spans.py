"""Spans: runs of adjacent parameters that an optimizer updates with one kernel call."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from fastnet._core.memory import aligned_size, mirrored
from fastnet.functional.complex_numbers import real_parts

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.tensor import Tensor

__all__ = ["Member", "Span", "States", "by_step", "spans"]

Member: TypeAlias = "tuple[Tensor, Array]"                              # (parameter, gradient)
States: TypeAlias = "Mapping[Tensor, dict[str, Any]]"                   # parameter: {"step": ..., "exp_avg": ...}
Span: TypeAlias = "tuple[Array, Array, dict[str, Array | None]]"        # (parameters, gradients, moments)


def by_step(members: Iterable[Member], states: States) -> Iterable[tuple[Tensor, list[Member]]]:
    """Group parameters by the step counter that they share: pairs (counter, members).

    Args:
        members: pairs (parameter, gradient).
        states: the state of each parameter.
    """
    groups: dict[int, tuple[Tensor, list[Member]]] = {}
    for p, g in members:
        step = states[p]["step"]
        groups.setdefault(id(step), (step, []))[1].append((p, g))
    return groups.values()


def spans(members: Iterable[Member], states: States, homes: Mapping[Tensor, dict[str, Array]],
          moments: Mapping[str, float | None]) -> Iterator[Span]:
    """Join parameters that are adjacent in an arena: arrays (parameters, gradients, moments), one triple per span.

    Args:
        members: pairs (parameter, gradient).
        states: the state of each parameter.
        homes: for each parameter and moment, the array in the arena's mirror.
        moments: the initial value of each moment, None for one that is not used.
    """
    run: list[Member] = []
    joinable = False
    for p, g in sorted(members, key=_address):
        before, joinable = joinable, _is_mirrored(p, g, states[p], homes.get(p), moments)
        if run and not (before and joinable and _adjacent(run[-1][0], p)):
            yield _flat(run, states, moments)
            run = []
        run.append((p, g))
    if run:
        yield _flat(run, states, moments)


def _address(member: Member) -> tuple[int, int]:
    slot = member[0]._slot
    return (0, 0) if slot is None else (id(slot[0]), slot[1])


def _is_mirrored(p, g, entry, homes, moments) -> bool:
    """Whether the gradient and all moments are in the mirrors of the parameter's arena, not arrays that a user set."""
    return (p._slot is not None and g is p._grad_home and g.base is p._slot[0].grad
            and all(start is None or entry[name]._data is homes.get(name) for name, start in moments.items()))


def _adjacent(p: Any, q: Any) -> bool:
    """Whether q follows p in one arena, apart from the padding for alignment."""
    return (p._slot[0] is q._slot[0] and p.dtype == q.dtype
            and q._slot[1] == p._slot[1] + aligned_size(p.nbytes))


def _flat(run: list[Member], states: States, moments: Mapping[str, float | None]) -> Span:
    span = _joined_run(run, states, moments)
    if span[0].dtype.kind != "c":
        return span
    p, g, of_moments = span                     # the kernels update real and imaginary parts separately, as PyTorch's
    return real_parts(p), real_parts(g), {name: m if m is None else real_parts(m) for name, m in of_moments.items()}


def _joined_run(run: list[Member], states: States, moments: Mapping[str, float | None]) -> Span:
    p: Any                                      # a parameter in an arena has a slot
    q: Any
    (p, g), (q, _) = run[0], run[-1]
    entry = states[p]
    if len(run) == 1:                           # in its own shape, since flattening a strided array would copy it
        return p._data, g, {name: entry[name]._data if start is not None else None for name, start in moments.items()}
    offset = p._slot[1]
    shape = ((q._slot[1] + q.nbytes - offset) // p._data.itemsize,)

    def whole(array):
        return mirrored(array.base, offset, shape, p.dtype)
    return whole(p._data), whole(g), {name: whole(entry[name]._data) if start is not None else None
                                      for name, start in moments.items()}
