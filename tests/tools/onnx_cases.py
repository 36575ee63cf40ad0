"""ONNX's own tests (onnx.backend.test), run through fastnet.onnx.load.

`python tests/tools/onnx_cases.py [TEXT]` prints a table by operator, and each case whose name contains TEXT that does
not pass.
"""
import collections
import pathlib
import sys
import warnings
from dataclasses import dataclass

import numpy as np

import fastnet
from fastnet.onnx import UnsupportedError

PASSED, REFUSED, WRONG, RANDOM = KINDS = "passed", "refused", "wrong", "random"
OPERATORS = """
    Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast CastLike Ceil Clip Concat Constant ConstantOfShape
    Conv ConvTranspose Cos CumSum DepthToSpace DequantizeLinear QuantizeLinear Div Dropout DynamicQuantizeLinear Einsum
    Elu Equal Erf Exp Expand Flatten Floor GRU LSTM RNN Gather GatherElements GatherND Gelu Gemm GlobalAveragePool
    GlobalMaxPool Greater Less GreaterOrEqual LessOrEqual HardSigmoid HardSwish Identity If Loop InstanceNormalization
    LayerNormalization GroupNormalization RMSNormalization IsNaN LRN LeakyRelu Log LogSoftmax MatMul MatMulInteger Max
    Min Mean MaxPool Mish Mod Mul Neg Not Or Xor PRelu Pad Pow QLinearConv QLinearMatMul Range Reciprocal ReduceL2
    ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Relu Reshape Resize Round ScatterElements ScatterND Selu Shape
    Sigmoid Sign Sin Size Slice Softmax Softplus SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh Tile TopK Transpose Trilu
    Unsqueeze Where Attention RotaryEmbedding""".split()      # noqa: SIM905
PLAIN = frozenset((1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16))         # the types that are not exotic


@dataclass
class Outcome:
    """What came of a case: its kind, and why it did not pass. RANDOM numbers are those of NumPy's generator."""

    kind: str
    reason: str = ""


def node_cases():
    """The cases of single operators, by name."""
    import onnx.backend.test.loader
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")                 # NumPy's, of the references
        return {case.name: case for case in onnx.backend.test.loader.load_model_tests(kind="node")}


def data_folder():
    """The folder of the models that the package onnx comes with."""
    import onnx.backend.test
    return pathlib.Path(onnx.backend.test.__file__).parent / "data"


def pytorch_folders():
    """The folders of models that PyTorch has exported, with their inputs and outputs."""
    folder = data_folder()
    return sorted(path.parent for kind in ("pytorch-converted", "pytorch-operator")
                  for path in (folder / kind).glob("*/model.onnx"))


def light_files():
    """The large networks with random weights that files leave out."""
    return sorted((data_folder() / "light").glob("light_*.onnx"))


def array_in(path):
    """The array in a file of one tensor."""
    import onnx
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return onnx.numpy_helper.to_array(tensor)


def light_case(path):
    """The input of a large network, and its output."""
    import onnx
    graph = onnx.load(path).graph
    given = {tensor.name for tensor in graph.initializer}
    first, = (x for x in graph.input if x.name not in given)
    shape = [d.dim_value or 1 for d in first.type.tensor_type.shape.dim]
    x = np.arange(np.prod(shape)).reshape(shape) / np.prod(shape)
    return x.astype(np.float32), array_in(path.with_name(f"{path.stem}_output_0.pb"))


def operator_of(case):
    """The operator that a case is for; of an expanded one the operator that was expanded is part of its name."""
    return case.model.graph.node[0].op_type if "_expanded" not in case.name else "(expanded)"


def is_core(case):
    """Whether a case is of an operator of the list, not expanded, and without exotic types."""
    graph = case.model.graph
    types = [x.type for x in (*graph.input, *graph.output)]
    return ("_expanded" not in case.name and operator_of(case) in OPERATORS
            and all(t.WhichOneof("value") == "tensor_type" and t.tensor_type.elem_type in PLAIN for t in types))


def plain(x):
    """The array of a value of a case; bfloat16 numbers become float32."""
    import onnx
    array = onnx.numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else np.array(x)
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def two_ulps(x):
    """Two units in the last place, relative: results of float16 and bfloat16 are rounded at other places."""
    import onnx
    if isinstance(x, onnx.TensorProto):
        x = onnx.numpy_helper.to_array(x)
    return {"bfloat16": 2**-6, "float16": 2**-9}.get(np.asarray(x).dtype.name, 0)


def given_input(x):
    """An input of a case as a tensor, or as an array if there is no such dtype."""
    try:
        return fastnet.from_numpy(plain(x))
    except TypeError:
        return plain(x)


def outcome(case, compiled=False):
    """Run a case.

    Args:
        case: of `node_cases`.
        compiled: run a recording and its replay, too.
    """
    try:
        model = fastnet.onnx.load(case.model.SerializeToString()).train("training" in case.name)
        for inputs, expected in case.data_sets:
            with fastnet.no_grad():
                check(model(*map(given_input, inputs)), expected, case)     # a batch norm in training writes into them
                if compiled:
                    replayed = fastnet.compile(model, freeze=True)
                    for _ in range(2):
                        check(replayed(*map(given_input, inputs)), expected, case)
    except UnsupportedError as e:
        return Outcome(REFUSED, str(e))
    except Exception as e:
        random = "bernoulli" in case.name or "training_dropout" in case.name
        return Outcome(RANDOM if random else WRONG, f"{type(e).__name__}: {e}")
    return Outcome(PASSED)


def check(results, expected, case):
    """Compare results as ONNX's own runner does."""
    results = results if isinstance(results, tuple) else (results,)
    assert len(results) == len(expected), f"{len(results)} results, expected {len(expected)}"
    for result, given in zip(results, expected):
        array, y = result.numpy() if isinstance(result, fastnet.Tensor) else result, plain(given)
        assert array.dtype == y.dtype, f"{array.dtype}, expected {y.dtype}"
        assert array.shape == y.shape, f"shape {array.shape}, expected {y.shape}"
        np.testing.assert_allclose(array, y, rtol=max(case.rtol, two_ulps(given)), atol=case.atol)


def table(outcomes, cases):
    """The counts by operator as text.

    Args:
        outcomes: by name.
        cases: by name.
    """
    counts = collections.defaultdict(collections.Counter)
    for name, found in outcomes.items():
        counts[operator_of(cases[name])][found.kind] += 1
    lines = [f"{'operator':28}" + "".join(f"{kind:>9}" for kind in KINDS)]
    lines += [f"{name:28}" + "".join(f"{c[kind]:9}" for kind in KINDS) for name, c in sorted(counts.items())]
    for title, chosen in (("core", [n for n in outcomes if is_core(cases[n])]), ("all", list(outcomes))):
        c = collections.Counter(outcomes[n].kind for n in chosen)
        lines.append(f"{f'{title} ({len(chosen)})':28}" + "".join(f"{c[kind]:9}" for kind in KINDS))
    return "\n".join(lines)


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else None
    cases = {name: case for name, case in node_cases().items() if wanted is None or wanted in name}
    with np.errstate(all="ignore"):
        outcomes = {name: outcome(case) for name, case in cases.items()}
    for name, found in sorted(outcomes.items()):
        if found.kind == WRONG or (wanted is not None and found.kind == REFUSED):
            print(f"{found.kind}: {name}: {' '.join(found.reason.split())[:240]}")
    print(table(outcomes, cases))


if __name__ == "__main__":
    main()
