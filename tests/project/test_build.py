"""The kernels compiled, not built and broken, and what the environment asks for."""
import shutil
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np
import pytest
from kernel_tools import BUILT, ISAS, built
from processes import python

import fastnet
from fastnet import backend as kernels

PACKAGE = Path(fastnet.__file__).parent
REPORT = "import fastnet; c = fastnet.backend.config(); print(c['backend'], c['compiled'], c['isa'], c['threads'])"


# ---- three states ---------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def not_built(tmp_path_factory):
    """The folder of a fastnet without extensions."""
    folder = tmp_path_factory.mktemp("not_built")
    shutil.copytree(PACKAGE, folder / "fastnet", ignore=lambda path, names: [
        n for n in names if n == "__pycache__" or (not Path(path, n).is_dir() and not n.endswith(".py"))])
    return folder


BREAKAGES = {
    "missing symbol": ("launch.py", 'raise ImportError("undefined symbol: omp_fork")', "undefined symbol: omp_fork"),
    "missing module": ("launch.py", "import a_library_that_is_gone", "No module named 'a_library_that_is_gone'"),
    "missing twin": ("launch.py", "", "fastnet._runtime.cpu"),
    "two builds": ("launch.py", 'raise ValueError("fastnet._runtime.memory.Pool size changed")', "Pool size changed"),
    "truncated": (f"launch{EXTENSION_SUFFIXES[0]}", "\x7fELF", "launch"),
}


@pytest.fixture(params=BREAKAGES.values(), ids=BREAKAGES)
def broken(request, not_built):
    """(the folder of a fastnet whose extensions fail to load, what the error says)."""
    name, text, message = request.param
    file = not_built / "fastnet" / "_runtime" / name
    file.write_text(text)
    yield not_built, message
    file.unlink()


@built
def test_compiled():
    done = python(REPORT)
    assert done.stdout.split()[:3] == ["compiled", "available", ISAS[-1]]
    assert done.stderr == ""


def test_not_built_is_quiet(not_built):
    done = python(REPORT, not_built)
    assert done.stdout.split() == ["numpy", "not", "built", "None", "1"]
    assert done.stderr == ""


def test_not_built_works(not_built):
    """A training step, eager and recorded, and the settings that there are not."""
    done = python("""if True:
        import warnings, fastnet
        from fastnet import nn, optim
        model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        optimizer = optim.AdamW(model.parameters(), lr=0.1)
        x, y = fastnet.randn(8, 3), fastnet.zeros(8, dtype="int64")
        def step(x, y):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss
        compiled = fastnet.compile(step)
        losses = [float(f(x, y)) for f in (step, compiled, compiled, compiled)]
        assert losses == sorted(losses, reverse=True), losses
        assert fastnet.get_num_threads() == 1 and fastnet.get_isa() is None and fastnet.available_isas() == []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fastnet.set_num_threads(2)
        assert "no effect on the NumPy backend" in str(caught[0].message) and caught[0].category is RuntimeWarning
        for use in (lambda: fastnet.set_isa("avx2"), lambda: fastnet.set_backend("compiled")):
            try:
                use()
            except (RuntimeError, ImportError) as e:
                assert "are not built" in str(e), e
            else:
                raise AssertionError("no error")
        with fastnet.use_backend("numpy"):
            print(fastnet.backend.backend())
        """, not_built, FASTNET_ISA="avx2")
    assert done.stdout == "numpy\n"


def test_not_built_and_asked_for(not_built):
    done = python("import fastnet", not_built, check=False, FASTNET_BACKEND="compiled")
    assert done.returncode == 1
    assert "ImportError: the compiled kernels are not built: No module named 'fastnet._runtime.launch'" in done.stderr


def test_broken_is_loud(broken):
    folder, message = broken
    done = python(REPORT + "; fastnet.show_config()", folder)
    assert done.stdout.startswith("numpy broken None 1\n")
    assert "RuntimeWarning: fastnet's compiled kernels are broken, NumPy is used instead: " in done.stderr
    assert message in done.stderr
    lines = dict(line.split(":", 1) for line in done.stdout.splitlines()[1:])
    assert lines["compiled"].strip() == "broken" and message in lines["compiled_error"]


def test_broken_and_asked_for(broken):
    folder, message = broken
    done = python("import fastnet", folder, check=False, FASTNET_BACKEND="compiled")
    assert done.returncode == 1
    assert "ImportError: the compiled kernels are broken: " in done.stderr.splitlines()[-1]
    assert message in done.stderr.splitlines()[-1]


def test_the_warning_of_a_broken_build_can_be_an_error(broken):
    done = python("import warnings; warnings.simplefilter('error'); import fastnet", broken[0], check=False)
    assert done.returncode == 1 and "RuntimeWarning" in done.stderr


# ---- the environment ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["numpy", pytest.param("compiled", marks=built)])
def test_the_environment_chooses_the_backend(name):
    done = python(REPORT, FASTNET_BACKEND=name)
    assert done.stdout.split()[0] == name
    assert done.stdout.split()[1] == ("available" if BUILT else "not")


def test_an_unknown_backend():
    done = python("import fastnet", check=False, FASTNET_BACKEND="fast")
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: unknown backend 'fast'; choose 'compiled' or 'numpy'\n")


@built
@pytest.mark.parametrize("isa", ISAS)
def test_the_environment_chooses_the_instruction_set(isa):
    assert python(REPORT, FASTNET_ISA=isa).stdout.split()[2] == isa


@built
def test_an_unknown_instruction_set():
    done = python("import fastnet", check=False, FASTNET_ISA="sse9")
    assert done.returncode == 1
    assert f"ValueError: instruction set 'sse9' is not available here; choose from {', '.join(ISAS)}" in done.stderr
    before = fastnet.get_isa()
    with pytest.raises(ValueError, match=f"'sse9'.*{ISAS[0]}"):
        fastnet.set_isa("sse9")
    assert fastnet.get_isa() == before


@built
def test_instruction_sets_of_this_process():
    assert fastnet.available_isas() == ISAS and ISAS[0] == "baseline"
    before = fastnet.get_isa()
    x = fastnet.randn(33, 17)
    try:
        results = []
        for isa in ISAS:
            fastnet.set_isa(isa)
            assert fastnet.get_isa() == kernels.config()["isa"] == isa
            results.append((x @ x.t()).softmax(1).numpy())
    finally:
        fastnet.set_isa(before)
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=1e-4, atol=1e-6)


def test_show_config(capsys):
    fastnet.show_config()
    out, err = capsys.readouterr()
    lines = dict(line.split(":", 1) for line in out.splitlines())
    expected = {k: v for k, v in kernels.config().items() if v is not None}
    assert list(lines) == list(expected) and err == ""
    assert lines["backend"].strip() == kernels.backend() and lines["numpy"].strip() == np.__version__
    assert lines["threads"].strip() == str(fastnet.get_num_threads())
    assert lines["compiled"].strip() == ("available" if BUILT else kernels._absent.status)
    assert lines["isas"].strip() == ", ".join(ISAS)
    with fastnet.use_backend("numpy"):
        fastnet.show_config()
    assert capsys.readouterr().out.startswith("backend:   numpy\n")
