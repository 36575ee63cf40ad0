"""fastnet.torch: PyTorch's modules, whose names come from fastnet's packages; and the parts for other devices."""
import subprocess
import sys

import pytest
from processes import output

import fastnet
import fastnet.torch as torch
from fastnet.torch._frame import table


def test_names_are_those_of_fastnet():
    assert torch.nn.Linear is fastnet.nn.Linear and torch.nn.functional.relu is fastnet.nn.functional.relu
    assert torch.optim.lr_scheduler.StepLR is fastnet.optim.lr_scheduler.StepLR
    assert torch.nn.modules.conv.Conv2d is torch.nn.Conv2d and torch.optim.adam.Adam is torch.optim.Adam
    assert torch.utils.data.dataset.random_split is torch.utils.data.random_split
    assert torch.Tensor is fastnet.Tensor and torch.float32 == fastnet.float32
    assert isinstance(torch.nn.BatchNorm2d(2), torch.nn.modules.batchnorm._BatchNorm)
    assert not isinstance(torch.nn.InstanceNorm2d(2), torch.nn.modules.batchnorm._BatchNorm)


def test_the_namespace_is_loaded_only_on_request():
    code = ("import sys, fastnet\nprint('fastnet.torch' in sys.modules)\nimport fastnet.torch\n"
            "print('torch' in sys.modules, 'fastnet.data.samples' in sys.modules)\n"
            "fastnet.torch.utils.data.DataLoader\nprint('fastnet.data.samples' in sys.modules)")
    assert output(code).split() == ["False", "False", "False", "True"]


@pytest.mark.parametrize("path", table.TREE)
def test_every_module_lists_names_that_exist(path):
    if path.startswith("utils.tensorboard"):
        pytest.importorskip("tensorboardX")
    module = sys.modules[f"fastnet.torch.{path}".rstrip(".")]
    for name in dir(module):
        assert hasattr(module, name), name


def test_names_of_fastnet_alone_are_hidden():
    for name in ("Trainer", "sklearn", "load_file", "ops"):
        assert not hasattr(torch, name)
    with pytest.raises(AttributeError, match=r"torch\.quantization: fastnet does not have .*; fastnet\.quantize makes"):
        torch.quantization.quantize_dynamic         # noqa: B018
    theirs = pytest.importorskip("torch")
    assert [name for name in dir(torch) if name in dir(fastnet) and not hasattr(theirs, name)] == []


def test_a_missing_name_is_an_attribute_error_that_says_where():
    with pytest.raises(torch._frame.mirror.MissingNameError, match=r"torch\.nn\.Lineer: fastnet .*test_namespace\.py, "
                       r"line \d+\); did you mean 'Linear'\?"):
        torch.nn.Lineer                             # noqa: B018
    with pytest.raises(AttributeError, match=r"hub: .*safetensors|load_state_dict_from_url: .*safetensors"):
        torch.hub.load_state_dict_from_url          # noqa: B018


def test_there_is_no_other_device():
    assert not torch.cuda.is_available() and torch.cuda.device_count() == 0
    assert not torch.backends.mps.is_available() and torch.accelerator.current_accelerator() is None
    torch.cuda.manual_seed_all(1)
    torch.cuda.empty_cache()
    for call in (torch.cuda.current_device, torch.cuda.get_device_name, lambda: torch.cuda.set_device(0),
                 lambda: torch.zeros(1).cuda(), lambda: torch.nn.Linear(1, 1).cuda(), lambda: torch.zeros(1).to("cuda"),
                 torch.cuda.Stream, torch.accelerator.current_device_index):
        with pytest.raises(RuntimeError, match=r"CPU|cpu"):
            call()


def test_settings_of_backends_have_no_effect():
    assert torch.backends.cudnn.deterministic is False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    assert torch.backends.cudnn.deterministic is True
    torch.backends.cudnn.deterministic = False
    torch.use_deterministic_algorithms(True)
    torch.set_float32_matmul_precision("high")
    with pytest.raises(RuntimeError, match="highest"):
        torch.set_float32_matmul_precision("low")


def test_mixed_precision_computes_in_the_dtype_of_the_inputs():
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    scaler = torch.cuda.amp.GradScaler()
    with torch.autocast("cpu"), torch.cuda.amp.autocast(enabled=False):
        loss = layer(torch.ones(1, 2)).sum()
    before = layer.bias.detach().clone()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert torch.allclose(layer.bias, before - 0.1) and loss.dtype == torch.float32

    @torch.autocast("cpu")
    def double(x):
        return 2 * x
    assert double(torch.ones(1)).item() == 2


def test_wrappers_for_several_devices_call_the_module():
    layer = torch.nn.Linear(2, 3)
    for wrapper in (torch.nn.DataParallel(layer), torch.nn.parallel.DistributedDataParallel(layer, device_ids=None)):
        assert wrapper.module is layer and list(wrapper.state_dict()) == ["module.weight", "module.bias"]
        assert torch.equal(wrapper(torch.ones(1, 2)), layer(torch.ones(1, 2)))


