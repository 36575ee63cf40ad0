"""Packages that only some users need: imported where they are used, with an error that says what to install."""
import importlib

# What pip installs for a module, where that is not the module's name. pandas reads Parquet through pyarrow.
_PACKAGES = {"sklearn": "scikit-learn", "PIL": "Pillow", "pandas": "pandas pyarrow"}


def optional(module, purpose):
    """Import and return `module`, or raise an ImportError that says how to install it.

    Args:
        module: its name, such as "sklearn.datasets".
        purpose: what needs it, as the beginning of the sentence "<purpose> needs <package>".

    Raises:
        ImportError: its package is not installed; the message names what to install, never an extra of fastnet: the
            project that PyPI calls "fastnet" is another one.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as e:
        top = module.partition(".")[0]
        if e.name is None or e.name.partition(".")[0] != top:
            raise                       # it is there, but something that it needs is not
        packages = _PACKAGES.get(top, top)
        raise ImportError(f"{purpose} needs {packages.split()[0]}: pip install {packages}", name=top) from e
