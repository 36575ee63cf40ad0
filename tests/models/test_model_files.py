"""Models of fastnet.models in model files: they are built again, with the submodules that were replaced since."""
import inspect

import numpy as np
import pytest
from saving_tools import described

import fastnet
from fastnet import models, nn
from fastnet.nn.schema import schema


def small_resnet(**arguments):
    return models.ResNet("bottleneck", (1, 1), num_classes=3, **arguments)


def again(model, path):
    model.save(path)
    loaded = fastnet.load(path)
    assert type(loaded) is type(model) and not loaded.training
    ours, theirs = model.state_dict(), loaded.state_dict()
    assert list(ours) == list(theirs)
    for key, x in ours.items():
        assert x.dtype == theirs[key].dtype and (x == theirs[key]).all(), key
    return loaded


NETWORKS = {
    "lenet5": lambda: models.lenet5(4, dropout=0.25, image_size=32),
    "alexnet": lambda: models.alexnet(4, dropout=0.25),
    "vgg": lambda: models.VGG((1, 0, 1, 0, 1), True, 4),
    "googlenet": lambda: models.googlenet(4, dropout_aux=0.5),
    "inception_v3": lambda: models.inception_v3(4, aux_logits=False),
    "resnet": lambda: small_resnet(groups=2, width_per_group=32, small_images=True),
    "densenet": lambda: models.DenseNet((1, 2), 4, 8, 2, 4, drop_rate=0.5),
    "mobilenet_v1": lambda: models.mobilenet_v1(4, 0.25),
    "mobilenet_v2": lambda: models.mobilenet_v2(4, 0.25),
    "mobilenet_v3_small": lambda: models.mobilenet_v3_small(4),
    "efficientnet_b0": lambda: models.efficientnet_b0(4),
    "squeezenet1_1": lambda: models.squeezenet1_1(4, in_channels=1),
    "shufflenet_v2_x1_0": lambda: models.shufflenet_v2_x1_0(4),
    "resnet8": lambda: models.resnet8(4),
    "ssdlite": lambda: models.ssdlite(4, in_channels=1, width_mult=0.25, scales=(0.1, 0.5)),
    "unet": lambda: models.unet(4, channels=[4, 8]),
    "autoencoder": lambda: models.autoencoder(4, size=12, channels=4),
    "gpt": lambda: models.gpt(9, 8, 8, 2, 2, 0.25),
    "bert": lambda: models.BERT(9, 8, 1, 2, 16, 8, 1, 0.25),
    "bert_classifier": lambda: models.BERTForSequenceClassification(3, 9, 8, 1, 2, 16, 8, dropout=0.2),
    "narrow_resnet": lambda: models.ResNet("basic", (1, 1), 5, small_images=True, width=4),
    "bert_masked": lambda: models.BERTForMaskedLM(9, 8, 1, 2, 16, 8, layer_norm_eps=1e-5),
    "vit": lambda: models.ViT(8, 4, 1, 2, 8, 16, 0.25, 0.5, 3, 1),
    "two_tower": lambda: models.two_tower(models.lenet5(4), models.ds_cnn(4, channels=8), 1.0, -10.0),
    "seq2seq": lambda: models.seq2seq(9, 9, 4, 6, 2, 0.25),
    "lstm_classifier": lambda: models.lstm_classifier(3, 9, 4, 6, dropout=0.25),
    "multimodal": lambda: models.multimodal(3, nn.Linear(2, 4), models.lenet5(4), width=4, hidden=[5, 6], dropout=0.25),
    "transformer": lambda: models.Seq2SeqTransformer(9, 9, 8, 2, 1, 2, 16, 0.25, 16, 1, True),
}


@pytest.mark.parametrize("cls", [found for name, found in vars(models).items() if name in models.__all__ and isinstance(
    found, type) and issubclass(found, nn.Module)])
def test_files_can_hold_the_arguments_of_every_network(cls):
    assert list(schema(cls)) == list(inspect.signature(cls).parameters)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_built_again(name, path):
    model = NETWORKS[name]()
    loaded = again(model, path)
    assert repr(loaded) == repr(model)


def test_a_new_last_layer_and_frozen_weights(path):
    model = small_resnet(small_images=True).requires_grad_(False)
    model.fc = nn.Sequential(nn.Dropout(0.25), nn.Linear(512, 7))
    model.layer1[0].relu = nn.SiLU()
    loaded = again(model, path)
    assert loaded(fastnet.zeros(1, 3, 8, 8)).shape == (1, 7) and repr(loaded) == repr(model)
    assert [k for k, p in loaded.named_parameters() if p.requires_grad] == ["fc.1.weight", "fc.1.bias"]


