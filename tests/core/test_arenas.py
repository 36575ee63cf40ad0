"""Parameters in arenas: contiguous, with gradients at equal offsets."""
import gc
import itertools

import numpy as np
import pytest
from kernel_tools import address

import fastnet
from fastnet import nn
from fastnet._core import memory


@pytest.fixture
def small_chunks(fresh_arena, monkeypatch):
    monkeypatch.setattr(memory, "CHUNK", 4096)


def slots(params):
    """(chunk, offset) of each, after a check that its memory is where its slot says."""
    for p in params:
        chunk, offset = p._slot
        assert p.data_ptr() == address(chunk.data) + offset
    return [p._slot for p in params]


@pytest.mark.usefixtures("small_chunks")
def test_parameters_are_contiguous():
    model = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 20))
    places = slots(list(model.parameters()))
    assert len({chunk for chunk, _ in places}) == 1
    assert [offset for _, offset in places] == [0, 64, 128, 128 + 448]          # 60, 20, 400 and 80 bytes


@pytest.mark.usefixtures("small_chunks")
def test_an_arena_for_each_dtype():
    a, b, c, d = (nn.Parameter(np.ones(3, dtype)) for dtype in ("float32", "float64", "float32", "float64"))
    places = slots([a, b, c, d])
    assert places[0][0] is places[2][0] is not places[1][0] is places[3][0]
    assert [offset for _, offset in places] == [0, 0, 64, 64]


@pytest.mark.usefixtures("small_chunks")
def test_large_parameters_have_separate_chunks():
    params = [nn.Parameter(fastnet.full((n,), float(i + 1))) for i, n in enumerate((1000, 16, 16, 5000, 8, 0, 8))]
    before = [p.data_ptr() for p in params]
    places = slots(params)
    full, following, large = places[0][0], places[2][0], places[3][0]
    assert [chunk for chunk, _ in places] == [full, full, following, large, following, following, following]
    assert full is not following and large.nbytes == 20_032 and places[3][1] == 0
    assert [offset for _, offset in places] == [0, 4032, 0, 0, 64, 128, 128]
    assert all(offset % 64 == 0 and offset + p.nbytes <= chunk.nbytes for p, (chunk, offset) in zip(params, places))
    taken = sorted((id(chunk), offset, p.nbytes) for p, (chunk, offset) in zip(params, places) if p.nbytes)
    assert all(a[0] != b[0] or a[1] + a[2] <= b[1] for a, b in itertools.pairwise(taken))
    for i, p in enumerate(params):
        assert (p.detach().numpy() == i + 1).all()
    assert [p.data_ptr() for p in params] == before                             # what was given out never moves


@pytest.mark.usefixtures("fresh_arena", "backend")
def test_gradients_mirror_their_parameters():
    model = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
    for _ in range(2):
        model.zero_grad()
        model(fastnet.ones(4, 3)).sum().backward()
        for p in model.parameters():
            chunk, offset = p._slot
            assert p.grad.data_ptr() == address(chunk.grad) + offset
    whole = np.frombuffer(chunk.grad, np.float32)
    assert whole.any()
    assert np.count_nonzero(whole) == sum(np.count_nonzero(p.grad.numpy()) for p in model.parameters())


@pytest.mark.usefixtures("fresh_arena", "backend")
def test_a_gradient_in_use_keeps_its_values():
    p = nn.Parameter([1.0, 2.0])
    (p * 3).sum().backward()
    held = p.grad
    values = held.numpy()
    p.grad = None
    (p * 5).sum().backward()
    assert held.tolist() == [3, 3] and values.tolist() == [3, 3] and p.grad.tolist() == [5, 5]


@pytest.mark.usefixtures("small_chunks")
def test_the_gaps_between_parameters_stay_zero():
    model = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
    optimizer = fastnet.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1, l1=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        model(fastnet.ones(4, 3)).sum().backward()
        optimizer.step()
    chunk = model[0].weight._slot[0]
    blocks = {"data": chunk.data, "grad": chunk.grad} | {name: block for (_, name), block in optimizer._mirrors.items()}
    assert set(blocks) == {"data", "grad", "exp_avg", "exp_avg_sq"}
    for name, block in blocks.items():
        values = np.frombuffer(block, np.float32, chunk.nbytes // 4).copy()
        for p in model.parameters():
            start = p._slot[1] // 4
            assert values[start:start + p.numel()].any(), name
            values[start:start + p.numel()] = 0
        assert not values.any(), name


@pytest.mark.usefixtures("small_chunks")
def test_chunks_are_freed_with_their_parameters():
    gc.collect()
    before = memory.shared.live
    for _ in range(20):
        model = nn.Linear(100, 100)
        model(fastnet.ones(1, 100)).sum().backward()
    del model
    gc.collect()
    assert memory.shared.live <= before + 4                 # the open chunk and its gradients
