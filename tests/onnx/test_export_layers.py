"""Every module as ONNX: accepted by onnx's checker, and computed by ONNX Runtime as by fastnet."""
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from onnx_tools import export_and_compare

import fastnet
from fastnet import nn
from fastnet.nn import functional as F

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

rng = np.random.default_rng(3)


def layers_of(module):
    """The table LAYERS of a file of tests."""
    path = Path(__file__).parents[1] / "nn" / f"{module}.py"
    spec = importlib.util.spec_from_file_location(module, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found.LAYERS


LAYERS = layers_of("test_nn")


def normal(*shape):
    return fastnet.tensor(rng.standard_normal(shape).astype(np.float32))


def labels(high, *shape):
    return fastnet.tensor(rng.integers(0, high, shape))


def drawn(model):
    """A model whose parameters and buffers are random, so that each of them counts."""
    with fastnet.no_grad():
        for x in [*model.parameters(), *model.buffers()]:
            if x.dtype.kind == "f":
                x.uniform_(0.5, 1.5)
    return model.eval()


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, tmp_path):
    make, x = LAYERS[name]
    model = drawn(make(nn))
    export_and_compare(model, fastnet.tensor(x.astype(np.float32)), tmp_path / "m.onnx")


class Unpooled(nn.Module):
    """Maximum pooling, and its partial inverse by the indices."""

    def __init__(self, pool, unpool):
        super().__init__()
        self.pool, self.unpool = pool, unpool

    def forward(self, x):
        return self.unpool(*self.pool(x))


