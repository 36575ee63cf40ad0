"""Explanations of models that take waveforms, and of those that take spectrograms."""
import numpy as np
import pytest

import fastnet
from fastnet import audio, explain, nn

RATE, SAMPLES = 4000, 2000
TONE = slice(1000, 1500)                # where the recordings of class 1 have a tone


def recordings(count, seed):
    """Noise, (N, samples); every second recording has a tone in the second half."""
    rng = np.random.default_rng(seed)
    x = 0.05 * rng.standard_normal((count, SAMPLES))
    x[1::2, TONE] += 0.5 * np.sin(2 * np.pi * 600 * np.arange(500) / RATE)
    return x.astype(np.float32), np.arange(count) % 2


@pytest.fixture(scope="module")
def listener():
    fastnet.manual_seed(0)
    model = nn.Sequential(audio.LogMelSpectrogram("torchaudio", RATE, 16, 128, 64), nn.Flatten(), nn.Linear(16 * 32, 2))
    x, y = recordings(40, 0)
    fastnet.Trainer(model, "adam", lr=3e-3, loss="cross_entropy").fit(x, y, epochs=10, batch_size=8, progress=False)
    return model


@pytest.fixture(scope="module")
def sound():
    return fastnet.from_numpy(recordings(2, 1)[0][1:])


def test_occlusion_finds_when_the_tone_sounds(listener, sound):
    found = explain.Occlusion(listener).attribute(sound, (200,), (100,), target=1).numpy()[0]
    inside, outside = found[TONE], np.delete(found, np.arange(SAMPLES)[TONE])
    assert found.shape == (SAMPLES,) and inside.mean() > 2 * np.abs(outside).mean()


def test_gradients_pass_the_spectrogram(listener, sound):
    slopes = explain.Saliency(listener).attribute(sound, 1, abs=False).numpy()
    step, direction = 1e-3, fastnet.from_numpy(np.sign(slopes))
    with fastnet.no_grad():
        rise = (listener(sound + step * direction) - listener(sound - step * direction))[0, 1].item()
    assert rise / (2 * step) == pytest.approx(np.abs(slopes).sum(), rel=0.05)


def test_attributions_of_a_spectrogram_add_up(listener, sound):
    spectrogram = listener[0](sound)
    found, delta = explain.IntegratedGradients(listener[1:]).attribute(
        spectrogram, float(spectrogram.min()), 1, return_convergence_delta=True)
    assert found.shape == (1, 16, 32) and float(delta.abs().max()) < 1e-3
    frames = np.maximum(found.numpy()[0], 0).sum(0)
    assert frames[TONE.start // 64:TONE.stop // 64 + 1].sum() > 0.5 * frames.sum()
