import numpy as np

from . import Case, garbage, real

# (rows, samples): lengths with every radix, odd lengths, prime lengths
ROWS = ((0, 4), (1, 1), (1, 2), (2, 3), (3, 4), (15, 5), (16, 6), (17, 7), (2, 8), (5, 9), (3, 10), (33, 12), (2, 15),
        (4, 16), (3, 22), (7, 25), (2, 31), (5, 32), (18, 36), (1, 49), (2, 60), (2, 63), (31, 64), (1, 101), (20, 120),
        (3, 240), (2, 243), (2, 256), (1, 400), (2, 441), (1, 509), (40, 512), (1, 1102), (1, 2048))
BENCH_ROWS = (1024, 512)
# (signals, length, n, window, hop, frames)
FRAMES = ((0, 10, 4, 4, 2, 2), (2, 10, 4, 4, 2, 0), (1, 1, 1, 1, 1, 1), (1, 6, 2, 2, 1, 4), (2, 30, 5, 4, 3, 7),
          (3, 40, 8, 8, 1, 33), (1, 90, 16, 10, 5, 17), (2, 140, 12, 12, 4, 15), (1, 300, 64, 50, 20, 8),
          (2, 1000, 100, 100, 10, 16), (1, 900, 63, 63, 31, 20), (3, 700, 256, 200, 80, 6),
          (1, 9000, 512, 400, 160, 49))
BENCH_FRAMES = (8, 16000, 512, 400, 160, 98)
LOOSE = {"rtol": (1e-4, 1e-11), "atol": (2e-4, 1e-12)}
POWERS = (2.0, 1.0, 0.7)


def bins(n):
    return n // 2 + 1


# ---- rows -----------------------------------------------------------------------------------------------------------

def rfft(rng, dtype, size):
    rows, n = size
    return (garbage((rows, bins(n), 2), dtype), real(rng, size, dtype, special=False), 1.5, 0.5), {}


def irfft(rng, dtype, size):
    rows, n = size
    return (garbage(size, dtype), real(rng, (rows, bins(n), 2), dtype, special=False), 1 / n, 0.5 / n), {}


# ---- frames ---------------------------------------------------------------------------------------------------------

def signals(rng, dtype, size, emphasized=False):
    """(x, window, framing) of a size."""
    b, length, n, width, hop, _ = size
    framing = n, hop, emphasized, 0.97 if emphasized else 0.0
    return real(rng, (b, length), dtype, special=False), rng.uniform(0.2, 1, width).astype(dtype), framing


def stft(rng, dtype, size):
    x, window, framing = signals(rng, dtype, size)
    return (garbage((size[0], bins(size[2]), size[5], 2), dtype), x, window, framing), {}


def stft_backward(rng, dtype, size):
    b, _, n, width, _, frames = size
    _, window, framing = signals(rng, dtype, size)
    dy = real(rng, (b, bins(n), frames, 2), dtype, special=False)
    return (garbage((b, frames, width), dtype), dy, window, framing), {}


def spectrogram(power, emphasized=False):
    def make(rng, dtype, size):
        x, window, framing = signals(rng, dtype, size, emphasized)
        return (garbage((size[0], bins(size[2]), size[5]), dtype), x, window, framing, power), {}
    return make


def spectrogram_backward(power, emphasized=False):
    def make(rng, dtype, size):
        b, _, n, width, _, frames = size
        x, window, framing = signals(rng, dtype, size, emphasized)
        dy = real(rng, (b, bins(n), frames), dtype, special=False)
        return (garbage((b, frames, width), dtype), x, window, dy, framing, power), {}
    return make


def mel_spectrogram(power, log=None, emphasized=False, filters=7):
    def make(rng, dtype, size):
        x, window, framing = signals(rng, dtype, size, emphasized)
        count = bins(size[2])
        first, last = np.sort(rng.integers(0, count + 1, (2, filters)), axis=0)
        k = np.arange(count)[:, None]
        bank = np.where((first <= k) & (k < last), np.abs(real(rng, (count, filters), dtype, special=False)), dtype(0))
        return (garbage((size[0], filters, size[5]), dtype), x, window, bank, framing, power, log), {}
    return make


def overlap_add(rng, dtype, size):
    b, length, _, width, hop, frames = size
    return (garbage((b, length), dtype), real(rng, (b, frames, width), dtype, special=False), hop), {}


CASES = [
    Case("rfft", rfft, ROWS, BENCH_ROWS, **LOOSE),
    Case("irfft", irfft, ROWS, BENCH_ROWS, **LOOSE),
    Case("stft", stft, FRAMES, BENCH_FRAMES, **LOOSE),
    Case("stft_backward", stft_backward, FRAMES, BENCH_FRAMES, **LOOSE),
    *(Case(fn.__name__, fn(power), FRAMES, BENCH_FRAMES, note=f"power {power}", **LOOSE)
      for fn in (spectrogram, spectrogram_backward) for power in POWERS),
    *(Case(fn.__name__, fn(2.0, True), FRAMES, None, note="emphasized", **LOOSE)
      for fn in (spectrogram, spectrogram_backward)),
    Case("mel_spectrogram", mel_spectrogram(2.0), FRAMES, None, **LOOSE),
    Case("mel_spectrogram", mel_spectrogram(2.0, (1e-3, 1e-6, 10.0), True), FRAMES, BENCH_FRAMES, note="log", **LOOSE),
    Case("mel_spectrogram", mel_spectrogram(1.0, filters=40), FRAMES, None, note="40 filters", **LOOSE),
    Case("overlap_add", overlap_add, FRAMES, BENCH_FRAMES, **LOOSE),
    Case("overlap_add", overlap_add, ((2, 13001, 0, 100, 40, 320), (1, 4097, 0, 9, 3, 1300)), None, note="blocks",
         **LOOSE),
]
