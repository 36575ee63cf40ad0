"""New heads, outputs of layers inside a model, and the cache of features."""
import warnings

import numpy as np
import pytest

import fastnet
from fastnet import data, models, nn
from fastnet.transfer import cache_features, features, freeze, replace_head

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((12, 3, 8, 8), dtype=np.float32), np.arange(12) % 3


def net():
    fastnet.manual_seed(0)
    return models.ResNet("basic", (1, 1), num_classes=3, small_images=True)


def frozen_net():
    model = net()
    freeze(model)
    return model


# ---- heads ----------------------------------------------------------------------------------------------------------

HEADS = {"resnet18": "fc", "alexnet": "classifier.6", "vgg11": "classifier.6", "densenet121": "classifier",
         "mobilenet_v2": "classifier.1", "mobilenet_v3_small": "classifier.3", "efficientnet_b0": "classifier.1",
         "squeezenet1_1": "classifier.1", "shufflenet_v2_x1_0": "fc", "googlenet": "fc", "vit_tiny": "heads.head",
         "resnet8": "fc", "lenet5": "classifier.6"}


@pytest.mark.parametrize("name", HEADS)
def test_a_new_head_is_that_of_a_new_model(name):
    from fastnet.nn.parameter import outlines
    with outlines():
        model, expected = getattr(models, name)(), getattr(models, name)(num_classes=7)
        head = replace_head(model, 7)
    assert head is model.get_submodule(HEADS[name])
    assert {key: x.shape for key, x in model.state_dict().items()} == {
        key: x.shape for key, x in expected.state_dict().items()}
    assert model.num_classes == 7 and repr(model) == repr(expected)


def test_a_model_with_a_new_head_is_saved_with_its_architecture(path):
    model = net()
    freeze(model)
    head = replace_head(model, 5)
    assert head.weight.requires_grad
    model.save(path)
    loaded = fastnet.load(path)
    assert loaded.num_classes == 5 and loaded(fastnet.tensor(X)).shape == (12, 5)


def test_heads_of_own_models():
    model = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU())
    assert replace_head(model, 2).bias is None and model[0].out_features == 2
    replace_head(model, 6, path="0")
    assert model(fastnet.ones(1, 3)).shape == (1, 6)
    with pytest.raises(ValueError, match="Sequential has no Linear and no Conv2d; name the layer with path="):
        replace_head(nn.Sequential(nn.ReLU()), 2)
    with pytest.raises(TypeError, match=r"replace_head: 1: expected a Linear or a Conv2d, got a ReLU"):
        replace_head(model, 2, path="1")
    with pytest.raises(ValueError, match="the Linear has no layer to replace: it is the layer itself"):
        replace_head(model[0], 2)
    with pytest.raises(TypeError, match="replace_head: expected a model that is a Module, got 3"):
        replace_head(3, 2)
    with pytest.raises(AttributeError, match="no Module at 'head'"):
        replace_head(model, 2, path="head")
    with pytest.raises(ValueError, match="expected num_classes to be at least 1, got 0"):
        replace_head(model, 0)
    assert replace_head(nn.Linear(3, 4).double() and nn.Sequential(nn.Linear(3, 4).double()), 2).weight.dtype == (
        fastnet.float64)


# ---- features -------------------------------------------------------------------------------------------------------

def test_features_of_layers():
    model = net().eval()
    x = fastnet.tensor(X)
    found = features(model, x, ["layer?", "avgpool"])
    assert list(found) == ["layer1", "layer2", "avgpool"]
    assert fastnet.equal(model.layer2(found["layer1"]), found["layer2"])
    assert fastnet.equal(model.fc(found["avgpool"].flatten(1)), model(x))
    assert found["layer1"].requires_grad
    with fastnet.no_grad():
        assert not features(model, x, "layer1")["layer1"].requires_grad
    assert not any(module._hooks and any(module._hooks) for module in model.modules())


def test_features_of_models_with_several_inputs():
    model = models.BERT(11, 8, 2, 2, 16, 16).eval()
    ids, mask = fastnet.ones(2, 5, dtype=fastnet.int64), fastnet.ones(2, 5, dtype=fastnet.int64)
    found = features(model, (ids, mask), "encoder.layer.*.output")
    assert list(found) == [f"encoder.layer.{i}{part}" for i in (0, 1) for part in (".attention.output", ".output")]
    assert fastnet.equal(found["encoder.layer.1.output"], model(ids, mask))


def test_features_of_a_compiled_model():
    model = frozen_net().eval()
    compiled = fastnet.compile(model)
    for x in (fastnet.tensor(X), fastnet.tensor(X), fastnet.tensor(X[::-1].copy())):
        with fastnet.no_grad():
            compiled(x)
            assert fastnet.equal(features(compiled, x, "layer1")["layer1"], features(model, x, "layer1")["layer1"])
    assert np.array_equal(cache_features(compiled, X, Y).arrays[0], cache_features(model, X, Y).arrays[0])


