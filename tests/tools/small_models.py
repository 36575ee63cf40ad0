"""All kinds of networks of `fastnet.models` at small sizes, with the inputs of one call."""
import numpy as np
import pytest

import fastnet
from fastnet import models

_LARGE_SIDES = {"alexnet": 80, "inception_v3": 80}      # other networks for pictures read 32x32 pixels
_PICTURES = ("alexnet", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "mobilenet_v1", "mobilenet_v2",
             "mobilenet_v3_small", "resnet18", "resnet50", "resnet8", "resnext50_32x4d", "shufflenet_v2_x1_0",
             "squeezenet1_1", "vgg11", "vgg11_bn")


def _numbers(*shape):
    return fastnet.tensor(np.random.default_rng(sum(shape)).standard_normal(shape, dtype=np.float32))


def _tokens(*shape, most=30):
    return fastnet.tensor(np.random.default_rng(sum(shape)).integers(1, most, shape))


def _for_pictures(name):
    side = _LARGE_SIDES.get(name, 32)
    options = {"width": 0.25} if name == "mobilenet_v1" else {}
    return lambda: (getattr(models, name)(num_classes=10, **options), (_numbers(2, 3, side, side),))


# name -> a function that returns (model, inputs); the first dimension of each input is the batch
SMALL_MODELS = {
    **{name: _for_pictures(name) for name in _PICTURES},
    "lenet5": lambda: (models.lenet5(), (_numbers(2, 1, 28, 28),)),
    "autoencoder": lambda: (models.autoencoder(8, 1, 28, 4), (_numbers(2, 1, 28, 28),)),
    "ds_cnn": lambda: (models.ds_cnn(12, channels=8), (_numbers(2, 1, 49, 10),)),
    "gru_kws": lambda: (models.gru_kws(12, 1, 10, 16), (_numbers(2, 1, 25, 10),)),
    "unet": lambda: (models.unet(2, 3, (4, 8, 16)), (_numbers(2, 3, 32, 32),)),
    "ssdlite": lambda: (models.ssdlite(5, 3, 0.25), (_numbers(2, 3, 64, 64),)),
    "vit_tiny": lambda: (models.vit_tiny(), (_numbers(2, 3, 32, 32),)),
    "tcn": lambda: (models.tcn(2, 3, (8, 8), 3), (_numbers(2, 2, 30),)),
    "ctc_recognizer": lambda: (models.ctc_recognizer(11, 8, 16, 2), (_numbers(2, 8, 40),)),
    "forecaster_lstm": lambda: (models.forecaster("lstm", 16, 2, 3, 1, (8,)), (_numbers(2, 16, 2),)),
    "forecaster_linear": lambda: (models.forecaster("linear", 16, 2, 3, 1), (_numbers(2, 16, 2),)),
    "forecaster_tcn": lambda: (models.forecaster("tcn", 16, 2, 3, 1, (8, 8)), (_numbers(2, 16, 2),)),
    "lstm_classifier": lambda: (models.lstm_classifier(4, 30, 8, 8), (_tokens(2, 9),)),
    "seq2seq": lambda: (models.seq2seq(30, 30, 8, 8), (_tokens(2, 9), _tokens(2, 7))),
    "transformer": lambda: (models.transformer(30, 30, 16, 2, 1, 32), (_tokens(2, 9), _tokens(2, 7))),
    "gpt": lambda: (models.gpt(30, 16, 16, 2, 2), (_tokens(2, 9),)),
    "bert": lambda: (models.BERT(30, 16, 2, 2, 32, 16), (_tokens(2, 9),)),
}

_LARGE = ("alexnet", "inception_v3", "resnet50", "vgg11", "vgg11_bn")      # or slow
EVERY_MODEL = [pytest.param(name, marks=[pytest.mark.models] if name in _LARGE else []) for name in SMALL_MODELS]


def flat(x):
    """The tensors in a model's result, in order."""
    if isinstance(x, fastnet.Tensor):
        return [x]
    return [y for entry in (x.values() if isinstance(x, dict) else x) for y in flat(entry)]


def small_model(name):
    """(model in evaluation mode, inputs); its running statistics are not those of a new one."""
    fastnet.manual_seed(0)
    model, inputs = SMALL_MODELS[name]()
    random = np.random.default_rng(1)
    for key, x in model.state_dict().items():
        if "running" in key:
            with fastnet.no_grad():
                x.copy_(fastnet.tensor(random.uniform(0.5, 1.5, x.shape).astype(np.float32)))
    return model.eval(), inputs
