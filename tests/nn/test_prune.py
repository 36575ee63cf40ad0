"""Pruning by masks, beside PyTorch's `torch.nn.utils.prune`."""
import copy
import pickle

import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.nn.utils import prune


def weights(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype("float32")


def layer_pair(torch):
    """A convolution of fastnet and one of PyTorch, with the same weights."""
    ours, theirs = nn.Conv2d(3, 6, 3), torch.nn.Conv2d(3, 6, 3)
    values = {"weight": weights(6, 3, 3, 3), "bias": weights(6)}
    ours.load_state_dict(values)
    theirs.load_state_dict({name: torch.tensor(x) for name, x in values.items()})
    return ours, theirs


STEPS = {
    "identity": lambda p, m: p.identity(m, "weight"),
    "l1_unstructured": lambda p, m: p.l1_unstructured(m, "weight", 0.3),
    "l1_unstructured_count": lambda p, m: p.l1_unstructured(m, "bias", amount=2),
    "ln_structured": lambda p, m: p.ln_structured(m, "weight", amount=0.5, n=2, dim=0),
    "ln_structured_l1_last": lambda p, m: p.ln_structured(m, "weight", amount=1, n=1, dim=-1),
    "twice": lambda p, m: p.l1_unstructured(p.ln_structured(m, "weight", 0.5, 2, 0), "weight", 0.5),
    "structured_after": lambda p, m: p.ln_structured(p.ln_structured(m, "weight", 2, 2, 0), "weight", 2, 2, 0),
    "other_dimension": lambda p, m: p.ln_structured(p.ln_structured(m, "weight", 2, 2, 0), "weight", 1, 2, 1),
}


@pytest.mark.parametrize("name", STEPS)
def test_state_values_and_gradients_are_torchs(name):
    torch = pytest.importorskip("torch")
    from torch.nn.utils import prune as torch_prune
    ours, theirs = layer_pair(torch)
    STEPS[name](prune, ours)
    STEPS[name](torch_prune, theirs)
    state, expected = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(expected)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    for key, x in state.items():
        np.testing.assert_array_equal(x.numpy(), expected[key].numpy(), err_msg=key)
    x = weights(2, 3, 6, 6)
    y, z = ours(fastnet.tensor(x)), theirs(torch.tensor(x))
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-4, atol=1e-5)
    y.square().sum().backward()
    z.square().sum().backward()
    for (key, p), q in zip(ours.named_parameters(), theirs.parameters()):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-3, atol=1e-3, err_msg=key)
    for own, other, module in ((prune, torch_prune, "weight"),):
        if f"{module}_orig" in state:
            own.remove(ours, module)
            other.remove(theirs, module)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    np.testing.assert_array_equal(ours.weight.detach().numpy(), theirs.weight.detach().numpy())


def test_global_pruning_compares_all_parameters_as_torch_does():
    torch = pytest.importorskip("torch")
    from torch.nn.utils import prune as torch_prune
    (a, c), (b, d) = layer_pair(torch), layer_pair(torch)
    with fastnet.no_grad():
        b.weight.mul_(0.5)
    with torch.no_grad():
        d.weight.mul_(0.5)
    prune.l1_unstructured(a, "weight", 0.2)
    torch_prune.l1_unstructured(c, "weight", 0.2)
    prune.global_unstructured([(a, "weight"), (b, "weight")], pruning_method=prune.L1Unstructured, amount=0.4)
    torch_prune.global_unstructured([(c, "weight"), (d, "weight")], torch_prune.L1Unstructured, amount=0.4)
    for ours, theirs in ((a, c), (b, d)):
        np.testing.assert_array_equal(ours.weight_mask.numpy(), theirs.weight_mask.numpy())


def test_importance_scores_replace_the_weights():
    layer = nn.Linear(2, 2)
    scores = fastnet.tensor([[1.0, 4.0], [3.0, 2.0]])
    prune.l1_unstructured(layer, "weight", 2, importance_scores=scores)
    assert layer.weight_mask.tolist() == [[0, 1], [1, 0]]
    other = nn.Linear(2, 2)
    prune.global_unstructured([(other, "weight")], prune.L1Unstructured, {(other, "weight"): scores}, amount=1)
    assert other.weight_mask.tolist() == [[0, 1], [1, 1]]


