"""scikit-learn's estimators by fastnet, with a callback and a module of the user's own."""
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet import nn
from fastnet.callbacks import Callback, GradientClipping
from fastnet.sklearn import MLPClassifier, MLPRegressor
from fastnet.training import Trainer


class Losses(Callback):
    """Keep the loss of each epoch, and stop when it is small."""

    def __init__(self, small: float) -> None:
        self.small = small
        self.losses: list[float] = []

    def on_epoch_end(self, trainer: Trainer) -> None:
        self.losses.append(trainer.logs["loss"])
        trainer.stop = trainer.stop or self.losses[-1] < self.small


def network(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, outputs))


def labelled(count: int) -> tuple[NDArray[np.float64], list[str]]:
    x = np.random.default_rng(0).normal(size=(count, 4))
    return x, ["yes" if first > 0 else "no" for first in x[:, 0]]


x, y = labelled(200)
losses = Losses(0.05)
classifier = MLPClassifier((16, 8), solver="adamw", learning_rate_init=0.02, dropout=[0.1, 0.0],
                           class_weight="balanced", batch_size=50, callbacks=[losses, GradientClipping(1.0)],
                           random_state=0)
score: float = classifier.fit(x, y).score(x, y)
assert score > 0.9 and len(losses.losses) == classifier.n_iter_, score
assert classifier.predict_proba(x[:2]).shape == (2, 2) and set(classifier.predict(x)) == {"yes", "no"}
assert [weight.shape for weight in classifier.coefs_] == [(4, 16), (16, 8), (8, 1)]

regressor = MLPRegressor("huber", solver="lbfgs", module=network, random_state=0).fit(x, x[:, 0])
values: NDArray[Any] = regressor.predict(x)
parameters: dict[str, Any] = regressor.set_params(alpha=0.1).get_params()
assert regressor.loss_ < 0.1 and values.shape == (200,) and parameters["alpha"] == 0.1
assert isinstance(regressor.module_, nn.Sequential)

incremental = MLPClassifier(random_state=0)
for start in range(0, 200, 50):
    incremental.partial_fit(x[start:start + 50], y[start:start + 50], classes=["no", "yes"])
print(f"{score:.2f} {incremental.loss_curve_[-1]:.3f} {losses!r}")
