"""Modules and presets, compared with the programs that they follow (skipped where those are absent) and with values
that were measured from them once."""
import itertools
import warnings

import numpy as np
import pytest

import fastnet
from fastnet import audio

pytestmark = pytest.mark.usefixtures("backend")
BOUND = 1e-5                            # of the largest number


def tone(length=6000, rate=16000):
    """Two gliding tones and noise, float32."""
    t = np.arange(length) / rate
    noise = np.random.default_rng(0).standard_normal(length)
    return (0.3 * np.sin(2 * np.pi * (200 + 900 * t) * t) + 0.1 * np.sin(9000 * t) + 0.1 * noise).astype(np.float32)


def package(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return pytest.importorskip(name)
        except OSError as e:            # built for another PyTorch
            pytest.skip(f"{name}: {e}")


def close(got, expected):
    expected = np.asarray(expected)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got.numpy(), expected, rtol=0, atol=BOUND * np.abs(expected).max())


# ---- torchaudio -----------------------------------------------------------------------------------------------------

TORCHAUDIO = [
    ("Spectrogram", {}), ("Spectrogram", {"n_fft": 200, "win_length": 150, "hop_length": 40, "pad": 7, "power": 1.0}),
    ("Spectrogram", {"normalized": True, "center": False}),
    ("Spectrogram", {"normalized": "frame_length", "pad_mode": "constant"}),
    *(("MelSpectrogram", {"n_fft": 256, "n_mels": 40, "norm": norm, "mel_scale": scale, "power": power, "f_min": 30.0,
                          "f_max": 7000.0})
      for norm, scale, power in itertools.product((None, "slaney"), ("htk", "slaney"), (1.0, 2.0))),
    ("MFCC", {}), ("MFCC", {"log_mels": True, "n_mfcc": 13, "norm": None}),
    ("MFCC", {"melkwargs": {"n_fft": 512, "hop_length": 160, "n_mels": 64}}),
]


@pytest.mark.parametrize("name, options", TORCHAUDIO)
def test_against_torchaudio(name, options):
    torchaudio, torch = package("torchaudio"), package("torch")
    x = np.stack((tone(), tone()[::-1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")         # of empty filters, and of MFCC's options
        theirs = getattr(torchaudio.transforms, name)(**options)
    ours = getattr(audio, name)(**options)
    expected = theirs(torch.from_numpy(x))
    close(ours(fastnet.from_numpy(x)), expected)
    state = {key: fastnet.tensor(value.numpy()) for key, value in theirs.state_dict().items()}
    ours.load_state_dict(state)
    close(ours(fastnet.from_numpy(x)), expected)


@pytest.mark.parametrize("stype, top", [("power", None), ("power", 20.0), ("magnitude", 20.0)])
@pytest.mark.parametrize("shape", [(7, 9), (2, 7, 9), (2, 3, 7, 9)])
def test_decibels_against_torchaudio(stype, top, shape):
    torchaudio, torch = package("torchaudio"), package("torch")
    x = np.random.default_rng(1).random(shape, np.float32) ** 9
    close(audio.AmplitudeToDB(stype, top)(fastnet.from_numpy(x)),
          torchaudio.transforms.AmplitudeToDB(stype, top)(torch.from_numpy(x)))


def test_filters_are_read_at_each_call():
    """Filters that were loaded into a module are used, in a recording, too."""
    mel = audio.MelSpectrogram(n_fft=64, n_mels=4)
    run = fastnet.compile(mel)
    x = fastnet.from_numpy(tone(300))
    assert run(x).abs().sum().item() > 0
    with fastnet.no_grad():
        mel.mel_scale.fb.fill_(0)
    assert run(x).abs().sum().item() == 0


# ---- the presets ----------------------------------------------------------------------------------------------------

def librosa_mel(x):
    librosa = package("librosa")
    return librosa.power_to_db(librosa.feature.melspectrogram(y=x))


def torchaudio_mel(x):
    torchaudio, torch = package("torchaudio"), package("torch")
    return torchaudio.transforms.AmplitudeToDB(top_db=80)(torchaudio.transforms.MelSpectrogram()(torch.from_numpy(x)))


def whisper_mel(x):
    return package("whisper").log_mel_spectrogram(x)


def kaldi_mel(x):
    knf = package("kaldi_native_fbank")
    options = knf.FbankOptions()
    options.frame_opts.dither = 0
    bank = knf.OnlineFbank(options)
    bank.accept_waveform(16000, x.tolist())
    bank.input_finished()
    return np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)]).T


OWNERS = {"torchaudio": torchaudio_mel, "librosa": librosa_mel, "whisper": whisper_mel, "kaldi": kaldi_mel}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("preset", OWNERS)
def test_preset_against_its_owner(preset):
    x = tone() * (32768 if preset == "kaldi" else 1)
    close(audio.LogMelSpectrogram(preset)(fastnet.from_numpy(x)), OWNERS[preset](x))


# measured from the owners: (shape, the numbers [::stride, 3])
GOLDEN = {
    "torchaudio": ((128, 31), [-50.7737, -13.40342, 7.98546, 1.719752, -4.161384, 9.290566, 4.291287]),
    "librosa": ((128, 12), [1.534949, 22.14656, 1.398925, 16.84693, -3.170496, -1.034595, -0.996325]),
    "whisper": ((80, 37), [0.4507211, 0.4402665, 0.4680205, 0.4992521, 0.7214097, 0.6084863, 0.6628325]),
    "kaldi": ((23, 36), [15.99111, 20.85403, 19.91953, 24.56176, 22.8245, 23.53638, 25.25893, 25.7391]),
}


@pytest.mark.parametrize("preset", OWNERS)
def test_preset_against_measured_values(preset):
    shape, values = GOLDEN[preset]
    x = tone() * np.float32(32768 if preset == "kaldi" else 1)
    got = audio.LogMelSpectrogram(preset)(fastnet.from_numpy(x))
    assert got.shape == shape
    np.testing.assert_allclose(got.numpy()[::shape[0] // 6, 3], values, rtol=0, atol=2e-5 * np.abs(values).max())


def test_a_batch_is_like_its_signals():
    x = np.stack((tone(), 0.01 * tone()[::-1]))
    for preset in OWNERS:
        module = audio.LogMelSpectrogram(preset)
        both = module(fastnet.from_numpy(x)).numpy()
        for one, expected in zip(x, both):
            np.testing.assert_array_equal(module(fastnet.from_numpy(one)).numpy(), expected)


@pytest.mark.parametrize("module", [
    audio.LogMelSpectrogram("kaldi", n_mels=30), audio.Spectrogram(64, window_fn="hamming"), audio.MelScale(20),
    audio.AmplitudeToDB(top_db=3.0)], ids=lambda module: type(module).__name__)
def test_a_model_file_holds_the_module(module, tmp_path):
    fastnet.nn.Sequential(module).save(tmp_path / "m.safetensors")
    assert repr(fastnet.load(tmp_path / "m.safetensors")[0]) == repr(module)
