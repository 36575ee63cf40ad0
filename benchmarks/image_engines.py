"""The engines for convolutional networks, and the networks and layers that they run.

All engines get the same weights. Where a network has dropout, its probability is 0, so that engines can be compared.
"""
import importlib.util
import io
import math
import zlib
from dataclasses import dataclass

import numpy as np

from .engines import CPUS, Engine, Fastnet, OnnxRuntime, PyTorch, TorchCompile, running

BATCHES = 2


@dataclass(frozen=True)
class Network:
    """A model of `fastnet.models`, trained on square images."""
    model: str
    side: int
    batch: int
    optimizer: str = "SGD"

    @property
    def name(self):
        return f"{self.model}-{self.side}-b{self.batch}"

    @property
    def small(self):
        """Whether a ResNet has the stem for small images."""
        return self.side < 64

    @property
    def classes(self):
        return 10 if self.small else 1000

    @property
    def multiply_adds(self):
        """Of the convolutions and matrix products of a forward pass."""
        import fastnet
        model = getattr(fastnet.models, self.model)()
        return fastnet.models.summary(model, (self.batch, 3, self.side, self.side), verbose=False).multiply_adds


@dataclass(frozen=True)
class Layer:
    """A layer of `nn`, forward and backward."""
    label: str
    kind: str
    shape: tuple
    filters: int
    kernel: int
    stride: int = 1
    groups: int = 1

    @property
    def name(self):
        return self.label.replace(" ", "-")

    @property
    def multiply_adds(self):
        """Of a forward pass; a transposed convolution has a window for each pixel of its input."""
        images, channels, *sides = self.shape
        filters = self.filters
        if self.kind == "Conv2d":
            sides = [(side + 2 - self.kernel) // self.stride + 1 for side in sides]
        return images * math.prod(sides) * filters * channels // self.groups * self.kernel ** 2


@dataclass(frozen=True)
class Row:
    """A mode ("infer", "step" or "layer"), and the network or layer."""
    mode: str
    work: Network | Layer

    @property
    def name(self):
        return f"{self.mode}-{self.work.name}"

    @property
    def label(self):
        work = self.work
        if self.mode == "layer":
            return f"{work.label} {'x'.join(map(str, work.shape))}"
        return f"{work.model}, {work.side} pixels, batch {work.batch}"

    @property
    def operations(self):
        """Floating-point operations of direct convolutions and matrix products; each gradient has as many."""
        return 2 * self.work.multiply_adds * (1 if self.mode == "infer" else 3)


NETWORKS = tuple(Network(model, 224, batch) for model in ("vgg11", "resnet50", "mobilenet_v2") for batch in (1, 8))
LAYERS = (
    Layer("depthwise 3x3", "Conv2d", (8, 144, 56, 56), 144, 3, groups=144),
    Layer("depthwise 3x3", "Conv2d", (8, 384, 14, 14), 384, 3, groups=384),
    Layer("depthwise 3x3 stride 2", "Conv2d", (8, 96, 112, 112), 96, 3, 2, groups=96),
    Layer("grouped 3x3", "Conv2d", (8, 128, 56, 56), 128, 3, groups=32),
    Layer("grouped 3x3", "Conv2d", (8, 512, 14, 14), 512, 3, groups=32),
    Layer("grouped 3x3 stride 2", "Conv2d", (8, 256, 56, 56), 256, 3, 2, groups=32),
    Layer("transposed 4x4 stride 2", "ConvTranspose2d", (8, 256, 16, 16), 128, 4, 2),
    Layer("transposed 4x4 stride 2", "ConvTranspose2d", (8, 128, 32, 32), 64, 4, 2),
)
MODES = {"infer": "inference", "step": "one training step", "layer": "layer, forward and backward"}


ROWS = [Row(mode, work) for mode in MODES for work in (LAYERS if mode == "layer" else NETWORKS)]


def weights(state_dict):
    """The initial {name: array} for a state_dict: by the names and shapes alone."""
    made = {}
    for name, x in state_dict.items():
        shape = tuple(x.shape)
        if len(shape) > 1:
            rng = np.random.default_rng(zlib.crc32(name.encode()))
            made[name] = rng.standard_normal(shape, np.float32) * np.float32(math.sqrt(2 / math.prod(shape[1:])))
        elif name.endswith("num_batches_tracked"):
            made[name] = np.zeros(shape, np.int64)
        else:                           # of a normalization, or a bias
            made[name] = np.full(shape, name.endswith(("weight", "running_var")), np.float32)
    return made


def _channels_last(x):
    """A copy of (N, C, H, W) whose memory is that of (N, H, W, C)."""
    return np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1)


