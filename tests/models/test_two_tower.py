"""Two towers: features, logits, training, zero-shot classes, retrieval and model files."""
import numpy as np
import pytest

import fastnet
from fastnet import models, nn

WORDS = 12


def small(**options):
    text = nn.Sequential(nn.EmbeddingBag(WORDS, 8, mode="mean", padding_idx=0), nn.Linear(8, 6))
    return models.two_tower(models.resnet8(6, 1), text, **options)


def pairs(count=5, seed=0):
    rng = np.random.default_rng(seed)
    return (fastnet.tensor(rng.standard_normal((count, 1, 8, 8)).astype(np.float32)),
            fastnet.tensor(rng.integers(0, WORDS, (count, 4))))


def test_features_and_logits():
    model, (images, texts) = small(init_logit_bias=-10.0).eval(), pairs()
    a, b, scale, bias = model(images, texts)
    assert a.shape == b.shape == (5, 6) and scale.item() == pytest.approx(1 / 0.07) and bias.item() == -10
    np.testing.assert_allclose((a * a).sum(1).detach().numpy(), 1, rtol=1e-5)
    assert (a == model.encode_image(images, normalize=True)).all() and (b == model.encode_text(texts, True)).all()
    assert (nn.functional.normalize(model.encode_text(texts), dim=1) == b).all()
    per_image, per_text = model.get_logits(images, texts)
    assert (per_image == per_text.t()).all()
    np.testing.assert_allclose(per_image.detach().numpy(), (scale * a @ b.t() + bias).detach().numpy(), rtol=1e-5)
    assert len(small()(images, texts)) == 3


def test_one_tower_is_enough():
    model, (images, texts) = small().eval(), pairs()
    a, nothing, _ = model(images)
    assert nothing is None and (a == model(images, texts)[0]).all() and model(text=texts)[0] is None


def test_without_towers_features_are_given():
    model = models.TwoTower()
    assert model.encode_image(fastnet.eye(3)).shape == (3, 3)
    assert sorted(name for name, _ in model.named_parameters()) == ["logit_scale"]


def test_a_tuple_holds_several_inputs_of_a_tower():
    model = models.two_tower(text=models.lstm_classifier(6, vocabulary=WORDS, width=4, hidden_size=4)).eval()
    texts, lengths = fastnet.tensor([[1, 2, 0], [3, 4, 5]]), [2, 3]
    short = model.encode_text(fastnet.tensor([[1, 2]]))
    np.testing.assert_allclose(model.encode_text((texts, lengths))[0].detach().numpy(), short[0].detach().numpy(),
                               rtol=1e-5)


@pytest.mark.parametrize("criterion, options", [(nn.ClipLoss(), {}), (nn.SigLipLoss(), {"init_logit_bias": -3.0})])
def test_training_brings_pairs_together(criterion, options):
    fastnet.manual_seed(0)
    model, (images, texts) = small(**options), pairs(8)
    optimizer = fastnet.optim.Adam(model.parameters(), lr=0.01)

    @fastnet.compile
    def step(a, b):
        optimizer.zero_grad()
        loss = criterion(*model(a, b))
        loss.backward()
        optimizer.step()
        return loss.detach()

    first = step(images, texts).item()
    for _ in range(60):
        last = step(images, texts).item()
    model.eval()
    assert last < 0.2 * first and model.logit_scale.grad is not None
    with fastnet.no_grad():
        found = models.retrieve(model.encode_text(texts, True), model.encode_image(images, True), k=1)
    assert (found.indices[:, 0] == fastnet.arange(8)).sum().item() >= 7


def test_recordings_have_the_same_bits():
    model, (images, texts) = small().eval(), pairs()
    with fastnet.no_grad():
        eager, recorded = model(images, texts), fastnet.compile(model)
        for _ in range(2):
            assert all((x == y).all() for x, y in zip(eager, recorded(images, texts)))


