"""Packages over PyTorch that fastnet cannot serve."""
import subprocess
import sys


def test_a_package_of_compiled_operators_is_named(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import torch\nassert torch.vmap\nfrom torchvision import datasets\n")
    done = subprocess.run([sys.executable, "-m", "fastnet", "run", program], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1
    assert "fastnet.datasets, fastnet.data and fastnet.models have counterparts" in done.stderr
