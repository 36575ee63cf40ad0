"""Private training on several ranks: each rank's samples, the clipping, the noise, and what is refused."""
import pytest
from rank_tools import run_code

HEAD = """
from fastnet import nn
from fastnet.data import DataLoader, TensorDataset
from fastnet.nn import functional as F
from fastnet.privacy import PrivacyEngine
rank, size = dist.get_rank(), dist.get_world_size()
rng = np.random.default_rng(0)
x = rng.standard_normal((400, 4)) * 2
x[:, 0] = np.arange(400) / 100
y = rng.integers(0, 3, 400)

def private(model, noise, bound=0.7, data=(x, y), seed=3, wrap=dist.DistributedDataParallel):
    model = wrap(model)
    optimizer = fastnet.optim.SGD(model.parameters(), lr=0.1)
    engine = PrivacyEngine(accountant="rdp", seed=seed)
    return *engine.make_private(module=model, optimizer=optimizer, data_loader=DataLoader(TensorDataset(*data), 50),
                                noise_multiplier=noise, max_grad_norm=bound), engine
"""

CLIPPED = HEAD + """
fastnet.manual_seed(0)
model, optimizer, loader, engine = private(nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double(), 0.0)
assert (loader.sample_rate, loader.expected_batch_size, len(loader)) == (1 / 8, 50, 8)
counts = []
for a, b in loader:
    rows = np.rint(a.numpy()[:, 0] * 100).astype(int)
    assert (rows % size == rank).all()                  # each sample belongs to one rank
    count = int(loader._masks._masks[len(a)]._data[:-1].sum())
    counts.append(count)
    plain = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    plain.load_state_dict(model.module.state_dict())
    expected = [np.zeros(p.shape) for p in plain.parameters()]
    for i in range(count):
        gs = [g.numpy() for g in fastnet.grad(F.cross_entropy(plain(a[i:i + 1]), b[i:i + 1]), list(plain.parameters()))]
        norm = sum(float((g ** 2).sum()) for g in gs) ** 0.5
        for total, g in zip(expected, gs):
            total += g * min(1, 0.7 / norm) / 50
    optimizer.zero_grad()
    F.cross_entropy(model(a), b).backward()
    for p, total in zip(model.parameters(), expected):
        total = fastnet.from_numpy(total)
        dist.all_reduce(total)                          # the clipped gradients of all ranks, over the expected batch
        np.testing.assert_allclose(p.grad.numpy(), total.numpy(), rtol=1e-9, atol=1e-14)
    optimizer.step()
assert engine.accountant.history == [(0.0, 1 / 8, 8)]
assert abs(np.mean(counts) - 50 / size) < 12
from fastnet.data.arrays import fingerprint
print(fingerprint(*[p.detach() for p in model.parameters()]))
"""


@pytest.mark.parametrize("size", [2, 3])
def test_each_rank_clips_its_own_samples(size):
    assert len(set(run_code(size, CLIPPED))) == 1


NOISE = HEAD + """
model, optimizer, loader, engine = private(nn.Linear(4, 800).double(), 2.0, 0.5, seed=SEED)
found = []
for a, _ in loader:
    optimizer.zero_grad()
    (model(a).sum(1) * 0).mean().backward()
    found.append(np.concatenate([p.grad.numpy().ravel() for p in model.parameters()]))
deviation = np.array(found).std()
assert abs(deviation / (2.0 * 0.5 / 50) - 1) < 0.02, deviation
assert engine.accountant.history == [(2.0, 1 / 8, 8)]
print(found[0].sum())
"""


@pytest.mark.parametrize("seed", [None, 0])
def test_the_noise_of_all_ranks_together_has_the_stated_deviation(seed):
    """Also with a seed for tests: the ranks then draw other numbers than each other, and each run the same."""
    runs = [run_code(2, f"SEED = {seed}\n" + NOISE) for _ in range(2)]
    assert all(first == second for first, second in runs)           # both ranks have the same gradients
    assert (runs[0] == runs[1]) is (seed is not None)


REFUSED = HEAD + """
def refused(text, call):
    try:
        call()
    except ValueError as error:
        assert text in str(error), error
    else:
        raise AssertionError(text)

refused("expected module to be a fastnet.distributed.DistributedDataParallel",
        lambda: private(nn.Linear(4, 3), 1.0, wrap=lambda model: model))
refused("noise_multiplier: 1.0 on rank 0, 2.0 on rank 1", lambda: private(nn.Linear(4, 3), 1.0 + rank))
refused("rank 1 differs from rank 0: data", lambda: private(nn.Linear(4, 3), 1.0, data=(x + rank, y)))
refused("at least 2 samples, one for each rank, got 1", lambda: private(nn.Linear(4, 3), 1.0, data=(x[:1], y[:1])))
model = nn.Linear(4, 3)
from fastnet.autograd.hooks import collect_gradients
collect_gradients(model.parameters(), lambda contributions: None)       # as make_private does in a single process
refused("wrap it first", lambda: dist.DistributedDataParallel(model))
model, optimizer, loader, _ = private(nn.Linear(4, 3), 1.0)
try:
    fastnet.Trainer(model.module, optimizer, loss="cross_entropy").fit(loader, progress=False)
except TypeError as error:
    assert "DPDataLoader cannot be cut into shards" in str(error) and "in a loop of your own" in str(error), error
else:
    raise AssertionError
"""


def test_what_is_refused():
    run_code(2, REFUSED)


WITHOUT_AVERAGE = HEAD + """
from contextlib import nullcontext
replica, optimizer, loader, _ = private(nn.Linear(4, 3).double(), 1.0)
a, b = next(iter(loader))

def backward(module, context):
    optimizer.zero_grad()
    with context:
        F.cross_entropy(module(a), b).backward()

for module, context in (replica, replica.no_sync()), (replica.module, nullcontext()):
    try:
        backward(module, context)
    except RuntimeError as error:
        assert "so that the 2 ranks average their gradients" in str(error), error
    else:
        raise AssertionError
    assert all(p.grad is None for p in replica.parameters())
backward(replica, nullcontext())                        # the batch still waits
assert not replica.is_averaging
"""


def test_gradients_that_are_not_averaged_are_refused():
    """Each rank adds noise for the average: alone, it is too small by the root of the number of ranks."""
    run_code(2, WITHOUT_AVERAGE)
