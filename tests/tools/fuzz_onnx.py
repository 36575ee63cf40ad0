"""Damaged and hostile ONNX files: `python tests/tools/fuzz_onnx.py [N] [SEED]` loads and runs N mutations.

Each file must give an error of fastnet.onnx, or a model that computes, or says which node cannot. Time and memory are
bounded, too. Failures are written to the current folder.
"""
from __future__ import annotations

import math
import random
import resource
import struct
import sys
import time
from collections import Counter

import numpy as np

import fastnet
from fastnet.onnx import DamagedFileError, UnsupportedError, forms
from fastnet.onnx.forms import DataType, attribute, value_info
from fastnet.onnx.messages import encode
from fastnet.onnx.tensors import tensor_of
from fastnet.onnx.wire import varint_bytes

SECONDS = 5.0                           # that a file may take
BYTES = 3 << 30                         # of memory that a file may take
NUMBERS = (0, 1, -1, 2**7, 2**31 - 1, 2**31, 2**40, 2**62, -(2**62), 2**63 - 1, -(2**63))
LOADED, REFUSED, FAILED = "computed", "refused", "node failed"


# ---- small models ----------------------------------------------------------------------------------------------------

def node(op_type, inputs, outputs, domain="", **attributes):
    """A node; inputs and outputs are names separated by spaces."""
    return forms.Node(input=inputs.split(" ") if inputs else [], output=outputs.split(" "), name=f"the {op_type}",
                      op_type=op_type, domain=domain,
                      attribute=[attribute(name, value) for name, value in attributes.items()])


def graph(nodes, inputs=(), outputs=("y",), **constants):
    """A graph; inputs are (name, data type, shape), outputs names, constants arrays by name."""
    return forms.Graph(node=list(nodes), name="graph", input=[value_info(*x) for x in inputs],
                       output=[value_info(name, DataType.FLOAT, ["?"]) for name in outputs],
                       initializer=[tensor_of(name, np.asarray(x)) for name, x in constants.items()])


def content(the_graph, opset=18, functions=()):
    """The bytes of a model."""
    imports = [forms.OperatorSet("", opset), forms.OperatorSet("own", 1)]
    return b"".join(encode(forms.Model(ir_version=8, graph=the_graph, opset_import=imports, functions=list(functions))))


def image_network():
    rng = np.random.default_rng(0)
    return content(graph(
        [node("Conv", "x filters bias", "a", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
         node("BatchNormalization", "a scale shift mean var", "b", epsilon=1e-5), node("Relu", "b", "c"),
         node("MaxPool", "c", "d", kernel_shape=[2, 2], strides=[2, 2]), node("Shape", "d", "sizes"),
         node("Gather", "sizes zero", "batch", axis=0), node("Concat", "batch minus", "wanted", axis=0),
         node("Reshape", "d wanted", "e"), node("Gemm", "e weight", "f", transB=1),
         node("Resize", "c  scales", "g", mode="nearest"), node("Softmax", "f", "y", axis=-1)],
        [("x", DataType.FLOAT, ["batch", 2, 8, 8])], filters=rng.normal(size=(3, 2, 3, 3)).astype(np.float32),
        bias=np.zeros(3, np.float32), scale=np.ones(3, np.float32), shift=np.zeros(3, np.float32),
        mean=np.zeros(3, np.float32), var=np.ones(3, np.float32), zero=np.array([0]), minus=np.array([-1]),
        weight=rng.normal(size=(4, 12)).astype(np.float32), scales=np.array([1, 1, 2, 2], np.float32)))


def control_network():
    body = graph([node("Add", "total x", "more"), node("Identity", "condition", "again")],
                 [("i", DataType.INT64, []), ("condition", DataType.BOOL, []), ("total", DataType.FLOAT, ["n"])],
                 ("again", "more"))
    branches = {name: graph([node(op, "sum", name)], outputs=(name,))
                for name, op in (("then_branch", "Neg"), ("else_branch", "Exp"))}
    return content(graph(
        [node("Slice", "x begins ends axes steps", "part"), node("Pad", "part pads", "padded", mode="constant"),
         node("Loop", "count yes x", "sum", body=body), node("ReduceSum", "sum", "one", keepdims=0),
         node("Greater", "one limit", "positive"), node("If", "positive", "y", **branches)],
        [("x", DataType.FLOAT, ["n"])], begins=np.array([0]), ends=np.array([100]), axes=np.array([0]),
        steps=np.array([2]), pads=np.array([1, 1]), count=np.array(3), yes=np.array(True),
        limit=np.array(0, np.float32)))


def recurrent_network():
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=shape).astype(np.float32)
               for name, shape in (("w", (1, 12, 4)), ("r", (1, 12, 3)), ("b", (1, 24)))}
    return content(graph(
        [node("LSTM", "x w r b", "states", hidden_size=3), node("Squeeze", "states axes", "flat"),
         node("TopK", "flat k", "y places", axis=-1), node("Cast", "places", "floats", to=1),
         node("Expand", "floats sizes", "expanded"), node("Tile", "floats twice", "tiled")],
        [("x", DataType.FLOAT, [5, 2, 4])], axes=np.array([1]), k=np.array([2]), sizes=np.array([5, 2, 2]),
        twice=np.array([1, 2, 1]), **weights))


