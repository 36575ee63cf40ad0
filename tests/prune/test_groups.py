"""Which channels are tied, and which cannot be pruned."""
import pytest

import fastnet
from fastnet import nn, prune


def described(model, *shape):
    return [(group.layers, group.size, group.reason) for group in prune.channel_groups(model, fastnet.ones(*shape))]


class Model(nn.Module):
    """Layers and a function of them."""

    def __init__(self, function, **layers):
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.function = function

    def forward(self, x):
        return self.function(self, x)


def of_first(found):
    """(size, reason) of the group of the layer "a"."""
    return next((size, reason) for layers, size, reason in found if "a" in layers)


def test_a_residual_addition_ties_the_layers_of_a_stage():
    found = described(fastnet.models.ResNet("basic", (2, 1), num_classes=5, small_images=True), 2, 3, 8, 8)
    assert found == [
        (("conv1", "layer1.0.conv2", "layer1.1.conv2"), 64, ""), (("layer1.0.conv1",), 64, ""),
        (("layer1.1.conv1",), 64, ""), (("layer2.0.downsample.0", "layer2.0.conv2"), 128, ""),
        (("layer2.0.conv1",), 128, ""), (("fc",), 5, "the model returns them")]


def test_groups_and_depthwise_convolutions():
    a, b, c = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 6, 1, groups=2)
    model = Model(lambda m, x: m.d(m.c(m.b(m.a(x)))), a=a, b=b, c=c, d=nn.Conv2d(6, 2, 1))
    assert of_first(described(model, 1, 3, 4, 4)) == (2, "")            # two sets: the groups of c


def test_concatenation_keeps_channels_apart_and_flattening_repeats_them():
    model = Model(lambda m, x: m.c(fastnet.cat([m.a(x), m.b(x).relu()], 1).flatten(1)), a=nn.Conv2d(1, 4, 3),
                  b=nn.Conv2d(1, 3, 3), c=nn.Linear(7 * 4, 2))
    assert described(model, 1, 1, 4, 4) == [(("a",), 4, ""), (("b",), 3, ""), (("c",), 2, "the model returns them")]


@pytest.mark.parametrize("function, reason", [
    (lambda m, x: m.b(m.a(x).reshape(1, 2, 2, 16).sum(1).reshape(1, 2, 4, 4)), "divides them among several dimensions"),
    (lambda m, x: m.b(m.a(x)[:, :2]), "index_view takes a part of them"),
    (lambda m, x: m.b(m.a(x).softmax(1)[:, 1:3]), "softmax combines them"),
    (lambda m, x: m.b(m.a(x).chunk(2, 1)[0]), "takes a part of them"),
    (lambda m, x: m.a(x).mean(1), "mean combines them"),
    (lambda m, x: m.a(x) + x.mean(1, keepdim=True).expand(1, 4, 4, 4) * 2, "values whose channels are fixed"),
    (lambda m, x: nn.functional.pad(m.a(x), (0, 0, 0, 0, 1, 1)), "adds a fixed number of channels"),
    (lambda m, x: nn.functional.group_norm(m.a(x), 2), "group_norm needs all of them"),
    (lambda m, x: nn.functional.batch_norm(m.a(x), None, None, training=True), "no parameters"),
    (lambda m, x: m.a(x).sort(1)[0], "needs all of them"),
], ids=lambda x: x if isinstance(x, str) else "")
def test_channels_that_cannot_be_pruned_have_a_reason(function, reason):
    model = Model(function, a=nn.Conv2d(3, 4, 1), b=nn.Conv2d(2, 2, 1))
    found = described(model, 1, 3, 4, 4)
    size, why = of_first(found)
    assert size == 4 and reason in why


def test_heads_of_attention_are_named():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    reasons = {layers: reason for layers, _, reason in described(layer, 1, 4, 8)}
    assert reasons.pop(("linear1",)) == "" and all(reasons.values())
    assert "view in 'self_attn' divides them" in reasons[("self_attn",)]
    assert "attention heads" in reasons[("self_attn",)]


def test_an_operation_of_elements_ties_parameters_of_channels():
    model = nn.Sequential(nn.Conv2d(1, 4, 1), nn.PReLU(4), nn.Conv2d(4, 2, 1))
    assert described(model, 1, 1, 3, 3)[0] == (("0",), 4, "")


def test_auxiliary_classifiers_are_traced_in_training_mode():
    class WithAuxiliary(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.aux = nn.Conv2d(1, 4, 1), nn.Conv2d(4, 2, 1), nn.Conv2d(4, 2, 1)

        def forward(self, x):
            x = self.a(x)
            return (self.b(x), self.aux(x)) if self.training else self.b(x)
    model = prune.ln_channels(WithAuxiliary().eval(), fastnet.ones(1, 1, 3, 3), 0.5)
    small, _ = prune.compact(model, fastnet.ones(1, 1, 3, 3))
    assert small.aux.in_channels == 2 and small.train()(fastnet.ones(1, 1, 3, 3))[1].shape == (1, 2, 3, 3)


def test_wrong_arguments_say_what_is_expected():
    with pytest.raises(TypeError, match="expected a Module"):
        prune.channel_groups(lambda x: x, fastnet.ones(1))
    with pytest.raises(TypeError, match="expected example to be a tensor"):
        prune.channel_groups(nn.Linear(1, 1), "x")


def test_a_weight_that_is_computed_fixes_what_it_reads():
    model = Model(lambda m, x: nn.functional.conv2d(m.a(x), m.b.weight * 2), a=nn.Conv2d(3, 4, 1), b=nn.Conv2d(4, 2, 1))
    assert described(model, 1, 3, 4, 4) == [(("a",), 4, "the weight of conv is computed, for example by weight_norm")]
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.utils.weight_norm(nn.Conv2d(4, 2, 1)))
    reason = "the weight of conv in '1' is computed, for example by weight_norm"
    assert described(model, 1, 3, 4, 4) == [(("0",), 4, reason), (("1",), 2, reason)]


@pytest.mark.parametrize("layer, reason", [
    (lambda: nn.utils.weight_norm(nn.Conv2d(3, 8, 3)), "the weight of conv in '0' is computed"),
    (lambda: nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 8, 3)), "the weight of conv in '0' is computed"),
    (lambda: nn.ConvTranspose2d(3, 9, 3, groups=3), "conv_transposed in '0' has groups")],
    ids=["weight_norm", "spectral_norm", "groups"])
def test_each_layer_that_cannot_be_pruned_is_named(layer, reason):
    x = fastnet.ones(1, 3, 6, 6)
    model = nn.Sequential(made := layer(), nn.ReLU(), nn.Conv2d(made.out_channels, 2, 3)).eval()
    for layers in (None, ["0"]):
        with pytest.raises(ValueError, match=f"'0': {reason}"):
            prune.ln_channels(model, x, 0.5, layers=layers)
    small, report = prune.compact(model, x, speed=False)
    assert [(row.name, row.before, row.after) for row in report.layers] == [("0", made.out_channels, made.out_channels),
                                                                            ("2", 2, 2)]
    assert reason in report.layers[0].reason and fastnet.equal(small(x), model(x))
