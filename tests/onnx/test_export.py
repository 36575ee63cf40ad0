"""Options and errors of `fastnet.onnx.export`: names, open dimensions, versions, files."""
import numpy as np
import pytest
from function_module import Function
from onnx_tools import checked, compare, export_and_compare, results, session

import fastnet
from fastnet import nn
from fastnet.functional.attention import attend
from fastnet.onnx import ExportError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

rng = np.random.default_rng(7)


def normal(*shape):
    return fastnet.tensor(rng.standard_normal(shape).astype(np.float32))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.onnx"


def exported(path, function, *example, **options):
    return export_and_compare(Function(function), example, path, **options)


def operators(model):
    return [node.op_type for node in model.graph.node]


# ---- names ----------------------------------------------------------------------------------------------------------

def test_names(path):
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    made = export_and_compare(model, normal(2, 4), path)
    assert [x.name for x in made.graph.input] == ["input"] and [x.name for x in made.graph.output] == ["output"]
    assert [x.name for x in made.graph.initializer] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert operators(made) == ["Gemm", "Relu", "Gemm"] and made.graph.name == "Sequential"
    assert made.opset_import[0].version == 18 and made.ir_version == 8 and made.producer_name == "fastnet"
    export_and_compare(model, normal(2, 4), path, input_names=["image"], output_names=["scores"])
    run = session(path)
    assert [x.name for x in run.get_inputs()] == ["image"] and [x.name for x in run.get_outputs()] == ["scores"]


def test_several_outputs_and_inputs(path):
    made = exported(path, lambda x, y: {"sum": x + y, "both": [x * y, x.exp()]}, normal(2, 3), normal(3))
    assert [x.name for x in made.graph.output] == ["output_0", "output_1", "output_2"]
    fastnet.onnx.export(Function(lambda x, scale=1.0: x * scale), {"x": normal(2)}, path)
    assert results(path, [np.ones(2, np.float32)])[0].tolist() == [1, 1]


def test_outputs_that_no_node_computes(path):
    constant = normal(2, 3)
    made = exported(path, lambda x: (x, x, constant, x.exp(), x.detach()), normal(2, 3))
    assert operators(made).count("Identity") == 4
    y = None

    def twice(x):
        nonlocal y
        y = x.exp()
        return y, y, y + 1
    exported(path, twice, normal(2, 3))


def test_an_input_that_is_not_read_stays(path):
    made = exported(path, lambda x, unused: x + 1, normal(2), normal(3))
    assert len(made.graph.input) == 2


def test_what_the_outputs_do_not_need_is_left_out(path):
    def function(x):
        x.sigmoid()
        return x.exp()
    assert operators(exported(path, function, normal(2))) == ["Exp"]


@pytest.mark.parametrize("options, message", [
    ({"input_names": ["a", "b"]}, "expected 1 input_names, for input; got"),
    ({"output_names": "y"}, "expected 1 output_names, for output; got 'y'"),
    ({"input_names": [""]}, "that differ and are not empty"),
    ({"input_names": ["x"], "output_names": ["x"]}, "an input and an output have the same name 'x'"),
    ({"opset_version": 12}, "expected opset_version from 13 to 22, got 12"),
    ({"dynamic_axes": {"imput": {0: "n"}}}, "'imput', which is not an input; did you mean 'input'"),
    ({"dynamic_axes": {"input": {2: "n"}}}, "expected a dimension of shape"),
])
def test_wrong_options(options, message, path):
    with pytest.raises(ValueError, match=message):
        fastnet.onnx.export(nn.Linear(2, 2), normal(1, 2), path, **options)
    assert not path.exists()


# ---- operations that cannot be exported -----------------------------------------------------------------------------

PROJECTED = nn.LSTM(2, 3, proj_size=2).eval()


@pytest.mark.parametrize("function, message", [
    (lambda x: x.bernoulli(), "it draws random numbers"),
    (lambda x: fastnet.linalg.inv(x), "this operation cannot be written as ONNX"),
    (lambda x: fastnet.linalg.det(x), r"\(operation 'determinant' of the model, inputs of shapes \(2, 2\)\)"),
    (lambda x: PROJECTED(x), "no projection"),
])
def test_an_operation_without_a_form_in_onnx(function, message, path):
    path.write_text("old")
    with pytest.raises(ExportError, match=message):
        fastnet.onnx.export(Function(function), fastnet.tensor([[0.5, 0.25], [0.125, 0.5]]), path)
    assert path.read_text() == "old"


