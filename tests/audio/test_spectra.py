"""Fourier transforms and spectrograms: compared with NumPy and PyTorch over their options, forward and gradients."""
import itertools

import numpy as np
import pytest
from gradcheck import gradcheck

import fastnet
import fastnet.torch
from fastnet import audio
from fastnet.audio import functional as F

pytestmark = pytest.mark.usefixtures("backend")
LENGTHS = (1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 22, 25, 49, 60, 64, 101, 360, 400, 1024)
NORMS = (None, "backward", "ortho", "forward")
# n_fft, hop, win_length, center, pad_mode, normalized
STFT = list(itertools.product((16, 25), (5, 8), (None, 10), (False, True), ("reflect", "constant"), (False, True)))


def signal(*shape, dtype=np.float64):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def tolerance(dtype, expected):
    return (1e-9 if dtype == np.float64 else 1e-4) * max(np.abs(expected).max(initial=0), 1e-30)


def check(got, expected, dtype):
    assert got.shape == tuple(expected.shape)
    expected = np.asarray(expected.detach()) if hasattr(expected, "detach") else expected
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=0, atol=tolerance(dtype, expected))


def compare(fn, reference, x, dtype):
    """fn on fastnet's tensor and reference on PyTorch's: the results and the gradients of their argument."""
    torch = pytest.importorskip("torch")
    ours, theirs = fastnet.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    a, b = fn(ours), reference(torch, theirs)
    check(a, b, dtype)
    g = np.random.default_rng(3).standard_normal(a.shape).astype(dtype)
    a.backward(fastnet.tensor(g))
    b.backward(torch.tensor(g))
    check(ours.grad, theirs.grad, dtype)


# ---- transforms of rows ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("norm", NORMS)
def test_rfft_and_its_inverse(norm, dtype):
    for n in LENGTHS:
        x = signal(3, n, dtype=dtype)
        expected = np.fft.rfft(x.astype(np.float64), norm=norm)
        y = F.rfft(fastnet.tensor(x), norm=norm)
        check(y, np.stack((expected.real, expected.imag), -1), dtype)
        check(F.irfft(y, n, norm=norm), x, dtype)


@pytest.mark.parametrize("n", [None, 6, 9, 14])
def test_rfft_against_torch(n):
    compare(lambda x: F.rfft(x, n), lambda torch, x: torch.view_as_real(torch.fft.rfft(x, n)), signal(2, 3, 9),
            np.float64)
    compare(lambda y: F.irfft(y, n, "ortho"),
            lambda torch, y: torch.fft.irfft(torch.view_as_complex(y), n, norm="ortho"), signal(2, 5, 2), np.float64)


