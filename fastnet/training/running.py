"""Means and metrics of an epoch so far."""
import math


class Running:
    """The mean loss and the metrics of the batches that were added.

    Args:
        metrics: `fastnet.metrics` of its own.
    """

    def __init__(self, metrics):
        self.metrics = metrics
        self.reset()

    def reset(self):
        """Forget every batch."""
        self.loss = self.weight = 0.0
        self.samples = 0
        for metric in self.metrics:
            metric.reset()

    def add(self, samples, loss, weight, measured):
        """Count a batch in.

        Args:
            samples: how many it has.
            loss: its mean loss, a float.
            weight: the sum of its weights, a scalar tensor; None: each is 1.
            measured: what each metric's `measure` gave.
        """
        total = samples if weight is None else weight.item()
        self.loss += loss * total
        self.weight += total
        self.samples += samples
        for metric, values in zip(self.metrics, measured):
            metric.accumulate(*[value.numpy() for value in values])

    def results(self, prefix=""):
        """{"loss": mean, metric: value, ...}, each name behind `prefix`."""
        loss = self.loss / self.weight if self.weight else math.nan
        return {prefix + "loss": loss} | {prefix + metric.name: _plain(metric.compute()) for metric in self.metrics}

    def state_dict(self):
        """What a checkpoint in the middle of an epoch needs."""
        return {"loss": self.loss, "weight": self.weight, "samples": self.samples,
                "metrics": [metric.state_dict() for metric in self.metrics]}

    def load_state_dict(self, state):
        """Go on from what `state_dict` gave."""
        self.loss, self.weight, self.samples = state["loss"], state["weight"], state["samples"]
        for metric, saved in zip(self.metrics, state["metrics"]):
            metric.load_state_dict(saved)


def _plain(value):
    """A float, or nested lists of numbers: what a table and JSON can hold."""
    return value.tolist() if hasattr(value, "tolist") else value
