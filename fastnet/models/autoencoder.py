"""A convolutional autoencoder. Hinton and Salakhutdinov 2006, "Reducing the Dimensionality of Data with Neural
Networks".
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.models.pretrained.loading import with_weights

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["Autoencoder", "autoencoder"]


class Autoencoder(nn.Module):
    """An autoencoder of small pictures: convolutions down to a few numbers, and transposed convolutions back.

    Train it with the picture as its own target, for example with `nn.functional.mse_loss` or, since pixels are in
    [0, 1], `binary_cross_entropy`.

    Args:
        code: numbers that a picture is reduced to.
        in_channels: channels of the picture.
        size: height and width of the picture, a multiple of 4.
        channels: of the first convolution; the second has twice as many.

    Shape:
        (N, in_channels, size, size) to the same, in [0, 1]. `encode` gives (N, code), and `decode` takes that.

    Raises:
        ValueError: a size that is not a multiple of 4.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.Autoencoder(code=8)
        >>> code = model.encode(fastnet.zeros(2, 1, 28, 28))
        >>> code.shape, model.decode(code).shape
        ((2, 8), (2, 1, 28, 28))
    """

    def __init__(self, code: int = 32, in_channels: int = 1, size: int = 28, channels: int = 16) -> None:
        super().__init__()
        if size < 4 or size % 4:
            raise ValueError(f"Autoencoder: expected a size that is a multiple of 4, got {size}")
        self.code, self.in_channels, self.size, self.channels = code, in_channels, size, channels
        wide, side = 2 * channels, size // 4
        self.encoder = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, 2, 1), nn.ReLU(), nn.Conv2d(channels, wide, 3, 2, 1), nn.ReLU(),
            nn.Flatten(), nn.Linear(wide * side * side, 128), nn.ReLU(), nn.Linear(128, code))
        self.decoder = nn.Sequential(
            nn.Linear(code, 128), nn.ReLU(), nn.Linear(128, wide * side * side), nn.ReLU(),
            nn.Unflatten(1, (wide, side, side)),
            nn.ConvTranspose2d(wide, channels, 3, 2, 1, 1), nn.ReLU(),
            nn.ConvTranspose2d(channels, in_channels, 3, 2, 1, 1), nn.Sigmoid())

    def encode(self, input: Tensor) -> Tensor:
        """The numbers that pictures are reduced to, (N, code).

        Args:
            input: (N, in_channels, size, size).
        """
        return self.encoder(input)

    def decode(self, code: Tensor) -> Tensor:
        """Pictures from their numbers, (N, in_channels, size, size).

        Args:
            code: (N, code).
        """
        return self.decoder(code)

    def forward(self, input: Tensor) -> Tensor:
        return self.decode(self.encode(input))


def autoencoder(code: int = 32, in_channels: int = 1, size: int = 28, channels: int = 16,
                weights: StrPath | None = None) -> Autoencoder:
    """A convolutional autoencoder of pictures of 28x28 pixels, 421,025 parameters. Arguments as in `Autoencoder`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.autoencoder().parameters())
        421025
    """
    return with_weights(Autoencoder(code, in_channels, size, channels), weights)
