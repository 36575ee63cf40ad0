"""The guide "Add an operation" of ARCHITECTURE works: its blocks are applied to a copy of the package, which runs."""
import importlib.util
import os
import re
import shutil
import subprocess
import sys

import pytest
from data_tools import ROOT

from fastnet.nn import functional

NAMES = ("reference", "cases", "bodies", "entries", "operation", "function", "check", "module")
# What runs in the copy, on the NumPy backend: tanhexp has no compiled twin there.
PROGRAM = """
import doctest
import fastnet
from fastnet.nn import functional
from gradcheck import gradcheck
from operations import OPERATIONS
from cases.activation import CASES

assert {"tanhexp", "tanhexp_backward"} <= {case.kernel for case in CASES}
function, numbers = OPERATIONS["tanhexp"]
gradcheck(lambda x: function(fastnet, x), fastnet.tensor(numbers))
x = fastnet.tensor([-4.0, 1.0])
assert functional.tanhexp(x, inplace=True) is x and 0.99 < x.tolist()[1] < 1
for documented in (functional.tanhexp, fastnet.nn.TanhExp):
    doctest.run_docstring_examples(documented, {})
"""


def section(title):
    """The text of a section of ARCHITECTURE."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    return re.search(rf"^## {title}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]


@pytest.fixture(scope="module")
def code():
    """The code blocks of the guide, by name."""
    found = re.findall(r"^```\w+\n(.*?)^```$", section("Add an operation"), re.MULTILINE | re.DOTALL)
    return dict(zip(NAMES, found, strict=True))


@pytest.fixture(scope="module")
def copy(code, tmp_path_factory):
    """A copy of the package and of the tools of tests, with the guide applied."""
    if hasattr(functional, "tanhexp"):
        pytest.skip("the package has a tanhexp, to which the guide cannot be applied again")
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "fastnet", root / "fastnet", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests/tools", root / "tests/tools", ignore=shutil.ignore_patterns("__pycache__"))

    def change(path, *replacements):
        text = (root / path).read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text, f"{path} has no {old!r}"
            text = text.replace(old, new, 1)
        (root / path).write_text(text, encoding="utf-8")

    def append(path, text):
        with open(root / path, "a", encoding="utf-8") as file:
            file.write(f"\n\n{text}")
    kernels, in_all = "fastnet/_kernels", ('    "sigmoid",\n', '    "tanhexp",\n    "sigmoid",\n')
    append(f"{kernels}/reference/activation.py", code["reference"])
    change("tests/tools/cases/activation.py", ("ATTRS = {\n", f"ATTRS = {{\n{code['cases']}"))
    append(f"{kernels}/src/activation.inc.h", code["bodies"])
    change(f"{kernels}/src/activation.c", ("END}", "ROW(tanhexp), ROW(tanhexp_backward), END}"))
    append(f"{kernels}/activation.pyx", code["entries"])
    change("fastnet/functional/activation.py", in_all, ("_gelu = ", code["operation"] + "_gelu = "))
    change("fastnet/nn/functional.py", ('"sigmoid", ', '"tanhexp", "sigmoid", '),
           ("def silu(", f"{code['function']}\n\ndef silu("))
    change("tests/tools/operations.py", ('    "gelu": (', code["check"] + '    "gelu": ('))
    append("fastnet/nn/activation.py", code["module"])
    change("fastnet/nn/__init__.py", ('"Sigmoid", ', '"Sigmoid", "TanhExp", '))
    return root


def run(*command, cwd, **environment):
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False,
                          env=os.environ | environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_python(copy):
    program = f"import sys; sys.path[:0] = [{str(copy)!r}, {str(copy / 'tests/tools')!r}]\n{PROGRAM}"
    assert run(sys.executable, "-c", program, cwd=copy, FASTNET_BACKEND="numpy") == ""


@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
def test_c(copy):
    run("cc", "-std=c11", "-fsyntax-only", "-Wall", "-Werror", "-DFASTNET_ISA=baseline", "src/activation.c",
        cwd=copy / "fastnet/_kernels")


@pytest.mark.skipif(importlib.util.find_spec("Cython") is None, reason="Cython is not installed")
def test_cython(copy):
    run(sys.executable, "-m", "cython", "-3", "fastnet/_kernels/activation.pyx", cwd=copy)


def test_tables_of_the_last_step():
    for name in re.findall(r"`([A-Z_]+)` in `([\w/.]+)`", section("Add an operation")):
        assert re.search(rf"^{name[0]}\b.*= ", (ROOT / name[1]).read_text(encoding="utf-8"), re.MULTILINE), name


def test_tables_of_modules():
    """The tables that "Add a module" names exist, with lines of the form that it shows."""
    lines = re.search(r"```python\n(.*?)```", section("Add a module"), re.DOTALL)[1]
    for file, table in (("tests/nn/test_nn.py", "LAYERS"), ("tests/nn/test_saving.py", "MODULES"),
                        ("tests/nn/test_nn.py", "IN_PLACE")):
        assert f"# {table}" in lines
        assert re.search(rf"^{table} = ", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
