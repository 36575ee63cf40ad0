"""The engines for features of audio, and the features that they compute."""
from dataclasses import dataclass
from itertools import product

import numpy as np

from .engines import Engine, Fastnet, PyTorch, running

SIGNALS = 2
RATE, HOP = 16000, 160
MELS = 80


@dataclass(frozen=True)
class Row:
    """A feature of `batch` signals of some seconds, in a mode ("infer" or "step")."""
    mode: str
    feature: str
    n_fft: int
    batch: int
    seconds: int

    @property
    def name(self):
        return f"{self.mode}-{self.feature}-n{self.n_fft}-b{self.batch}-s{self.seconds}"

    @property
    def work(self):
        """What a worker's engine gets: the row itself."""
        return self

    @property
    def label(self):
        return f"{self.feature}, {self.n_fft} points, {self.batch} x {self.seconds} s"


MODES = {"infer": "forward, without gradients", "step": "forward and backward"}
FEATURES = ("spectrogram", "logmel", "mfcc")
SIZES = ((400, 1, 1), (400, 32, 1), (400, 1, 30), (512, 8, 1), (1024, 8, 1), (441, 8, 1))


ROWS = [Row(mode, feature, *size) for mode, feature, size in product(MODES, FEATURES, SIZES)]


class _Features:
    """The part of an engine with PyTorch's API that concerns audio; `audio` has torchaudio's transforms."""

    def infer(self, row):
        t, module = self.module, self._built(row)
        run = self.whole(module)

        def infer(x):
            with t.no_grad():
                return run(x)
        return running(infer, lambda y: y.numpy()[-1], self._signals(row))

    def step(self, row):
        module = self._built(row)

        def step(x):
            x = x.detach().requires_grad_()
            module(x).sum().backward()
            return x.grad
        return running(self.whole(step), lambda g: g.numpy(), self._signals(row))

    def _built(self, row):
        options = {"n_fft": row.n_fft, "hop_length": HOP}
        if row.feature == "spectrogram":
            return self.audio.Spectrogram(**options)
        if row.feature == "mfcc":
            return self.audio.MFCC(melkwargs=options | {"n_mels": MELS})
        mel, decibels = self.audio.MelSpectrogram(**options, n_mels=MELS), self.audio.AmplitudeToDB(top_db=80.0)
        return lambda x: decibels(mel(x))

    def _signals(self, row):
        rng = np.random.default_rng(0)
        shape = row.batch, row.seconds * RATE
        return [(self.module.from_numpy(0.1 * rng.standard_normal(shape, np.float32)),) for _ in range(SIGNALS)]


class FastnetFeatures(_Features, Fastnet):
    """fastnet, compiled."""

    @property
    def audio(self):
        return self.module.audio


class TorchaudioFeatures(_Features, PyTorch):
    """torchaudio on eager PyTorch."""

    @property
    def audio(self):
        import torchaudio
        return torchaudio.transforms


ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (FastnetFeatures, TorchaudioFeatures)}
