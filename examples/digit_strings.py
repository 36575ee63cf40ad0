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

BATCH = 24


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


def train(model: Recognizer, strings: audio.JoinedRecordings, steps: int, rng: np.random.Generator) -> None:
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
        signals, samples, labels, lengths = strings.make(BATCH, rng)
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


def transcribe(model: Recognizer, signals: NDArray[np.float32], samples: NDArray[np.int64],
               beam_width: int) -> list[list[int]]:
    """The digits of each string."""
    with fastnet.no_grad():
        log_probs = model(fastnet.from_numpy(signals))
    lengths = steps_of(samples, 80).tolist()
    if beam_width == 1:
        found = ops.ctc_greedy_decode(log_probs, lengths)
    else:
        found = [hypotheses[0].labels for hypotheses in ops.ctc_beam_decode(log_probs, lengths, beam_width=beam_width)]
    return [[label - 1 for label in labels] for labels in found]


def digit_error(model: Recognizer, strings: audio.RecordingStrings, beam_width: int) -> float:
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
    training, test = (audio.JoinedRecordings(x, y + 1, FSDD_RATE) for x, y in fsdd(options.data))
    model = Recognizer()
    train(model, training, 8 if options.quick else 600, rng)
    model.eval()
    strings = test.make(8 if options.quick else 300, np.random.default_rng(1))
    for beam_width in (1, 8):
        how = "greedy" if beam_width == 1 else f"beam of {beam_width}"
        print(f"digit error {digit_error(model, strings, beam_width):.2%} on {len(strings[0])} strings, {how}")


if __name__ == "__main__":
    main()
