"""Sphinx extension that writes the pages of the API reference from the `__all__` of the public modules.

Each object has one page, under the first module of `MODULES` that exports it. Further names of the same object,
constants and the types of signatures are listed on a page of other names. A new public name needs no edit here.
"""
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import numpy as np

MODULES = ("fastnet", "fastnet.autograd", "fastnet.nn", "fastnet.nn.functional", "fastnet.nn.init", "fastnet.nn.utils",
           "fastnet.optim", "fastnet.optim.lr_scheduler", "fastnet.distributions", "fastnet.data",
           "fastnet.datasets", "fastnet.metrics", "fastnet.models", "fastnet.ops", "fastnet.profiler", "fastnet.audio",
           "fastnet.audio.functional", "fastnet.text", "fastnet.fft",
           "fastnet.linalg", "fastnet.lora", "fastnet.special", "fastnet.graph", "fastnet.onnx",
           "fastnet.prune",
           "fastnet.quantization", "fastnet.nn.quantized", "fastnet.nn.quantized.dynamic", "fastnet.nn.qat",
           "fastnet.explain", "fastnet.training", "fastnet.callbacks", "fastnet.transfer",
           "fastnet.federated", "fastnet.privacy", "fastnet.distributed",
           "fastnet.sklearn", "fastnet.random", "fastnet.backend", "fastnet.dtypes")
FOR_OTHER_MODULES = {             # members of the Trainer that callbacks, checkpoints and subclasses read
    "batch_loss", "described_data", "source", "step_model", "total_steps", "trained"}
PACKAGE = Path(importlib.import_module("fastnet").__file__).parent


def setup(app):
    """Connect the functions of this file to Sphinx's events."""
    app.connect("config-inited", write_pages)             # before the pages of the source folder are listed
    app.connect("autodoc-process-docstring", escape_markup, priority=400)           # before napoleon
    app.connect("autodoc-process-bases", keep_public_bases)
    app.connect("autodoc-skip-member", skip_internal_members)
    return {"parallel_read_safe": True}


# ---- pages ----------------------------------------------------------------------------------------------------------

def write_pages(app, config):
    """Write a page for each public module, one for other names, and the index of the reference."""
    folder = Path(app.srcdir, "reference")
    folder.mkdir(exist_ok=True)
    pages, aliases, constants = {}, [], []
    for name in MODULES:
        module = importlib.import_module(name)
        sections, elsewhere = {}, []
        for member, value in public_members(module):
            if not callable(value):
                constants.append((f"{name}.{member}", constant_text(value)))
            elif id(value) in pages:
                aliases.append((f"{name}.{member}", f"{{py:obj}}`{pages[id(value)]}`"))
                elsewhere.append((member, pages[id(value)]))
            else:
                pages[id(value)] = f"{name}.{member}"
                sections.setdefault(home_of(value), []).append(member)
        write(folder / f"{name}.rst", module_page(name, module, sections, elsewhere))
    write(folder / "other_names.md", other_names_page(aliases, constants, signature_types()))
    write(folder / "index.rst", index_page())


def public_members(module):
    """(name, object) of what a module exports, modules left out; the name that an object was defined by comes first."""
    members = [(name, getattr(module, name)) for name in module.__all__]
    members = [(name, value) for name, value in members if not isinstance(value, ModuleType)]
    return sorted(members, key=lambda member: getattr(member[1], "__name__", None) != member[0])


def home_of(value):
    """The module that defines a class or function."""
    return getattr(inspect.unwrap(value), "__module__", None) or type(value).__module__


def module_page(name, module, sections, elsewhere):
    """A page with a table of names for each file of the module, files with classes first."""
    def order(section):
        home, members = section
        return not any(inspect.isclass(getattr(module, member)) for member in members), home

    parts = [heading(name, "="), first_line(module), f".. currentmodule:: {name}"]
    for home, members in sorted(sections.items(), key=order):
        if len(sections) > 1:
            source = importlib.import_module(home)
            parts += [heading(home.rpartition(".")[2].replace("_", " ").capitalize(), "-"), first_line(source)]
        parts.append("\n".join([".. autosummary::", "   :toctree: generated", "   :nosignatures:", "",
                                *(f"   {member}" for member in sorted(members))]))
    if elsewhere:
        links = ", ".join(f":py:obj:`{member} <{page}>`" for member, page in sorted(elsewhere))
        parts.append(f"This module also exports {links}.")
    return parts


