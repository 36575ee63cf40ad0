"""Packages that only some users need: imported where they are used, with an error that names the extra."""
import importlib


def optional(module, extra, purpose):
    """Import and return `module`, or raise an ImportError that says how to install it.

    Args:
        module: its name, such as "sklearn.datasets".
        extra: the extra of fastnet that brings it.
        purpose: what needs it, as the beginning of the sentence "<purpose> needs <package>".
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as e:
        package = module.partition(".")[0]
        if e.name is None or e.name.partition(".")[0] != package:
            raise                       # it is there, but something that it needs is not
        name = {"sklearn": "scikit-learn", "PIL": "Pillow"}.get(package, package)
        raise ImportError(f'{purpose} needs {name}: pip install "fastnet[{extra}]"', name=package) from e
