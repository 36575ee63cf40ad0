"""Adapters written here and read by Hugging Face's peft, and the other way."""
import json
import warnings

import numpy as np
import pytest
from state_dict_names import peft_package

import fastnet
from fastnet import lora

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    peft = peft_package()

pytestmark = pytest.mark.filterwarnings("ignore")      # those of peft and its packages


def network(library):
    """Layers of all kinds, in the namespace of fastnet or of PyTorch."""
    n = library.nn

    class Network(n.Module):
        def __init__(self):
            super().__init__()
            self.words = n.Embedding(10, 8)
            self.attention = n.MultiheadAttention(8, 2, batch_first=True)
            self.conv = n.Conv2d(1, 3, 3, padding=1)
            self.line = n.Conv1d(8, 8, 3, padding=1)
            self.linear = n.Linear(24, 6)
            self.head = n.Linear(6, 2)

        def forward(self, ids):
            x = self.words(ids)
            x = x + self.attention(x, x, x, need_weights=False)[0]
            x = self.line(x.transpose(1, 2)).transpose(1, 2)
            x = self.conv(x[:, None]).transpose(1, 2).flatten(2)
            return self.head(self.linear(x).tanh())
    return Network()


IDS = np.random.default_rng(0).integers(0, 10, (3, 5))
CASES = {
    "plain": (["linear", "words", "conv", "line", "attention"], {}),
    "rslora": (["linear"], {"rslora": True}),
    "dora": (["linear", "words", "conv", "line"], {"dora": True}),
    "dropout": (["linear"], {"dropout": 0.5}),
    "expression": ("li.*|conv", {}),
    "head": (["linear"], {"modules_to_save": ["head"]}),
}


def pair():
    """The same network in both libraries."""
    fastnet.manual_seed(0)
    ours, theirs = network(fastnet), network(torch)
    theirs.load_state_dict({key: torch.tensor(x.numpy()) for key, x in ours.state_dict().items()})
    return ours.eval(), theirs.eval()


def ours_of(model):
    with fastnet.no_grad():
        return model(fastnet.tensor(IDS)).numpy()


def theirs_of(model):
    with torch.no_grad():
        return model(torch.tensor(IDS)).numpy()


@pytest.mark.parametrize("name", CASES)
def test_peft_reads_ours(tmp_path, name):
    targets, settings = CASES[name]
    ours, theirs = pair()
    before = ours_of(ours)
    np.testing.assert_allclose(theirs_of(theirs), before, atol=1e-5)
    lora.apply(ours, r=2, alpha=5, target_modules=targets, seed=0, **settings)
    rng = np.random.default_rng(1)
    with fastnet.no_grad():
        for p in ours.parameters():
            if p.requires_grad:
                p.add_(fastnet.tensor(0.2 * rng.standard_normal(p.shape).astype(np.float32)))
    ours.eval()
    lora.save_adapter(ours, tmp_path)
    assert peft.PeftConfig.from_pretrained(str(tmp_path)).r == 2
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*missing adapter keys.*")
        adapted = peft.PeftModel.from_pretrained(theirs, str(tmp_path)).eval()
    assert np.abs(ours_of(ours) - before).max() > 1e-2
    np.testing.assert_allclose(theirs_of(adapted), ours_of(ours), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_ours_reads_peft(tmp_path, name):
    targets, settings = CASES[name]
    ours, theirs = pair()
    before = ours_of(ours)
    config = peft.LoraConfig(r=2, lora_alpha=5, target_modules=targets, lora_dropout=settings.get("dropout", 0.0),
                             use_rslora=settings.get("rslora", False), use_dora=settings.get("dora", False),
                             modules_to_save=settings.get("modules_to_save"))
    adapted = peft.get_peft_model(theirs, config).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for p in adapted.parameters():
            if p.requires_grad:
                p.add_(0.2 * torch.randn(p.shape))
    adapted.save_pretrained(str(tmp_path))
    lora.load_adapter(ours, tmp_path)
    assert np.abs(ours_of(ours) - before).max() > 1e-2
    np.testing.assert_allclose(ours_of(ours), theirs_of(adapted), rtol=1e-5, atol=1e-5)
    lora.save_adapter(ours, tmp_path / "again")
    one, two = (fastnet.load_file(folder / "adapter_model.safetensors") for folder in (tmp_path, tmp_path / "again"))
    assert one.keys() == two.keys()
    for key, tensor in one.items():
        np.testing.assert_array_equal(tensor.numpy(), two[key].numpy())
    document = json.loads((tmp_path / "again" / "adapter_config.json").read_text())
    assert document["lora_alpha"] == 5 and document["peft_type"] == "LORA"


def test_gradients_equal_those_of_peft(tmp_path):
    targets, _ = CASES["dora"]
    for dora in (False, True):
        ours, theirs = pair()
        lora.apply(ours, r=2, target_modules=targets, dora=dora, seed=0)
        with fastnet.no_grad():
            for p in ours.parameters():
                p.add_(0.1)
        lora.save_adapter(ours, tmp_path)
        with torch.no_grad():
            for key, p in theirs.named_parameters():
                p.copy_(torch.tensor(ours.get_parameter(key).detach().numpy()))
        adapted = peft.PeftModel.from_pretrained(theirs, str(tmp_path), is_trainable=True).eval()
        (adapted(torch.tensor(IDS)) ** 2).sum().backward()
        (ours(fastnet.tensor(IDS)) ** 2).sum().backward()
        lora.set_adapter(ours, "default")
        found = 0
        for key, p in adapted.named_parameters():
            if p.grad is None:
                continue
            path, _, part = key.removeprefix("base_model.model.").partition(".lora_")
            part = "lora_" + part.replace("embedding_", "").partition(".")[0]
            mine = getattr(ours.get_submodule(path).adapters["default"], part).grad.numpy()
            np.testing.assert_allclose(mine, p.grad.numpy().reshape(mine.shape), rtol=1e-4, atol=1e-4)
            found += 1
        assert found == len(targets) * (3 if dora else 2)


# ---- GPT-2, whose weights are (inputs, outputs) ---------------------------------------------------------------------

def gpt_pair():
    """The same small GPT-2 here and in transformers."""
    transformers = pytest.importorskip("transformers")
    fastnet.manual_seed(0)
    ours = fastnet.models.GPT(10, 8, 8, 2, 2, dropout=0.0)
    theirs = transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=10, n_positions=8, n_embd=8, n_layer=2, n_head=2, attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0))
    theirs.load_state_dict({key: torch.tensor(x.numpy()) for key, x in ours.state_dict().items()}, strict=False)
    return ours.eval(), theirs.eval()


