"""The Trainer: the training loop over a model, an optimizer, a loss and metrics."""
from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import fastnet
from fastnet import nn, optim
from fastnet._core import world
from fastnet._core.reprs import repr_of
from fastnet._core.shapes import ceil_div
from fastnet._core.state import Finally
from fastnet.callbacks.base import Callback, changes_step
from fastnet.callbacks.logs import Progress
from fastnet.training import checkpoint, steps
from fastnet.training.evaluator import Evaluator
from fastnet.training.history import History
from fastnet.training.non_finite import loss_error, require_finite_batch, weights_error
from fastnet.training.optimizers import optimizer_of, require_trainable
from fastnet.training.ranks import join_ranks, resume as resume_from, sharded_training
from fastnet.training.running import RunningResults
from fastnet.training.settings import as_list, check_settings
from fastnet.training.shards import check_shards
from fastnet.training.sources import fit_sources

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet._core.annotations import ArrayLike, StrPath
    from fastnet.training.annotations import (
        ClassWeight,
        Inputs,
        LossSpec,
        LossTask,
        MetricSpec,
        OptimizerSpec,
        Targets,
        ValidationData,
    )
    from fastnet.training.sharded import ShardedTraining
    from fastnet.training.sources import BatchSource

__all__ = ["Trainer"]

_T = TypeVar("_T")


