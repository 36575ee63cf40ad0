"""List the names of PyTorch that fastnet lacks, by namespace: python tools/missing.py. It needs PyTorch.

Left out are names of devices, of quantised, sparse and nested tensors, of the just-in-time compiler and of dtypes'
storages, and the in-place and `_copy` forms of functions that are listed themselves.
"""
from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

NAMESPACES = {
    "torch": "fastnet", "torch.Tensor": "fastnet.Tensor", "torch.nn": "fastnet.nn",
    "torch.nn.functional": "fastnet.nn.functional", "torch.nn.init": "fastnet.nn.init",
    "torch.nn.utils": "fastnet.nn.utils", "torch.optim": "fastnet.optim",
    "torch.optim.lr_scheduler": "fastnet.optim.lr_scheduler", "torch.optim.swa_utils": "fastnet.optim.swa_utils",
    "torch.distributions": "fastnet.distributions",
}
LEFT_OUT = re.compile(r"^_|^sym_|^Sym|sparse|quant|nested|cuda|cudnn|mkldnn|miopen|mps|xpu|xla|ipu|hpu|mtia|vulkan|"
                      r"meta|Storage|Tensor$|script|Script|_copy$|_stubs|coalesce|fbgemm|q_|crow|ccol|col_ind|row_ind|"
                      r"storage|Type$|jit|autocast|graph|Graph|^is_.*_enabled$|^batch_norm_|^native_|^int_repr|^dequantize|^Use")


def resolved(path: str) -> object:
    """The module or class of a dotted path."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        owner, _, name = path.rpartition(".")
        return getattr(importlib.import_module(owner), name)


def missing(theirs: str, ours: str) -> list[str]:
    """The public names of one of PyTorch's namespaces that fastnet's counterpart lacks."""
    there, here = resolved(theirs), resolved(ours)
    names = [name for name in dir(there) if not LEFT_OUT.search(name) and not hasattr(here, name)]
    defined = [name for name in names if callable(getattr(there, name)) and not isinstance(
        getattr(there, name), ModuleType) and not (getattr(getattr(there, name), "__module__", "") or "").startswith(
            ("typing", "collections", "builtins", "enum", "functools"))]
    return [name for name in defined if not (name.endswith("_") and name[:-1] in defined)]


def main() -> None:
    """Print a list for each namespace."""
    for theirs, ours in NAMESPACES.items():
        names = missing(theirs, ours)
        print(f"## {theirs}: {len(names)}\n\n{', '.join(f'`{name}`' for name in names) or 'none'}\n")


if __name__ == "__main__":
    main()
