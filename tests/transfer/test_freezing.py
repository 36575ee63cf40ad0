"""Frozen parts: no gradients, no moments, batch norm and dropout in evaluation mode, and the same bits as before."""
import numpy as np
import pytest

import fastnet
from fastnet import models, nn
from fastnet.callbacks import ExponentialMovingAverage, GradualUnfreezing
from fastnet.transfer import freeze, parameter_groups, replace_head, unfreeze

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((12, 3, 8, 8), dtype=np.float32), np.arange(12) % 3
OPTIMIZERS = {"adamw": lambda p: fastnet.optim.AdamW(p, lr=0.1),
              "sgd": lambda p: fastnet.optim.SGD(p, 0.1, momentum=0.9)}


def net():
    fastnet.manual_seed(0)
    return models.ResNet("basic", (1, 1), num_classes=3, small_images=True)


INPUT, TARGET = fastnet.tensor(X), fastnet.tensor(Y)


def step(model, optimizer, x=INPUT, y=TARGET):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_frozen_parts_own_no_gradients_and_no_moments(optimizer, compiled):
    model = net()
    before = {name: x.clone() for name, x in model.state_dict().items()}
    frozen = freeze(model, ["conv1", "bn1", "layer1"])
    chosen = optimizer(model.parameters())
    run = fastnet.compile(step) if compiled else step
    for _ in range(3):
        run(model.train(), chosen)
    assert set(frozen) == {name for name, _ in model.named_parameters() if name.startswith(("conv1", "bn1", "layer1"))}
    for name, p in model.named_parameters():
        assert (p.grad is None) == (name in frozen) == (p not in chosen.state), name
    for name, x in model.state_dict().items():
        is_frozen = name.startswith(("conv1", "bn1", "layer1"))
        assert fastnet.equal(x, before[name]) == is_frozen, name


def test_freezing_drops_gradients():
    model = net()
    step(model, fastnet.optim.SGD(model.parameters(), 0.1))
    freeze(model, "layer[12]")
    assert model.layer1[0].conv1.weight.grad is None and model.fc.weight.grad is not None


def test_chunks_of_frozen_parameters_have_no_mirror():
    """Parameters of more than a megabyte, which lie alone, have no memory for gradients or moments."""
    model = nn.Sequential(nn.Linear(600, 600), nn.Linear(600, 2))
    freeze(model, "0")
    optimizer = fastnet.optim.AdamW(model.parameters())
    model(fastnet.ones(1, 600)).sum().backward()
    optimizer.step()
    large = model[0].weight
    assert large.nbytes > 1 << 20 and large._slot[0]._grad is None
    assert not any(chunk is large._slot[0] for chunk, _ in optimizer._mirrors)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_frozen_part_computes_the_same_in_training(compiled):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(),
                          nn.Linear(144, 3))
    model(fastnet.tensor(X))                # moves the running statistics
    expected = model.eval()(fastnet.tensor(X))
    freeze(model, ["0", "1", "3"])
    model.train()
    run = fastnet.compile(lambda x: model(x)) if compiled else model
    assert [layer.training for layer in model] == [False, False, True, False, True, True]
    assert fastnet.equal(run(fastnet.tensor(X)), expected)
    assert unfreeze(model) == [name for name, _ in model.named_parameters()]
    assert all(layer.training for layer in model) and not fastnet.equal(run(fastnet.tensor(X)), expected)


def test_bits_are_those_of_the_head_alone():
    """Training a model with a frozen body is training its head on the body's outputs."""
    model, other = net(), net()
    freeze(model)
    unfreeze(model, "fc")
    body = nn.Sequential(other.conv1, other.bn1, other.relu, other.layer1, other.layer2, other.avgpool, nn.Flatten())
    with fastnet.no_grad():
        inputs = body.eval()(fastnet.tensor(X))
    optimizer = fastnet.optim.AdamW(model.parameters(), lr=0.1)
    alone = fastnet.optim.AdamW(other.fc.parameters(), lr=0.1)
    for _ in range(3):
        step(model.train(), optimizer)
        alone.zero_grad()
        nn.functional.cross_entropy(other.fc(inputs), fastnet.tensor(Y)).backward()
        alone.step()
    assert fastnet.equal(model.fc.weight, other.fc.weight)


