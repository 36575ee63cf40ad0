"""Compacted models compute what the masked ones do, with fewer channels."""
import tracemalloc

import numpy as np
import pytest

import fastnet
from fastnet import nn, prune


def numbers(*shape):
    return fastnet.tensor(np.random.default_rng(sum(shape)).standard_normal(shape).astype("float32"))


def zeroed(layer, channels, bias=True):
    """Prune output channels of a layer."""
    mask = fastnet.ones_like(layer.weight)
    mask[channels] = 0
    prune.custom_from_mask(layer, "weight", mask)
    if bias and layer.bias is not None:
        mask = fastnet.ones_like(layer.bias)
        mask[channels] = 0
        prune.custom_from_mask(layer, "bias", mask)


def assert_same(model, small, x):
    with fastnet.no_grad():
        np.testing.assert_allclose(small.eval()(x).numpy(), model.eval()(x).numpy(), rtol=1e-5, atol=1e-5)


def compacted(model, x):
    small, report = prune.compact(model, x, speed=False)
    assert_same(model, small, x)
    return small, report


def test_rows_columns_and_settings_shrink():
    model = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.Flatten(), nn.Linear(64, 3))
    zeroed(model[0], [0, 3])
    zeroed(model[2], [1])
    small, report = compacted(model, numbers(1, 2, 6, 6))
    assert (small[0].out_channels, small[2].in_channels, small[2].out_channels, small[4].in_features) == (4, 4, 3, 48)
    assert [(x.name, x.before, x.after, x.reason) for x in report.layers] == [
        ("0", 6, 4, ""), ("2", 4, 3, ""), ("4", 3, 3, "the model returns them")]
    assert report.before["parameters"] == sum(p.numel() for p in model.parameters())
    assert report.after["parameters"] == sum(p.numel() for p in small.parameters())
    assert report.after["bytes"] == 4 * report.after["parameters"]
    assert (report.before["multiply_adds"], report.after["multiply_adds"]) == (
        36 * 6 * 18 + 16 * 4 * 54 + 192, 36 * 4 * 18 + 16 * 3 * 36 + 144)
    assert type(model[0].weight_orig) is nn.Parameter and model[0].out_channels == 6       # unchanged


def test_a_compacted_model_trains_and_is_saved(tmp_path):
    x = numbers(8, 3, 8, 8)
    model = prune.ln_channels(fastnet.models.resnet8(), x, 0.5)
    small, _ = compacted(model, x)
    small.save(tmp_path / "small.safetensors")
    again = fastnet.load(tmp_path / "small.safetensors")
    np.testing.assert_array_equal(again(x).detach().numpy(), small.eval()(x).detach().numpy())
    trainer = fastnet.Trainer(small, "adamw", loss="cross_entropy")
    history = trainer.fit(x.numpy(), np.arange(8), epochs=3, batch_size=8, progress=False)
    assert history[-1]["loss"] < history[0]["loss"]


def test_what_reads_a_constant_channel_has_a_bias_for_it():
    model = nn.Sequential(nn.Conv2d(2, 5, 3), nn.Sigmoid(), nn.Conv2d(5, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                          nn.Linear(4, 2))
    zeroed(model[0], [1, 4])                            # sigmoid makes 0.5 of them
    zeroed(model[2], [0], bias=False)                   # the bias stays
    small, report = compacted(model, numbers(2, 2, 7, 7))
    assert (small[0].out_channels, small[2].out_channels) == (3, 3)
    assert not any(x.reason for x in report.layers[:2])


def test_a_constant_channel_stays_where_zeros_pad_it():
    model = nn.Sequential(nn.Conv2d(2, 5, 3), nn.Sigmoid(), nn.Conv2d(5, 4, 3, padding=1), nn.Flatten())
    zeroed(model[0], [1, 4])
    small, report = compacted(model, numbers(2, 2, 7, 7))
    assert small[0].out_channels == 5
    assert report.layers[0].reason == ("conv in '2' reads a channel that is always 0.5, not 0, and pads it with 0 or "
                                       "has no bias")
    model = nn.Sequential(nn.Linear(2, 5), nn.Sigmoid(), nn.Linear(5, 4, bias=False))
    zeroed(model[0], [1])
    assert "has no bias" in compacted(model, numbers(3, 2))[1].layers[0].reason


def test_batch_norm_after_a_pruned_filter():
    model = nn.Sequential(nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1))
    with fastnet.no_grad():
        model[1].bias.copy_(fastnet.tensor([-1.0, 1.0, 0.0, 0.0]))
        model[1].running_mean.copy_(fastnet.tensor([0.0, 0.0, 0.5, -0.5]))
    zeroed(model[0], [0, 1, 2, 3])                      # the batch norm makes -1, 1, -0.5 and 0.5 of them
    small, report = compacted(model, numbers(2, 2, 7, 7))
    assert small[1].num_features == 2 and small[1].bias.tolist() == [1.0, 0.0]
    assert "always 1, not 0" in report.layers[0].reason


