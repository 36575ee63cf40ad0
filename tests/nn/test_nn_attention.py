"""Multi-head attention and Transformer layers, compared with PyTorch over their options."""
import itertools

import numpy as np
import pytest

import fastnet
from fastnet import nn

BATCH, QUERIES, KEYS, WIDTH, HEADS = 3, 5, 7, 8, 2
GRID = list(itertools.product(
    [{}, {"bias": False}, {"add_bias_kv": True}, {"add_zero_attn": True}, {"kdim": 6, "vdim": 10},
     {"kdim": 6, "add_bias_kv": True, "add_zero_attn": True}], [False, True], [False, True], [None, "bool", "float"],
    [None, "bool", "float", "heads"]))
pytestmark = pytest.mark.filterwarnings("ignore")          # PyTorch's, of masks of different dtypes


def pair(make, dtype="float64"):
    """The same layer of fastnet and of PyTorch, with PyTorch's weights."""
    torch = pytest.importorskip("torch")
    ours, theirs = make(nn, getattr(fastnet, dtype)), make(torch.nn, getattr(torch, dtype))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({name: fastnet.tensor(x.numpy()) for name, x in theirs.state_dict().items()})
    return ours, theirs


def check_equal(found, expected, dtype):
    """Compare arrays: float32 to 1e-4 of the largest value of each."""
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            tolerance = (1e-9, 1e-9) if dtype == "float64" else (0, 1e-4 * np.abs(b).max(initial=0))
            np.testing.assert_allclose(a, b, *tolerance)


def masks(rng, padding, mask, dtype):
    def noise(*shape):
        return rng.standard_normal(shape).astype(dtype)
    pads = {None: None, "bool": rng.random((BATCH, KEYS)) < 0.3, "float": noise(BATCH, KEYS)}[padding]
    if padding == "bool":
        pads[:, 0] = False
    shape = (QUERIES, KEYS) if mask != "heads" else (BATCH * HEADS, QUERIES, KEYS)
    scores = None if mask is None else noise(*shape)
    if mask == "bool":
        scores = scores > 1
        scores[:, 0] = False
    return pads, scores


def results(f, layer, inputs, **options):
    """The output, the weights and all gradients, as arrays."""
    inputs = [f.tensor(x, requires_grad=True) for x in inputs]
    out, weights = layer(*inputs, **{k: f.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()})
    (out * out).sum().backward()
    grads = [x.grad for x in [*inputs, *layer.parameters()]]
    return [None if x is None else x.detach().numpy() for x in (out, weights, *grads)]


@pytest.mark.parametrize("options, batch_first, weights, padding, mask, dtype",
                         [*((*case, "float64") for case in GRID), *((*case, "float32") for case in GRID[::5])])
def test_multihead_attention(options, batch_first, weights, padding, mask, dtype):
    rng = np.random.default_rng(0)
    ours, theirs = pair(lambda n, dtype: n.MultiheadAttention(WIDTH, HEADS, batch_first=batch_first, dtype=dtype,
                                                              **options), dtype)
    inputs = [rng.standard_normal((BATCH, t, w)).astype(dtype) for t, w in (
        (QUERIES, WIDTH), (KEYS, options.get("kdim", WIDTH)), (KEYS, options.get("vdim", WIDTH)))]
    inputs = inputs if batch_first else [x.transpose(1, 0, 2) for x in inputs]
    pads, scores = masks(rng, padding, mask, dtype)
    call = {"key_padding_mask": pads, "attn_mask": scores, "need_weights": weights,
            "average_attn_weights": padding is None}
    expected = results(pytest.importorskip("torch"), theirs, inputs, **call)
    check_equal(results(fastnet, ours, inputs, **call), expected, dtype)


