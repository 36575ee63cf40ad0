"""Spoken and written digits: find pictures by recordings and recordings by pictures, of a speaker never heard before.

    python examples/digits_heard_and_seen.py [--quick] [--data FOLDER] [--speakers NAME ...] [--steps N] [--validate]

Two towers learn from pairs of a recording (Free Spoken Digit Dataset) and a picture (MNIST) of the same digit, drawn
anew in each step, with CLIP's loss over ten pairs of different digits. The image tower is LeNet-5, the other one has
four convolutions over the cepstra of a recording. Each of the six speakers is held out once. The recordings of this
speaker then look for the nearest of 1,000 of MNIST's test pictures, and the pictures for the nearest of these
recordings: the share whose first rank shows, or says, the same digit. Five voices are few, so recordings are varied in
speed, and with it in pitch, and by noise and masks. They are brought to one length, and each coefficient to one mean
and one deviation, which removes the colour of a microphone. A held-out recording is judged at three speeds, whose
features are added.

Held-out speakers are judged in three ways:

- each recording alone, with batch norm's statistics from the training;
- with batch norm's statistics from all recordings of the speaker, without their digits (Li et al. 2016,
  https://arxiv.org/abs/1603.04779);
- with these, and the mean of the features of a recording's ten nearest recordings, and of a picture's ten nearest
  pictures, in place of its own features (query expansion, Chum et al. 2007, and database augmentation, Turcot and Lowe
  2009). A voice that is new lies between the known digits, where the nearest picture is often an odd one of a wrong
  digit. The mean of an odd picture's neighbours, which are unlike each other, is short, and so are its scores.

--validate compares the three without the test: for each pair of neighbours in the list of speakers, it trains on the
other four, and judges both by 1,000 training pictures that are left out. --quick trains once, for a few steps.
"""
import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastnet
from fastnet import Tensor, audio, models, nn
from fastnet.datasets import FSDD_RATE, FSDD_SPEAKERS, fsdd, mnist
from fastnet.metrics import RetrievalHitRate
from fastnet.models import TwoTower

WIDTH = 64                              # of the features
GROUPS = 10                             # of ten pairs in a step
MELS, HOP = 32, 80                      # bins, and samples from a frame to the next: 10 ms
CEPSTRA, FRAMES = 13, 32                # of a recording
RANGE, LOUD = 40, 28                    # decibels below the loudest: what counts, and where a recording begins
SPEEDS = (0.88, 1.0, 1.14)              # at which a recording is judged
GALLERY = 1000                          # pictures
NEIGHBOURS = 10
WAYS = "alone", "statistics of the speaker", "statistics and neighbours"
STEPS = 500

Pairs = tuple[NDArray[Any], NDArray[np.int64]]


# ---- recordings -----------------------------------------------------------------------------------------------------

def recordings_of(root: str | None, speakers: Sequence[str]) -> Pairs:
    """All recordings of some speakers, and their digits."""
    (x, y), (x_test, y_test) = fsdd(root, speakers=speakers)
    return np.concatenate([x, x_test]), np.concatenate([y, y_test])


def played(signals: NDArray[np.float32], speed: NDArray[np.float64]) -> NDArray[np.float32]:
    """Play each recording at its speed, which changes the pitch and the resonances of the voice, too."""
    length = signals.shape[1]
    place = np.outer(speed, np.arange(length, dtype=np.float64))
    left = np.minimum(place.astype(np.int64), length - 2)
    share: NDArray[np.float32] = (place - left).astype(np.float32)
    rows = np.arange(len(signals))[:, None]
    made: NDArray[np.float32] = (signals[rows, left] * (1 - share) + signals[rows, left + 1] * share).astype(np.float32)
    made[place > length - 1] = 0
    return made


