"""Operators beyond ONNX's node tests: gradients, old versions, recordings, and errors that name the node."""
import pickle

import numpy as np
import pytest
from fuzz_onnx import content, graph, node

import fastnet
from fastnet import nn
from fastnet.onnx import DamagedFileError
from fastnet.onnx.forms import DataType

X = [("x", DataType.FLOAT, ["n", 3])]


def model_of(nodes, inputs=X, outputs=("y",), opset=18, **constants):
    return fastnet.onnx.load(content(graph(nodes, inputs, outputs, **constants), opset))


def values(*shape):
    return fastnet.tensor(np.random.default_rng(0).normal(size=shape).astype(np.float32))


# ---- activations and arithmetic, with gradients ----------------------------------------------------------------------

UNARY = {
    "Relu": {}, "LeakyRelu": {"alpha": 0.2}, "Elu": {"alpha": 1.5}, "Celu": {"alpha": 1.5}, "Selu": {},
    "Gelu": {"approximate": "tanh"}, "HardSigmoid": {"alpha": 0.3}, "HardSwish": {}, "Mish": {}, "Softplus": {},
    "Softsign": {}, "ThresholdedRelu": {"alpha": 0.5}, "Shrink": {"lambd": 0.3, "bias": 0.1}, "Swish": {"alpha": 2.0},
    "Sigmoid": {}, "Tanh": {}, "Softmax": {"axis": 0}, "LogSoftmax": {}, "ReduceL2": {"keepdims": 0},
    "ReduceLogSumExp": {}, "CumSum": None, "Abs": {}, "Exp": {}, "Erf": {}, "Sin": {}, "Neg": {}}


@pytest.mark.parametrize("name", [name for name, attributes in UNARY.items() if attributes is not None])
def test_gradients_flow_and_recordings_agree(name):
    model = model_of([node(name, "x", "y", **UNARY[name])], opset=24)
    x = values(4, 3).requires_grad_()
    y = model(x)
    y.sum().backward()
    step = 1e-2
    shifted = x.detach().clone()
    shifted[1, 2] += step
    numeric = (model(shifted).sum() - y.sum()).item() / step
    assert x.grad[1, 2].item() == pytest.approx(numeric, abs=0.05)
    with fastnet.no_grad():
        compiled = fastnet.compile(model, freeze=True)
        for _ in range(2):
            np.testing.assert_array_equal(compiled(x.detach()).numpy(), y.detach().numpy())


def test_integers_divide_toward_zero():
    model = model_of([node("Div", "x d", "y")], [("x", DataType.INT64, [3])], d=np.array([2, -2, 3]))
    assert model(fastnet.tensor([-7, 7, -8])).tolist() == [-3, -3, -2]


def test_the_power_keeps_the_dtype_of_its_base():
    model = model_of([node("Pow", "x e", "y")], [("x", DataType.INT32, [2])], e=np.array([2.0, 0.5], np.float32))
    y = model(fastnet.tensor([3, 9], dtype=fastnet.int32))
    assert (y.dtype, y.tolist()) == (fastnet.int32, [9, 3])


# ---- old versions ----------------------------------------------------------------------------------------------------

def test_types_are_names_before_version_6():
    y = model_of([node("Cast", "x", "y", to="INT32")], opset=5)(fastnet.tensor([[1.5, -2.5, 0.0]]))
    assert (y.dtype, y.tolist()) == (fastnet.int32, [[1, -2, 0]])


def test_softmax_before_version_13_is_over_all_axes_from_the_given_one_on():
    x = values(2, 3, 4)
    inputs = [("x", DataType.FLOAT, [2, 3, 4])]
    old = model_of([node("Softmax", "x", "y")], inputs, opset=11)(x).numpy()
    np.testing.assert_allclose(old.reshape(2, -1).sum(1), 1, rtol=1e-6)
    new = model_of([node("Softmax", "x", "y")], inputs, opset=13)(x).numpy()
    np.testing.assert_allclose(new.sum(-1), 1, rtol=1e-6)


def test_axes_are_an_attribute_before_version_13_and_an_input_after():
    x = values(1, 3)
    old = model_of([node("Unsqueeze", "x", "a", axes=[0]), node("Squeeze", "a", "b", axes=[0]),
                    node("ReduceSum", "b", "y", axes=[1])], opset=11)
    new = model_of([node("Unsqueeze", "x zero", "a"), node("Squeeze", "a zero", "b"), node("ReduceSum", "b one", "y")],
                   zero=np.array([0]), one=np.array([1]))
    assert old(x).shape == new(x).shape == (1, 1)
    assert old(x).item() == new(x).item() == pytest.approx(x.sum().item(), rel=1e-6)


