"""DistributedDataParallel: a module whose gradients are averaged over the ranks during backward()."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import given_text
from fastnet._core.state import Finally, forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet.autograd import is_grad_enabled
from fastnet.autograd.completion import call_after_backward, progress
from fastnet.autograd.hooks import is_collected
from fastnet.distributed.agreement import require_same
from fastnet.distributed.buckets import Buckets, any_rank
from fastnet.distributed.calls import same_call, sum_part
from fastnet.distributed.collectives import broadcast_array
from fastnet.distributed.exchange import GradientExchange
from fastnet.distributed.group import process_group
from fastnet.distributed.transport import Transport
from fastnet.nn import Module

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastnet._core.annotations import Array

__all__ = ["DistributedDataParallel", "copy_from_first_rank", "model_description"]


class DistributedDataParallel(Module):
    """Call a module on this rank's part of a batch, and average the gradients of all ranks in backward().

    The weights of rank 0 are copied to the others at the start, so with equal optimizers they stay equal, to the bit.
    Sums add in one fixed tree: a second run gives the same bits. A gradient that a rank does not have counts as zero.
    The ranks exchange the gradients of the last layers while backward() computes those of the first; a compiled module
    inside computes all of its gradients first. `fastnet.Trainer` does all this itself, and compiles the step; give it
    the plain module.

    Li et al. 2020, "PyTorch Distributed", https://arxiv.org/abs/2006.15704.

    Args:
        module: the module, which is the attribute `module`; parameters are named "module.weight".
        broadcast_buffers: copy the buffers of rank 0, such as running statistics, to the others before the first
            forward pass and before each one that follows a pass with gradients outside `no_sync()`. As in PyTorch, this
            includes the first pass of an evaluation, in which all ranks take part.

    Raises:
        RuntimeError: there is no process group; or it is called inside a compiled function, which would record one
            exchange. Compile the wrapped module instead.
        DistError: a rank calls the module or backward() while another one makes another call; all ranks raise it.
        ValueError: the modules of two ranks differ; or, on several ranks, parameters that a PrivacyEngine has made
            private: give the engine the DistributedDataParallel.
        TypeError: `module` is not a Module; or, by backward(), a sparse gradient.

    Example:
        >>> import fastnet
        >>> import fastnet.distributed as dist
        >>> dist.init_process_group(world_size=1, rank=0)
        >>> model = dist.DistributedDataParallel(fastnet.nn.Linear(2, 1))
        >>> model(fastnet.ones(4, 2)).sum().backward()
        >>> model.module.bias.grad
        tensor([4.])
        >>> dist.destroy_process_group()
    """

    def __init__(self, module: Module, *, broadcast_buffers: bool = True) -> None:
        super().__init__()
        if not isinstance(module, Module):
            raise TypeError(f"DistributedDataParallel: expected a Module, got {given_text(module)}")
        transport = process_group("DistributedDataParallel").transport
        _refuse_private(module, transport)
        require_same(transport, "DistributedDataParallel", model_description(module))
        self.module = module
        self.broadcast_buffers = broadcast_buffers
        self.require_backward_grad_sync = True
        self._copies_buffers = True             # whether those of a rank may have changed since the last copy
        self._waiting = False                   # whether backward() has reached the module's output
        self._transport = transport
        copy_from_first_rank(transport, "DistributedDataParallel: the weights of rank 0",
                             [*module.parameters(), *module.buffers()])
        self._make_buckets()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the wrapped module."""
        forbid_in_recording("DistributedDataParallel", "its exchange of gradients cannot be recorded. Compile the "
                            "module that it wraps.")
        if self.broadcast_buffers and self._copies_buffers:
            copy_from_first_rank(self._transport, "DistributedDataParallel: the buffers of rank 0",
                                 self.module.buffers())
        output = self.module(*args, **kwargs)
        self._copies_buffers = is_grad_enabled() and self.require_backward_grad_sync
        if self._copies_buffers:
            if not self._buckets.are_of(self.module.parameters()):      # parameters were frozen or unfrozen
                self._make_buckets()
            for tensor in _result_tensors(output):
                if tensor.requires_grad:
                    tensor.register_hook(self._reached)
        return output

    @property
    def is_averaging(self) -> bool:
        """Whether the backward() in progress has reached an output of this module, and averages the gradients."""
        return self._waiting

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Context in which backward() only accumulates this rank's gradients; the next one outside averages the sums.

        Example:
            >>> import fastnet
            >>> import fastnet.distributed as dist
            >>> dist.init_process_group(world_size=1, rank=0)
            >>> model = dist.DistributedDataParallel(fastnet.nn.Linear(2, 1))
            >>> with model.no_sync():
            ...     model(fastnet.ones(4, 2)).sum().backward()
            >>> model(fastnet.ones(4, 2)).sum().backward()
            >>> model.module.bias.grad
            tensor([8.])
            >>> dist.destroy_process_group()
        """
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    def _make_buckets(self) -> None:
        self._buckets = Buckets(self.module.parameters(), self._transport)
        nbytes = sum(p.nbytes for p in self._buckets.parameters)
        self._step = f"DistributedDataParallel: the gradients of backward(), {nbytes} bytes"
        self._exchange = GradientExchange(self._buckets, self._average_bucket, self._transport)

    def _reached(self, gradient: Tensor) -> None:
        """A hook of the output: average the gradients that this backward() computes. `grad()` computes none."""
        if not self._waiting and progress.depth:
            self._waiting = True
            call_after_backward(self._store_averages, self._give_up)
            self._exchange.begin()

    def _average_bucket(self, number: int, array: Array) -> None:
        sum_part(self._transport, self._step, number, array)
        np.divide(array, array.dtype.type(self._transport.size), out=array)

    def _store_averages(self) -> None:
        self._waiting = False
        with Finally(self._exchange.abandon, failed_only=True):
            averages = self._exchange.finish()
            self._buckets.store(averages, any_rank(self._transport, self._buckets.present()))

    def _give_up(self) -> None:
        self._waiting = False
        self._exchange.abandon()


def _refuse_private(module: Module, transport: Transport) -> None:
    """Each rank of a private module would draw from all samples, and a sample could be in a batch several times."""
    if transport.size > 1 and any(is_collected(p) for p in module.parameters()):
        raise ValueError("DistributedDataParallel: expected a module that is not private yet; wrap it first, and then "
                         "call make_private(module=DistributedDataParallel(module), ...)")


def _result_tensors(value: Any) -> Iterator[Tensor]:
    """The tensors of a nested result."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _result_tensors(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _result_tensors(item)