def test_a_world_of_one_process(monkeypatch):
    dist = torch.distributed
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(ValueError, match="init_process_group"):
        dist.get_rank()
    monkeypatch.delenv("MASTER_PORT", raising=False)
    with pytest.raises(ValueError, match="MASTER_PORT"):
        dist.init_process_group("gloo", world_size=2, rank=0)
    with pytest.raises(ValueError, match="'env://', got 'file:///tmp/x'"):
        dist.init_process_group("gloo", init_method="file:///tmp/x")
    dist.init_process_group("gloo")
    try:
        assert dist.is_initialized() and (dist.get_rank(), dist.get_world_size()) == (0, 1)
        x, parts = torch.ones(2), [torch.zeros(2)]
        dist.all_reduce(x, op=dist.ReduceOp.SUM)
        dist.all_gather(parts, x)
        assert dist.broadcast(x, src=0, async_op=True).wait() and torch.equal(parts[0], x)
    finally:
        dist.destroy_process_group()
    assert not dist.is_initialized()


def test_assert_close():
    close = torch.testing.assert_close
    close({"a": [torch.ones(2), 1.0]}, {"a": [torch.ones(2) + 1e-7, 1.0]})
    close(torch.tensor([float("nan")]), torch.tensor([float("nan")]), equal_nan=True)
    for a, b, options, words in (
            (torch.ones(2), torch.ones(3), {}, "shapes"), (torch.ones(2), torch.ones(2).double(), {}, "dtypes"),
            (torch.tensor([1, 2]), torch.tensor([1, 3]), {}, "1 of 2 elements.* at \\(1,\\)"),
            (torch.ones(2), torch.ones(2) + 0.1, {"rtol": 0, "atol": 0.05}, "2 of 2"), ([1, 2], [1], {}, "lengths")):
        with pytest.raises(AssertionError, match=words):
            close(a, b, **options)


def test_children_import_fastnet_only_through_the_environment(tmp_path):
    code = "import fastnet.torch._frame.children.torch, sys; print('torch' in sys.modules)"
    assert output(code).strip() == "False"
    assert subprocess.run([sys.executable, "-c", "import sys; print(len(sys.meta_path))"], check=True,
                          capture_output=True, cwd=tmp_path).returncode == 0


def test_the_profiler_counts_the_kernels_of_replays():
    step, x = torch.compile(lambda x: (x @ x).sum()), torch.ones(3, 3)
    step(x)
    with torch.profiler.profile() as seen:
        for _ in range(2):
            step(x)
    rows = seen.key_averages()
    assert sum(row.flops for row in rows) == 2 * (2 * 27 + 9) and sum(row.count for row in rows) >= 4


def test_the_profiler_counts_operations_and_blocks(tmp_path):
    profiler = torch.profiler
    ready = []
    with profiler.profile(activities=[profiler.ProfilerActivity.CPU], record_shapes=True, on_trace_ready=ready.append,
                          schedule=profiler.schedule(wait=1, warmup=0, active=2, repeat=1)) as seen:
        for _ in range(5):
            with profiler.record_function("forward"):
                torch.ones(3, 3).softmax(0)
            seen.step()
    rows = {row.key: row for row in seen.key_averages()}
    assert rows["forward"].count == 2 and len(rows) > 1 and ready == [seen]
    assert "forward" in seen.key_averages().table(sort_by="cpu_time_total", row_limit=-1)
    assert rows["forward"].flops == rows["softmax"].flops == 2 * 5 * 9
    assert rows["forward"].cpu_time_total >= rows["softmax"].cpu_time_total >= rows["softmax"].self_cpu_time_total
    seen.export_chrome_trace(tmp_path / "trace.json")
    assert (tmp_path / "trace.json").read_text().count('"forward"') == 2


def test_the_profiler_s_columns():
    with torch.profiler.profile(record_shapes=True, profile_memory=True, with_flops=True) as seen:
        kept = torch.ones(2, 3) @ torch.ones(3, 4)
        kept.relu()
    rows = seen.key_averages(group_by_input_shape=True)
    row = {row.key: row for row in rows}["matmul" if any(row.key == "matmul" for row in rows) else "mm"]
    assert (row.flops, row.input_shapes, row.count) == (48, ((2, 3), (3, 4)), 1)
    assert row.bytes == 4 * (6 + 12 + 8) and row.cpu_memory_usage >= 32
    text = rows.table(sort_by="flops", row_limit=1, header="by FLOPs")
    for title in ("by FLOPs", "Self CPU %", "CPU time avg", "CPU Mem", "# of Calls", "[[2, 3], [3, 4]]",
                  "Total MFLOPs"):
        assert title in text
    plain = seen.key_averages()
    assert "Input Shapes" not in plain.table() and plain.table(sort_by="self_cuda_time_total")
    assert plain.total_average().self_cpu_time_total == plain.self_cpu_time_total > 0
    with pytest.raises(ValueError, match="sort_by"):
        plain.table(sort_by="color")
    with pytest.warns(UserWarning, match="stacks"):
        seen.key_averages(group_by_stack_n=5)
