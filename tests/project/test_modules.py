"""How the package is laid out: which modules are public, what they export, and which names cross a module's border."""
import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import fastnet

PACKAGE = Path(fastnet.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
AT_THE_TOP = {"backend", "dtypes", "func", "profiler", "random"}
PUBLIC_PACKAGES = ["audio", "autograd", "c_source", "callbacks", "data", "datasets", "distributed", "distributions",
                   "explain", "federated", "fft", "functional", "graph", "linalg", "lora", "metrics", "models", "nn",
                   "onnx", "ops", "optim", "optim.lr_scheduler", "privacy", "prune", "quantization", "sklearn",
                   "special", "text", "training", "transfer"]
PUBLIC_MODULES = ["audio.functional", "data.samples", "nn.functional", "nn.init", "nn.qat", "nn.quantized",
                  "nn.quantized.dynamic", "nn.utils", *sorted(AT_THE_TOP)]


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def test_the_top_of_the_package_holds_public_modules_alone():
    modules = {m.name for m in pkgutil.iter_modules([str(PACKAGE)]) if not m.ispkg}
    assert modules - {"__main__"} == AT_THE_TOP


@pytest.mark.parametrize("name", ["", *PUBLIC_PACKAGES, *PUBLIC_MODULES])
def test_a_public_module_lists_what_it_exports(name):
    if name == "sklearn":
        pytest.importorskip("sklearn")
    module = importlib.import_module(f"fastnet.{name}".rstrip("."))
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, exported) for exported in module.__all__)
    assert not [exported for exported in module.__all__ if exported.startswith("_")]


def private_names_of_others(tree):
    """(line, name) of each private name of another module that a module imports or reaches into."""
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "fastnet":
            modules.update(alias.asname or alias.name for alias in node.names if alias.name.islower())
            yield from ((node.lineno, alias.name) for alias in node.names if is_private(alias.name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and isinstance(node.value, ast.Name) \
                and node.value.id in modules:
            yield node.lineno, f"{node.value.id}.{node.attr}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_private_name_crosses_a_module_border(path):
    packages = {p.name for p in PACKAGE.iterdir() if p.is_dir()}        # `from fastnet import _runtime` is a package
    found = private_names_of_others(ast.parse(path.read_text(encoding="utf-8")))
    assert [name for name in found if name[1] not in packages] == []


def private_definitions(tree, place):
    """(name, meaning) of each private function, class and constant of a module: its place, or a constant's value."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and is_private(node.name):
            yield node.name, place
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and is_private(target.id):
                    yield target.id, ast.unparse(node.value)


def test_a_private_name_has_one_meaning_in_the_package():
    defined = {}
    for path in SOURCES:
        for name, meaning in private_definitions(ast.parse(path.read_text(encoding="utf-8")), path):
            defined.setdefault(name, set()).add(meaning)
    assert {name: meanings for name, meanings in defined.items() if len(meanings) > 1} == {}


def test_the_rule_finds_private_names():
    source = "from fastnet.nn import utils\nfrom fastnet.nn.module import _name\nutils._other()\n"
    assert list(private_names_of_others(ast.parse(source))) == [(2, "_name"), (3, "utils._other")]
