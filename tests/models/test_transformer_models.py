"""GPT, BERT, ViT and the Transformer from sequence to sequence; positions, the cache and the choice of tokens."""
import numpy as np
import pytest
from torch_tools import to_torch
from torchvision_tools import torchvision_models

import fastnet
from fastnet import models
from fastnet.nn import functional as F

RNG = np.random.default_rng(0)


def small_gpt(**options):
    fastnet.manual_seed(0)
    return models.GPT(65, 32, 32, 2, 4, 0.0, **options)


def tokens(*shape, most=65):
    return fastnet.tensor(RNG.integers(0, most, shape))


# ---- GPT ------------------------------------------------------------------------------------------------------------

def gpt2_in_torch(torch, state, ids, heads):
    """The logits of GPT-2 as its paper and Hugging Face's transformers define them."""
    f = torch.nn.functional
    w = {name.removeprefix("transformer."): x for name, x in to_torch(state).items()}
    width = w["wte.weight"].shape[1]
    x = w["wte.weight"][ids] + w["wpe.weight"][: ids.shape[1]]

    def norm(x, name):
        return f.layer_norm(x, (width,), w[f"{name}.weight"], w[f"{name}.bias"])

    def project(x, name):
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]
    for i in range(2):
        q, k, v = (z.reshape(*ids.shape, heads, -1).transpose(1, 2)
                   for z in project(norm(x, f"h.{i}.ln_1"), f"h.{i}.attn.c_attn").split(width, 2))
        y = f.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(x.shape)
        x = x + project(y, f"h.{i}.attn.c_proj")
        y = f.gelu(project(norm(x, f"h.{i}.ln_2"), f"h.{i}.mlp.c_fc"), approximate="tanh")
        x = x + project(y, f"h.{i}.mlp.c_proj")
    return norm(x, "ln_f") @ w["wte.weight"].T


def test_gpt_computes_what_gpt2_does():
    torch = pytest.importorskip("torch")
    model, ids = small_gpt(), tokens(2, 20)
    expected = gpt2_in_torch(torch, model.state_dict(), torch.from_numpy(ids.numpy()), 4)
    np.testing.assert_allclose(model(ids).detach().numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)


def test_gpt_loads_the_names_of_gpt2():
    model, other = small_gpt(), models.GPT(65, 32, 32, 2, 4, 0.0)
    state = {name.removeprefix("transformer."): x for name, x in model.state_dict().items()}
    state |= {"h.0.attn.bias": fastnet.ones(1, 1, 32, 32), "h.0.attn.masked_bias": fastnet.ones(())}
    other.load_state_dict(state)
    ids = tokens(1, 5)
    assert fastnet.equal(model(ids), other(ids))


@pytest.mark.parametrize("options", [{"temperature": 0}, {}, {"top_k": 5}, {"top_p": 0.7, "temperature": 0.8}], ids=str)
def test_generation_with_and_without_the_cache(options):
    """Also beyond the positions of the model, where the cache starts again."""
    model, ids = small_gpt(), tokens(3, 4)
    found = [model.generate(ids, 70, seed=3, use_cache=use, **options).tolist() for use in (True, False)]
    assert found[0] == found[1] and np.shape(found[0]) == (3, 74)
    assert model.generate(ids, 10, seed=3, **options).tolist() == [row[:14] for row in found[0]]


def test_generation_stops_and_restores_the_mode():
    model = small_gpt().train()
    ids = tokens(2, 4)
    first = model.generate(ids, 1, temperature=0)[:, -1]
    out = model.generate(ids, 5, temperature=0, stop=int(first[0]))
    assert model.training and (out[0, 4:] == int(first[0])).all()


def test_gpt_errors():
    model = small_gpt()
    with pytest.raises(ValueError, match=r"at most 32 positions, got shape \(1, 33\)"):
        model(tokens(1, 33))
    with pytest.raises(IndexError):
        model(fastnet.tensor([[65]]))
    with pytest.raises(ValueError, match="multiple of n_head"):
        models.GPT(65, 32, 30, 2, 4)
    with pytest.raises(ValueError, match="at least one position"):
        model.generate(fastnet.zeros(1, 0, dtype=fastnet.int64), 1)
    with pytest.raises(ValueError, match="max_new_tokens to be at least 0, got -1"):
        model.generate([[5]], -1)
    with pytest.raises(TypeError, match=r"top_k to be a whole number, got 2\.5"):
        model.generate([[5]], 1, top_k=2.5)


