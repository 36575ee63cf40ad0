"""Saved models: loading restores them, or the file says why it cannot."""
import json

import numpy as np
import pytest
from module_tools import assert_equal, values
from saving_tools import pack, small_model, unpack

import fastnet
from fastnet import nn
from fastnet.nn import architecture

pytestmark = pytest.mark.usefixtures("backend")


def again(model, path):
    """The model, saved and loaded."""
    model.save(path)
    loaded = fastnet.load(path)
    assert type(loaded) is type(model) and not any(m.training for m in loaded.modules())
    assert_equal(values(loaded), values(model))
    assert repr(loaded) == repr(model)
    assert [p.requires_grad for p in loaded.parameters()] == [p.requires_grad for p in model.parameters()]
    assert architecture.describe(loaded) == architecture.describe(model)
    return loaded


# ---- every module ---------------------------------------------------------------------------------------------------

def weights():
    return fastnet.tensor([0.5, 2.0])


MODULES = [
    nn.SELU(inplace=True),
    nn.CELU(0.5, inplace=True),
    nn.GLU(0),
    nn.Hardshrink(0.3),
    nn.PReLU(3, 0.1),
    nn.RReLU(0.1, 0.2, True),
    nn.Softmax2d(),
    nn.Softmin(1),
    nn.Softshrink(0.3),
    nn.Tanhshrink(),
    nn.Threshold(0.1, 0.7, True),
    nn.Bilinear(2, 3, 4, bias=False),
    nn.CosineSimilarity(0, 1e-6),
    nn.PairwiseDistance(1.0, 0.0, True),
    nn.HingeEmbeddingLoss(0.5, reduction="sum"),
    nn.MarginRankingLoss(0.5, reduction="sum"),
    nn.CosineEmbeddingLoss(0.5, reduction="sum"),
    nn.TripletMarginLoss(0.5, 1.0, 1e-5, True, reduction="sum"),
    nn.SoftMarginLoss(reduction="sum"),
    nn.MultiLabelMarginLoss(reduction="sum"),
    nn.MultiLabelSoftMarginLoss(weights(), reduction="sum"),
    nn.MultiMarginLoss(2, 0.5, weights(), reduction="sum"),
    nn.GaussianNLLLoss(full=True, eps=1e-5, reduction="sum"),
    nn.PoissonNLLLoss(False, True, eps=1e-5, reduction="sum"),
    nn.ClipLoss(True, True, True, 0, 1, True),
    nn.SigLipLoss(True, dist_impl="gather"),
    nn.RNN(2, 3, 2, nonlinearity="relu", bias=False),
    nn.LSTM(2, 4, 2, batch_first=True, dropout=0.25, bidirectional=True, proj_size=3),
    nn.GRU(2, 3, bidirectional=True, bias=False),
    nn.RNNCell(2, 3, nonlinearity="relu"),
    nn.LSTMCell(2, 3, bias=False),
    nn.GRUCell(2, 3, bias=False),
    nn.ChannelShuffle(3),
    nn.Fold((4, 5), 2, dilation=(1, 2), padding=1, stride=2),
    nn.Unfold((2, 3), dilation=2, padding=(0, 1)),
    nn.PixelShuffle(3),
    nn.PixelUnshuffle(2),
    nn.Upsample((2, 3), mode="bilinear", align_corners=False),
    nn.Upsample(5, mode="linear"),
    nn.Upsample(scale_factor=(1.5, 2), recompute_scale_factor=True),
    nn.UpsamplingBilinear2d(4),
    nn.UpsamplingNearest2d(scale_factor=2),
    nn.CircularPad1d((1, 2)),
    nn.CircularPad2d((2, 0, 1, -2)),
    nn.CircularPad3d(3),
    nn.ConstantPad1d((1, 2), 3.5),
    nn.ConstantPad2d((2, 0, 1, -2), 3.5),
    nn.ConstantPad3d(3, 3.5),
    nn.ReflectionPad1d((1, 2)),
    nn.ReflectionPad2d((2, 0, 1, -2)),
    nn.ReflectionPad3d(3),
    nn.ReplicationPad1d((1, 2)),
    nn.ReplicationPad2d((2, 0, 1, -2)),
    nn.ReplicationPad3d(3),
    nn.ZeroPad1d((1, 2)),
    nn.ZeroPad2d((2, 0, 1, -2)),
    nn.ZeroPad3d(3),
    nn.AdaptiveAvgPool1d(3),
    nn.AdaptiveAvgPool2d((None, 2)),
    nn.AdaptiveAvgPool3d([1, None, 2]),
    nn.AdaptiveMaxPool1d(2),
    nn.AdaptiveMaxPool2d((2, None), return_indices=True),
    nn.AdaptiveMaxPool3d(1),
    nn.AvgPool1d(2, 1, 1, True, False),
    nn.AvgPool2d((2, 1), divisor_override=3),
    nn.AvgPool3d(2, padding=(1, 0, 1)),
    nn.BCELoss(weights(), reduction="sum"),
    nn.BCEWithLogitsLoss(weights(), pos_weight=weights()),
    nn.BCEWithLogitsLoss(),
    nn.BatchNorm1d(3, eps=1e-3, momentum=None),
    nn.BatchNorm1d(3, affine=False),
    nn.BatchNorm1d(3, bias=False, track_running_stats=False),
    nn.BatchNorm1d(3, dtype=fastnet.float64),
    nn.BatchNorm2d(3, eps=1e-3, momentum=None),
    nn.BatchNorm3d(3, affine=False),
    nn.InstanceNorm1d(3, affine=True, bias=False),
    nn.InstanceNorm2d(3, eps=1e-3, momentum=None, track_running_stats=True),
    nn.InstanceNorm3d(3),
    nn.GroupNorm(3, 6, eps=1e-3, bias=False),
    nn.GroupNorm(1, 3, affine=False, dtype=fastnet.float64),
    nn.LocalResponseNorm(5, 0.5, 0.25, 2.0),
    nn.CrossEntropyLoss(weights(), ignore_index=7, label_smoothing=0.25),
    nn.CrossEntropyLoss(reduction="none"),
    nn.CTCLoss(2, "sum", True),
    nn.AlphaDropout(0.25, inplace=True),
    nn.Dropout(0.125, inplace=True),
    nn.Dropout1d(0.25, inplace=True),
    nn.Dropout2d(0.125, inplace=True),
    nn.Dropout3d(0.25, inplace=True),
    nn.FeatureAlphaDropout(0.125, inplace=True),
    nn.ELU(0.5),
    nn.Embedding(5, 3, padding_idx=-1),
    nn.Embedding(5, 3),
    nn.EmbeddingBag(5, 3, 2.0, 1.0, True, "max", True, None, True, 1),
    nn.Flatten(0, 2),
    nn.GELU("tanh"),
    nn.Hardtanh(-2, float("inf")),
    nn.HuberLoss("sum", 0.5),
    nn.Identity(5, x=1),
    nn.KLDivLoss(reduction="batchmean", log_target=True),
    nn.L1Loss(),
    nn.LayerNorm((2, 3), eps=1e-3),
    nn.AdaptiveLogSoftmaxWithLoss(16, 40, (5, 20), 2.0, True),
    nn.MultiheadAttention(8, 2, 0.1, False, True, True, kdim=4, batch_first=True),
    nn.TransformerEncoderLayer(8, 2, 16, 0.2, "gelu", 1e-3, True, True, False),
    nn.TransformerDecoderLayer(8, 2, 16, dtype=fastnet.float64),
    nn.Transformer(8, 2, 2, 1, 16, norm_first=True),
    nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2, nn.LayerNorm(8), mask_check=False),
    nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, dtype=fastnet.float64), 2),
    nn.LayerNorm(4, bias=False),
    nn.LayerNorm(4, elementwise_affine=False),
    nn.LeakyReLU(0.25),
    nn.Conv1d(2, 4, 3, padding="same", groups=2),
    nn.Conv2d(2, 4, (3, 1), 2, (1, 0), (1, 2), bias=False),
    nn.Conv3d(1, 2, 2, padding_mode="circular", padding=1),
    nn.ConvTranspose1d(2, 4, 3, stride=2, output_padding=1),
    nn.ConvTranspose2d(2, 4, (3, 2), groups=2, dilation=(1, 2)),
    nn.ConvTranspose3d(1, 2, 2, bias=False),
    nn.Linear(3, 2),
    nn.Linear(3, 2, bias=False),
    nn.Linear(0, 2, dtype=fastnet.float64),
    nn.LogSigmoid(),
    nn.LogSoftmax(-1),
    nn.MSELoss(reduction="none"),
    nn.Mish(inplace=True),
    nn.ModuleDict({"x": nn.Tanh(), "y": nn.Linear(1, 1)}),
    nn.ModuleList([nn.Linear(2, 2), nn.Tanh()]),
    nn.NLLLoss(weights(), ignore_index=1),
    nn.ParameterList([fastnet.ones(2), fastnet.zeros(1, 3, dtype=fastnet.float64)]),
    nn.ParameterList(),
    nn.RMSNorm(4),
    nn.RMSNorm([4], eps=1e-3),
    nn.RMSNorm(4, elementwise_affine=False),
    nn.ReLU(inplace=True),
    nn.ReLU6(),
    nn.Hardswish(inplace=True),
    nn.Hardsigmoid(inplace=True),
    nn.Sequential(),
    nn.Sequential({"one": nn.Linear(1, 1), "two": nn.Sequential(nn.Tanh())}),
    nn.SiLU(),
    nn.Sigmoid(),
    nn.SmoothL1Loss(beta=0.0),
    nn.Softmax(),
    nn.Softmax(np.int64(1)),
    nn.Softplus(2, 10),
    nn.Softsign(),
    nn.LPPool1d(2.5, 3, 1),
    nn.LPPool2d(2, (1, 2), ceil_mode=True),
    nn.LPPool3d(1, 2),
    nn.MaxPool1d(2, ceil_mode=True),
    nn.MaxPool2d((3, 2), (2, 1), [1, 0], dilation=2, return_indices=True),
    nn.FractionalMaxPool2d(2, [3, 2], return_indices=True),
    nn.FractionalMaxPool3d([2, 1, 2], output_ratio=[0.5, 0.6, 0.7]),
    nn.MaxPool3d(2),
    nn.MaxUnpool1d(2, 3, 1),
    nn.MaxUnpool2d((2, 1)),
    nn.MaxUnpool3d(2),
    nn.Tanh(),
    nn.Unflatten(1, [2, -1]),
]


