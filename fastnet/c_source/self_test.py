"""The self-test of an emitted file: inputs and outputs from Python, and a main program that compares."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnet.c_source.constants import array_text, c_type
from fastnet.c_source.library import definitions_for
from fastnet.c_source.program import count_of

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.c_source.writing import Port, Source

__all__ = ["self_test_text"]


def self_test_text(source: Source, inputs: Sequence[Sequence[Array]], outputs: Sequence[Sequence[Array]]) -> str:
    """The main program of the self-test.

    Args:
        source: the source.
        inputs: the arrays of each test.
        outputs: the outputs of the model for each of them.

    Raises:
        ValueError: an integer does not fit into 32 bits.
    """
    count = len(inputs)
    given = [(f"test_{p.name}", p, [test[i] for test in inputs]) for i, p in enumerate(source.inputs)]
    expected = [(f"expected_{p.name}", p, [test[i] for test in outputs]) for i, p in enumerate(source.outputs)]
    arrays = [array_text(name, np.concatenate([x.ravel() for x in each])) for name, _, each in (*given, *expected)]
    buffers = "\n".join(f"    static {c_type(p.value.dtype)} {p.name}[{count_of(p.value)}];" for p in source.outputs)
    read = [f"{name} + t * {count_of(p.value)}" for name, p, _ in given]
    arguments = ", ".join([*read, *(p.name for p in source.outputs)])
    reset = f"        {source.name}_reset();\n" if source.code.states else ""
    checks = "".join(_check_text(name, p) for name, p, _ in expected)
    library = definitions_for(checks)
    return "#include <stdio.h>\n\n" + "\n\n".join([*library, *arrays]) + f"""

int main(void)
{{
{buffers}
    int wrong = 0;
    for (int32_t t = 0; t < {count}; t++) {{
{reset}        {source.name}_run({arguments});
{checks}    }}
    printf("{source.name}: {count} tests, %d wrong numbers\\n", wrong);
    return wrong != 0;
}}"""


def _check_text(expected: str, port: Port) -> str:
    n = count_of(port.value)
    if c_type(port.value.dtype) == "float":
        return f"        wrong += (int)wrong_numbers({port.name}, {expected} + t * {n}, {n});\n"
    return (f"        for (int32_t i = 0; i < {n}; i++)\n"
            f"            wrong += {port.name}[i] != {expected}[t * {n} + i];\n")