def test_the_error_names_the_module(path):
    model = nn.Sequential(nn.Linear(2, 2), Function(lambda x: x.digamma()))
    with pytest.raises(ExportError, match=r"operation 'special' of module '1'"):
        fastnet.onnx.export(model, normal(3, 2), path)


def test_control_flow_by_value_is_an_error(path):
    with pytest.raises(RuntimeError):
        fastnet.onnx.export(Function(lambda x: x if x.sum() > 0 else -x), normal(2), path)


# ---- files ----------------------------------------------------------------------------------------------------------

def test_equal_models_give_equal_files(path, tmp_path):
    model, x = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.GELU()), normal(1, 3, 5, 5)
    fastnet.onnx.export(model, x, path)
    fastnet.onnx.export(model, x, tmp_path / "n.onnx")
    assert path.read_bytes() == (tmp_path / "n.onnx").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.onnx", "n.onnx"]


def test_the_model_is_unchanged(path):
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5)).train()
    before = [x.numpy().copy() for x in model.state_dict().values()]
    fastnet.onnx.export(model, normal(4, 3), path)
    assert model.training and model[1].training
    for x, y in zip(before, model.state_dict().values()):
        np.testing.assert_array_equal(x, y.numpy())
    assert "Dropout" not in operators(checked(path))


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        fastnet.onnx.export(nn.Linear(2, 2), normal(1, 2), tmp_path / "nowhere" / "m.onnx")


# ---- functions ------------------------------------------------------------------------------------------------------

SORTED = fastnet.tensor([-1.0, -0.5, 0.0, 0.5])
INDEX = fastnet.tensor([[2, 0], [1, 1]])
FUNCTIONS = {
    "promoted": lambda x: x.long() + 1.5,
    "integers": lambda x: ((x * 10).long() // 3, (x * 10).long() % 3, (x * 10).int().fmod(3)),
    "quotients": lambda x: (x // 0.3, x % 0.3, x.fmod(0.3), fastnet.div(x, 0.3, rounding_mode="trunc")),
    "bools": lambda x: ((x > 0) & (x < 1), ~(x > 0), (x > 0) ^ (x < 1), (x != x).any(1), (x == x).all()),
    "rounding": lambda x: (x.round(), x.trunc(), x.floor(), x.ceil(), x.sign()),
    "logarithms": lambda x: (x.abs().log1p(), x.expm1(), x.abs().log2(), (x * x + 1).log10(), (x * x + 1).rsqrt()),
    "hyperbolic": lambda x: (x.sinh(), x.cosh(), x.asinh(), (x.abs() + 1).acosh(), x.tanh().atanh()),
    "reductions": lambda x: (x.sum(), x.mean(0), x.prod(1), x.var(1), x.std(0, unbiased=False), x.norm(), x.norm(3, 1),
                             x.amax((0, 1)), x.amin(1, keepdim=True), x.logsumexp(1), x.norm(1, 0)),
    "indices": lambda x: (x.argmax(1), x.argmin(), x.argmax(0, keepdim=True), x.max(1), x.median(1).values),
    "orders": lambda x: (x.sort(1), x.argsort(0, descending=True), x.topk(2, 1), x.kthvalue(2, 1)),
    "running": lambda x: (x.cumsum(1), x.cumprod(1), x.logcumsumexp(0), x.flip(1), x.roll(1, 0), x.roll(2)),
    "slices": lambda x: (x[1], x[:, -1], x[1:, ::2], x[None, ..., 0], x[-2:, 1:-1], x[:, None, 1]),
    "picks": lambda x: (x[INDEX], x[:, INDEX], x[INDEX, INDEX], x[INDEX[0], 1], x.index_select(1, INDEX[0])),
    "gathers": lambda x: (x[:2].gather(1, INDEX), fastnet.take_along_dim(x[:2], INDEX, 1)),
    "scatters": lambda x: (x.scatter(1, INDEX, 2.0), x.scatter_add(1, INDEX, x[:2, :2] * 1),
                           x.index_add(0, INDEX[0], x[:2] * 1), x.index_fill(1, INDEX[1], 3.0)),
    "shapes": lambda x: (x.reshape(-1), x.t(), x.unsqueeze(1).expand(-1, 2, -1), x.repeat(2, 1), x.unflatten(1, (2, 2)),
                         fastnet.stack([x, x]), fastnet.cat([x, x], 1), fastnet.chunk(x, 2, 1)),
    "pairs": lambda x: (fastnet.atan2(x, x.flip(0)), fastnet.hypot(x, -x), fastnet.logaddexp(x, x.flip(1)),
                        fastnet.copysign(x, x.flip(0)), fastnet.heaviside(x, x.abs()), x.signbit()),
    "searched": lambda x: (fastnet.searchsorted(SORTED, x), fastnet.bucketize(x, SORTED, right=True)),
    "triangles": lambda x: (x.tril(), x.triu(1), (x > 0).tril(-1)),
    "products": lambda x: (x @ x.t(), x[0] @ x[1], x[None].expand(2, 3, 4) @ x.t(), fastnet.einsum("ij,kj->ik", x, x)),
    "conditions": lambda x: (x.where(x > 0, 0.5), x.masked_fill(x > 0, -1.0), x.clamp(-0.5, 0.5), x.clamp(min=0.1),
                             x.maximum(x.flip(0)), x.minimum(-x)),
    "one_hot": lambda x: nn.functional.one_hot(x.argmax(1), 4),
    "pads": lambda x: (nn.functional.pad(x, (1, -1, 2, 0), value=3.0), nn.functional.pad(x[None], (-1, 2), "reflect")),
    "attention": lambda x: nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True),
    "attention-mask": lambda x: nn.functional.scaled_dot_product_attention(x, x, x, x[:, :3] > 0.3),
    "written": lambda x: written(x),
    "spread": lambda x: nn.functional.cosine_similarity(x[:, None], x[None], dim=2),
    "dtypes": lambda x: (x.double().exp(), x.int(), x.bool(), x.to(fastnet.uint8) * 0),
}


def written(x):
    y = x * 1
    y[1:, ::2] = 5.0
    y[0] = x[1]
    return y


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name, path):
    exported(path, FUNCTIONS[name], normal(3, 4))


