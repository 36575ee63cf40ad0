"""The documents for users are true: their Python blocks and `fastnet` commands run and print what the page shows."""
import ast
import contextlib
import importlib
import importlib.util
import inspect
import io
import math
import pkgutil
import re
import runpy
import shlex
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
from data_tools import ROOT
from page_tools import PAGES, blocks

import fastnet
from fastnet.cli import main
from fastnet.datasets import catalogue

samples = pytest.importorskip("sklearn.datasets")
Image = pytest.importorskip("PIL.Image")
threadpoolctl = pytest.importorskip("threadpoolctl")
for package in ("pandas", "matplotlib"):
    pytest.importorskip(package)

READMES = ("README.md", "README.zh.md")
FOR_DEVELOPERS = ("ARCHITECTURE.md", "CONTRIBUTING.md", "benchmarks/README.md")
NEED_FILES = ("README.md", "docs/command.md")       # their commands read flowers.csv, new.csv, drawing.png and MNIST
NOT_RUN = ("pip", "pytest", "python")   # commands that install or test, and examples
COMPILED = ("gcc", "./net_test")        # run where gcc is installed
OPTIONAL = ("torch", "flwr")                   # a block that imports one of these is skipped if it is not installed
NUMBER = r"-?\d+(?:\.\d*)?(?:e[-+]?\d+)?"
EXAMPLE = "histogram"                   # the family that ARCHITECTURE adds as an example
LINES = "\0"                            # stands for a line of three dots
ROUNDING = 0.03                         # tolerance of figures after training, which differ between processors


def agrees(shown, printed):
    """Whether the output of a program matches the text on the page.

    Fractions may differ by ROUNDING. `...` matches any text within a line, and any number of lines if it is a line.
    """
    shown = re.sub(r"^\.\.\.$", LINES, shown.strip(), flags=re.MULTILINE)
    parts = re.split(rf"({LINES}|\.\.\.|(?<![\w.]){NUMBER}|\s+)", shown)
    numbers = [float(part) for part in parts if re.fullmatch(NUMBER, part)]
    found = re.fullmatch("".join(map(_pattern, parts)), printed.strip(), re.DOTALL)
    return found is not None and all(
        math.isclose(number, float(text), rel_tol=0, abs_tol=0 if number.is_integer() and "." not in text else ROUNDING)
        for number, text in zip(numbers, found.groups()))


def _pattern(part):
    if part in (LINES, "..."):
        return ".*?" if part == LINES else r"[^\n]*?"
    if re.fullmatch(NUMBER, part):
        return f"({NUMBER})"
    return r"\s+" if part.isspace() else re.escape(part)


def run_python(text, line, page, namespace):
    code = compile("\n" * line + text, page, "exec")        # errors then name the line of the page
    exec(code, namespace)


def run_shell(text):
    for command in re.split(r"\n|&&", text.replace("\\\n", " ")):
        words = shlex.split(command, comments=True)
        if words[:2] == ["fastnet", "run"]:
            continue                    # makes `import torch` fastnet in this process; see tests/torch/test_run.py
        if words and words[0] in COMPILED:
            if shutil.which("gcc"):
                subprocess.run(words, check=True, capture_output=True)
        elif words and words[0] not in NOT_RUN:
            assert words[0] == "fastnet", f"no way to run {command!r} here"
            assert main(words[1:]) == 0, command


