"""EfficientNet. Tan and Le 2019, https://arxiv.org/abs/1905.11946."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.models.blocks import SqueezeExcitation, add_input, conv_norm, flat_average, initialize, kaiming_fan_out
from fastnet.models.pretrained.loading import with_weights

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["EfficientNet", "efficientnet_b0", "stochastic_depth"]

# expansion, kernel size, stride of the first block, channels, blocks
_GROUPS_OF_B0 = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
                 (6, 5, 2, 192, 4), (6, 3, 1, 320, 1))


def stochastic_depth(input: Tensor, p: float, training: bool = True) -> Tensor:
    """Zero each example of a batch with probability p and scale the others by 1/(1-p); the identity in evaluation.

    Applied to the branch of a residual block, it skips the block for some examples. Huang et al. 2016,
    https://arxiv.org/abs/1603.09382.

    Args:
        input: (N, ...).
        p: between 0 and 1.
        training: False returns the input unchanged.

    Example:
        >>> import fastnet
        >>> x = fastnet.models.stochastic_depth(fastnet.ones(100, 2), 0.5)
        >>> bool((x[:, 0] == x[:, 1]).all()), sorted(set(x[:, 0].tolist()))
        (True, [0.0, 2.0])
    """
    if not training or p == 0:
        return input
    kept = nn.functional.dropout(input.new_ones((input.shape[0], *[1] * (input.ndim - 1))), p)
    return input * kept


class MBConv(nn.Module):
    """Expansion by a 1x1 convolution, a depthwise convolution, squeeze and excitation, and a linear 1x1 convolution.

    The input is added if it has the shape of the output.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        expansion: factor on the input's channels.
        kernel_size: of the depthwise convolution.
        stride: of the depthwise convolution.
        skipped: probability of skipping the block in training: see `stochastic_depth`.
    """

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel_size: int, stride: int,
                 skipped: float) -> None:
        super().__init__()
        expanded = inputs * expansion
        expand = [conv_norm(inputs, expanded, 1, activation=nn.SiLU)] if expansion != 1 else []
        self.block = nn.Sequential(
            *expand, conv_norm(expanded, expanded, kernel_size, stride, groups=expanded, activation=nn.SiLU),
            SqueezeExcitation(expanded, max(1, inputs // 4), nn.SiLU),
            conv_norm(expanded, outputs, 1, activation=None))
        self.residual, self.skipped = stride == 1 and inputs == outputs, skipped

    def forward(self, input: Tensor) -> Tensor:
        if self.residual and not self.training:
            return add_input(self.block, input)
        x = self.block(input)
        return input + stochastic_depth(x, self.skipped, self.training) if self.residual else x


class EfficientNet(nn.Module):
    """EfficientNet-B0: blocks as in MobileNet V2 with SiLU, squeeze and excitation, and stochastic depth.

    Parameter names and counts are torchvision's, so `model.load_state_dict(torch_model.state_dict())` loads its
    weights.

    Args:
        num_classes: number of outputs.
        in_channels: channels of the picture.
        dropout: probability of dropout before the last layer.
        skipped: probability of skipping a block in training; it grows from 0 in the first block towards this.

    Shape:
        (N, in_channels, H, W) to (N, num_classes); the paper uses H = W = 224.

    Example:
        >>> import fastnet
        >>> fastnet.models.EfficientNet(10)(fastnet.zeros(1, 3, 64, 64)).shape
        (1, 10)
    """

    def __init__(self, num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.2,
                 skipped: float = 0.2) -> None:
        super().__init__()
        self.num_classes, self.in_channels, self.dropout, self.skipped = num_classes, in_channels, dropout, skipped
        features: list[nn.Module] = [conv_norm(in_channels, 32, 3, 2, activation=nn.SiLU)]
        channels, number, total = 32, 0, sum(count for *_, count in _GROUPS_OF_B0)
        for expansion, kernel_size, stride, outputs, count in _GROUPS_OF_B0:
            blocks = []
            for i in range(count):
                blocks.append(MBConv(channels, outputs, expansion, kernel_size, stride if i == 0 else 1,
                                     skipped * number / total))
                channels, number = outputs, number + 1
            features.append(nn.Sequential(*blocks))
        features.append(conv_norm(channels, 4 * channels, 1, activation=nn.SiLU))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(4 * channels, num_classes))
        bound = num_classes ** -0.5 if num_classes else 0.0
        initialize(self, kaiming_fan_out, lambda weight: nn.init.uniform_(weight, -bound, bound))

    def forward(self, input: Tensor) -> Tensor:
        return self.classifier(flat_average(self.features(input)))


def efficientnet_b0(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.2,
                    weights: StrPath | None = None) -> EfficientNet:
    """EfficientNet-B0, 5,288,548 parameters. Arguments as in `EfficientNet`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.efficientnet_b0().parameters())
        5288548
    """
    return with_weights(EfficientNet(num_classes, in_channels, dropout), weights)