def test_a_network_inside_a_sequential(path):
    net = small_resnet()
    loaded = again(nn.Sequential(net, nn.ReLU(), nn.Linear(3, 2)), path)
    assert type(loaded[0]) is models.ResNet
    again(nn.Sequential(net, net), path)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_dtypes(dtype, path):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    for model in (models.resnet8(4), models.lenet5(4)):
        loaded = again(model.to(getattr(fastnet, dtype)), path)
        assert all(p.dtype == getattr(fastnet, dtype) for p in loaded.parameters())


@pytest.mark.parametrize("replaced", [
    {"fc": nn.Identity()}, {"fc": nn.Identity(), "layer2": nn.Identity(), "bn1": nn.GroupNorm(4, 64)}, {"fc": None}])
def test_layers_replaced_by_some_with_fewer_parameters(replaced, path):
    model = small_resnet()
    for name, module in replaced.items():
        setattr(model, name, module)
    again(model, path)
    again(nn.ModuleList([model, model]), path)


def test_the_number_of_replaced_parameters_is_limited(path):
    """A short description of networks whose parts are all replaced takes neither much memory nor much time."""
    network = {"class": "ResNet", "arguments": {"block": "basic", "layers": [400, 400]},
               "modules": dict.fromkeys(("conv1", "bn1", "layer1", "layer2", "fc"))}
    path.write_bytes(described({"class": "ModuleList", "modules": {str(i): network for i in range(900)}}))
    with pytest.raises(ValueError, match=r"at most [0-9,]+ parameters and buffers of networks, got more"):
        fastnet.load(path)


def test_no_random_numbers_are_drawn(path):
    small_resnet().save(path)
    before = fastnet.get_rng_state()
    fastnet.load(path)
    assert (fastnet.get_rng_state() == before).all()


CHANGED = {
    "a block that is not public": (lambda m: setattr(m.layer1[0], "more", 1), "'layer1.0' is a Bottleneck"),
    "a module more": (lambda m: setattr(m, "more", nn.ReLU()), "differs from a new one"),
    "a module of another class": (lambda m: setattr(m, "fc", type("Head", (nn.Linear,), {})(512, 3)), "fc"),
    "shared weights": (lambda m: setattr(m.layer2[0].bn1, "weight", m.layer2[0].bn2.weight), "shares a parameter"),
}


@pytest.mark.parametrize("change, reason", CHANGED.values(), ids=CHANGED)
def test_other_changes_are_saved_without_architecture(change, reason, path):
    model = small_resnet()
    change(model)
    if type(model.fc) is nn.Linear:             # all classes are fastnet's
        with pytest.warns(UserWarning, match="has the weights, but not the architecture"):
            model.save(path)
    else:
        model.save(path)
    with pytest.raises(ValueError, match="model=model") as e:
        fastnet.load(path)
    assert reason in str(e.value)


DAMAGED = {
    "many layers": {"class": "ResNet", "arguments": {"block": "basic", "layers": [10**9, 1]}},
    "unknown module": {"class": "ResNet8", "modules": {"head": {"class": "ReLU"}}},
    "module of a module that is missing": {"class": "ResNet8", "modules": {"head.0.1": {"class": "ReLU"}}},
    "frozen": {"class": "ResNet8", "frozen": ["head.weight"]},
    "frozen list": {"class": "ResNet8", "frozen": [["fc.weight"]]},
    "dtype": {"class": "ResNet8", "dtype": "int64"},
    "dtype of a layer": {"class": "ReLU", "dtype": "float64"},
    "function": {"class": "resnet8"},
    "class that is no module": {"class": "GoogLeNetOutputs"},
    "wrong argument": {"class": "ResNet8", "arguments": {"num_classes": "10"}},
    "replaced with another shape": {"class": "ResNet8", "modules": {"fc": {
        "class": "Linear", "arguments": {"in_features": 64, "out_features": 11}}}},
}


@pytest.mark.parametrize("description", DAMAGED.values(), ids=DAMAGED)
def test_damaged_descriptions(description, path):
    path.write_bytes(described(description))
    with pytest.raises(ValueError, match=str(path)):
        fastnet.load(path)


def test_values_survive(path):
    model = models.resnet8(4)
    model(fastnet.randn(4, 3, 8, 8))            # moves the running statistics
    x = fastnet.randn(2, 3, 32, 32)
    np.testing.assert_array_equal(again(model, path)(x).detach().numpy(), model.eval()(x).detach().numpy())
