"""PyTorch's namespace over fastnet: `import fastnet.torch as torch`.

The submodules are PyTorch's, and their names are collected from fastnet's public packages: `torch.nn.Linear` is
`fastnet.nn.Linear`. The parts of PyTorch that concern other devices (`cuda`, `backends`, `amp`, ...) answer for a
machine that has only a CPU. A name that fastnet does not have raises an error that says where it is used.

`fastnet run script.py` runs a program whose own lines say `import torch`.

Example:
    >>> import fastnet.torch as torch
    >>> from fastnet.torch import nn
    >>> device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    >>> nn.Linear(2, 3).to(device)(torch.ones(1, 2, device=device)).shape == (1, 3)
    True
    >>> torch.sparse_csr_tensor                                                         # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    fastnet.torch.MissingNameError: torch.sparse_csr_tensor: fastnet does not have this name ...; tensors are dense: ...
"""
import sys
from typing import TYPE_CHECKING, Any

from fastnet._runtime.native import dialect
from fastnet.torch._frame import devices, dtypes, mirror, table

__version__ = devices.TORCH_VERSION
mirror.grow(__name__, table.TREE, table.FASTNET_ONLY, table.FUNCTIONS)
dialect.speak_torch(sys.modules[__name__], dtypes.Size, dtypes.BY_NUMPY)

if TYPE_CHECKING:
    def __getattr__(name: str) -> Any: ...