def write_files(monkeypatch):
    """Write the files that commands read: tables of flowers and a drawing. `mnist` becomes a set of small digits."""
    flowers = samples.load_iris(as_frame=True)
    table = flowers.data.assign(species=flowers.target_names[flowers.target])
    table.to_csv("flowers.csv", index=False)
    table.drop(columns="species").head().to_csv("new.csv", index=False)
    digits = samples.load_digits()
    x = np.pad(np.kron(digits.images, np.ones((3, 3))) * 15.9, ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    parts = [(x[part], digits.target[part]) for part in (slice(1000), slice(1000, None))]
    monkeypatch.setitem(catalogue.LOADERS, "mnist", lambda: parts)
    Image.fromarray(255 - x[0]).resize((100, 100)).save("drawing.png")


@pytest.mark.parametrize("page", PAGES)
def test_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if page in NEED_FILES:
        write_files(monkeypatch)
    state = fastnet.get_rng_state()
    try:
        # on busy cores the threads of NumPy's BLAS spend more time waiting than computing
        with threadpoolctl.threadpool_limits(1):
            run_page(page)
    finally:
        fastnet.set_rng_state(state)


def run_page(page):
    namespace, printed = {"__name__": "__main__"}, None
    for language, line, text in blocks(page):
        where = f"{page}, line {line + 1}"
        assert language in ("python", "sh", "text"), f"{where}: a block in {language!r}"
        if language == "text":
            assert printed is None or agrees(text, printed), f"{where} shows\n{text}\nand this was printed:\n{printed}"
        elif can_run(text):
            with contextlib.redirect_stdout(io.StringIO()) as output:
                run_shell(text) if language == "sh" else run_python(text, line, page, namespace)
            printed = output.getvalue()
        else:
            printed = None              # the text that follows cannot be compared


def can_run(text):
    """Whether the packages that a block imports are installed; their own warnings are not those of the block."""
    for name in OPTIONAL:
        if re.search(rf"^import {name}\b", text, re.MULTILINE):
            if not importlib.util.find_spec(name):
                return False
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                importlib.import_module(name)
    return True


@pytest.mark.parametrize("name, shown", [
    ("own_script.py", "loss ..., test accuracy 0.96"),
    ("digits_cross_validation.py", "cross-validation: ...\ntest: 0.97\nthe restored model agrees: True"),
])
def test_example(name, shown, capsys):
    state = fastnet.get_rng_state()
    try:
        with threadpoolctl.threadpool_limits(1):
            runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
    finally:
        fastnet.set_rng_state(state)
    assert agrees(shown, capsys.readouterr().out)


# ---- the Chinese README ---------------------------------------------------------------------------------------------

def test_the_chinese_readme_has_the_same_code():
    code = [(language, text) for language, _, text in blocks("README.md")]
    assert [(language, text) for language, _, text in blocks("README.zh.md")] == code


def test_the_chinese_readme_has_the_same_links():
    def links(page):
        return sorted(set(re.findall(r"\]\(([^)]+)\)", (ROOT / page).read_text(encoding="utf-8"))) - set(READMES))
    assert links("README.zh.md") == links("README.md")


def lines(page):
    return len((ROOT / page).read_text(encoding="utf-8").splitlines())


def test_pages_are_short():
    for page in READMES:
        assert lines(page) <= 130
    assert lines("ARCHITECTURE.md") <= 400


# ---- names in the text ----------------------------------------------------------------------------------------------

def code_in_text(page):
    """The inline code of the page that begins with `fastnet.` or `trainer.`."""
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [code for code in re.findall(r"`([^`\n]+)`", text) if re.match(r"(fastnet|trainer)\.", code)]


@pytest.mark.parametrize("page", PAGES)
def test_names_exist(page):
    """Full names in the text exist, and functions have the arguments that it names."""
    trainer = fastnet.Trainer(fastnet.nn.Linear(1, 1), loss="mse")
    for code in code_in_text(page):
        tree = ast.parse(code, mode="eval")
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute | ast.Name) and re.match(r"(fastnet|trainer)\.", ast.unparse(node)):
                value_of(ast.unparse(node), trainer)
            if isinstance(node, ast.Call) and re.match(r"(fastnet|trainer)\.", ast.unparse(node.func)):
                known = inspect.signature(value_of(ast.unparse(node.func), trainer)).parameters
                unknown = [k.arg for k in node.keywords if k.arg not in known]
                assert not unknown, f"{page}: {code} has no argument {unknown}"


def value_of(name, trainer):
    if name.startswith("fastnet."):
        return pkgutil.resolve_name(name)
    value = trainer
    for attribute in name.split(".")[1:]:
        value = getattr(value, attribute)
    return value


@pytest.mark.parametrize("page", [*PAGES, "README.zh.md", *FOR_DEVELOPERS])
def test_links_to_headings(page):
    for file, heading in re.findall(r"\]\(([\w./]*)#([^)]+)\)", (ROOT / page).read_text(encoding="utf-8")):
        there = (ROOT / page).parent / file if file else ROOT / page
        headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = [re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings]
        assert heading in anchors, f"{page} links to #{heading} of {there.name}, which has {anchors}"


@pytest.mark.parametrize("page", [*FOR_DEVELOPERS, "docs/internals.md"])
def test_files_exist(page):
    """Files that the text names exist, as paths from the checkout or from any folder."""
    text = (ROOT / page).read_text(encoding="utf-8")
    names = set(re.findall(r"`((?:[\w.-]+/)*[\w.-]+\.(?:pyx|py|h|c|toml))`", text))
    files = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.*") if "build" not in path.parts}
    absent = [name for name in names if not any(file == name or file.endswith(f"/{name}") for file in files)]
    assert [name for name in absent if EXAMPLE not in name] == []


# ---- the tests of these tests ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("shown, printed, same", [
    ("loss 0.35", "loss 0.36", True),
    ("loss 0.35", "loss 0.45", False),
    ("loss 0.35", "Loss 0.35", False),
    ("(1600, 43) rows", "(1600, 43)   rows\n", True),
    ("(1600, 43) rows", "(1600, 44) rows", False),
    ("epoch 1\n...\nepoch 3", "epoch 1\nepoch 2\nepoch 3", True),
    ("epoch 1\n...\nepoch 3", "epoch 1\nepoch 2\nepoch 4", False),
    ("a ... c\nb", "a b c\nb", True),
    ("a ... c\nb", "a\nc\nb", False),
    ("a 1.00", "a 1.", True),
    ("a", "a b", False),
    ("rate 1e+06", "rate 1e+06", True),
])
def test_agrees(shown, printed, same):
    assert agrees(shown, printed) is same


def test_a_command_that_fails_is_noticed(capsys):
    with pytest.raises(AssertionError, match="no_such"):
        run_shell("pip install . && fastnet info no_such.safetensors")
    with pytest.raises(AssertionError, match="no way to run 'rm -r x'"):
        run_shell("rm -r x")


def test_a_block_without_its_library_is_skipped(monkeypatch):
    monkeypatch.setattr(f"{__name__}.OPTIONAL", ("numpy", "no_such_library"))
    assert can_run("import numpy\n") and can_run("x = 'import no_such_library'\n")
    assert not can_run("import sys\nimport no_such_library\n")


def test_an_error_in_a_block_names_the_page_and_its_line():
    with pytest.raises(ZeroDivisionError) as caught:
        run_python("1\n1 / 0\n", 40, "page.md", {})
    assert (Path(caught.traceback[-1].path).name, caught.traceback[-1].lineno + 1) == ("page.md", 42)
