"""Sphinx extension that writes the pages of the API reference from the `__all__` of the public modules.

Each object has one page, under the first module of `MODULES` that exports it; further names of the same object are
listed on the page of other names. A new public name needs no edit here.
"""
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

MODULES = ("fastnet", "fastnet.autograd", "fastnet.nn", "fastnet.nn.functional", "fastnet.nn.init", "fastnet.nn.utils",
           "fastnet.optim", "fastnet.optim.lr_scheduler", "fastnet.data", "fastnet.datasets", "fastnet.metrics",
           "fastnet.training", "fastnet.callbacks", "fastnet.sklearn", "fastnet.random", "fastnet.backend",
           "fastnet.dtypes")


def setup(app):
    """Connect the functions of this file to Sphinx's events."""
    app.connect("config-inited", write_pages)             # before the pages of the source folder are listed
    app.connect("autodoc-process-docstring", escape_markup, priority=400)           # before napoleon
    app.connect("autodoc-skip-member", skip_metadata_requests)
    return {"parallel_read_safe": True}


# ---- pages ----------------------------------------------------------------------------------------------------------

def write_pages(app, config):
    """Write a page for each public module, one for other names and constants, and the index of the reference."""
    folder = Path(app.srcdir, "reference")
    folder.mkdir(exist_ok=True)
    seen, others, pages = {}, [], []
    for name in MODULES:
        module = importlib.import_module(name)
        sections = {}
        for member in module.__all__:
            value = getattr(module, member)
            if isinstance(value, ModuleType):
                continue
            if not documented(value):
                others.append((f"{name}.{member}", repr(value)))
            elif id(value) in seen:
                others.append((f"{name}.{member}", f"`{seen[id(value)]}`"))
            else:
                seen[id(value)] = f"{name}.{member}"
                sections.setdefault(home_of(value), []).append(member)
        pages.append(name)
        write(folder / f"{name}.rst", module_page(name, module, sections))
    write(folder / "other_names.md", other_names_page(others))
    write(folder / "index.rst", index_page(pages))


def documented(value):
    """Whether an object has a docstring that tells about it, rather than about its type."""
    return inspect.isclass(value) or callable(value)


def home_of(value):
    """The module that defines a class or function."""
    return getattr(inspect.unwrap(value), "__module__", None) or type(value).__module__


def module_page(name, module, sections):
    """A page with a table of names for each file of the module."""
    parts = [heading(name, "="), first_line(module), f".. currentmodule:: {name}"]
    for home, members in sorted(sections.items()):
        if len(sections) > 1:
            source = importlib.import_module(home)
            parts += [heading(home.rpartition(".")[2].replace("_", " ").capitalize(), "-"), first_line(source)]
        parts.append("\n".join([".. autosummary::", "   :toctree: generated", "   :nosignatures:", "",
                                *(f"   {member}" for member in sorted(members))]))
    return parts


def other_names_page(others):
    """A table of the names that have no page: what each one is."""
    rows = [f"| `{name}` | {value} |" for name, value in sorted(others)]
    return ["# Other names, dtypes and constants", "\n".join(["| name | is |", "| --- | --- |", *rows])]


def index_page(pages):
    """The first page of the reference: a list of the others."""
    entries = [f"   {page}" for page in [*pages, "other_names"]]
    return [heading("API reference", "="), "\n".join([".. toctree::", "   :maxdepth: 1", "", *entries])]


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


# ---- members and docstrings -----------------------------------------------------------------------------------------

def skip_metadata_requests(app, kind, name, value, skip, options):
    """Leave out the methods `set_..._request` that scikit-learn gives every estimator."""
    return True if re.fullmatch("set_\\w+_request", name) else None


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