def test_patterns():
    model = net()
    assert freeze(model, "*.bias") == [name for name, _ in model.named_parameters() if name.endswith("bias")]
    assert model.bn1.train().training           # a parameter of it is frozen, not the module
    assert freeze(net()) == [name for name, _ in model.named_parameters()]
    for call in (lambda p: freeze(model, p), lambda p: unfreeze(model, ["fc", p])):
        with pytest.raises(ValueError, match=r"the pattern 'layr1' matches no module and no parameter of ResNet; did "
                                             r"you mean 'layer1'\? It has 'conv1', 'bn1', 'relu'"):
            call("layr1")
    with pytest.raises(TypeError, match="freeze: expected patterns that are strings, got 3"):
        freeze(model, ["fc", 3])
    for given in (3, None):
        with pytest.raises(TypeError, match=f"freeze: expected patterns that are strings, got {given}"):
            freeze(model, given)
    with pytest.raises(ValueError, match="expected at least one pattern, got none"):
        freeze(model, [])
    with pytest.raises(ValueError, match="got an empty one; '\\*' selects everything"):
        freeze(model, "")
    with pytest.raises(TypeError, match="freeze: expected a model that is a Module, got dict"):
        freeze({}, "fc")
    assert model.conv1.weight.requires_grad and not any(m._frozen for m in model.modules())


def test_a_training_of_frozen_parameters_alone_is_refused():
    model = net()
    freeze(model)
    trainer = fastnet.Trainer(model, loss="cross_entropy")
    with pytest.raises(ValueError, match="whose parameters are all frozen; unfreeze some of them"):
        trainer.fit(X, Y, epochs=1, progress=False)
    trainer.fit(X, Y, epochs=1, callbacks=GradualUnfreezing("fc", start=0), progress=False)


def test_files_and_copies(path):
    import copy
    model = net()
    freeze(model, "layer1")
    assert not copy.deepcopy(model).train().layer1.training
    model.save(path)
    loaded = fastnet.load(path)
    assert type(loaded) is models.ResNet and not loaded.layer1[0].conv1.weight.requires_grad
    assert loaded.fc.weight.requires_grad


# ---- learning rates by layer ----------------------------------------------------------------------------------------

def test_parameter_groups():
    model = net()
    groups = parameter_groups(model, {"fc": 1e-2, "layer?": 1e-3})
    names = {id(p): name for name, p in model.named_parameters()}
    assert [[names[id(p)].partition(".")[0] for p in group["params"]] for group in groups] == [
        ["fc"] * 2, ["layer1"] * 6 + ["layer2"] * 9, ["conv1", "bn1", "bn1"]]
    assert [group["lr"] for group in fastnet.optim.SGD(groups, lr=0.5).param_groups] == [1e-2, 1e-3, 0.5]
    with pytest.raises(ValueError, match="'layer1' matches only what an earlier one matches"):
        parameter_groups(model, {"layer?": 1e-3, "layer1": 1e-2})
    with pytest.raises(ValueError, match="parameter_groups: the pattern 'head' matches no module"):
        parameter_groups(model, {"head": 1e-3})
    with pytest.raises(ValueError, match="expected the learning rate of 'fc' to be 0 or more, got -1"):
        parameter_groups(model, {"fc": -1})
    with pytest.raises(TypeError, match="expected the learning rate of 'fc' to be a number"):
        parameter_groups(model, {"fc": "fast"})


# ---- gradual unfreezing ---------------------------------------------------------------------------------------------

def moved(model, before):
    return [name for name in ("conv1", "layer1", "layer2", "fc")
            if not all(fastnet.equal(x, before[key]) for key, x in model.state_dict().items() if key.startswith(name))]