def test_slices_and_pads_by_attributes():
    x = values(4, 3)
    model = model_of([node("Slice", "x", "a", starts=[1], ends=[-1], axes=[0]),
                      node("Pad", "a", "y", pads=[0, 1, 0, 2], mode="constant", value=7.0)], opset=9)
    np.testing.assert_array_equal(model(x).numpy(), np.pad(x.numpy()[1:-1], ((0, 0), (1, 2)), constant_values=7))


def test_operands_broadcast_by_an_axis_before_version_7():
    x = values(2, 3, 4)
    model = model_of([node("Add", "x b", "y", axis=1, broadcast=1)], [("x", DataType.FLOAT, [2, 3, 4])], opset=6,
                     b=np.array([1, 2, 3], np.float32))
    np.testing.assert_array_equal(model(x).detach().numpy(), x.numpy() + np.array([1, 2, 3], np.float32)[:, None])


# ---- shapes and movement ---------------------------------------------------------------------------------------------

def test_shape_arithmetic_is_recorded_as_constants():
    nodes = [node("Shape", "x", "s"), node("Gather", "s i", "n"), node("Mul", "n three", "all"),
             node("Concat", "all one", "wanted", axis=0), node("Reshape", "x wanted", "y")]
    model = model_of(nodes, i=np.array([0]), three=np.array([3]), one=np.array([1]))
    compiled = fastnet.compile(model, freeze=True)
    with fastnet.no_grad():
        assert [compiled(values(n, 3)).shape for n in (2, 5, 2)] == [(6, 1), (15, 1), (6, 1)]


@pytest.mark.parametrize("start, end, step", [(0, 9, 1), (-1, -9, -1), (2, 0, -1), (1, 3, 2), (3, 1, 1), (-1, 0, -2),
                                              (2**63 - 1, -(2**63), -1)])
def test_slices_are_those_of_lists(start, end, step):
    model = model_of([node("Slice", "x b e a s", "y")], b=np.array([start]), e=np.array([end]), a=np.array([1]),
                     s=np.array([step]))
    x = values(2, 3)
    np.testing.assert_array_equal(model(x).numpy(), x.numpy()[:, slice(start, end, step)])


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
def test_pads_of_any_dimension(mode):
    x = values(3, 4, 2)
    model = model_of([node("Pad", "x p", "y", mode=mode)], [("x", DataType.FLOAT, [3, 4, 2])], opset=19,
                     p=np.array([1, 2, 0, 2, -1, 1]))
    expected = np.pad(x.numpy()[:, :3], ((1, 2), (2, 0), (0, 1)), mode)
    np.testing.assert_array_equal(model(x).numpy(), expected)


# ---- indexing --------------------------------------------------------------------------------------------------------

def test_lookups_take_negative_indices_and_give_gradients():
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    model = model_of([node("Gather", "table i", "y")], [("i", DataType.INT64, ["n"])], table=table)
    y = model(fastnet.tensor([-1, 0, -1]))
    np.testing.assert_array_equal(y.detach().numpy(), table[[-1, 0, -1]])
    y.sum().backward()
    assert model.get_parameter("table").grad.tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 0], [2, 2, 2]]


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
def test_scattered_rows(reduction):
    x, rows = values(4, 3), np.random.default_rng(1).normal(size=(2, 3)).astype(np.float32)
    model = model_of([node("ScatterND", "x i u", "y", reduction=reduction)], i=np.array([[-1], [1]]), u=rows)
    expected, combine = x.numpy().copy(), {"none": lambda a, b: b, "add": np.add, "mul": np.multiply, "max": np.maximum,
                                          "min": np.minimum}[reduction]
    for place, row in zip((3, 1), rows):
        expected[place] = combine(expected[place], row)
    np.testing.assert_allclose(model(x).detach().numpy(), expected, rtol=1e-6)


def test_equal_scores_keep_their_order():
    model = model_of([node("TopK", "x k", "y i")], [("x", DataType.FLOAT, [5])], ("y", "i"), k=np.array([3]))
    y, i = model(fastnet.tensor([1.0, 2.0, 2.0, 0.0, 2.0]))
    assert (y.tolist(), i.tolist()) == ([2, 2, 2], [1, 2, 4])


