"""The text of the .c and .h file of a program."""
from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastnet.c_source.constants import TYPE_SIZES, array_text, c_type, comment_text, float_text, item_size
from fastnet.c_source.library import definitions_for, library_names
from fastnet.c_source.names import Names
from fastnet.c_source.program import Code, Constant, State, Step, count_of
from fastnet.graph import Value

if TYPE_CHECKING:
    from fastnet.c_source.extras import Extra
    from fastnet.c_source.memory import Memory
    from fastnet.graph import Graph

__all__ = ["Port", "Source"]

_LIBM = re.compile(r"\b(?:exp|expm1|log|log2|log10|log1p|sqrt|sin|cos|tan|asin|acos|atan|sinh|cosh|tanh|erf|fabs|floor|"
                   r"ceil|trunc|fmax|fmin|pow)f?\(")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_MATH_MACROS = re.compile(r"\b(?:INFINITY|NAN|isnan|HUGE_VAL)\b")
_PUBLIC = "run", "reset", "quantize", "dequantize", "prepare", "values", "labels"       # after the name of the file


@dataclass(frozen=True)
class Port:
    """An input or output of the function `run`.

    Attributes:
        name: of the argument.
        value: of the graph.
        macro: the macro with the number of its elements.
    """

    name: str
    value: Value
    macro: str


