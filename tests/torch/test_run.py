"""`fastnet run`: what a program sees, what is left behind, and the report of --check."""
import json
import signal
import sys

import pytest
from data_tools import HOME
from processes import interpreter

NOTE = "fastnet: note: in this process, `import torch` is fastnet.torch\n"


@pytest.fixture
def run(tmp_path):
    def run(source, *arguments, options=(), check=True, **environment):
        program = tmp_path / "program.py"
        program.write_text(source)
        return interpreter("-m", "fastnet", "run", *options, program, *arguments, check=check, **environment)
    return run


def test_a_program_sees_its_own_arguments_module_and_folder(run, tmp_path):
    (tmp_path / "beside.py").write_text("import torch.nn as nn\nlayer = nn.Linear(2, 3)\n")
    result = run("import sys, beside, torch, json\n"
                 "print(json.dumps([sys.argv, __name__, __file__, sys.path[0], sys.modules['__main__'].__file__,\n"
                 "                  torch.__name__, beside.layer(torch.ones(1, 2)).shape]))", "--epochs", "3", "--help")
    program = str(tmp_path / "program.py")
    assert json.loads(result.stdout) == [[program, "--epochs", "3", "--help"], "__main__", program, str(tmp_path),
                                         program, "fastnet.torch", [1, 3]]
    assert result.stderr == NOTE


def test_a_program_with_a_relative_path_sees_its_whole_path(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import sys\nprint(__file__, sys.argv[0])\n1 / 0\n")
    theirs, ours = (interpreter(*command, "program.py", path=tmp_path, PYTHONPATH=str(HOME), check=False)
                    for command in ((), ("-m", "fastnet", "run")))
    assert ours.stdout == theirs.stdout and ours.stderr == NOTE + theirs.stderr and str(program) in ours.stdout


@pytest.mark.parametrize("end, code, error", [
    ("sys.exit(3)", 3, ""), ("sys.exit('too bad')", 1, "too bad\n"), ("sys.exit()", 0, ""), ("pass", 0, "")])
def test_exit_codes_are_those_of_the_program(run, end, code, error):
    result = run(f"import sys\n{end}\n", check=False)
    assert result.returncode == code and result.stderr == NOTE + error


def test_a_traceback_is_the_one_that_python_prints(run, tmp_path):
    source = "def f(x):\n    return 1 / x\n\nf(0)\n"
    ours = run(source, check=False)
    theirs = interpreter(tmp_path / "program.py", check=False)
    assert (ours.returncode, ours.stderr) == (theirs.returncode, NOTE + theirs.stderr)
    ours = run("x = = 1\n", check=False)
    assert ours.returncode == 1 and "SyntaxError" in ours.stderr and "fastnet" not in ours.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupted_program_ends_as_interrupted(run):
    # the handler, since a shell's background job, from which tests may be started, ignores the signal
    result = run("import os, signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
                 "os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n", check=False)
    assert result.returncode in (130, -signal.SIGINT) and "KeyboardInterrupt" in result.stderr


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_processes_that_a_program_starts_import_fastnet_too(run, start):
    if start == "fork" and sys.platform == "win32":
        pytest.skip("no fork")
    result = run("import multiprocessing, subprocess, sys, torch\n"
                 "def name(x):\n"
                 "    import torch.nn\n"
                 "    return torch.nn.__name__\n"
                 "if __name__ == '__main__':\n"
                 f"    with multiprocessing.get_context('{start}').Pool(1) as pool:\n"
                 "        print(pool.map(name, [0]))\n"
                 "    code = 'import torch.nn.functional as F; print(F.__name__)'\n"
                 "    sys.stdout.flush()\n"
                 "    subprocess.run([sys.executable, '-c', code], check=True)\n")
    assert result.stdout.splitlines() == ["['fastnet.torch.nn']", "fastnet.torch.nn.functional"]


def test_a_missing_name_is_an_error_at_its_place(run, tmp_path):
    place = f"({tmp_path / 'program.py'}, line 2)"
    for line, error in (("torch.quantize_per_tensor", "MissingNameError: torch.quantize_per_tensor"),
                        ("from torch.nn import Lineer", "ImportError: torch.nn.Lineer"),
                        ("import torch.fx.passes", "ModuleNotFoundError: torch.fx")):
        result = run(f"import torch\n{line}\n", check=False)
        last = result.stderr.splitlines()[-1]
        assert result.returncode == 1 and error in last and place in last, result.stderr


def test_a_program_can_ask_whether_a_name_is_there(run):
    result = run("import torch, importlib.util\n"
                 "print(hasattr(torch, 'compile'), hasattr(torch, 'quantize_per_tensor'),\n"
                 "      getattr(torch.nn, 'Lineer', None), importlib.util.find_spec('torch.fx'),\n"
                 "      importlib.util.find_spec('torch.nn') is not None)\n"
                 "try:\n    import torch.fx\nexcept ImportError:\n    print('no fx')\n")
    assert result.stdout == "True False None None True\nno fx\n"


def test_a_program_that_does_not_exist_is_an_error():
    result = interpreter("-m", "fastnet", "run", "missing.py", check=False)
    assert result.returncode == 2 and "missing.py: No such file or directory" in result.stderr


# ---- --check --------------------------------------------------------------------------------------------------------

def test_the_check_lists_missing_names_with_their_lines(run, tmp_path):
    result = run("import torch\nfrom torch import nn\nfrom torch.nn import Linear, Lineer\n"
                 "x = torch.zeros(2)\nx.to_mkldnn()\nnn.Foo(3)\nnn.Linear(2, 3)\ntorch.fx.symbolic_trace\n"
                 "raise SystemExit('was run')\n", options=["--check"], path=tmp_path, PYTHONPATH=str(_home()))
    lines = result.stdout.splitlines()
    assert lines[:-1] == ["program.py:3: torch.nn.Lineer", "program.py:5: Tensor.to_mkldnn",
                          "program.py:6: torch.nn.Foo", "program.py:8: torch.fx.symbolic_trace"]
    assert lines[-1].startswith("4 of 8 names of PyTorch are there (50.0%)")


def test_the_check_counts_packages_that_are_compiled_for_pytorch(run, tmp_path):
    result = run("import torch\nfrom torchvision import datasets\n", options=["--check"], path=tmp_path,
                 PYTHONPATH=str(_home()))
    assert result.stdout.splitlines()[0] == "program.py:2: torchvision.datasets"


def test_the_check_reads_folders_and_modules_that_a_program_imports(run, tmp_path):
    (tmp_path / "helper.py").write_text("import torch\ntorch.missing_in_helper\n")
    result = run("import helper\n", options=["--check"], path=tmp_path, PYTHONPATH=str(_home()))
    assert "helper.py:2: torch.missing_in_helper" in result.stdout
    (tmp_path / "broken.py").write_text("x = = 1\n")
    whole = interpreter("-m", "fastnet", "run", "--check", tmp_path, path=tmp_path, PYTHONPATH=str(_home()))
    assert "helper.py:2" in whole.stdout and "broken.py: not read" in whole.stdout


def _home():
    from data_tools import HOME
    return HOME
