"""DistributedDataParallel and DistributedSampler in a plain loop."""
import pytest
from rank_tools import finish, run_code, settings, start

LOOP = """
import sys
from fastnet import nn
from fastnet.data.arrays import fingerprint
from fastnet.data.samples import DataLoader, TensorDataset
fastnet.manual_seed(dist.get_rank())                # other weights on each rank: those of rank 0 count
rng = np.random.default_rng(0)
x = fastnet.from_numpy(rng.standard_normal((64, 8)).astype(np.float32))
y = 2 * x[:, :1]
model = dist.DistributedDataParallel(nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 1)))
optimizer = fastnet.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
data = TensorDataset(x, y)
sampler = dist.DistributedSampler(data, seed=1)
losses = []
for epoch in range(3):
    sampler.set_epoch(epoch)
    for a, b in DataLoader(data, batch_size=8, sampler=sampler):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(a), b)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
print(fingerprint(*[p.detach() for p in model.module.parameters()]))
assert losses[-1] < losses[0], losses
"""


SMALL_BUCKETS = "import fastnet.distributed.buckets\nfastnet.distributed.buckets.BUCKET_BYTES = 1\n"


@pytest.mark.parametrize("size", [2, 3])
def test_replicas_stay_equal_and_runs_repeat(size):
    """One bucket, which is exchanged after backward(), or one for each parameter."""
    first, second = run_code(size, LOOP), run_code(size, SMALL_BUCKETS + LOOP)
    assert len({*first, *second}) == 1


GRADIENTS = """
from fastnet import nn
rank, size = dist.get_rank(), dist.get_world_size()
class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.sometimes, self.never = nn.Linear(2, 1), nn.Linear(2, 1), nn.Linear(2, 1)
    def forward(self, x):
        return {"out": [self.used(x) + (self.sometimes(x) if rank == 1 else 0)]}
model = dist.DistributedDataParallel(Two())
x = fastnet.full((3, 2), rank + 1.0)
model(x)["out"][0].sum().backward()
mean = 3 * sum(range(1, size + 1)) / size
assert model.module.used.weight.grad.tolist() == [[mean, mean]], model.module.used.weight.grad
assert model.module.sometimes.weight.grad.tolist() == [[6 / size] * 2]          # zero on the other ranks
assert model.module.never.weight.grad is None
with model.no_sync():
    model(x)["out"][0].sum().backward()
assert model.module.used.weight.grad.tolist() == [[mean + 3 * (rank + 1)] * 2]
kept = model.module.used.weight.grad
model.zero_grad()
model(x)["out"][0].sum().backward()
assert kept.tolist() == [[mean + 3 * (rank + 1)] * 2]                           # a gradient that someone holds
assert model.module.used.weight.grad.tolist() == [[mean, mean]]
assert not [v for v in vars(model.module.used) if v.startswith("_grad")]
try:
    fastnet.compile(lambda x: model(x)["out"][0])(x)
except RuntimeError as e:
    assert "Compile the module that it wraps" in str(e)
else:
    raise AssertionError
compiled = dist.DistributedDataParallel(fastnet.compile(nn.Linear(2, 1)))
for _ in range(3):
    compiled.zero_grad()
    compiled(x).sum().backward()
    assert [g.grad.tolist() for g in compiled.parameters()] == [[[mean, mean]], [3.0]]
"""


@pytest.mark.parametrize("size, head", [(2, ""), (4, ""), (2, SMALL_BUCKETS)])
def test_gradients_are_means(size, head):
    run_code(size, head + GRADIENTS)


UNFROZEN = """
from fastnet import nn
rank, size = dist.get_rank(), dist.get_world_size()
module = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 1))
module[0].requires_grad_(False)
model = dist.DistributedDataParallel(module)
x = fastnet.full((3, 2), rank + 1.0)
model(x).sum().backward()
assert module[0].weight.grad is None
module[0].requires_grad_(True)
model(x).sum().backward()
parts = [fastnet.zeros(1, 2) for _ in range(size)]
dist.all_gather(parts, module[0].weight.grad)
assert all(part.tolist() == parts[0].tolist() for part in parts), parts
module[0].requires_grad_(False)
model(x).sum().backward()
"""


def test_parameters_that_are_unfrozen_later():
    run_code(2, UNFROZEN)


BUFFERS = """
from fastnet import nn
rank = dist.get_rank()
model = dist.DistributedDataParallel(nn.BatchNorm1d(2))
def mean():
    return model.module.running_mean.tolist()[0]
for _ in range(2):
    model(fastnet.full((4, 2), rank + 1.0))
assert round(mean(), 4) == [0.19, 0.29][rank], mean()       # 0.9 * 0.1 + 0.1 * (1 or 2): both began with rank 0's
model.eval()
with fastnet.no_grad():
    out = model(fastnet.full((4, 2), 1.0))
    assert round(mean(), 4) == 0.19, mean()
    if rank == 0:                                           # other ranks may have fewer batches
        model(fastnet.full((4, 2), 1.0))
parts = [fastnet.zeros(4, 2) for _ in range(2)]
dist.all_gather(parts, out)
assert parts[0].tolist() == parts[1].tolist()
"""


def test_buffers_are_those_of_rank_0_also_in_an_evaluation():
    run_code(2, BUFFERS)


OTHER = """
dist.DistributedDataParallel(fastnet.nn.Sequential(fastnet.nn.Linear(2, 3 + dist.get_rank())))
"""


def test_models_that_differ_are_refused():
    codes, _, errors = run_code(2, OTHER, check=False)
    assert codes == [1, 1]
    assert all("rank 1 differs from rank 0: 0.weight: '(3, 2) float32' on rank 0, '(4, 2) float32' on rank 1" in error
               for error in errors)


OTHER_LAYERS = """
from fastnet import nn
dist.DistributedDataParallel(nn.Sequential(nn.Linear(2, 3), nn.ReLU() if dist.get_rank() else nn.LeakyReLU(0.2)))
"""


def test_layers_that_differ_are_refused():
    codes, _, errors = run_code(2, OTHER_LAYERS, check=False)
    assert codes == [1, 1]
    assert all("rank 1 differs from rank 0: module '1': 'LeakyReLU(negative_slope=0.2)' on rank 0, 'ReLU()' on rank 1"
               in error for error in errors), errors


UNALIKE = """
import os
[fastnet.nn.Linear(300, 600) for _ in range(dist.get_rank())]      # so that chunks of the arena end elsewhere
model = dist.DistributedDataParallel(fastnet.nn.Sequential(*[fastnet.nn.Linear(100, 100) for _ in range(40)]))
model(fastnet.ones(1, 100)).sum().backward()
from fastnet.data.arrays import fingerprint
print(fingerprint(*[p.grad for p in model.parameters()]), len(model._buckets) > 1)
"""


def test_ranks_whose_memory_differs():
    assert len(set(run_code(2, UNALIKE))) == 1


SPARSE = """
model = dist.DistributedDataParallel(fastnet.nn.Embedding(5, 2, sparse=True))
model(fastnet.tensor([1])).sum().backward()
"""


def test_sparse_gradients_are_refused():
    codes, _, errors = finish(start(settings(1), "-c", "import fastnet, fastnet.distributed as dist\n"
                                    "dist.init_process_group()\n" + SPARSE))
    assert codes == [1] and "make the embedding with sparse=False" in errors[0]
