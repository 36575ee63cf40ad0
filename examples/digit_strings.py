"""Transcribe strings of spoken digits: a convolutional network, the CTC loss and beam search.

    python examples/digit_strings.py [--quick] [--data FOLDER]

A string is three to six recordings of the Free Spoken Digit Dataset, one after the other with short pauses between
them; the network is never told where a digit starts. It learns from strings of the training recordings, made when they
are needed, for about four minutes. It is judged by its digit error, the substituted, inserted and missing digits as a
share of all digits, on strings of recordings 0 to 4 of each speaker and digit, which it has never heard: about 0.4%.
--quick trains for a few steps, which is enough to run all parts, but not to transcribe anything.
"""
import argparse
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import fastnet
from fastnet import Tensor, audio, models, nn, ops
from fastnet.datasets import FSDD_RATE, fsdd

SECONDS = 3.2
BATCH = 24
LONGEST = 6

Signals = NDArray[np.float32]
Recordings = tuple[list[Signals], NDArray[np.int64]]                # signals of different lengths, and their digits
Strings = tuple[Signals, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]   # signals, samples, labels, lengths


# ---- strings --------------------------------------------------------------------------------------------------------

def unpadded(split: tuple[NDArray[np.generic], NDArray[np.int64]]) -> Recordings:
    """The recordings without the zeros after their ends, scaled to within +-1."""
    signals, labels = split
    found: list[Signals] = []
    for row in np.asarray(signals).reshape(len(labels), -1):
        end = int(np.flatnonzero(row)[-1]) + 1 if row.any() else 1
        loudest = max(float(np.abs(row[:end].astype(np.float32)).max()), 1e-6)
        found.append(row[:end].astype(np.float32) / loudest)
    return found, labels


def make_strings(rng: np.random.Generator, recordings: Recordings, count: int) -> Strings:
    """Strings with pauses of up to 0.1 s; labels are digits plus 1, since 0 is the blank."""
    signals, digits = recordings
    room = int(SECONDS * FSDD_RATE)
    batch = 0.002 * rng.standard_normal((count, room)).astype(np.float32)
    samples, lengths = np.zeros((2, count), np.int64)
    labels = np.zeros((count, LONGEST), np.int64)
    for n in range(count):
        at = int(rng.integers(0, FSDD_RATE // 10))
        for i in map(int, rng.integers(0, len(signals), rng.integers(3, LONGEST + 1))):
            signal = signals[i]
            if at + len(signal) > room:
                break
            batch[n, at:at + len(signal)] += signal * np.float32(rng.uniform(0.3, 1))
            at += len(signal) + int(rng.integers(0, FSDD_RATE // 10))
            labels[n, lengths[n]] = digits[i] + 1
            lengths[n] += 1
        samples[n] = min(at + FSDD_RATE // 20, room)
    return batch, samples, labels, lengths


# ---- training -------------------------------------------------------------------------------------------------------

def steps_of(samples: NDArray[np.int64], hop: int) -> NDArray[np.int64]:
    """The steps of the network's result that belong to each string."""
    return (samples // hop + 2) // 2


class Recognizer(nn.Module):
    """Log-mel spectrogram and network."""

    def __init__(self) -> None:
        super().__init__()
        self.spectrogram = audio.LogMelSpectrogram("torchaudio", FSDD_RATE, 40, 256, 80)
        self.network = models.ctc_recognizer()

    def forward(self, signals: Tensor) -> Tensor:
        return self.network(self.spectrogram(signals) / 20)


def train(model: Recognizer, recordings: Recordings, steps: int, rng: np.random.Generator) -> None:
    optimizer = fastnet.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = fastnet.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    criterion = nn.CTCLoss(zero_infinity=True)
    model.train()

    @fastnet.compile
    def step(signals: Tensor, samples: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = criterion(model(signals), labels, samples, lengths)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        return loss.detach()

    start = time.perf_counter()
    for number in range(1, steps + 1):
        signals, samples, labels, lengths = make_strings(rng, recordings, BATCH)
        arrays = signals, steps_of(samples, 80), labels, lengths
        loss = step(*(fastnet.from_numpy(a) for a in arrays))
        schedule.step()
        if number % 50 == 0 or number == steps:
            print(f"step {number} of {steps}: loss {loss.item():.3f}, {time.perf_counter() - start:.0f} s")


# ---- judging --------------------------------------------------------------------------------------------------------

def edit_distance(a: Sequence[int], b: Sequence[int]) -> int:
    """The fewest substitutions, insertions and deletions that turn a into b."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


def transcribe(model: Recognizer, signals: Signals, samples: NDArray[np.int64], beam_width: int) -> list[list[int]]:
    """The digits of each string."""
    with fastnet.no_grad():
        log_probs = model(fastnet.from_numpy(signals))
    lengths = steps_of(samples, 80).tolist()
    if beam_width == 1:
        found = ops.ctc_greedy_decode(log_probs, lengths)
    else:
        found = [hypotheses[0].labels for hypotheses in ops.ctc_beam_decode(log_probs, lengths, beam_width=beam_width)]
    return [[label - 1 for label in labels] for labels in found]


def digit_error(model: Recognizer, strings: Strings, beam_width: int) -> float:
    signals, samples, labels, lengths = strings
    found = transcribe(model, signals, samples, beam_width)
    right = [(row[:n] - 1).tolist() for row, n in zip(labels, lengths)]
    for digits, expected in list(zip(found, right))[:3] if beam_width > 1 else []:
        print("heard", "".join(map(str, digits)), "of", "".join(map(str, expected)))
    return sum(map(edit_distance, found, right)) / int(lengths.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few steps only")
    parser.add_argument("--data", help="the folder with the recordings")
    options = parser.parse_args()
    fastnet.manual_seed(0)
    rng = np.random.default_rng(0)
    training, test = (unpadded(split) for split in fsdd(options.data))
    model = Recognizer()
    train(model, training, 8 if options.quick else 600, rng)
    model.eval()
    strings = make_strings(np.random.default_rng(1), test, 8 if options.quick else 300)
    for beam_width in (1, 8):
        how = "greedy" if beam_width == 1 else f"beam of {beam_width}"
        print(f"digit error {digit_error(model, strings, beam_width):.2%} on {len(strings[0])} strings, {how}")


if __name__ == "__main__":
    main()
