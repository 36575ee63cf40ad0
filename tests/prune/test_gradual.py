"""Pruning during training."""
import itertools

import numpy as np
import pytest

import fastnet
from fastnet import nn, prune

X = np.random.default_rng(0).standard_normal((64, 6)).astype("float32")
Y = (X.sum(1) > 0).astype("int64")


def model():
    fastnet.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))


def fit(made, *callbacks, epochs=5, compile=True, **options):
    trainer = fastnet.Trainer(made, "adamw", lr=1e-2, loss="cross_entropy", compile=compile)
    trainer.fit(X, Y, epochs=epochs, batch_size=16, callbacks=[*callbacks], progress=False, **options)
    return trainer


def zeros(made):
    return [float((layer.weight == 0).float().mean()) for layer in (made[0], made[2])]


def test_the_schedule_is_zhu_and_guptas():
    schedule = prune.GradualPruning(0.8, initial_sparsity=0.2, begin_step=10, end_step=50, frequency=10)
    assert [schedule.sparsity(t) for t in (0, 10, 50, 90)] == pytest.approx([0.2, 0.2, 0.8, 0.8])
    assert schedule.sparsity(30) == pytest.approx(0.8 - 0.6 * 0.5**3)
    assert "final_sparsity=0.8" in repr(schedule)


def test_each_parameter_reaches_the_final_sparsity_and_zeros_stay():
    masks = []

    class Watch(fastnet.callbacks.Callback):
        def on_batch_end(self, trainer):
            masks.append(trainer.model[0].weight_mask.numpy().copy())
    made = model()
    trainer = fastnet.Trainer(made, "adamw", loss="cross_entropy")
    trainer.fit(X, Y, epochs=5, batch_size=16, progress=False,
                callbacks=[prune.GradualPruning(0.75, end_step=12, begin_step=2, frequency=3), Watch()])
    assert zeros(made) == [0.75, 0.75]
    fractions = [1 - float(mask.mean()) for mask in masks]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[11] == 0.75 and len(set(fractions)) >= 4
    assert all((later <= earlier).all() for earlier, later in itertools.pairwise(masks))


def test_all_parameters_together():
    made = model()
    fit(made, prune.GradualPruning(0.5, end_step=8, frequency=4, method="global_unstructured"))
    first, last = zeros(made)
    assert round(first * 48 + last * 16) == 32 and first != last


def test_given_parameters_alone():
    made = model()
    fit(made, prune.GradualPruning(0.5, end_step=8, frequency=4, parameters=[(made[2], "weight")]))
    assert zeros(made) == [0, 0.5]


def test_channels_are_pruned_and_removed():
    made = model()
    fit(made, prune.GradualPruning(0.5, end_step=8, frequency=4, method="ln_channels", example=fastnet.ones(1, 6)))
    small, _ = prune.compact(made, fastnet.tensor(X), speed=False)
    assert small[0].out_features == 4
    np.testing.assert_allclose(small(fastnet.tensor(X)).detach().numpy(), made(fastnet.tensor(X)).detach().numpy(),
                               rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("method", ["l1_unstructured", "global_unstructured"])
def test_compiled_eager_and_resumed_trainings_prune_the_same_weights(tmp_path, method):
    def schedule():
        return prune.GradualPruning(0.8, end_step=14, frequency=3, method=method)
    whole, part, again, eager = model(), model(), model(), model()
    fit(whole, schedule())
    fit(part, schedule(), fastnet.callbacks.Checkpoint(tmp_path), epochs=2)
    fit(again, schedule(), epochs=5, resume=tmp_path)
    fit(eager, schedule(), compile=False)
    for key, x in whole.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[key].numpy(), x.numpy(), err_msg=key)
        np.testing.assert_array_equal(eager.state_dict()[key].numpy(), x.numpy(), err_msg=key)
    assert zeros(again) == zeros(whole) and sum(zeros(whole)) > 1


def test_averaged_weights_keep_the_masks():
    made = model()
    trainer = fastnet.Trainer(made, "adamw", loss="cross_entropy")
    trainer.fit(X, Y, epochs=5, batch_size=16, progress=False, callbacks=[
        prune.GradualPruning(0.5, end_step=8, frequency=4), fastnet.callbacks.ExponentialMovingAverage(0.5)])
    assert set(made[0].weight_mask.numpy().reshape(-1)) == {0, 1}
    made(fastnet.tensor(X))
    assert zeros(made) == [0.5, 0.5]


@pytest.mark.parametrize("options, message", [
    ({"final_sparsity": 1.0}, "final_sparsity < 1"), ({"initial_sparsity": 0.9}, "initial_sparsity <= final_sparsity"),
    ({"end_step": 0}, "end_step"), ({"frequency": 0}, "frequency"),
    ({"method": "l2"}, "unknown method of GradualPruning"), ({"method": "ln_channels"}, "expected an example"),
    ({"example": 1}, "expected an example")])
def test_wrong_options_say_what_is_expected(options, message):
    with pytest.raises(ValueError, match=message):
        prune.GradualPruning(**{"final_sparsity": 0.5, "end_step": 10, **options})
