"""U-Net and the autoencoder: shapes, errors, and what they learn in seconds."""
import numpy as np
import pytest
from data_tools import data_folder, needs_data

import fastnet
from fastnet import models
from fastnet.nn import functional as F

learns = pytest.mark.skipif(fastnet.backend.backend() != "compiled", reason="NumPy's kernels would take minutes")


def trained(model, loss_of, batches, lr):
    """Train with one batch a step, on a learning rate that falls to zero."""
    optimizer = fastnet.optim.Adam(model.parameters(), lr=lr)
    schedule = fastnet.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=len(batches))

    @fastnet.compile
    def step(x, y):
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()

    for x, y in batches:
        step(fastnet.from_numpy(x), fastnet.from_numpy(y))
        schedule.step()
    return model.eval()


# ---- U-Net ----------------------------------------------------------------------------------------------------------

def shapes(rng, n, size=32):
    """Noisy pictures of a disc in front of a square, of random grey levels, and the class of each pixel."""
    y, x = np.mgrid[:size, :size]
    pictures = rng.normal(0, 0.2, (n, 1, size, size)).astype(np.float32)
    labels = np.zeros((n, size, size), np.int64)
    for picture, label in zip(pictures[:, 0], labels):
        for kind in (1, 2):
            (cy, cx), r = rng.uniform(6, size - 6, 2), rng.uniform(4, 8)
            inside = np.maximum(abs(y - cy), abs(x - cx)) < r if kind == 1 else (y - cy) ** 2 + (x - cx) ** 2 < r * r
            label[inside] = kind
            picture[inside] += rng.uniform(0.6, 1.4)
    return pictures, labels


@learns
def test_unet_learns_shapes():
    rng = np.random.default_rng(0)
    fastnet.manual_seed(0)
    model = trained(models.unet(3, in_channels=1, channels=(8, 16, 32)), F.cross_entropy,
                    [shapes(rng, 16) for _ in range(200)], 1e-2)
    pictures, labels = shapes(rng, 64)
    with fastnet.no_grad():
        predicted = model(fastnet.from_numpy(pictures)).argmax(1).numpy()
    metric = fastnet.metrics.ConfusionMatrix()
    metric.update(np.eye(3, dtype=np.float32)[predicted.reshape(-1)], labels.reshape(-1))
    table = metric.compute()
    right = table.diagonal()
    assert (right / (table.sum(0) + table.sum(1) - right)).min() > 0.85         # intersection over union of each class


def test_unet_shapes_and_errors():
    model = models.unet(5, channels=(4, 8, 8))
    assert model(fastnet.zeros(2, 3, 8, 20)).shape == (2, 5, 8, 20)
    with pytest.raises(ValueError, match=r"multiples of 4, got \(2, 3, 8, 18\); pad or resize"):
        model(fastnet.zeros(2, 3, 8, 18))
    with pytest.raises(ValueError, match=r"expected pictures of shape \(N, 3, H, W\)"):
        model(fastnet.zeros(3, 8, 8))
    with pytest.raises(ValueError, match="two sizes or more"):
        models.unet(2, channels=(4,))


# ---- autoencoder ----------------------------------------------------------------------------------------------------

def of_pca(train, test, numbers):
    """The mean squared error of a reconstruction from as many principal components."""
    mean = train.mean(0)
    _, _, directions = np.linalg.svd(train - mean, full_matrices=False)
    kept = directions[:numbers]
    return np.mean(((test - mean) @ kept.T @ kept + mean - test) ** 2)


@learns
def test_autoencoder_on_digits():
    """On scikit-learn's digits of 8x8 pixels, 4 numbers hold more than 4 principal components."""
    pytest.importorskip("sklearn")
    (train, _), (test, _) = fastnet.datasets.digits()
    train, test = (x[:, None].astype(np.float32) / 16 for x in (train, test))
    rng = np.random.default_rng(0)
    fastnet.manual_seed(0)
    rows = [rng.integers(0, len(train), 64) for _ in range(600)]
    model = trained(models.autoencoder(4, size=8), F.mse_loss, [(train[k], train[k]) for k in rows], 3e-3)
    with fastnet.no_grad():
        error = np.mean((model(fastnet.from_numpy(test)).numpy() - test) ** 2)
    assert error < 0.95 * of_pca(train.reshape(len(train), -1), test.reshape(len(test), -1), 4)


@learns
@needs_data("mnist")
def test_autoencoder_on_mnist(monkeypatch):
    """With 8 numbers, on a subset: better than 8 principal components."""
    monkeypatch.setenv("FASTNET_DATA", str(data_folder()))
    (images, _), (held_out, _) = fastnet.datasets.mnist()
    train, test = (x[:, None].astype(np.float32) / 255 for x in (images[:4000], held_out[:500]))
    rng = np.random.default_rng(0)
    fastnet.manual_seed(0)
    rows = [rng.integers(0, len(train), 64) for _ in range(400)]
    model = trained(models.autoencoder(8), F.mse_loss, [(train[k], train[k]) for k in rows], 3e-3)
    with fastnet.no_grad():
        error = np.mean((model(fastnet.from_numpy(test)).numpy() - test) ** 2)
    assert error < 0.95 * of_pca(train.reshape(len(train), -1), test.reshape(len(test), -1), 8)


def test_autoencoder_shapes_and_errors():
    model = models.autoencoder(5, in_channels=3, size=12, channels=4)
    assert model.encode(fastnet.zeros(2, 3, 12, 12)).shape == (2, 5)
    pictures = model(fastnet.zeros(2, 3, 12, 12))
    assert pictures.shape == (2, 3, 12, 12) and 0 <= pictures.amin() <= pictures.amax() <= 1
    with pytest.raises(ValueError, match="a size that is a multiple of 4, got 30"):
        models.autoencoder(size=30)
