"""Batches of speech: strings of joined digits, or the recordings of a folder with transcripts."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from fastnet import audio, datasets
from fastnet._core.annotations import Array
from fastnet._core.construction import from_numpy
from fastnet._core.tensor import Tensor
from fastnet.cli.settings import TrainSettings
from fastnet.cli.speech.manifest import Utterance, manifest_of, read_manifest
from fastnet.cli.speech.preparation import SpeechInputs, normalized, read_speech
from fastnet.data.arrays import fingerprint
from fastnet.data.prefetch import Prefetched
from fastnet.data.splits import stratified_split

__all__ = ["Digits", "Examples", "Recorded", "Source", "SpeechLoader", "joined_digits", "transcribed_folder"]

_POOL_BATCHES = 50                      # batches whose recordings are sorted by length together
_LENGTHS = 8                            # different padded lengths of batches, each of which is recorded once
_NOISE = 0.004                          # the most noise that is added to a recording of the training
_SPEEDS = (0.9, 1.1)                    # of a recording of the training, relative
_STRINGS = {"train": 2400, "validation": 120, "test": 300}      # of joined digits, an epoch


class Examples(NamedTuple):
    """Signals and their transcripts.

    Attributes:
        signals: float32 (samples,) each.
        texts: normalized transcripts.
    """

    signals: Sequence[Array]
    texts: Sequence[str]


class Source(Protocol):
    """Examples to draw batches from."""

    def __len__(self) -> int: ...

    def lengths(self) -> Array:
        """Samples of each example; an upper bound is enough."""

    def take(self, rows: Array, rng: np.random.Generator | None) -> Examples:
        """Some examples; `rng` draws what is random about them, None: nothing is."""


class Digits:
    """Strings of digits, drawn anew for each batch.

    Args:
        joined: of the recordings.
        count: strings of an epoch.
    """

    def __init__(self, joined: audio.JoinedRecordings, count: int) -> None:
        self.joined, self.count = joined, count

    def __len__(self) -> int:
        return self.count

    def lengths(self) -> Array:
        """Samples of each string."""
        return np.full(self.count, int(self.joined.seconds * self.joined.rate))

    def take(self, rows: Array, rng: np.random.Generator | None) -> Examples:
        """As many strings as rows; without a generator they depend on the rows only."""
        strings = self.joined.make(len(rows), rng or np.random.default_rng(1 + int(rows[0])))
        signals = [signal[:samples] for signal, samples in zip(strings.signals, strings.samples)]
        texts = ["".join(str(label - 1) for label in labels[:length])
                 for labels, length in zip(strings.labels, strings.lengths)]
        return Examples(signals, texts)


class Recorded:
    """Recordings of a folder.

    Args:
        signals: of all of them.
        texts: normalized transcripts.
        changes: whether `take` changes the speed and adds noise, if it has a generator.
    """

    def __init__(self, signals: Sequence[Array], texts: Sequence[str], changes: bool = False) -> None:
        self.signals, self.texts, self.changes = signals, texts, changes

    def __len__(self) -> int:
        return len(self.signals)

    def lengths(self) -> Array:
        """Samples of each recording."""
        return np.array([len(signal) for signal in self.signals], np.int64)

    def take(self, rows: Array, rng: np.random.Generator | None) -> Examples:
        """The recordings with these numbers, changed at random if wanted."""
        signals = [self.signals[row] for row in rows]
        if rng is not None and self.changes:
            signals = [_changed_speech(signal, rng) for signal in signals]
        return Examples(signals, [self.texts[row] for row in rows])

    def rows(self, rows: Array, changes: bool = False) -> Recorded:
        """Some of the recordings.

        Args:
            rows: their numbers.
            changes: see Recorded.
        """
        return Recorded([self.signals[row] for row in rows], [self.texts[row] for row in rows], changes)


def _changed_speech(signal: Array, rng: np.random.Generator) -> Array:
    """A recording at another speed and with noise. Ko et al. 2015, "Audio augmentation for speech recognition"."""
    places = np.arange(0, len(signal) - 1, rng.uniform(*_SPEEDS))
    made = np.interp(places, np.arange(len(signal)), signal).astype(np.float32) if len(places) else signal
    level = np.abs(made).max(initial=0.0) * np.float32(rng.uniform(0, _NOISE))
    return made + level * rng.standard_normal(len(made), np.float32)


class SpeechLoader:
    """Batches of recordings of similar lengths: (features, target), where a row of the target holds the number of the
    model's steps, the number of classes, and the classes.

    Args:
        source: of the examples.
        inputs: prepares them.
        batch_size: examples of a batch.
        seed: of the order and of random changes; None: the examples in their order, unchanged.
        augment: changes features (N, mels, frames), given a generator.
    """

    ends_in_one = False                 # batch norm counts frames, so a batch of one recording is no problem

    def __init__(self, source: Source, inputs: SpeechInputs, batch_size: int, seed: int | None = None,
                 augment: Callable[..., Any] | None = None) -> None:
        self.dataset, self.inputs, self.batch_size = source, inputs, batch_size
        self.seed, self.augment = seed, augment
        self._lengths = source.lengths()
        longest = int(self._lengths.max(initial=1))
        self._multiple = max(inputs.hop, -(-longest // _LENGTHS // inputs.hop) * inputs.hop)

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self.epoch(0)

    def epoch(self, number: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch.

        Args:
            number: of the epoch.
            start: the first batch.
        """
        return Prefetched(self._batches(number, start), 1)

    def _batches(self, number: int, start: int) -> Iterator[tuple[Tensor, Tensor]]:
        batches = self._rows(number)
        for place in range(start, len(batches)):
            rng = None if self.seed is None else np.random.default_rng((self.seed, number, place))
            examples = self.dataset.take(batches[place], rng)
            features = self.inputs.features(examples.signals, self._multiple)
            if self.augment is not None and rng is not None:
                features = self.augment(features, rng=rng)
            yield from_numpy(features), from_numpy(self._target(examples))

    def _rows(self, number: int) -> list[Array]:
        """The rows of each batch."""
        size, order = self.batch_size, np.arange(len(self.dataset))
        if self.seed is None:
            return [order[i:i + size] for i in range(0, len(order), size)]
        rng = np.random.default_rng((self.seed, number))
        order = rng.permutation(order)
        batches = []
        for i in range(0, len(order), _POOL_BATCHES * size):
            pool = order[i:i + _POOL_BATCHES * size]
            pool = pool[np.argsort(self._lengths[pool], kind="stable")]
            batches += [pool[j:j + size] for j in range(0, len(pool), size)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def _target(self, examples: Examples) -> Array:
        classes = [self.inputs.classes(text) for text in examples.texts]
        made = np.zeros((len(classes), 2 + max(self._most_classes, *map(len, classes))), np.int64)
        for row, signal, found in zip(made, examples.signals, classes):
            row[:2] = self.inputs.steps(len(signal)), len(found)
            row[2:2 + len(found)] = found
        return made

    @property
    def _most_classes(self) -> int:
        """The width of targets, the same for all batches so that one recording serves them."""
        source = self.dataset
        return source.joined.most if isinstance(source, Digits) else max(map(len, getattr(source, "texts", [""])))


class SpeechData(NamedTuple):
    """The parts of a training.

    Attributes:
        inputs: the preparation.
        train, validation, test: sources; validation and test may be None.
        noun: what the examples are.
        checksum: of the data to train on.
        notes: lines about the data.
    """

    inputs: SpeechInputs
    train: Source
    validation: Source | None
    test: Source | None
    noun: str
    checksum: int
    notes: list[str]


def joined_digits(settings: TrainSettings, root: str | None = None) -> SpeechData:
    """Strings of the recordings of fsdd: of training recordings, and of its test recordings.

    Args:
        settings: see `speech_settings`.
        root: the folder with the recordings.

    Raises:
        ValueError, OSError: see `datasets.fsdd`.
    """
    (x, y), test = datasets.fsdd(root)
    share = settings["validation_split"]
    rows, held_out = stratified_split(y, share, settings["seed"]) if share else (np.arange(len(y)), np.arange(0))
    parts = {"train": (x[rows], y[rows]), "validation": (x[held_out], y[held_out]), "test": test}
    sources = {name: Digits(audio.JoinedRecordings(signals, labels + 1, datasets.FSDD_RATE), _STRINGS[name])
               for name, (signals, labels) in parts.items() if len(labels)}
    some = sources["train"].take(np.arange(64), None)
    inputs = SpeechInputs.measured(datasets.FSDD_RATE, [str(digit) for digit in range(10)], some.signals)
    return SpeechData(inputs, sources["train"], sources.get("validation"), sources["test"], "strings of digits",
                      fingerprint(x[rows], y[rows]), [])


def transcribed_folder(path: str, settings: TrainSettings) -> SpeechData:
    """The recordings of a folder that has a file of transcripts.

    Args:
        path: of the folder or of the file.
        settings: see `speech_settings`.

    Raises:
        ValueError, OSError: a recording that cannot be read or that is too short for its transcript.
    """
    manifest = manifest_of(path)
    if manifest is None:
        raise FileNotFoundError(f"{path}: there is no file of transcripts")
    source, rate, notes = read_utterances(read_manifest(manifest), None, settings.get("skip_unreadable", False))
    rows, test = _random_split(len(source), settings["test_split"], settings["seed"], "test")
    kept, held_out = _random_split(len(rows), settings["validation_split"], settings["seed"], "validation")
    train = source.rows(rows[kept], settings["augment"] == "standard")
    vocabulary = sorted(set("".join(train.texts)))
    some = train.signals[::max(1, len(train) // 200)]
    inputs = SpeechInputs.measured(rate, vocabulary, some)
    notes.append(f"{len(vocabulary)} characters: {''.join(vocabulary)!r}")
    notes += _require_steps(inputs, train)
    return SpeechData(inputs, train, source.rows(rows[held_out]) if len(held_out) else None,
                      source.rows(test) if len(test) else None, "recordings",
                      fingerprint(*[np.asarray(signal) for signal in train.signals[:64]], np.array(rows)), notes)


def _random_split(count: int, share: float, seed: int, purpose: str) -> tuple[Array, Array]:
    try:
        return stratified_split(np.zeros(count, np.int64), share, seed) if share else (np.arange(count), np.arange(0))
    except ValueError as e:
        raise ValueError(f"{e}; use --{purpose} 0 to hold out nothing") from None


def _require_steps(inputs: SpeechInputs, train: Recorded) -> list[str]:
    """A line about recordings that are too short for their transcripts; all of them are an error."""
    short = [text for signal, text in zip(train.signals, train.texts)
             if not inputs.fits(inputs.classes(text), len(signal))]
    if len(short) == len(train):
        raise ValueError(f"all recordings are too short for their transcripts, such as {short[0][:60]!r}: a second "
                         f"gives {inputs.steps(inputs.rate)} characters at most")
    if not short:
        return []
    return [f"{len(short)} of {len(train)} recordings are too short for their transcripts, such as {short[0][:60]!r}, "
            "and are not learnt"]


def read_utterances(utterances: Sequence[Utterance], rate: int | None, skip: bool,
                    convert: bool = False) -> tuple[Recorded, int, list[str]]:
    """The recordings of utterances, their rate, and lines about those that were left out.

    Args:
        utterances: see `read_manifest`.
        rate: samples a second; None: that of the first one.
        skip: leave out what cannot be read, instead of raising an error.
        convert: see `read_speech`.

    Raises:
        ValueError, OSError: a recording that cannot be read, or a transcript without letters.
    """
    signals, texts, skipped = list[Array](), list[str](), list[str]()
    for utterance in utterances:
        try:
            text = normalized(utterance.text)
            if not text:
                raise ValueError(f"{utterance.where}: expected letters or digits, got {utterance.text!r}")
            signal, found = read_speech(Path(utterance.path), rate, convert)
        except (ValueError, OSError) as e:
            if not skip:
                raise
            skipped.append(str(e))
            continue
        rate = found
        signals.append(signal)
        texts.append(text)
    if rate is None or not signals:
        raise ValueError(f"none of the recordings can be read; the first: {skipped[0]}")
    count = len(skipped)
    return Recorded(signals, texts), rate, [] if not count else [
        f"left out {count} recording{'s' * (count > 1)} that cannot be read, the first: {skipped[0]}"]
