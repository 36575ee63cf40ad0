"""fastnet.onnx.load: names, errors, control flow, training."""
import copy

import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.onnx import DamagedFileError, UnsupportedError, load, supported_operators
from fastnet.onnx.attributes import KNOWN

pytest.importorskip("onnx")
from onnx import defs, parser


def model_of(text, opset=18):
    """The model of a graph in ONNX's text form."""
    made = parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> {text}')
    return load(made.SerializeToString())


LINEAR = """
    g (float[N, 3] x) => (float[N, 2] y) <float[3, 2] weight = {1, 2, 3, 4, 5, 6}, float[2] bias = {1, -1}> {
        h = MatMul(x, weight)
        y = Add(h, bias)
    }"""


def test_names_and_values():
    model = model_of(LINEAR)
    assert model.input_names == ("x",) and model.output_names == ("y",)
    assert [(name, p.shape) for name, p in model.named_parameters()] == [("weight", (3, 2)), ("bias", (2,))]
    assert sorted(model.state_dict()) == ["bias", "weight"]
    y = model(fastnet.ones(1, 3))
    assert y.tolist() == [[10, 11]]
    assert model(x=fastnet.ones(1, 3)).tolist() == y.tolist()
    assert not model.training
    assert "4 nodes" not in repr(model) and "2 nodes" in repr(model)


def test_names_with_dots():
    made = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 18]> {LINEAR}')
    for node in made.graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = name.replace("weight", "layer.0/weight")
    made.graph.initializer[0].name = "layer.0/weight"
    model = load(made.SerializeToString())
    assert model.get_parameter("layer.0/weight").shape == (3, 2)
    model.load_state_dict(copy.deepcopy(model).state_dict())


@pytest.mark.parametrize("name", ["training", "inference", "program", "inputs", "_arrays", "input_names", "forward"])
def test_names_of_attributes(name):
    model = model_of(LINEAR.replace("weight", name))
    assert model.train().training and not model.eval().training and name in model.state_dict()
    assert model(fastnet.ones(1, 3)).tolist() == [[10.0, 11.0]] and copy.deepcopy(model).train().training


@pytest.mark.parametrize("args, named, message", [
    ((), {}, "expected the inputs x: float32 .N, 3.; got 0 by position"),
    ((fastnet.ones(1, 3), fastnet.ones(1, 3)), {}, "got 2 by position"),
    ((fastnet.ones(1, 3),), {"x": fastnet.ones(1, 3)}, "got 1 by position and 'x' by name"),
    ((), {"z": fastnet.ones(1, 3)}, "'z' by name"),
    ((fastnet.ones(1, 3, dtype="float64"),), {}, "input 'x': expected float32, got float64"),
    (([1.0],), {}, "input 'x': expected a tensor, got list"),
])
def test_wrong_inputs(args, named, message):
    with pytest.raises(TypeError, match=message):
        model_of(LINEAR)(*args, **named)


def test_wrong_rank():
    with pytest.raises(ValueError, match="input 'x': expected 2 dimensions"):
        model_of(LINEAR)(fastnet.ones(3))


def test_an_error_names_the_node():
    with pytest.raises(RuntimeError, match=r"MatMul node 'h', inputs .float32 .1, 4., float32 .3, 2..: "):
        model_of(LINEAR)(fastnet.ones(1, 4))


@pytest.mark.parametrize("text, message", [
    ("g (float[N] x) => (float[N] y) { y = Relu(z) }", "Relu node 'y' reads the value 'z', which nothing computes"),
    ("g (float[N] x) => (float[N] z) { y = Relu(x) }", "output reads the value 'z'"),
    ("g (float[N] x) => (float[N] y) { y = Relu(x) y = Relu(x) }", "expected one definition of the value 'y', got two"),
    ("g (float[N] x) => (float[N] y) { y = Relu(z) z = Relu(y) }", "depend on themselves, got 2 nodes"),
    ("g (float[N] x) => (float[N] y) { y = LeakyRelu <alfa = 0.5> (x) }",
     "LeakyRelu node 'y': expected the attributes alpha, consumed_inputs, got 'alfa'; did you mean 'alpha'"),
    ("g (float[N] x) => (float[N] y) { y = Tan <axis = 1> (x) }", r"expected the attributes \(none\), got 'axis'"),
])
def test_invalid_graphs(text, message):
    with pytest.raises(DamagedFileError, match=message):
        model_of(text)


