"""Training on shards of each batch, by one rank or by several, with bits that do not depend on the number of ranks.

Each shard is a separate pass: batch norm uses the statistics of the shard, and random numbers depend on the batch and
the shard's number. The gradients of all shards are added in one binary tree; each rank's shards are a branch of it.
The ranks exchange the gradients of the last layers while the last shard's pass computes those of the first. All ranks
learn the losses and metrics of all shards, add them in the order of the shards, and make the same update.
"""
from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnet
from fastnet._core import world
from fastnet._core.state import Finally
from fastnet.data import DataLoader
from fastnet.data.samples import DistributedSampler
from fastnet.distributed.agreement import require_same
from fastnet.distributed.buckets import Buckets
from fastnet.distributed.calls import all_gather_json, sum_part
from fastnet.distributed.collectives import broadcast_bytes
from fastnet.distributed.exchange import GradientExchange
from fastnet.distributed.messages import packed_arrays, unpacked_arrays
from fastnet.distributed.parallel import copy_from_first_rank, model_description
from fastnet.nn.nested import pack, unpack
from fastnet.training import checkpoint, steps
from fastnet.training.checks import has_batch_norm
from fastnet.training.non_finite import require_finite_batch
from fastnet.training.results import exchanged, in_batch_order, packed_results, unpacked_results
from fastnet.training.running import Result
from fastnet.training.shards import shard_seed, shards_of
from fastnet.training.shared_buffers import SharedBuffers
from fastnet.training.tree_sum import TreeSum

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet._core.annotations import Array, StrPath
    from fastnet.callbacks import Callback
    from fastnet.distributed.transport import Transport
    from fastnet.training.annotations import ShardedBatch, WeightedBatch
    from fastnet.training.trainer import Trainer

__all__ = ["ShardedTraining"]