def model_description(module: Module) -> dict[str, str]:
    """Parameters and buffers with their shapes and dtypes, and layers, all of which must be equal on all ranks.

    Args:
        module: a Module.

    Example:
        >>> import fastnet
        >>> from fastnet.distributed.parallel import model_description
        >>> model_description(fastnet.nn.PReLU())
        {'weight': '(1,) float32', "module ''": 'PReLU(num_parameters=1)'}
    """
    parameters = {name: f"{tuple(p.shape)} {p.dtype}{'' if p.requires_grad else ', frozen'}"
                  for name, p in module.named_parameters()}
    buffers = {name: f"{tuple(b.shape)} {b.dtype}" for name, b in module.named_buffers()}
    layers = {f"module {name!r}": f"{type(m).__name__}({m.extra_repr()})" for name, m in module.named_modules()}
    return parameters | buffers | layers


def copy_from_first_rank(transport: Transport, call: str, tensors: Iterable[Tensor]) -> None:
    """Copy the values of rank 0 to the other ranks, in place.

    Args:
        transport: of this rank.
        call: the call, which all ranks must make; they compare it if there are tensors.
        tensors: of the same shapes and dtypes on all ranks.

    Raises:
        DistError: the call of another rank differs.
    """
    for number, tensor in enumerate(tensors):
        if number == 0:
            same_call(transport, call)
        data = tensor._data
        array = np.ascontiguousarray(data)
        broadcast_array(transport, array)
        if array is not data:
            np.copyto(data, array.reshape(data.shape))
        tensor._storage.version += 1
