"""The Distiller: its losses, the cached outputs of the teacher, features, and its errors."""
import numpy as np
import pytest

import fastnet
from fastnet import data, nn
from fastnet.training.distillation import LayerPair, soft_losses
from fastnet.training.losses import Loss


def network(width, seed=0):
    fastnet.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3))


def images(width, seed=0):
    fastnet.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(width, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(width, 3))


rng = np.random.default_rng(0)
X = rng.standard_normal((60, 4)).astype(np.float32)
Y = X[:, :3].argmax(1)
PICTURES = rng.standard_normal((24, 1, 8, 8)).astype(np.float32)
LABELS = rng.integers(0, 3, 24)


class Counting(nn.Module):
    """A model that counts its calls and notes its mode."""

    def __init__(self, model):
        super().__init__()
        self.model, self.rows, self.modes = model, [], []

    def forward(self, x):
        self.rows.append(len(x))
        self.modes.append(self.training)
        return self.model(x)


def test_soft_losses_of_classes():
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal((5, 3)) for _ in range(2))
    found = soft_losses(fastnet.tensor(a), fastnet.tensor(b), Loss("cross_entropy"), 3.0).numpy()
    p, q = (np.exp(x / 3) / np.exp(x / 3).sum(1, keepdims=True) for x in (b, a))
    np.testing.assert_allclose(found, 9 * (p * np.log(p / q)).sum(1), rtol=1e-12)


def test_soft_losses_equal_torch():
    torch = pytest.importorskip("torch")
    a, b = X[:, :3], X[:, 1:]
    x, z = fastnet.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    ours = soft_losses(x, fastnet.tensor(b), Loss("cross_entropy"), 2.0).mean()
    theirs = 4 * torch.nn.functional.kl_div((z / 2).log_softmax(1), torch.tensor(b / 2).softmax(1),
                                            reduction="batchmean")
    np.testing.assert_allclose(ours.item(), theirs.item(), rtol=1e-5)
    ours.backward()
    theirs.backward()
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("loss, outputs", [("binary_cross_entropy_with_logits", (5,)), ("mse", (5, 2))])
def test_soft_losses_of_other_tasks_are_zero_for_equal_outputs(loss, outputs):
    x = fastnet.tensor(np.random.default_rng(0).standard_normal(outputs))
    assert float(soft_losses(x, x, Loss(loss), 2.0).abs().max()) < 1e-12
    each = soft_losses(x, x + 1, Loss(loss), 2.0)
    assert each.shape == (5,) and float(each.min()) > 0


def test_alpha_zero_trains_as_the_trainer_does():
    weights = []
    for make in (lambda m: fastnet.Distiller(network(8, 1), m, "adam", alpha=0, loss="cross_entropy", lr=0.01),
                 lambda m: fastnet.Trainer(m, "adam", loss="cross_entropy", lr=0.01)):
        student = network(5)
        make(student).fit(X, Y, epochs=2, batch_size=16, progress=False)
        weights.append(student[0].weight.detach().numpy())
    np.testing.assert_allclose(*weights, rtol=1e-6, atol=1e-7)


def test_a_student_of_the_same_form_copies_its_teacher():
    teacher, student = network(8, 1), network(8, 2)
    distiller = fastnet.Distiller(teacher, student, "adam", alpha=1, lr=0.02, temperature=2)
    history = distiller.fit(X, Y, epochs=150, progress=False)
    assert history["loss"][-1] < 0.01 * history["loss"][0]
    taught = teacher(fastnet.tensor(X)).detach().numpy()
    np.testing.assert_allclose(student(fastnet.tensor(X)).softmax(1).detach().numpy(),
                               fastnet.tensor(taught).softmax(1).numpy(), atol=0.1)


@pytest.mark.parametrize("compile", [True, False])
def test_the_teacher_runs_once_and_its_mode_and_gradients_stay(compile):
    teacher = Counting(nn.Sequential(nn.Dropout(0.5), network(8)))
    before = [p.detach().clone().numpy() for p in teacher.parameters()]
    student = network(5)
    fastnet.Distiller(teacher, student, compile=compile).fit(X, Y, epochs=3, batch_size=16, validation_split=0.2,
                                                             progress=False)
    assert sum(teacher.rows) == len(X) and not any(teacher.modes)
    for p, value in zip(teacher.parameters(), before):
        np.testing.assert_array_equal(p.detach().numpy(), value)
        assert p.grad is None


