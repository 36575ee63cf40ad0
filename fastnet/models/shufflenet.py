"""ShuffleNet V2. Ma et al. 2018, https://arxiv.org/abs/1807.11164."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.functional.joining import cat
from fastnet.models.blocks import flat_average
from fastnet.models.pretrained.loading import with_weights

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["ShuffleNetV2", "shufflenet_v2_x1_0"]


def _mixed_halves(input: Tensor) -> Tensor:
    """The channels of the first half in turns with those of the second: c0, c(C/2), c1, c(C/2 + 1), ..."""
    n, c, h, w = input.shape
    return input.reshape(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def _depthwise(channels: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False), nn.BatchNorm2d(channels)]


def _pointwise(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


class ShuffleBlock(nn.Module):
    """A depthwise convolution between 1x1 convolutions on half of the channels, whose result the others join.

    With stride 2, both halves are computed from the whole input.

    Args:
        inputs: channels of the input; with stride 1 equal to `outputs`.
        outputs: channels of the output.
        stride: 1 or 2.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half = outputs // 2
        self.stride = stride
        self.branch1 = nn.Sequential(*([] if stride == 1 else _depthwise(inputs, stride) + _pointwise(inputs, half)))
        self.branch2 = nn.Sequential(*_pointwise(half if stride == 1 else inputs, half), *_depthwise(half, stride),
                                     *_pointwise(half, half))

    def forward(self, input: Tensor) -> Tensor:
        first, second = input.chunk(2, 1) if self.stride == 1 else (self.branch1(input), input)
        return _mixed_halves(cat([first, self.branch2(second)], 1))


class ShuffleNetV2(nn.Module):
    """ShuffleNet V2: depthwise convolutions on half of the channels, which are mixed after each block.

    Parameter names and counts are torchvision's, so `model.load_state_dict(torch_model.state_dict())` loads its
    weights.

    Args:
        num_classes: number of outputs.
        in_channels: channels of the picture.

    Shape:
        (N, in_channels, H, W) to (N, num_classes); the paper uses H = W = 224.

    Example:
        >>> import fastnet
        >>> fastnet.models.ShuffleNetV2(10)(fastnet.zeros(1, 3, 64, 64)).shape
        (1, 10)
    """

    def __init__(self, num_classes: int = 1000, in_channels: int = 3) -> None:
        super().__init__()
        self.num_classes, self.in_channels = num_classes, in_channels
        self.conv1 = nn.Sequential(nn.Conv2d(in_channels, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.stage2, self.stage3, self.stage4 = _stage(24, 116, 4), _stage(116, 232, 8), _stage(232, 464, 4)
        self.conv5 = nn.Sequential(*_pointwise(464, 1024))
        self.fc = nn.Linear(1024, num_classes)

    def forward(self, input: Tensor) -> Tensor:
        x = self.stage4(self.stage3(self.stage2(self.maxpool(self.conv1(input)))))
        return self.fc(flat_average(self.conv5(x)))


def _stage(inputs: int, outputs: int, count: int) -> nn.Sequential:
    rest = [ShuffleBlock(outputs, outputs, 1) for _ in range(count - 1)]
    return nn.Sequential(ShuffleBlock(inputs, outputs, 2), *rest)


def shufflenet_v2_x1_0(num_classes: int = 1000, in_channels: int = 3, weights: StrPath | None = None) -> ShuffleNetV2:
    """ShuffleNet V2 at width 1, 2,278,604 parameters. Arguments as in `ShuffleNetV2`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.shufflenet_v2_x1_0().parameters())
        2278604
    """
    return with_weights(ShuffleNetV2(num_classes, in_channels), weights)
