"""Emitted C for other machines: a Cortex-M4 in QEMU, and WebAssembly under node. Each skips without its tools."""
import importlib.util
import shutil
import sys

import pytest
from c_tools import FLAGS, run
from data_tools import ROOT
from int8_models import MODELS, integer_model

import fastnet
from fastnet import nn

TOOLS = ROOT / "tests" / "tools"
CORTEX_M4 = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "--specs=rdimon.specs")


def on_a_cortex_m4(made):
    """Compile a self-test for a Cortex-M4 and run it in QEMU."""
    if not (shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm")):
        pytest.skip("arm-none-eabi-gcc or qemu-system-arm is not installed")
    board, program = TOOLS / "cortex_m", made.source.with_suffix(".elf")
    run("arm-none-eabi-gcc", *FLAGS, f"-D{made.name.upper()}_SELF_TEST", *CORTEX_M4, "-T", board / "mps2.ld",
        board / "startup.c", made.source, "-o", program, "-lm")
    return run("qemu-system-arm", "-M", "mps2-an386", "-nographic", "-semihosting-config", "enable=on,target=native",
               "-kernel", program)


def in_webassembly(made):
    """Compile a self-test to WebAssembly and run it under node."""
    if not (importlib.util.find_spec("ziglang") and shutil.which("node")):
        pytest.skip("the package ziglang or node is not installed")
    program = made.source.with_suffix(".wasm")
    run(sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-wasi", *FLAGS, f"-D{made.name.upper()}_SELF_TEST",
        made.source, "-o", program)
    return run("node", "--no-warnings", TOOLS / "run_wasi.cjs", program)


@pytest.mark.parametrize("target", [on_a_cortex_m4, in_webassembly])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_targets_agree_with_python(target, dtype, tmp_path):
    fastnet.manual_seed(0)
    if dtype == "int8":
        model, x = integer_model("network")
    else:
        model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3),
                              nn.Softmax(1))
        x = fastnet.randn(1, 1, 8, 8)
    made = fastnet.export_c(model.eval(), x, tmp_path / "net.c", dtype=dtype, self_test=20)
    assert target(made) == "net: 20 tests, 0 wrong numbers\n"


@pytest.mark.parametrize("target", [on_a_cortex_m4, in_webassembly])
@pytest.mark.parametrize("name", ["lstm", "gru", "softmax", "depthwise", "avg pool"])
def test_integer_operations_on_targets(target, name, tmp_path):
    assert name in MODELS
    model, x = integer_model(name)
    made = fastnet.export_c(model, x, tmp_path / "net.c", dtype="int8", self_test=5)
    assert target(made) == "net: 5 tests, 0 wrong numbers\n"