@pytest.mark.parametrize("weights", [False, True])
def test_self_attention_without_a_batch(weights):
    ours, theirs = pair(lambda n, dtype: n.MultiheadAttention(WIDTH, HEADS, dtype=dtype))
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((QUERIES, WIDTH))
    mask = np.triu(np.ones((QUERIES, QUERIES), bool), 1)

    def run(f, layer):
        y = f.tensor(x)
        found = layer(y, y, y, attn_mask=f.tensor(mask), is_causal=True, need_weights=weights)
        return [z.detach().numpy() for z in found if z is not None]
    for a, b in zip(run(fastnet, ours), run(torch, theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


def test_a_query_that_attends_to_nothing_has_no_weights():
    layer = nn.MultiheadAttention(WIDTH, HEADS, bias=False)
    x = fastnet.ones(QUERIES, WIDTH)
    mask = fastnet.zeros(QUERIES, QUERIES, dtype=fastnet.bool)
    mask[1] = True
    out, weights = layer(x, x, x, attn_mask=mask)
    assert not out[1].any() and not weights[1].any() and weights[0].any()
    assert fastnet.allclose(out, layer(x, x, x, attn_mask=mask, need_weights=False)[0], atol=1e-6)


@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize("dtype", ["int64", "float64"])
@pytest.mark.parametrize("argument", ["attn_mask", "key_padding_mask"])
def test_masks_are_bool_or_have_the_dtype_of_the_query(argument, dtype, weights):
    layer, x = nn.MultiheadAttention(WIDTH, HEADS), fastnet.ones(QUERIES, WIDTH)
    mask = fastnet.zeros(*(QUERIES, QUERIES)[argument == "key_padding_mask":], dtype=dtype)
    with pytest.raises(RuntimeError, match=f"expected {argument} of dtype bool, .* or float32, .* got {dtype}"):
        layer(x, x, x, need_weights=weights, **{argument: mask})


LAYOUTS = list(itertools.product((False, True), (False, True), ("relu", "gelu"), (True, False)))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("norm_first, batch_first, activation, bias", LAYOUTS, ids=map(str, range(len(LAYOUTS))))
def test_transformer(norm_first, batch_first, activation, bias, dtype):
    torch, rng = pytest.importorskip("torch"), np.random.default_rng(0)
    ours, theirs = pair(lambda n, dtype: n.Transformer(
        WIDTH, HEADS, 2, 2, 16, 0.0, activation, batch_first=batch_first, norm_first=norm_first, bias=bias,
        dtype=dtype), dtype)
    src, tgt = (rng.standard_normal((BATCH, length, WIDTH)).astype(dtype) for length in (KEYS, QUERIES))
    src, tgt = (x if batch_first else x.transpose(1, 0, 2) for x in (src, tgt))
    padding = np.zeros((BATCH, KEYS), bool)
    padding[1, 4:] = True
    slope = rng.standard_normal(tgt.shape).astype(dtype)        # without it, the norm at the end has no gradient

    def run(f, model):
        pads = f.tensor(padding)
        mask = model.generate_square_subsequent_mask(QUERIES, dtype=getattr(f, dtype))
        out = model(f.tensor(src), f.tensor(tgt), tgt_mask=mask, tgt_is_causal=True, src_key_padding_mask=pads,
                    memory_key_padding_mask=pads)
        (out * out * f.tensor(slope)).sum().backward()
        return [out.detach().numpy(), *(p.grad.numpy() for p in model.parameters())]
    check_equal(run(fastnet, ours), run(torch, theirs), dtype)


def test_recorded_training_has_the_bits_of_eager_training():
    def losses(compiled):
        fastnet.manual_seed(0)
        model = nn.TransformerEncoder(nn.TransformerEncoderLayer(WIDTH, HEADS, 16, 0.2, batch_first=True), 2)
        optimizer = fastnet.optim.AdamW(model.parameters())

        def step(x):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss
        run = fastnet.compile(step) if compiled else step
        return [run(fastnet.randn(BATCH, QUERIES, WIDTH)).item() for _ in range(4)]
    assert losses(True) == losses(False)


@pytest.mark.parametrize("make, error, message", [
    (lambda: nn.MultiheadAttention(8, 3), ValueError, "multiple of num_heads"),
    (lambda: nn.MultiheadAttention(8, 2)(*[fastnet.zeros(3, 4, 6)] * 3), RuntimeError, r"got shapes \(3, 4, 6\)"),
    (lambda: nn.MultiheadAttention(8, 2)(*[fastnet.zeros(3, 4, 8)] * 3, attn_mask=fastnet.zeros(3, 4)), RuntimeError,
     r"attn_mask of shape \(3, 3\)"),
    (lambda: nn.MultiheadAttention(8, 2)(*[fastnet.zeros(3, 4, 8)] * 3, fastnet.zeros(3, 4)), RuntimeError,
     r"key_padding_mask of shape \(4, 3\)"),
    (lambda: nn.MultiheadAttention(8, 2)(*[fastnet.zeros(3, 4, 8)] * 3, is_causal=True), RuntimeError, "got None"),
    (lambda: nn.TransformerEncoderLayer(8, 2, activation="tanhh"), ValueError, "activation"),
    (lambda: nn.Transformer(8, 2, 1, 1)(fastnet.zeros(3, 2, 8), fastnet.zeros(3, 1, 8)), RuntimeError, "one batch"),
])
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()
