"""What `import fastnet` loads, and the names that it leaves to their first use."""
import ast
import importlib
import inspect
import json

import pytest
from kernel_tools import built
from processes import output

import fastnet
from fastnet._core.later import PLACES

LOADED = json.loads(output("""
import json, sys
import numpy
before = set(sys.modules)
import fastnet
print(json.dumps(sorted(set(sys.modules) - before)))
"""))
MOST_MODULES = 130          # fastnet's in Python; each costs 0.2 to 0.3 ms
WITHOUT_STUB = ["fastnet", "fastnet.nn.utils", "fastnet.onnx", "fastnet.optim.swa_utils"]


@built
def test_import_loads_few_modules():
    files = (getattr(importlib.import_module(name), "__file__", "") for name in LOADED if name.startswith("fastnet"))
    assert 0 < sum(file.endswith(".py") for file in files) <= MOST_MODULES


@pytest.mark.parametrize("package", ["fastnet.nn", "fastnet._io"])
def test_import_loads_no_module_of(package):
    assert [name for name in LOADED if name.startswith(f"{package}.")] == []


@pytest.mark.parametrize("module", ["fastnet._replay.compiled", "fastnet.functional.convolution", "json", "numpy.fft"])
def test_import_leaves_to_first_use(module):
    assert module not in LOADED


def test_the_parser_loads_the_options_of_one_command():
    loaded = json.loads(output("""
import json, sys
from fastnet.cli.commands import make_parser
make_parser(["run", "program.py"])
print(json.dumps(sorted(sys.modules)))
"""))
    assert "fastnet.cli.programs" in loaded
    assert not {"fastnet.cli.train", "fastnet.cli.arguments", "fastnet.callbacks", "fastnet.models"} & set(loaded)


@pytest.mark.parametrize("module", [*WITHOUT_STUB, "fastnet.nn", "fastnet.nn.functional"])
def test_names_are_there(module):
    package = importlib.import_module(module)
    for name in PLACES[module]:
        if name != "sklearn":
            assert getattr(package, name) is vars(package)[name]


def imports_for_type_checkers(module):
    """{name: (module, attribute)} of the imports under `if TYPE_CHECKING` in a module's source."""
    blocks = [node for node in ast.parse(inspect.getsource(module)).body
              if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {alias.asname or alias.name: (node.module, alias.name) for block in blocks for node in block.body
            if isinstance(node, ast.ImportFrom) for alias in node.names}


@pytest.mark.parametrize("module", WITHOUT_STUB)
def test_type_checkers_see_the_same_names(module):
    """The other modules have stubs, which tools/stubs.py writes."""
    found = imports_for_type_checkers(importlib.import_module(module))
    places = {name: (where, attribute) if attribute else tuple(where.rsplit(".", 1))
              for name, (where, attribute) in PLACES[module].items()}
    assert {name: found.get(name) for name in places} == places


def test_layers_are_the_classes_of_their_modules():
    from fastnet.nn.linear import Linear
    assert fastnet.nn.Linear is Linear is fastnet.nn.linear.Linear
    names = {}
    exec("from fastnet.nn import *", names)
    assert set(fastnet.nn.__all__) <= set(names)
    assert dir(fastnet.nn) == sorted(fastnet.nn.__all__)


@pytest.mark.parametrize("module", ["fastnet", "fastnet.nn", "fastnet.nn.functional"])
def test_a_missing_name(module):
    with pytest.raises(AttributeError, match=f"^module '{module}' has no attribute 'no_such_name'$"):
        importlib.import_module(module).no_such_name  # noqa: B018


def test_threads_get_one_object():
    assert output("""
import sys, threading
import fastnet
from fastnet import nn
sys.setswitchinterval(1e-6)
barrier, found = threading.Barrier(8), []

def use():
    barrier.wait()
    found.append((nn.functional.conv2d, nn.functional.pad, nn.Conv2d, nn.TransformerEncoder, fastnet.erfc))
threads = [threading.Thread(target=use) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(found), len(set(found)))
""") == "8 1\n"


@pytest.mark.parametrize("function", ["F.softshrink", "nn.functional.softshrink", "fastnet.nn.functional.softshrink"])
def test_a_recording_depends_on_a_name_that_it_uses_first(function):
    assert output(f"""
import fastnet
from fastnet import nn
{"from fastnet.nn import functional as F" if function.startswith("F.") else ""}

@fastnet.compile
def f(x):
    return {function}(x)

x = fastnet.tensor([0.25, 3.0])
print(f(x).tolist(), f(x).tolist())
{function} = lambda x: x * 2
print(f(x).tolist())
""", PYTHONWARNINGS="error") == "[0.0, 2.5] [0.0, 2.5]\n[0.5, 6.0]\n"