@pytest.mark.parametrize("model", MODULES, ids=lambda model: type(model).__name__)
def test_every_module_is_restored(model, path):
    loaded = again(model, path)
    for name in set(model.__dict__) - {"_parameters", "_buffers", "_modules", "_training", "_recorded"}:
        assert loaded.__dict__[name] == model.__dict__[name], name


def test_no_module_is_left_out():
    composed = {"AdaptiveLogSoftmaxWithLoss", "MultiheadAttention", "Transformer", "TransformerDecoder",
                "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer"}
    saved = {name for name in architecture.MODULES if not name.startswith("Lazy")}      # without sizes yet
    without_architecture = {"ParameterDict", "TripletMarginWithDistanceLoss"}           # a function is an argument
    assert {type(m).__name__ for m in MODULES} == saved - without_architecture | composed
    assert {"Linear", "CrossEntropyLoss", "Sequential"} <= set(architecture.MODULES)


# ---- whole models ---------------------------------------------------------------------------------------------------

def test_a_model_computes_the_same_bits(path):
    model = small_model().eval()
    x = fastnet.randn(5, 4)
    loaded = again(model, path)
    assert (loaded(x) == model(x)).all()
    loaded = again(model.double(), path)
    assert loaded[0].weight.dtype == fastnet.float64 and (loaded(x.double()) == model(x.double())).all()


