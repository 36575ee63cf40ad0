"""The examples in docstrings run, on the backend in use, and everything public has one."""
import doctest
import importlib
import inspect
import pkgutil
import types

import numpy as np
import pytest

import fastnet

# modules, or packages of them, whose examples need a package that fastnet does not
OPTIONAL = {"fastnet.datasets": "sklearn", "fastnet.data.preparation": "sklearn", "fastnet.data.pictures": "PIL",
            "fastnet.data.tables": "pandas", "fastnet.sklearn": "sklearn", "fastnet.federated": "flwr",
            "fastnet.torch._frame.tensorboard": "tensorboardX", "fastnet.privacy.accountants": "dp_accounting",
            "fastnet.privacy.engine": "dp_accounting"}


class Finder(doctest.DocTestFinder):
    """Finds the examples of decorated functions, too, whose own code is in the decorator's module."""

    def _from_module(self, module, object):
        if isinstance(object, type):        # KernelCall has __wrapped__ for its objects
            return super()._from_module(module, object)
        return super()._from_module(module, inspect.unwrap(object))


def modules():
    """The names of the package's modules in Python. `__main__` would run, and kernels are not public."""
    found = pkgutil.walk_packages(fastnet.__path__, "fastnet.")
    return ["fastnet", *(m.name for m in found if m.name != "fastnet.__main__" and "._kernels" not in m.name)]


@pytest.mark.parametrize("name", modules())
def test_examples(name):
    for part in (name, name.rpartition(".")[0]):
        if part in OPTIONAL:
            pytest.importorskip(OPTIONAL[part])
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(verbose=False)
    report = []
    state, threads, config = fastnet.get_rng_state(), fastnet.get_num_threads(), fastnet.backend.config()
    fastnet.manual_seed(0)
    try:
        for test in Finder().find(module, name):
            runner.run(test, out=report.append)
    finally:
        fastnet.set_rng_state(state)
    assert not report, "".join(report)
    assert fastnet.get_num_threads() == threads and fastnet.backend.config() == config and fastnet.is_grad_enabled()


# ---- everything public has an example -------------------------------------------------------------------------------

NOT_CALLED = {                                      # public names that are no functions or classes of fastnet's
    "bool", "uint8", "int", "int32", "long", "int64", "float", "float32", "double", "float64",      # NumPy's dtypes
    "half", "short", "cfloat", "cdouble", "int8", "int16", "float16", "complex64", "complex128", "bfloat16",
    "default_generator",                            # a Generator
    "e", "inf", "nan", "pi", "newaxis",             # numbers and None
    "strided", "contiguous_format", "preserve_format", "channels_last", "channels_last_3d",
}
NAMESPACES = [fastnet, fastnet.nn, fastnet.nn.functional, fastnet.nn.init, fastnet.nn.utils, fastnet.optim,
              fastnet.optim.lr_scheduler, fastnet.autograd, fastnet.random, fastnet.data, fastnet.metrics,
              fastnet.training, fastnet.c_source, fastnet.callbacks, fastnet.graph, fastnet.onnx, fastnet.ops,
              fastnet.prune, fastnet.quantization, fastnet.fft, fastnet.linalg, fastnet.special, fastnet.models,
              fastnet.explain, fastnet.federated]


def public(namespace):
    """(full name, value) of what a namespace has to offer: `__all__`, or else what is its own."""
    own = getattr(namespace, "__all__", None)
    for name in own or list(vars(namespace)):
        value = getattr(namespace, name)                # some are imported when they are first read
        ours = own or getattr(value, "__module__", "") == namespace.__name__
        if ours and not name.startswith("_") and not isinstance(value, types.ModuleType) and name not in NOT_CALLED:
            yield f"{namespace.__name__}.{name}", value


@pytest.mark.parametrize("namespace", NAMESPACES, ids=lambda n: n.__name__)
def test_everything_public_has_an_example(namespace):
    lacking = [name for name, value in public(namespace) if ">>> " not in (getattr(value, "__doc__", None) or "")]
    assert lacking == []


def test_values_are_not_called():
    plain = np.dtype | fastnet.Generator | float | str | None | fastnet.layout | fastnet.memory_format
    assert all(isinstance(getattr(fastnet, name), plain) for name in NOT_CALLED - {"bfloat16"})


def test_no_module_stands_in_for_a_function():
    """A file of `fastnet.functional` that is called like a function or a module of `fastnet` must not hide it."""
    for name in fastnet.functional.__all__:
        assert callable(getattr(fastnet, name)) and getattr(fastnet, name) is getattr(fastnet.functional, name)
    assert fastnet.random.Generator is fastnet.Generator
