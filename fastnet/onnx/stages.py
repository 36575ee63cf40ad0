"""Compiled models whose branches, loops or shapes depend on values: recordings of the parts in between.

A node is read by the host, in Python, if it must know a value that depends on the data: the condition of an If, the
number of rounds of a Loop, the indices that NonZero finds. The nodes between two such nodes are a stage, which
`fastnet.compile` records. Stages exchange tensors, which are arguments and results of their recordings, and arrays,
which select the recording. Subgraphs of such nodes have separate stages.

A small integer or bool input that only such nodes read, such as a sampling rate, is read once at each call. It then
selects a recording, and the nodes that depend on it need no host.
"""
from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np

from fastnet import dtypes
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet._replay.compiled import Compiled
from fastnet.onnx.module import Input, OnnxModel, as_result
from fastnet.onnx.program import Program, Runner, Values, as_tensor, bodies_of, names_read
from fastnet.onnx.registry import Node

__all__ = ["StagedModel", "needs_stages"]

_SHAPES = frozenset(("Shape", "Size"))  # their results are arrays, whatever their input is
_MOST_SIGNATURES = 256                  # of a stage
_MOST_ROUNDS = 8                        # until the analysis of a loop takes all that it carries as data


# ---- which nodes the host runs ---------------------------------------------------------------------------------------

class _Analysis:
    """The names of values that depend on data, and the nodes that the host runs.

    Args:
        program: the model's graph.
        inputs: of the model.
        selecting: the names of those that select a recording.
    """

    def __init__(self, program: Program, inputs: Sequence[Input], selecting: Collection[str] = ()) -> None:
        self.data = {x.name for x in inputs if x.name not in selecting}
        self._arrays = {x.name for x in inputs if x.dtype not in dtypes.ALL and x.dtype not in dtypes.MORE}
        self.host: set[int] = set()     # ids of nodes
        self._visit(program)

    def _visit(self, program: Program) -> None:
        for node in program.nodes:
            if node.operator.control:
                self._visit_control(node)
            elif self._reads_data(node):
                self.host.add(id(node))
                self.data.update(node.outputs)
            elif node.operator.random or (node.operator.name not in _SHAPES and any(
                    self._is_data(x) for i, x in enumerate(node.inputs) if i not in node.operator.known)):
                self.data.update(node.outputs)

    def _is_data(self, name: str) -> bool:
        return name in self.data

    def _reads_data(self, node: Node) -> bool:
        return any(x in self._arrays or (i in node.operator.known and self._is_data(x))
                   for i, x in enumerate(node.inputs))

    def _visit_control(self, node: Node) -> None:
        bodies = bodies_of(node)
        for _ in range(_MOST_ROUNDS):
            before = len(self.data)
            for body in bodies:
                self.data.update(x for x, given in zip(body.inputs, self._given(node)) if self._is_data(given))
                self._visit(body)
                if node.operator.name != "If":
                    self._carry(node, body)
            if len(self.data) == before:
                break
        asks = node.operator.name == "Loop" and any(self._is_data(body.outputs[0]) for body in bodies)
        if self._reads_data(node) or asks or any(id(n) in self.host for body in bodies for n in _all_nodes(body)):
            self._visit_by_host(node, bodies)
        elif any(self._is_data(y) for body in bodies for y in body.outputs):
            self.data.update(node.outputs)

    def _given(self, node: Node) -> Sequence[str]:
        """The inputs of a node, in the order of the inputs of its body."""
        return node.inputs if node.operator.name == "Scan" else node.inputs[:2] if node.operator.name == "If" else (
            "", "", *node.inputs[2:])

    def _carry(self, node: Node, body: Program) -> None:
        """A loop takes in what the round before gave out."""
        skipped = 2 if node.operator.name == "Loop" else 0
        self.data.update(x for x, y in zip(body.inputs[skipped:], body.outputs[1 if skipped else 0:])
                         if self._is_data(y))

    def _visit_by_host(self, node: Node, bodies: Sequence[Program]) -> None:
        """The host passes tensors to the bodies, and gives on tensors."""
        self.host.add(id(node))
        self.data.update(node.outputs)
        for body in bodies:
            self.data.update(body.inputs)
            self._visit(body)