def test_zero_shot_classes():
    text = nn.EmbeddingBag(128, 4, mode="sum")
    model = models.two_tower(text=text).eval()

    def tokenizer(texts):
        return fastnet.text.pad_sequences([[ord(letter) for letter in text] for text in texts])

    names, templates = ["cat", "dog", "cow"], ["a {}", lambda name: f"{name}!"]
    classifier = models.build_zero_shot_classifier(model, tokenizer, names, templates, num_classes_per_batch=2)
    assert classifier.shape == (4, 3)
    with fastnet.no_grad():
        both = model.encode_text(tokenizer(["a dog", "dog!"]), True).mean(0)
    np.testing.assert_allclose(classifier[:, 1].numpy(), (both / both.norm()).numpy(), rtol=1e-5)
    found = model.predict_proba(2 * classifier.t(), classifier)
    assert found.argmax(1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(found.sum(1).numpy(), 1, rtol=1e-5)


def test_retrieve():
    scores, indices = models.retrieve(fastnet.tensor([[1.0, 0.5]]), fastnet.tensor([[0.0, 1.0], [1.0, 0.0]]), k=2)
    assert indices.tolist() == [[1, 0]] and scores.tolist() == [[1.0, 0.5]]


@pytest.mark.parametrize("options", [{}, {"init_logit_bias": -10.0, "init_logit_scale": 2.0}])
def test_files(options, tmp_path):
    model, (images, texts) = small(**options), pairs()
    model(images, texts)                        # moves the statistics of batch norm
    model.save(tmp_path / "model.safetensors", {"words": WORDS})
    loaded = fastnet.load(tmp_path / "model.safetensors")
    assert type(loaded) is models.TwoTower and type(loaded.visual) is models.ResNet8 and repr(loaded) == repr(model)
    assert all((x == y).all() for x, y in zip(model.eval()(images, texts), loaded(images, texts)))


def test_the_same_tower_twice_and_none(tmp_path):
    shared = nn.Linear(3, 4)
    for model in (models.two_tower(shared, shared), models.two_tower(), models.two_tower(text=nn.Linear(3, 4))):
        model.save(tmp_path / "model.safetensors")
        loaded = fastnet.load(tmp_path / "model.safetensors")
        assert (loaded.visual is loaded.text) == (model.visual is model.text)
        assert type(loaded.visual) is type(model.visual)


def test_errors():
    images, _ = pairs()
    with pytest.raises(TypeError, match="expected visual to be a module or None, got the function <lambda>"):
        models.two_tower(lambda x: x)
    with pytest.raises(ValueError, match=r"expected visual to give features \(N, E\), got \(5, 1, 8, 8\)"):
        models.two_tower().encode_image(images)
    with pytest.raises(ValueError, match="features of one width, got 3 of the images and 4 of the texts"):
        models.two_tower()(fastnet.ones(2, 3), fastnet.ones(2, 4))
    with pytest.raises(ValueError, match=r"expected a classifier \(3, classes\), got \(4, 2\)"):
        models.two_tower().predict_proba(fastnet.ones(2, 3), fastnet.ones(4, 2))
    with pytest.raises(ValueError, match="expected k from 1 to 2, the number of items, got 3"):
        models.retrieve(fastnet.ones(1, 2), fastnet.ones(2, 2), k=3)
    with pytest.raises(ValueError, match=r"features \(N, E\) and \(M, E\), got \(1, 2\) and \(2, 3\)"):
        models.retrieve(fastnet.ones(1, 2), fastnet.ones(2, 3))
    with pytest.raises(ValueError, match="got 0 classes and 1 templates"):
        models.build_zero_shot_classifier(models.two_tower(), list, [])


def test_wrong_features():
    eye, nan = fastnet.eye(2), fastnet.eye(2) * np.nan
    with pytest.raises(TypeError, match="retrieve: expected queries to be a tensor, got ndarray; convert it"):
        models.retrieve(np.eye(2), eye)
    with pytest.raises(TypeError, match=r"expected k to be a whole number, got 1\.5"):
        models.retrieve(eye, eye, k=1.5)
    with pytest.raises(ValueError, match="retrieve: queries have numbers that are not finite"):
        models.retrieve(nan, eye, k=1)
    with pytest.raises(ValueError, match="retrieve: items have numbers that are not finite"):
        models.retrieve(eye, nan, k=1)
    recorded = fastnet.compile(lambda a, b: models.retrieve(a, b, k=1).indices)
    assert [recorded(eye, eye).tolist() for _ in range(2)] == [[[0], [1]]] * 2


def test_wrong_classes():
    model = models.two_tower()
    build = models.build_zero_shot_classifier
    with pytest.raises(TypeError, match="expected classnames to be a list of texts, got 'cat'"):
        build(model, len, "cat")
    with pytest.raises(TypeError, match=r"expected templates to be a list of texts, got 'a \{\}'"):
        build(model, len, ["cat"], "a {}")
    with pytest.raises(ValueError, match=r"expected \{\} in each template, in place of the name .*, got 'a cat'"):
        build(model, len, ["cat", "dog"], ["a {}", "a cat"])
    with pytest.raises(ValueError, match="one row for each of 2 texts, got 1"):
        build(model, lambda texts: fastnet.ones(1, 3), ["cat", "dog"])