def test_the_attributes_of_an_operator_are_those_of_onnx():
    known = {}
    for schema in defs.get_all_schemas_with_history():
        known.setdefault(f"{schema.domain}.{schema.name}".lstrip("."), set()).update(schema.attributes)
    assert set(supported_operators()) <= KNOWN.keys()
    for operator, attributes in KNOWN.items():
        if not operator.startswith("com.microsoft."):
            assert set(attributes) == known[operator], operator


def test_attributes_of_other_programs_are_ignored():
    model = model_of("g (float[N] x) => (float[N] y) { y = Relu <__note = 1> (x) }")
    assert model(fastnet.tensor([-1.0])).tolist() == [0]


def test_unsupported_operators_are_listed_once():
    with pytest.raises(UnsupportedError) as e:
        model_of("""g (float[N] x) => (float[N] y) {
            a = NoSuch(x)
            b = NoSuch(a)
            y = NeitherThis(b)
        }""")
    assert str(e.value) == ("the model uses operators that fastnet does not support: NeitherThis (1 node: 'y'); "
                            "NoSuch (2 nodes: 'a', 'b')")


def test_unsupported_types():
    with pytest.raises(UnsupportedError, match="input 'x' has the type STRING"):
        model_of("g (string[N] x) => (string[N] y) { y = Identity(x) }")
    with pytest.raises(UnsupportedError, match="input 'x': expected a tensor, got sequence"):
        model_of("g (seq(float[N]) x) => (seq(float[N]) y) { y = Identity(x) }")


def test_nodes_in_any_order():
    model = model_of("g (float[N] x) => (float[N] y) { y = Neg(a) a = Relu(x) }")
    assert model(fastnet.tensor([-1.0, 2.0])).tolist() == [0, -2]


def test_versions_of_an_operator():
    text = "g (float[N, 2, 2] x) => (float[N, 2, 2] y) { y = Softmax(x) }"
    x = fastnet.randn(3, 2, 2)
    assert fastnet.allclose(model_of(text, 11)(x).sum((1, 2)), fastnet.ones(3))
    assert fastnet.allclose(model_of(text, 13)(x).sum(2), fastnet.ones(3, 2))


