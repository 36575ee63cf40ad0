"""Optional packages: imported when they are used, with an error that says how to install them."""
from __future__ import annotations

import importlib
from typing import Any

# Names for pip that differ from the module's. pandas reads Parquet files through pyarrow.
_PACKAGES = {"sklearn": "scikit-learn", "PIL": "Pillow", "pandas": "pandas pyarrow",
             "dp_accounting": "dp-accounting"}
# Packages that load a shared library, which pip installs as another package
_LIBRARIES = {"mpi4py": ("a library of MPI", "mpich")}


def optional(module: str, purpose: str) -> Any:
    """Import and return a module of an optional package.

    Args:
        module: the module's name, such as "sklearn.datasets".
        purpose: the subject of the error "<purpose> needs <package>".

    Raises:
        ImportError: the package, or the library that it loads, is not installed. The message names the package itself
            and no extra of fastnet, because the project called "fastnet" on PyPI is another one.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as e:
        top = module.partition(".")[0]
        if e.name is None or e.name.partition(".")[0] != top:
            raise                       # the package is installed, but a package that it needs is not
        packages = _PACKAGES.get(top, top)
        raise ImportError(f"{purpose} needs {packages.split()[0]}: pip install {packages}", name=top) from e
    except ImportError as e:
        top = module.partition(".")[0]
        if top not in _LIBRARIES:
            raise
        what, package = _LIBRARIES[top]
        raise ImportError(f"{purpose} needs {what}, which {top} did not find: pip install {package} ({e})", name=top
                          ) from e
