"""Models without a description of their architecture: only their weights are saved, and the error says why."""
import re

import pytest
from module_tools import Block, assert_equal, values

import fastnet
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")


class Mine(nn.Linear):
    pass


def hooked():
    model = nn.Sequential(nn.Linear(2, 2))
    model[0].register_forward_hook(lambda *_: None)
    return model


def with_attribute(name, value, model=None):
    model = nn.Linear(2, 2) if model is None else model
    setattr(model, name, value)
    return model


def without(name, model):
    setattr(model, name, None)
    return model


def nested(depth):
    model = nn.Tanh()
    for _ in range(depth):
        model = nn.Sequential(model)
    return model


def doubled(times):
    model = nn.Sequential(nn.Tanh())
    for _ in range(times):
        model = nn.Sequential(model, model)
    return model


OTHERS = {
    "of a class of one's own": (Block, "the model is a Block, which is not one of fastnet.nn's modules"),
    "with such a module": (lambda: nn.Sequential(Mine(2, 2)), "module '0' is a Mine, which is not one of fastnet.nn's"),
    "with hooks": (hooked, "module '0' has hooks"),
    "with another forward": (lambda: with_attribute("forward", abs), "attribute 'forward'"),
    "with an attribute": (lambda: with_attribute("note", "x"), "attribute 'note'"),
    "with an odd setting": (lambda: with_attribute("alpha", object(), nn.ELU()), "alpha is an object of type object"),
    "with a tensor as a setting": (lambda: with_attribute("alpha", fastnet.ones(1), nn.ELU()), "of type Tensor"),
    "with a setting that is none": (lambda: with_attribute("p", 2.0, nn.Dropout()), "Dropout"),
    "with a module more": (lambda: with_attribute("more", nn.Tanh()), "module 'more'"),
    "with a parameter more": (lambda: with_attribute("more", nn.Parameter(fastnet.ones(1))), "its parameters"),
    "with a parameter less": (lambda: without("weight", nn.BatchNorm1d(2)), "its parameters"),
    "with another shape": (lambda: with_attribute("in_features", 3), "its parameters"),
    "with a parameter of another name": (
        lambda: with_attribute("more", nn.Parameter(fastnet.ones(1)), nn.ParameterList()), "its parameters more"),
    "with a parameter of integers": (
        lambda: nn.ParameterList([nn.Parameter(fastnet.tensor([1]), requires_grad=False)]), "its parameters 0"),
    "that is deep": (lambda: nested(100), "more than 64 nested in each other"),
    "that is large by repetition": (lambda: doubled(14), "more than 10,000 modules"),
}


@pytest.mark.parametrize("make, reason", OTHERS.values(), ids=OTHERS)
def test_other_models_are_saved_without_architecture(make, reason, path):
    model, other = make(), make()
    if any(isinstance(part, Block | Mine) for part in model.modules()):
        model.save(path, {"note": 1})
    else:                               # all classes are fastnet's: one may expect that the file holds the architecture
        words = f"save: {re.escape(str(path))} has the weights, but not the architecture"
        with pytest.warns(UserWarning, match=words):
            model.save(path, {"note": 1})
    with pytest.raises(ValueError) as e:
        fastnet.load(path)
    for words in (str(path), f"weights of a model of class {type(model).__name__!r}", reason, "model=model"):
        assert words in str(e.value)
    assert fastnet.load(path, model=other) is other and not other.training
    assert_equal(values(other), values(model))
    assert fastnet.load_metadata(path) == {"note": 1}
