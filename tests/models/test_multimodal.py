"""Fusion of a table, a picture and a text: what the model computes, missing modalities, training and files."""
import numpy as np
import pytest

import fastnet
from fastnet import models, nn
from fastnet.data import DataLoader, MultimodalDataset

WORDS = 9


def towers(width=8):
    return {"table": nn.Linear(2, width),
            "image": nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, width)),
            "text": nn.Sequential(nn.EmbeddingBag(WORDS, 6, mode="sum", padding_idx=0), nn.Linear(6, width))}


def small(**options):
    return models.multimodal(3, **towers(), width=8, hidden=(5,), **options)


def batch(count=6):
    rng = np.random.default_rng(0)
    return [fastnet.tensor(rng.standard_normal((count, 2)).astype(np.float32)),
            fastnet.tensor(rng.standard_normal((count, 1, 4, 4)).astype(np.float32)),
            fastnet.tensor(rng.integers(0, WORDS, (count, 3)))]


def test_the_formula():
    model, (table, image, text) = small().eval(), batch()
    fastnet.nn.init.normal_(model.missing)
    present = fastnet.tensor([[1.0, 1, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0], [0, 0, 1], [0, 0, 0]])
    results = [model.table(table), model.image(image), model.text(text)]
    total = sum(present[:, m:m + 1] * x + (1 - present[:, m:m + 1]) * model.missing[m] for m, x in enumerate(results))
    np.testing.assert_allclose(model(table, image, text, present).detach().numpy(),
                               model.head(total).detach().numpy(), rtol=1e-4, atol=1e-6)
    assert (model(table, image, text) == model(table, image, text, fastnet.ones(6, 3))).all()


def test_a_missing_modality_changes_nothing():
    model, (table, image, text) = small().eval(), batch()
    present = fastnet.tensor([[1.0, 0.0, 1.0]] * 6)
    assert (model(table, image, text, present) == model(table, 0 * image, text, present)).all()
    assert (model(table, image, text, present) != model(table, image, text)).any()


def test_gradients_of_missing_vectors():
    model, inputs = small(), batch()
    model(*inputs, fastnet.tensor([[1.0, 0.0, 1.0]] * 6)).sum().backward()
    assert (model.missing.grad[1] != 0).any() and (model.missing.grad[0] == 0).all()
    assert (model.image[0].weight.grad == 0).all() and (model.text[1].weight.grad != 0).any()


def test_some_modalities():
    table, _, text = batch()
    made = towers()
    model = models.multimodal(3, table=made["table"], text=made["text"], width=8)
    assert model.modalities == ("table", "text") and model(table, text).shape == (6, 3)
    assert model(table, text, fastnet.ones(6, 2)).shape == (6, 3)


def test_modality_dropout_leaves_something():
    fastnet.manual_seed(0)
    model = small(modality_dropout=0.9).train()
    present = fastnet.tensor([[1.0, 1.0, 0.0]] * 2000)
    kept = model._present(2000, 3, present).numpy() > 0
    assert kept.any(1).all() and not kept[:, 2].any()
    assert 0.15 < (kept.sum(1) == 1).mean() < 0.21              # 0.18; where both were to go, both stayed
    assert model.eval()._present(2000, 3, present) is present and model._present(5, 3) is None


def test_recordings_have_the_same_bits():
    model, inputs = small(modality_dropout=0.5).eval(), [*batch(), fastnet.tensor([[1.0, 0.0, 1.0]] * 6)]
    with fastnet.no_grad():
        recorded = fastnet.compile(model)
        assert all((recorded(*inputs) == model(*inputs)).all() for _ in range(2))


def samples(count):
    """The class is what the table, the picture and the text say together; a fifth of each is missing."""
    rng = np.random.default_rng(1)
    made = []
    for _ in range(count):
        bits = rng.integers(0, 2, 3)
        picture, word = bits[1] - 0.5 + rng.normal(0, 0.1, (1, 4, 4)), 1 + 4 * int(bits[2]) + int(rng.integers(0, 4))
        sample = {"table": [bits[0] * 2.0 - 1, rng.normal()], "image": picture, "text": [word],
                  "target": int(bits.sum() >= 2)}
        made.append({key: value for key, value in sample.items() if key == "target" or rng.random() > 0.1})
    return made


def test_training_with_a_loader(tmp_path):
    fastnet.manual_seed(0)
    data = MultimodalDataset(samples(400))
    model = models.multimodal(2, **towers(), width=8, hidden=(16,), modality_dropout=0.1)
    trainer = fastnet.Trainer(model, "adam", lr=0.01, loss="cross_entropy", metrics=["accuracy"])
    trainer.fit(DataLoader(data, 32, shuffle=True), epochs=15, progress=False)
    measured = trainer.evaluate(DataLoader(data, 100))
    assert measured["accuracy"] > 0.9
    model.save(tmp_path / "model.safetensors")
    loaded = fastnet.load(tmp_path / "model.safetensors")
    with fastnet.no_grad():
        *inputs, _ = next(iter(DataLoader(data, 50)))
        assert (loaded(*inputs) == model(*inputs)).all()


def test_files_of_some_modalities(tmp_path):
    for names in (("table",), ("image", "text"), ("table", "image", "text")):
        model = models.multimodal(3, **{name: towers()[name] for name in names}, width=8, hidden=(), dropout=0.25)
        model.save(tmp_path / "model.safetensors")
        loaded = fastnet.load(tmp_path / "model.safetensors")
        assert type(loaded) is models.Multimodal and loaded.modalities == names and repr(loaded) == repr(model)


def test_errors():
    table, image, text = batch()
    with pytest.raises(ValueError, match="at least one tower"):
        models.multimodal(2)
    with pytest.raises(ValueError, match="of at least one tower"):
        models.Multimodal(2)(table)
    with pytest.raises(ValueError, match="expected the inputs table, image, text and optionally present, got 2 inputs"):
        small()(table, image)
    with pytest.raises(ValueError, match=r"present of shape \(6, 3\), got \(6, 2\)"):
        small()(table, image, text, fastnet.ones(6, 2))
    with pytest.raises(ValueError, match=r"expected the tower of table to give \(6, 8\), got \(6, 4\)"):
        models.multimodal(2, nn.Linear(2, 4), width=8)(table)
    with pytest.raises(ValueError, match="0 <= modality_dropout < 1, got 1"):
        small(modality_dropout=1.0)
    for options, message in (({"outputs": 0}, "outputs to be at least 1, got 0"),
                             ({"width": 0}, "width to be at least 1, got 0"),
                             ({"hidden": (0,)}, "hidden to be at least 1, got 0")):
        with pytest.raises(ValueError, match=message):
            models.multimodal(**{"outputs": 2, "table": nn.Linear(2, 8), **options})
    with pytest.raises(TypeError, match=r"outputs to be a whole number, got 2\.5"):
        models.multimodal(2.5, nn.Linear(2, 8))
