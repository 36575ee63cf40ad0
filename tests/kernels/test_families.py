"""Families of kernels: all are built, and a new one is found by its files."""
import importlib
import importlib.machinery
import shutil
from pathlib import Path

import pytest
from data_tools import HOME
from kernel_tools import built, compiled_module, functions, has_twin, kernels
from processes import output

from fastnet._kernels.reference import FAMILIES
from fastnet._runtime import native
from fastnet.backend import K, use_backend

TWINS = [family for family in FAMILIES if has_twin(family)]
SETUP = Path(HOME, "setup.py")


@built
@pytest.mark.parametrize("family", TWINS)
def test_every_family_is_built(family):
    """The compiled module of a family is an extension, and the table of kernels calls it."""
    module = importlib.import_module(f"fastnet._kernels.{family}")
    assert module.__file__.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES))
    assert native.compiled[family] is module is compiled_module(family)
    called = []
    with use_backend("compiled"), pytest.MonkeyPatch.context() as patch:
        for name in kernels(family):
            assert name in functions(module), f"{name} has no compiled twin"
            patch.setattr(module, name, lambda *args, name=name, **attrs: called.append(name))
        with use_backend("compiled"):           # a new table, of the replaced functions
            for name in kernels(family):
                getattr(K, name)()
    assert called == list(kernels(family))


@pytest.mark.skipif(not SETUP.exists(), reason="setup.py is not here")
def test_a_new_family_needs_no_entry_in_a_list(tmp_path):
    """setup.py builds a family for its files alone, and the references list it."""
    pytest.importorskip("Cython")
    package = tmp_path / "fastnet" / "_kernels"
    (package / "src").mkdir(parents=True)
    (package / "reference").mkdir()
    (package / "pooling.pyx").write_text("def max_pool(out, x):\n    pass\n")
    (package / "src" / "pooling.c").write_text("")
    (package / "reference" / "pooling.py").write_text("")
    shutil.copy(HOME / "fastnet" / "_kernels" / "src" / "isa.h", package / "src")
    shutil.copy(HOME / "fastnet" / "_kernels" / "reference" / "__init__.py", package / "reference")
    shutil.copy(SETUP, tmp_path)
    listed = output("""if True:
        import runpy, sys, setuptools
        given = {}
        setuptools.setup = lambda **options: given.update(options)
        names = runpy.run_path("setup.py", run_name="__main__")
        sys.path.insert(0, "fastnet/_kernels")
        import reference
        [extension] = given["ext_modules"]
        print(extension.name, names["is_family"](extension), reference.FAMILIES)""", path=tmp_path)
    assert listed.splitlines()[-1] == "fastnet._kernels.pooling True ('pooling',)"
