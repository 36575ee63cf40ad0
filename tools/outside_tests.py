"""Run packages that are written for PyTorch on fastnet: python tools/outside_tests.py [einops] [skorch] [torchmetrics]

It downloads their source distributions with pip, runs their own tests by `fastnet run`, counts, and explains the
failures. The metrics of torchmetrics are computed under PyTorch, too, and compared. The exit code is 1 if a test or a
metric fails that EXPECTED does not explain. Their other requirements must be installed
(for skorch: scikit-learn, tabulate, tqdm, flaky).
"""
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNNER = "import sys, pytest\nsys.exit(pytest.main(sys.argv[1:]))\n"
SETTINGS = {"EINOPS_TEST_BACKENDS": "numpy,torch", "FASTNET_REQUIRE_EXT": "1"}
TESTS = {
    "einops": ["einops/tests"],
    "skorch": ["skorch/tests/callbacks", *(f"skorch/tests/test_{name}.py" for name in (
        "classifier", "dataset", "doctor", "helper", "net", "regressor", "scoring", "setter", "toy", "utils"))],
}

# part of a test's name: why it fails
EXPECTED = {
    "test_pytorch_yolo_fragment": "FloatTensor(x.shape) needs the shape to be more than a tuple",
    "test_get_len_transformers_tokenizer": "without a network: it downloads a tokenizer, under PyTorch, too",
    "TestNetWithTokenizers": "without a network: it downloads a tokenizer, under PyTorch, too",
    "test_sparse_tensor": "there are no sparse tensors",
    "test_repr_": "the repr of a module shows the shapes of its parameters",
    "test_load_cuda_params_to_cpu": "the files are not in the source distribution",
    "test_get_parameter_names": "hooks of leaves are called in another order",
    "test_reinitializing_module_optimizer_message": "losses do not have the arguments size_average and reduce",
    "test_set_params_on_custom_criterion": "losses do not have the arguments size_average and reduce",
    "test_torch_load_kwargs_forwarded": "the file is a pickle, which is not read",
    "safetensors": "safetensors.torch reads the storages of PyTorch's tensors",
    "test_save_load_state_dict": "safetensors.torch reads the storages of PyTorch's tensors",
    "test_save_and_load_from_checkpoint": "safetensors.torch reads the storages of PyTorch's tensors",
    "test_load_initial_state_custom_scoring": "safetensors.torch reads the storages of PyTorch's tensors",
    "test_pickle_load": "the file is not in the source distribution",
    "test_score_unknown_reduction_raises": "the error for an unknown reduction comes earlier, with other words",
    "test_dimension_mismatch_warning": "mse_loss warns of targets that broadcast in other words",
    "test_add_scalar_maybe_wrong_type": "tensorboardX refuses texts where TensorBoard does not",
    "test_fit_and_predict_with_compile": "it looks for attributes of PyTorch's compiler",
}


def main(packages):
    """Run the tests of these packages and print the counts."""
    wrong = False
    with tempfile.TemporaryDirectory() as folder:
        runner = Path(folder, "run_tests.py")
        runner.write_text(RUNNER)
        for package in packages or (*TESTS, "torchmetrics"):
            if package == "torchmetrics":
                wrong |= compare_metrics(folder)
                continue
            source = fetch(package, folder)
            output = run(runner, source, TESTS[package])
            failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
            print(f"{source.name}: {output.strip().splitlines()[-1]}")
            for name in failed:
                reason = next((why for part, why in EXPECTED.items() if part in name), None)
                wrong |= reason is None
                print(f"  {name}: {reason or 'UNEXPECTED'}")
    return int(wrong)


def compare_metrics(folder):
    """Print how many metrics of torchmetrics give the same under PyTorch and fastnet; returns whether some differ."""
    packages = "torchmetrics", "lightning-utilities"
    subprocess.run([*pip(), "download", "-q", "--no-deps", "-d", folder, *packages], check=True)
    for wheel in Path(folder).glob("*.whl"):
        with zipfile.ZipFile(wheel) as file:
            file.extractall(folder)
    program, path = ROOT / "tools" / "torchmetrics_values.py", os.pathsep.join([str(ROOT), folder])
    theirs, ours = (
        dict(map(json.loads, subprocess.run([sys.executable, *words, program], env={**os.environ, "PYTHONPATH": path},
                                            stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()))
        for words in ([], ["-m", "fastnet", "run"]))
    differing = [name for name in theirs if not same(theirs[name], ours.get(name))]
    print(f"torchmetrics: {len(theirs) - len(differing)} of {len(theirs)} metrics give the same")
    for name in differing:
        print(f"  {name}: {ours.get(name)} instead of {theirs[name]}"[:300])
    return bool(differing)


def same(a, b):
    """Whether two nested lists of numbers agree to 1e-5; NaN equals itself."""
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    numbers = isinstance(a, int | float) and isinstance(b, int | float)
    return numbers and (math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-6) or (a != a and b != b))


def pip():
    """The command that runs pip."""
    command = [sys.executable, "-m", "pip"]
    if subprocess.run([*command, "--version"], capture_output=True, check=False).returncode:
        command = [shutil.which("pip") or "pip"]
    return command


def fetch(package, folder):
    """The folder with the unpacked source distribution of a package."""
    subprocess.run([*pip(), "download", "-q", "--no-binary", ":all:", "--no-deps", "-d", folder, package], check=True)
    [archive] = Path(folder).glob(f"{package}-*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return Path(folder, archive.name.removesuffix(".tar.gz"))


def run(runner, source, tests):
    """What pytest prints for these tests under `fastnet run`."""
    path = os.pathsep.join([str(ROOT), str(source), *filter(None, [os.environ.get("PYTHONPATH")])])
    programs = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])     # tests start "python"
    command = [sys.executable, "-m", "fastnet", "run", runner, "-q", "-p", "no:cacheprovider", "-o", "addopts=", "-W",
               "ignore", "--tb=no", *tests]
    return subprocess.run(command, cwd=source, env={**os.environ, **SETTINGS, "PYTHONPATH": path, "PATH": programs},
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