def test_recorded_training_has_the_bits_of_eager_training():
    def losses(compiled):
        model = small_gpt()
        optimizer = fastnet.optim.AdamW(model.parameters())

        def step(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
            loss.backward()
            optimizer.step()
            return loss
        run = fastnet.compile(step) if compiled else step
        rng = np.random.default_rng(1)
        return [run(*(fastnet.tensor(rng.integers(0, 65, (2, 16))) for _ in range(2))).item() for _ in range(4)]
    assert losses(True) == losses(False)


def test_choice_of_tokens():
    logits = fastnet.tensor(np.log([[0.5, 0.3, 0.15, 0.05]]).repeat(2000, 0))
    fastnet.manual_seed(0)

    def shares(**options):
        return np.bincount(models.next_tokens(logits, **options).numpy(), minlength=4) / 2000
    np.testing.assert_allclose(shares(), [0.5, 0.3, 0.15, 0.05], atol=0.04)
    np.testing.assert_allclose(shares(top_k=2), [0.625, 0.375, 0, 0], atol=0.04)
    np.testing.assert_allclose(shares(top_p=0.6), [0.625, 0.375, 0, 0], atol=0.04)
    assert shares(temperature=0).tolist() == [1, 0, 0, 0]
    for wrong in ({"temperature": -1}, {"top_k": 0}, {"top_p": 0}):
        with pytest.raises(ValueError, match=f"expected .*{next(iter(wrong))}"):
            models.next_tokens(logits, **wrong)


def test_a_full_cache():
    cache = models.KeyValueCache(1, 2, 3, 4)
    with pytest.raises(ValueError, match="at most 3 positions, got 4"):
        cache.append(fastnet.ones(1, 2, 4, 4), fastnet.ones(1, 2, 4, 4))


# ---- BERT -----------------------------------------------------------------------------------------------------------

def bert_in_torch(torch, state, ids, mask, heads):
    """The last hidden states of BERT as Hugging Face's transformers define them."""
    f, w = torch.nn.functional, to_torch(state)

    def linear(x, name):
        return f.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

    def norm(x, name):
        return f.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], 1e-12)
    x = (w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: ids.shape[1]]
         + w["embeddings.token_type_embeddings.weight"][0])
    x = norm(x, "embeddings.LayerNorm")
    for i in range(2):
        layer = f"encoder.layer.{i}"
        q, k, v = (linear(x, f"{layer}.attention.self.{n}").reshape(*ids.shape, heads, -1).transpose(1, 2)
                   for n in ("query", "key", "value"))
        y = f.scaled_dot_product_attention(q, k, v, mask[:, None, None]).transpose(1, 2).reshape(x.shape)
        x = norm(linear(y, f"{layer}.attention.output.dense") + x, f"{layer}.attention.output.LayerNorm")
        y = linear(f.gelu(linear(x, f"{layer}.intermediate.dense")), f"{layer}.output.dense")
        x = norm(y + x, f"{layer}.output.LayerNorm")
    return x


def test_bert_and_sentence_embeddings():
    torch = pytest.importorskip("torch")
    model, ids = models.BERT(50, 32, 2, 4, 64, 16).eval(), tokens(3, 9, most=50)
    mask = np.ones((3, 9), bool)
    mask[1, 5:] = False
    mine = model(ids, fastnet.tensor(mask))
    expected = bert_in_torch(torch, model.state_dict(), torch.from_numpy(ids.numpy()), torch.tensor(mask), 4)
    np.testing.assert_allclose(mine.detach().numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)
    vectors = model.sentence_embeddings(ids, fastnet.tensor(mask).long()).detach().numpy()
    means = np.stack([h[m].mean(0) for h, m in zip(expected.numpy(), mask, strict=True)])
    np.testing.assert_allclose(vectors, means / np.linalg.norm(means, axis=1, keepdims=True), atol=1e-5)


def test_masked_language_model():
    fastnet.manual_seed(0)
    model, ids = models.BERTForMaskedLM(50, 32, 1, 4, 64, 64), tokens(20, 60, most=50)
    special = ids < 5
    hidden, labels = model.masked(ids, special, 4, 50)
    chosen = labels.numpy() != -100
    assert abs(chosen[~special.numpy()].mean() - 0.15) < 0.03 and not chosen[special.numpy()].any()
    assert abs((hidden.numpy() == 4)[chosen].mean() - 0.8) < 0.1
    assert (hidden.numpy() == ids.numpy())[~chosen].all() and (labels.numpy() == ids.numpy())[chosen].all()
    F.cross_entropy(model(hidden).flatten(0, 1), labels.flatten()).backward()
    assert all(p.grad is not None for name, p in model.named_parameters() if "pooler" not in name)


def test_bert_loads_the_names_of_larger_models():
    model = models.BERT(50, 32, 1, 4, 64, 16).eval()
    state = {f"bert.{name}": x for name, x in model.state_dict().items()}
    state["bert.embeddings.position_ids"] = fastnet.arange(16)
    other = models.BERT(50, 32, 1, 4, 64, 16).eval()
    other.load_state_dict({**state, "classifier.weight": fastnet.zeros(2)})
    ids = tokens(1, 5, most=50)
    assert fastnet.equal(model(ids), other(ids)) and fastnet.equal(model.pooled(model(ids)), other.pooled(other(ids)))
    with pytest.raises(ValueError, match=r"attention_mask of shape \(1, 5\), got \(1, 4\)"):
        model(ids, fastnet.ones(1, 4))


# ---- ViT ------------------------------------------------------------------------------------------------------------

