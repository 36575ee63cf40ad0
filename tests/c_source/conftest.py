import shutil

import pytest


@pytest.fixture(scope="session", autouse=True)
def _compiler():
    if not shutil.which("gcc") and not shutil.which("clang"):
        pytest.skip("no C compiler is installed")
