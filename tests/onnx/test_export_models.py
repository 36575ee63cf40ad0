"""Every model of fastnet.models as ONNX: accepted by onnx's checker, and computed by ONNX Runtime as by fastnet."""
import numpy as np
import pytest
from onnx_tools import compare, export_and_compare

import fastnet
from fastnet import models

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

rng = np.random.default_rng(5)


def normal(*shape):
    return fastnet.tensor(rng.standard_normal(shape).astype(np.float32))


def tokens(high, *shape):
    return fastnet.tensor(rng.integers(1, high, shape))


PICTURES = {                            # name -> side of the pictures
    **dict.fromkeys(("googlenet", "resnet18", "resnet34", "resnet50", "resnet101", "resnext50_32x4d",
                             "wide_resnet50_2", "densenet121", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small",
                             "efficientnet_b0", "squeezenet1_1", "shufflenet_v2_x1_0", "vgg11", "vgg11_bn", "vgg13",
                             "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"), 64),
    "alexnet": 80, "inception_v3": 80, "resnet8": 32}
LARGE = {"alexnet", "resnet50", "resnet101", "resnext50_32x4d", "wide_resnet50_2", "resnet34",
         *(name for name in PICTURES if name.startswith("vgg"))}

# name -> (how to make it, examples); sequence models in sizes of a test
SMALL = {
    "lenet5": (lambda: models.lenet5(), lambda n: (normal(n, 1, 28, 28),)),
    "ds_cnn": (lambda: models.ds_cnn(), lambda n: (normal(n, 1, 49, 10),)),
    "gru_kws": (lambda: models.gru_kws(), lambda n: (normal(n, 1, 25, 10),)),
    "tcn": (lambda: models.tcn(2, 3, (4, 4)), lambda n: (normal(n, 2, 20),)),
    "tcn-sequence": (lambda: models.tcn(2, 3, (4, 4), sequence=True), lambda n: (normal(n, 2, 20),)),
    "unet": (lambda: models.unet(), lambda n: (normal(n, 3, 32, 32),)),
    "autoencoder": (lambda: models.autoencoder(), lambda n: (normal(n, 1, 28, 28),)),
    "vit_tiny": (lambda: models.vit_tiny(), lambda n: (normal(n, 3, 32, 32),)),
    "forecaster-linear": (lambda: models.forecaster("linear", 20, 3, 6, 2), lambda n: (normal(n, 20, 3),)),
    "forecaster-lstm": (lambda: models.forecaster("lstm", 20, 3, 6, 2), lambda n: (normal(n, 20, 3),)),
    "forecaster-tcn": (lambda: models.forecaster("tcn", 20, 3, 6, 1), lambda n: (normal(n, 20, 3),)),
    "lstm_classifier": (lambda: models.lstm_classifier(3, 20, 6, 8, 2), lambda n: (tokens(20, n, 7),)),
    "ctc_recognizer": (lambda: models.ctc_recognizer(), lambda n: (normal(n, 40, 40),)),
    "gpt": (lambda: models.gpt(), lambda n: (tokens(65, n, 16),)),
    "BERT": (lambda: models.BERT(50, 16, 2, 2, 32, 20), lambda n: (tokens(50, n, 9), fastnet.ones(n, 9))),
    "BERTForSequenceClassification": (lambda: models.BERTForSequenceClassification(3, 50, 16, 2, 2, 32, 20),
                                      lambda n: (tokens(50, n, 9),)),
    "BERTForMaskedLM": (lambda: models.BERTForMaskedLM(50, 16, 2, 2, 32, 20), lambda n: (tokens(50, n, 9),)),
    "seq2seq": (lambda: models.seq2seq(20, 20, 6, 8, 2), lambda n: (tokens(20, n, 7), tokens(20, n, 5))),
    "transformer": (lambda: models.transformer(20, 20, 16, 2, 1, 32), lambda n: (tokens(20, n, 7), tokens(20, n, 5))),
    "ssdlite": (lambda: models.ssdlite(), lambda n: (normal(n, 3, 64, 64),)),
    "two_tower": (lambda: models.two_tower(models.lenet5(8), models.lstm_classifier(8, 20, 6, 8, 1), 1.0, -10.0),
                  lambda n: (normal(n, 1, 28, 28), tokens(20, n, 7))),
    "multimodal": (lambda: models.multimodal(3, fastnet.nn.Linear(5, 16), models.lenet5(16), width=16),
                   lambda n: (normal(n, 5), normal(n, 1, 28, 28), fastnet.ones(n, 2))),
}
FULL_SIZE = "vit_b_16", "gpt2", "bert_base", "minilm"
PARTS = {"alibi_mask", "apply_rotary", "build_zero_shot_classifier", "detector_loss", "load_pretrained", "next_tokens",
         "retrieve", "rotary_positions", "sinusoidal_positions", "stochastic_depth", "summary"}     # no models


def test_every_model_is_here():
    tested = {*PICTURES, *(name.partition("-")[0] for name in SMALL), *FULL_SIZE}
    assert {name for name in models.__all__ if name.islower()} - tested == PARTS


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.models] if name in LARGE else [])
                                  for name in PICTURES])
def test_picture_model(name, tmp_path):
    fastnet.manual_seed(0)
    model = getattr(models, name)()
    path, x = tmp_path / "m.onnx", normal(1, 3, PICTURES[name], PICTURES[name])
    made = export_and_compare(model, x, path, dynamic_axes={"input": {0: "batch"}})
    compare(path, model, (fastnet.cat([x, -x, x * 0.5]),))
    read = set(fastnet.graph.trace(model, x).parameters)
    assert read <= {x.name for x in made.graph.initializer}


@pytest.mark.parametrize("name", SMALL)
def test_small_model(name, tmp_path):
    fastnet.manual_seed(0)
    make, example = SMALL[name]
    model, path = make().eval(), tmp_path / "m.onnx"
    inputs = [x.name for x in fastnet.graph.trace(model, *example(2)).inputs]
    export_and_compare(model, example(2), path, dynamic_axes={name: {0: "batch"} for name in inputs})
    for n in (1, 3):
        compare(path, model, example(n))


@pytest.mark.models
@pytest.mark.parametrize("name", FULL_SIZE)
def test_model_at_its_full_size(name, tmp_path):
    fastnet.manual_seed(0)
    example = normal(1, 3, 224, 224) if name == "vit_b_16" else tokens(1000, 1, 32)
    export_and_compare(getattr(models, name)(), example, tmp_path / "m.onnx")
