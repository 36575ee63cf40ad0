"""Names that older programs use, forms with an underscore, and private names that programs import."""
import pytest
from processes import interpreter

import fastnet
import fastnet.torch as torch

nn, F = torch.nn, torch.nn.functional


@pytest.mark.parametrize("name", ["sigmoid_", "exp_", "relu_", "zero_", "clamp_min_", "sqrt_"])
def test_functions_that_write_into_their_argument(name):
    x = torch.tensor([0.25, 4.0])
    numbers = (1.0,) if name == "clamp_min_" else ()
    expected = torch.zeros(2) if name == "zero_" else getattr(torch, name[:-1], None) or torch.clamp_min
    expected = expected if name == "zero_" else expected(x, *numbers)
    assert getattr(torch, name)(x, *numbers) is x and torch.equal(x, expected)


def test_functions_of_networks():
    x = torch.tensor([-1.0, 2.0])
    assert F.relu_(x) is x and x.tolist() == [0.0, 2.0]
    image = torch.rand(1, 1, 2, 2)
    assert torch.equal(F.upsample(image, scale_factor=2), F.interpolate(image, scale_factor=2))
    assert torch.scalar_tensor(2).dtype == torch.float32


def test_initialisation():
    w = torch.empty(6, 4, 3)
    assert nn.init._calculate_fan_in_and_fan_out(w) == (12, 18)
    assert nn.init._calculate_correct_fan(w, "FAN_OUT") == 18
    with pytest.raises(ValueError, match="fan_in"):
        nn.init._calculate_correct_fan(w, "both")
    assert nn.init.constant(w, 2.0) is w and float(w.min()) == 2 and nn.init.xavier_uniform(w).abs().max() < 1


def test_gradients_are_clipped_under_the_old_name():
    x = nn.Parameter(torch.ones(4))
    (x * 3).sum().backward()
    assert float(nn.utils.clip_grad_norm([x], 1.0)) == pytest.approx(6) and float(x.grad.norm()) == pytest.approx(1)


def test_sizes_of_layers():
    from fastnet.torch.nn.modules.utils import _ntuple, _pair, _triple
    assert _pair(3) == (3, 3) and _triple([1, 2, 3]) == (1, 2, 3) and _ntuple(4)("a") == ("a",)


def test_errors_can_be_caught():
    assert issubclass(torch.cuda.OutOfMemoryError, RuntimeError)
    with pytest.raises(torch.LinAlgError):
        torch.linalg.inv(torch.zeros(2, 2))


def test_the_kernel_of_attention_can_be_chosen():
    q = torch.rand(1, 2, 5, 4)
    with torch.nn.attention.sdpa_kernel([torch.nn.attention.SDPBackend.MATH]):
        y = F.scaled_dot_product_attention(q, q, q, is_causal=True)
    assert torch.equal(y, F.scaled_dot_product_attention(q, q, q, is_causal=True))
    with pytest.raises(TypeError, match="SDPBackend"), torch.nn.attention.sdpa_kernel(["math"]):
        pass


def test_submodules_of_distributions_and_autograd():
    assert bool(torch.distributions.constraints.simplex.check(torch.tensor([0.25, 0.75])))
    assert torch.distributions.constraints.positive.check(torch.tensor([-1.0, 1.0])).tolist() == [False, True]
    assert torch.distributions.utils.broadcast_all(1.0, torch.ones(2))[0].shape == (2,)
    assert torch.autograd.function.once_differentiable is fastnet.autograd.function.once_differentiable


def test_onnx_export(tmp_path):
    path = tmp_path / "model.onnx"
    torch.onnx.export(nn.Linear(2, 3), torch.ones(1, 2), path, input_names=["x"], opset_version=17, verbose=False,
                      dynamic_axes={"x": {0: "batch"}})
    assert fastnet.onnx.load(path)(fastnet.ones(5, 2)).shape == (5, 3)
    with pytest.raises(TypeError, match="dynamic_axes"):
        torch.onnx.export(nn.Linear(2, 3), torch.ones(1, 2), path, dynamic_shapes={})
    with pytest.raises(TypeError, match="path"):
        torch.onnx.export(nn.Linear(2, 3), torch.ones(1, 2))


PROGRAM = """
import sys
import torch
import torch.multiprocessing as mp

def work(rank, queue, base):
    if rank == 2:
        sys.exit(3)
    queue.put((rank, float(torch.ones(2).sum() * rank + base), torch.nn.Linear.__module__))

if __name__ == "__main__":
    queue = mp.get_context("spawn").SimpleQueue()
    mp.spawn(work, args=(queue, 5), nprocs=2)
    print(sorted(queue.get() for _ in range(2)))
    started = mp.spawn(work, args=(queue, 5), nprocs=1, join=False)
    for process in started.processes:
        process.join()
    print("all have ended:", started.join())
    try:
        mp.spawn(work, args=(queue, 5), nprocs=3)
    except mp.ProcessExitedException as e:
        print(e)
"""


def test_processes_are_spawned(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    lines = interpreter("-m", "fastnet", "run", program, timeout=200).stdout.splitlines()
    assert lines == ["[(0, 5.0, 'fastnet.nn.linear'), (1, 7.0, 'fastnet.nn.linear')]",
                     "all have ended: True",
                     "spawn: process 2 ended with the exit code 3"]
