"""dtypes and shapes as programs written for PyTorch read them, and the arguments of functions of the module `torch`."""
import copy
import io
import pickle

import numpy as np
import pytest
from processes import interpreter

import fastnet
import fastnet.torch as torch
from fastnet.torch import nn


def test_dtypes_are_objects_with_pytorchs_attributes():
    assert str(torch.float32) == repr(torch.float32) == "torch.float32" and torch.float is torch.float32
    assert torch.float64.is_floating_point and not torch.int64.is_floating_point and torch.bfloat16.is_floating_point
    assert torch.complex64.is_complex and not torch.float16.is_complex and not torch.bool.is_signed
    assert [d.itemsize for d in (torch.bool, torch.int16, torch.float32, torch.complex128, torch.bfloat16)] == [
        1, 2, 4, 16, 2]
    assert isinstance(torch.int8, torch.dtype) and not isinstance(torch.ones(1), torch.dtype)


def test_dtypes_are_equal_to_numpys():
    for name in ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64"):
        ours, theirs = getattr(torch, name), np.dtype(name)
        assert ours == theirs and theirs == ours and hash(ours) == hash(theirs) and np.dtype(ours) is np.dtype(name)
        assert {theirs: 1}[ours] == 1 and ours != np.dtype("uint16") and np.zeros(2, ours).dtype == theirs
        assert pickle.loads(pickle.dumps(ours)) is ours and copy.deepcopy(ours) is ours


def test_the_dtype_of_a_tensor():
    x = torch.ones(2, 3)
    assert x.dtype is torch.float32 and x.to(torch.float64).dtype.itemsize == 8
    assert torch.zeros(1, dtype=x.dtype).dtype is x.dtype
    assert torch.get_default_dtype() is torch.float32
    assert torch.promote_types(torch.int64, torch.float16) is torch.float16
    assert torch.result_type(x, 1.0) is torch.float32 and torch.finfo(x.dtype).bits == 32
    assert repr(torch.ones(1, dtype=torch.float64)) == "tensor([1.], dtype=torch.float64)"


def test_shapes_are_sizes():
    x = torch.ones(2, 3, 4)
    assert repr(x.shape) == str(x.size()) == f"{x.shape}" == "torch.Size([2, 3, 4])"
    assert x.shape == (2, 3, 4) and x.shape.numel() == 24 and isinstance(x.shape, tuple)
    assert type(x.shape) is type(x.size()) is torch.Size and type(x.shape[1:]) is torch.Size and x.shape[-1] == 4
    assert type(x.shape + x.shape) is torch.Size and isinstance(x.shape, torch.Size)
    assert not isinstance((2, 3), torch.Size)


def test_other_code_reads_tuples_and_numpys_dtypes():
    names = {"fastnet": fastnet}
    exec("x = fastnet.ones(2, dtype='float64')\nfound = type(x.shape), type(x.dtype), repr(x), repr(x.size())", names)
    assert names["found"] == (tuple, type(np.dtype("float64")), "tensor([1., 1.], dtype=float64)", "(2,)")


def test_a_program_reads_pytorchs(tmp_path):
    (tmp_path / "beside.py").write_text("def about(x):\n  return f'{x.dtype} {x.shape} {x.dtype.is_floating_point}'\n")
    program = tmp_path / "program.py"
    program.write_text("import torch, beside\nfrom torch import nn\nprint(beside.about(nn.Linear(2, 3).weight))\n")
    assert interpreter("-m", "fastnet", "run", program).stdout == "torch.float32 torch.Size([3, 2]) True\n"


def test_compiled_functions_read_dtypes_and_shapes():
    @torch.compile
    def f(x):
        return x.sum(dtype=torch.float64) / x.shape.numel() if x.dtype.is_floating_point else x
    for _ in range(3):
        assert f(torch.ones(2, 3)).item() == 1.0


def test_results_are_written_into_out():
    x, out = torch.tensor([1.0, 4.0]), torch.zeros(2)
    assert torch.add(x, x, out=out) is out and out.tolist() == [2.0, 8.0]
    assert torch.sqrt(x, out=out).tolist() == [1.0, 2.0] and torch.sum(x, 0, out=torch.empty(0)).item() == 5.0
    values, indices = torch.empty(0), torch.empty(0, dtype=torch.int64)
    found = torch.max(x, 0, out=(values, indices))
    assert found.values is values and indices.item() == 1 and torch.arange(2, out=torch.empty(0)).tolist() == [0.0, 1.0]
    with pytest.raises(RuntimeError, match=r"\(2,\)"):
        torch.add(x, x, out=torch.zeros(3))
    with pytest.raises(RuntimeError, match="gradients"):
        torch.add(x, x.clone().requires_grad_(), out=out)