def test_functions_are_expanded():
    made = parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 18, "local" : 1]>
        g (float[N] x) => (float[N] y) { a = local.Twice <slope = 0.5> (x) y = local.Twice <slope = 0.1> (a) }
        <domain: "local", opset_import: ["" : 18]>
        Twice <slope> (x) => (y) { h = LeakyRelu <alpha: float = @slope> (x) y = Add(h, h) }""")
    model = load(made.SerializeToString())
    assert np.allclose(model(fastnet.tensor([-1.0, 2.0])).tolist(), [-0.2, 8])


def test_shape_arithmetic_is_constant_in_a_recording():
    model = model_of("""g (float[A, B] x) => (int64[1] n, float[C] y) {
        n = Shape <start = 1> (x)
        two = Constant <value_ints = [2]> ()
        shape = Mul(n, two)
        half = Constant <value_ints = [-1]> ()
        all = Concat <axis = 0> (half, shape)
        z = Reshape(x, all)
        y = ReduceSum <keepdims = 0> (z)
    }""")
    compiled = fastnet.compile(model, freeze=True)
    with fastnet.no_grad():
        for rows in (2, 4, 2):
            n, y = compiled(fastnet.ones(rows, 3))
            assert (n.tolist(), y.item()) == ([3], 3 * rows)
    assert len(compiled) == 2
    assert [node.operation for node in fastnet.graph.trace(model, fastnet.ones(2, 3)).nodes][-1] == "sum"


def test_a_model_is_traced_and_exported_again(tmp_path):
    model, x = model_of(LINEAR), fastnet.randn(4, 3)
    fastnet.onnx.export(model, x, tmp_path / "again.onnx")
    assert fastnet.allclose(load(tmp_path / "again.onnx")(x), model(x))


# ---- control flow ----------------------------------------------------------------------------------------------------

IF = """g (bool b, float[N] x) => (float[N] y) {
    y = If (b) <then_branch = t () => (float[N] p) { p = Relu(x) }, else_branch = e () => (float[N] q) { q = Neg(x) }>
}"""
IF_OF_DATA = """g (float[N] x) => (float[N] z) {
    total = ReduceSum <keepdims = 0> (x)
    zero = Constant <value_float = 0.0> ()
    positive = Greater(total, zero)
    h = Exp(x)
    y = If (positive) <
        then_branch = t () => (float[N] p) { p = Sqrt(h) },
        else_branch = e () => (float[N] q) { q = Neg(h) }>
    z = Add(y, x)
}"""
LOOP = """g (int64 n, float[N] x) => (float[N] y, float[K, N] all) {
    yes = Constant <value = bool {1}> ()
    y, all = Loop (n, yes, x) <body = b (int64 i, bool c, float[N] v) => (bool d, float[N] w, float[N] u) {
        d = Identity(c)
        k = Cast <to = 1> (i)
        w = Add(v, k)
        u = Mul(w, w)
    }>
}"""
LOOP_ON_DATA = """g (float[N] x) => (float[N] y) {
    yes = Constant <value = bool {1}> ()
    y = Loop (, yes, x) <body = b (int64 i, bool c, float[N] v) => (bool d, float[N] w) {
        two = Constant <value_float = 2.0> ()
        w = Mul(v, two)
        total = ReduceSum <keepdims = 0> (w)
        most = Constant <value_float = 20.0> ()
        d = Less(total, most)
    }>
}"""


def test_if():
    model = model_of(IF)
    x = fastnet.tensor([-1.0, 2.0])
    for run in (model, fastnet.compile(model, freeze=True)):
        with fastnet.no_grad():
            for flag, expected in ((True, [0, 2]), (False, [1, -2]), (True, [0, 2])):
                assert run(fastnet.tensor(flag), x).tolist() == expected


def test_if_on_data():
    model = model_of(IF_OF_DATA)
    compiled = fastnet.compile(model, freeze=True)
    for values in ([1.0, 2.0], [-1.0, -2.0], [3.0, 1.0], [-2.0, 1.0], [1.0]):
        x = np.array(values, np.float32)
        h = np.exp(x)
        expected = (np.sqrt(h) if x.sum() > 0 else -h) + x
        with fastnet.no_grad():
            for run in (model, compiled):
                assert np.allclose(run(fastnet.from_numpy(x)).numpy(), expected)


def test_loop():
    model = model_of(LOOP)
    compiled = fastnet.compile(model, freeze=True)
    x = fastnet.tensor([0.0, 1.0])
    with fastnet.no_grad():
        for run in (model, compiled, compiled):
            y, every = run(fastnet.tensor(3), x)
            assert (y.tolist(), every.tolist()) == ([3, 4], [[0, 1], [1, 4], [9, 16]])
            y, every = run(fastnet.tensor(1), x)
            assert (y.tolist(), every.tolist()) == ([0, 1], [[0, 1]])


def test_loop_on_data():
    model = model_of(LOOP_ON_DATA)
    compiled = fastnet.compile(model, freeze=True)
    with fastnet.no_grad():
        for values, expected in (([1.0], [32.0]), ([30.0], [60.0]), ([2.0, 1.0], [16.0, 8.0])):
            for run in (model, compiled):
                assert run(fastnet.tensor(values)).tolist() == expected


def test_the_condition_of_a_body_counts_without_one_at_the_start():
    model = model_of(LOOP_ON_DATA.replace("float[N] x) =>", "float[N] x, int64 n) =>", 1).replace(
        "Loop (, yes, x)", "Loop (n, , x)"))
    for run in (model, fastnet.compile(model, freeze=True)):
        with fastnet.no_grad():
            assert run(fastnet.tensor([1.0]), fastnet.tensor(30)).tolist() == [32]
            assert run(fastnet.tensor([1.0]), fastnet.tensor(2)).tolist() == [4]


def test_names_of_branches_that_clash():
    model = model_of("""g (bool b, float[N] x) => (float[N] y) {
        y = If (b) <
            then_branch = t () => (float[N] p) <float[2] w = {1, 2}> { p = Mul(x, w) },
            else_branch = e () => (float[N] p) <float[2] w = {3, 4}> { p = Mul(x, w) }>
    }""")
    x = fastnet.ones(2)
    assert model(fastnet.tensor(True), x).tolist() == [1, 2]
    assert model(fastnet.tensor(False), x).tolist() == [3, 4]
    assert len(list(model.parameters())) == 2


# ---- training --------------------------------------------------------------------------------------------------------

def network():
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(4 * 4 * 4, 3))


@pytest.fixture
def exported(tmp_path):
    """A network and its copy from an ONNX file."""
    fastnet.manual_seed(0)
    model = network().eval()
    fastnet.onnx.export(model, fastnet.randn(30, 1, 8, 8), tmp_path / "m.onnx")
    return model, load(tmp_path / "m.onnx")


def test_gradients_are_those_of_the_source(exported):
    source, loaded = exported
    x, labels = fastnet.randn(30, 1, 8, 8), fastnet.tensor([0, 1, 2] * 10)
    for model in (source, loaded):
        nn.functional.cross_entropy(model(x), labels).backward()
    theirs = {p.shape: p.grad for p in source.parameters() if p.ndim > 1}
    for p in loaded.parameters():
        if p.ndim > 1:
            expected = theirs[p.shape] if p.shape in theirs else theirs[p.shape[::-1]].t()
            assert fastnet.allclose(p.grad, expected, atol=1e-6)


def test_training_continues(exported):
    _, model = exported
    model.train()
    x = fastnet.randn(30, 1, 8, 8)
    labels = (x.mean((1, 2, 3)) * 8).clamp(-1, 1).round().long() + 1
    optimizer = fastnet.optim.Adam(model.parameters(), lr=0.01)

    def step(x, labels):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss
    losses = [step(x, labels).item() for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]
    step = fastnet.compile(step)
    assert step(x, labels).item() < losses[-1] * 1.2
    model.eval()
    assert model(x).shape == (30, 3)


def test_the_mode_of_the_model_decides_in_a_file_for_training():
    model = model_of("""
        g (float[N, 2] x) => (float[N, 2] y) <float[2] scale = {1, 2}, float[2] shift = {0, 1}, float[2] mean = {1, 1},
            float[2] var = {4, 9}, float ratio = {0.5}, bool on = {1}> {
            h, new_mean, new_var = BatchNormalization<training_mode=1>(x, scale, shift, mean, var)
            y = Dropout(h, ratio, on)
        }""")
    x = fastnet.randn(64, 2)
    expected = (x - 1) / fastnet.tensor([4.0, 9.0]).add(1e-5).sqrt() * fastnet.tensor([1.0, 2.0]) + fastnet.tensor(
        [0.0, 1.0])
    np.testing.assert_allclose(model(x).detach().numpy(), expected.numpy(), atol=1e-6)
    assert model.train()(x).eq(0).any() and model.get_buffer("mean").numpy()[0] < 1
    assert not model.eval()(x).eq(0).any()


def test_the_weights_of_a_loaded_model_are_saved(tmp_path):
    model, path = model_of(LINEAR), tmp_path / "m.safetensors"
    with fastnet.no_grad():
        model.get_parameter("weight").add_(1)
    with pytest.warns(UserWarning, match=r"fastnet\.load\(path, model=fastnet\.onnx\.load\(FILE\)\)"):
        model.save(path)
    with pytest.raises(ValueError, match=r"architecture is the ONNX file: use fastnet\.load"):
        fastnet.load(path)
    assert fastnet.load(path, model=model_of(LINEAR)).get_parameter("weight")[0].tolist() == [2, 3]


@pytest.mark.parametrize("operator", ["Conv", "ConvTranspose"])
def test_a_kernel_shape_that_the_weight_does_not_have(operator):
    model = model_of(f"""
        g (float[1, 1, 8, 8] x, float[1, 1, 3, 3] w) => (float[1, 1, N, M] y) {{
            y = {operator}<kernel_shape=[5, 5]>(x, w)
        }}""")
    with pytest.raises(RuntimeError, match=rf"{operator} node .*kernel_shape \(5, 5\), got shape \(1, 1, 3, 3\)"):
        model(fastnet.ones(1, 1, 8, 8), fastnet.ones(1, 1, 3, 3))