def other_names_page(aliases, constants, types):
    """Tables of the names that have no page: other names of objects, constants, and types in signatures."""
    return ["# Other names, constants and types",
            "## Other names of the same object", table("name", "the same as", aliases),
            "## Constants and dtypes", table("name", "value", constants),
            "## Types in signatures", table("type", "stands for", types)]


def table(left, right, rows):
    """A table in Markdown with two columns, the first one in backticks."""
    return "\n".join([f"| {left} | {right} |", "| --- | --- |", *(f"| `{a}` | {b} |" for a, b in sorted(rows))])


def constant_text(value):
    """The value of a constant; of an object that is no plain value, its type."""
    plain = isinstance(value, str | int | float | tuple | frozenset | dict | np.dtype | None)
    return f"`{value!r}`".replace("|", "\\|") if plain else f"a `{type(value).__name__}`"


def signature_types():
    """(name, definition) of each type alias that signatures of the package use."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for alias, text in re.findall(r"^ {0,4}([A-Z]\w+): TypeAlias = (\"\"\".*?\"\"\"|[^#\n]*(?:\n {20,}[^#\n]*)*)",
                                      path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            found[alias] = " ".join(text.strip().strip('"').split())
    return [(alias, f"`{text}`".replace("|", "\\|")) for alias, text in found.items()]


def index_page():
    """The first page of the reference: a table of the others."""
    rows = [f"   * - :doc:`{name} <{name}>`\n     - {first_line(importlib.import_module(name))}" for name in MODULES]
    hidden = [f"   {page}" for page in [*MODULES, "other_names"]]
    return [heading("API reference", "="),
            "\n".join([".. list-table::", "   :widths: 30 70", "", *rows,
                       "   * - :doc:`other_names`\n     - Other names of objects, constants, types in signatures."]),
            "\n".join([".. toctree::", "   :hidden:", "", *hidden])]


def heading(text, line):
    """A heading in reStructuredText, underlined with a character."""
    return f"{text}\n{line * len(text)}"


def first_line(module):
    """The first paragraph of a module's docstring."""
    return escaped((module.__doc__ or "").strip().partition("\n\n")[0].replace("\n", " "))


def write(path, parts):
    """Write a page if it differs, so that Sphinx builds only the pages that changed."""
    text = "\n\n".join(parts) + "\n"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


# ---- classes and docstrings -----------------------------------------------------------------------------------------

def keep_public_bases(app, name, cls, options, bases):
    """Show no base class that users cannot name; its members are shown as the class's own."""
    bases[:] = [base for base in bases if is_public(getattr(base, "__origin__", base))] or [object]


def is_public(cls):
    """Whether a class is exported by a public module, or comes from another package."""
    if not cls.__module__.startswith("fastnet"):
        return True
    return any(getattr(importlib.import_module(name), cls.__name__, None) is cls for name in MODULES)


def skip_internal_members(app, kind, name, value, skip, options):
    """Leave out what only other modules call, and the methods `set_..._request` that scikit-learn adds."""
    return True if name in FOR_OTHER_MODULES or re.fullmatch("set_\\w+_request", name) else None


def escape_markup(app, kind, name, value, options, lines):
    """Make the characters *, | and _ of formulas and names literal, outside of code and of examples."""
    example = False
    for i, line in enumerate(lines):
        if line.strip() and not line.startswith(" "):
            example = line.startswith("Example")
        if not example:
            lines[i] = escaped(line)


def escaped(text):
    """Text with literal *, | and trailing _; what stands between backticks stays."""
    parts = re.split(r"(`+[^`]+`+|https?://\S+)", text)
    return "".join(part if i % 2 else re.sub(r"([*|]|_(?!\w))", r"\\\1", part) for i, part in enumerate(parts))