class ShardedTraining:
    """The steps of a Trainer on shards.

    Args:
        trainer: during `fit`, before the first step.
        hooks: callbacks whose `before_update` and `after_update` are part of an update.

    Raises:
        ValueError: the number of ranks does not divide the shards, or the ranks differ in the model, the data or the
            settings.
        TypeError: a loader that already gives each rank other samples.
    """

    def __init__(self, trainer: Trainer, hooks: Sequence[Callback]) -> None:
        group = world.current()
        self.trainer, self.hooks = trainer, hooks
        self.transport: Transport | None = None if group is None else group.transport
        self.shards = shards_of(trainer.shards, world.rank(), world.world_size(),
                                2 if has_batch_norm(trainer.model) else 1)
        _check_loader(trainer.source.loader)
        if self.transport is not None:
            _start_alike(trainer, self.transport)
        self._make_buckets()
        self.buffers = SharedBuffers(trainer.trained.buffers())
        self._gradients = steps.shard_gradients(trainer)
        self._observed_update = steps.observed(trainer, "training", self._update)
        self._zero = fastnet.zeros((), dtype=trainer.dtype)
        self._earlier: list[Array] = []         # the gradients of an update's earlier batches ...
        self._divisor: Any = None               # ... and their divisor; None: their sum is the gradient

    def batches(self) -> Iterator[ShardedBatch]:
        """The remaining batches of the epoch."""
        trainer = self.trainer
        return trainer.source.sharded(trainer.epoch, trainer.batch, self.shards)

    def step(self, first: bool, last: bool, batch: ShardedBatch) -> tuple[list[Result], bool]:
        """Compute the gradients of a batch, and update the weights if it is the last one of an update.

        Args:
            first, last: whether the batch is the first and the last of its update.
            batch: its shards.

        Returns:
            The results of all shards, and whether a rank asked to stop. If a loss is not finite, nothing is updated.

        Raises:
            RuntimeError: parameters were frozen or unfrozen between the batches of one update.
        """
        self._follow_frozen(first)
        samples, parts = batch
        totals, own, divisors, present = self._own_shards(parts)
        results, divisor, present, stops = self._all_shards(own, divisors, present)
        if all(math.isfinite(r.loss) for r in results):
            gradients = totals[:len(self.buckets)]
            self.buffers.finish(totals[len(self.buckets):], self.shards.filled(samples))
            self._accumulate(gradients, first, last, divisor)
            self.buckets.store(gradients, present)
            if last:
                self._observed_update()
        return results, stops

    def stops(self) -> bool:
        """Whether a rank asks to stop; all ranks get the same answer, and the trainer's `stop` and `interrupted`."""
        own = [self.trainer.stop, self.trainer.interrupted]
        return self._agree([own] if self.transport is None else
                           all_gather_json(self.transport, "Trainer.fit: whether to stop", own))

    def measure(self, results: Iterator[Result]) -> Iterator[Result]:
        """The results of all ranks, in the order of the batches, where each rank has measured its own."""
        return results if self.transport is None else in_batch_order(self.transport, results)

    def read_checkpoint(self, path: StrPath) -> dict[str, Any] | None:
        """The state in a file that rank 0 reads; None if there is no file. Other machines need no copy of it."""
        data = b""
        if world.is_first_rank() and checkpoint.file_in(path).exists():
            text, arrays = pack(checkpoint.read_state(checkpoint.file_in(path)), "the state of a training")
            data = packed_arrays(list(arrays.values()), [list(arrays), text])
        if self.transport is not None:
            data = broadcast_bytes(self.transport, data)
        if not data:
            return None
        found, (names, text) = unpacked_arrays(data)
        state: dict[str, Any] = unpack(json.loads(text), dict(zip(names, found)), f"{path}: the state of a training")
        return state

    # ---- the gradients that are added ----

    def _parameters(self) -> Iterator[Tensor]:
        return (p for group in self.trainer.optimizer.param_groups for p in group["params"])

    def _make_buckets(self) -> None:
        self._tree = TreeSum(len(self.shards.own))
        self.buckets = Buckets(self._parameters(), self.transport)
        self._exchange = GradientExchange(self.buckets, self._sum, self.transport)

    def _follow_frozen(self, first: bool) -> None:
        """Make the buckets anew if a callback has frozen or unfrozen parameters, at the first batch of an update."""
        if self.buckets.are_of(self._parameters()):
            return
        if not first:
            raise RuntimeError("Trainer.fit: parameters were frozen or unfrozen between the batches of one update; do "
                               "it in on_epoch_begin")
        self._make_buckets()

    # ---- the shards of this rank ----

    def _own_shards(self, parts: Sequence[WeightedBatch | None]
                    ) -> tuple[list[Array], list[Result | None], list[float | None], Array]:
        """(sums, results, divisors, which gradients exist): the sums of the gradients and of the changes of buffers of
        all ranks, and the rest of the own shards.
        """
        own: list[Result | None] = []
        divisors: list[float | None] = []
        present = np.zeros(len(self.buckets.parameters), bool)
        self._tree.begin()
        self.buffers.begin()
        generator = fastnet.default_generator
        seed, counter = generator.seed, generator.counter

        def restore() -> None:                                          # one counter for the whole batch
            generator.seed, generator.counter = seed, counter + 1
        with Finally(restore), Finally(self._exchange.abandon, failed_only=True):
            for shard, part in zip(self.shards.own, parts):
                last = shard == self.shards.own[-1]
                self._exchange.begin(sends=last)
                if part is None:
                    own.append(None)
                else:
                    self.buffers.restore()
                    generator.seed, generator.counter = shard_seed(seed, counter, shard), 0
                    result, divisor = self._shard(*part)
                    own.append(result)
                    divisors.append(divisor)
                    present |= self.buckets.present()
                if not last:
                    gradients = self.buckets.zeros() if part is None else self.buckets.all_collected()
                    self._tree.add([*gradients, *self._changes(part)])
            gradients = self._exchange.finish(self.buckets.zeros() if part is None else None)
            changes = self._changes(part)
            for number, array in enumerate(changes, len(gradients)):
                self._sum(number, array)
        return [*gradients, *changes], own, divisors, present

    def _changes(self, part: WeightedBatch | None) -> list[Array]:
        """The changes of buffers by a shard."""
        return self.buffers.zeros() if part is None else self.buffers.changes()

    def _sum(self, number: int, array: Array) -> None:
        """Add an array of the last shard to those of all others: the gradients of a bucket, or changes of buffers.

        The thread of the exchange calls this during the last shard's backward().
        """
        self._tree.finish(number, array)
        if self.transport is not None:
            sum_part(self.transport, "Trainer.fit: the gradients of a batch", number, array)

    def _shard(self, inputs: Sequence[Any], target: Any, weight: Any) -> tuple[Result, float | None]:
        value, total, measured, divisor = self._gradients(self._zero, weight, target, *inputs)
        loss = value.item()
        if not math.isfinite(loss):
            require_finite_batch(self.trainer, inputs, target)
        return Result(len(target), loss, total, measured), None if divisor is None else divisor.item()

    # ---- all shards ----

    def _all_shards(self, own: Sequence[Result | None], divisors: Sequence[float | None], present: Array
                    ) -> tuple[list[Result], float | None, Array, bool]:
        """(results, divisor, which gradients exist, whether a rank stops), with the shards of all ranks in order."""
        trainer = self.trainer
        about = [list(divisors), [trainer.stop, trainer.interrupted]]
        results: list[Result] = []
        every_divisor, flags = [], []
        for data in exchanged(self.transport, packed_results(own, about, [present])):
            found, (their_divisors, their_flags), [their_present] = unpacked_results(data)
            results += [r for r in found if r is not None]
            every_divisor += their_divisors
            flags.append(their_flags)
            present = present | their_present
        divisor = None if None in every_divisor else float(sum(every_divisor))
        return results, divisor, present, self._agree(flags)

    def _agree(self, flags: Sequence[Sequence[bool]]) -> bool:
        """Set the trainer's `stop` and `interrupted` if a rank has; returns whether one has, as all ranks know it."""
        stop, interrupted = (any(column) for column in zip(*flags))
        self.trainer.stop = self.trainer.stop or stop
        self.trainer.interrupted = self.trainer.interrupted or interrupted
        return stop or interrupted

    def _accumulate(self, totals: list[Array], first: bool, last: bool, divisor: float | None) -> None:
        """Add the gradients of the update's earlier batches, and divide by the divisor of all of them."""
        if not first:
            for total, earlier in zip(totals, self._earlier):
                np.add(earlier, total, out=total)
        self._divisor = divisor if first or divisor is None else self._divisor + divisor
        if not last:
            self._earlier = [np.array(total) for total in totals]
        elif self._divisor is not None:
            with np.errstate(all="ignore"):
                for total in totals:
                    np.divide(total, total.dtype.type(self._divisor), out=total)

    def _update(self) -> None:
        trainer = self.trainer
        for hook in self.hooks:
            hook.before_update(trainer)
        trainer.optimizer.step()
        with fastnet.no_grad():
            for hook in self.hooks:
                hook.after_update(trainer)