class Trainer(Evaluator):
    """Train a model on arrays or a loader, evaluate it, and predict with it.

    `fastnet.compile` records each step (forward, loss, backward, update, metrics) once and replays it.

    Args:
        model: a Module. Its parameters are changed in place.
        optimizer: an optimizer of the model's parameters; or a name ("sgd", "adam", "adamw", "rmsprop", "adagrad"),
            with PyTorch's defaults; or a function of the parameters that returns an optimizer.
        loss: "cross_entropy" (int64 classes from 0, one score per class), "binary_cross_entropy_with_logits" (0 or 1,
            one score), "mse", "mae", "huber", "smooth_l1"; or a loss module; or a function of (output, target) that
            returns a scalar or one number per sample; `class_weight` and `sample_weight` need the latter. The
            output may be a tuple; `nn.ClipLoss` and `nn.SigLipLoss` take that of two towers, without the targets.
        task: for a loss that is a function, what the targets are: "classification" (one class index per sample, for C
            logits), "binary" (0 or 1, for one or several logits) or "regression". It decides which targets are accepted
            and how `predict` and `predict_proba` read the outputs.
        lr: learning rate of an optimizer given by name; None: its default.
        metrics: one or several names or instances of `fastnet.metrics`, such as "accuracy". They weight all samples
            equally.
        compile: False runs every step eagerly, with the same bits: for debugging, and for models whose Python code must
            run at each step. The environment variable FASTNET_COMPILE=0 has the same effect on all trainers.
        shards: cut each batch into this many shards, a power of two; then the training gives the same bits on any
            number of ranks that divides it. Batch norm uses the statistics of each shard, and dropout draws for each
            shard. None: the whole batch, or with `fastnet.distributed` one shard for each rank.

    Raises:
        TypeError: the model is not a Module, or the loss is not callable.
        ValueError: an unknown name, an optimizer that has no parameter of the model, or another number of shards.

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

    def __init__(self, model: nn.Module, optimizer: OptimizerSpec = "adamw", *, loss: LossSpec,
                 task: LossTask | None = None, lr: float | None = None,
                 metrics: MetricSpec | Iterable[MetricSpec] = (), compile: bool = True,
                 shards: int | None = None) -> None:
        super().__init__(model, loss, task, metrics, compile)
        check_shards(shards)
        self.shards: int | None = shards
        self.optimizer: optim.Optimizer = optimizer_of(optimizer, model, lr)
        self.running: RunningResults = RunningResults(self.metrics)     # of the epoch so far
        self.history: History = History()
        self.epoch: int = 0                     # finished epochs
        self.batch: int = 0                     # finished batches of this epoch
        self.step: int = 0                      # updates in all
        self.first_epoch: int = 0               # where this training begins ...
        self.epochs: int = 0                    # ... and ends
        self.accumulate: int = 1                # batches per update
        self.updated: bool = False              # whether the last batch updated the weights
        self.stop: bool = False                 # set by a callback: end the training
        self.interrupted: bool = False          # set by a signal handler: end it, to continue later
        self.logs: dict[str, Any] = {}
        self.callbacks: list[Callback] = []
        self._unclosed: list[Callback] = []
        self._data: Any = None
        self._validation: Any = None
        self._sharded: ShardedTraining | None = None

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"callbacks": [], "_unclosed": [], "_data": None, "_validation": None,
                                         "_sharded": None}

    def __repr__(self) -> str:
        parameters = sum(p.numel() for p in self.model.parameters())
        return repr_of(self, model=type(self.model), parameters=parameters, optimizer=type(self.optimizer),
                       lr=self.optimizer.param_groups[0]["lr"], loss=self.loss.function,
                       metrics=[metric.name for metric in self.metrics], epoch=self.epoch)

    # ---- training ----

    def fit(self, x: Inputs, y: Targets | None = None, *, epochs: int = 1, batch_size: int = 32,
            validation_data: ValidationData | None = None, validation_split: float = 0.0,
            class_weight: ClassWeight | None = None, sample_weight: ArrayLike | None = None,
            callbacks: Callback | Iterable[Callback] = (), shuffle: bool = True, seed: int = 0, progress: bool = True,
            resume: StrPath | None = None) -> History:
        """Train for some epochs, and leave the model in evaluation mode. A second call continues where the first ended.

        In a process group of `fastnet.distributed`, all ranks call this with the same data. Each one computes its part
        of each batch; rank 0 prints and writes files.

        Args:
            x: an array with samples along the first axis, or a frame of numbers; a tuple of these, or a list of arrays,
                for a model whose forward takes several inputs; or a loader (`fastnet.data.DataLoader`, or any object
                that can be iterated over once per epoch) of tuples (inputs..., target). Floats and columns of frames
                are cast to the model's dtype; so are integers if all layers are fastnet's and none is an Embedding.
            y: the targets, unless x is a loader. Classes may be one-hot, as integers or bools.
            epochs: passes over the data; with `resume`, counted from where the resumed training began.
            batch_size: samples per step, of all ranks together. The last batch of an epoch may be smaller. If the model
                has batch norm, a last batch of one sample is merged into the batch before it.
            validation_data: (x, y) or a loader, to measure on after each epoch.
            validation_split: share of x to hold out instead: random rows, the same share of each class.
            class_weight: {class: weight}, an array, or "balanced": factors of the samples' weights in the loss.
            sample_weight: (N,), the weight of each sample in the loss. Weights are divided by their mean over all rows
                to train on, and the loss of a batch is sum(w_i l_i) / n, so a sample counts equally in small and large
                batches. The mean is taken to be 1 if a loader's dataset has no `targets`.
            callbacks: one or several of `fastnet.callbacks`.
            shuffle: take the samples in a new order in each epoch.
            seed: of the shuffling and of the hold-out. Weights and dropout use the generator of `fastnet.manual_seed`.
            progress: show a progress bar (on a terminal) and print one line per epoch.
            resume: folder or file of a checkpoint to continue from, if it exists. Model, optimizer, loss, metrics,
                callbacks, data and settings must be those of the training that wrote it; a loader that is not
                fastnet's must give the same batches again.

        Returns:
            The `History` of all epochs so far.

        Raises:
            ValueError, TypeError: data, settings or a checkpoint that do not fit, or ranks that differ; the message
                says what was expected.
            RuntimeError: another rank has ended.
            FloatingPointError: the loss is no longer finite. Checkpoints on disk are unchanged.
        """
        join_ranks(self.model)
        callbacks = as_list("callbacks", callbacks, Callback)
        check_settings(epochs, batch_size, validation_split, resume, callbacks)
        self._data, self._validation = self._sources(
            x, y, validation_data=validation_data, validation_split=validation_split, class_weight=class_weight,
            sample_weight=sample_weight, batch_size=batch_size, shuffle=shuffle, seed=seed)
        shown = [Progress()] if progress and world.is_first_rank() else []
        self.callbacks = sorted([*callbacks, *shown], key=lambda c: c.priority)
        self.first_epoch, self.epochs, self.batch, self.accumulate = self.epoch, self.epoch + epochs, 0, 1
        self.stop = self.interrupted = False
        self._unclosed = self.callbacks[::-1]
        with Finally(self._close):
            self._call("on_fit_begin")
            self._sharded = sharded_training(self, self._step_hooks())
            if resume is not None and resume_from(self, self._sharded, resume):
                self.epochs = self.first_epoch + epochs
            self._train()
            self.interrupted = self.interrupted and self.epoch < self.epochs
            self._call("on_fit_end", descending=True)
        return self.history

    def _sources(self, x: Inputs, y: Targets | None, **given: Any) -> tuple[BatchSource, BatchSource | None]:
        """The batches of `fit`, whose arguments these are: (training, validation or None)."""
        return fit_sources(x, y, self.loss, self._model_inputs, **given)

    def _close(self) -> None:
        """Close all callbacks, even if one of them raises; a second call closes the rest."""
        try:
            while self._unclosed:
                self._unclosed.pop().close(self)
        finally:
            if self._unclosed:
                self._close()
            else:
                self.model.eval()

    def _train(self) -> None:
        sharded = self._sharded
        step = self._step_with(self._step_hooks()) if sharded is None else None
        ended = True
        while ended and self.epoch < self.epochs and not self._stops():
            start = time.perf_counter()
            self._begin_epoch()
            ended = self._train_epoch(step) if sharded is None else self._train_shards(sharded)
            if not self.running.samples:
                raise ValueError("the loader gave no batch")
            self._require_finite_weights()
            if ended:
                self._end_epoch(start)

    def _step_hooks(self) -> list[Callback]:
        """The callbacks that are part of an update."""
        return [c for c in self.callbacks if changes_step(c)]

    def _stops(self) -> bool:
        return self.stop or self.interrupted if self._sharded is None else self._sharded.stops()

    def _begin_epoch(self) -> None:
        self.model.train()
        self.running.metrics = self.metrics
        if self.batch == 0:
            self.running.reset()
        self._call("on_epoch_begin")
        require_trainable(self.optimizer)

    def _train_epoch(self, step: Any) -> bool:
        """Train on the remaining batches of an epoch; return whether the epoch was completed."""
        running = self.running
        hooks = [c.on_batch_end for c in self.callbacks]
        zero = divisor = self._initial_divisor()
        for (inputs, target, weight), ends in self._with_ends(self._data.epoch(self.epoch, self.batch)):
            place = self.batch % self.accumulate
            first, last = place == 0, ends or place == self.accumulate - 1
            value, total, measured, divisor = step(first, last, zero if first else divisor, weight, target, *inputs)
            loss = value.item()
            if not math.isfinite(loss):
                require_finite_batch(self, inputs, target)
                raise loss_error(self, loss)
            running.add(len(target), loss, total, measured)
            self._end_batch(last, hooks)
            if last and (self.stop or self.interrupted):
                return False
        return True

    def _train_shards(self, sharded: ShardedTraining) -> bool:
        """`_train_epoch` with batches that are cut into shards."""
        hooks = [c.on_batch_end for c in self.callbacks]
        for batch, ends in self._with_ends(sharded.batches()):
            place = self.batch % self.accumulate
            last = ends or place == self.accumulate - 1
            results, stops = sharded.step(place == 0, last, batch)
            for result in results:
                if not math.isfinite(result.loss):
                    raise loss_error(self, result.loss)
                self.running.add(*result)
            self._end_batch(last, hooks)
            if last and stops:
                return False
        return True

    def _end_batch(self, last: bool, hooks: Iterable[Callable[[Trainer], object]]) -> None:
        self.batch += 1
        self.step += last
        self.updated = last
        for hook in hooks:
            hook(self)

    def _with_ends(self, batches: Iterator[_T]) -> Iterator[tuple[_T, bool]]:
        """Batches, and whether each one is the epoch's last; always False unless several batches make an update."""
        if self.accumulate == 1:
            return zip(batches, itertools.repeat(False))
        return _with_last(batches)

    def _initial_divisor(self) -> Tensor | None:
        """The divisor of an update before its first batch; None if a batch's own mean is the loss of the update."""
        own = self._data.own_mean and (self.accumulate == 1 or self.loss.is_sum)
        return None if own else fastnet.zeros((), dtype=self.dtype)

    def _require_finite_weights(self) -> None:
        if math.isnan(self._compiled_by(steps.weights_check)()):
            raise weights_error(self)

    def _end_epoch(self, start: float) -> None:
        results = self.running.results()
        self._call("on_validation_begin")
        if self._validation is not None and self._sharded is None:
            results |= self._measure(self._validation.epoch(0)).results("validation_")
        elif self._validation is not None and self._sharded is not None:
            own = self._validation.each(world.rank(), world.world_size())
            results |= self._measure(own, self._sharded.measure).results("validation_")
        rates = [group["lr"] for group in self.optimizer.param_groups]
        self.logs = {"epoch": self.epoch + 1, **results, "lr": float(rates[0]), "seconds": time.perf_counter() - start}
        self.history.rows[self.epoch:] = [self.logs]            # replaces a row that an interrupted fit left
        # count the epoch before the callbacks run: Checkpoint, the last of them, saves the count
        self.epoch, self.batch = self.epoch + 1, 0
        self._call("on_epoch_end")

    def _call(self, hook: str, descending: bool = False) -> None:
        for callback in self.callbacks[::-1] if descending else self.callbacks:
            getattr(callback, hook)(self)

    def _step_with(self, hooks: list[Callback]) -> Callable[..., Any]:
        if hooks:                       # recordings contain the state of these callbacks: compile for this call only
            return steps.training_step(self, hooks)
        return self._compiled_by(steps.training_step)

    def _parts(self) -> list[Any]:
        return [self.optimizer, *super()._parts()]

    # ---- checkpoints ----

    def state_dict(self) -> dict[str, Any]:
        """Copy everything that `fit` needs to continue: model, optimizer, callbacks, history, random state."""
        return copy.deepcopy(checkpoint.state_of(self))

    def save_checkpoint(self, path: StrPath, state: dict[str, Any] | None = None) -> None:
        """Write everything that `fit` needs to continue to a file, replacing it atomically; only rank 0 writes.

        Args:
            path: a file, or a folder; the file in it is "checkpoint.safetensors".
            state: an earlier result of `state_dict`; None: the current state.
        """
        if world.is_first_rank():
            checkpoint.write_state(checkpoint.file_in(path), state or checkpoint.state_of(self))

    def load_checkpoint(self, path: StrPath) -> None:
        """Restore the state that `save_checkpoint` wrote; `fit(resume=path)` calls this.

        Args:
            path: see `save_checkpoint`.

        Raises:
            ValueError: the file is damaged, or from a training with other settings, data or callbacks.
            RuntimeError: the file is from a training of another model.
        """
        path = checkpoint.file_in(path)
        checkpoint.restore(self, checkpoint.read_state(path), path)

    # ---- for callbacks, checkpoints and subclasses ----

    @property
    def step_model(self) -> Callable[..., Any]:
        """The function that a training step calls with the inputs of a batch: the model, or a subclass's own."""
        return self.model

    @property
    def batch_loss(self) -> Callable[..., tuple[Tensor, Tensor]]:
        """The function of (target, weight, *inputs) that a training step calls: it returns the output and the loss."""
        model, loss = self.step_model, self.loss

        def output_and_loss(target: Tensor, weight: Tensor | None, *inputs: Tensor) -> tuple[Tensor, Tensor]:
            output = model(*inputs)
            return output, loss(output, target, weight)
        return output_and_loss

    @property
    def trained(self) -> nn.Module:
        """The module whose state a checkpoint holds: the model; a subclass may train further modules with it."""
        return self.model

    @property
    def source(self) -> BatchSource:
        """The batches of this `fit`."""
        source: BatchSource = self._data
        return source

    @property
    def samples_per_epoch(self) -> int | None:
        """Number of samples per epoch, or None if the loader does not tell."""
        return self._data.samples

    def described_data(self) -> dict[str, Any]:
        """Description of the data and of how it is loaded, which a resumed training compares."""
        return {} if self._data is None else self._data.described()

    def total_steps(self) -> int | None:
        """Number of updates in this call of `fit`, or None if the loader does not tell."""
        batches = self._data.batches
        return None if batches is None else (self.epochs - self.first_epoch) * ceil_div(batches, self.accumulate)


def _with_last(items: Iterable[_T]) -> Iterator[tuple[_T, bool]]:
    """Each item, and whether it is the last."""
    items = iter(items)
    for item in items:
        for following in items:
            yield item, False
            item = following
        yield item, True