MODULES = {                             # modules that LAYERS does not have
    "RReLU": (lambda: nn.RReLU(), (normal(3, 4),)),
    "Hardsigmoid": (lambda: nn.Hardsigmoid(), (normal(3, 4),)),
    "Embedding": (lambda: nn.Embedding(7, 3, padding_idx=0), (labels(7, 2, 5),)),
    "EmbeddingBag-sum": (lambda: nn.EmbeddingBag(7, 3, mode="sum"), (labels(7, 2, 5),)),
    "EmbeddingBag-mean": (lambda: nn.EmbeddingBag(7, 3, mode="mean", padding_idx=1), (labels(7, 2, 5),)),
    "EmbeddingBag-max": (lambda: nn.EmbeddingBag(7, 3, mode="max"), (labels(7, 2, 5),)),
    "Bilinear": (lambda: nn.Bilinear(3, 4, 2), (normal(5, 3), normal(5, 4))),
    "CosineSimilarity": (lambda: nn.CosineSimilarity(1), (normal(5, 3), normal(5, 3))),
    "PairwiseDistance": (lambda: nn.PairwiseDistance(), (normal(5, 3), normal(5, 3))),
    "PairwiseDistance-1": (lambda: nn.PairwiseDistance(1.0, keepdim=True), (normal(5, 3), normal(5, 3))),
    "PairwiseDistance-3": (lambda: nn.PairwiseDistance(3.0), (normal(5, 3), normal(5, 3))),
    "LSTM": (lambda: nn.LSTM(3, 4), (normal(5, 2, 3),)),
    "LSTM-all": (lambda: nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True), (normal(2, 5, 3),)),
    "LSTM-states": (lambda: nn.LSTM(3, 4, 2, bias=False), (normal(5, 2, 3), (normal(2, 2, 4), normal(2, 2, 4)))),
    "LSTM-unbatched": (lambda: nn.LSTM(3, 4), (normal(5, 3),)),
    "GRU": (lambda: nn.GRU(3, 4), (normal(5, 2, 3),)),
    "GRU-all": (lambda: nn.GRU(3, 4, 2, batch_first=True, bidirectional=True), (normal(2, 5, 3), normal(4, 2, 4))),
    "RNN": (lambda: nn.RNN(3, 4), (normal(5, 2, 3),)),
    "RNN-relu": (lambda: nn.RNN(3, 4, 2, nonlinearity="relu", bidirectional=True), (normal(5, 2, 3),)),
    "LSTMCell": (lambda: nn.LSTMCell(3, 4), (normal(2, 3), (normal(2, 4), normal(2, 4)))),
    "LSTMCell-first": (lambda: nn.LSTMCell(3, 4, bias=False), (normal(2, 3),)),
    "GRUCell": (lambda: nn.GRUCell(3, 4), (normal(2, 3), normal(2, 4))),
    "RNNCell": (lambda: nn.RNNCell(3, 4, nonlinearity="relu"), (normal(2, 3), normal(2, 4))),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(8, 2, batch_first=True), (normal(2, 5, 8),) * 3),
    "MultiheadAttention-kv": (lambda: nn.MultiheadAttention(8, 2, kdim=4, vdim=6, add_bias_kv=True, add_zero_attn=True),
                              (normal(5, 2, 8), normal(3, 2, 4), normal(3, 2, 6))),
    "TransformerEncoderLayer": (lambda: nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True),
                                (normal(2, 5, 8),)),
    "TransformerDecoderLayer": (lambda: nn.TransformerDecoderLayer(8, 2, 16, norm_first=True),
                                (normal(5, 2, 8), normal(3, 2, 8))),
    "Transformer": (lambda: nn.Transformer(8, 2, 1, 1, 16), (normal(5, 2, 8), normal(3, 2, 8))),
    "MaxPool2d-indices": (lambda: nn.MaxPool2d(2, return_indices=True), (normal(2, 3, 6, 4),)),
    "MaxPool1d-indices": (lambda: nn.MaxPool1d(3, 2, 1, return_indices=True), (normal(3, 8),)),
    "MaxPool3d-indices": (lambda: nn.MaxPool3d(2, return_indices=True), (normal(2, 3, 4, 6, 4),)),
    "AdaptiveMaxPool2d-indices": (lambda: nn.AdaptiveMaxPool2d((3, 2), return_indices=True), (normal(2, 3, 6, 4),)),
    "MaxUnpool1d": (lambda: nn.MaxUnpool1d(2), (normal(1, 2, 3), fastnet.tensor([[[0, 3, 5], [1, 2, 4]]]))),
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(), (normal(6, 4), labels(4, 6))),
    "CrossEntropyLoss-all": (lambda: nn.CrossEntropyLoss(fastnet.tensor([0.5, 1.0, 2.0, 1.5]), ignore_index=1,
                                                         label_smoothing=0.2), (normal(6, 4), labels(4, 6))),
    "CrossEntropyLoss-none": (lambda: nn.CrossEntropyLoss(reduction="none"), (normal(2, 4, 3), labels(4, 2, 3))),
    "CrossEntropyLoss-probabilities": (lambda: nn.CrossEntropyLoss(label_smoothing=0.1),
                                       (normal(6, 4), F.softmax(normal(6, 4), 1))),
    "NLLLoss": (lambda: nn.NLLLoss(fastnet.tensor([0.5, 1.0, 2.0, 1.5])),
                (F.log_softmax(normal(6, 4), 1), labels(4, 6))),
    "BCELoss": (lambda: nn.BCELoss(), (normal(6, 4).sigmoid(), normal(6, 4).sigmoid())),
    "BCEWithLogitsLoss": (lambda: nn.BCEWithLogitsLoss(pos_weight=fastnet.tensor([0.5, 1.0, 2.0, 1.5])),
                          (normal(6, 4), normal(6, 4).sigmoid())),
    "KLDivLoss": (lambda: nn.KLDivLoss(reduction="batchmean"), (normal(6, 4), F.softmax(normal(6, 4), 1))),
    "KLDivLoss-log": (lambda: nn.KLDivLoss(reduction="sum", log_target=True), (normal(6, 4), normal(6, 4))),
    "MSELoss": (lambda: nn.MSELoss(), (normal(6, 4), normal(6, 4))),
    "L1Loss": (lambda: nn.L1Loss(reduction="sum"), (normal(6, 4), normal(6, 4))),
    "SmoothL1Loss": (lambda: nn.SmoothL1Loss(beta=0.5), (normal(6, 4), normal(6, 4))),
    "HuberLoss": (lambda: nn.HuberLoss(delta=0.5), (normal(6, 4), normal(6, 4))),
    "GaussianNLLLoss": (lambda: nn.GaussianNLLLoss(full=True), (normal(6, 4), normal(6, 4), normal(6, 4).exp())),
    "PoissonNLLLoss": (lambda: nn.PoissonNLLLoss(), (normal(6, 4), normal(6, 4).exp())),
    "HingeEmbeddingLoss": (lambda: nn.HingeEmbeddingLoss(), (normal(6, 4), normal(6, 4).sign())),
    "MarginRankingLoss": (lambda: nn.MarginRankingLoss(0.5), (normal(6), normal(6), normal(6).sign())),
    "CosineEmbeddingLoss": (lambda: nn.CosineEmbeddingLoss(), (normal(6, 4), normal(6, 4), normal(6).sign())),
    "TripletMarginLoss": (lambda: nn.TripletMarginLoss(), (normal(6, 4), normal(6, 4), normal(6, 4))),
    "SoftMarginLoss": (lambda: nn.SoftMarginLoss(), (normal(6, 4), normal(6, 4).sign())),
    "MultiLabelSoftMarginLoss": (lambda: nn.MultiLabelSoftMarginLoss(), (normal(6, 4), (normal(6, 4) > 0).float())),
    "MultiMarginLoss": (lambda: nn.MultiMarginLoss(), (normal(6, 4), labels(4, 6))),
    "MultiLabelMarginLoss": (lambda: nn.MultiLabelMarginLoss(), (normal(3, 4), fastnet.tensor([[0, 2, -1, 1]] * 3))),
    "TripletMarginWithDistanceLoss": (lambda: nn.TripletMarginWithDistanceLoss(), (normal(6, 4),) * 3),
    "unpooled": (lambda: Unpooled(nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)), (normal(2, 3, 6, 4),)),
    "unpooled-3d": (lambda: Unpooled(nn.MaxPool3d(2, return_indices=True), nn.MaxUnpool3d(2)),
                    (normal(3, 4, 6, 4),)),
    "weight_norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), (normal(2, 4),)),
    "spectral_norm": (lambda: nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3)), (normal(2, 3, 5, 5),)),
    "Sequential": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
                                         nn.Linear(64, 2)), (normal(2, 3, 6, 6),)),
    "Conv2d-circular": (lambda: nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"), (normal(2, 3, 6, 6),)),
    "Conv2d-reflect": (lambda: nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), (normal(2, 3, 6, 6),)),
    "AvgPool2d-ceil": (lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True), (normal(2, 3, 6, 5),)),
    "Upsample-exact": (lambda: nn.Upsample(scale_factor=1.7, mode="nearest-exact"), (normal(2, 3, 6, 5),)),
}