@pytest.mark.parametrize("dtype, zero", [(np.int8, 0), (np.uint8, 128), (np.uint8, 120), (np.int8, 5)])
def test_convolutions_of_integers_are_exact(dtype, zero):
    rng = np.random.default_rng(0)
    w = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, (6, 2, 3, 3)).astype(dtype)
    x, bias = rng.integers(0, 256, (2, 4, 7, 6)).astype(np.uint8), rng.integers(-9999, 9999, 6).astype(np.int32)
    windows = {"pads": [1, 0, 2, 1], "group": 2, "strides": [2, 1]}
    inputs = [("x", DataType.UINT8, [2, 4, 7, 6]), ("xz", DataType.UINT8, [])]
    sums = model_of([node("ConvInteger", "x w xz wz", "y", **windows)], inputs, w=w,
                    wz=np.array(zero, dtype))
    numbers = {"ws": np.float32(2**-4), "ys": np.float32(2), "one": np.float32(2**-6), "yz": np.uint8(9)}
    rounded = model_of([node("QLinearConv", "x one xz w ws wz ys yz b", "y", **windows)], inputs[:1], w=w, b=bias,
                       wz=np.full(6, zero, dtype), xz=np.uint8(77), **numbers)
    compiled = fastnet.compile(sums, freeze=True)
    for x_zero in (77, 3):
        padded = np.pad(x.astype(float) - x_zero, ((0, 0), (0, 0), (1, 2), (0, 1)))
        exact = nn.functional.conv2d(fastnet.tensor(padded), fastnet.tensor(w.astype(float) - zero), stride=(2, 1),
                                     groups=2).numpy()
        with fastnet.no_grad():
            for run in (sums, compiled):
                found = run(fastnet.tensor(x), fastnet.tensor(x_zero, dtype=fastnet.uint8)).numpy()
                assert found.dtype == np.int32 and np.array_equal(found, exact)
            if x_zero == 77:
                wanted = np.clip(np.rint((exact + bias[:, None, None]) * 2**-11) + 9, 0, 255)
                np.testing.assert_array_equal(rounded(fastnet.tensor(x)).numpy(), wanted)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4)])
def test_products_of_integers_are_exact(shape):
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 256, shape).astype(np.uint8), rng.integers(-128, 128, (4, 5)).astype(np.int8)
    rows = np.array([3, 200, 77], np.uint8)
    exact = (a.astype(int) - rows[:, None]) @ (b.astype(int) - 4)
    inputs = [("a", DataType.UINT8, list(shape))]
    sums = model_of([node("MatMulInteger", "a b az bz", "y")], inputs, b=b, az=rows, bz=np.int8(4))
    np.testing.assert_array_equal(sums(fastnet.tensor(a)).numpy(), exact)
    rounded = model_of([node("QLinearMatMul", "a one az b bs bz one yz", "y")], inputs, b=b, az=rows, bz=np.int8(4),
                       one=np.float32(1), bs=np.float32(2**-9), yz=np.int8(-3))
    np.testing.assert_array_equal(rounded(fastnet.tensor(a)).numpy(), np.clip(np.rint(exact * 2**-9) - 3, -128, 127))


def test_random_numbers_are_new_in_each_replay_and_follow_the_seed():
    model = model_of([node("RandomNormalLike", "x", "r"), node("Add", "x r", "y")])
    compiled, x = fastnet.compile(model, freeze=True), values(50, 3)
    with fastnet.no_grad():
        first, second = compiled(x).numpy().copy(), compiled(x).numpy()
        assert not np.array_equal(first, second)
        fastnet.manual_seed(3)
        eager = model(x).numpy().copy()
        fastnet.manual_seed(3)
        np.testing.assert_array_equal(compiled(x).numpy(), eager)


def test_a_node_with_a_seed_draws_the_same_numbers_in_the_first_runs():
    nodes = [node("RandomNormalLike", "x", "r", seed=3.0), node("Add", "x r", "y")]
    model, other, compiled = model_of(nodes), model_of(nodes), fastnet.compile(model_of(nodes), freeze=True)
    x, found = values(50, 3), []
    for run in (model, other, compiled):
        fastnet.rand(2)                 # of another stream
        with fastnet.no_grad():
            found.append([run(x).numpy().copy() for _ in range(3)])
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    assert not np.array_equal(found[0][0], found[0][1])
    assert not np.array_equal(model(x).detach().numpy(), found[0][0])          # with gradients, the stream goes on