def test_channels_that_nothing_reads_are_removed():
    model = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2))
    mask = fastnet.ones_like(model[4].weight)
    mask[:, 1:3] = 0                                    # nothing reads outputs 1 and 2 of the layer before
    prune.custom_from_mask(model[4], "weight", mask)
    only = fastnet.ones_like(model[2].weight)
    only[:, 5] = fastnet.tensor([0.0, 1.0, 1.0, 0.0])   # which alone read the input 5
    prune.custom_from_mask(model[2], "weight", only)
    small, _ = compacted(model, numbers(5, 3))
    assert [layer.out_features for layer in small if hasattr(layer, "out_features")] == [5, 2, 2]


def test_a_layer_keeps_one_channel():
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1))
    zeroed(model[0], slice(None))
    small, report = compacted(model, numbers(1, 2, 6, 6))
    assert small[0].out_channels == 1 and report.layers[0].reason == "a layer keeps at least one channel"


@pytest.mark.parametrize("channels, after", [([0, 1], (4, 2)), ([0], (6, 3)), ([2, 3, 5], (4, 2))])
def test_convolutions_with_groups_lose_whole_groups(channels, after):
    model = nn.Sequential(nn.Conv2d(2, 6, 1), nn.ReLU(), nn.Conv2d(6, 3, 3, groups=3, padding=1), nn.ReLU(),
                          nn.Conv2d(3, 2, 1))
    zeroed(model[0], channels)
    zeroed(model[2], sorted({c // 2 for c in channels if {c ^ 1, c} <= set(channels)}))
    small, report = compacted(model, numbers(1, 2, 5, 5))
    assert (small[0].out_channels, small[2].groups) == after
    if after == (6, 3):
        assert report.layers[0].reason


def test_transposed_convolutions_and_resized_images():
    model = nn.Sequential(nn.ConvTranspose2d(2, 6, 3, stride=2), nn.BatchNorm2d(6), nn.PReLU(6),
                          nn.Upsample(scale_factor=2), nn.ConvTranspose2d(6, 4, 2), nn.AvgPool2d(2, padding=1),
                          nn.Conv2d(4, 2, 1))
    x = numbers(1, 2, 4, 4)
    small, _ = compacted(prune.ln_channels(model, x, 0.5), x)
    assert small[0].weight.shape == (2, 3, 3, 3) and small[4].weight.shape == (3, 2, 2, 2)
    assert (small[2].num_parameters, small[4].in_channels, small[6].in_channels) == (3, 3, 2)


def test_a_layer_called_twice():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Conv2d(2, 4, 1), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 2, 1)

        def forward(self, x):
            return self.c(self.b(self.b(self.a(x)).relu()))
    x = numbers(1, 2, 5, 5)
    small, _ = compacted(prune.ln_channels(Twice(), x, 0.5), x)
    assert small.b.weight.shape[:2] == (2, 2) and small.a.out_channels == 2


def test_a_layer_that_reads_the_input_and_its_own_outputs():
    layer, x = nn.Linear(4, 4), fastnet.ones(2, 4)
    model = nn.Sequential(layer, nn.ReLU(), layer, nn.ReLU(), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    assert [group.reason for group in prune.channel_groups(model, x)] == [
        "linear in '0' also reads an input whose channels are fixed", "", "the model returns them"]
    small, _ = prune.compact(prune.ln_channels(model, x, 0.5), x, speed=False)
    assert small[0].out_features == 4 and small[4].out_features == 3 and fastnet.allclose(small(x), model(x))


def test_wide_layers_are_pruned_without_further_copies_of_their_weights():
    model, x = nn.Sequential(nn.Linear(1000, 1000), nn.ReLU(), nn.Linear(1000, 1000), nn.ReLU(), nn.Linear(1000, 5)), (
        numbers(1, 1000))                               # 8 MB of weights
    model[0].weight.requires_grad_(False)
    for step in (lambda: prune.ln_channels(model, x, 0.5), lambda: prune.compact(model, x, speed=False)):
        tracemalloc.start()
        made = step()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20e6
    assert {name for name, p in made[0].named_parameters() if not p.requires_grad} == {"0.weight"}


def tied_pair():
    """A network with a weight that two convolutions share."""
    a, b = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
    b.weight = a.weight
    return nn.Sequential(nn.Conv2d(3, 8, 3), a, nn.ReLU(), b, nn.ReLU(), nn.Conv2d(8, 2, 1)).eval()


def test_a_weight_that_layers_share_is_pruned_in_all_of_them():
    model, x = tied_pair(), numbers(1, 3, 8, 8)
    prune.ln_channels(model, x, 0.5)
    assert fastnet.equal(model[1].weight, model[3].weight) and model[1].weight_orig is model[3].weight_orig
    small, _ = compacted(model, x)
    assert small[3].weight.shape == (4, 4, 3, 3) and small[3].weight is small[1].weight


def test_a_weight_with_a_mask_in_one_of_two_layers_becomes_two():
    model, x = tied_pair(), numbers(1, 3, 8, 8)
    zeroed(model[1], [0, 3])
    small, _ = compacted(model, x)
    assert (small[1].out_channels, small[3].out_channels) == (6, 8) and model[1].weight_orig is model[3].weight
    zeroed(model[3], [1])                               # another mask
    small, _ = compacted(model, x)
    assert (small[1].out_channels, small[3].out_channels) == (6, 7)


@pytest.mark.parametrize("twice", [True, False])
def test_a_bias_that_is_read_twice_absorbs_no_constant(twice):
    """An input channel of the first reader is 1.5, and that of the second one 0."""
    first, second, x = nn.Linear(4, 4), nn.Linear(4, 4), numbers(5, 4)
    second.bias = first.bias
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), first, nn.ReLU(), first if twice else second, nn.Linear(4, 2))
    with fastnet.no_grad():
        model[0].weight[0], model[0].bias[0] = 0.0, 1.5
        first.weight[0], first.bias[0] = 0.0, -1.0
    compacted(model, x)


def test_a_compact_gpt_is_saved_and_continues_texts(tmp_path):
    model, ids = fastnet.models.GPT(20, 8, 8, 2, 2).eval(), fastnet.tensor([[1, 2, 3]])
    prune.ln_channels(model, ids, 0.5, layers=["transformer.h.0.mlp.c_fc"])
    small, report = compacted(model, ids)
    assert [(row.name, row.after) for row in report.layers if row.after < row.before] == [
        ("transformer.h.0.mlp.c_fc", 16)]
    small.save(tmp_path / "small.safetensors")
    again = fastnet.load(tmp_path / "small.safetensors")
    assert fastnet.equal(again.generate(ids, 4, seed=0), small.generate(ids, 4, seed=0))


def test_a_fixed_number_of_channels_in_forward_is_an_error():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 4, 1), nn.Linear(36, 2)

        def forward(self, x):
            return self.b(self.a(x).view(-1, 36))
    model = Fixed()
    zeroed(model.a, [0])
    with pytest.raises(RuntimeError, match=r"forward\(\) of Fixed fails with fewer channels"):
        prune.compact(model, fastnet.ones(1, 1, 3, 3))


