"""The places of values in memory: the caller's buffers, or an arena for each type."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from fastnet._core.shapes import ceil_div
from fastnet.c_source.constants import c_type, item_size
from fastnet.c_source.program import Code, Step, count_of
from fastnet.graph.memory_plan import Block, place

if TYPE_CHECKING:
    from fastnet.graph import Graph, Value

__all__ = ["Arena", "LiveStep", "Memory", "Place", "place_values"]

_ALIASING = "int8_t", "uint8_t"                    # they may alias any type, so they lie in an arena of another type
_WIDER = "float", "int32_t", "int16_t"


class Arena(NamedTuple):
    """Static memory that values share by their lifetimes.

    Attributes:
        type: of its elements in C.
        bytes: its size.
    """

    type: str
    bytes: int

    @property
    def name(self) -> str:
        """Its name in C."""
        return f"arena_{self.type}"


class Place(NamedTuple):
    """Where a value lies.

    Attributes:
        kind: "input" and "output" are the caller's.
        at: the number of the input or output, or the offset in the arena in bytes.
        arena: the arena.
    """

    kind: Literal["input", "output", "arena"]
    at: int
    arena: Arena | None = None


class LiveStep(NamedTuple):
    """The memory that a step needs.

    Attributes:
        step: the step.
        bytes: total size of the blocks of the arenas that are in use.
        values: the values of these blocks, the largest first.
    """

    step: Step
    bytes: int
    values: list[Value]


@dataclass(frozen=True)
class Memory:
    """The places of all values.

    Attributes:
        places: of each value that owns memory.
        owners: of each other value: (the value whose memory it is, its first element there).
        arenas: one for each type.
        live_maximum: the largest total size of the blocks of the arenas in use at the same time.
        live: for each step, the memory that it needs.
        copied: the numbers of outputs that are copied from other memory at the end.
    """

    places: dict[Value, Place]
    owners: dict[Value, tuple[Value, int]]
    arenas: list[Arena]
    live_maximum: int
    live: list[LiveStep]
    copied: list[int]

    @property
    def arena_bytes(self) -> int:
        """The size of all arenas."""
        return sum(arena.bytes for arena in self.arenas)


class _Planner:
    def __init__(self, graph: Graph, code: Code) -> None:
        self.graph, self.steps, self.owners = graph, code.steps, dict(code.owners)
        self.inputs = {x: Place("input", i) for i, x in enumerate(graph.inputs)}
        self.first: dict[Value, int] = {}
        self.last: dict[Value, int] = {}
        for i, step in enumerate(self.steps):
            for x in (*step.writes, *step.reads):
                self._use(x, i)
        for y in graph.outputs:
            self._use(y, len(self.steps))

    def owner(self, x: Value) -> Value:
        return self.owners[x][0] if x in self.owners else x

    def _use(self, x: Value, i: int) -> None:
        owner = self.owner(x)
        self.first.setdefault(owner, i)
        self.last[owner] = max(self.last.get(owner, i), i)

    def merge_in_place(self) -> None:
        """Give results the memory of inputs that nothing reads later."""
        for i, step in enumerate(self.steps):
            y = step.writes[0]
            if self.owner(y) is not y or self.first[y] != i:
                continue
            for x in step.in_place:
                if self._can_take(y, x, step, i):
                    owner = self.owner(x)
                    self.last[owner] = max(self.last[owner], self.last.pop(y))
                    del self.first[y]
                    for alias, (other, start) in list(self.owners.items()):
                        if other is y:
                            self.owners[alias] = owner, start
                    self.owners[y] = owner, 0
                    break

    def _can_take(self, y: Value, x: Value, step: Step, i: int) -> bool:
        owner = self.owner(x)
        if owner.kind != "result" or self.last[owner] != i or self.owners.get(x, (x, 0))[1]:
            return False
        others = [other for other in step.reads if other is not x and self.owner(other) is owner]
        return not others and count_of(owner) == count_of(y) and c_type(owner.dtype) == c_type(y.dtype)

    def outputs(self) -> tuple[dict[Value, Place], list[int]]:
        """The places of values that are computed in the caller's output, and the outputs that are copied."""
        places: dict[Value, Place] = {}
        copied = []
        for number, y in enumerate(self.graph.outputs):
            owner, start = self.owners.get(y, (y, 0))
            same = count_of(owner) == count_of(y) and c_type(owner.dtype) == c_type(y.dtype)
            if owner.kind == "result" and not start and same and owner not in places:
                places[owner] = Place("output", number)
            else:
                copied.append(number)
        return places, copied


def place_values(graph: Graph, code: Code) -> Memory:
    """Find a place for each value.

    A result takes the memory of an input that the step reads last, or the caller's output; all other results share an
    arena, by their lifetimes. Each type has an arena, because C may reorder accesses of different types to the same
    memory.

    Args:
        graph: the graph.
        code: its steps.
    """
    planner = _Planner(graph, code)
    planner.merge_in_place()
    outputs, copied = planner.outputs()
    places = {**planner.inputs, **outputs}
    rest = [x for x in planner.first if x.kind == "result" and x not in places]
    blocks: dict[Value, Block] = {}
    arenas = []
    for type, values in _by_arena(rest).items():
        align = max(item_size(x.dtype) for x in values)
        sizes = (ceil_div(count_of(x) * item_size(x.dtype), align) * align for x in values)
        own = {x: Block(size, planner.first[x], planner.last[x]) for size, x in zip(sizes, values)}
        offsets = place(list(own.values()), align)
        arenas.append(Arena(type, max(offset + block.size for offset, block in zip(offsets, own.values()))))
        places |= {x: Place("arena", offset, arenas[-1]) for x, offset in zip(values, offsets)}
        blocks |= own
    live = []
    for i, step in enumerate(code.steps):
        used = sorted(((b.size, x) for x, b in blocks.items() if b.first <= i <= b.last), key=lambda p: -p[0])
        live.append(LiveStep(step, sum(size for size, _ in used), [x for _, x in used]))
    return Memory(places, planner.owners, arenas, max((step.bytes for step in live), default=0), live, copied)


def _by_arena(values: Sequence[Value]) -> dict[str, list[Value]]:
    """The values of each arena, by the type of its elements."""
    types = [c_type(x.dtype) for x in values]
    of_bytes = next((type for type in _WIDER if type in types), "int8_t")
    found: dict[str, list[Value]] = {}
    for x, type in zip(values, types):
        found.setdefault(of_bytes if type in _ALIASING else type, []).append(x)
    return found