class _Images:
    """The part of an engine with PyTorch's API that concerns images.

    Attributes:
        channels_last: whether inputs of networks, and weights, are channels-last.
        activations_last: whether inputs of single layers are, as the results of the layers before them would be.
    """

    channels_last = activations_last = False

    def models(self):
        return self.module.models

    def layer(self, layer):
        """The Work of a layer's forward and backward pass, which reads the gradient of the input."""
        t, (_, channels, *_) = self.module, layer.shape
        module = self._loaded(getattr(t.nn, layer.kind)(channels, layer.filters, layer.kernel, layer.stride, 1,
                                                        groups=layer.groups))
        x = np.random.default_rng(0).standard_normal(layer.shape, np.float32)
        last = self.activations_last
        # a parameter, so that its gradient is reset with those of the weights
        module.input = t.nn.Parameter(t.from_numpy(np.moveaxis(x, 1, -1).copy() if last else x))

        def inputs():
            return module.input.permute(0, 3, 1, 2) if last else module.input
        with t.no_grad():
            g = np.random.default_rng(1).standard_normal(tuple(module(inputs()).shape), np.float32)
        g = t.from_numpy(_channels_last(g) if last else g)

        def step(g):
            module.zero_grad()
            out = module(inputs())
            out.backward(g)
            return out.detach()
        run = self.whole(step)

        def gradient(g):
            run(g)
            return module.input.grad
        return running(gradient, lambda dx: np.moveaxis(dx.numpy(), -1, 1) if last else dx.numpy(), [(g,)])

    def _build(self, net):
        options = {} if net.model.startswith("res") else {"dropout": 0.0}
        model = getattr(self.models(), net.model)(num_classes=net.classes, **options)
        return self._loaded(self._for_small_images(model) if net.small else model)

    def _loaded(self, module):
        module.load_state_dict({k: self.module.from_numpy(x) for k, x in weights(module.state_dict()).items()})
        return module.to(memory_format=self.module.channels_last) if self.channels_last else module

    def _batches(self, net):
        rng = np.random.default_rng(0)
        return [(self._laid_out(rng.standard_normal((net.batch, 3, net.side, net.side), np.float32)),
                 rng.integers(0, net.classes, net.batch)) for _ in range(BATCHES)]

    def _laid_out(self, x):
        return _channels_last(x) if self.channels_last else x

    def _for_small_images(self, model):
        """A ResNet with the stem of `small_images`."""
        nn = self.module.nn
        model.conv1, model.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
        return model


class FastnetImages(_Images, Fastnet):
    """fastnet, compiled, with contiguous inputs; for inference, parameters are constants, as in ONNX Runtime."""
    activations_last = True

    def inference(self, model):
        return self.module.compile(model, freeze=True)


class PyTorchImages(_Images, PyTorch):
    """Eager PyTorch with torchvision's networks and contiguous tensors."""
    def models(self):
        if importlib.util.find_spec("torchvision") is None:
            raise ModuleNotFoundError("torchvision is not installed")
        from torchvision_tools import torchvision_models
        return torchvision_models()


class PyTorchChannelsLast(PyTorchImages):
    """Eager PyTorch with channels-last tensors and weights."""
    name, channels_last, activations_last = "PyTorch NHWC", True, True


class TorchCompileImages(PyTorchImages, TorchCompile):
    """PyTorch compiled by Inductor, which chooses its layouts, if it needs less than a minute."""
    name, patience = TorchCompile.name, 60.0

    def layer(self, layer):
        """None: a single layer has nothing to fuse."""


class OnnxRuntimeImages(OnnxRuntime):
    """ONNX Runtime on the graph that PyTorch exports: inference only."""
    modules = ("torch", "onnx", "onnxruntime")

    def infer(self, net):
        import torch
        source = PyTorchImages()
        data = [(x,) for x, _ in source._batches(net)]
        file = io.BytesIO()
        torch.onnx.export(source._build(net).eval(), (torch.from_numpy(data[0][0]),), file, input_names=["x"],
                          dynamo=False)
        self.graph = file.getvalue()
        self.use_threads(CPUS)
        return running(lambda x: self.session.run(None, {"x": x})[0], np.asarray, data)

    def step(self, net):
        """None: it does not train."""

    def layer(self, layer):
        """None: it does not train."""


ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (
    FastnetImages, PyTorchImages, PyTorchChannelsLast, TorchCompileImages, OnnxRuntimeImages)}