def _check_loader(loader: Any) -> None:
    if isinstance(loader, DataLoader) and type(loader).epoch is not DataLoader.epoch:
        raise TypeError(f"Trainer.fit: the batches of {type(loader).__name__} cannot be cut into shards; expected a "
                        "fastnet.data.DataLoader. To use this loader on several ranks, train in a loop of your own, "
                        "with fastnet.distributed.DistributedDataParallel")
    if isinstance(getattr(loader, "sampler", None), DistributedSampler):
        raise TypeError("Trainer.fit: expected a loader of all samples, got one with a DistributedSampler: the Trainer "
                        "gives each rank its part of each batch")


def _start_alike(trainer: Trainer, transport: Transport) -> None:
    """Refuse ranks that differ, and copy the weights and the random state of rank 0 to the others."""
    require_same(transport, "Trainer.fit: the models", model_description(trainer.trained))
    groups = trainer.optimizer.param_groups
    require_same(transport, "Trainer.fit", {
        **checkpoint.settings_of(trainer), "shards": trainer.shards, "epochs": trainer.epochs,
        "callbacks": [type(c).__name__ for c in trainer.callbacks if type(c).__name__ != "Progress"],
        "learning rates": [float(g["lr"]) for g in groups if "lr" in g]})
    copy_from_first_rank(transport, "Trainer.fit: the weights of rank 0",
                         [*trainer.trained.parameters(), *trainer.trained.buffers()])
    state = fastnet.from_numpy(fastnet.get_rng_state().view(np.int64))
    copy_from_first_rank(transport, "Trainer.fit: the random state of rank 0", [state])
    fastnet.set_rng_state(state.numpy().view(np.uint64))
