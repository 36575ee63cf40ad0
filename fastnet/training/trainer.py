"""The Trainer: a model, an optimizer, a loss and metrics, and the loop over epochs."""
import copy
import functools
import itertools
import math
import time
from typing import Any

import numpy as np

import fastnet
from fastnet import data, metrics as m, nn
from fastnet._core.state import Finally
from fastnet.callbacks.base import Callback, changes_step
from fastnet.callbacks.logs import Progress
from fastnet.training import checkpoint, steps
from fastnet.training.checks import ModelInputs
from fastnet.training.history import History
from fastnet.training.losses import Loss
from fastnet.training.optimizers import optimizer_of
from fastnet.training.running import Running
from fastnet.training.settings import check_settings, listed
from fastnet.training.sources import evaluation_source, fit_sources, input_batches


class Trainer:
    """Trains a model on arrays or on a loader, measures it, and predicts with it.

    Each step (forward, loss, backward, update, metrics) is one recording of `fastnet.compile`.

    Args:
        model: a Module. Its parameters are changed.
        optimizer: an optimizer over the model's parameters; or a name ("sgd", "adam", "adamw", "rmsprop", "adagrad"),
            with PyTorch's defaults; or a function of the parameters that makes one.
        loss: "cross_entropy" (int64 classes from 0, one score a class), "binary_cross_entropy_with_logits" (0 or 1, one
            score), "mse", "mae", "huber", "smooth_l1"; or a loss module; or a function of (output, target) to a scalar,
            or to one number for each sample, which `class_weight` and `sample_weight` need.
        task: of a loss that is a function, what its targets are: "classification" (the number of a class each, of C
            logits), "binary" (0 or 1, of one logit or several) or "regression". It decides which targets are taken and
            what `predict` and `predict_proba` make of outputs.
        lr: the learning rate of an optimizer that is given by name; None: its default.
        metrics: one or several names or instances of `fastnet.metrics`, such as "accuracy". They count every sample
            alike.
        compile: False runs every step eagerly, with the same bits: for models whose Python code must run at each step,
            and for debugging. The environment variable FASTNET_COMPILE=0 does so for all trainers.

    Raises:
        TypeError: the model is no Module, or the loss is nothing that can be called.
        ValueError: an unknown name, or an optimizer of other parameters than the model's.

    Example:
        >>> import numpy as np, fastnet
        >>> from fastnet import nn
        >>> _ = fastnet.manual_seed(0)
        >>> x = np.array([[0.0], [1.0]] * 50)
        >>> y = np.array([0, 1] * 50)
        >>> trainer = fastnet.Trainer(nn.Linear(1, 2), "adam", lr=0.1, loss="cross_entropy", metrics=["accuracy"])
        >>> history = trainer.fit(x, y, epochs=20, batch_size=10, validation_split=0.2, progress=False)
        >>> history["validation_accuracy"][-1], trainer.predict([[0.0], [1.0]])
        (1.0, array([0, 1]))
    """

    def __init__(self, model, optimizer="adamw", *, loss, task=None, lr=None, metrics=(), compile=True):
        if not isinstance(model, nn.Module):
            raise TypeError(f"expected a model that is a Module, got {type(model).__name__}")
        self.model = model
        self.optimizer = optimizer_of(optimizer, model, lr)
        self.loss, self.compile = Loss(loss, task), compile
        self.metrics = [m.get(spec) for spec in listed("metrics", metrics, str | m.Metric)]
        self.running = Running(self.metrics)    # of the epoch so far
        self.history = History()
        self.epoch = self.batch = self.step = 0         # epochs that are done, batches of this one, updates in all
        self.epochs = self.first_epoch = 0              # where the training ends and began
        self.accumulate = 1                             # batches an update
        self.updated = self.stop = self.interrupted = False
        self.logs, self.callbacks, self._unclosed = {}, [], []
        self._data: Any = None
        self._validation: Any = None
        self._compiled = {}                     # function that makes one: (what it was made of, what it made)

    def __getstate__(self):
        return self.__dict__ | {"_compiled": {}, "callbacks": [], "_unclosed": [], "_data": None, "_validation": None}

    # ---- training ----

    def fit(self, x, y=None, *, epochs=1, batch_size=32, validation_data=None, validation_split=0.0, class_weight=None,
            sample_weight=None, callbacks=(), shuffle=True, seed=0, progress=True, resume=None):
        """Train for some epochs, and leave the model in evaluation mode; a second call goes on where the first ended.

        Args:
            x: an array of samples along the first axis, or a frame of numbers; a tuple of such, or a list of arrays,
                for a model whose forward takes several inputs; or a loader (`fastnet.data.DataLoader`, or anything that
                can be iterated over for each epoch) of tuples (inputs..., target). Floats are cast to the model's
                dtype, and so are the columns of frames, and integers where only layers of fastnet without an Embedding
                take them.
            y: the targets, unless x is a loader; classes may be one-hot, as integers or bools.
            epochs: passes over the data; with `resume`, counted from where the resumed training began.
            batch_size: samples a step; the last batch of an epoch may be smaller. Where the model has batch norm, a
                last batch of one sample is added to the one before.
            validation_data: (x, y) or a loader, measured on after each epoch.
            validation_split: the part of x to hold out for that instead: at random, with the same share of each class.
            class_weight: {class: weight}, an array, or "balanced": factors of the samples' weights in the loss.
            sample_weight: (N,), the weight of each sample in the loss. Weights are divided by their mean over all rows
                that are trained on, and the loss of a batch is sum(w_i l_i) / n: so a sample counts alike in small and
                large batches. The mean is taken for 1 where a loader's dataset has no `targets`.
            callbacks: one or several of `fastnet.callbacks`.
            shuffle: take the samples in another order in each epoch.
            seed: of the shuffling and the hold-out. Weights and dropout draw from `fastnet.manual_seed`'s generator.
            progress: show a progress bar (on a terminal) and print a line for each epoch.
            resume: the folder or file of a checkpoint to go on from, if it is there. Model, optimizer, loss, metrics,
                callbacks, data and settings must be those of the training that wrote it; a loader that is not
                fastnet's must give the same batches again.

        Returns:
            The `History` of all epochs so far.

        Raises:
            ValueError, TypeError: data, settings or a checkpoint that do not fit; the message says what was expected.
            FloatingPointError: the loss is no longer finite. Checkpoints are as they were before.
        """
        callbacks = listed("callbacks", callbacks, Callback)
        check_settings(epochs, batch_size, validation_split, resume, callbacks)
        self._data, self._validation = fit_sources(
            x, y, self.loss, self._takes, validation_data=validation_data, validation_split=validation_split,
            class_weight=class_weight, sample_weight=sample_weight, batch_size=batch_size, shuffle=shuffle, seed=seed)
        self.callbacks = sorted([*callbacks, *([Progress()] if progress else [])], key=lambda c: c.priority)
        self.first_epoch, self.epochs, self.batch, self.accumulate = self.epoch, self.epoch + epochs, 0, 1
        self.stop = self.interrupted = False
        self._unclosed = self.callbacks[::-1]
        with Finally(self._close):
            self._each("on_fit_begin")
            if resume is not None and checkpoint.file_in(resume).exists():
                self.load_checkpoint(resume)
                self.epochs = self.first_epoch + epochs
            self._train()
            self.interrupted = self.interrupted and self.epoch < self.epochs
            self._each("on_fit_end", falling=True)
        return self.history

    def _close(self):
        """Close all callbacks, whatever one of them raises; called again, those that are left."""
        try:
            while self._unclosed:
                self._unclosed.pop().close(self)
        finally:
            if self._unclosed:
                self._close()
            else:
                self.model.eval()

    def _train(self):
        step = self._step_with([c for c in self.callbacks if changes_step(c)])
        ended = True
        while ended and self.epoch < self.epochs and not (self.stop or self.interrupted):
            start = time.perf_counter()
            ended = self._train_epoch(step)
            self._require_sound()
            if ended:
                self._end_epoch(start)

    def _train_epoch(self, step):
        """Train on the rest of an epoch; returns whether its end was reached."""
        self.model.train()
        running = self.running
        running.metrics = self.metrics
        if self.batch == 0:
            running.reset()
        self._each("on_epoch_begin")
        moments = [c.on_batch_end for c in self.callbacks]
        nothing = divisor = self._nothing_divided()
        for (inputs, target, weight), ends in self._with_ends(self._data.epoch(self.epoch, self.batch)):
            place = self.batch % self.accumulate
            first, last = place == 0, ends or place == self.accumulate - 1
            value, total, measured, divisor = step(first, last, nothing if first else divisor, weight, target, *inputs)
            loss = value.item()
            if not math.isfinite(loss):
                self._require_numbers(inputs, target)
                raise FloatingPointError(f"the loss became {loss} at step {self.step + 1} (epoch {self.epoch + 1}, "
                                         f"batch {self.batch + 1}): {self._advice()}")
            running.add(len(target), loss, total, measured)
            self.batch += 1
            self.step += last
            self.updated = last
            for moment in moments:
                moment(self)
            if last and (self.stop or self.interrupted):
                return False
        if not running.samples:
            raise ValueError("the loader gave no batch")
        return True

    def _with_ends(self, batches):
        """Batches, and whether each one is the epoch's last as far as it matters."""
        if self.accumulate == 1:
            return zip(batches, itertools.repeat(False))
        return _with_last(batches)

    def _nothing_divided(self):
        """The divisor of an update before its first batch; None where an update is of one batch's own mean."""
        own = self._data.own_mean and (self.accumulate == 1 or self.loss.is_sum)
        return None if own else fastnet.zeros((), dtype=self.dtype)

    def _require_numbers(self, inputs, target):
        """Say so, if it is the data that is not finite."""
        for i, x in enumerate([*inputs, target]):
            what = "the targets" if i == len(inputs) else "the inputs" if len(inputs) == 1 else f"input {i}"
            data.finite(x.numpy(), f"{what} of batch {self.batch + 1} of epoch {self.epoch + 1}")

    def _require_sound(self):
        if math.isnan(self._compiled_by(steps.soundness)()):
            raise FloatingPointError(f"the weights are no longer finite after step {self.step} (epoch "
                                     f"{self.epoch + 1}): {self._advice()}")

    def _end_epoch(self, start):
        results = self.running.results()
        self._each("on_validation_begin")
        if self._validation is not None:
            results |= self._measure(self._validation).results("validation_")
        rates = [group["lr"] for group in self.optimizer.param_groups]
        self.logs = {"epoch": self.epoch + 1, **results, "lr": float(rates[0]), "seconds": time.perf_counter() - start}
        self.history.rows[self.epoch:] = [self.logs]            # in place of what an interrupted fit left of the epoch
        # the epoch is done when it has been judged: a checkpoint, which comes last of all callbacks, says so
        self.epoch, self.batch = self.epoch + 1, 0
        self._each("on_epoch_end")

    def _each(self, moment, falling=False):
        for callback in self.callbacks[::-1] if falling else self.callbacks:
            getattr(callback, moment)(self)

    def _step_with(self, hooks):
        if hooks:                       # what they hold is part of the recordings, and theirs for this call alone
            return steps.training_step(self, hooks)
        return self._compiled_by(steps.training_step)

    def _compiled_by(self, make):
        """What `make(trainer)` compiled, as long as what it was made of is still the trainer's."""
        parts = [self.model, self.optimizer, self.loss, self.compile, *self.metrics]
        made_of, function = self._compiled.get(make, ([], None))
        if list(map(id, made_of)) != list(map(id, parts)):
            function = make(self)
            self._compiled[make] = parts, function
        return function

    def _advice(self):
        rate = self.optimizer.param_groups[0]["lr"]
        return (f"try a smaller learning rate than {rate:g}, fastnet.callbacks.GradientClipping, or inputs that are "
                "standardised. The last checkpoint, if there is one, is from before that")

    # ---- measuring and predicting ----

    def evaluate(self, x, y=None, *, batch_size=1024, sample_weight=None):
        """The mean loss and the metrics of the model, in evaluation mode and without gradients.

        Args:
            x, y: as `fit`'s.
            batch_size: samples at a time.
            sample_weight: (N,), weights in the loss.

        Returns:
            {"loss": ..., metric: ...}.
        """
        return self._measure(evaluation_source(x, y, self.loss, self._takes, batch_size, sample_weight)).results()

    def _measure(self, source):
        measure = self._compiled_by(steps.measurement)
        running = Running(copy.deepcopy(self.metrics))
        running.reset()
        with _put_back(self.model):
            self.model.eval()
            for inputs, target, weight in source.epoch(0):
                value, total, measured = measure(weight, target, *inputs)
                running.add(len(target), value.item(), total, measured)
        if not running.samples:
            raise ValueError("there is nothing to measure on: the loader gave no batch")
        return running

    def decision_function(self, x, *, batch_size=1024):
        """What the model gives for each sample: scores of classes, or values.

        Args:
            x: as `fit`'s; a loader's batches are inputs alone, an array or a tuple of them.
            batch_size: samples at a time.

        Returns:
            A NumPy array with the samples along the first axis.
        """
        forward = self._compiled_by(steps.forward)
        with _put_back(self.model):
            self.model.eval()
            outputs = [forward(*inputs).numpy() for inputs in input_batches(x, self._takes, batch_size)]
        if not outputs:
            raise ValueError("there is nothing to predict: the loader gave no batch")
        return np.concatenate(outputs)

    def predict(self, x, *, batch_size=1024):
        """The class of each sample (0 or 1 for one score a sample), or its value where the loss is none of classes.

        Args:
            x, batch_size: as `decision_function`'s.
        """
        return self.loss.predictions(self.decision_function(x, batch_size=batch_size))

    def predict_proba(self, x, *, batch_size=1024):
        """The probability of each class: (N, C); for one score a sample (N, 2).

        Args:
            x, batch_size: as `decision_function`'s.

        Raises:
            TypeError: the loss is none of classes.
        """
        return self.loss.probabilities(self.decision_function(x, batch_size=batch_size))

    # ---- checkpoints ----

    def state_dict(self):
        """Everything that `fit` needs to go on, as it is now: model, optimizer, callbacks, history, random state."""
        return copy.deepcopy(checkpoint.state_of(self))

    def save_checkpoint(self, path, state=None):
        """Write everything that `fit` needs to go on, whole or not at all.

        Args:
            path: a file, or a folder in which it is called "checkpoint.safetensors".
            state: what `state_dict` gave earlier; None: what is now.
        """
        checkpoint.write_state(checkpoint.file_in(path), state or checkpoint.state_of(self))

    def load_checkpoint(self, path):
        """Go on from what `save_checkpoint` wrote; `fit(resume=path)` does.

        Args:
            path: as `save_checkpoint`'s.

        Raises:
            ValueError: the file is damaged, or of a training with other settings, data or callbacks.
            RuntimeError: of another model.
        """
        path = checkpoint.file_in(path)
        checkpoint.restore(self, checkpoint.read_state(path), path)

    # ---- what callbacks and checkpoints ask ----

    @property
    def dtype(self):
        """The model's floating dtype."""
        return next((p.dtype for p in self.model.parameters() if p.dtype.kind == "f"), fastnet.float32)

    @property
    def _takes(self):
        return ModelInputs(self.model, self.dtype)

    @property
    def step_model(self):
        """What a training step calls with the inputs of a batch: the model, unless a subclass has them read first."""
        return self.model

    @property
    def samples_per_epoch(self):
        """How many samples an epoch has, or None where its loader does not say."""
        return self._data.samples

    def described_data(self):
        """What a resumed training must find again of the data and of how it is loaded."""
        return {} if self._data is None else self._data.described()

    def total_steps(self):
        """How many updates this call of `fit` makes, or None where its loader does not say."""
        batches = self._data.batches
        return None if batches is None else (self.epochs - self.first_epoch) * -(-batches // self.accumulate)


def _with_last(items):
    """Each item, and whether it is the last."""
    items = iter(items)
    for item in items:
        for following in items:
            yield item, False
            item = following
        yield item, True


def _put_back(model):
    """A context manager after which a model is in the mode from before, wherever an exception falls."""
    return Finally(functools.partial(model.train, model.training))
