"""`torch.distributed` of fastnet.torch on several ranks."""
import pytest
from rank_tools import run

PROGRAM = """
import fastnet.torch as torch
dist = torch.distributed
dist.init_process_group("gloo")
rank, size = dist.get_rank(), dist.get_world_size()
whole = [torch.tensor([float(r), 2.0]) for r in range(size)]
x = whole[rank].clone()
dist.all_reduce(x, op=dist.ReduceOp.SUM)
assert x.tolist() == [sum(range(size)), 2 * size]
y = whole[rank].clone()
dist.reduce(y, dst=1, op=dist.ReduceOp.MAX)
assert y.tolist() == [size - 1 if rank == 1 else rank, 2]
parts = torch.empty(size, 2)
dist.all_gather_into_tensor(parts, whole[rank])
assert parts.tolist() == [w.tolist() for w in whole]
out = torch.empty(1)
dist.reduce_scatter_tensor(out, torch.arange(float(size)))
assert out.item() == size * rank
dist.scatter(x, whole if rank == 0 else None, src=0)
assert x.tolist() == whole[rank].tolist()
found = [None] * size
dist.all_gather_object(found, {"rank": rank, "x": [torch.ones(1) * rank]})
assert [f["rank"] for f in found] == [f["x"][0].item() for f in found] == list(range(size))
names = ["a", rank]
dist.broadcast_object_list(names, src=1)
assert names == ["a", 1]
try:
    dist.all_gather_object(found, dist)
except TypeError as e:
    assert "an object of several processes" in str(e)
else:
    raise AssertionError
assert torch.distributed.group.WORLD.size() == size
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 1), device_ids=None)
model(torch.ones(3, 2) * (rank + 1)).sum().backward()
assert model.module.weight.grad.tolist() == [[3 * (size + 1) / 2] * 2]
assert list(model.state_dict()) == ["module.weight", "module.bias"]
sampler = torch.utils.data.distributed.DistributedSampler(range(size * 3), shuffle=False)
assert list(sampler) == list(range(rank, size * 3, size))
dist.barrier()
dist.destroy_process_group()
"""


@pytest.mark.parametrize("size", [2, 3])
def test_programs_in_the_names_of_torch(size):
    run(size, "-c", PROGRAM)
