"""The engines that are compared: fastnet, and its peers if they are installed. Each is used in its fastest usual way.

An engine turns a row of `rows.py` into `Work`, by a method with the name of the row's mode: the call to time, and a
check of its results. The timed call cycles through eight batches and reads its result. Only the process that runs an
engine imports it.
"""
import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import cycle, pairwise
from types import MappingProxyType

import numpy as np

from . import numpy_network
from .rows import batches, first_weights, operands

LR, MOMENTUM, DECAY = 1e-3, 0.9, 0.01
# Timed steps hardly change the weights: a network that has learnt its batches has gradients of zero.
TIMED_LR = 1e-9
CHECKED_STEPS, CHECKED_NUMBERS = 5, 200
CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@dataclass
class Work:
    """A call to time.

    Args:
        call: the timed call.
        check: returns numbers that must agree with those of other engines; called once, before timing.
    """
    call: Callable
    check: Callable


def training(step, set_lr, data):
    """The Work of `step(x, y)`, which updates a network and returns the loss as a float."""
    def check():
        losses = [step(x, y) for x, y in data[:CHECKED_STEPS]]
        set_lr(TIMED_LR)
        return losses
    turn = cycle(data)
    return Work(lambda: step(*next(turn)), check)


def running(run, read, data):
    """The Work of `run(*inputs)`; `read(result)` returns the result as an array."""
    turn = cycle(data)
    return Work(lambda: read(run(*next(turn)))[0, 0], lambda: read(run(*data[-1])).ravel()[:CHECKED_NUMBERS].tolist())


class Engine:
    """The base class of engines.

    Args:
        name: its name in tables.
        modules: the modules that it imports.
        package: the packages to install.
        threads: the numbers of threads to choose from; None is the default of the engine.
        patience: seconds after which an answer is not awaited any more; None for no limit.
    """
    name, modules, package = "", ("numpy",), "numpy"
    threads: tuple = (None,)
    patience: float | None = None

    def __init__(self):
        self.module = [importlib.import_module(m) for m in self.modules][-1]

    @property
    def version(self):
        return self.module.__version__

    def use_threads(self, n):
        """Set the number of threads."""

    def step(self, net):
        """The Work of a training step that reads the loss; None if the engine has no training. The others likewise."""

    def infer(self, net):
        """The Work of a forward pass without gradients that reads a number of the result."""

    def matmul(self, product):
        """The Work of a matrix product, written into given memory if the engine allows it."""


class NumPy(Engine):
    """NumPy by hand: numpy_network.Network."""
    name, threads = "NumPy", (1, CPUS)

    def use_threads(self, n):
        try:
            from threadpoolctl import threadpool_limits
        except ImportError:             # part of the `bench` extra; without it NumPy keeps its default
            return
        threadpool_limits(n)

    def step(self, net):
        network = self._network(net)
        return training(network.step, partial(setattr, network.optimizer, "lr"), batches(net))

    def infer(self, net):
        network = self._network(net)
        return running(network.forward, np.asarray, [(x,) for x, _ in batches(net)])

    def _network(self, net):
        optimizer = {"SGD": partial(numpy_network.SGD, momentum=MOMENTUM),
                     "AdamW": partial(numpy_network.AdamW, weight_decay=DECAY)}[net.optimizer](LR)
        return numpy_network.Network(first_weights(net), net.activation, optimizer, net.batch)

    def matmul(self, product):
        return running(lambda a, b, out: np.matmul(a, b, out=out), np.asarray, operands(product))


class Framework(Engine):
    """An engine with PyTorch's API.

    `whole` compiles a whole training step, `part` a function without backward().
    """
    options: Mapping = MappingProxyType({})

    def whole(self, step):
        return step

    def part(self, fn):
        return fn

    def inference(self, model):
        return self.whole(self.part(model))

    def step(self, net):
        t, model = self.module, self._build(net)
        options = {"SGD": {"momentum": MOMENTUM}, "AdamW": {"weight_decay": DECAY}}[net.optimizer]
        optimizer = getattr(t.optim, net.optimizer)(model.parameters(), lr=LR, **options, **self.options)
        forward = self.part(lambda x, y: t.nn.functional.cross_entropy(model(x), y))

        def step(x, y):
            optimizer.zero_grad()
            loss = forward(x, y)
            loss.backward()
            optimizer.step()
            return loss.detach()

        def set_lr(lr):
            for group in optimizer.param_groups:
                group["lr"] = lr
        run = self.whole(step)
        data = [(t.from_numpy(x), t.from_numpy(y)) for x, y in self._batches(net)]
        return training(lambda x, y: float(run(x, y)), set_lr, data)

    def infer(self, net):
        t, model = self.module, self._build(net).eval()
        run = self.inference(model)

        def infer(x):
            with t.inference_mode():
                return run(x)
        return running(infer, lambda y: y.numpy(), [(t.from_numpy(x),) for x, _ in self._batches(net)])

    def matmul(self, product):
        t = self.module
        data = [tuple(map(t.from_numpy, arrays)) for arrays in operands(product)]
        return running(lambda a, b, out: t.matmul(a, b, out=out), lambda y: y.numpy(), data)

    def _batches(self, net):
        return batches(net)

    def _build(self, net):
        t = self.module
        activation = {"relu": t.nn.ReLU, "sigmoid": t.nn.Sigmoid}[net.activation]
        layers = [layer for m, n in pairwise(net.dims) for layer in (t.nn.Linear(m, n), activation())][:-1]
        for linear, (weight, bias) in zip(layers[::2], first_weights(net)):
            linear.load_state_dict({"weight": t.from_numpy(weight), "bias": t.from_numpy(bias)})
        return t.nn.Sequential(*layers)