class Source:
    """The C source of a model.

    Args:
        name: of the files and the prefix of public names.
        graph: the graph.
        code: its steps.
        memory: the places of its values.
        inputs, outputs: names of the arguments; None for "input" and "output", or if there are several the names of the
            graph's inputs and "output_0", ...
    """

    def __init__(self, name: str, graph: Graph, code: Code, memory: Memory, inputs: Sequence[str] | None = None,
                 outputs: Sequence[str] | None = None) -> None:
        self.name, self.graph, self.code, self.memory = name, graph, code, memory
        self._names = Names([*library_names(), *(f"{name}_{word}" for word in _PUBLIC)])
        self._macros = Names()
        self.inputs = self._ports(graph.inputs, inputs, "input", [x.name for x in graph.inputs])
        self.outputs = self._ports(graph.outputs, outputs, "output",
                                   [f"output_{i}" for i in range(len(graph.outputs))])
        self._constants: dict[Constant, str] = {}
        self._states = {state: self._names.new(state.name) for state in code.states}
        self._values = {x: self._names.new(x.name) for x, place in memory.places.items()
                        if place.arena}
        self._statements = self._run_statements()

    def _ports(self, values: Sequence[Value], names: Sequence[str] | None, single: str,
               several: Sequence[str]) -> list[Port]:
        if names is not None and len(names) != len(values):
            raise ValueError(f"export_c: expected {len(values)} names of {single}s, got {list(names)}")
        wanted = names or ([single] if len(values) == 1 else several)
        made = [self._names.new(text) for text in wanted]
        return [Port(text, x, f"{self.name}_{self._macros.new(text.lower())}_SIZE".upper())
                for text, x in zip(made, values)]

    # ---- operands ----

    def expression(self, operand: Any) -> str:
        """An operand of a step as C."""
        if isinstance(operand, Value):
            return self._value_expression(operand)
        if isinstance(operand, Constant):
            return self._constant_name(operand)
        if isinstance(operand, State):
            return self._states[operand]
        return "NULL" if operand is None else float_text(operand) if isinstance(operand, float) else str(operand)

    def _constant_name(self, constant: Constant) -> str:
        if constant not in self._constants:
            for part in constant.fields.values():           # defined first
                if isinstance(part, Constant):
                    self._constant_name(part)
            self._constants[constant] = self._names.new(constant.name)
        return self._constants[constant]

    def _value_expression(self, x: Value) -> str:
        owner, start = self.memory.owners.get(x, (x, 0))
        if owner in self.memory.places:
            place = self.memory.places[owner]
            ports = {"input": self.inputs, "output": self.outputs}.get(place.kind)
            name = ports[place.at].name if ports else self._values[owner]
        else:
            name = self._constant_name(self.code.stored(owner))
        return f"({name} + {start})" if start else name

    # ---- statements of run ----

    def _run_statements(self) -> list[str]:
        lines: list[str] = []
        declared: set[Value] = set()
        module: str | None = None
        for step in self.code.steps:
            if step.node is not None and step.node.module != module:
                module = step.node.module
                lines += [*([""] if lines else []), f"/* {comment_text(module or 'the model')} */"]
            lines += self._declarations(step, declared)
            operands = {name: self.expression(x) for name, x in step.operands.items()}
            lines += string.Template(step.text).substitute(operands).split("\n")
        for number in self.memory.copied:
            y, port = self.graph.outputs[number], self.outputs[number]
            lines += [f"for (int32_t i = 0; i < {port.macro}; i++)", f"    {port.name}[i] = {self.expression(y)}[i];"]
        text = "\n".join(lines)
        unused = [f"(void){p.name};" for p in self.inputs if not re.search(rf"\b{p.name}\b", text)]
        return [*unused, *lines]

    def _declarations(self, step: Step, declared: set[Value]) -> list[str]:
        lines = []
        for x in step.operands.values():
            owner = self.memory.owners.get(x, (x, 0))[0] if isinstance(x, Value) else None
            if owner is None or owner in declared or owner not in self.memory.places:
                continue
            declared.add(owner)
            _, offset, arena = self.memory.places[owner]
            if arena:
                type = c_type(owner.dtype)
                start = arena.name if type == arena.type else f"({type} *){arena.name}"
                offset //= item_size(owner.dtype)
                shape = ", ".join(map(str, owner.shape))
                lines.append(f"{type} *const {self._values[owner]} = {start} + {offset};    /* ({shape}) */")
        return lines

    # ---- sizes ----

    @property
    def state_bytes(self) -> int:
        """The size of what is kept between calls."""
        return sum(state.size * item_size(state.dtype) for state in self.code.states)

    @property
    def ram(self) -> int:
        """The size of all static memory."""
        return self.memory.arena_bytes + self.state_bytes

    @property
    def weights(self) -> int:
        """The size of all constants."""
        return sum(4 * sum(len(v) if isinstance(v, tuple) else 1 for v in c.fields.values()) if c.array is None
                   else c.array.size * item_size(c.array.dtype) for c in self._constants)

    # ---- the files ----

    def signature(self) -> str:
        """The head of the function `run`."""
        inputs = [f"const {c_type(p.value.dtype)} *{p.name}" for p in self.inputs]
        outputs = [f"{c_type(p.value.dtype)} *{p.name}" for p in self.outputs]
        return f"void {self.name}_run({', '.join([*inputs, *outputs])})"

    def source(self, head: str, extra: Extra) -> str:
        """The text of the .c file.

        Args:
            head: the text of the comment at its begin.
            extra: what it holds beside the model.
        """
        code = self._code(extra)
        includes = [f'#include "{self.name}.h"']
        if self.needs_libm(extra) or _MATH_MACROS.search(code):
            includes.append("#include <math.h>")
        if re.search(r"\bNULL\b", code):
            includes.append("#include <stddef.h>")
        test = f"\n#ifdef {self.name.upper()}_SELF_TEST\n{extra.test}\n#endif\n" if extra.test else ""
        return f"{_comment(head)}\n" + "\n".join(includes) + f"\n\n{code}\n{test}"

    def needs_libm(self, extra: Extra) -> bool:
        """Whether the file calls functions of the library of mathematics."""
        return _LIBM.search(_COMMENT.sub("", self._code(extra))) is not None

    def _code(self, extra: Extra) -> str:
        body = "\n".join(self._statements)
        structures = "\n".join(c.type for c in self._constants if c.array is None)
        library = definitions_for("\n".join([body, structures, *extra.code]))
        functions = [*self._memory_text(), *self._reset_text(), self._run_text(), *extra.code]
        return "\n\n".join([*library, *self._constant_texts(), *functions])

    def _constant_texts(self) -> list[str]:
        return [array_text(name, c.array) if c.array is not None else
                f"static const {c.type} {name} = {{\n    " + ",\n    ".join(
                    f".{key} = {self._field_text(value)}" for key, value in c.fields.items()) + "\n};"
                for c, name in self._constants.items()]

    def _field_text(self, value: Any) -> str:
        if isinstance(value, tuple):
            return "{" + ", ".join(map(self._field_text, value)) + "}"
        return self.expression(value)

    def _memory_text(self) -> list[str]:
        lines = [f"static {arena.type} {arena.name}[{max(arena.bytes // TYPE_SIZES[arena.type], 1)}];"
                 for arena in self.memory.arenas]
        for state, name in self._states.items():
            start = " = {" + ", ".join([_fill_text(state)] * state.size) + "}" if state.fill else ""
            lines.append(f"static {c_type(state.dtype)} {name}[{state.size}]{start};")
        return ["\n".join(lines)] if lines else []

    def _reset_text(self) -> list[str]:
        if not self._states:
            return []
        loops = [f"    for (int32_t i = 0; i < {state.size}; i++)\n        {name}[i] = {_fill_text(state)};"
                 for state, name in self._states.items()]
        return [f"void {self.name}_reset(void)\n{{\n" + "\n".join(loops) + "\n}"]

    def _run_text(self) -> str:
        body = "\n".join(f"    {line}" if line else "" for line in self._statements)
        return f"{self.signature()}\n{{\n{body}\n}}"

    def header(self, head: str, extra: Extra) -> str:
        """The text of the .h file.

        Args:
            head: the text of the comment at its begin.
            extra: what it declares beside the model.
        """
        guard = f"{self.name.upper()}_H"
        upper = self.name.upper()
        sizes = [f"#define {p.macro} {count_of(p.value)}    /**< {p.name}: {_describe(p.value)} */"
                 for p in (*self.inputs, *self.outputs)]
        lines = [
            _comment(head, "/**"), f"#ifndef {guard}", f"#define {guard}", "", "#include <stdint.h>", "",
            "#ifdef __cplusplus", 'extern "C" {', "#endif", "", *sizes,
            f"#define {upper}_RAM {self.ram}    /**< bytes of static memory */",
            f"#define {upper}_WEIGHTS {self.weights}    /**< bytes of constants */", "", self._run_documentation(),
            f"{self.signature()};", *self._reset_declaration(), *extra.header, "", "#ifdef __cplusplus", "}", "#endif",
            "", "#endif"]
        return "\n".join(lines) + "\n"

    def _run_documentation(self) -> str:
        ports = [*((p, "read") for p in self.inputs), *((p, "written") for p in self.outputs)]
        lines = ["Run the model once. Not reentrant: all calls share one static memory. Arrays must not overlap.", "",
                 *(f"@param {p.name} {_describe(p.value)} in row-major order, {how}" for p, how in ports)]
        return _comment("\n".join(lines), "/**")

    def _reset_declaration(self) -> list[str]:
        if not self._states:
            return []
        return ["", _comment("Forget all earlier inputs: the next call begins a new sequence.", "/**"),
                f"void {self.name}_reset(void);"]


def _fill_text(state: State) -> str:
    return float_text(state.fill) if state.dtype.kind == "f" else str(int(state.fill))


def _describe(x: Value) -> str:
    return f"{c_type(x.dtype)} ({', '.join(map(str, x.shape))})"


def _comment(text: str, start: str = "/*") -> str:
    lines = comment_text(text).split("\n")
    if len(lines) == 1:
        return f"{start} {lines[0]} */"
    return "\n".join([start, *(f" * {line}".rstrip() for line in lines), " */"])
