"""export_c: a model as C99."""
from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import fastnet
from fastnet._core.errors import one_of, whole_number
from fastnet._io.atomic import replacing
from fastnet.c_source.constants import item_size
from fastnet.c_source.extras import Extra, add_conversions, add_labels, add_preparation, add_target
from fastnet.c_source.integer_interface import float_operations, integer_graph, is_quantized
from fastnet.c_source.lowering import lowered
from fastnet.c_source.memory import place_values
from fastnet.c_source.program import count_of
from fastnet.c_source.report import CSource, StepMemory, largest_steps, memory_text
from fastnet.c_source.self_test import self_test_text
from fastnet.c_source.vectors import converted_vectors, test_vectors
from fastnet.c_source.writing import Source
from fastnet.graph import fold_batch_norm, fold_constants, remove_dead_code, trace

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath
    from fastnet.c_source.memory import Memory
    from fastnet.graph import Graph
    from fastnet.nn.module import Module

__all__ = ["export_c"]

_INTERFACE_DTYPES = "float32", "int8"


def export_c(model: Module, example: Any, path: StrPath, dtype: Literal["float32", "int8"] = "float32",
             max_ram: int | None = None, *, streaming: bool = False, preparation: Any = None,
             target: Any = None, labels: Sequence[str] | None = None,
             input_names: Sequence[str] | None = None, output_names: Sequence[str] | None = None,
             self_test: int = 2) -> CSource:
    """Write a model as C99: one .c and one .h file, without dependencies and without malloc.

    For `net.c` the function is `void net_run(const float *input, float *output)`, on arrays in row-major order. Weights
    are `const`. Intermediate results lie in one static array for each type, which is planned from their lifetimes, so
    the memory is known before anything is compiled. The shapes are those of the example.

    With dtype "int8" the model must be a quantised one (see `fastnet.quantize`). The function then takes and gives
    int8_t, `net_quantize` and `net_dequantize` convert, and the results equal those in Python in every bit. The
    file needs no libm: an operation in float that needs it is an error, and the report names those that do not. A
    quantised model with dtype "float32" takes and gives float.

    Args:
        model: the model, exported in evaluation mode.
        example: its input, or a tuple of its inputs.
        path: of the .c file. Its stem is the prefix of the public names; the .h file lies in the same folder.
        dtype: of inputs and outputs.
        max_ram: the most static memory in bytes that the model may use.
        streaming: keep the state of recurrent layers and of causal padding (`nn.functional.pad(x, (past, 0))`) between
            calls, so that each call continues the sequence of the last one. `net_reset` begins a new sequence. Other
            operations see the steps of one call: a mean over time, or attention, is that of these steps.
        preparation: a fitted `fastnet.data.TablePreparation`. It becomes
            `void net_prepare(const double *columns, float *input)`, where a category is its number.
        target: a fitted `fastnet.data.TargetPreparation`: its classes become labels, or of a regression
            `void net_values(const float *output, double *values)`.
        labels: names of the outputs, for `const char *const net_labels[]`.
        input_names, output_names: names of the arguments. A name that C, C++ or the file uses gets a number, and one in
            capitals, as macros are, becomes lower-case.
        self_test: the number of tests in the main program that `-DNET_SELF_TEST` compiles.

    Returns:
        The files and their memory; print it.

    Raises:
        TypeError: max_ram or self_test is not a whole number.
        NotImplementedError: an operation without a rule for C; the message names it and its module.
        ValueError: the model needs more than max_ram; the message names the operations that need the most. Or an input
            or output has no elements, or a model for int8 needs libm.
        RuntimeError: the model cannot be traced, see `fastnet.graph.trace`.

    Example:
        >>> import fastnet, tempfile
        >>> model = fastnet.nn.Sequential(fastnet.nn.Linear(3, 8), fastnet.nn.ReLU(), fastnet.nn.Linear(8, 2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = fastnet.export_c(model, fastnet.ones(1, 3), f"{folder}/net.c")
        ...     print("void net_run(const float *input, float *output);" in made.header.read_text())
        True
        >>> made.source.name, made.ram, made.weights
        ('net.c', 32, 200)
    """
    if dtype not in _INTERFACE_DTYPES:
        raise one_of("dtype", dtype, _INTERFACE_DTYPES)
    self_test = whole_number("self_test", self_test, 0)
    max_ram = None if max_ram is None else whole_number("max_ram", max_ram, 0)
    file = Path(path)
    name = _name_of(file)
    arguments = tuple(example) if isinstance(example, tuple | list) else (example,)
    graph = fold_batch_norm(fold_constants(remove_dead_code(trace(model, *arguments)), freeze=True))
    _check_not_empty(graph)
    floats = float_operations(graph) if is_quantized(graph) else ()
    if dtype == "int8":
        graph, *scales = integer_graph(graph)
    code = lowered(graph, streaming)
    memory = place_values(graph, code)
    source = Source(name, graph, code, memory, input_names, output_names)
    extra = Extra()
    if preparation is not None:
        add_preparation(extra, source, preparation)
    if target is not None:
        add_target(extra, source, target)
    if labels is not None:
        if target is not None and target.task != "regression":
            raise ValueError("export_c: expected labels or a target that has labels, got both")
        add_labels(extra, source, labels)
    if dtype == "int8":
        add_conversions(extra, source, *scales)
    if self_test:
        tests: Any = test_vectors(model, arguments, self_test)
        if dtype == "int8":
            tests = map(converted_vectors, tests, scales)
        extra.test = self_test_text(source, *tests)
    made = _source_report(file, source, graph, memory, floats, source.needs_libm(extra))
    if dtype == "int8" and made.libm:
        raise ValueError("export_c: dtype='int8' writes C that needs no libm, but these operations of the model run in "
                         f"float: {', '.join(floats)}; replace those that need libm, or use dtype='float32'")
    _check_ram(made, max_ram)
    head = _head(model, made)
    texts = {made.source: source.source(head, extra), made.header: source.header(head, extra)}
    for written, text in texts.items():
        with replacing(written, "w", encoding="utf-8", newline="\n") as opened:
            opened.write(text)
    return made


