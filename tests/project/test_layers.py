"""The picture of the layers in docs/layers.svg is current."""
import importlib.util

import pytest
from data_tools import ROOT

try:
    import tomllib  # noqa: F401
except ModuleNotFoundError:
    pytest.importorskip("tomli")


@pytest.fixture
def layers():
    spec = importlib.util.spec_from_file_location("layers", ROOT / "tools" / "layers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_current(layers):
    assert layers.PICTURE.read_text(encoding="utf-8") == layers.picture(), "run `python tools/layers.py`"


def test_every_module_of_the_package_is_in_the_picture(layers):
    drawn = {name.partition("/")[0] for row in layers.layers() for name in row}
    package = {path.name.removesuffix(".py") for path in (ROOT / "fastnet").iterdir()
               if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.name != "__init__.py"}
    assert drawn == package


def test_a_module_without_a_description_is_refused(layers):
    with pytest.raises(ValueError, match=r"no description of \['vision'\]"):
        layers.check_descriptions([*layers.layers(), ["vision"]])