def test_grid_sample(path):
    grid = fastnet.tensor(rng.uniform(-1.2, 1.2, (2, 4, 3, 2)).astype(np.float32))
    for options in ({}, {"mode": "nearest", "padding_mode": "border"},
                    {"mode": "bicubic", "align_corners": True, "padding_mode": "reflection"}):
        exported(path, lambda x, g, options=options: nn.functional.grid_sample(x, g, **options), normal(2, 3, 5, 6),
                 grid)


def test_interpolate(path):
    for options in ({"size": (7, 4), "mode": "area"}, {"scale_factor": 0.6, "mode": "bilinear", "antialias": True},
                    {"size": (3, 9), "mode": "bicubic"}, {"scale_factor": 1.5, "mode": "bicubic"},
                    {"size": (9, 4), "mode": "nearest"}):
        exported(path, lambda x, options=options: nn.functional.interpolate(x, **options), normal(2, 3, 5, 6))


# ---- open dimensions ------------------------------------------------------------------------------------------------

def runs_at(path, model, example, axes, *others, **options):
    """Export with open dimensions, and compare at the sizes of the example and of other inputs."""
    made = export_and_compare(model, example, path, dynamic_axes=axes, **options)
    for other in others:
        compare(path, model, other)
    return made


BATCH = {0: "batch"}
OPEN = {                                # module, shape without the batch
    "linear": (lambda: nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 3)), (4,)),
    "linear-3d": (lambda: nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8)), (5, 4)),
    "conv": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                                   nn.Linear(16, 2)), (3, 10, 10)),
    "pools": (lambda: nn.Sequential(nn.AvgPool2d(3, 2, 1, ceil_mode=True), nn.AdaptiveAvgPool2d(2)), (3, 7, 8)),
    "norms": (lambda: nn.Sequential(nn.GroupNorm(2, 4), nn.InstanceNorm2d(4)), (4, 5, 6)),
    "upsampled": (lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.Upsample((7, 9), mode="bilinear")), (2, 3, 4)),
    "transposed": (lambda: nn.ConvTranspose2d(3, 4, 3, 2, 1, 1), (3, 5, 5)),
    "lstm": (lambda: nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True), (6, 4)),
    "gru": (lambda: nn.GRU(4, 5, batch_first=True), (6, 4)),
    "encoder": (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2), (5, 8)),
    "shuffle": (lambda: nn.Sequential(nn.PixelShuffle(2), nn.ChannelShuffle(1), nn.PixelUnshuffle(2)), (8, 3, 4)),
    "windows": (lambda: nn.Sequential(nn.Unfold(2), nn.Fold((4, 5), 2)), (3, 4, 5)),
    "pads": (lambda: nn.Sequential(nn.ReflectionPad2d(1), nn.CircularPad2d(1), nn.ZeroPad2d((1, 0, 2, 1))), (3, 4, 5)),
    "sliced": (lambda: Function(lambda x: fastnet.cat([x[:, :2], x[:, -1:].flip(0), x[:, 1:2] * x.mean()], 1)), (4,)),
    "last": (lambda: Function(lambda x: (x[-1], x[1:].sum(), x.reshape(-1, 2), x.reshape(x.shape[0] * 2, -1))), (4, 3)),
    "made": (lambda: Function(lambda x: x + fastnet.ones(len(x), 1) + fastnet.arange(x.shape[0]).unsqueeze(1)), (4,)),
    "attention": (lambda: Function(lambda x: nn.functional.scaled_dot_product_attention(x, x, x)), (2, 5, 4)),
    "ends": (lambda: Function(lambda x: x.reshape(-1)[:x.shape[0] * 2 + 1].unsqueeze(0).expand(2, -1) * 1), (4,)),
    "square": (lambda: Function(lambda x: x @ x.t()), (4,)),
}