def _name_of(path: Path) -> str:
    if path.suffix != ".c" or not re.fullmatch(r"[A-Za-z]\w*", path.stem, re.ASCII):
        raise ValueError(f"export_c: expected a path that ends in .c, whose name is a C identifier such as net.c, got "
                         f"{str(path)!r}")
    return path.stem


def _check_not_empty(graph: Graph) -> None:
    for x in (*graph.inputs, *graph.outputs):
        if not count_of(x):
            raise ValueError(f"export_c: expected inputs and outputs with elements, got the shape {x.shape} of "
                             f"{x.name}; export with an example of at least one row")


# ---- memory ---------------------------------------------------------------------------------------------------------

def _source_report(path: Path, source: Source, graph: Graph, memory: Memory, floats: tuple[str, ...],
                   libm: bool) -> CSource:
    steps = tuple(StepMemory(live.step.node.operation, live.step.node.module, live.bytes) for live in memory.live
                  if live.step.node is not None)
    inputs, outputs = (sum(count_of(x) * item_size(x.dtype) for x in values)
                       for values in (graph.inputs, graph.outputs))
    return CSource(path, path.with_suffix(".h"), source.name, source.ram, memory.arena_bytes, memory.live_maximum,
                   source.state_bytes, inputs, outputs, source.weights, steps, floats, libm)


def _check_ram(made: CSource, max_ram: int | None) -> None:
    if max_ram is not None and made.ram > max_ram:
        kept = f", {made.state:,} of them kept between calls" if made.state else ""
        raise ValueError(f"export_c: the model needs {made.ram:,} bytes of RAM{kept}, more than max_ram={max_ram:,}; "
                         f"the operations that need the most: {largest_steps(made.steps)}")


def _head(model: Module, made: CSource) -> str:
    return f"{made.name}: a {type(model).__name__}, written by fastnet {fastnet.__version__}.\n\n{memory_text(made)}"