def test_current_settings_are_saved(path):
    model = nn.Sequential(nn.Dropout(0.5), nn.LeakyReLU(), nn.Linear(2, 2))
    model[0].p, model[1].negative_slope, model[1].inplace, model[2].bias = 0.25, 1, 1, None
    loaded = again(model, path)
    assert loaded[0].p == 0.25 and loaded[1].inplace is True and loaded[2].bias is None


def test_tied_parameters_stay_tied(path):
    model = small_model()
    loaded = again(model.train(), path)
    assert loaded[5].weight is loaded[0].weight and loaded[3] is loaded[1]
    assert len(list(loaded.parameters())) == len(list(model.parameters()))
    shared = nn.Linear(2, 2)
    loaded = again(nn.Sequential(shared, nn.Sequential(nn.Tanh(), shared), shared), path)
    assert loaded[0] is loaded[1][1] and loaded[0] is loaded[2]
    act = nn.Tanh()
    loaded = again(nn.Sequential(*[act] * 1000), path)
    assert all(m is loaded[0] for m in loaded)


def test_frozen_parameters_stay_frozen(path):
    loaded = again(small_model(), path)
    assert [k for k, p in loaded.named_parameters() if not p.requires_grad] == ["a.bias"]


def test_a_loaded_model_trains_like_the_saved_one(path):
    def train(model):
        model.train()
        optimizer = fastnet.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
        fastnet.manual_seed(3)
        for _ in range(3):
            optimizer.zero_grad()
            (model(fastnet.ones(4, 4)) ** 2).sum().backward()
            optimizer.step()
        return values(model)
    model = small_model()
    loaded = again(model, path)
    assert_equal(train(loaded), train(model))


