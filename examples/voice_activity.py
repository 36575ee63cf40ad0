"""Train an ONNX file further: Silero's voice activity detector, for speech in loud noise.

    pip install silero-vad
    python examples/voice_activity.py [--quick] [--model FILE] [--data FOLDER] [--save FILE]

The file tells for each window of 32 ms whether somebody speaks. In noise as loud as the voice it is often wrong.
`fastnet.onnx.load` makes a module of the file, which learns here from recordings of the Free Spoken Digit Dataset in
random noise, for a few minutes. It is judged on recordings, and on noise, that it has not heard: it gets 24.4% of the
windows wrong before and 5.0% after. --quick trains for a few steps, which is enough to run all parts.
"""
import argparse
import importlib.util
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import fastnet
import fastnet.onnx
from fastnet import Tensor, nn
from fastnet.datasets import FSDD_RATE, fsdd

WINDOW, CONTEXT, STATE = 256, 32, 128       # samples of a window and before it at 8 kHz; units of the recurrent state
WINDOWS = 48                                # of a scene
BATCH = 32
AUDIBLE = 0.01                              # of a recording's greatest power: windows below are no speech
RATE = np.array(FSDD_RATE)                  # an array, not a tensor: the file decides by it which of its parts to run

Scenes = tuple[NDArray[np.float32], NDArray[np.float32]]


# ---- scenes ---------------------------------------------------------------------------------------------------------

def noise(rng: np.random.Generator, samples: int) -> NDArray[np.float32]:
    """Noise of unit power whose spectrum falls by a random power of the frequency, with a random rhythm."""
    spectrum = np.fft.rfft(rng.normal(size=samples))
    spectrum /= np.maximum(np.arange(len(spectrum)), 20) ** rng.uniform(0.0, 1.0)
    times = np.arange(samples) / FSDD_RATE
    rhythm = 1 + rng.uniform(0, 0.9) * np.sin(2 * np.pi * (rng.uniform(0.5, 6) * times + rng.uniform()))
    found = np.fft.irfft(spectrum, samples) * rhythm
    return np.asarray(found / found.std(), np.float32)


def scene(recordings: NDArray[np.int16], rng: np.random.Generator) -> Scenes:
    """A signal with two recordings, one after the other with pauses, in noise; and which windows have speech."""
    samples = WINDOWS * WINDOW
    clean = np.zeros(samples, np.float32)
    labels = np.zeros(WINDOWS, np.float32)
    place = 0
    for recording in recordings[rng.integers(len(recordings), size=2)]:
        voice: NDArray[np.float32] = np.trim_zeros(recording.astype(np.float32))
        place += int(rng.integers(800, 3000))
        part = voice[:max(samples - place, 0)]
        if len(part) < WINDOW:
            break
        clean[place:place + len(part)] = part / np.sqrt(np.mean(part**2))
        place += len(part)
    power = (clean.reshape(WINDOWS, WINDOW) ** 2).mean(1)
    labels[power > AUDIBLE * power.max()] = 1
    loudness = 10 ** (rng.uniform(-5, 10) / -20)                    # relative to the voice, from 10 dB below to 5 above
    return np.asarray(0.05 * (clean + loudness * noise(rng, samples)), np.float32), labels


def scenes(recordings: NDArray[np.int16], count: int, seed: int) -> Scenes:
    rng = np.random.default_rng(seed)
    signals, labels = zip(*(scene(recordings, rng) for _ in range(count)))
    return np.stack(signals), np.stack(labels)


# ---- the model ------------------------------------------------------------------------------------------------------

def probabilities(model: nn.Module, signals: Tensor) -> Tensor:
    """The probability of speech in each window (N, WINDOWS) of signals (N, samples)."""
    padded = nn.functional.pad(signals, (CONTEXT, 0))
    state = fastnet.zeros(2, len(signals), STATE)
    found: list[Tensor] = []
    for i in range(WINDOWS):
        window = padded[:, i * WINDOW:(i + 1) * WINDOW + CONTEXT]
        probability, state = model(window, state, RATE)
        found.append(probability)
    return fastnet.cat(found, 1)


def errors(model: nn.Module, signals: NDArray[np.float32], labels: NDArray[np.float32]) -> tuple[float, float, float]:
    """The shares of all windows, of those with speech and of those without that the model gets wrong."""
    with fastnet.no_grad():
        found = fastnet.cat([probabilities(model, fastnet.tensor(signals[i:i + 50]))
                             for i in range(0, len(signals), 50)]).numpy()
    wrong = (found > 0.5) != (labels > 0.5)
    return float(wrong.mean()), float(wrong[labels > 0.5].mean()), float(wrong[labels < 0.5].mean())


def train(model: nn.Module, recordings: NDArray[np.int16], steps: int) -> None:
    optimizer = fastnet.optim.Adam(model.parameters(), lr=3e-4)
    schedule = fastnet.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps)

    @fastnet.compile
    def step(signals: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        found = probabilities(model, signals).clamp(1e-6, 1 - 1e-6)
        loss = nn.functional.binary_cross_entropy(found, labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    start = time.perf_counter()
    for number in range(1, steps + 1):
        signals, labels = scenes(recordings, BATCH, seed=number)
        loss = step(fastnet.tensor(signals), fastnet.tensor(labels))
        schedule.step()
        if number % 50 == 0 or number == steps:
            print(f"step {number:4d}: loss {loss.item():.3f}, {time.perf_counter() - start:.0f} s", flush=True)


def installed_model() -> Path:
    found = importlib.util.find_spec("silero_vad")
    if found is None or found.origin is None:
        raise SystemExit("silero-vad is not installed: give its file with --model, or run pip install silero-vad")
    return Path(found.origin).parent / "data" / "silero_vad.onnx"


def main() -> None:
    parser = argparse.ArgumentParser(description="Train Silero's voice activity detector further, for loud noise.")
    parser.add_argument("--quick", action="store_true", help="a few steps")
    parser.add_argument("--model", metavar="FILE", help="the ONNX file (default: that of the installed silero-vad)")
    parser.add_argument("--data", metavar="FOLDER", help="the folder of the Free Spoken Digit Dataset")
    parser.add_argument("--save", metavar="FILE", help="save the weights")
    args = parser.parse_args()
    fastnet.manual_seed(0)
    (train_recordings, _), (test_recordings, _) = fsdd(args.data)
    model = fastnet.onnx.load(args.model or installed_model())
    unheard = scenes(test_recordings, 50 if args.quick else 400, seed=1_000_000)
    for moment in ("before", "after"):
        share, missed, false = errors(model, *unheard)
        print(f"{moment}: {share:.1%} of the windows wrong; {missed:.1%} of those with speech, {false:.1%} of the "
              "others")
        if moment == "before":
            train(model, train_recordings, 3 if args.quick else 150)
    if args.save:
        fastnet.save_file(model.state_dict(), args.save)


if __name__ == "__main__":
    main()
