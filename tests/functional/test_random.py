"""Random draws: the published answers of the generator, the layout of a stream, and the shapes of the distributions."""
import numpy as np
import pytest
from kernel_tools import BUILT, launch

import fastnet
from fastnet._kernels.reference import random_extra
from fastnet._kernels.reference.tools import philox
from fastnet.backend import K, random_blocks, use_backend

# counter, key, output: the known answers that come with Random123, the paper's own library
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
N = 1 << 20


@pytest.fixture(autouse=True, params=["numpy", pytest.param("compiled", marks=pytest.mark.skipif(
    not BUILT, reason="the compiled kernels are not built"))])
def _backend(request):
    with use_backend(request.param):
        yield


def state(seed=42, counter=0):
    return np.array([seed, counter], np.uint64)


def drawn(kernel, n, dtype, *args, state=None, offset=0, **attrs):
    out = np.empty(n, dtype)
    getattr(K, kernel)(out, globals()["state"]() if state is None else state, offset, *args, **attrs)
    return out


def bits(n, state, offset=0):
    """The raw 64-bit draws."""
    x = drawn("random_integers", n, np.int64, -2**63, 2**63, state=state, offset=offset)
    return x.view(np.uint64) ^ np.uint64(2**63)


# ---- the generator --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("counter, key, expected", KNOWN)
def test_known_answers(counter, key, expected):
    counter, key, expected = ([int(word, 16) for word in text.split()] for text in (counter, key, expected))
    assert [int(x) for x in philox.philox([np.uint64(c) for c in counter], key)] == expected


def test_known_answer_of_the_kernels():
    low0, high0, low1, high1 = (int(word, 16) for word in KNOWN[0][2].split())
    assert [int(x) for x in bits(2, state(0))] == [low0 | high0 << 32, low1 | high1 << 32]


@pytest.mark.parametrize("seed, counter", [(0, 0), (2**64 - 1, 2**64 - 3), (2**40 + 1, 2**32 - 2), (123, 2**63)])
def test_counters_and_keys_of_64_bits(seed, counter):
    """Block by block as the paper has it: the seed's halves are the key, the counter's the first two words."""
    expected = []
    for block in range(5):
        c = (counter + block) % 2**64
        words = philox.philox([np.uint64(x) for x in (c & 0xFFFFFFFF, c >> 32, 0, 0)], (seed & 0xFFFFFFFF, seed >> 32))
        a, b, c, d = (int(w) for w in words)
        expected += [a | b << 32, c | d << 32]
    assert [int(x) for x in bits(10, state(seed, counter))] == expected


# ---- the stream -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kernel, dtype, args", [
    ("random_uniform", np.float32, ()), ("random_uniform", np.float64, ()), ("random_normal", np.float32, ()),
    ("random_normal", np.float64, ()), ("random_integers", np.int64, (0, 1000))])
def test_draws_in_pieces_are_one_draw(kernel, dtype, args):
    """The counters that `blocks` says a draw uses up are those it uses, by offset and by counter."""
    whole = drawn(kernel, 10000, dtype, *args)
    n = 5000
    used = random_blocks(n, dtype)
    assert drawn(kernel, n, dtype, *args).tobytes() == whole[:n].tobytes()
    for how in ({"offset": used}, {"state": state(counter=used)}, {"state": state(counter=used - 7), "offset": 7}):
        assert drawn(kernel, n, dtype, *args, **how).tobytes() == whole[n:].tobytes()


def test_blocks():
    assert [random_blocks(n, np.float32) for n in (0, 1, 4, 5)] == [0, 1, 1, 2]
    assert [random_blocks(n, np.float64) for n in (0, 1, 2, 3)] == [0, 1, 1, 2]
    assert random_blocks(3, np.int64) == 2


def test_dropout_draws_one_word_an_element_of_any_dtype():
    masks = []
    for dtype in (np.float32, np.float64):
        out, mask = np.empty(1001, dtype), np.empty(1001, np.uint8)
        K.dropout(out, mask, np.ones(1001, dtype), state(), 5, 0.25)
        assert np.array_equal(out, mask * dtype(1 / 0.75))
        masks.append(mask)
    assert np.array_equal(*masks)


def test_seeds_and_counters_matter():
    draws = [bits(4, state(seed, counter)).tobytes() for seed in (0, 1, 2**32) for counter in (0, 1, 2**32)]
    assert len(set(draws)) == len(draws)


def test_a_replay_reads_the_state_anew():
    if K.name != "compiled":
        pytest.skip("launches are recorded by the compiled kernels alone")
    at, x = state(), np.ones(1000, np.float32)
    outs = [np.empty(1000, np.float32) for _ in range(3)]
    launches = launch.LaunchList([])
    for out, kernel in zip(outs, ("random_uniform", "random_normal", "dropout")):
        rest = (np.empty(1000, np.uint8), x) if kernel == "dropout" else ()
        launches.record(getattr(K, kernel), (out, *rest, at, 2, *((0.5,) if rest else ())), {})
    recorded = [out.copy() for out in outs]
    at[:] = 7, 2**40
    assert launches.replay(()) == -1
    assert all((a != b).any() for a, b in zip(outs, recorded))
    assert outs[0].tobytes() == drawn("random_uniform", 1000, np.float32, state=at, offset=2).tobytes()


