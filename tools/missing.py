"""Write docs/missing.md, the names of PyTorch that fastnet lacks: python tools/missing.py, or --check to compare it.

It needs PyTorch. A page that another version of PyTorch made is not compared.

Left out are names of devices, of quantised, sparse and nested tensors, of the just-in-time compiler and of dtypes'
storages, and the in-place and `_copy` forms of functions that are listed themselves.
"""
from __future__ import annotations

import difflib
import importlib
import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "missing.md"
sys.path.insert(0, str(ROOT))

NAMESPACES = ("torch", "torch.Tensor", "torch.nn", "torch.nn.Module", "torch.nn.functional", "torch.nn.init",
              "torch.nn.utils", "torch.optim", "torch.optim.lr_scheduler", "torch.optim.swa_utils",
              "torch.distributions")
LEFT_OUT = re.compile(r"^_|^sym_|^Sym|sparse|quant|nested|cuda|cudnn|mkldnn|miopen|mps|xpu|xla|ipu|hpu|mtia|vulkan|"
                      r"meta|Storage|Tensor$|script|Script|_copy$|_stubs|coalesce|fbgemm|q_|crow|ccol|col_ind|row_ind|"
                      r"storage|Type$|jit|autocast|graph|Graph|^is_.*_enabled$|^batch_norm_|^native_|^int_repr|^dequantize|^Use")


HEAD = """\
# Missing names

`python tools/missing.py` writes this page. It lists the {count} public names of PyTorch {version} that fastnet does not
have. `fastnet run --check program.py` lists those that a program uses, with their lines.

Left out are names of devices, of quantised, sparse and nested tensors, of the just-in-time compiler and of storages,
and the in-place and `_copy` forms of functions that are listed themselves.
"""


def resolved(path: str) -> object:
    """The module or class of a dotted path."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        owner, _, name = path.rpartition(".")
        return getattr(importlib.import_module(owner), name)


def missing(namespace: str) -> list[str]:
    """The public names of one of PyTorch's namespaces that fastnet.torch lacks."""
    there, here = resolved(namespace), resolved(f"fastnet.{namespace}")
    names = [name for name in dir(there) if not LEFT_OUT.search(name) and not hasattr(here, name)]
    defined = [name for name in names if callable(getattr(there, name)) and not isinstance(
        getattr(there, name), ModuleType) and not (getattr(getattr(there, name), "__module__", "") or "").startswith(
            ("typing", "collections", "builtins", "enum", "functools", "transformers"))]     # what that adds to Module
    return [name for name in defined if not (name.endswith("_") and name[:-1] in defined)]


def page() -> str:
    """The text of docs/missing.md."""
    found = {namespace: missing(namespace) for namespace in NAMESPACES}
    return "\n".join([HEAD.format(version=torch_version(), count=sum(map(len, found.values()))), *(
        f"## {namespace}\n\n{textwrap.fill(', '.join(f'`{name}`' for name in names), 120)}\n"
        for namespace, names in found.items() if names)])


def torch_version() -> str:
    """The installed PyTorch, without the part of its version that names a build."""
    return importlib.import_module("torch").__version__.partition("+")[0]


def difference() -> str:
    """The diff from the page that is checked in to the current one; empty if they are equal or not comparable."""
    there = PAGE.read_text()
    if f"PyTorch {torch_version()}" not in there:
        return ""
    return "\n".join(difflib.unified_diff(there.splitlines(), page().splitlines(), PAGE.name, "now", lineterm=""))


def main() -> int:
    """Write the page, or with --check tell whether it is out of date."""
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(page())
        return 0
    found = difference()
    if found:
        print(found, "docs/missing.md is out of date: run python tools/missing.py", sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())