def test_a_seed_that_is_no_number():
    for seed in (float("nan"), float("inf"), "three", [1, 2]):
        with pytest.raises(DamagedFileError, match="finite number as seed"):
            model_of([node("RandomNormalLike", "x", "y", seed=seed)])


def test_an_error_names_the_node():
    model = model_of([node("Reshape", "x s", "y")], s=np.array([7, -1]))
    with pytest.raises(RuntimeError, match="Reshape node 'the Reshape'"):
        model(values(2, 3))


def test_a_wrong_number_of_inputs():
    for made, message in ((node("Add", "x", "y"), "the Add node 'the Add': expected 2 inputs, got 1"),
                          (node("Relu", "x x", "y"), "expected 1 inputs, got 2"),
                          (node("Clip", "x x x x", "y"), "expected 1 to 3 inputs, got 4")):
        with pytest.raises(DamagedFileError, match=message):
            model_of([made])


def test_a_concatenation_without_an_axis():
    with pytest.raises(RuntimeError, match=r"Concat node 'the Concat'.*expected the attribute axis"):
        model_of([node("Concat", "x x", "y")])(values(2, 3))
    assert model_of([node("Concat", "x x", "y")], opset=3)(values(2, 3)).shape == (2, 6)


def test_an_error_of_an_input_with_another_shape_says_so():
    model = model_of([node("MatMul", "x w", "y")], w=np.ones((3, 4), np.float32))
    with pytest.raises(RuntimeError, match=r"the file describes the input x: float32 \(n, 3\) and got \(5, 2\)"):
        model(values(5, 2))


def test_an_integer_input_that_decides_selects_a_recording():
    branches = {name: graph([node(op, "x", name)], outputs=(name,))
                for name, op in (("then_branch", "Neg"), ("else_branch", "Exp"))}
    model = model_of([node("Equal", "rate sixteen", "is_sixteen"), node("If", "is_sixteen", "y", **branches)],
                     [*X, ("rate", DataType.INT64, [])], sixteen=np.array(16))
    compiled, x = fastnet.compile(model, freeze=True), values(2, 3)
    with fastnet.no_grad():
        for rate in (16, 8, 16):
            for found in (compiled(x, fastnet.tensor(rate)), compiled(rate=fastnet.tensor(rate), x=x)):
                np.testing.assert_array_equal(found.numpy(), model(x, fastnet.tensor(rate)).numpy())


@pytest.mark.parametrize("nodes", [[node("GatherND", "x i", "y")], [node("ScatterND", "x i u", "y")],
                                   [node("GatherND", "cube j", "y", batch_dims=1)]])
def test_an_index_beyond_its_dimension_is_an_error(nodes):
    model = model_of(nodes, i=np.array([[0, 4]]), j=np.array([[3], [0]]), u=np.ones(1, np.float32),
                     cube=np.zeros((2, 3, 4), np.float32))
    for run in (model, fastnet.compile(model)):
        with fastnet.no_grad(), pytest.raises(RuntimeError, match=r"index [34] at position . is out of range"):
            run(values(2, 3))


def test_a_constant_image_is_normalized_to_zeros():
    model = model_of([node("MeanVarianceNormalization", "x", "y")], [("x", DataType.FLOAT, [1, 1, 5, 5])])
    assert abs(model(fastnet.full((1, 1, 5, 5), 0.1)).numpy()).max() < 1e-3


def test_lengths_by_scales_are_products_in_float32():
    model = model_of([node("Resize", "x none scales", "y")], [("x", DataType.FLOAT, [1, 10])],
                     none=np.zeros(0, np.float32), scales=np.array([1, 0.7], np.float32))
    assert model(values(1, 10)).shape == (1, 7)


def test_a_reduction_over_no_axes_keeps_the_dtype():
    model = model_of([node("ReduceL2", "x", "y", noop_with_empty_axes=1)], [("x", DataType.INT32, [2])])
    y = model(fastnet.tensor([-2, 3], dtype=fastnet.int32))
    assert (y.dtype, y.tolist()) == (fastnet.int32, [2, 3])


def test_a_compiled_model_refuses_an_input_that_is_given_twice():
    compiled = fastnet.compile(model_of([node("NonZero", "x", "y")]))
    with pytest.raises(TypeError, match="got 1 by position and 'x' by name"):
        compiled(values(2, 3), x=values(2, 3))


def test_a_model_is_pickled():
    model = model_of([node("Add", "x w", "a"), node("Relu", "a", "y")], w=np.array([1, -1, 0], np.float32))
    x, again = values(2, 3), pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again(x).detach().numpy(), model(x).detach().numpy())
