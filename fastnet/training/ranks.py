"""The Trainer and its ranks: joining them, and trainings on shards. fastnet.distributed is imported when they begin."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet._core import world
from fastnet.training import checkpoint

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath
    from fastnet.callbacks import Callback
    from fastnet.nn import Module
    from fastnet.training.sharded import ShardedTraining
    from fastnet.training.trainer import Trainer

__all__ = ["join_ranks", "resume", "sharded_training"]


def join_ranks(model: Module) -> None:
    """Join the other ranks if a launcher started this process, as `init_from_launcher` does.

    Without that, each rank would train a separate model, and all of them would write the same files.

    Args:
        model: of the Trainer.

    Raises:
        TypeError: the model is or contains a DistributedDataParallel.
    """
    if world.launched_by() is not None:
        from fastnet.distributed import init_from_launcher
        init_from_launcher()
    if world.current() is not None:
        from fastnet.distributed import DistributedDataParallel
        if any(isinstance(m, DistributedDataParallel) for m in model.modules()):
            raise TypeError("Trainer.fit: expected the plain module, got a DistributedDataParallel; give the Trainer "
                            "its attribute `module`: it averages the gradients of all ranks itself")


def sharded_training(trainer: Trainer, hooks: Sequence[Callback]) -> ShardedTraining | None:
    """The training on shards, or None for whole batches in one process.

    Args:
        trainer, hooks: see `ShardedTraining`.
    """
    if trainer.shards is None and world.world_size() == 1:
        return None
    from fastnet.training.sharded import ShardedTraining
    return ShardedTraining(trainer, hooks)


def resume(trainer: Trainer, sharded: ShardedTraining | None, path: StrPath) -> bool:
    """Restore the state of a checkpoint, which rank 0 reads; returns whether there is one.

    Args:
        trainer: during `fit`.
        sharded: its training on shards, or None.
        path: see `Trainer.load_checkpoint`.
    """
    if sharded is None:
        found = checkpoint.file_in(path).exists()
        if found:
            trainer.load_checkpoint(path)
        return found
    state = sharded.read_checkpoint(path)
    if state is not None:
        checkpoint.restore(trainer, state, checkpoint.file_in(path))
    return state is not None