def test_random_pruning_follows_the_seed():
    masks = []
    for _ in range(2):
        fastnet.manual_seed(3)
        a = prune.random_unstructured(nn.Linear(6, 5), "weight", 0.5)
        b = prune.random_structured(nn.Linear(6, 5), "weight", 2, dim=0)
        masks.append((a.weight_mask.tolist(), b.weight_mask.tolist()))
        assert a.weight_mask.sum().item() == 15 and b.weight_mask.sum().item() == 18
    assert masks[0] == masks[1]
    own = prune.random_unstructured(nn.Linear(6, 5), "weight", 0.5, generator=fastnet.Generator(1)).weight_mask
    again = prune.random_unstructured(nn.Linear(6, 5), "weight", 0.5, generator=fastnet.Generator(1)).weight_mask
    assert own.tolist() == again.tolist()


def test_a_method_of_ones_own_needs_a_type_and_a_mask():
    class EveryOther(prune.BasePruningMethod):
        PRUNING_TYPE = "unstructured"

        def __init__(self, first):                      # without super().__init__(), as PyTorch allows
            self.first = first

        def compute_mask(self, t, default_mask):
            mask = default_mask.clone()
            mask.view(-1)[self.first::2] = 0
            return mask
    layer = nn.Linear(4, 1)
    method = EveryOther.apply(layer, "weight", 0)
    assert layer.weight_mask.tolist() == [[0, 1, 0, 1]] and method._tensor_name == "weight"
    container = EveryOther.apply(layer, "weight", first=0)      # of the two that are left
    assert layer.weight_mask.tolist() == [[0, 0, 0, 1]]
    [hook] = layer._forward_pre_hooks.values()         # as PyTorch's tutorial looks for it
    assert hook is container and hook._tensor_name == "weight"
    assert isinstance(container, prune.PruningContainer) and [type(m) for m in container] == [EveryOther] * 2
    assert prune.is_pruned(nn.Sequential(layer)) and not prune.is_pruned(nn.Linear(1, 1))


def test_a_pruned_weight_is_the_present_one_without_a_call():
    layer, other = prune.l1_unstructured(nn.Linear(4, 3), "weight", 0.5), nn.Linear(4, 3)
    prune.identity(other, "weight").load_state_dict(layer.state_dict())
    assert fastnet.equal(other.weight, layer.weight)
    with fastnet.no_grad():
        other.weight_orig.mul_(2)
    assert fastnet.equal(other.weight, 2 * layer.weight)
    layer.weight = fastnet.ones(3, 4)                   # as in PyTorch, the next call replaces it
    layer(fastnet.ones(1, 4))
    assert fastnet.equal(layer.weight, layer.weight_orig * layer.weight_mask)


def test_remove_leaves_the_module_as_before():
    layer = nn.Conv2d(2, 4, 3)
    weight = layer.weight
    prune.l1_unstructured(layer, "weight", 0.5)
    prune.remove(layer, "weight")
    assert layer.weight is weight and not prune.is_pruned(layer)
    assert set(layer.__dict__) == set(nn.Conv2d(2, 4, 3).__dict__)      # fused and saved as a new one
    with pytest.raises(ValueError, match="'weight' of Conv2d is not pruned"):
        prune.remove(layer, "weight")


def test_pruned_weights_stay_zero_in_a_compiled_training():
    layer = prune.l1_unstructured(nn.Linear(4, 3), "weight", 0.5)
    zero = layer.weight_mask.numpy() == 0
    trainer = fastnet.Trainer(layer, "adamw", lr=0.1, loss="mse")
    before = layer.weight_orig.detach().numpy().copy()
    trainer.fit(weights(32, 4), weights(32, 3), epochs=2, progress=False)
    assert fastnet.equal(layer.weight, layer.weight_orig * layer.weight_mask)
    assert (layer.weight.detach().numpy()[zero] == 0).all()
    assert (layer.weight_orig.detach().numpy() != before)[~zero].all()


def test_eager_calls_leave_the_recordings_of_a_model_with_computed_weights_valid():
    model = nn.Sequential(prune.l1_unstructured(nn.Linear(4, 3), "weight", 0.5), nn.utils.weight_norm(nn.Linear(3, 2)))
    compiled, x = fastnet.compile(model), fastnet.ones(1, 4)
    for _ in range(3):
        assert fastnet.equal(compiled(x), model(x))
        with fastnet.no_grad():
            model[0].weight_mask[0] = 0
            model[1].weight_g.mul_(2)
    assert len(compiled) == 1


