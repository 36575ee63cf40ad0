"""Audio: files, resampling, spectrograms and cepstra, and augmentation. Modules have torchaudio's names and defaults.

Signals are float32 tensors (..., samples) within +-1. Spectra have their real and imaginary parts in a last dimension
of 2, which kernels read; `functional.stft(return_complex=True)` returns complex tensors.
"""
from fastnet._core.errors import name_none as _name_none
from fastnet.audio import functional
from fastnet.audio.augmentation import AddNoise, FrequencyMasking, SpecAugment, TimeMasking, TimeShift
from fastnet.audio.cepstra import PresetMFCC
from fastnet.audio.files import load, load_signal, resample, save
from fastnet.audio.folders import AudioFolder
from fastnet.audio.presets import LogMelSpectrogram
from fastnet.audio.strings import JoinedRecordings, RecordingStrings
from fastnet.audio.transforms import MFCC, AmplitudeToDB, MelScale, MelSpectrogram, Spectrogram
from fastnet.audio.windows import (
    bartlett_window,
    blackman_window,
    hamming_window,
    hann_window,
    kaiser_window,
    povey_window,
)

__all__ = [
    "AddNoise", "AmplitudeToDB", "AudioFolder", "FrequencyMasking", "JoinedRecordings", "LogMelSpectrogram", "MFCC",
    "MelScale", "MelSpectrogram", "PresetMFCC", "RecordingStrings", "SpecAugment", "Spectrogram", "TimeMasking",
    "TimeShift", "bartlett_window", "blackman_window", "functional", "hamming_window", "hann_window", "kaiser_window",
    "load", "load_signal", "povey_window", "resample", "save",
]

_name_none(globals())