NETWORKS = {"image": image_network, "control": control_network, "recurrent": recurrent_network}


# ---- one file --------------------------------------------------------------------------------------------------------

def outcome(data):
    """What comes of a file: LOADED, REFUSED or FAILED.

    Raises:
        Exception: any error that is not one of fastnet.onnx, or of a node by its name.
        AssertionError: it took too long.
    """
    start = time.process_time()
    found = _outcome(data)
    took = time.process_time() - start
    assert took < SECONDS, f"took {took:.1f} s"
    return found


def _outcome(data):
    try:
        model = fastnet.onnx.load(data)
    except (DamagedFileError, UnsupportedError):
        return REFUSED
    if any(math.prod(shape_of(x)) > 1 << 20 for x in model.inputs):
        return REFUSED                                  # its user would have to make the input
    values = {x.name: np.ones(shape_of(x), x.dtype) for x in model.inputs}
    try:
        with fastnet.no_grad(), np.errstate(all="ignore"):
            model(**{name: fastnet.from_numpy(x) if x.dtype in fastnet.dtypes.ALL else x for name, x in values.items()})
    except UnsupportedError:
        return FAILED
    except RuntimeError as e:
        if not getattr(e, "names_node", False):
            raise
        return FAILED
    return LOADED


def shape_of(x):
    """The shape of an input, with 2 for open dimensions."""
    return tuple(n if isinstance(n, int) else 2 for n in x.shape or ())


# ---- mutations -------------------------------------------------------------------------------------------------------

def mutated(data, rng):
    """The bytes of a file with one to four changes."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        change = rng.choice(CHANGES)
        change(found, rng, rng.randrange(len(found)) if found else 0)
    return bytes(found)


def flip_bit(data, rng, place):
    if data:
        data[place] ^= 1 << rng.randrange(8)


def replace_byte(data, rng, place):
    data[place:place + 1] = bytes([rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))])


def replace_number(data, rng, place):
    data[place:place + 1] = varint_bytes(rng.choice(NUMBERS))


def replace_element(data, rng, place):
    data[place:place + 8] = struct.pack("<q", rng.choice(NUMBERS))


def remove(data, rng, place):
    del data[place:place + rng.randrange(1, 20)]


def repeat(data, rng, place):
    part = data[place:place + rng.randrange(1, 40)]
    at = rng.randrange(len(data) + 1)
    data[at:at] = part


def exchange(data, rng, place):
    other, size = rng.randrange(len(data) + 1), rng.randrange(1, 30)
    data[place:place + size], data[other:other + size] = data[other:other + size], data[place:place + size]


CHANGES = (flip_bit, replace_byte, replace_number, replace_element, remove, repeat, exchange)


def mutations(count, seed):
    """(name, bytes) of so many damaged files."""
    rng = random.Random(seed)
    sources = {name: make() for name, make in NETWORKS.items()}
    for i in range(count):
        name = rng.choice(list(sources))
        yield f"{name}-{seed}-{i}", mutated(sources[name], rng)


def limited_memory():
    """Let the process take BYTES more than now; returns a function that lifts the limit."""
    with open("/proc/self/statm", encoding="ascii") as file:
        present = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (present + BYTES, before[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_AS, before)


def main():
    count, seed = (int(text) for text in (sys.argv[1:] + ["10000", "0"][len(sys.argv) - 1:])[:2])
    lift = limited_memory()
    outcomes, failures = Counter(), 0
    for name, data in mutations(count, seed):
        try:
            outcomes[outcome(data)] += 1
        except Exception as e:
            failures += 1
            print(f"{name}: {type(e).__name__}: {str(e)[:300]}", flush=True)
            with open(f"{name}.onnx", "wb") as file:
                file.write(data)
    lift()
    print(f"{count} files: {dict(outcomes)}, {failures} failures")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
