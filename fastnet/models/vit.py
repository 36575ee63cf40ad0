"""Vision Transformer. Dosovitskiy et al. 2021, https://arxiv.org/abs/2010.11929."""
from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.creation import zeros
from fastnet.functional.joining import cat
from fastnet.models.pretrained.loading import with_weights
from fastnet.nn import init
from fastnet.nn.parameter import new_parameter

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["ViT", "vit_b_16", "vit_tiny"]


class EncoderBlock(nn.Module):
    """Attention and two linear maps with GELU in between, each after a layer norm and added to its input.

    Args:
        heads, width, between, dropout, attention_dropout, eps: as of `ViT`.
    """

    def __init__(self, heads: int, width: int, between: int, dropout: float, attention_dropout: float,
                 eps: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps)
        self.self_attention = nn.MultiheadAttention(width, heads, attention_dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = nn.LayerNorm(width, eps)
        self.mlp = nn.Sequential(nn.Linear(width, between), nn.GELU(), nn.Dropout(dropout), nn.Linear(between, width),
                                 nn.Dropout(dropout))

    def forward(self, input: Tensor) -> Tensor:
        x = self.ln_1(input)
        x = input + self.dropout(self.self_attention(x, x, x, need_weights=False)[0])
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """The blocks, after the positions are added and before a layer norm.

    Args:
        length: patches and the class token.
        layers, heads, width, between, dropout, attention_dropout, eps: as of `ViT`.
    """

    def __init__(self, length: int, layers: int, heads: int, width: int, between: int, dropout: float,
                 attention_dropout: float, eps: float) -> None:
        super().__init__()
        self.pos_embedding = new_parameter(1, length, width)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(OrderedDict(
            (f"encoder_layer_{i}", EncoderBlock(heads, width, between, dropout, attention_dropout, eps))
            for i in range(layers)))
        self.ln = nn.LayerNorm(width, eps)

    def forward(self, input: Tensor) -> Tensor:
        return self.ln(self.layers(self.dropout(input + self.pos_embedding)))


class ViT(nn.Module):
    """Vision Transformer: a picture as a sequence of square patches, with a token for the class in front.

    Parameter names and counts are those of torchvision's VisionTransformer, so
    `model.load_state_dict(torch_model.state_dict())` loads its weights.

    Args:
        image_size: height and width of the pictures, a multiple of patch_size.
        patch_size: height and width of a patch.
        num_layers: number of blocks.
        num_heads: number of heads, divides hidden_dim.
        hidden_dim: width of the sequence.
        mlp_dim: features between the two linear maps of a block.
        dropout: the probability of dropout.
        attention_dropout: the probability of dropout in the weights of the attention.
        num_classes: number of outputs.
        in_channels: channels of the picture.
        layer_norm_eps: eps of the layer norms.

    Raises:
        ValueError: image_size is not a multiple of patch_size.

    Shape:
        (N, in_channels, image_size, image_size) to (N, num_classes).

    Example:
        >>> import fastnet
        >>> model = fastnet.models.ViT(32, 8, 2, 4, 32, 64, num_classes=10)
        >>> model(fastnet.zeros(2, 3, 32, 32)).shape
        (2, 10)
    """

    def __init__(self, image_size: int = 224, patch_size: int = 16, num_layers: int = 12, num_heads: int = 12,
                 hidden_dim: int = 768, mlp_dim: int = 3072, dropout: float = 0.0, attention_dropout: float = 0.0,
                 num_classes: int = 1000, in_channels: int = 3, layer_norm_eps: float = 1e-6) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ValueError(f"ViT: expected image_size to be a multiple of patch_size, got {image_size} and "
                             f"{patch_size}")
        self.image_size, self.patch_size, self.num_layers = image_size, patch_size, num_layers
        self.num_heads, self.hidden_dim, self.mlp_dim, self.dropout = num_heads, hidden_dim, mlp_dim, dropout
        self.attention_dropout, self.num_classes, self.in_channels = attention_dropout, num_classes, in_channels
        self.layer_norm_eps = layer_norm_eps
        self.class_token = new_parameter(1, 1, hidden_dim)
        self.conv_proj = nn.Conv2d(in_channels, hidden_dim, patch_size, patch_size)
        self.encoder = Encoder((image_size // patch_size) ** 2 + 1, num_layers, num_heads, hidden_dim, mlp_dim, dropout,
                               attention_dropout, layer_norm_eps)
        self.heads = nn.Sequential(OrderedDict(head=nn.Linear(hidden_dim, num_classes)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial weights, as torchvision's."""
        init.trunc_normal_(self.conv_proj.weight, std=math.sqrt(1 / (self.in_channels * self.patch_size ** 2)))
        init.zeros_(self.conv_proj.bias)
        init.normal_(self.encoder.pos_embedding, 0.0, 0.02)
        for block in self.encoder.layers:
            for i in (0, 3):
                init.xavier_uniform_(block.mlp[i].weight)
                init.normal_(block.mlp[i].bias, 0.0, 1e-6)
        for parameter in (self.class_token, self.heads[0].weight, self.heads[0].bias):
            init.zeros_(parameter)

    def forward(self, input: Tensor) -> Tensor:
        """Logits.

        Args:
            input: the pictures.

        Raises:
            ValueError: pictures of another size.
        """
        if input.ndim != 4 or input.shape[2:] != (self.image_size, self.image_size):
            raise ValueError(f"ViT: expected pictures (N, {self.in_channels}, {self.image_size}, {self.image_size}), "
                             f"got shape {shape_text(input)}")
        patches = self.conv_proj(input).flatten(2).transpose(1, 2)
        token = self.class_token + zeros(input.shape[0], 1, self.hidden_dim, dtype=patches.dtype)
        return self.heads(self.encoder(cat([token, patches], 1))[:, 0])


def vit_b_16(num_classes: int = 1000, in_channels: int = 3, weights: StrPath | None = None) -> ViT:
    """ViT-B/16 for pictures of 224x224 pixels, 86.6 million parameters. Arguments as in `ViT`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.vit_b_16().parameters())
        86567656
    """
    return with_weights(ViT(num_classes=num_classes, in_channels=in_channels), weights)


def vit_tiny(num_classes: int = 10, in_channels: int = 3, weights: StrPath | None = None) -> ViT:
    """A small ViT for pictures of 32x32 pixels: patches of 4x4, 6 blocks of 3 heads, width 192.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.vit_tiny().parameters())
        2693578
    """
    return with_weights(ViT(32, 4, 6, 3, 192, 768, num_classes=num_classes, in_channels=in_channels), weights)