def test_saving_and_loading_change_no_random_state_and_no_mode(path):
    model = small_model()
    before = fastnet.get_rng_state()
    model.save(path)
    fastnet.load(path)
    after = fastnet.get_rng_state()
    assert str(before) == str(after) and model.training


def test_equal_models_give_equal_files(path):
    model = small_model()
    model.save(path, {"b": 1, "a": 2})
    first = path.read_bytes()
    fastnet.load(path).save(path, {"b": 1, "a": 2})
    assert path.read_bytes() == first
    header, body = unpack(first)
    assert set(header) - {"__metadata__"} == set(model.state_dict()) and len(first) - len(body) & 7 == 0
    assert json.loads(header["__metadata__"]["fastnet"])["format"] == 1


# ---- loading into an existing model ---------------------------------------------------------------------------------

def test_errors_list_keys_and_shapes_of_another_architecture(path):
    nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2, bias=False)).save(path)
    model = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
    before = values(model)
    with pytest.raises(RuntimeError) as e:
        fastnet.load(path, model=model)
    for words in (str(path), "Missing key(s) in state_dict: '1.bias'",
                  "0.weight: the state_dict has shape (4, 3), the model (5, 3)", "1.weight", "0.bias"):
        assert words in str(e.value)
    assert_equal(values(model), before)
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\) in state_dict: '0.bias'"):
        fastnet.load(path, model=nn.Sequential(nn.Linear(3, 4, bias=False), nn.Linear(4, 2, bias=False)))
    with pytest.raises(TypeError, match="expected model to be a Module, got dict"):
        fastnet.load(path, model={})


def test_a_file_of_a_version_with_fewer_arguments(path):
    """Missing arguments get their defaults."""
    nn.Embedding(3, 2).save(path)
    header, body = unpack(path.read_bytes())
    about = json.loads(header["__metadata__"]["fastnet"])
    for name in ("max_norm", "norm_type", "scale_grad_by_freq", "sparse"):
        about["model"]["arguments"].pop(name, None)
    path.write_bytes(pack({**header, "__metadata__": {"fastnet": json.dumps(about)}}, body))
    assert fastnet.load(path).max_norm is None


def test_weights_are_cast_to_the_model(path):
    model = nn.Linear(3, 2)
    model.save(path)
    loaded = fastnet.load(path, model=nn.Linear(3, 2).double())
    assert loaded.weight.dtype == fastnet.float64 and (loaded.weight == model.weight.double()).all()


def test_models_move_to_pytorch_and_back(path, torch):
    from safetensors.torch import load_file, save_file, save_model

    def build(f):
        model = f.nn.Sequential(f.nn.Linear(4, 4), f.nn.BatchNorm1d(4), f.nn.Linear(4, 4))
        model[2].weight = model[0].weight
        return model
    ours, theirs = build(fastnet), build(torch)
    ours.save(path)
    theirs.load_state_dict(load_file(path))
    assert all((theirs.state_dict()[k].numpy() == v).all() for k, v in values(ours).items())
    with torch.no_grad():
        theirs[0].weight += 1
        theirs[0].bias += 1
    state = {k: v.clone() for k, v in theirs.state_dict().items()}
    for write in (lambda: save_file(state, path), lambda: save_model(theirs, str(path))):
        write()
        with pytest.raises(ValueError, match="the file holds only tensors, no architecture"):
            fastnet.load(path)
        loaded = fastnet.load(path, model=build(fastnet))
        assert all((state[k].numpy() == v).all() for k, v in values(loaded).items())
        assert fastnet.load_metadata(path) == {}
    save_file({k: v.bfloat16() if v.is_floating_point() else v for k, v in state.items()}, path)
    loaded = fastnet.load(path, model=build(fastnet))
    assert all((state[k].bfloat16().double().numpy() == v).all() for k, v in values(loaded).items())