def test_the_report_is_a_table():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    _, report = prune.compact(prune.ln_channels(model, numbers(1, 4), 0.5), numbers(1, 4))
    lines = str(report).splitlines()
    assert lines[1].split() == ["parameters", "58", "30", "1.9"]
    assert lines[3].split() == ["multiply-adds", "48", "24", "2.0"]
    assert lines[4].startswith("milliseconds") and report.speedup > 0
    assert lines[-2:] == ["    0  Linear       8      4", "    2  Linear       2      2  the model returns them"]
    assert report.to_dict()["layers"][0]["after"] == 4


# ---- ln_channels ----------------------------------------------------------------------------------------------------

def test_the_least_filters_are_pruned_together_with_their_norms():
    model = nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    with fastnet.no_grad():
        model[0].weight.copy_(fastnet.tensor([3.0, -1.0, 2.0, 0.5]).reshape(4, 1, 1, 1))
    prune.ln_channels(model, fastnet.ones(1, 1, 3, 3), 0.5)
    for x in (model[0].weight_mask, model[0].bias_mask, model[1].weight_mask, model[1].bias_mask):
        assert x.reshape(-1).tolist() == [1, 0, 1, 0]
    assert not prune.is_pruned(model[2])
    prune.ln_channels(model, fastnet.ones(1, 1, 3, 3), 0.75)            # with those pruned before
    assert model[0].weight_mask.reshape(-1).tolist() == [1, 0, 0, 0] and model[0].bias_mask.tolist() == [1, 0, 0, 0]