class Tied(nn.Module):
    """An output layer with the weight of the embedding, as in language models."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 4)

    def forward(self, i):
        return self.embedding(i) @ self.embedding.weight.t()


def test_a_computed_weight_that_another_layer_reads_is_the_present_one_in_recordings():
    model, i = Tied(), fastnet.tensor([1, 2, 3])
    prune.l1_unstructured(model.embedding, "weight", 0.5)

    def step():
        model.zero_grad()
        loss = model(i).square().sum()
        loss.backward()
        return loss.detach()
    compiled = fastnet.compile(step)
    for _ in range(3):
        loss, grad = compiled(), model.embedding.weight_orig.grad.clone()
        assert fastnet.equal(step(), loss) and fastnet.equal(model.embedding.weight_orig.grad, grad)
        with fastnet.no_grad():
            model.embedding.weight_orig.mul_(1.5)


def test_a_compiled_forward_which_calls_no_hooks_reads_the_weight_of_the_last_call():
    layer, x = nn.utils.weight_norm(nn.Linear(4, 3)), fastnet.ones(1, 4)
    compiled = fastnet.compile(layer.forward)
    for _ in range(3):
        with fastnet.no_grad():
            layer.weight_g.mul_(2)
            layer(x)
            assert fastnet.equal(compiled(x), layer.forward(x))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copy", "pickle"])
@pytest.mark.parametrize("called", [False, True])
def test_a_pruned_module_is_copied_with_its_masks(copied, called):
    layer, x = prune.l1_unstructured(nn.Linear(4, 3), "weight", 0.5), fastnet.ones(1, 4)
    if called:
        layer(x).sum().backward()
    made = copied(layer)
    made(x).sum().backward()
    assert (made(x) == layer(x)).all() and (made.weight_orig.grad == made.weight_mask).all()
    prune.remove(made, "weight")
    assert prune.is_pruned(layer) and (made.weight == layer.weight).all()


@pytest.mark.parametrize("normalized", [nn.utils.spectral_norm, nn.utils.weight_norm])
def test_a_module_with_a_normalized_weight_is_copied(normalized):
    layer, x = normalized(nn.Linear(4, 3)).eval(), fastnet.ones(1, 4)
    expected = layer(x)
    assert (copy.deepcopy(layer)(x) == expected).all()


def test_wrong_arguments_say_what_is_expected():
    layer = nn.Linear(4, 3)
    with pytest.raises(ValueError, match="Linear has no parameter 'weights'; it has weight, bias"):
        prune.l1_unstructured(layer, "weights", 0.5)
    with pytest.raises(ValueError, match=r"Sequential has no parameter '0\.weight'; it has none of its own: prune"):
        prune.l1_unstructured(nn.Sequential(layer), "0.weight", 0.5)
    with pytest.raises(TypeError, match="a mask that is a tensor, got ndarray"):
        prune.custom_from_mask(layer, "bias", np.ones(3))
    with pytest.raises(ValueError, match="fraction from 0 to 1, or a number of at least 0, got 1"):
        prune.l1_unstructured(layer, "weight", 1.5)
    with pytest.raises(ValueError, match="at most the number of elements, 12, got 13"):
        prune.l1_unstructured(layer, "weight", 13)
    with pytest.raises(TypeError, match="amount"):
        prune.l1_unstructured(layer, "weight", "half")
    with pytest.raises(ValueError, match="at least two dimensions"):
        prune.ln_structured(layer, "bias", 0.5, 2, 0)
    with pytest.raises(IndexError, match="dimension 2 is out of range"):
        prune.ln_structured(layer, "weight", 0.5, 2, 2)
    with pytest.raises(ValueError, match=r"mask of shape \(3, 4\), got \(3,\)"):
        prune.custom_from_mask(layer, "weight", fastnet.ones(3))
    with pytest.raises(ValueError, match=r"importance_scores of the shape \(3, 4\)"):
        prune.l1_unstructured(layer, "weight", 1, importance_scores=fastnet.ones(3))
    with pytest.raises(TypeError, match="PRUNING_TYPE 'unstructured'"):
        prune.global_unstructured([(layer, "weight")], prune.LnStructured, amount=1)
    with pytest.raises(ValueError, match="has no parameter 'x'"):
        prune.global_unstructured([(layer, "x")], prune.L1Unstructured, amount=1)
    with pytest.raises(NotImplementedError, match="compute_mask"):
        prune.BasePruningMethod.apply(layer, "weight")
    assert set(layer.__dict__) == set(nn.Linear(4, 3).__dict__)         # nothing was changed
