"""SciPy's modules, imported when a kernel needs them."""
import importlib
import sys
import threading


def scipy_module(name):
    """scipy.<name>.

    The import runs in a thread: one that records a function watches the Python code that it runs, and SciPy's import
    is not part of the function.
    """
    name = f"scipy.{name}"
    if name not in sys.modules:
        failures: list[BaseException] = []
        thread = threading.Thread(target=_import, args=(name, failures))
        thread.start()
        thread.join()
        if failures:
            raise failures[0]
    return sys.modules[name]


def _import(name, failures):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "scipy":
            failures.append(error)
        else:
            failures.append(ImportError(f"{name} is missing: pip install scipy", name="scipy"))
    except BaseException as error:
        failures.append(error)