@pytest.mark.parametrize("compiled", [False, True])
def test_gradual_unfreezing(compiled):
    model = net()
    freeze(model)
    unfreeze(model, "fc")
    trainer = fastnet.Trainer(model, loss="cross_entropy", lr=0.01, compile=compiled)
    seen, before = [], {name: x.clone() for name, x in model.state_dict().items()}

    class Watch(fastnet.callbacks.Callback):
        def on_validation_begin(self, trainer):
            seen.append((moved(model, before), model.layer2[0].bn1.training, model.layer1[0].bn1.training))
            before.update({name: x.clone() for name, x in model.state_dict().items()})
    trainer.fit(X, Y, epochs=4, batch_size=6, progress=False,
                callbacks=[GradualUnfreezing(["layer2", ["layer1", "conv1"]], start=1, every=2), Watch()])
    assert seen == [(["fc"], False, False), (["layer2", "fc"], True, False), (["layer2", "fc"], True, False),
                    (["conv1", "layer1", "layer2", "fc"], True, True)]
    assert not model.bn1.weight.requires_grad


def test_recorded_unfreezing_has_the_bits_of_eager_unfreezing(tmp_path):
    def weights(compiled, resumed=False):
        model = net()
        replace_head(model, 3)
        freeze(model)
        unfreeze(model, "fc")
        parts = [GradualUnfreezing(["layer2"])]
        for epochs in (1, 2) if resumed else (2,):
            trainer = fastnet.Trainer(model, loss="cross_entropy", compile=compiled)
            trainer.fit(X, Y, epochs=epochs, batch_size=6, progress=False, resume=tmp_path if resumed else None,
                        callbacks=[*parts, *([fastnet.callbacks.Checkpoint(tmp_path)] if resumed else [])])
        return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
    assert (weights(True) == weights(False)).all()
    assert (weights(True) == weights(True, resumed=True)).all()


def test_unfreezing_needs_the_parameters_in_the_optimizer():
    model = net()
    freeze(model, "layer1")
    trainer = fastnet.Trainer(model, fastnet.optim.SGD(model.fc.parameters(), 0.1), loss="cross_entropy")
    with pytest.raises(ValueError, match=r"the optimizer does not have the parameter 'layer1.0.conv1.weight'"):
        trainer.fit(X, Y, callbacks=GradualUnfreezing("layer1"), progress=False)
    with pytest.raises(ValueError, match="GradualUnfreezing: the pattern 'layer9' matches no module"):
        trainer.fit(X, Y, callbacks=GradualUnfreezing("layer9"), progress=False)
    with pytest.raises(ValueError, match="expected every to be at least 1, got 0"):
        GradualUnfreezing("layer1", every=0)
    for wrong, text in (([], "at least one pattern, got none"), ([[]], "at least one pattern, got none"),
                        (["fc", [""]], "got an empty one")):
        with pytest.raises(ValueError, match=f"GradualUnfreezing: expected .*{text}"):
            GradualUnfreezing(wrong)
    for wrong in (3, ["fc", 3], [["fc", 3]]):
        with pytest.raises(TypeError, match="GradualUnfreezing: expected patterns that are strings, got 3"):
            GradualUnfreezing(wrong)
    assert repr(GradualUnfreezing("layer1")) == "GradualUnfreezing(patterns=['layer1'])"


@pytest.mark.parametrize("compiled", [False, True])
def test_averages_of_frozen_weights_are_the_weights(compiled):
    model = net()
    freeze(model, "layer1")
    before = {name: x.clone() for name, x in model.state_dict().items()}
    trainer = fastnet.Trainer(model, loss="cross_entropy", compile=compiled)
    trainer.fit(X, Y, epochs=2, batch_size=6, callbacks=ExponentialMovingAverage(0.3), progress=False)
    for name, x in model.state_dict().items():
        assert fastnet.equal(x, before[name]) == name.startswith("layer1"), name
