"""`torch.nn.parallel` for one device: the wrappers call the module that they wrap."""
from __future__ import annotations

from typing import Any

from fastnet import distributed
from fastnet._core import world
from fastnet.nn.module import Module

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel", "gather", "parallel_apply", "replicate",
           "scatter", "scatter_kwargs"]


class _Wrapper(Module):
    """A module with the child `module`, which it calls."""

    def __init__(self, module: Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the wrapped module."""
        return self.module(*args, **kwargs)


class DataParallel(_Wrapper):
    """Call the wrapped module: there is one device, which computes the whole batch.

    Args:
        module: the module, which is the attribute `module`; parameters are named "module.weight".
        device_ids, output_device, dim: accepted and ignored.

    Example:
        >>> import fastnet.torch as torch
        >>> model = torch.nn.DataParallel(torch.nn.Linear(2, 3))
        >>> [name for name, _ in model.named_parameters()]
        ['module.weight', 'module.bias']
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__(module)
        self.device_ids: list[int] = []
        self.output_device, self.dim = output_device, dim


class DistributedDataParallel(distributed.DistributedDataParallel):
    """`fastnet.distributed.DistributedDataParallel`; in a world of one process, it only calls the wrapped module.

    Args:
        module: the module, which is the attribute `module`; parameters are named "module.weight".
        broadcast_buffers: copy the buffers of rank 0 to the others.
        device_ids, output_device, dim, options: accepted and ignored.
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0,
                 broadcast_buffers: bool = True, **options: Any) -> None:
        self._alone = world.current() is None and world.launched_by() is None
        if self._alone:
            Module.__init__(self)
            self.module, self.require_backward_grad_sync = module, True
        else:
            super().__init__(module, broadcast_buffers=broadcast_buffers)
        self.device_ids = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the wrapped module."""
        return self.module(*args, **kwargs) if self._alone else super().forward(*args, **kwargs)

    def register_comm_hook(self, state: object, hook: Any) -> None:
        """Has no effect: gradients are exchanged as they are."""


def data_parallel(module: Module, inputs: Any, device_ids: Any = None, output_device: Any = None, dim: int = 0,
                  module_kwargs: dict[str, Any] | None = None) -> Any:
    """The result of the module for these inputs."""
    return module(*inputs if isinstance(inputs, tuple) else (inputs,), **module_kwargs or {})


def scatter(inputs: Any, target_gpus: Any, dim: int = 0) -> list[Any]:
    """The inputs of each device: a list of one."""
    return [inputs]


def scatter_kwargs(inputs: Any, kwargs: Any, target_gpus: Any, dim: int = 0) -> tuple[list[Any], list[Any]]:
    """The inputs of each device: two lists of one."""
    return [inputs], [kwargs or {}]


def gather(outputs: Any, target_device: Any, dim: int = 0) -> Any:
    """The outputs of all devices: those of the one device."""
    return outputs[0]


def replicate(network: Module, devices: Any, detach: bool = False) -> list[Module]:
    """The module for each device: a list of one."""
    return [network]


def parallel_apply(modules: Any, inputs: Any, kwargs_tup: Any = None, devices: Any = None) -> list[Any]:
    """The results of modules, one after another."""
    kwargs = kwargs_tup or [{}] * len(modules)
    return [data_parallel(module, given, module_kwargs=more) for module, given, more in zip(modules, inputs, kwargs)]