def test_functions_of_layers_are_in_the_root():
    x, weight = torch.ones(1, 2, 5, 5), torch.ones(3, 2, 3, 3)
    assert torch.equal(torch.conv2d(x, weight), nn.functional.conv2d(x, weight))
    table, index = torch.arange(6.0).reshape(3, 2), torch.tensor([2, 0])
    assert torch.embedding(table, index).tolist() == [[4.0, 5.0], [0.0, 1.0]]
    norm = nn.BatchNorm2d(2).eval()
    assert torch.equal(norm(x), torch.batch_norm(x, norm.weight, norm.bias, norm.running_mean, norm.running_var, False,
                                                 0.1, 1e-5))
    assert torch.dropout(x, 0.5, False) is not None and torch.layer_norm(x, (5,)).shape == x.shape


def test_frombuffer():
    memory = bytearray(np.arange(4, dtype=np.float32).tobytes())
    shared = torch.frombuffer(memory, dtype=torch.float32, offset=4, count=2)
    memory[4:8] = np.float32(7).tobytes()
    assert shared.tolist() == [7, 2] and torch.frombuffer(b"\1\2", dtype=torch.uint8).tolist() == [1, 2]
    assert torch.frombuffer(memory, dtype=torch.float32, requires_grad=True).requires_grad
    with pytest.raises(ValueError, match="multiple of element size"):
        torch.frombuffer(b"123", dtype=torch.float32)


def test_asarray():
    array = np.arange(3.0)
    shared = torch.asarray(array)
    array[0] = 7
    assert shared[0] == 7 and torch.asarray(shared) is shared and torch.asarray([1, 2]).dtype is torch.int64
    copied = torch.asarray(array, copy=True, requires_grad=True)
    array[0] = 8
    assert copied[0] == 7 and copied.requires_grad
    with pytest.raises(ValueError, match="copy=False"):
        torch.asarray([1.0], copy=False)


def test_the_memory_of_views_is_one_storage():
    x = torch.zeros(2, 3)
    storage = x[1].untyped_storage()
    assert storage == x.untyped_storage() and storage.data_ptr() == x.data_ptr() and storage.nbytes() == 24
    assert x.clone().untyped_storage() != storage


def test_hooks_of_all_modules():
    seen = []
    model, x = nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.ones(1, 2)
    register = torch.nn.modules.module
    handles = [register.register_module_forward_pre_hook(lambda module, args: seen.append("before")),
               register.register_module_forward_hook(lambda module, args, y: seen.append(type(module).__name__)),
               register.register_module_full_backward_hook(lambda module, grads, of_output: seen.append("backward"))]
    model[0](x).sum().backward()
    assert seen == ["before", "Linear", "backward"]
    model(x)
    assert seen[3:] == ["before", "before", "Linear", "before", "ReLU", "Sequential"]
    for handle in handles:
        handle.remove()
    model(x)
    assert len(seen) == 9 and nn.Module._hooks is None


def test_bfloat16_in_programs():
    pytest.importorskip("ml_dtypes")
    model = torch.nn.Linear(3, 2).to(torch.bfloat16)
    y = model(torch.ones(1, 3, dtype=torch.bfloat16))
    assert y.dtype is torch.bfloat16 is model.weight.dtype and y.float().dtype is torch.float32
    assert {torch.bfloat16: 1}[y.dtype] == 1 and repr(y.dtype) == "torch.bfloat16" and y.dtype.itemsize == 2
    assert repr(torch.ones(1).bfloat16()) == "tensor([1.], dtype=torch.bfloat16)"
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "half": torch.ones(2).half()}, file)
    file.seek(0)
    loaded = torch.load(file)
    assert loaded["model"]["weight"].dtype is torch.bfloat16 and loaded["half"].dtype is torch.float16
    assert torch.equal(loaded["model"]["weight"], model.weight)


def test_a_view_of_the_bits():
    x = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
    bits = x.view(torch.int32)
    assert bits.dtype is torch.int32 and bits.tolist() == x.numpy().view("int32").tolist()
    assert torch.equal(bits.view(torch.float32), x) and x.view(torch.uint8).shape == (2, 8)
    bits[0, 0] = 0
    assert x[0, 0].item() == 0 and x.view(torch.float64).shape == (2, 1)
    with pytest.raises(RuntimeError, match=r"float32 with shape \(1,\) cannot be read as float64"):
        torch.ones(1).view(torch.float64)
    with pytest.raises(TypeError, match="a shape or a dtype"):
        x.view(None)
    twice = torch.compile(lambda x: x.view(torch.int32) * 2)
    assert torch.equal(twice(x), x.view(torch.int32) * 2) and torch.equal(twice(x + 1), (x + 1).view(torch.int32) * 2)