@pytest.mark.parametrize("name", OPEN)
def test_an_open_batch(name, path):
    make, shape = OPEN[name]
    made = runs_at(path, make().eval(), (normal(2, *shape),), {name_of_input(name): BATCH},
                   (normal(1, *shape),), (normal(7, *shape),))
    assert made.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


NETS = ("ends", "sliced", "last", "made", "attention", "square")


def name_of_input(name):
    return "src" if name == "encoder" else "args.0" if name in NETS else "input"


def test_open_lengths(path):
    model = nn.LSTM(4, 5, batch_first=True)
    runs_at(path, model, (normal(2, 6, 4),), {"input": {1: "time"}}, (normal(2, 1, 4),), (normal(2, 9, 4),))
    runs_at(path, model, (normal(2, 6, 4),), {"input": {0: "batch", 1: "time"}}, (normal(3, 1, 4),), (normal(1, 9, 4),))
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    runs_at(path, encoder, (normal(2, 6, 8),), {"src": {0: "batch", 1: "time"}}, (normal(3, 1, 8),), (normal(1, 9, 8),))
    conv = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                         nn.Flatten())
    runs_at(path, conv, (normal(2, 3, 6, 5),), {"input": {0: "n", 2: "h", 3: "w"}}, (normal(1, 3, 8, 12),))


def test_open_dimensions_by_position_and_of_outputs(path):
    model = nn.Linear(4, 3)
    made = runs_at(path, model, (normal(1, 4),), {"x": [0], "y": {0: "n"}}, (normal(5, 4),), input_names=["x"],
                   output_names=["y"])
    assert made.graph.output[0].type.tensor_type.shape.dim[0].dim_param == "x_0"


def test_shapes_are_computed_only_where_they_are_needed(path):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(64, 2))
    made = runs_at(path, model, (normal(1, 3, 6, 6),), {"input": BATCH}, (normal(4, 3, 6, 6),))
    assert operators(made) == ["Conv", "Reshape", "Gemm"]
    made = runs_at(path, Function(lambda x: x.unsqueeze(1).expand(-1, 3, -1)), (normal(2, 4),), {"args.0": BATCH},
                   (normal(5, 4),))
    assert operators(made).count("Shape") == 1


def test_parts_of_open_lengths(path):
    axes = {"args.0": {0: "n", 1: "m"}}
    last = Function(lambda x: x.reshape(-1)[x.shape[0] * x.shape[1] + x.shape[0] - 1])
    runs_at(path, last, (normal(7, 2, 3),), axes, (normal(3, 5, 3),))
    runs_at(path, Function(lambda x: fastnet.roll(x, (5, -5), (0, 1))), (normal(7, 6),), axes, (normal(3, 2),))
    runs_at(path, nn.PixelUnshuffle(2), (normal(1, 3, 4, 4),), {"input": {0: "n", 2: "h", 3: "w"}},
            (normal(2, 3, 8, 6),))


@pytest.mark.parametrize("n, scale, mode", [(100, 0.29, "nearest"), (10, 0.7, "nearest"), (10, 0.7, "bilinear")])
def test_the_length_by_a_scale_is_that_of_the_model(n, scale, mode, path):
    """100 * 0.29 is less than 29, but not if the product is rounded to float32; 10 * 0.7 is 7 only if it is."""
    x = normal(1, 1, n, n)
    exported(path, lambda x: nn.functional.interpolate(x, None, scale, mode), x)
    assert fastnet.onnx.load(path)(x).shape == nn.functional.interpolate(x, None, scale, mode).shape


def test_masks_that_together_leave_out_all_keys(path):
    mask = fastnet.zeros(1, 1, 4, 4)
    mask[..., 0] = -float("inf")
    exported(path, lambda x: attend(x, x, x, mask, 0.0, 0, 0.5), normal(1, 1, 4, 8))