# ---- the distributions ----------------------------------------------------------------------------------------------

def standard_error(p):
    return np.sqrt(p * (1 - p) / N)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform(dtype):
    u = drawn("random_uniform", N, dtype, -1.0, 3.0)
    assert u.min() >= -1
    assert u.max() < 3
    counts = np.histogram(u.astype(np.float64), 64, (-1, 3))[0]
    assert ((counts - N / 64)**2 / (N / 64)).sum() < 63 + 5 * np.sqrt(2 * 63)       # chi-square, five deviations


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal(dtype):
    z = drawn("random_normal", N, dtype).astype(np.float64)
    for power, expected, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((z**power).mean() - expected) < 5 * np.sqrt(variance / N)
    pairs = z.reshape(-1, 2)
    assert abs((pairs[:, 0] * pairs[:, 1]).mean()) < 5 / np.sqrt(N / 2)
    angle = np.arctan2(pairs[:, 1], pairs[:, 0])
    counts = np.histogram(angle, 64, (-np.pi, np.pi))[0]
    expected = N / 2 / 64
    assert ((counts - expected)**2 / expected).sum() < 63 + 5 * np.sqrt(2 * 63)
    assert np.isfinite(z).all()


def test_integers():
    counts = np.bincount(drawn("random_integers", N, np.int64, -3, 40) + 3, minlength=43)
    assert len(counts) == 43
    assert np.abs(counts / N - 1 / 43).max() < 5 * standard_error(1 / 43)


@pytest.mark.parametrize("p", [0.01, 0.5, 0.9])
def test_bernoulli_and_dropout(p):
    assert abs(drawn_bernoulli(p).mean() - p) < 5 * standard_error(p)
    out, mask = np.empty(N, np.float32), np.empty(N, np.uint8)
    K.dropout(out, mask, np.ones(N, np.float32), state(), 0, p)
    assert abs(mask.mean() - (1 - p)) < 5 * standard_error(p)
    assert abs(out.mean(dtype=np.float64) - 1) < 5 * standard_error(p) / (1 - p)


def drawn_bernoulli(p):
    out = np.empty(N, np.float32)
    K.random_bernoulli(out, np.full(N, p, np.float32), state(), 0)
    return out


def test_randperm_of_equal_draws(monkeypatch):
    """Equal draws keep their order, since the sort is stable."""
    draws = np.arange(1000, dtype=np.uint64) % 7
    monkeypatch.setattr(random_extra, "pairs", lambda state, offset, n: draws[:n])
    assert (drawn("randperm", 1000, np.int64) == np.argsort(draws, kind="stable")).all()


def test_randperm():
    p = drawn("randperm", 5000, np.int64)
    assert np.array_equal(np.sort(p), np.arange(5000))
    assert abs(np.corrcoef(p, np.arange(5000))[0, 1]) < 0.1


# ---- bad arguments --------------------------------------------------------------------------------------------------

def test_only_real_dtypes():
    for kernel in ("random_uniform", "random_normal"):
        with pytest.raises(TypeError, match="float32 or float64"):
            drawn(kernel, 3, np.int64)


def test_the_state_is_checked():
    if K.name == "compiled":
        for bad in (np.zeros(2), np.zeros(3, np.uint64), np.zeros(2, np.int64)):
            with pytest.raises(TypeError, match="two uint64"):
                drawn("random_uniform", 3, np.float32, state=bad)


@pytest.mark.parametrize("dtype, real", [(fastnet.complex64, fastnet.float32), (fastnet.complex128, fastnet.float64)])
def test_complex_numbers(dtype, real):
    fastnet.manual_seed(3)
    u, z = fastnet.rand(2, 5000, dtype=dtype), fastnet.randn(10000, dtype=dtype)
    assert u.dtype == z.dtype == fastnet.randn_like(z).dtype == dtype and u.shape == (2, 5000)
    assert all(p.min() >= 0 and p.max() < 1 and abs(p.mean() - 0.5) < 0.02 for p in (u.real, u.imag))
    assert all(abs(p.mean()) < 0.04 and abs((p * p).mean() - 0.5) < 0.04 for p in (z.real, z.imag))
    fastnet.manual_seed(3)
    assert fastnet.equal(fastnet.view_as_real(u), fastnet.rand(2, 5000, 2, dtype=real))
    with pytest.raises(RuntimeError, match="rand: expected a floating-point or complex dtype, got int64"):
        fastnet.rand(2, dtype=fastnet.int64)


def test_complex_numbers_are_drawn_again_in_each_replay():
    draw = fastnet.compile(lambda x: x * fastnet.randn(3, dtype=fastnet.complex64))
    x = fastnet.ones(3)
    eager = [fastnet.manual_seed(1) and x * fastnet.randn(3, dtype=fastnet.complex64)]
    eager += [x * fastnet.randn(3, dtype=fastnet.complex64) for _ in range(2)]
    fastnet.manual_seed(1)
    assert all(fastnet.equal(draw(x), y) for y in eager)