def test_global_scope_prunes_where_filters_differ_most():
    model = nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))
    with fastnet.no_grad():
        model[0].weight.copy_(fastnet.tensor([[10.0], [9.0], [10.0], [11.0]]))
        model[2].weight.copy_(fastnet.tensor([[1.0] * 4, [0.01] * 4, [0.02] * 4, [0.03] * 4]))
    prune.ln_channels(model, fastnet.ones(1, 1), 3 / 8, scope="global")
    assert not prune.is_pruned(model[0]) and model[2].bias_mask.tolist() == [1, 0, 0, 0]
    with pytest.raises(ValueError, match="unknown scope of ln_channels 'all'"):
        prune.ln_channels(model, fastnet.ones(1, 1), 0.5, scope="all")


def test_chosen_layers_alone_are_pruned_and_others_refused():
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))
    prune.ln_channels(model, fastnet.ones(1, 2), 0.5, layers=["2"])
    assert not prune.is_pruned(model[0]) and prune.is_pruned(model[2])
    with pytest.raises(ValueError, match="'4': the model returns them"):
        prune.ln_channels(model, fastnet.ones(1, 2), 0.5, layers=["4"])
    for path, given in (("3", "'3', a ReLU"), ("5", "'5'"), (0, "0")):
        with pytest.raises(ValueError, match=f"paths of convolutions and linear layers, got {given}; .*'2'"):
            prune.ln_channels(model, fastnet.ones(1, 2), 0.5, layers=[path])
    prune.ln_channels(model, fastnet.ones(1, 2), 0.5, layers="0")
    assert prune.is_pruned(model[0])
    with pytest.raises(ValueError, match="no channels of the model can be pruned; '': the model returns them"):
        prune.ln_channels(nn.Linear(2, 2), fastnet.ones(1, 2), 0.5)
    with pytest.raises(ValueError, match=r"no convolution or linear layer; adapters of .* are merged first"):
        prune.ln_channels(fastnet.lora.apply(nn.Sequential(nn.Linear(2, 2))), fastnet.ones(1, 2), 0.5)
    with pytest.raises(ValueError, match="fraction from 0 to 1, got 2"):
        prune.ln_channels(model, fastnet.ones(1, 2), 2)
    with pytest.raises(ValueError, match="a norm with n above 0, got 0"):
        prune.ln_channels(model, fastnet.ones(1, 2), 0.5, n=0)


def test_outputs_that_are_nan_are_refused():
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    with pytest.raises(ValueError, match="a model and an example with finite outputs, got NaN"):
        prune.compact(model, fastnet.full((1, 2), float("nan")), speed=False)


def test_layers_that_cannot_be_pruned_are_named_with_the_reason():
    encoder = nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True))
    x, heads = fastnet.zeros(1, 4, 8), "divides them among several dimensions, such as attention heads"
    with pytest.raises(ValueError, match=f"cannot be pruned: '0.self_attn': view in '0.self_attn' {heads}"):
        prune.ln_channels(encoder, x, 0.5, layers=["0.self_attn"])
    shuffle, x = fastnet.models.shufflenet_v2_x1_0(num_classes=3).eval(), fastnet.zeros(1, 3, 64, 64)
    with pytest.raises(ValueError, match=r"'stage2.1.branch2.5': view in 'stage2.1' divides them"):
        prune.ln_channels(shuffle, x, 0.5, layers=["stage2.1.branch2.5"])
    assert not prune.is_pruned(shuffle) and not prune.is_pruned(encoder)
    bert, ids = fastnet.models.BERT(11, 8, 1, 2, 16), fastnet.zeros(1, 4, dtype=fastnet.int64)
    with pytest.raises(ValueError, match=r"attention.self.query': view in 'encoder.layer.0.attention.self' divides"):
        prune.ln_channels(bert, ids, 0.5, layers=["encoder.layer.0.attention.self.query"])


@pytest.mark.parametrize("n", [1, 2, float("inf")])
def test_norms(n):
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    with fastnet.no_grad():
        model[0].weight.copy_(fastnet.tensor([[3.0, 3.0], [5.0, 0.0]]))
    prune.ln_channels(model, fastnet.ones(1, 2), 0.5, n)
    assert model[0].bias_mask.tolist() == ([1, 0] if n == 1 else [0, 1] if n > 2 else [0, 1] if 18 < 25 else [1, 0])
