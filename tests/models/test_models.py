"""The models: parameter names, counts, outputs and gradients of torchvision's, with the same weights."""
import sys

import numpy as np
import pytest
from torch_tools import to_torch
from torchvision_tools import torchvision_models

import fastnet
from fastnet import models, nn

# name -> (number of parameters, the paper's input without the batch); those of torchvision are compared with it
MODELS = {
    "lenet5": (61_706, (1, 28, 28)),
    "alexnet": (61_100_840, (3, 224, 224)),
    "vgg11": (132_863_336, (3, 224, 224)),
    "vgg11_bn": (132_868_840, (3, 224, 224)),
    "vgg13": (133_047_848, (3, 224, 224)),
    "vgg13_bn": (133_053_736, (3, 224, 224)),
    "vgg16": (138_357_544, (3, 224, 224)),
    "vgg16_bn": (138_365_992, (3, 224, 224)),
    "vgg19": (143_667_240, (3, 224, 224)),
    "vgg19_bn": (143_678_248, (3, 224, 224)),
    "googlenet": (13_004_888, (3, 224, 224)),
    "inception_v3": (27_161_264, (3, 299, 299)),
    "resnet18": (11_689_512, (3, 224, 224)),
    "resnet34": (21_797_672, (3, 224, 224)),
    "resnet50": (25_557_032, (3, 224, 224)),
    "resnet101": (44_549_160, (3, 224, 224)),
    "resnext50_32x4d": (25_028_904, (3, 224, 224)),
    "wide_resnet50_2": (68_883_240, (3, 224, 224)),
    "densenet121": (7_978_856, (3, 224, 224)),
    "mobilenet_v1": (4_231_976, (3, 224, 224)),
    "mobilenet_v2": (3_504_872, (3, 224, 224)),
    "mobilenet_v3_small": (2_542_856, (3, 224, 224)),
    "efficientnet_b0": (5_288_548, (3, 224, 224)),
    "squeezenet1_1": (1_235_496, (3, 224, 224)),
    "shufflenet_v2_x1_0": (2_278_604, (3, 224, 224)),
    "resnet8": (78_186, (3, 32, 32)),
    "ds_cnn": (23_180, (1, 49, 10)),
    "gru_kws": (78_552, (1, 25, 10)),
}
OWN = {"lenet5", "mobilenet_v1", "resnet8", "ds_cnn", "gru_kws"}   # that torchvision does not have
LARGE = {name for name, (parameters, _) in MODELS.items() if parameters > 30e6}
SMALL_SIDE = {"inception_v3": 80, "alexnet": 80}        # other models read 64x64 pixels
EVERY_MODEL = [pytest.param(name, marks=[pytest.mark.models] if name in LARGE else []) for name in MODELS]
OF_TORCHVISION = [parameter for parameter in EVERY_MODEL if parameter.values[0] not in OWN]


@pytest.fixture(autouse=True)
def _one_thread_of_torch():
    """PyTorch's threads wait for each other actively, which delays fastnet's."""
    torch = sys.modules.get("torch")
    threads = torch and torch.get_num_threads()
    if torch:
        torch.set_num_threads(1)
    yield
    if torch:
        torch.set_num_threads(threads)


def in_torchvision(name):
    """torchvision's model with random weights."""
    drawn = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return getattr(torchvision_models(), name)(num_classes=10, **drawn)


def pictures(size, n=2):
    return np.random.default_rng(0).standard_normal((n, 3, size, size), dtype=np.float32)


def pair(name):
    """A model of fastnet, and torchvision's with the same weights; its statistics are not those of a new one."""
    theirs = in_torchvision(name)
    for key, x in theirs.state_dict().items():
        if "running" in key:
            x.uniform_(0.5, 1.5)
    ours = getattr(models, name)(num_classes=10)
    ours.load_state_dict({key: x.numpy() for key, x in theirs.state_dict().items()})
    return ours, theirs


def close(ours, theirs):
    """Whether the largest difference is at most 1e-4 of the largest value; some gradients are 0 except for rounding."""
    a, b = ours.detach().numpy(), theirs.detach().numpy()
    return a.shape == b.shape and np.abs(a - b).max() <= 1e-4 * np.abs(b).max() + 1e-12


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_number_of_parameters(name):
    assert sum(p.numel() for p in getattr(models, name)().parameters()) == MODELS[name][0]


@pytest.mark.parametrize("name", OF_TORCHVISION)
def test_outputs_are_torchvisions(name):
    torch = pytest.importorskip("torch")
    ours, theirs = pair(name)
    assert [(key, x.shape) for key, x in ours.state_dict().items()] == [
        (key, tuple(x.shape)) for key, x in theirs.state_dict().items()]
    x = pictures(SMALL_SIDE.get(name, 64))
    with torch.no_grad(), fastnet.no_grad():
        assert close(ours.eval()(fastnet.tensor(x)), theirs.eval()(torch.tensor(x)))


