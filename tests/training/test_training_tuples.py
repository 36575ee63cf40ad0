"""Models that give several outputs: two towers with their losses, functions of a tuple, and what needs one tensor."""
import numpy as np
import pytest
from training_tools import weights

import fastnet
from fastnet import models, nn

RNG = np.random.default_rng(0)
IMAGES, TEXTS = RNG.standard_normal((48, 6)).astype(np.float32), RNG.integers(0, 12, (48, 4))
NOTHING = np.zeros(len(IMAGES))


class Both(nn.Module):
    """Gives a value and a score."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 2)

    def forward(self, x):
        found = self.linear(x)
        return found[:, 0], found[:, 1]


def towers(**options):
    fastnet.manual_seed(1)
    return models.two_tower(nn.Linear(6, 8), nn.EmbeddingBag(12, 8, mode="sum"), **options)


@pytest.mark.parametrize(("loss", "options"), [(nn.ClipLoss(), {}), (nn.SigLipLoss(), {"init_logit_bias": -3.0})])
def test_two_towers_train_as_in_a_loop(loss, options):
    trainer = fastnet.Trainer(towers(**options), "sgd", lr=0.01, loss=loss)
    history = trainer.fit((IMAGES, TEXTS), NOTHING, epochs=2, batch_size=16, shuffle=False, progress=False)
    model = towers(**options)
    optimizer = fastnet.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(2):
        for rows in np.split(np.arange(48), 3):
            optimizer.zero_grad()
            loss(*model(fastnet.tensor(IMAGES[rows]), fastnet.tensor(TEXTS[rows]))).backward()
            optimizer.step()
    for mine, theirs in zip(trainer.model.parameters(), model.parameters()):
        np.testing.assert_allclose(mine.detach().numpy(), theirs.detach().numpy(), rtol=1e-5, atol=1e-6)
    assert history["loss"][1] < history["loss"][0]
    measured = trainer.evaluate((IMAGES, TEXTS), NOTHING)["loss"]
    with fastnet.no_grad():
        assert measured == pytest.approx(loss(*model(fastnet.tensor(IMAGES), fastnet.tensor(TEXTS))).item(), rel=1e-4)


def test_a_function_is_the_same_loss():
    both = []
    for loss in (nn.ClipLoss(), lambda output, target: nn.ClipLoss()(*output)):
        trainer = fastnet.Trainer(towers(), "adam", loss=loss)
        trainer.fit((IMAGES, TEXTS), NOTHING, epochs=2, progress=False, validation_split=0.2)
        both.append(weights(trainer))
    assert both[0] == both[1]


def test_a_function_of_a_tuple_may_be_weighted():
    def loss(output, target):
        return (output[0] - target) ** 2 + (output[1] - 1) ** 2

    trainer = fastnet.Trainer(Both(), "adam", lr=0.1, loss=loss)
    history = trainer.fit(IMAGES, IMAGES[:, 0], epochs=20, sample_weight=np.ones(48), progress=False)
    assert history["loss"][-1] < 0.3 * history["loss"][0]


def test_what_needs_one_tensor():
    trainer = fastnet.Trainer(Both(), loss="mse")
    with pytest.raises(TypeError, match=r"to give a tensor, got tuple, which MSELoss\(.*\) does not take: use a"):
        trainer.fit(IMAGES, NOTHING, progress=False)
    with pytest.raises(TypeError, match="predictions need a model that gives one tensor, got tuple"):
        trainer.predict(IMAGES)
    trainer = fastnet.Trainer(Both(), loss=lambda output, target: output[0].mean(), metrics=["mae"])
    with pytest.raises(TypeError, match="metrics need a model that gives one tensor, got tuple"):
        trainer.fit(IMAGES, NOTHING, progress=False)


def test_losses_of_pairs_need_two_towers():
    with pytest.raises(TypeError, match=r"expected the model to give a tuple, the arguments of ClipLoss.*got Tensor"):
        fastnet.Trainer(nn.Linear(6, 2), loss=nn.ClipLoss()).fit(IMAGES, NOTHING, progress=False)
    with pytest.raises(ValueError, match=r"ClipLoss.* compares all pairs of a batch: expected no sample or class weig"):
        fastnet.Trainer(towers(), loss=nn.ClipLoss()).fit((IMAGES, TEXTS), NOTHING, sample_weight=np.ones(48),
                                                          progress=False)