class Fastnet(Framework):
    """fastnet with the whole step compiled."""
    name, modules, package = "fastnet", ("fastnet",), "."

    def use_threads(self, n):
        self.module.set_num_threads(n)

    def whole(self, step):
        return self.module.compile(step)


class Eager(Fastnet):
    """fastnet without compile."""
    name = "fastnet eager"

    def whole(self, step):
        return step

    def matmul(self, product):
        """None: the call is the same as fastnet's."""


class PyTorch(Framework):
    """Eager PyTorch with its fused optimizers."""
    name, modules, package, threads, options = "PyTorch", ("torch",), "torch", (1, CPUS), {"fused": True}

    def use_threads(self, n):
        self.module.set_num_threads(n)


class TorchCompile(PyTorch):
    """PyTorch with forward and backward compiled by Inductor; the optimizer stays outside and is fused."""
    name = "torch.compile"

    def __init__(self):
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")         # no background processes during the timing
        super().__init__()

    def part(self, fn):
        self.module.compiler.reset()
        return self.module.compile(fn, dynamic=False)

    def matmul(self, product):
        """None: there is nothing to compile."""


class Jax(Engine):
    """JAX: one jitted function for the whole step, with donated state."""
    name, modules, package = "JAX", ("jax",), "jax"

    def step(self, net):
        from . import jax_network
        trainer = jax_network.Trainer(first_weights(net), net.activation, net.optimizer,
                                      lr=LR, momentum=MOMENTUM, weight_decay=DECAY)
        return training(trainer.step, trainer.set_lr, [tuple(map(self._array, batch)) for batch in batches(net)])

    def infer(self, net):
        from . import jax_network
        weights = jax_network.arrays(first_weights(net))
        run = self.module.jit(partial(jax_network.forward, net.activation))
        return running(partial(run, weights), np.asarray, [(self._array(x),) for x, _ in batches(net)])

    def matmul(self, product):
        run = self.module.jit(self.module.numpy.matmul)
        return running(run, np.asarray, [tuple(map(self._array, arrays[:2])) for arrays in operands(product)])

    def _array(self, x):
        return self.module.numpy.asarray(x)


class OnnxRuntime(Engine):
    """ONNX Runtime: a graph of Gemm and activations, for inference only."""
    name, modules, package, threads = "ONNX Runtime", ("onnx", "onnxruntime"), "onnx onnxruntime", (1, CPUS)

    def use_threads(self, n):
        options = self.module.SessionOptions()
        options.intra_op_num_threads = n
        self.session = self.module.InferenceSession(self.graph, options, providers=["CPUExecutionProvider"])

    def infer(self, net):
        self.graph = _onnx_graph(net)
        self.use_threads(CPUS)
        return running(lambda x: self.session.run(None, {"x0": x})[0], np.asarray, [(x,) for x, _ in batches(net)])


def _onnx_graph(net):
    """The bytes of an ONNX file of the network: x0 -> z1 -> x1 -> ... -> logits."""
    import onnx
    from onnx import helper, numpy_helper
    nodes, constants, last = [], [], len(net.dims) - 1
    for i, (weight, bias) in enumerate(first_weights(net), 1):
        constants += [numpy_helper.from_array(weight, f"w{i}"), numpy_helper.from_array(bias, f"b{i}")]
        nodes.append(helper.make_node("Gemm", [f"x{i - 1}", f"w{i}", f"b{i}"], [f"z{i}"], transB=1))
        if i < last:
            nodes.append(helper.make_node(net.activation.capitalize(), [f"z{i}"], [f"x{i}"]))
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [net.batch, width])
            for name, width in (("x0", net.dims[0]), (f"z{last}", net.dims[-1]))]
    graph = helper.make_graph(nodes, "perceptron", ends[:1], ends[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


ENGINES = {engine.name: engine for engine in (Fastnet, Eager, PyTorch, TorchCompile, Jax, NumPy, OnnxRuntime)}