def to_one_length(mel: NDArray[np.float32], rng: np.random.Generator | None) -> NDArray[np.float32]:
    """A log-mel spectrogram (bins, frames) from the first loud frame to the last, as 32 frames."""
    loud = np.flatnonzero(mel.max(0) > mel.max() - LOUD)
    mel = np.maximum(mel, mel.max() - (RANGE if rng is None else rng.uniform(RANGE - 12, RANGE + 8)))
    first, last = loud[0], loud[-1]
    place = np.linspace(0, 1, FRAMES)
    if rng is not None:                 # other ends, and a warp of the time
        first, last = first + rng.uniform(-0.05, 0.1) * (last - first), last + rng.uniform(-0.1, 0.05) * (last - first)
        place = place + rng.uniform(-0.08, 0.08) * np.sin(np.pi * place)
    place = np.clip(first + place * (last - first), 0, mel.shape[1] - 1.001)
    left = place.astype(np.int64)
    found: NDArray[np.float32] = mel[:, left] + (mel[:, left + 1] - mel[:, left]) * (place - left).astype(np.float32)
    return found


class Cepstra:
    """Cepstra (N, 1, 32 frames, 13) of recordings, each coefficient with mean 0 and deviation 1 over the frames."""

    def __init__(self) -> None:
        self.mel = audio.LogMelSpectrogram("torchaudio", FSDD_RATE, MELS, 256, HOP)
        self.cosines = audio.functional.create_dct(CEPSTRA, MELS, "ortho").numpy().T
        self.noise = audio.AddNoise(5, 45)
        self.mask = audio.SpecAugment(1, 6, 1, 2)

    def __call__(self, signals: NDArray[np.int16], rng: np.random.Generator | None = None,
                 speed: float = 1.0) -> Tensor:
        """Cepstra at a speed; at random speeds, and varied, if there is a generator."""
        n = len(signals)
        x: NDArray[np.float32] = signals.astype(np.float32) / np.float32(32768)
        x = played(x, np.full(n, speed) if rng is None else np.exp(rng.uniform(-0.25, 0.25, n)))
        if rng is not None:
            x = self.noise(x, rng=rng)
        with fastnet.no_grad():
            mel = self.mel(fastnet.from_numpy(x)).numpy()
        found = self.cosines @ np.stack([to_one_length(row, rng) for row in mel])
        found = (found - found.mean(2, keepdims=True)) / (found.std(2, keepdims=True) + 1e-3)
        if rng is not None:
            found = self.mask(found, rng=rng)
        return fastnet.from_numpy(np.ascontiguousarray(found.transpose(0, 2, 1), np.float32)[:, None])


def pictures(x: NDArray[np.uint8]) -> Tensor:
    return fastnet.from_numpy(x[:, None].astype(np.float32) / 255)


# ---- training and judging -------------------------------------------------------------------------------------------

def sound_tower() -> nn.Sequential:
    """(N, 1, 32 frames, 13 cepstra) to (N, 64)."""
    layers: list[nn.Module] = []
    for inputs, outputs, stride in ((1, 24, 1), (24, 48, 2), (48, 96, 2), (96, 96, 2)):
        layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.4), nn.Linear(4 * 2 * 96, WIDTH))


