"""The report of `export_c`: the files that it wrote, and the memory that they need."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastnet._core.reprs import repr_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CSource", "StepMemory", "largest_steps", "memory_text"]


@dataclass(frozen=True)
class StepMemory:
    """The memory that one operation needs while it runs.

    Attributes:
        operation: its name.
        module: the path of its module.
        bytes: of the arenas in use, its own results included.

    Example:
        >>> import fastnet, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = fastnet.export_c(fastnet.nn.Sequential(fastnet.nn.Linear(3, 8), fastnet.nn.Linear(8, 2)),
        ...                             fastnet.ones(1, 3), f"{folder}/net.c")
        >>> made.steps[0]
        StepMemory(operation='linear', module='0', bytes=32)
    """

    operation: str
    module: str
    bytes: int


@dataclass(frozen=True, repr=False)
class CSource:
    """The files that `fastnet.export_c` wrote, and their memory; `str()` gives a summary.

    Attributes:
        source, header: the paths of the files.
        name: the prefix of the public names.
        ram: bytes of static memory: the arena, and what is kept between calls.
        arena: bytes of the arenas, one for each type: float, int32_t and int16_t.
        live_maximum: the largest total size of intermediate results in use at the same time.
        state: bytes that are kept between calls.
        inputs, outputs: bytes of the caller's buffers.
        weights: bytes of constants, in flash memory together with the code.
        steps: the memory of each operation, in order.
        floats: of a quantised model, the operations that run in float, with their modules.
        libm: whether the file calls functions of the library of mathematics (`-lm`).

    Example:
        >>> import fastnet, tempfile
        >>> model = fastnet.nn.Sequential(fastnet.nn.Linear(3, 8), fastnet.nn.ReLU(), fastnet.nn.Linear(8, 2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = fastnet.export_c(model, fastnet.ones(1, 3), f"{folder}/net.c")
        >>> made.ram, made.weights
        (32, 200)
    """

    source: Path
    header: Path
    name: str
    ram: int
    arena: int
    live_maximum: int
    state: int
    inputs: int
    outputs: int
    weights: int
    steps: tuple[StepMemory, ...]
    floats: tuple[str, ...]
    libm: bool

    def __repr__(self) -> str:
        return repr_of(self, source=str(self.source), ram=self.ram, weights=self.weights)

    def __str__(self) -> str:
        return f"{self.source}, {self.header.name}\n{memory_text(self)}"


def memory_text(made: CSource) -> str:
    """The lines about memory, the library of mathematics, and operations in float among integers."""
    kept = f", {made.state:,} kept between calls" if made.state else ""
    floats = f"\nfloat: {', '.join(made.floats)}" if made.floats else ""
    return (f"RAM:   {made.ram:,} bytes (arena {made.arena:,}{kept}), and the caller's input {made.inputs:,} and "
            f"output {made.outputs:,}\nflash: {made.weights:,} bytes of constants, and the code\n"
            f"libm:  {'needed' if made.libm else 'not needed'}{floats}")


def largest_steps(steps: tuple[StepMemory, ...], count: int = 3) -> str:
    """The operations that need the most memory, for the error about max_ram."""
    largest = sorted(steps, key=lambda step: -step.bytes)[:count]
    return "; ".join(f"{step.operation}{f' of {step.module!r}' if step.module else ''} {step.bytes:,} bytes"
                     for step in largest)