def test_cached_and_computed_outputs_train_alike():
    weights = []
    for cache in (True, False):
        student = images(4)
        distiller = fastnet.Distiller(images(8, 1), student, "sgd", lr=0.1, cache=cache, features={"3": "3"},
                                      attention={"2": "2"})
        fastnet.manual_seed(3)
        distiller.fit(PICTURES, LABELS, epochs=2, batch_size=8, progress=False)
        weights.append(student[0].weight.detach().numpy())
    np.testing.assert_allclose(*weights, rtol=1e-5, atol=1e-6)


def test_a_transform_makes_the_teacher_see_each_batch():
    teacher = Counting(network(8))
    loader = data.DataLoader(data.TensorDataset(X, Y), 20, transform=lambda x, y: (x + 1, y))
    fastnet.Distiller(teacher, network(5), compile=False).fit(loader, epochs=2, progress=False)
    assert sum(teacher.rows) == 2 * len(X)
    teacher.rows.clear()
    loader = data.DataLoader(data.TensorDataset(X, Y), 20, shuffle=True)
    fastnet.Distiller(teacher, network(5)).fit(loader, epochs=2, progress=False)
    assert sum(teacher.rows) == len(X)


def test_sample_and_class_weights():
    student = network(5)
    distiller = fastnet.Distiller(network(8, 1), student, "sgd", lr=0.1, compile=False)
    weight = np.where(np.arange(len(X)) < 30, 1.0, 0.0)
    distiller.fit(X, Y, sample_weight=weight, epochs=1, batch_size=60, shuffle=False, progress=False)
    other = network(5)
    fastnet.Distiller(network(8, 1), other, "sgd", lr=0.1).fit(X[:30], Y[:30], epochs=1, batch_size=30, shuffle=False,
                                                               progress=False)
    np.testing.assert_allclose(student[0].weight.detach().numpy(), other[0].weight.detach().numpy(), rtol=1e-5,
                               atol=1e-6)


# ---- features -------------------------------------------------------------------------------------------------------

def test_feature_losses():
    own, taught = (fastnet.tensor(rng.standard_normal((2, 3, 4, 4))) for _ in range(2))
    pair = LayerPair("a", "b", False, own, taught)
    np.testing.assert_allclose(pair.losses(own, pair.target(taught)).numpy(),
                               ((own - taught) ** 2).numpy().mean((1, 2, 3)))
    assert pair.regressor is None
    wide = fastnet.tensor(rng.standard_normal((2, 5, 4, 4)))
    assert LayerPair("a", "b", False, own, wide).regressor.weight.shape == (5, 3, 1, 1)
    words = fastnet.tensor(rng.standard_normal((2, 7, 4)))
    assert LayerPair("a", "b", False, words, fastnet.ones(2, 7, 6)).regressor.weight.shape == (6, 4)


def test_attention_losses_of_maps_of_other_sizes_and_widths():
    own, taught = (fastnet.tensor(rng.standard_normal(shape)) for shape in ((2, 3, 4, 4), (2, 5, 2, 2)))
    pair = LayerPair("a", "b", True, own, taught)
    small = own.numpy().reshape(2, 3, 2, 2, 2, 2).mean((3, 5))
    a, b = ((x**2).sum(1).reshape(2, 4) for x in (small, taught.numpy()))
    a, b = (x / np.sqrt((x**2).sum(1, keepdims=True)) for x in (a, b))
    np.testing.assert_allclose(pair.losses(own, pair.target(taught)).numpy(), ((a - b) ** 2).sum(1), rtol=1e-6)


def test_features_pull_the_student_and_hooks_are_removed():
    teacher, student = images(8, 1), images(4)
    distiller = fastnet.Distiller(teacher, student, "adam", lr=0.01, alpha=0.5, features={"1": "1"}, attention=["2"],
                                  feature_weight=2.0)
    loss = distiller.fit(PICTURES, LABELS, epochs=15, batch_size=8, progress=False)["loss"]
    assert loss[-1] < 0.8 * loss[0]
    assert distiller.pairs[0].regressor.weight.shape == (8, 4, 1, 1) and distiller.pairs[1].regressor is None
    assert len(distiller.optimizer.param_groups) == 2
    for model in (teacher, student):
        assert not any(any(kind) for m in model.modules() for kind in m._hooks or ())
    distiller.fit(PICTURES, LABELS, epochs=1, progress=False)
    assert len(distiller.optimizer.param_groups) == 2


