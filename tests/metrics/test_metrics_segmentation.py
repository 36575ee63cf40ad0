"""Metrics of segmentation: each pixel is a sample."""
import numpy as np
import pytest

import fastnet
from fastnet import metrics

rng = np.random.default_rng(0)
BATCHES = [(rng.standard_normal((2, 4, 5, 3)).astype("float32"), rng.integers(0, 3, (2, 5, 3))) for _ in range(2)]


def table_of(batches, ignored=None):
    """The confusion matrix (4, 4) of all pixels, as torchmetrics counts them."""
    table = np.zeros((4, 4), int)
    for output, target in batches:
        for predicted, true in zip(output.argmax(1).reshape(-1), target.reshape(-1)):
            if true != ignored:
                table[true, predicted] += 1
    return table


def scores_of(table):
    """The intersection over union of each class, and whether the class occurs."""
    union = table.sum(0) + table.sum(1) - table.diagonal()
    return table.diagonal() / np.maximum(union, 1), union > 0


def computed(metric, batches):
    for output, target in batches:
        metric.update(output, target)
    return metric.compute()


def test_pixel_accuracy():
    right = [(output.argmax(1) == target).ravel() for output, target in BATCHES]
    assert computed(metrics.Accuracy(), BATCHES) == np.mean(np.concatenate(right))
    series = [(output.reshape(2, 4, 15), target.reshape(2, 15)) for output, target in BATCHES]
    assert computed(metrics.get("accuracy"), series) == computed(metrics.Accuracy(), BATCHES)


def test_the_jaccard_index_is_torchmetrics():
    table = table_of(BATCHES)
    scores, occurs = scores_of(table)
    assert computed(metrics.get("jaccard_index"), BATCHES) == pytest.approx(scores[occurs].mean())
    assert computed(metrics.JaccardIndex(None), BATCHES) == pytest.approx(scores)
    weighted = computed(metrics.JaccardIndex("weighted"), BATCHES)
    assert weighted == pytest.approx((scores * table.sum(1)).sum() / table.sum())
    union = table.sum(0) + table.sum(1) - table.diagonal()
    assert computed(metrics.JaccardIndex("micro"), BATCHES) == pytest.approx(table.trace() / union.sum())
    np.testing.assert_array_equal(computed(metrics.ConfusionMatrix(), BATCHES), table)


def test_ignored_pixels():
    marked = [(output, np.where(target == 1, 255, target)) for output, target in BATCHES]
    scores, occurs = scores_of(table_of(marked, 255))
    assert computed(metrics.JaccardIndex(ignore_index=255), marked) == pytest.approx(scores[occurs].mean())
    with pytest.raises(IndexError, match="class 255 at position"):
        computed(metrics.JaccardIndex(), marked)
    scores, _ = scores_of(table_of(BATCHES, 0))
    assert computed(metrics.JaccardIndex(ignore_index=0), BATCHES) == pytest.approx(scores[1:].mean())
    assert repr(metrics.JaccardIndex(ignore_index=0)) == "JaccardIndex(ignore_index=0)"


def test_masks_of_two_classes():
    output, target = rng.standard_normal((2, 1, 4, 3)).astype("float32"), rng.integers(0, 2, (2, 1, 4, 3))
    predicted = output > 0
    assert computed(metrics.Accuracy(), [(output, target)]) == pytest.approx((predicted == target).mean())
    scores = [(predicted & (target == 1)).sum() / (predicted | (target == 1)).sum(),
              (~predicted & (target == 0)).sum() / (~predicted | (target == 0)).sum()]
    assert computed(metrics.JaccardIndex("binary"), [(output, target)]) == pytest.approx(scores[0])
    assert computed(metrics.JaccardIndex(), [(output, target)]) == pytest.approx(np.mean(scores))
    unknown = np.where(np.arange(3) == 1, 255, target)
    kept = [(output[..., [0, 2]], target[..., [0, 2]])]
    assert computed(metrics.JaccardIndex("binary", 255), [(output, unknown)]) == computed(
        metrics.JaccardIndex("binary"), kept)


@pytest.mark.parametrize("output, target", [((2, 4, 5, 3), (2, 3, 5)), ((2, 4, 5, 3), (2, 4, 5, 3)),
                                            ((2, 1, 5, 3), (2, 5, 3)), ((2, 1, 5), (2, 1, 4))])
def test_other_shapes_are_refused(output, target):
    with pytest.raises(ValueError, match=r"\(N, C, \.\.\.\) and \(N, \.\.\.\) for classes of pixels"):
        metrics.Accuracy().update(fastnet.zeros(*output), fastnet.zeros(*target, dtype=fastnet.int64))


def test_a_training_measures_pixels():
    model = fastnet.nn.Conv2d(1, 3, 1)
    trainer = fastnet.Trainer(model, "sgd", lr=0.1, loss="cross_entropy", metrics=["accuracy", "jaccard_index"])
    x = rng.standard_normal((8, 1, 4, 4)).astype("float32")
    y = (x[:, 0] > 0).astype("int64")
    history = trainer.fit(x, y, epochs=2, batch_size=4)
    assert {"accuracy", "jaccard_index"} <= set(history[-1])
    right = (model(fastnet.tensor(x)).argmax(1).numpy() == y).mean()
    assert trainer.evaluate(x, y)["accuracy"] == pytest.approx(right)
