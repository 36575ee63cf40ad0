"""Learning-rate schedules as callbacks: by epoch, by batch, on a plateau, and errors."""
import numpy as np
import pytest
from training_tools import Scripted, blobs, fitted, trainer

from fastnet import callbacks as c, optim


class Rates(c.Callback):
    def __init__(self):
        self.rates = []

    def on_batch_end(self, trainer):
        self.rates.append(trainer.optimizer.param_groups[0]["lr"])


def rates(schedule, **options):
    watch = Rates()
    fitted(callbacks=[watch, schedule], epochs=3, batch_size=100, **options)
    return watch.rates


def test_schedule_by_epoch():
    assert rates(c.LearningRateSchedule(lambda o: optim.lr_scheduler.ExponentialLR(o, 0.5))) == [
        0.02] * 3 + [0.01] * 3 + [0.005] * 3


def test_schedule_by_batch_over_the_whole_training():
    linear = rates(c.LearningRateSchedule("linear"))
    assert np.allclose(linear, 0.02 * (1 - np.arange(9) / 9))
    one_cycle = rates(c.LearningRateSchedule("one_cycle"))
    assert max(one_cycle) == pytest.approx(0.02, rel=0.05)
    assert one_cycle[-1] < one_cycle[0] < 0.002
    cosine = rates(c.LearningRateSchedule("cosine"), validation_split=0.1)
    assert cosine[0] == 0.02
    assert cosine[-1] < 0.002


@pytest.mark.parametrize("schedule", ["linear", "cosine", "one_cycle",
                                      lambda optimizer: optim.lr_scheduler.ExponentialLR(optimizer, 0.1)])
def test_a_schedule_begins_anew_with_each_fit(schedule):
    t, watch = trainer(), Rates()
    for _ in range(2):
        t.fit(*blobs(), epochs=2, batch_size=100, progress=False, callbacks=[watch, c.LearningRateSchedule(schedule)])
    assert watch.rates[:6] == pytest.approx(watch.rates[6:])


def test_a_schedule_puts_the_rate_back_after_an_error():
    class Break(c.Callback):
        def on_batch_end(self, trainer):
            if trainer.step == 15:
                raise KeyboardInterrupt

    t = trainer()
    with pytest.raises(KeyboardInterrupt):
        t.fit(*blobs(), epochs=2, progress=False, callbacks=[c.LearningRateSchedule("cosine"), Break()])
    assert t.optimizer.param_groups[0]["lr"] == 0.02


def test_schedule_that_was_made_before():
    t = trainer()
    t.fit(*blobs(), epochs=2, progress=False, callbacks=[
        c.LearningRateSchedule(optim.lr_scheduler.StepLR(t.optimizer, 1, gamma=0.1))])
    assert t.history["lr"] == pytest.approx([0.02, 0.002])
    other = optim.lr_scheduler.StepLR(trainer().optimizer, 1)
    with pytest.raises(ValueError, match="belongs to another optimizer"):
        t.fit(*blobs(), progress=False, callbacks=[c.LearningRateSchedule(other)])


def test_plateau():
    def plateau(optimizer):
        return optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=0)
    flat = Scripted(1.0, 1.0, 1.0, 1.0, name="watched")
    t = fitted(callbacks=[flat, c.LearningRateSchedule(plateau, monitor="watched")])
    assert t.history["lr"] == pytest.approx([0.02, 0.02, 0.002, 0.0002])
    with pytest.raises(ValueError, match="no 'validation_loss' for ReduceLROnPlateau"):
        fitted(callbacks=[c.LearningRateSchedule(plateau)])


def test_schedule_errors():
    with pytest.raises(ValueError, match="unknown schedule 'sine'"):
        c.LearningRateSchedule("sine")
    with pytest.raises(ValueError, match="unknown interval 'week'"):
        c.LearningRateSchedule("linear", interval="week")
    x, y = blobs(64)
    with pytest.raises(ValueError, match="needs to know how many updates"):
        fitted((part for part in [(x, y)]), None, callbacks=[c.LearningRateSchedule("linear")])
