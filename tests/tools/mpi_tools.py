"""Programs as several ranks of MPI, for tests."""
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from data_tools import HOME
from rank_tools import TOKEN, settings


def mpirun(count, *args, timeout=100, cwd=HOME):
    """Run Python with these arguments as ranks of mpirun; skips the test if there is no MPI."""
    pytest.importorskip("mpi4py")
    local = Path(sys.executable).parent / "mpiexec"
    command = local if local.exists() else shutil.which("mpiexec")
    if not command:
        pytest.skip("no mpiexec")
    [environment] = settings(1)
    for name in ("RANK", "WORLD_SIZE", TOKEN):
        environment.pop(name)
    found = subprocess.run([command, "-n", str(count), sys.executable, *map(str, args)], env=environment, text=True,
                           capture_output=True, timeout=timeout, cwd=cwd)
    if "libmpi" in found.stderr:
        pytest.skip("mpi4py finds no library of MPI")
    return found