def test_vit():
    fastnet.manual_seed(0)
    model = models.ViT(16, 4, 2, 2, 16, 32, num_classes=3)
    model.heads[0].weight.data.normal_()
    out = model(fastnet.randn(2, 3, 16, 16))
    out.sum().backward()
    assert out.shape == (2, 3) and all(p.grad is not None for p in model.parameters())
    with pytest.raises(ValueError, match=r"\(N, 3, 16, 16\), got shape \(2, 3, 20, 20\)"):
        model(fastnet.zeros(2, 3, 20, 20))


def test_vit_against_torchvision():
    pytest.importorskip("torch")
    vision = torchvision_models()
    theirs = vision.VisionTransformer(16, 4, 2, 2, 16, 32, num_classes=3)
    ours = models.ViT(16, 4, 2, 2, 16, 32, num_classes=3)
    assert list(ours.state_dict()) == list(theirs.state_dict())


# ---- sequence to sequence -------------------------------------------------------------------------------------------

def reversing():
    """A model that has learned to reverse a source, and a batch of sources."""
    fastnet.manual_seed(0)
    rng = np.random.default_rng(0)
    model = models.Seq2SeqTransformer(12, 12, 32, 4, 1, 1, 64, 0.0, shared=True)
    optimizer = fastnet.optim.AdamW(model.parameters(), lr=3e-3)

    @fastnet.compile
    def step(source, before, after):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(source, before).flatten(0, 1), after.flatten())
        loss.backward()
        optimizer.step()
        return loss
    for _ in range(250):
        source = rng.integers(3, 12, (32, 5))
        target = np.concatenate([np.ones((32, 1), int), source[:, ::-1], np.full((32, 1), 2)], 1)
        step(*(fastnet.tensor(x.copy()) for x in (source, target[:, :-1], target[:, 1:])))
    return model, rng.integers(3, 12, (4, 5))


def test_translation():
    model, source = reversing()
    expected = source[:, ::-1].tolist()
    padded = np.concatenate([source, np.zeros((4, 3), int)], 1)
    for beams in (1, 3):
        found = model.translate(fastnet.tensor(source), 1, 2, beams=beams, max_length=9)
        assert sum(a == b for a, b in zip(found, expected, strict=True)) >= 3
        assert model.translate(fastnet.tensor(padded), 1, 2, beams=beams, max_length=9) == found


def test_translation_errors():
    model = models.Seq2SeqTransformer(12, 13, 16, 2, 1, 1, 32, max_length=8)
    with pytest.raises(ValueError, match="at most 8 tokens, got 9"):
        model(fastnet.ones(1, 9, dtype=fastnet.int64), fastnet.ones(1, 2, dtype=fastnet.int64))
    source = fastnet.ones(1, 3, dtype=fastnet.int64)
    assert model.translate(source[:0], 1, 2) == []
    for wrong, message in (({"beams": 0}, "beams to be at least 1, got 0"),
                           ({"max_length": 0}, "max_length to be at least 1, got 0"),
                           ({"length_penalty": float("nan")}, "finite length_penalty, got nan"),
                           ({"source": source[0]}, r"source \(B, S\) .* got shape \(3,\)"),
                           ({"source": source[:, :0]}, r"at least one position, got shape \(1, 0\)")):
        with pytest.raises(ValueError, match=message):
            model.translate(**{"source": source, "begin": 1, "end": 2, **wrong})
    with pytest.raises(TypeError, match="source to be a tensor, got list"):
        model.translate([[1, 2]], 1, 2)
    with pytest.raises(ValueError, match="one size"):
        models.Seq2SeqTransformer(12, 13, shared=True)


# ---- positions ------------------------------------------------------------------------------------------------------

def test_rotary_positions_keep_lengths_and_depend_on_distances():
    cos, sin = models.rotary_positions(10, 8)
    q, k = fastnet.randn(8).expand(10, 8), fastnet.randn(8).expand(10, 8)
    q, k = models.apply_rotary(q, cos, sin).numpy(), models.apply_rotary(k, cos, sin).numpy()
    np.testing.assert_allclose(np.linalg.norm(q, axis=1), np.linalg.norm(q[0]), rtol=1e-5)
    scores = q @ k.T
    np.testing.assert_allclose(scores[3:, 3:], scores[:-3, :-3], atol=1e-4)
    later = models.rotary_positions(4, 8, start=6)
    assert fastnet.equal(later[0], cos[6:]) and fastnet.equal(later[1], sin[6:])
    with pytest.raises(ValueError, match="even width"):
        models.rotary_positions(4, 7)


def test_alibi():
    mask = models.alibi_mask(4, 3).numpy()
    assert mask[0].tolist() == [[0, -np.inf, -np.inf], [-0.25, 0, -np.inf], [-0.5, -0.25, 0]]
    np.testing.assert_allclose(mask[:, 1, 0], [-1 / 4, -1 / 16, -1 / 64, -1 / 256])
    assert models.alibi_mask(6, 1, 5).shape == (6, 1, 5) and (models.alibi_mask(6, 1, 5)[:, 0, -1] == 0).all()


def test_sinusoidal_positions():
    table = models.sinusoidal_positions(7, 5).numpy()
    np.testing.assert_allclose(table[:, 3], np.cos(np.arange(7) / 10000 ** (2 / 5)), rtol=1e-5)
