"""Settings of fastnet's modules that change after a recording."""
import pytest
from program_tools import equal

import fastnet
from fastnet import audio, models, nn

pytestmark = pytest.mark.usefixtures("backend")


class Smooth(nn.Softplus):
    """A class of the user."""


def part(model, kind):
    """The last part of a model whose class has this name."""
    return [module for module in model.modules() if type(module).__name__ == kind][-1]


GPT = {"vocab_size": 11, "n_positions": 8, "n_embd": 8, "n_layer": 1, "n_head": 2}
# name -> (the module, the shape of its input, the part whose setting changes, the setting, its new value)
SETTINGS = {
    "a layer": (lambda: nn.LeakyReLU(0.1), (2, 3), "LeakyReLU", "negative_slope", 0.5),
    "a subclass of a layer": (Smooth, (2, 3), "Smooth", "beta", 3.0),
    "a layer in a Sequential": (lambda: nn.Sequential(nn.ELU(), nn.Softshrink()), (2, 3), "Softshrink", "lambd", 0.1),
    "a block of a model": (lambda: models.mobilenet_v2().features[3], (1, 24, 4, 4), "InvertedResidual", "residual",
                           False),
    "attention of a model": (lambda: models.gpt(**GPT), None, "Attention", "heads", 4),
    "a transform of audio": (lambda: audio.Spectrogram(16), (1, 64), "Spectrogram", "power", 1.0),
    "a part of a transform": (lambda: audio.MelSpectrogram(n_fft=64, n_mels=4), (1, 200), "Spectrogram", "power", 1.0),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_changed_setting_of_a_module(name):
    make, shape, kind, setting, value = SETTINGS[name]
    fastnet.manual_seed(0)
    module = make().eval()
    x = fastnet.arange(8)[None] if shape is None else fastnet.randn(*shape)
    compiled = fastnet.compile(module)
    with fastnet.no_grad():
        before = module(x)
        assert equal(compiled(x), before) and equal(compiled(x), before)
        setattr(part(module, kind), setting, value)
        after = module(x)
        assert not equal(after, before)
        assert equal(compiled(x), after) and equal(compiled(x), after)
    assert len(compiled) == 2


def test_another_attribute_and_the_mode_cause_no_recording():
    dropout, slope = nn.Dropout(0.0), nn.LeakyReLU(0.5)
    both = fastnet.compile(lambda x: slope(dropout(x)))
    x = -fastnet.ones(4)
    assert both(x).tolist() == both(x).tolist() == [-0.5] * 4
    dropout.p = 1.0
    assert both(x).tolist() == both(x).tolist() == [0.0] * 4
    dropout.p = 0.0
    dropout.eval(), dropout.train()
    assert both(x).tolist() == [-0.5] * 4
    count, slope.negative_slope = len(both), slope.negative_slope
    slope.tag = "not a setting"
    both(x)
    assert len(both) == count