def test_features_that_are_ambiguous():
    model = net()
    with pytest.raises(ValueError, match=r"calls once; it calls 'layer1.0.relu' 2 times"):
        features(model, fastnet.tensor(X), "layer1.0.relu")
    bert = models.BERT(11, 8, 1, 2, 16, 16)
    with pytest.raises(ValueError, match="it does not call 'encoder'"):
        features(bert, fastnet.ones(1, 3, dtype=fastnet.int64), "encoder")
    with pytest.raises(ValueError, match=r"features: the pattern 'layer7' matches no module"):
        features(model, fastnet.tensor(X), ["layer1", "layer7"])
    with pytest.raises(ValueError, match=r"'fc.weight' is a parameter, expected a module"):
        features(model, fastnet.tensor(X), "fc.weight")
    assert not any(module._hooks and any(module._hooks) for module in model.modules())


# ---- cached features ------------------------------------------------------------------------------------------------

def test_cached_features_are_the_inputs_of_the_head():
    model = frozen_net()
    model.layer1.eval()
    modes = [module.training for module in model.modules()]
    cached = cache_features(model, X, Y, batch_size=5)
    assert [module.training for module in model.modules()] == modes
    assert (cached.arrays[1] == Y).all() and cached.arrays[0].shape == (12, 128)
    logits = model.eval()(fastnet.tensor(X)).detach().numpy()
    found = model.fc(fastnet.tensor(cached.arrays[0])).detach().numpy()
    np.testing.assert_allclose(found, logits, rtol=1e-5, atol=1e-6)
    inside = cache_features(model, X, Y, before="layer2")
    before = model.layer1(model.relu(model.bn1(model.conv1(fastnet.tensor(X)))))
    assert fastnet.equal(fastnet.tensor(inside.arrays[0]), before)


def test_sources_of_cached_features():
    model = frozen_net()
    expected = cache_features(model, X, Y)
    dataset = data.TensorDataset(X, Y)
    for source in (dataset, data.Subset(dataset, np.arange(12)), data.DataLoader(dataset, 5),
                   [(X[:6].astype(np.float64), Y[:6]), (fastnet.tensor(X[6:]), fastnet.tensor(Y[6:]))]):
        found = cache_features(model, source)
        np.testing.assert_allclose(found.arrays[0], expected.arrays[0], rtol=1e-5, atol=1e-6)
        assert (found.arrays[1] == Y).all()
    shuffled = cache_features(model, data.DataLoader(dataset, 4, shuffle=True))
    order = [int(np.abs(expected.arrays[0] - row).sum(1).argmin()) for row in shuffled.arrays[0]]
    assert (shuffled.arrays[1] == Y[order]).all() and sorted(order) == list(range(12))


def test_a_head_trained_on_cached_features_is_the_models():
    model = frozen_net()
    head = replace_head(model, 3)
    cached = cache_features(model, X, Y)
    trainer = fastnet.Trainer(head, "adamw", lr=0.05, loss="cross_entropy", metrics="accuracy")
    trainer.fit(*cached.arrays, epochs=60, batch_size=6, progress=False)
    assert fastnet.Trainer(model, loss="cross_entropy", metrics="accuracy").evaluate(X, Y)["accuracy"] == 1.0


def test_wrong_sources_of_cached_features():
    model = frozen_net()
    with pytest.raises(ValueError, match="expected targets y with an array"):
        cache_features(model, X)
    with pytest.raises(ValueError, match="expected at least one sample, got none"):
        cache_features(model, [])
    with pytest.raises(AttributeError, match="no Module at 'head'"):
        cache_features(model, X, Y, before="head")
    with pytest.raises(ValueError, match=r"cache_features: .* it calls 'layer1.0.relu' 2 times"):
        cache_features(model, X, Y, before="layer1.0.relu")
    with pytest.raises(ValueError, match="name a module with before="):
        cache_features(nn.Sequential(nn.ReLU()), X, Y)


class Reversed(nn.Module):
    """A model that calls its first layer last."""

    def __init__(self):
        super().__init__()
        self.last, self.first = nn.Linear(4, 9), nn.Linear(3, 4)

    def forward(self, x):
        return self.last(self.first(x))


def test_the_last_layer_that_is_called():
    model, x = Reversed(), np.ones((2, 3), np.float32)
    assert replace_head(model, 5, example=fastnet.tensor(x)) is model.last and model(fastnet.tensor(x)).shape == (2, 5)
    freeze(model)
    with pytest.raises(ValueError, match="that Reversed has, 'first', is not the last one that it calls, 'last'"):
        cache_features(model, x, Y[:2])
    assert cache_features(model, x, Y[:2], before="last").arrays[0].shape == (2, 4)
    with pytest.raises(ValueError, match="expected path= or example=, got both"):
        replace_head(model, 5, "last", example=fastnet.tensor(x))
    assert not any(module._hooks and any(module._hooks) for module in model.modules())


def test_trainable_layers_before_the_cut_are_named():
    model = net()
    freeze(model, ["bn1", "layer*"])
    with pytest.warns(UserWarning, match=r"trainable parameters before 'fc': 'conv1.weight'\. The features do not"):
        cache_features(model, X, Y)
    freeze(model, "conv1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache_features(model, X, Y)
