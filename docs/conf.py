"""Settings of the reference: `sphinx-build -W docs build/docs` makes it, `build/docs/index.html` is its first page."""
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project, author, copyright = "fastnet", "The fastnet authors", "2026, The fastnet authors"
release = installed_version("fastnet-cpu")
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon", "myst_parser", "reference"]
html_theme = "furo"
html_title = f"fastnet {release}"
exclude_patterns = ["static", "templates"]
html_static_path, html_css_files = ["static"], ["reference.css"]
templates_path = ["templates"]

default_role = "py:obj"                         # `Tensor.sum` in a docstring is a link where there is such a page
add_module_names = False
autodoc_member_order = "groupwise"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
napoleon_numpy_docstring = False
napoleon_use_ivar = True                        # the attributes themselves are described once
suppress_warnings = ["ref.python"]              # of an attribute such as `mean`, which several classes have
napoleon_use_rtype = False
myst_heading_anchors = 3
