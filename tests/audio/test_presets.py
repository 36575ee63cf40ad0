"""Modules and presets, compared with the programs that they follow (skipped where those are absent) and with values
that were measured from them once."""
import itertools
import warnings

import numpy as np
import pytest

import fastnet
from fastnet import audio
from fastnet.nn.architecture import build, describe

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


def kaldi(kind, x, **options):
    """The frames of kaldi_native_fbank's OnlineFbank or OnlineMfcc."""
    knf = package("kaldi_native_fbank")
    given = getattr(knf, f"{kind}Options")()
    given.frame_opts.dither = 0
    for name, value in options.items():
        setattr(given, name, value)
    made = getattr(knf, f"Online{kind}")(given)
    made.accept_waveform(16000, x.tolist())
    made.input_finished()
    return np.stack([made.get_frame(i) for i in range(made.num_frames_ready)]).T


def kaldi_mel(x):
    return kaldi("Fbank", x)


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


POWERS = {
    "torchaudio": lambda x: package("torchaudio").transforms.MelSpectrogram()(package("torch").from_numpy(x)),
    "librosa": lambda x: package("librosa").feature.melspectrogram(y=x),
    "kaldi": lambda x: kaldi("Fbank", x, use_log_fbank=False),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("preset", POWERS)
def test_mel_spectrogram_against_its_owner(preset):
    x = tone() * np.float32(32768 if preset == "kaldi" else 1)
    close(audio.LogMelSpectrogram(preset, log=False)(fastnet.from_numpy(x)), POWERS[preset](x))


# ---- cepstra --------------------------------------------------------------------------------------------------------

CEPSTRA = [
    ("torchaudio", {}, lambda x: package("torchaudio").transforms.MFCC()(package("torch").from_numpy(x))),
    ("librosa", {}, lambda x: package("librosa").feature.mfcc(y=x)),
    ("librosa", {"n_mfcc": 13, "lifter": 22}, lambda x: package("librosa").feature.mfcc(y=x, n_mfcc=13, lifter=22)),
    ("kaldi", {}, lambda x: kaldi("Mfcc", x)),
    ("kaldi", {"n_mfcc": 20, "use_energy": False, "lifter": 0.0},
     lambda x: kaldi("Mfcc", x, num_ceps=20, use_energy=False, cepstral_lifter=0)),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("preset, options, owner", CEPSTRA)
def test_cepstra_against_their_owner(preset, options, owner):
    x = tone() * np.float32(32768 if preset == "kaldi" else 1)
    close(audio.PresetMFCC(preset, **options)(fastnet.from_numpy(x)), owner(x))


# measured from the owners (torchaudio 2, librosa 0.11, kaldi_native_fbank 1.23): (shape, the numbers [::stride, 3])
GOLDEN_CEPSTRA = {
    "torchaudio": ((40, 31), [14.77656, -27.25839, -1.663802, 7.644321, -11.53559, 3.91774, -6.369439]),
    "librosa": ((20, 12), [3.166659, 3.501368, -27.50967, -15.55244, 25.56773, 11.69988, -12.84964]),
    "kaldi": ((13, 36), [23.96199, -2.108976, 6.003422, -18.68527, -33.10433, -18.03843, -22.41761]),
}


@pytest.mark.parametrize("preset", GOLDEN_CEPSTRA)
def test_cepstra_against_measured_values(preset):
    shape, values = GOLDEN_CEPSTRA[preset]
    x = tone() * np.float32(32768 if preset == "kaldi" else 1)
    module = audio.PresetMFCC(preset)
    got = module(fastnet.from_numpy(x))
    assert got.shape == shape
    np.testing.assert_allclose(got.numpy()[::shape[0] // 6, 3], values, rtol=0, atol=2e-5 * got.abs().max().item())
    both = module(fastnet.from_numpy(np.stack((x[::-1], x))))
    np.testing.assert_array_equal(both[1].numpy(), got.numpy())
    run = fastnet.compile(module)
    assert fastnet.equal(run(fastnet.from_numpy(x)), got) and fastnet.equal(run(fastnet.from_numpy(x)), got)


def test_cepstra_errors():
    for options, message in (({"preset": "whisper"}, "preset"), ({"n_mfcc": 200}, "1 to n_mels = 128 coefficients"),
                             ({"use_energy": True}, "only with the preset 'kaldi'")):
        with pytest.raises(ValueError, match=message):
            audio.PresetMFCC(**options)


def test_a_batch_is_like_its_signals():
    x = np.stack((tone(), 0.01 * tone()[::-1]))
    for preset in OWNERS:
        module = audio.LogMelSpectrogram(preset)
        both = module(fastnet.from_numpy(x)).numpy()
        for one, expected in zip(x, both):
            np.testing.assert_array_equal(module(fastnet.from_numpy(one)).numpy(), expected)


@pytest.mark.parametrize("module", [
    audio.LogMelSpectrogram("kaldi", n_mels=30), audio.Spectrogram(64, window_fn="hamming"), audio.MelScale(20),
    audio.AmplitudeToDB(top_db=3.0), audio.LogMelSpectrogram(log=False), audio.PresetMFCC("kaldi", n_mels=30),
    audio.MelSpectrogram(8000, 256, f_min=30.0, n_mels=20, power=1.0, normalized="window", center=False,
                         norm="slaney", mel_scale="slaney"),
    audio.MFCC(n_mfcc=5), audio.MFCC(n_mfcc=5, log_mels=True, norm=None, melkwargs={
        "n_mels": 20, "n_fft": 256, "f_max": 4000.0, "center": False, "norm": None})],
    ids=lambda module: type(module).__name__)
def test_a_model_file_holds_the_module(module, tmp_path):
    fastnet.nn.Sequential(module).save(tmp_path / "m.safetensors")
    loaded, x = fastnet.load(tmp_path / "m.safetensors")[0], fastnet.from_numpy(np.abs(tone(3000)))
    assert repr(loaded) == repr(module)
    if not isinstance(module, audio.MelScale):
        assert fastnet.equal(loaded(x), module(x))


def test_a_changed_or_damaged_file_of_cepstra(tmp_path):
    path = tmp_path / "m.safetensors"
    module = audio.MFCC(n_mfcc=5, melkwargs={"n_mels": 20})
    with fastnet.no_grad():
        module.MelSpectrogram.mel_scale.fb.mul_(2)              # the file's filters are used, not new ones
    module.save(path)
    assert fastnet.equal(fastnet.load(path).MelSpectrogram.mel_scale.fb, module.MelSpectrogram.mel_scale.fb)
    described = describe(module)
    for wrong, message in (({"n_mels": [20]}, "melkwargs cannot be"), ({"mels": 20}, "unexpected keyword"),
                           ({"n_mels": 30}, "has shape"), ([20], "melkwargs cannot be"),
                           ({"n_mels": "20"}, "MFCC|module")):
        changed = described | {"arguments": described["arguments"] | {"melkwargs": wrong}}
        with pytest.raises(ValueError, match=message):
            build(changed, {name: x.numpy() for name, x in module.state_dict().items()})
