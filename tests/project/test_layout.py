"""Rules on the layout of the source that no linter checks."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_launch_slots_have_names():
    """No number indexes p, n or s of a launch: each family's header names its slots."""
    sources = [path for folder in ("_kernels", "_runtime") for path in sorted((ROOT / "fastnet" / folder).rglob("*"))
               if path.suffix in (".pyx", ".pxd", ".pxi", ".h") or (path.parent.name == "src" and path.suffix == ".c")]
    if not sources:
        pytest.skip("the sources of the kernels are not here")
    bare = re.compile(r"\b[pns]\[(?:\s*\d|[^]]*[+-]\s*\d+\s*\])|\blaunch(?:->|\.)[pns] *[+-] *\d|\* *[pns]\+\+")
    found = [f"{path.relative_to(ROOT)}:{i}: {line.strip()}" for path in sources
             for i, line in enumerate(path.read_text().splitlines(), 1) if bare.search(line)]
    assert not found, "name the slot in the family's header:\n" + "\n".join(found)


def test_files_are_short():
    """At most 400 lines, 600 of compiled code; a file that grows beyond has a second subject."""
    limits = {".py": 400, ".pyx": 600, ".pxi": 600, ".pxd": 600, ".h": 600}         # tools/stubs.py writes the .pyi
    folders = [ROOT / name for name in ("fastnet", "tests", "benchmarks", "tools", "examples")]
    sizes = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
             for folder in folders for path in folder.rglob("*") if path.suffix in limits}
    assert sizes and {path: size for path, size in sizes.items() if size > limits[path.suffix]} == {}
