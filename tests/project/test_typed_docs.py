"""The programs in README, docs/ and examples/ pass pyright and mypy in their strict modes."""
import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from data_tools import ROOT
from page_tools import PAGES, blocks

SEPARATE = ("README.md", "docs/compile.md", "docs/moving.md")          # pages whose blocks are separate programs
# programs that import these are checked in the basic mode
UNTYPED = ("sklearn", "pandas", "torch", "safetensors", "flwr")
NOT_IN_TESTS = ("flwr",)                # programs that import these are checked where they are installed


def tool(name):
    """The command of a tool that is installed with this Python or is on the PATH, or None."""
    if importlib.util.find_spec(name):
        return [sys.executable, "-m", name]
    return [found] if (found := shutil.which(name)) else None


PYRIGHT, MYPY = tool("pyright"), tool("mypy")


def programs():
    """{file name: source} of every program. Lines have the numbers that they have on the page."""
    found = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "examples").glob("*.py")}
    for page in PAGES:
        parts = [(line, text) for language, line, text in blocks(page) if language == "python"]
        name = re.sub(r"\W", "_", page.removesuffix(".md"))
        for number, group in enumerate([[part] for part in parts] if page in SEPARATE else [parts]):
            source = ""
            for line, text in group:
                source += "\n" * (line - source.count("\n")) + text
            if source:
                found[f"{name}_{number}.py"] = source
    return found


def is_basic(source):
    return any(re.search(rf"^\s*(import|from) {package}\b", source, re.MULTILINE) for package in UNTYPED)


def skip_unless_installed(name):
    for package in NOT_IN_TESTS:
        if re.search(rf"^\s*(import|from) {package}\b", programs()[name], re.MULTILINE):
            pytest.importorskip(package)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with every program, and the settings of both tools."""
    folder = tmp_path_factory.mktemp("programs")
    for name, source in programs().items():
        (folder / name).write_text(source, encoding="utf-8")
    basic = [name for name, source in programs().items() if is_basic(source)]
    strict = [name for name in programs() if name not in basic]
    (folder / "pyrightconfig.json").write_text(json.dumps({
        "typeCheckingMode": "basic", "strict": strict, "extraPaths": [str(ROOT)],
        "reportMissingTypeStubs": False, "reportMissingModuleSource": False}))
    (folder / "mypy.ini").write_text("[mypy]\nstrict = true\n" + "".join(
        f"[mypy-{package}.*]\nignore_missing_imports = true\n" for package in UNTYPED))
    return folder


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)


@functools.cache
def findings_of_pyright(folder):
    done = run(*PYRIGHT, "--pythonpath", sys.executable, "--outputjson", cwd=folder)
    return [f"{os.path.basename(found['file'])}:{found['range']['start']['line'] + 1}: {found['message']}"
            for found in json.loads(done.stdout)["generalDiagnostics"] if found["severity"] == "error"]


@functools.cache
def findings_of_mypy(folder):
    output = run(*MYPY, "--config-file", "mypy.ini", "--python-executable", sys.executable, *programs(),
                 cwd=folder, env=os.environ | {"MYPYPATH": str(ROOT)}).stdout
    return [line for line in output.splitlines() if ": error:" in line]


@pytest.mark.skipif(not PYRIGHT, reason="pyright is not installed")
@pytest.mark.parametrize("name", programs())
def test_pyright(folder, name):
    skip_unless_installed(name)
    assert [found for found in findings_of_pyright(folder) if found.startswith(f"{name}:")] == []


@pytest.mark.skipif(not MYPY, reason="mypy is not installed")
@pytest.mark.parametrize("name", programs())
def test_mypy(folder, name):
    skip_unless_installed(name)
    assert [found for found in findings_of_mypy(folder) if found.startswith(f"{name}:")] == []


def test_every_page_has_its_programs():
    assert {"README_0.py", "README_1.py", "docs_tutorial_0.py", "docs_compile_0.py", "own_script.py"} <= set(programs())