def test_a_resumed_training_gives_the_same_bits(tmp_path):
    weights = []
    for parts in ((4,), (2, 4)):
        for epochs in parts:
            student = images(4)
            distiller = fastnet.Distiller(images(8, 1), student, "adam", lr=0.01, features={"1": "1"})
            checkpoint = [fastnet.callbacks.Checkpoint(tmp_path)] if len(parts) > 1 else []
            fastnet.manual_seed(0)
            distiller.fit(PICTURES, LABELS, epochs=epochs, batch_size=8, progress=False, callbacks=checkpoint,
                          resume=tmp_path if len(parts) > 1 else None)
        weights.append([p.detach().numpy() for p in distiller.trained.parameters()])
    for a, b in zip(*weights):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("arguments, text", [
    ({"temperature": 0}, "temperature above 0, got 0"), ({"alpha": 1.5}, "alpha from 0 to 1, got 1.5"),
    ({"features": ["x"]}, "features names 'x', which the student does not have"),
    ({"features": {"1": "x"}}, "features names 'x', which the teacher does not have"),
    ({"attention_weight": -1}, "attention_weight from 0, got -1")])
def test_wrong_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        fastnet.Distiller(network(8), network(5), **arguments)


def test_wrong_models_and_features():
    with pytest.raises(TypeError, match="a teacher that is a Module"):
        fastnet.Distiller("teacher", network(5))
    student = network(5)
    with pytest.raises(ValueError, match="expected a teacher that is not the student"):
        fastnet.Distiller(student, student)
    for part in (0, 2):
        student = network(8)
        student[part] = (teacher := network(8))[part]
        with pytest.raises(ValueError, match=rf"{part}\.weight, {part}\.bias of the student are also the teacher's"):
            fastnet.Distiller(teacher, student)
        teacher[part].requires_grad_(False)
        fastnet.Distiller(teacher, student)
    (student := images(4))[1] = (teacher := images(4).requires_grad_(False))[1]
    with pytest.raises(ValueError, match=r"1\.running_mean, 1\.running_var, .* are also the teacher's"):
        fastnet.Distiller(teacher, student)
    shared = nn.Sequential(activation := nn.ReLU(), nn.Linear(4, 3), activation)
    with pytest.raises(ValueError, match="Distiller: expected a layer that the model calls once; it calls '0' 2 times"):
        fastnet.Distiller(shared, nn.Sequential(nn.ReLU(), nn.Linear(4, 3)), features=["0"]).fit(X, Y, progress=False)
    with pytest.raises(ValueError, match=r"expected outputs of one shape, got \(16, 3\) of the student and \(16, 8\)"):
        fastnet.Distiller(nn.Linear(4, 8), network(5)).fit(X, Y, batch_size=16, progress=False)
    with pytest.raises(ValueError, match="a map of attention needs positions"):
        fastnet.Distiller(network(8), network(5), attention=["0"]).fit(X, Y, progress=False)
    with pytest.raises(ValueError, match=r"features '4' of the student and '7' of the teacher have shapes"):
        fastnet.Distiller(images(8), images(4), features={"4": "7"}).fit(PICTURES, LABELS, progress=False)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_teacher_that_computes_nan():
    teacher = network(8)
    with fastnet.no_grad():
        teacher[0].weight.fill_(float("nan"))
    with pytest.raises(ValueError, match="Distiller: the teacher computes NaN or infinite values"):
        fastnet.Distiller(teacher, network(5)).fit(X, Y, progress=False)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.head = nn.GRU(4, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x):
        return self.head(self.gru(x)[0][:, -1])


def test_layers_that_return_no_tensor():
    with pytest.raises(ValueError, match="expected layers that return a tensor, but 'gru' returns a tuple"):
        fastnet.Distiller(Recurrent(), Recurrent(), features=["gru"]).fit(X[:, None], Y, progress=False)
