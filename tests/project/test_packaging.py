"""The package as users get it: what its import loads, what its version is, whether its parts are there."""
import importlib
import importlib.metadata
import json
import os
import re
import types

import pytest
from data_tools import ROOT
from processes import output

import fastnet
from fastnet import backend

try:
    import tomllib
except ModuleNotFoundError:             # Python 3.10
    tomllib = None


def python(code, **environment):
    """What a fresh interpreter prints, in which warnings are errors."""
    return output(code, **{"PYTHONWARNINGS": "error"} | environment)


def test_import_loads_nothing_heavy():
    loaded = set(json.loads(python("import sys, json, fastnet; print(json.dumps(list(sys.modules)))")))
    heavy = {"sklearn", "scipy", "matplotlib", "pooch", "PIL", "torch", "safetensors", "tqdm", "requests", "pytest",
             "argparse", "importlib.metadata", "asyncio", "multiprocessing", "concurrent.futures"}
    plain = set(json.loads(python("import sys, json, numpy; print(json.dumps(list(sys.modules)))")))
    assert loaded & heavy - plain == set()


@pytest.mark.parametrize("name", [name for name, (_, attribute) in fastnet._LOADED_LATER.items() if attribute is None])
def test_what_is_loaded_later_can_be_imported_from(name):
    if name == "sklearn":
        pytest.importorskip("sklearn")
    assert importlib.import_module(f"fastnet.{name}") is getattr(fastnet, name)


def test_import_is_silent():
    assert python("import fastnet") == ""


def test_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+", fastnet.__version__)
    installed = importlib.metadata.packages_distributions()["fastnet"]
    assert {importlib.metadata.version(name) for name in installed} == {fastnet.__version__}
    assert f"## [{fastnet.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.skipif(tomllib is None, reason="tomllib came with Python 3.11")
def test_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == fastnet.__version__
    assert {re.match(r"[\w-]+", d)[0] for d in project["dependencies"]} == {"numpy", "safetensors", "tqdm"}
    assert {re.match(r"[\w-]+", d)[0] for d in project["optional-dependencies"]["demo"]} == {
        "scikit-learn", "matplotlib", "pooch", "Pillow"}


def packages_of(project, extra):
    """The names of the packages that an extra brings; a reference to the project itself stands for its extras."""
    found = set()
    for text in project["optional-dependencies"][extra]:
        name, extras = re.fullmatch(r"([\w.-]+)(?:\[([\w,-]+)\])?.*", text).groups()
        if name == project["name"]:
            found |= set().union(*(packages_of(project, other) for other in extras.split(",")))
        else:
            found.add(name)
    return found


@pytest.mark.skipif(tomllib is None, reason="tomllib came with Python 3.11")
def test_no_extra_brings_somebody_elses_fastnet():
    """PyPI's project "fastnet" is another one, and a requirement of that name would install it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["name"] != "fastnet"
    extras = {name: packages_of(project, name) for name in project["optional-dependencies"]}
    assert not [name for name, packages in extras.items() if "fastnet" in map(str.lower, packages)]
    assert extras["test"] >= extras["demo"] | extras["tables"] and extras["dev"] >= extras["test"] | extras["bench"]


def test_nothing_says_to_install_somebody_elses_fastnet():
    """No page, message or command names PyPI's project "fastnet" to pip."""
    wanted = re.compile(r"""(?<![\w-])fastnet\[(?=[a-z,]*\])|pip install (-\S+ )*["']?fastnet(?![\w-])""")
    pages = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", ".ci/run", "pyproject.toml")]
    for path in (*pages, *(ROOT / "docs").glob("*.md"), *(ROOT / "fastnet").rglob("*.py")):
        assert not wanted.search(path.read_text(encoding="utf-8")), f"{path} names PyPI's fastnet"


def test_extension_where_it_was_required():
    """An install with FASTNET_REQUIRE_EXT=1 runs the compiled kernels; its tests run with the same setting."""
    if os.environ.get("FASTNET_REQUIRE_EXT", "0") in ("", "0"):
        pytest.skip("FASTNET_REQUIRE_EXT is not set")
    assert backend.config()["compiled"] == "available"


def test_backend_can_be_demanded():
    names = ["numpy", "compiled"] if backend.compiled_available else ["numpy"]
    for name in names:
        assert python("from fastnet.backend import backend; print(backend())", FASTNET_BACKEND=name) == f"{name}\n"


def test_documents_are_finished():
    pages = (path.relative_to(ROOT) for path in (ROOT / "docs").glob("*.md"))
    for name in ("README.md", "README.zh.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", *pages):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"\{\{|TODO|FIXME", text), f"{name} has an open spot"
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)       # code has calls such as f[0](x)
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose):
            there = "://" in target or (ROOT / name).parent.joinpath(target).exists()
            assert there, f"{name} links to {target}, which is not there"


def test_dir_shows_what_is_public():
    shown = dir(fastnet)
    modules = {name for name in shown if isinstance(getattr(fastnet, name), types.ModuleType)}
    assert modules == {"audio", "autograd", "backend", "c_source", "callbacks", "data", "datasets", "distributed",
                       "distributions", "dtypes", "explain", "federated", "fft", "func", "functional", "graph",
                       "linalg", "lora", "metrics", "models", "nn", "onnx", "ops", "optim", "privacy", "profiler",
                       "prune", "quantization", "random", "sklearn", "special", "text", "training", "transfer"}
    assert [name for name in shown if name.startswith("_")] == ["__version__"]
    assert len(shown) == len(set(fastnet.__all__)) + 1 == len(fastnet.__all__) + 1
