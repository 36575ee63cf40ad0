"""Short-time Fourier transforms and windows, which fastnet has in `fastnet.audio`, with PyTorch's arguments."""
from __future__ import annotations

from fastnet._core.tensor import Tensor
from fastnet.audio import functional as F
from fastnet.audio.functional import PadMode, istft
from fastnet.audio.windows import bartlett_window, blackman_window, hamming_window, hann_window, kaiser_window

__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "istft", "kaiser_window", "stft"]


def stft(input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
         window: Tensor | None = None, center: bool = True, pad_mode: PadMode = "reflect", normalized: bool = False,
         onesided: bool | None = None, return_complex: bool | None = None) -> Tensor:
    """`fastnet.audio.functional.stft` of real signals. As in PyTorch, `return_complex` must be given.

    Args:
        input, n_fft, hop_length, win_length, window, center, pad_mode, normalized: as there.
        onesided: as there; None: True.
        return_complex: return a complex tensor; otherwise real and imaginary parts in a last dimension of 2.

    Raises:
        RuntimeError: `return_complex` is missing, or as there.

    Example:
        >>> import fastnet.torch as torch
        >>> torch.stft(torch.ones(800), 400, window=torch.hann_window(400), return_complex=True).shape
        torch.Size([201, 9])
    """
    if return_complex is None:
        raise RuntimeError("stft: expected return_complex=True for a complex tensor, or False for real and imaginary "
                           "parts in a last dimension of 2")
    return F.stft(input, n_fft, hop_length, win_length, window, center, pad_mode, normalized, onesided is not False,
                  return_complex)