@pytest.mark.parametrize("name", MODULES)
def test_module(name, tmp_path):
    make, example = MODULES[name]
    export_and_compare(drawn(make()), example, tmp_path / "m.onnx")


OPSETS = ["BatchNorm1d-own", "GELU", "GELU-tanh", "Hardswish", "LayerNorm-2", "LayerNorm-no-bias", "LogSoftmax", "Mish",
          "GroupNorm", "LSTM", "Softmin", "AdaptiveAvgPool1d", "AdaptiveMaxPool2d", "CircularPad2d", "Upsample-bicubic",
          "Linear-3d", "MultiheadAttention", "SmoothL1Loss", "CosineSimilarity", "LPPool2d"]


@pytest.mark.parametrize("opset", range(13, 23))
@pytest.mark.parametrize("name", OPSETS)
def test_versions_of_the_operators(name, opset, tmp_path):
    if name in LAYERS:
        make, x = LAYERS[name]
        model, example = drawn(make(nn)), fastnet.tensor(x.astype(np.float32))
    else:
        make, example = MODULES[name]
        model = drawn(make())
    made = export_and_compare(model, example, tmp_path / "m.onnx", opset_version=opset)
    assert made.opset_import[0].version == opset


@pytest.mark.parametrize("shape", [(3, 8), (2, 5, 8)])
def test_layers_with_adapters(shape, tmp_path):
    model = nn.Sequential(nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 4, bias=False))
    model = fastnet.lora.apply(model, r=2, alpha=3, dropout=0.5)
    export_and_compare(drawn(model), normal(*shape), tmp_path / "m.onnx")
