"""Models of sequences: padding has no influence, they train, and generation follows the trained scores."""
import numpy as np
import pytest

import fastnet
from fastnet import models, nn


def test_a_classifier_ignores_padding():
    model = models.lstm_classifier(3, vocabulary=20, width=6, hidden_size=8, num_layers=2, dropout=0.5).eval()
    rng = np.random.default_rng(0)
    tokens, lengths = rng.integers(1, 20, (4, 7)), [3, 7, 1, 5]
    for row, length in zip(tokens, lengths):
        row[length:] = 0
    together = model(fastnet.from_numpy(tokens), lengths)
    for row, length, scores in zip(tokens, lengths, together):
        alone = model(fastnet.from_numpy(row[None, :length]))
        np.testing.assert_allclose(alone[0].detach().numpy(), scores.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_a_classifier_of_measurements_learns_the_sign_of_a_mean():
    fastnet.manual_seed(0)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 12, 2)).astype(np.float32)
    x, y = fastnet.from_numpy(x), fastnet.from_numpy((x[:, :, 0].mean(1) > 0).astype(np.int64))
    model = models.lstm_classifier(2, width=2, hidden_size=8)
    optimizer = fastnet.optim.Adam(model.parameters(), lr=0.02)

    @fastnet.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    losses = [float(step(x, y)) for _ in range(60)]
    assert losses[-1] < 0.15 < 0.6 < losses[0]
    with pytest.raises(RuntimeError, match="3 dimensions"):
        model(x[0])


def test_seq2seq_learns_to_reverse():
    fastnet.manual_seed(0)
    start, end = 1, 2
    rng = np.random.default_rng(0)
    source = rng.integers(3, 9, (64, 5))
    target = np.concatenate([np.full((64, 1), start), source[:, ::-1], np.full((64, 1), end)], 1)
    model = models.seq2seq(9, 9, width=16, hidden_size=32)
    optimizer = fastnet.optim.Adam(model.parameters(), lr=0.02)

    @fastnet.compile
    def step(source, target, after):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(source, target).reshape(-1, 9), after.reshape(-1))
        loss.backward()
        optimizer.step()
        return loss.detach()

    arrays = [fastnet.from_numpy(np.ascontiguousarray(a)) for a in (source, target[:, :-1], target[:, 1:])]
    losses = [float(step(*arrays)) for _ in range(150)]
    assert losses[-1] < 0.1
    written = model.eval().generate(arrays[0], start, end, max_length=8).numpy()
    assert (written == target[:, 1:]).all(1).mean() > 0.9


def test_seq2seq_does_not_attend_to_padding():
    model = models.seq2seq(9, 9, width=6, hidden_size=8, num_layers=2).eval()
    source, target = fastnet.tensor([[3, 4, 5]]), fastnet.tensor([[1, 6]])
    padded = fastnet.tensor([[3, 4, 5, 0, 0]])
    np.testing.assert_allclose(model(padded, target, [3]).detach().numpy(), model(source, target).detach().numpy(),
                               rtol=1e-5, atol=1e-6)


def test_seq2seq_generates_without_dropout():
    fastnet.manual_seed(0)
    model = models.seq2seq(12, 12, 16, 16, dropout=0.5)
    source = fastnet.randint(1, 12, (8, 5))
    found = model.generate(source, 1, 2, max_length=6)
    assert model.training and (model.eval().generate(source, 1, 2, max_length=6) == found).all()
    with pytest.raises(ValueError, match="max_length to be at least 1, got 0"):
        model.generate(source, 1, 2, max_length=0)