@pytest.mark.parametrize("n", [1, 2, 5, 14, 16])
def test_gradients_of_transforms(n):
    gradcheck(F.rfft, fastnet.tensor(signal(2, n)))
    gradcheck(lambda y: F.irfft(y, n), fastnet.tensor(signal(2, n // 2 + 1, 2)))


# ---- frames ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n, hop, width, center, mode, normalized", STFT)
def test_stft_against_torch(n, hop, width, center, mode, normalized, dtype):
    window = signal(width or n, dtype=dtype)
    compare(lambda x: F.stft(x, n, hop, width, fastnet.tensor(window), center, mode, normalized),
            lambda torch, x: torch.view_as_real(torch.stft(x, n, hop, width, torch.tensor(window), center, mode,
                                                           normalized, return_complex=True)),
            signal(2, 90, dtype=dtype), dtype)


@pytest.mark.parametrize("n", [16, 25])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("onesided", [True, False])
def test_complex_and_two_sided_stft_against_torch(n, center, onesided):
    check(fastnet.torch.stft(fastnet.ones(90), n, 5, onesided=onesided, return_complex=False),
          F.stft(fastnet.ones(90), n, 5, onesided=onesided), np.float32)
    compare(lambda x: fastnet.view_as_real(F.stft(x, n, 5, None, None, center, onesided=onesided,
                                                  return_complex=True)),
            lambda torch, x: torch.view_as_real(torch.stft(x, n, 5, None, torch.ones(n, dtype=x.dtype), center,
                                                           onesided=onesided, return_complex=True)),
            signal(2, 90), np.float64)


@pytest.mark.parametrize("n, hop, width", [(16, 4, None), (16, 5, 12), (25, 6, None)])
@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("onesided", [True, False])
@pytest.mark.parametrize("length", [None, 55, 60])
def test_istft_against_torch(n, hop, width, normalized, onesided, length):
    window = np.hamming(width or n)
    compare(lambda x: F.istft(x, n, hop, width, fastnet.tensor(window), True, normalized, onesided, length),
            lambda torch, x: torch.istft(torch.view_as_complex(x), n, hop, width, torch.tensor(window), True,
                                         normalized, onesided, length),
            signal(3, n // 2 + 1 if onesided else n, 14, 2), np.float64)


def test_istft_inverts_stft():
    x, window = fastnet.tensor(signal(2, 3, 200)), audio.hann_window(32, dtype=fastnet.float64)
    for options in ({}, {"onesided": False}, {"return_complex": True}):
        back = F.istft(F.stft(x, 32, window=window, **options), 32, window=window)
        check(back, x[..., :back.shape[-1]].numpy(), np.float64)
        assert back.shape == (2, 3, 200)
    assert (F.istft(F.stft(x, 32), 32, length=230)[..., 216:] == 0).all()


@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hann", "kaiser"])
@pytest.mark.parametrize("periodic", [True, False])
def test_windows_against_torch(name, periodic):
    torch = pytest.importorskip("torch")
    for length in (1, 2, 5, 16):
        ours, theirs = (getattr(module, f"{name}_window")(length, periodic, dtype=module.float64)
                        for module in (fastnet.torch, torch))
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-12)


@pytest.mark.parametrize("power", [None, 1.0, 2.0, 1.5])
@pytest.mark.parametrize("normalized", [False, "window", "frame_length"])
def test_spectrogram_gradients(power, normalized):
    window = fastnet.tensor(np.hanning(12))
    gradcheck(lambda x: F.spectrogram(x, 2, window, 12, 5, 12, power, normalized), fastnet.tensor(signal(2, 40)))


@pytest.mark.parametrize("log", [None, (1e-9, 0.0, 2.0), (0.5, 1e-3, 1.0)])
def test_gradients_of_mel_spectrograms(log):
    mel = audio.MelSpectrogram(n_fft=32, hop_length=8, n_mels=6).double()
    gradcheck(lambda x: mel.with_log(x, log), fastnet.tensor(signal(2, 90)))


def test_gradients_with_pre_emphasis():
    kaldi = audio.LogMelSpectrogram("kaldi", n_fft=40, hop_length=15, n_mels=5).double()
    gradcheck(kaldi, fastnet.tensor(signal(2, 130)))


def test_the_magnitude_of_silence_has_no_gradient():
    x = fastnet.zeros(40, requires_grad=True)
    F.spectrogram(x, 0, audio.hann_window(16), 16, 8, 16, 1.0, False).sum().backward()
    assert x.grad.tolist() == [0.0] * 40


@pytest.mark.parametrize("make", [
    lambda: audio.Spectrogram(64, power=1.0), lambda: audio.MFCC(n_mfcc=5, melkwargs={"n_fft": 64, "n_mels": 8}),
    lambda: audio.LogMelSpectrogram("whisper", n_fft=64, hop_length=20),
    lambda: audio.LogMelSpectrogram("kaldi", n_fft=50)])
def test_recorded(make):
    module = make()

    def both(x):
        x = x.detach().clone().requires_grad_()
        y = module(x)
        y.sum().backward()
        return y, x.grad
    recorded = fastnet.compile(both)
    for k in range(3):
        x = fastnet.tensor(signal(2, 700, dtype=np.float32) * (k + 1))
        for a, b in zip(recorded(x), both(x)):
            assert a.detach().numpy().tobytes() == b.detach().numpy().tobytes()


def test_one_signal_gives_the_bits_of_a_batch():
    x = fastnet.tensor(signal(3, 500, dtype=np.float32))
    module = audio.MelSpectrogram(n_fft=100, n_mels=20)
    assert (module(x)[1] == module(x[1])).all()


# ---- errors ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("call, message", [
    (lambda: F.rfft(fastnet.zeros(3).long()), "rfft: expected a floating-point input"),
    (lambda: F.rfft(fastnet.zeros(3), 0), "at least 1 sample, got 0"),
    (lambda: F.rfft(fastnet.zeros(3), norm="other"), "unknown norm 'other'"),
    (lambda: F.irfft(fastnet.zeros(3)), r"expected spectra \(..., n//2 \+ 1, 2\), got shape"),
    (lambda: fastnet.torch.stft(fastnet.zeros(99), 16), "expected return_complex=True"),
    (lambda: F.istft(fastnet.zeros(9, 4), 16), r"istft: expected spectra \(..., bins, frames\)"),
    (lambda: F.istft(fastnet.zeros(8, 4, 2), 16), "expected 9 bins"),
    (lambda: F.istft(fastnet.zeros(9, 4, 2), 16, onesided=False), "expected 16 bins"),
    (lambda: F.istft(fastnet.zeros(9, 4, 2), 16, window=fastnet.ones(15)), r"a window of shape \(16,?\)"),
    (lambda: F.istft(fastnet.zeros(9, 4, 2), 16, 20), "windows that cover each sample"),
    (lambda: F.stft(fastnet.zeros(8), 16), "more than 8 samples, half of n_fft, to reflect"),
    (lambda: F.stft(fastnet.zeros(8), 16, center=False), "at least n_fft = 16 samples"),
    (lambda: F.stft(fastnet.zeros(99), 16, window=fastnet.ones(15)), r"expected a window of shape \(16,?\)"),
    (lambda: F.stft(fastnet.zeros(99), 16, 0), "hop_length 0"),
    (lambda: F.stft(fastnet.zeros(99), 16, win_length=17), "win_length 17"),
    (lambda: audio.Spectrogram()(fastnet.zeros(999).double()), "one dtype"),
    (lambda: audio.Spectrogram(window_fn="han"), "unknown window 'han'.*did you mean"),
    (lambda: audio.MelScale(mel_scale="bark"), "unknown mel_scale 'bark'"),
    (lambda: audio.MelScale(f_min=9000.0), "0 <= f_min < f_max"),
    (lambda: audio.MFCC(n_mfcc=200), "at most n_mels = 128 coefficients"),
    (lambda: audio.MFCC(dct_type=3), "expected dct_type 2, got 3"),
    (lambda: audio.AmplitudeToDB("watts"), "unknown stype 'watts'"),
    (lambda: audio.LogMelSpectrogram("matlab"), "unknown preset 'matlab'"),
    (lambda: audio.LogMelSpectrogram("kaldi")(fastnet.zeros(399)), "at least 400 samples"),
])
def test_errors(call, message):
    with pytest.raises((RuntimeError, ValueError), match=message):
        call()


def test_an_unknown_normalization():
    for make in (lambda: fastnet.audio.Spectrogram(normalized="frame"),
                 lambda: fastnet.audio.MelSpectrogram(normalized="frame"),
                 lambda: F.spectrogram(fastnet.ones(800), 0, fastnet.ones(400), 400, 200, 400, 2.0, "frame")):
        with pytest.raises(ValueError, match="unknown normalization 'frame'"):
            make()