STEPPED = ["resnet18", "mobilenet_v3_small", "squeezenet1_1", "shufflenet_v2_x1_0", "densenet121"]


@pytest.mark.parametrize("name", STEPPED)
def test_gradients_are_torchvisions(name):
    """One training step in float64, without dropout."""
    torch = pytest.importorskip("torch")
    ours, theirs = pair(name)
    x = pictures(37, 3).astype(np.float64)
    for model in (ours.double(), theirs.double()):
        for module in model.modules():
            if type(module).__name__ == "Dropout":
                module.p = 0.0
        model.train()
    a, b = ours(fastnet.tensor(x)), theirs(torch.tensor(x))
    assert close(a, b)
    nn.functional.cross_entropy(a, fastnet.tensor([1, 2, 3])).backward()
    torch.nn.functional.cross_entropy(b, torch.tensor([1, 2, 3])).backward()
    for (key, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert close(p.grad, q.grad), key
    for (key, p), q in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        assert close(p, q), key


def trained(model, x, classes=10):
    """One training step; the losses before and after it on the same pictures."""
    optimizer = fastnet.optim.SGD(model.parameters(), lr=1e-3)
    y = fastnet.tensor(np.arange(len(x)) % classes)
    losses = []
    for _ in range(2):
        out = model(fastnet.tensor(x))
        outputs = out if isinstance(out, tuple) else (out,)
        loss = sum(nn.functional.cross_entropy(o, y) for o in outputs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.models) for name in MODELS])
def test_a_training_step_at_the_papers_size(name):
    shape = MODELS[name][1]
    model = getattr(models, name)(num_classes=10)
    x = np.random.default_rng(0).standard_normal((2, *shape), dtype=np.float32)
    losses = trained(model, x)
    assert np.isfinite(losses).all()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in model.parameters())
    assert model.eval()(fastnet.tensor(x)).shape == (2, 10)


@pytest.mark.parametrize("name", ["lenet5", "resnet8"])
def test_training_lowers_the_loss(name):
    x = np.random.default_rng(0).standard_normal((8, *MODELS[name][1]), dtype=np.float32)
    before, after = trained(getattr(models, name)(), x)
    assert after < before


# ---- options --------------------------------------------------------------------------------------------------------

def test_small_images():
    model = models.resnet18(num_classes=10, in_channels=1, small_images=True).eval()
    assert model.conv1.weight.shape == (64, 1, 3, 3) and model.maxpool(5) == 5
    assert model(fastnet.zeros(1, 1, 32, 32)).shape == (1, 10)


@pytest.mark.parametrize("name, side", [("googlenet", 64), pytest.param("inception_v3", 299, marks=pytest.mark.models)])
def test_auxiliary_classifiers(name, side):
    x = fastnet.tensor(pictures(side))
    model = getattr(models, name)(num_classes=10)
    out = model(x)
    assert all(y.shape == (2, 10) for y in out) and out._fields[0] == "logits" and len(out) == 2 + (name == "googlenet")
    assert model.eval()(x).shape == (2, 10)
    alone = getattr(models, name)(num_classes=10, aux_logits=False)
    assert alone(x).shape == (2, 10) and not [key for key in alone.state_dict() if "aux" in key.lower()]


def test_widths():
    half, whole = (sum(p.numel() for p in models.mobilenet_v1(10, width=width).parameters()) for width in (0.5, 1.0))
    assert 3 < whole / half < 5
    theirs = torchvision_models().mobilenet_v2(num_classes=10, width_mult=0.35)
    ours = models.mobilenet_v2(10, width_mult=0.35)
    assert [x.shape for x in ours.parameters()] == [tuple(x.shape) for x in theirs.parameters()]


def test_stochastic_depth():
    x = fastnet.ones(1000, 3)
    y = models.stochastic_depth(x, 0.25)
    assert set(y.sum(1).tolist()) == {0.0, 4.0} and 650 < (y[:, 0] > 0).sum().item() < 850
    assert models.stochastic_depth(x, 0.25, training=False) is x


def test_wrong_arguments():
    with pytest.raises(ValueError, match="expected block to be 'basic' or 'bottleneck', got 'wide'"):
        models.ResNet("wide", (1, 1, 1, 1))
    with pytest.raises(ValueError, match="with basic blocks, got 32 and 4"):
        models.ResNet("basic", (1, 1, 1, 1), groups=32, width_per_group=4)


def test_weights_go_to_torchvision():
    theirs, ours = in_torchvision("squeezenet1_1"), models.squeezenet1_1(num_classes=10)
    theirs.load_state_dict(to_torch(ours.state_dict()))
    assert close(ours.features[0].weight, theirs.features[0].weight)


def test_lenet5_takes_the_size_of_the_paper():
    assert models.lenet5(image_size=32)(fastnet.zeros(2, 1, 32, 32)).shape == (2, 10)
    with pytest.raises(ValueError, match="expected an image_size of 28 or 32, got 30"):
        models.lenet5(image_size=30)
