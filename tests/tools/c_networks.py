"""Networks that are exported as C in tests."""
import itertools

import fastnet
from fastnet import models, nn


def toy_admos_autoencoder():
    """The deep autoencoder of MLPerf Tiny: 640, 4 x 128, 8, 4 x 128, 640."""
    widths, layers = [640, *[128] * 4, 8, *[128] * 4], []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(128, 640))


NETWORKS = {
    "ds_cnn": (models.ds_cnn, (1, 1, 49, 10)),
    "mobilenet_v1": (lambda: models.mobilenet_v1(2, width=0.25), (1, 3, 96, 96)),
    "resnet8": (models.resnet8, (1, 3, 32, 32)),
    "autoencoder": (toy_admos_autoencoder, (1, 640)),
    "lenet5": (models.lenet5, (1, 1, 28, 28)),
    "gru_kws": (models.gru_kws, (1, 1, 25, 10)),
    "lstm_classifier": (lambda: models.LSTMClassifier(3, width=6), (1, 20, 6)),
    "tcn": (lambda: models.tcn(3, 2, (8, 8), 3), (1, 3, 30)),
    "picture autoencoder": (lambda: models.autoencoder(8), (1, 1, 28, 28)),
    "mobilenet_v3": (lambda: models.mobilenet_v3_small(num_classes=5), (1, 3, 32, 32)),
    "unet": (lambda: models.unet(channels=(4, 8)), (1, 3, 16, 16)),
}


def with_statistics(model):
    """A model whose batch norms have statistics unlike those at the start."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.copy_(fastnet.randn(*module.running_mean.shape) * 0.1)
            module.running_var.copy_(fastnet.rand(*module.running_var.shape) * 0.5 + 0.75)
    return model
