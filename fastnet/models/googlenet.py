"""GoogLeNet. Szegedy et al. 2015, https://arxiv.org/abs/1409.4842."""
from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.functional.joining import cat
from fastnet.models.blocks import initialize
from fastnet.models.pretrained.loading import with_weights

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["AuxiliaryClassifier", "GoogLeNet", "GoogLeNetOutputs", "Inception", "googlenet", "named_conv_norm"]


class GoogLeNetOutputs(NamedTuple):
    """The outputs of a GoogLeNet in training mode.

    Example:
        >>> import fastnet
        >>> fastnet.models.GoogLeNetOutputs(1, 2, 3)._fields
        ('logits', 'aux_logits2', 'aux_logits1')
    """

    logits: Tensor
    aux_logits2: Tensor | None
    aux_logits1: Tensor | None


def named_conv_norm(inputs: int, outputs: int, kernel_size: int | tuple[int, int], stride: int = 1,
                    padding: int | tuple[int, int] = 0) -> nn.Sequential:
    """Convolution without a bias, batch norm and ReLU, as the modules "conv", "bn" and "relu" of a Sequential.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        kernel_size: of the convolution.
        stride: of the convolution.
        padding: of the convolution.
    """
    return nn.Sequential({"conv": nn.Conv2d(inputs, outputs, kernel_size, stride, padding, bias=False),
                          "bn": nn.BatchNorm2d(outputs, eps=0.001), "relu": nn.ReLU()})


class Inception(nn.Module):
    """Four parallel branches, whose outputs are joined: 1x1, 1x1 then 3x3 twice, and a max pool then 1x1.

    Args:
        inputs: channels of the input.
        ch1x1: channels of the first branch.
        ch3x3: channels between and after the convolutions of the second branch.
        ch5x5: those of the third branch, whose second convolution is 5x5 in the paper and 3x3 in torchvision.
        pool_proj: channels of the branch with the pool.
    """

    def __init__(self, inputs: int, ch1x1: int, ch3x3: tuple[int, int], ch5x5: tuple[int, int], pool_proj: int) -> None:
        super().__init__()
        self.branch1 = named_conv_norm(inputs, ch1x1, 1)
        self.branch2, self.branch3 = (
            nn.Sequential(named_conv_norm(inputs, middle, 1), named_conv_norm(middle, outputs, 3, padding=1))
            for middle, outputs in (ch3x3, ch5x5))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), named_conv_norm(inputs, pool_proj, 1))

    def forward(self, input: Tensor) -> Tensor:
        return cat([self.branch1(input), self.branch2(input), self.branch3(input), self.branch4(input)], 1)


class AuxiliaryClassifier(nn.Module):
    """A small classifier on the features inside the network, whose loss is added in training.

    Args:
        inputs: channels of the features.
        num_classes: number of outputs.
        dropout: probability of dropout before the last layer.
    """

    def __init__(self, inputs: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.conv = named_conv_norm(inputs, 128, 1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, input: Tensor) -> Tensor:
        x = self.conv(nn.functional.adaptive_avg_pool2d(input, 4)).flatten(1)
        return self.fc2(self.dropout(nn.functional.relu(self.fc1(x))))


class GoogLeNet(nn.Module):
    """GoogLeNet, also called Inception V1, with batch norm.

    Parameter names and counts are torchvision's, so `model.load_state_dict(torch_model.state_dict())` loads its
    weights.

    Args:
        num_classes: number of outputs.
        aux_logits: add two classifiers on the features inside the network. In training mode, `forward` then returns
            `GoogLeNetOutputs`; the paper adds their losses with a weight of 0.3.
        in_channels: channels of the picture.
        dropout: probability of dropout before the last layer.
        dropout_aux: probability of dropout in the additional classifiers.

    Shape:
        (N, in_channels, H, W) to (N, num_classes); the paper uses H = W = 224.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.GoogLeNet(num_classes=10, aux_logits=False)
        >>> model(fastnet.zeros(1, 3, 64, 64)).shape
        (1, 10)
    """

    def __init__(self, num_classes: int = 1000, aux_logits: bool = True, in_channels: int = 3, dropout: float = 0.2,
                 dropout_aux: float = 0.7) -> None:
        super().__init__()
        self.num_classes, self.aux_logits, self.in_channels = num_classes, aux_logits, in_channels
        self.dropout, self.dropout_aux = dropout, dropout_aux
        self.conv1 = named_conv_norm(in_channels, 64, 7, 2, 3)
        self.maxpool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = named_conv_norm(64, 64, 1)
        self.conv3 = named_conv_norm(64, 192, 3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.inception3a = Inception(192, 64, (96, 128), (16, 32), 32)
        self.inception3b = Inception(256, 128, (128, 192), (32, 96), 64)
        self.maxpool3 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.inception4a = Inception(480, 192, (96, 208), (16, 48), 64)
        self.inception4b = Inception(512, 160, (112, 224), (24, 64), 64)
        self.inception4c = Inception(512, 128, (128, 256), (24, 64), 64)
        self.inception4d = Inception(512, 112, (144, 288), (32, 64), 64)
        self.inception4e = Inception(528, 256, (160, 320), (32, 128), 128)
        self.maxpool4 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.inception5a = Inception(832, 256, (160, 320), (32, 128), 128)
        self.inception5b = Inception(832, 384, (192, 384), (48, 128), 128)
        self.aux1 = AuxiliaryClassifier(512, num_classes, dropout_aux) if aux_logits else None
        self.aux2 = AuxiliaryClassifier(528, num_classes, dropout_aux) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.drop = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        initialize(self, *[lambda weight: nn.init.trunc_normal_(weight, 0.0, 0.01)] * 2)

    def forward(self, input: Tensor) -> Tensor | GoogLeNetOutputs:
        x = self.maxpool2(self.conv3(self.conv2(self.maxpool1(self.conv1(input)))))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        inside1 = self.inception4a(x)
        inside2 = self.inception4d(self.inception4c(self.inception4b(inside1)))
        x = self.maxpool4(self.inception4e(inside2))
        x = self.avgpool(self.inception5b(self.inception5a(x))).flatten(1)
        logits = self.fc(self.drop(x))
        if self.aux1 is None or self.aux2 is None or not self.training:
            return logits
        return GoogLeNetOutputs(logits, self.aux2(inside2), self.aux1(inside1))


def googlenet(num_classes: int = 1000, aux_logits: bool = True, in_channels: int = 3, dropout: float = 0.2,
              dropout_aux: float = 0.7, weights: StrPath | None = None) -> GoogLeNet:
    """GoogLeNet, 13,004,888 parameters, or 6,624,904 without aux_logits. Arguments as in `GoogLeNet`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.googlenet(num_classes=10).fc.in_features
        1024
    """
    return with_weights(GoogLeNet(num_classes, aux_logits, in_channels, dropout, dropout_aux), weights)
