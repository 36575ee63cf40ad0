"""Hooks of modules, beside PyTorch's."""
import copy

import numpy as np
import pytest

import fastnet


def same_in_both(program):
    torch = pytest.importorskip("torch")
    ours, theirs = program(fastnet), program(torch)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        if hasattr(a, "detach"):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-6)
        else:
            assert a == b


def model_of(f):
    model = f.nn.Sequential(f.nn.Linear(3, 4), f.nn.ReLU(), f.nn.Linear(4, 2))
    with f.no_grad():
        for k, p in enumerate(model.parameters()):
            p.copy_((f.arange(p.numel(), dtype=f.float32) + k).sin().reshape(p.shape))
    return model


def test_forward_hooks_with_keyword_arguments_and_in_order():
    def program(f):
        calls = []

        class Scale(f.nn.Module):
            def forward(self, x, factor=1.0):
                return x * factor
        module = Scale()
        module.register_forward_pre_hook(lambda m, args: calls.append("second"))
        module.register_forward_pre_hook(lambda m, args, kwargs: (args, {"factor": kwargs["factor"] * 2}), prepend=True,
                                         with_kwargs=True)
        module.register_forward_hook(lambda m, args, kwargs, out: out + kwargs["factor"], with_kwargs=True)
        with module.register_forward_hook(lambda m, args, out: calls.append("forward")):
            first = module(f.ones(2), factor=3.0)
        return first, module(f.ones(2), factor=3.0), calls
    same_in_both(program)


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")        # by PyTorch
def test_full_backward_hooks():
    def program(f):
        model, seen = model_of(f), []
        model[1].register_full_backward_hook(lambda m, gi, go: seen.extend([*gi, *go]))
        model[2].register_full_backward_pre_hook(lambda m, go: (go[0] * 10,))
        model[0].register_full_backward_hook(lambda m, gi, go: None if gi[0] is None else (gi[0] * 2,))
        x = f.ones(5, 3, requires_grad=True)
        (model(x) ** 2).sum().backward()
        found = [x.grad, *seen, *(p.grad for p in model.parameters())]
        seen.clear()
        model(f.ones(1, 3)).sum().backward()            # no input requires a gradient
        return *found, *seen
    same_in_both(program)


def test_hooks_of_tensors_in_both():
    def program(f):
        seen = []
        x = f.ones(3, requires_grad=True)
        y = x * 2
        y.retain_grad()
        y.register_hook(lambda g: g * 3)
        y.register_hook(seen.append)
        x.register_hook(seen.append)
        x.register_hook(lambda g: g + 1)
        x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
        (y * y + x).sum().backward()
        (f.grad if hasattr(f, "grad") else f.autograd.grad)((x * x).sum(), x)
        return x.grad, y.grad, *seen
    same_in_both(program)


def test_a_hook_that_changes_the_shape_is_refused():
    x = fastnet.ones(3, requires_grad=True)
    x.register_hook(lambda g: g[:1])
    with pytest.raises(RuntimeError, match="has changed the size of value"):
        x.sum().backward()
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        fastnet.ones(1).register_hook(print)
    with pytest.raises(RuntimeError, match="non-leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)
    y = fastnet.ones(3, requires_grad=True)
    y.register_post_accumulate_grad_hook(lambda p: p.grad)
    with pytest.raises(RuntimeError, match="must return None"):
        y.sum().backward()


def test_state_dict_hooks():
    def program(f):
        model, calls = model_of(f), []
        model.register_state_dict_post_hook(lambda m, state, prefix, _: calls.append((len(state), prefix)))
        model[2].register_state_dict_pre_hook(lambda m, prefix, keep: calls.append(prefix))
        state = model.state_dict()
        model.register_load_state_dict_pre_hook(
            lambda m, state, prefix, *_: state.update({prefix + "0.weight": state.pop("old")}))
        model.register_load_state_dict_post_hook(lambda m, keys: keys.unexpected_keys.clear())
        state["old"] = state.pop("0.weight") * 2
        model.load_state_dict(state)
        return model[0].weight, *calls
    same_in_both(program)


@pytest.mark.parametrize("where", ["leaf", "module"])
def test_a_compiled_step_runs_hooks_that_are_added_and_removed(where):
    def run(compiled):
        model = model_of(fastnet)
        optimizer = fastnet.optim.SGD(model.parameters(), lr=0.1)

        def step(x):
            optimizer.zero_grad()
            loss = (model(x) ** 2).sum()
            loss.backward()
            optimizer.step()
            return loss
        step = fastnet.compile(step) if compiled else step
        x = fastnet.ones(2, 3)
        losses = [step(x).item() for _ in range(3)]
        if where == "leaf":
            handle = model[0].weight.register_hook(lambda g: g * 0.5)
        else:
            handle = model[2].register_full_backward_hook(lambda m, gi, go: (gi[0] * 0.5,))
        losses += [step(x).item() for _ in range(3)]
        handle.remove()
        losses += [step(x).item() for _ in range(3)]
        return losses, model[0].weight.tolist()
    assert run(True) == run(False)


def test_hooks_are_listed_and_removed_under_the_names_of_pytorch():
    def program(f):
        model, calls = model_of(f), []
        model[0].register_forward_hook(lambda m, args, out: calls.append("first"))
        model[2].register_forward_hook(lambda m, args, out: calls.append("last"))
        model[2].register_full_backward_hook(lambda m, into, out: calls.append("backward"))
        x = f.ones(2, 3).requires_grad_()
        model(x).sum().backward()
        counts = [len(m._forward_hooks) for m in model], [len(m._backward_hooks) for m in model]
        kept, model[2]._forward_hooks = model[2]._forward_hooks, {}
        model[0]._forward_hooks.clear()
        model[2]._backward_hooks = {}
        model[1]._backward_hooks = {}
        model(x).sum().backward()
        model[2]._forward_hooks = kept
        model(x).sum().backward()
        return [*calls, *counts]
    same_in_both(program)


def test_a_hook_that_is_removed_from_the_list_is_not_replayed():
    model = model_of(fastnet)
    step = fastnet.compile(lambda x: model(x))
    model[0].register_forward_hook(lambda m, args, out: out * 0)
    x = fastnet.ones(2, 3)
    with_hook = step(x), step(x)
    model[0]._forward_hooks.clear()
    assert fastnet.equal(step(x), model(x)) and not fastnet.equal(step(x), with_hook[1])


def test_the_older_hook_before_loading_takes_no_module():
    def program(f):
        class Renamed(f.nn.Linear):
            def __init__(self):
                super().__init__(2, 1)
                self._register_load_state_dict_pre_hook(self._rename)
                self._register_load_state_dict_pre_hook(lambda m, state, *rest: seen.append(m is copied), True)

            def _rename(self, state, prefix, metadata, strict, missing, unexpected, errors):
                seen.append((self is copied, prefix, strict))
                state[prefix + "weight"] = state.pop(prefix + "kernel")
        seen = []
        copied = copy.deepcopy(Renamed())
        f.nn.Sequential(copied).load_state_dict({"0.kernel": f.ones(1, 2), "0.bias": f.zeros(1)})
        return [copied.weight, *seen]
    same_in_both(program)