def of_each_digit(digits: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of the digits 0 to 9, drawn for each group."""
    rows = [rng.choice(np.flatnonzero(digits == digit), GROUPS) for digit in range(10)]
    return np.stack(rows, 1).reshape(-1)


def train(model: TwoTower, spoken: Pairs, written: Pairs, steps: int) -> None:
    optimizer = fastnet.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = fastnet.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
    criterion, rng, cepstra, shift = nn.ClipLoss(), np.random.default_rng(0), Cepstra(), fastnet.data.RandomShift(2)
    model.train()

    @fastnet.compile
    def step(images: Tensor, sounds: Tensor) -> Tensor:
        optimizer.zero_grad()
        seen, heard, scale = model(images, sounds)
        groups = zip(seen.chunk(GROUPS), heard.chunk(GROUPS))
        loss: Tensor = fastnet.stack([criterion(a, b, scale) for a, b in groups]).mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    start = time.perf_counter()
    for number in range(1, steps + 1):
        heard, seen = of_each_digit(spoken[1], rng), of_each_digit(written[1], rng)
        loss = step(pictures(shift(written[0][seen], rng=rng)), cepstra(spoken[0][heard], rng))
        schedule.step()
        if number % 100 == 0 or number == steps:
            print(f"step {number} of {steps}: loss {loss.item():.3f}, {time.perf_counter() - start:.0f} s", flush=True)


def first_ranks(scores: NDArray[np.float32], asked: NDArray[np.int64], items: NDArray[np.int64]) -> float:
    """The share of the queries whose item with the highest score has their digit."""
    metric = RetrievalHitRate(top_k=1)
    metric.update(scores, asked[:, None] == items)
    return metric.compute()


def encode_speaker(model: TwoTower, signals: NDArray[np.int16], own_statistics: bool) -> Tensor:
    """Features of all recordings of a speaker, of length 1."""
    model.eval()
    for module in model.text.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train(own_statistics)        # the statistics of this batch
    cepstra = Cepstra()
    found = [model.encode_text(cepstra(signals, speed=speed), normalize=True) for speed in SPEEDS]
    return nn.functional.normalize(found[0] + found[1] + found[2], dim=1)


def mean_of_neighbours(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the features of each row's nearest rows, itself among them."""
    nearest = np.argsort(-(features @ features.T), 1, "stable")[:, :NEIGHBOURS]
    found: NDArray[np.float32] = features[nearest].mean(1)
    return found


def judge(model: TwoTower, spoken: Pairs, written: Pairs) -> list[tuple[float, float]]:
    """For each of WAYS, first ranks of the right digit: pictures by recordings, and recordings by pictures."""
    with fastnet.no_grad():
        alone, heard = (encode_speaker(model, spoken[0], own).numpy() for own in (False, True))
        seen = model.encode_image(pictures(written[0]), normalize=True).numpy()
    found: list[tuple[float, float]] = []
    for sounds, images in ((alone, seen), (heard, seen), (mean_of_neighbours(heard), mean_of_neighbours(seen))):
        scores = sounds @ images.T
        found.append((first_ranks(scores, spoken[1], written[1]), first_ranks(scores.T, written[1], spoken[1])))
    return found


def trainings(validate: bool, speakers: Sequence[str]) -> list[tuple[str, ...]]:
    """The speakers that each training leaves out."""
    if not validate:
        return [(speaker,) for speaker in speakers]
    return [(speaker, FSDD_SPEAKERS[(FSDD_SPEAKERS.index(speaker) + 1) % len(FSDD_SPEAKERS)]) for speaker in speakers]


def report(name: str, found: Sequence[tuple[float, float]]) -> None:
    for way, (by_recording, by_picture) in zip(WAYS, found):
        print(f"{name}, {way}: right first ranks: picture by recording {by_recording:.1%}, recording by picture "
              f"{by_picture:.1%}", flush=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one training, a few steps")
    parser.add_argument("--data", metavar="FOLDER", help="the folder with fsdd/ and mnist/")
    parser.add_argument("--speakers", metavar="NAME", nargs="+", choices=FSDD_SPEAKERS, help="hold out these only")
    parser.add_argument("--steps", metavar="N", type=int, default=STEPS, help=f"of a training (default: {STEPS})")
    parser.add_argument("--validate", action="store_true", help="judge validation speakers, not the test")
    args = parser.parse_args(arguments)
    roots = [None if args.data is None else f"{args.data}/{name}" for name in ("fsdd", "mnist")]
    (x, y), (x_test, y_test) = mnist(roots[1])
    if args.validate:
        written, gallery = (x[:-GALLERY], y[:-GALLERY]), (x[-GALLERY:], y[-GALLERY:])
    else:
        written, gallery = (x, y), (x_test[:GALLERY], y_test[:GALLERY])
    found: list[list[tuple[float, float]]] = []
    for left_out in trainings(args.validate, args.speakers or FSDD_SPEAKERS[:1 if args.quick else None]):
        fastnet.manual_seed(0)
        spoken = recordings_of(roots[0], [speaker for speaker in FSDD_SPEAKERS if speaker not in left_out])
        model = models.two_tower(models.lenet5(WIDTH), sound_tower())
        train(model, spoken, written, 3 if args.quick else args.steps)
        for speaker in left_out:
            found.append(judge(model, recordings_of(roots[0], [speaker]), gallery))
            report(speaker, found[-1])
    report("mean", np.mean(found, 0).tolist())


if __name__ == "__main__":
    main()