def assert_the_same_logits(ours, theirs, before):
    logits = ours_of(ours)
    with torch.no_grad():
        np.testing.assert_allclose(logits, theirs(torch.tensor(IDS)).logits.numpy(), rtol=1e-5, atol=1e-5)
    assert np.abs(logits - before).max() > 1e-2


def disturb(model, normal):
    """Other values for the parameters of adapters."""
    for p in model.parameters():
        if p.requires_grad:
            p.add_(normal(p.shape))


@pytest.mark.parametrize("dora", [False, True])
def test_peft_reads_ours_for_gpt(tmp_path, dora):
    ours, theirs = gpt_pair()
    before = ours_of(ours)
    lora.apply(ours, r=2, target_modules=["c_attn", "c_fc"], dora=dora, seed=0)
    with fastnet.no_grad():
        disturb(ours, lambda shape: fastnet.randn(*shape) * 0.5)
    lora.save_adapter(ours, tmp_path)
    assert json.loads((tmp_path / "adapter_config.json").read_text())["fan_in_fan_out"] is True
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*missing adapter keys.*")
        adapted = peft.PeftModel.from_pretrained(theirs, str(tmp_path)).eval()
    assert_the_same_logits(ours, adapted, before)


@pytest.mark.parametrize("dora", [False, True])
def test_ours_reads_peft_for_gpt(tmp_path, dora):
    ours, theirs = gpt_pair()
    before = ours_of(ours)
    adapted = peft.get_peft_model(theirs, peft.LoraConfig(r=2, target_modules=["c_attn", "c_proj"], use_dora=dora,
                                                          fan_in_fan_out=True, lora_dropout=0.0))
    torch.manual_seed(0)
    with torch.no_grad():
        disturb(adapted, lambda shape: 0.5 * torch.randn(shape))
    adapted.save_pretrained(str(tmp_path))
    lora.load_adapter(ours, tmp_path)
    assert_the_same_logits(ours, adapted.eval(), before)
    lora.merge(ours)
    assert_the_same_logits(ours, adapted, before)


def test_a_gpt_with_adapters_writes_the_same_text_step_by_step():
    ours, _ = gpt_pair()
    ours.generate([[1]], 3, seed=0)
    lora.apply(ours, r=2, seed=0)
    with fastnet.no_grad():
        disturb(ours, lambda shape: fastnet.randn(*shape))
    texts = [ours.generate([[1, 2]], 6, seed=0, use_cache=use).tolist() for use in (True, False)]
    assert texts[0] == texts[1]
