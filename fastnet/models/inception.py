"""Inception V3. Szegedy et al. 2016, https://arxiv.org/abs/1512.00567."""
from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.functional.joining import cat
from fastnet.models.blocks import initialize
from fastnet.models.googlenet import named_conv_norm
from fastnet.models.pretrained.loading import with_weights
from fastnet.nn import functional as F

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["InceptionOutputs", "InceptionV3", "inception_v3"]

_ROW, _COLUMN = ((1, 7), 1, (0, 3)), ((7, 1), 1, (3, 0))        # kernel size, stride and padding


class InceptionOutputs(NamedTuple):
    """The outputs of an InceptionV3 in training mode.

    Example:
        >>> import fastnet
        >>> fastnet.models.InceptionOutputs(1, 2)._fields
        ('logits', 'aux_logits')
    """

    logits: Tensor
    aux_logits: Tensor | None


def _averaged(input: Tensor) -> Tensor:
    return F.avg_pool2d(input, 3, 1, 1)


class InceptionA(nn.Module):
    """Branches with a 1x1 convolution, a 5x5 convolution, two 3x3 convolutions, and an average pool."""

    def __init__(self, inputs: int, pool_features: int) -> None:
        super().__init__()
        self.branch1x1 = named_conv_norm(inputs, 64, 1)
        self.branch5x5_1 = named_conv_norm(inputs, 48, 1)
        self.branch5x5_2 = named_conv_norm(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = named_conv_norm(inputs, 64, 1)
        self.branch3x3dbl_2 = named_conv_norm(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = named_conv_norm(96, 96, 3, padding=1)
        self.branch_pool = named_conv_norm(inputs, pool_features, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return cat([self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)), double,
                    self.branch_pool(_averaged(x))], 1)


class InceptionB(nn.Module):
    """Halves the picture: a 3x3 convolution, two 3x3 convolutions and a max pool."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = named_conv_norm(inputs, 384, 3, 2)
        self.branch3x3dbl_1 = named_conv_norm(inputs, 64, 1)
        self.branch3x3dbl_2 = named_conv_norm(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = named_conv_norm(96, 96, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class InceptionC(nn.Module):
    """7x7 convolutions, each as 1x7 and 7x1."""

    def __init__(self, inputs: int, c7: int) -> None:
        super().__init__()
        self.branch1x1 = named_conv_norm(inputs, 192, 1)
        self.branch7x7_1 = named_conv_norm(inputs, c7, 1)
        self.branch7x7_2 = named_conv_norm(c7, c7, *_ROW)
        self.branch7x7_3 = named_conv_norm(c7, 192, *_COLUMN)
        self.branch7x7dbl_1 = named_conv_norm(inputs, c7, 1)
        self.branch7x7dbl_2 = named_conv_norm(c7, c7, *_COLUMN)
        self.branch7x7dbl_3 = named_conv_norm(c7, c7, *_ROW)
        self.branch7x7dbl_4 = named_conv_norm(c7, c7, *_COLUMN)
        self.branch7x7dbl_5 = named_conv_norm(c7, 192, *_ROW)
        self.branch_pool = named_conv_norm(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return cat([self.branch1x1(x), single, double, self.branch_pool(_averaged(x))], 1)


class InceptionD(nn.Module):
    """Halves the picture: a 3x3 convolution, 1x7, 7x1 and 3x3 convolutions, and a max pool."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3_1 = named_conv_norm(inputs, 192, 1)
        self.branch3x3_2 = named_conv_norm(192, 320, 3, 2)
        self.branch7x7x3_1 = named_conv_norm(inputs, 192, 1)
        self.branch7x7x3_2 = named_conv_norm(192, 192, *_ROW)
        self.branch7x7x3_3 = named_conv_norm(192, 192, *_COLUMN)
        self.branch7x7x3_4 = named_conv_norm(192, 192, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        deep = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return cat([self.branch3x3_2(self.branch3x3_1(x)), deep, F.max_pool2d(x, 3, 2)], 1)


class InceptionE(nn.Module):
    """3x3 convolutions, each as 1x3 and 3x1 in parallel."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch1x1 = named_conv_norm(inputs, 320, 1)
        self.branch3x3_1 = named_conv_norm(inputs, 384, 1)
        self.branch3x3_2a = named_conv_norm(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = named_conv_norm(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = named_conv_norm(inputs, 448, 1)
        self.branch3x3dbl_2 = named_conv_norm(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = named_conv_norm(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = named_conv_norm(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = named_conv_norm(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        return cat([self.branch1x1(x), self.branch3x3_2a(single), self.branch3x3_2b(single),
                    self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(_averaged(x))], 1)


class InceptionAux(nn.Module):
    """A small classifier on the features inside the network, whose loss is added in training."""

    def __init__(self, inputs: int, num_classes: int) -> None:
        super().__init__()
        self.conv0 = named_conv_norm(inputs, 128, 1)
        self.conv1 = named_conv_norm(128, 768, 5)
        self.fc = nn.Linear(768, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(self.conv0(F.avg_pool2d(x, 5, 3)))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class InceptionV3(nn.Module):
    """Inception V3: blocks of parallel convolutions, the large ones factorized.

    Parameter names and counts are torchvision's, so `model.load_state_dict(torch_model.state_dict())` loads its
    weights.

    Args:
        num_classes: number of outputs.
        aux_logits: add a classifier on the features inside the network. In training mode, `forward` then returns
            `InceptionOutputs`; its loss is usually added with a weight of 0.4.
        in_channels: channels of the picture.
        dropout: probability of dropout before the last layer.

    Shape:
        (N, in_channels, H, W) to (N, num_classes); the paper uses H = W = 299, which is
        the least in training with aux_logits; otherwise at least 75 are needed.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.InceptionV3(num_classes=10, aux_logits=False).eval()
        >>> model(fastnet.zeros(1, 3, 75, 75)).shape
        (1, 10)
    """

    def __init__(self, num_classes: int = 1000, aux_logits: bool = True, in_channels: int = 3,
                 dropout: float = 0.5) -> None:
        super().__init__()
        self.num_classes, self.aux_logits = num_classes, aux_logits
        self.in_channels, self.dropout = in_channels, dropout
        self.Conv2d_1a_3x3 = named_conv_norm(in_channels, 32, 3, 2)
        self.Conv2d_2a_3x3 = named_conv_norm(32, 32, 3)
        self.Conv2d_2b_3x3 = named_conv_norm(32, 64, 3, padding=1)
        self.maxpool1 = nn.MaxPool2d(3, 2)
        self.Conv2d_3b_1x1 = named_conv_norm(64, 80, 1)
        self.Conv2d_4a_3x3 = named_conv_norm(80, 192, 3)
        self.maxpool2 = nn.MaxPool2d(3, 2)
        self.Mixed_5b = InceptionA(192, 32)
        self.Mixed_5c = InceptionA(256, 64)
        self.Mixed_5d = InceptionA(288, 64)
        self.Mixed_6a = InceptionB(288)
        self.Mixed_6b = InceptionC(768, 128)
        self.Mixed_6c = InceptionC(768, 160)
        self.Mixed_6d = InceptionC(768, 160)
        self.Mixed_6e = InceptionC(768, 192)
        self.AuxLogits = InceptionAux(768, num_classes) if aux_logits else None
        self.Mixed_7a = InceptionD(768)
        self.Mixed_7b = InceptionE(1280)
        self.Mixed_7c = InceptionE(2048)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.drop = nn.Dropout(dropout)
        self.fc = nn.Linear(2048, num_classes)
        initialize(self, *[lambda weight: nn.init.trunc_normal_(weight, 0.0, 0.1)] * 2)
        if self.AuxLogits is not None:
            nn.init.trunc_normal_(self.AuxLogits.fc.weight, 0.0, 0.001)

    def forward(self, input: Tensor) -> Tensor | InceptionOutputs:
        x = self.maxpool1(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(input))))
        x = self.maxpool2(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))
        x = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x))))
        inside = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))
        x = self.avgpool(self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(inside))))
        logits = self.fc(self.drop(x).flatten(1))
        if self.AuxLogits is None or not self.training:
            return logits
        return InceptionOutputs(logits, self.AuxLogits(inside))


def inception_v3(num_classes: int = 1000, aux_logits: bool = True, in_channels: int = 3, dropout: float = 0.5,
                 weights: StrPath | None = None) -> InceptionV3:
    """Inception V3, 27,161,264 parameters, or 23,834,568 without aux_logits. Arguments as in `InceptionV3`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.inception_v3(num_classes=10, aux_logits=False).fc.in_features
        2048
    """
    return with_weights(InceptionV3(num_classes, aux_logits, in_channels, dropout), weights)