def _all_nodes(program: Program) -> Iterable[Node]:
    for node in program.nodes:
        yield node
        for body in bodies_of(node):
            yield from _all_nodes(body)


def _selecting_inputs(program: Program, inputs: Sequence[Input]) -> frozenset[str]:
    """The inputs that are read at each call: small ones, without which the host would run more nodes."""
    selecting = {x.name for x in inputs if x.dtype.kind in "iub" and x.shape is not None and len(x.shape) <= 1}

    def hosted(chosen: set[str]) -> int:
        return len(_Analysis(program, inputs, chosen).host)
    least = hosted(selecting) if selecting else 0
    for name in sorted(selecting):
        if hosted(selecting - {name}) == least:
            selecting = selecting - {name}
    return frozenset(selecting)


def needs_stages(program: Program, inputs: Sequence[Input]) -> bool:
    """Whether a model cannot be recorded as one function.

    Args:
        program: the model's graph.
        inputs: its inputs.
    """
    return bool(_Analysis(program, inputs).host)


# ---- running stages --------------------------------------------------------------------------------------------------

class _Stage:
    """Nodes that are recorded as one function.

    Args:
        model: that the nodes belong to.
        nodes: in order.
        results: the names that later nodes or the outputs read.
        options: of `fastnet.compile`.
    """

    def __init__(self, model: OnnxModel, nodes: Sequence[Node], results: Iterable[str],
                 options: dict[str, Any]) -> None:
        self._model, self._nodes, self._results = model, tuple(nodes), tuple(results)
        own = {y for node in nodes for y in node.outputs}
        self._reads = tuple(dict.fromkeys(x for node in nodes for x in names_read(node) if x not in own))
        self._arrays: dict[Any, Values] = {}            # by signature: the results that are arrays

        def compute(signature: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
            return self._compute(signature, tensors)    # a recording watches no attributes of what a closure holds
        self._compiled = Compiled(compute, **options)

    def run(self, values: Values, fixed: Values) -> None:
        """Run or replay the nodes, and add their results to the values.

        Args:
            values: by name.
            fixed: those that are the same in each call: weights and constants.
        """
        given = [(name, values[name]) for name in self._reads if name not in fixed]
        tensors = [(name, x) for name, x in given if isinstance(x, Tensor)]
        signature = (tuple((name, x.dtype.str, x.shape, x.tobytes()) for name, x in given if isinstance(x, np.ndarray)),
                     tuple((name, x.shape, x.dtype.str) for name, x in tensors), state.grad_enabled)
        if len(self._arrays) > _MOST_SIGNATURES:
            self._arrays.clear()
            self._compiled.clear()
        results = self._compiled(signature, *(x for _, x in tensors))
        values.update(self._arrays[signature])
        values.update(zip((name for name in self._results if name not in self._arrays[signature]), results))
        for node in self._nodes:
            for name in node.drops:
                values.pop(name, None)

    def _compute(self, signature: Any, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Run the nodes on arrays, which the signature holds, and tensors, which it names."""
        values = self._model.fixed_values()
        values.update((name, np.frombuffer(data, dtype).reshape(shape)) for name, dtype, shape, data in signature[0])
        values.update((entry[0], x) for entry, x in zip(signature[1], tensors))
        runner = Runner(self._model.constant_tensors())
        for node in self._nodes:
            runner.run_node(node, values)
        results = [(name, values[name]) for name in self._results]
        self._arrays[signature] = {name: x for name, x in results if not isinstance(x, Tensor)}
        return tuple(x for _, x in results if isinstance(x, Tensor))


class _StagedRunner(Runner):
    """Runs a program in stages.

    Args:
        model: that the program belongs to.
        program: of the whole model.
        selecting: the names of the inputs that select a recording.
        options: of `fastnet.compile`.

    Attributes:
        host: the ids of the nodes that the host runs.
    """

    def __init__(self, model: OnnxModel, program: Program, selecting: Collection[str],
                 options: dict[str, Any]) -> None:
        super().__init__(model.constant_tensors())
        self._model, self._program, self._options = model, program, options
        self.host = _Analysis(program, model.inputs, selecting).host
        self._steps: dict[int, list[_Stage | Node]] = {}        # by id of a program
        self.fixed: Values = {}

    def run(self, program: Program, values: Values) -> tuple[Any, ...]:
        """Run the steps of a program; the inputs of a subgraph become tensors."""
        if program is not self._program:
            values.update((name, as_tensor(values[name])) for name in program.inputs)
        if id(program) not in self._steps:
            self._steps[id(program)] = self._steps_of(program)
        for step in self._steps[id(program)]:
            if isinstance(step, _Stage):
                step.run(values, self.fixed)
            else:
                self.run_node(step, values)
                values.update((y, as_tensor(values[y])) for y in step.outputs if y in values)
        return tuple(values[name] for name in program.outputs)

    def _steps_of(self, program: Program) -> list[_Stage | Node]:
        """The stages, and the nodes that the host runs, in order."""
        parts: list[list[Node]] = []
        for hosted, group in itertools.groupby(program.nodes, lambda node: id(node) in self.host):
            nodes = list(group)
            parts += [[node] for node in nodes] if hosted else [nodes]
        steps: list[_Stage | Node] = []
        for i, part in enumerate(parts):
            if id(part[0]) in self.host:
                steps.append(part[0])
                continue
            later = {x for other in parts[i + 1:] for node in other for x in names_read(node)} | {*program.outputs}
            results = [y for node in part for y in node.outputs if y in later]
            steps.append(_Stage(self._model, part, results, self._options))
        return steps


class StagedModel(OnnxModel):
    """A model that runs in stages: the same parameters, modes and hooks as the model that it was made of.

    Args:
        model: from an ONNX file.
        options: of `fastnet.compile`.
    """

    __slots__ = ("_options", "_runners", "_selecting", "_whole")        # all other attributes are the model's

    def __init__(self, model: OnnxModel, options: dict[str, Any]) -> None:
        object.__setattr__(self, "__dict__", model.__dict__)
        self._options = options
        self._selecting = _selecting_inputs(model.program, model.inputs)
        self._runners: dict[int, _StagedRunner] = {}            # by id of the program
        self._whole: dict[Any, Compiled[..., Any]] = {}         # by id of the program and the inputs that are arrays

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Compute the outputs, as the model does."""
        given = dict(zip(self.input_names, inputs)) | named
        if len(given) < len(inputs) + len(named) or given.keys() != set(self.input_names):
            self.values(inputs, named)                          # raises
        arrays = {name: x._data if isinstance(x, Tensor) else x for name, x in given.items()
                  if name in self._selecting or not isinstance(x, Tensor)}
        program = self.current_program()
        if id(program) not in self._runners:
            self._runners[id(program)] = _StagedRunner(self, program, self._selecting, self._options)
        runner = self._runners[id(program)]
        if not runner.host:
            return self._whole_model(program, arrays)(*(given[x] for x in self.input_names if x not in arrays))
        values = self.values((), given | {name: np.array(x) for name, x in arrays.items()})
        runner.fixed = self.fixed_values()
        return as_result(runner.run(program, values))

    def _whole_model(self, program: Program, arrays: dict[str, Any]) -> Compiled[..., Any]:
        """The model as one recorded function of its inputs, except for those that are arrays."""
        key = (id(program), *((name, x.dtype.str, x.shape, x.tobytes()) for name, x in arrays.items()))
        if key not in self._whole:
            if len(self._whole) > _MOST_SIGNATURES:
                self._whole.clear()
            kept = {name: np.array(x) for name, x in arrays.items()}
            names = [name for name in self.input_names if name not in kept]

            def compute(*tensors: Tensor) -> Any:
                values = self.values((), kept | dict(zip(names, tensors)))
                return as_result(Runner(self.constant_tensors()).run(program, values))
            self._whole[key] = Compiled(compute, **self._options)
        return self._whole[key]
